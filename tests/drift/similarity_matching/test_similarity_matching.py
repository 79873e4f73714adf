"""Similarity matching: inputs, resting outputs, chance, and what the networks learn (rows D40 to
D46 of the acceptance table)."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from scipy.stats import kstest, norm

import drift
from drift import similarity_matching as matching
from drift.similarity_matching import learning
from drift.similarity_matching.fixed_points import settle, workspace
from drift.similarity_matching.networks import Matching
from drift.similarity_matching.programs import LinearProgram, RectifiedProgram, program

RING = matching.SimilarityMatching(
    inputs=matching.RingInputs(angles=60), units=12, steps=60, sessions=4
)
PAIRED = matching.ExcitatoryInhibitory(
    inputs=matching.RingInputs(angles=60), units=12, interneurons=5, steps=60, sessions=4
)
LINEAR = matching.PrincipalSubspace(
    inputs=matching.GaussianInputs(samples=200), steps=60, sessions=4, stride=10, settling_steps=5
)
MAZE = RING.replace(inputs=matching.TMazeInputs(positions=30), similarity_offset=1.5)
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "misspelt key": (lambda: matching.SimilarityMatching(unit=3), "did you mean 'units'?"),
    "unknown inputs": (
        lambda: matching.SimilarityMatching(inputs={"kind": "rign"}),
        "'rign' is unknown (did you mean 'ring'?)",
    ),
    "no penalty": (lambda: RING.replace(l2_penalty=0.0), "l2_penalty should be greater than 0"),
    "rate of one": (lambda: RING.replace(learning_rate=1.0), "learning_rate should be less than 1"),
    "negative noise": (
        lambda: RING.replace(lateral_noise=-1e-3),
        "lateral_noise should be greater than or equal to 0",
    ),
    "sessions backwards": (
        lambda: RING.replace(sessions=(5, 3)),
        "increasing steps between 0 and 60, got (5, 3)",
    ),
    "too many sessions": (
        lambda: RING.replace(sessions=99),
        "between 1 and steps + 1, at most 10**6, got 99 for 60 steps",
    ),
    "eigenvalues rising": (
        lambda: matching.GaussianInputs(eigenvalues=(1.0, 2.0)),
        "falling numbers, got (1.0, 2.0)",
    ),
    "one network": (
        lambda: matching.simulate(RING),
        "got a SimilarityMatching in simulate: write it in brackets",
    ),
    "no network": (lambda: matching.simulate([]), "at least one similarity-matching network"),
    "no threads": (
        lambda: matching.simulate([RING], threads=0),
        "threads must be a whole number from 1, got 0",
    ),
    "unknown model": (
        lambda: matching.published_network("rign"),
        "got 'rign': use one of principal_subspace, ring",
    ),
    "too few eigenvalues": (
        lambda: matching.predicted_rotational_diffusion(0.1, 0.1, [1.0]),
        "3 positive eigenvalues are needed",
    ),
    "other places": (
        lambda: matching.simulate([RING, MAZE], progress=False),
        "network 1 sees other places than the first",
    ),
    "no filters": (
        lambda: matching.principal_subspace_error(xr.Dataset()),
        "simulate networks of kind principal_subspace",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_sentence(case: str):
    call, named = REFUSED[case]
    with pytest.raises(drift.RefusedInputError, match=re.escape(named)) as refusal:
        call()
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    "network",
    [
        RING,
        PAIRED,
        LINEAR,
        MAZE,
        *map(matching.published_network, ("place_1d", "place_2d", "t_maze")),
    ],
)
def test_recipes_survive_json_and_toml(network: Matching):
    assert (
        type(network).from_json(network.to_json())
        == network
        == type(network).from_toml(network.to_toml())
    )


@pytest.mark.parametrize(
    ("name", "low", "high"), [("place_1d", 25.9, 57.3), ("place_2d", 71.6, 153.0)]
)
def test_similarity_of_grid_inputs_spans_the_published_range(name: str, low: float, high: float):
    inputs = matching.published_network(name).inputs.draw(0)["inputs"].values
    similarity = inputs @ inputs.T
    np.testing.assert_allclose([similarity.min(), similarity.max()], [low, high], rtol=0, atol=0.1)
    assert inputs.min() > -1e-12 and inputs.max() < 1 + 1e-12


def test_smallest_grid_spacing_in_both_positions():
    """Switch sm_lambda0: the published generator uses 0.2, the script says 1/4; a module repeats
    along its wave vectors."""
    for spacing in (0.2, 0.25):
        inputs = matching.GridTrackInputs(
            smallest_spacing=spacing, modules=1, orientations=1, offsets=1
        )
        turn = 2 * np.pi / 3
        lattice = spacing * np.array(
            [-np.sin(turn), np.cos(turn)]
        )  # one spacing at a right angle to a wave vector
        here = np.array([[0.3, 0.1]])
        np.testing.assert_allclose(
            inputs.responses(here), inputs.responses(here + lattice), atol=1e-12
        )
    assert matching.GridTrackInputs().smallest_spacing == 0.25
    assert matching.published_network("place_1d").inputs.smallest_spacing == 0.2


def test_gaussian_inputs_have_their_covariance():
    """Eigenvalues of the sample covariance scatter by lambda sqrt(2 / samples); 4 standard errors,
    lowest ones left to their own scale."""
    inputs = (
        matching.GaussianInputs(eigenvalues=(8.0, 2.0, 0.5), samples=20_000)
        .draw(3)["inputs"]
        .values
    )
    found = np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[::-1]
    np.testing.assert_allclose(found, [8.0, 2.0, 0.5], rtol=4 * np.sqrt(2 / 20_000))


def euler(program: RectifiedProgram, drives: np.ndarray, tolerance: float = 1e-12) -> np.ndarray:
    """Resting outputs (sample, unit) by the published dynamics from rest,
    u' = drive - u - sum_{j != i} M_ij y_j with time step 0.05."""
    scale = program.shift + program.lateral.diagonal()
    others = program.lateral - np.diag(program.lateral.diagonal())
    outputs, inner = np.zeros(drives.shape), np.zeros(drives.shape)
    for _ in range(200_000):
        inner += 0.05 * (drives - inner - outputs @ others.T)
        new = np.maximum(0.0, inner / scale)
        change = np.linalg.norm(new - outputs, axis=1) / 0.05
        error = change / (np.linalg.norm(outputs, axis=1) + 1e-10)
        outputs = new
        if error.max() <= tolerance:
            break
    return outputs


def euler_with_interneurons(program: RectifiedProgram, drive: np.ndarray) -> np.ndarray:
    """Resting outputs and interneurons by the published dynamics, in steps of 0.02."""
    units, blocks, step = program.network.units, program.lateral, 0.02
    both, inner, change = np.zeros(len(drive)), np.zeros(units), np.inf
    while change > 1e-13:
        before = both.copy()
        inner += step * (drive[:units] - inner - blocks[:units, units:] @ both[units:])
        both[:units] = np.maximum(0.0, inner / program.shift[:units])
        both[units:] = np.maximum(
            0.0,
            both[units:] - step * (blocks[units:] @ both + program.shift[units:] * both[units:]),
        )
        change = abs(both - before).max()
    return both


@pytest.mark.parametrize(
    "name", ["ring", "place_1d", "t_maze", pytest.param("place_2d", marks=pytest.mark.slow)]
)
def test_outputs_rest_where_the_published_dynamics_rest(name: str):
    """Fixed points equal to 1e-8 of the largest output; in 2-D the noise makes M + l2 indefinite,
    and they still agree."""
    one = program(matching.published_network(name))
    one.advance(300)
    responses, drives = one.responses(), one.drives()
    compared = slice(None, None, len(responses) // 4)
    outputs = euler(one, drives[compared])
    difference = abs(responses[compared] - outputs).max(axis=1)
    assert (difference <= 1e-8 * outputs.max(axis=1)).all()
    assert one.restless == 0


def test_interneurons_rest_where_their_dynamics_rest():
    one = program(PAIRED)
    one.advance(200)
    one.responses()
    for sample in (0, 17):
        expected = euler_with_interneurons(one, one.drives()[sample])
        np.testing.assert_allclose(
            one._answers[sample], expected, rtol=0, atol=1e-8 * expected.max()
        )
    assert one.restless == 0 and (expected[12:] > 0).any()


@pytest.mark.parametrize("interneurons", [0, 5])
def test_resting_outputs_satisfy_their_conditions_from_any_first_guess(
    rng: np.random.Generator, interneurons: int
):
    """y >= 0, push <= 0, y . push = 0, and one answer whatever the guess."""
    size = 30 + interneurons
    for _ in range(20):
        lateral = np.zeros((size, size))
        if interneurons:
            lateral[:30, 30:] = rng.random((30, interneurons))
            lateral[30:, :30] = -lateral[:30, 30:].T
        core = rng.standard_normal((interneurons or size, 9))
        corner = slice(30, None) if interneurons else slice(None)
        lateral[corner, corner] = np.abs(core @ core.T) if interneurons == 0 else core @ core.T
        shift = np.full(size, 0.05 if interneurons else 40.0)
        drive = np.append(rng.standard_normal(30), np.zeros(interneurons))
        answers = []
        for guess in (np.zeros(size), np.ones(size), rng.random(size) - 0.5):
            outputs = guess.clip(0.0)
            assert settle(lateral, shift, drive, outputs, workspace(30, interneurons))
            push = drive - lateral @ outputs - shift * outputs
            assert outputs.min() >= 0 and push.max() < 1e-10 and abs(outputs @ push) < 1e-9
            answers.append(outputs)
        np.testing.assert_allclose(answers[1:], answers[:1] * 2, rtol=0, atol=1e-9)


def test_sweeps_take_over_where_an_exchange_cannot_help():
    """Two units that inhibit each other more than themselves: one of them wins, and the answer is
    stable."""
    lateral, outputs = np.array([[0.1, 1.0], [1.0, 0.1]]), np.ones(2)
    assert settle(lateral, np.full(2, 0.1), np.array([1.0, 0.9]), outputs, workspace(2))
    np.testing.assert_allclose(outputs, [5.0, 0.0], atol=1e-12)


@pytest.mark.parametrize("network", [RING, MAZE, LINEAR])
def test_a_step_is_the_published_step(network: Matching):
    """One step without noise against the equations, written out."""
    one = program(network.replace(feedforward_noise=0.0, lateral_noise=0.0))
    before = one.feedforward.copy(), one.lateral.copy()
    sample = drift.stream(0, "order").integers(len(one.patterns), size=1)[0]
    pattern, rate = one.patterns[sample], network.learning_rate
    one.advance(1)
    if isinstance(one, LinearProgram):
        outputs = np.linalg.solve(before[1], before[0] @ pattern)
    else:
        outputs = one._memory[sample]
        root = np.sqrt(network.similarity_offset)
        np.testing.assert_allclose(one.threshold, rate * root * outputs, atol=1e-14)
        expected = np.maximum(
            0.0, before[0] @ pattern / (1 + network.l2_penalty)
        )  # M is the identity
        np.testing.assert_allclose(outputs, expected, atol=1e-14)
    np.testing.assert_allclose(
        one.feedforward, (1 - rate) * before[0] + rate * np.outer(outputs, pattern), atol=1e-14
    )
    np.testing.assert_allclose(
        one.lateral, (1 - rate) * before[1] + rate * np.outer(outputs, outputs), atol=1e-14
    )


def test_noise_has_its_size_and_the_lateral_weights_stay_positive():
    """W of a network without inputs is an autoregression; its noise is normal with sd sqrt(eta) s
    (Kolmogorov-Smirnov, p > 1e-3)."""
    quiet = RING.replace(units=120, feedforward_noise=0.0, lateral_noise=0.0)
    noisy = quiet.replace(feedforward_noise=0.3, lateral_noise=0.2)
    one, other = program(quiet), program(noisy)
    one.advance(1)
    other.advance(1)
    root = np.sqrt(RING.learning_rate)
    assert (
        kstest(((other.feedforward - one.feedforward) / root).ravel(), norm(scale=0.3).cdf).pvalue
        > 1e-3
    )
    free = one.lateral > 0.5  # the diagonal, which the noise cannot push below 0
    assert kstest(((other.lateral - one.lateral) / root)[free], norm(scale=0.2).cdf).pvalue > 1e-3
    assert other.lateral.min() == 0.0 and abs(other.lateral - other.lateral.T).max() > 0.01


@pytest.mark.parametrize("network", [RING, PAIRED, LINEAR])
def test_switching_one_noise_off_moves_no_other_draw(network: Matching):
    """W after one step differs by its own noise alone, whatever the noise on the lateral weights,
    and the other way round."""
    runs = {}
    for noises in ((0.1, 0.1), (0.1, 0.0), (0.0, 0.1)):
        one = program(network.replace(feedforward_noise=noises[0], lateral_noise=noises[1]))
        one.advance(1)
        runs[noises] = one.feedforward, one.lateral
    np.testing.assert_array_equal(runs[0.1, 0.1][0], runs[0.1, 0.0][0])
    np.testing.assert_array_equal(runs[0.1, 0.1][1], runs[0.0, 0.1][1])


@pytest.mark.parametrize(
    "crowd",
    [[RING, PAIRED, RING.replace(seed=3, units=9)], [LINEAR, LINEAR.replace(seed=3, units=2)]],
)
def test_a_subject_in_a_crowd_is_that_subject_alone(crowd: list[Matching]):
    together = matching.simulate(crowd, threads=2, progress=False)
    for label, network in enumerate(crowd):
        alone = matching.simulate([network], progress=False).isel(subject=0)
        for name in alone.data_vars:
            kept = together[name].isel(subject=label)
            if "unit" in kept.dims:
                kept = kept.isel(unit=slice(network.units))
            np.testing.assert_array_equal(kept.values, alone[name].values, err_msg=str(name))


def test_sessions_do_not_change_what_is_learned():
    often, once = program(RING), program(RING)
    for _ in range(20):
        often.advance(3)
        often.responses()
    once.advance(60)
    np.testing.assert_array_equal(often.feedforward, once.feedforward)


def test_the_result_has_the_labelled_form(tmp_path):
    ring, maze, linear = (
        matching.simulate([one], progress=False) for one in (RING.replace(stride=4), MAZE, LINEAR)
    )
    drift.check(
        ring, "rate", "occupancy", "recorded", "detected_units", "elapsed", "fraction_active_units"
    )
    assert (
        ring["rate"].dims == ("subject", "session", "unit", "place") and ring.sizes["place"] == 15
    )
    assert drift.check(maze, "rate").sizes["environment"] == 2 and list(ring.elapsed.values[0]) == [
        0,
        20,
        40,
        60,
    ]
    assert drift.check(linear, "sample_activity").sizes["sample"] == 20
    again = drift.load(drift.save(ring, tmp_path / "ring.nc"))
    xr.testing.assert_equal(again["rate"], ring["rate"])
    assert matching.SimilarityMatching.from_json(
        str(again["experiment"].values[0])
    ) == RING.replace(stride=4)


def test_arms_of_the_maze_are_environments():
    one = program(MAZE)
    found = matching.simulate([MAZE.replace(sessions=(0,))], progress=False)["rate"].values[
        0, 0
    ]  # (unit, place, environment)
    np.testing.assert_array_equal(
        found, one.responses().reshape(2, 30, 12).transpose(2, 1, 0).astype(np.float32)
    )
    assert not np.array_equal(found[..., 0], found[..., 1])


def test_similarity_loss_is_the_mean_squared_mismatch(rng: np.random.Generator):
    similarity, outputs = rng.standard_normal((7, 7)), rng.random((7, 4))
    similarity += similarity.T
    assert learning.mismatch(similarity, outputs) == pytest.approx(
        np.square(similarity - outputs @ outputs.T).mean(), rel=1e-12
    )
    run = matching.simulate([RING.replace(sessions=(0,))], progress=False)
    angles = run["place"].values
    mismatch = (
        np.cos(angles[:, None] - angles) - run["rate"].values[0, 0].T @ run["rate"].values[0, 0]
    )
    assert float(run["similarity_loss"][0, 0]) == pytest.approx(
        np.square(mismatch).mean(), rel=1e-6
    )


def test_a_diverged_subject_is_flagged_and_kept():
    wild = LINEAR.replace(feedforward_noise=0.0, lateral_noise=1e200, steps=40, sessions=3)
    with np.errstate(all="ignore"):
        run = matching.simulate([LINEAR, wild], progress=False)
    assert list(run["status"].values) == ["complete", "diverged"]
    assert (
        run["similarity_loss"].isel(subject=0).notnull().all()
        and run["sample_activity"].isel(subject=1, session=-1).isnull().all()
    )
