"""Acceptance rows D40 to D46: what similarity-matching networks do over thousands of steps (Qin et
al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import xarray as xr

import drift
from drift import similarity_matching as matching
from drift.similarity_matching.bumps import circular_displacement

REST = (0.01,) * 7
SETTINGS = {  # eigenvalues and noise: published ratio of simulated to predicted diffusion
    "even": ((3.1, 3.1, 3.1, *REST), 0.01, 0.86),
    "even, noisy": ((3.1, 3.1, 3.1, *REST), 0.1, 0.87),
    "uneven": ((4.5, 3.5, 1.0, *REST), 0.01, 0.78),
    "very uneven": ((6.0, 2.0, 0.5, *REST), 0.01, 0.74),
}


def rotating(
    eigenvalues: Sequence[float], noise: float, seeds: int, sessions: int = 5001
) -> xr.Dataset:
    recipe = matching.published_network("principal_subspace").replace(
        inputs=matching.GaussianInputs(eigenvalues=eigenvalues),
        feedforward_noise=noise,
        lateral_noise=noise,
        sessions=sessions,
    )
    return matching.simulate([recipe.replace(seed=seed) for seed in range(seeds)], progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_d40_rotational_diffusion(setting: str):
    eigenvalues, noise, published = SETTINGS[setting]
    constants = matching.rotational_diffusion_constant(rotating(eigenvalues, noise, 10))
    predicted = matching.predicted_rotational_diffusion(0.05, noise, eigenvalues)
    assert float(constants.mean()) / predicted == pytest.approx(published, abs=0.10)


def test_d41_outputs_decorrelate_while_subspace_and_similarity_stay():
    run = rotating((4.5, 3.5, 1.0, *REST), 0.01, 2, sessions=101)
    first, last = (
        run["sample_activity"].isel(session=session).values.reshape(2, -1) for session in (0, -1)
    )
    assert max(np.corrcoef(one, other)[0, 1] for one, other in zip(first, last, strict=True)) < 0.98
    assert float(matching.principal_subspace_error(run).max()) < 0.15
    assert float(matching.similarity_change(run).max()) < 0.15


@pytest.fixture(scope="module")
def rings() -> xr.Dataset:
    sessions = (1, 100, 300, 500, *range(1500, 4001, 250))
    recipe = matching.published_network("ring").replace(steps=4000, sessions=sessions)
    return matching.simulate([recipe.replace(seed=seed) for seed in range(3)], progress=False)


@pytest.mark.slow
def test_d42_ring_from_random_weights(rings: xr.Dataset):
    """Means over three seeds: loss and active fraction at given steps, their later range, mean peak
    of active units."""
    active = matching.responsive_units(rings["rate"], 0.05)
    loss, fraction = rings["similarity_loss"].mean("subject"), active.mean(("subject", "unit"))
    peak = rings["rate"].max("place").where(active == 1).mean(("subject", "unit"))
    for session, expected, tolerance in ((0, 0.34, 0.01), (1, 0.272, 0.004), (2, 0.254, 0.001)):
        assert float(loss[session]) == pytest.approx(expected, abs=tolerance)
    assert float(loss[4:].min()) > 0.2533 - 0.001 and float(loss[4:].max()) < 0.2545 + 0.001
    assert float(fraction[1]) == pytest.approx(0.92, abs=0.06) and float(
        fraction[3]
    ) == pytest.approx(0.71, abs=0.07)
    assert float(fraction[4:].mean()) == pytest.approx(0.56, abs=0.05)
    assert float(peak[0]) == pytest.approx(0.13, abs=0.02) and float(peak[2]) == pytest.approx(
        0.25, abs=0.02
    )
    assert float(peak[4:].min()) > 0.26 - 0.02 and float(peak[4:].max()) < 0.32 + 0.02


@pytest.mark.slow
def test_d43_place_cells_on_a_track():
    recipe = matching.published_network("place_1d").replace(
        steps=4000, sessions=(250, *range(1000, 4001, 250))
    )
    run = matching.simulate([recipe.replace(seed=seed) for seed in range(2)], progress=False)
    fraction = matching.responsive_units(run["rate"], 0.1).mean("unit")
    assert float(run["similarity_loss"].mean()) == pytest.approx(29.3, abs=0.5)
    assert 0.45 - 0.05 <= float(fraction[:, 1:].mean()) <= 0.49 + 0.05


@pytest.mark.slow
def test_d44_place_cells_in_an_arena():
    recipe = matching.published_network("place_2d").replace(
        steps=2500, sessions=tuple(range(1000, 2501, 100))
    )
    run = matching.simulate([recipe.replace(seed=seed) for seed in range(2)], progress=False)
    fraction = matching.responsive_units(run["rate"], 0.1).mean("unit")
    assert 173 - 3 <= float(run["similarity_loss"].mean()) <= 175 + 3
    assert 0.85 - 0.05 <= float(fraction.mean()) <= 0.90 + 0.05


@pytest.mark.slow
def test_d45_ring_diffusion_grows_with_the_noise_variance_and_neighbours_keep_their_distance():
    """Along equal noise on both matrices; noise on W alone and on M alone differ in size, see the
    next test."""
    stds = np.array([0.0005, 0.00075, 0.001, 0.00125, 0.0015, 0.002])
    recipe = matching.published_network("ring").replace(
        steps=10_000, sessions=tuple(range(4000, 10_001, 20))
    )
    networks = [
        recipe.replace(feedforward_noise=std, lateral_noise=std, seed=seed)
        for seed, std in enumerate(stds)
    ]
    centres = matching.field_centres(matching.simulate(networks, progress=False))
    constants = matching.circular_diffusion_constant(centres)
    assert np.corrcoef(2 * np.square(stds), constants)[0, 1] > 0.8
    independent = matching.independent_spacing_variance(centres.notnull().sum("unit").values)
    assert (matching.spacing_variance(centres) / independent).mean("session").max() < 1


@pytest.mark.slow
def test_noise_on_lateral_weights_alone_makes_fewer_fields_that_move_less():
    """M is cut at 0, so its noise adds inhibition: fewer and taller fields, which drift more slowly
    than under noise on W alone."""
    recipe = matching.published_network("ring").replace(
        steps=6000, sessions=tuple(range(3000, 6001, 20))
    )
    arms = [
        recipe.replace(feedforward_noise=w, lateral_noise=m)
        for w, m in ((0.002, 0.0), (0.0, 0.002))
    ]
    run = matching.simulate(arms, progress=False)
    centres = matching.field_centres(run)
    on_input, on_lateral = matching.circular_diffusion_constant(centres).values
    assert on_input > 5 * on_lateral > 0
    fields = centres.notnull().sum("unit").mean("session").values
    peaks = run["rate"].max("place").where(centres.notnull()).mean(("session", "unit")).values
    assert fields[0] > 2 * fields[1] and peaks[0] < peaks[1]


@pytest.mark.slow
def test_interneurons_learn_what_lateral_weights_learn():
    """Both kinds match similarity on the ring from the same first weights: plateau of the loss
    within 2 %; a large penalty costs."""
    sessions = tuple(range(1500, 3001, 250))
    lateral = matching.SimilarityMatching(steps=3000, sessions=sessions)
    paired = matching.ExcitatoryInhibitory(steps=3000, sessions=sessions)
    networks = [lateral, paired, paired.replace(interneuron_penalty=0.05)]
    loss = matching.simulate(networks, progress=False)["similarity_loss"].mean("session").values
    assert loss[1] == pytest.approx(loss[0], rel=0.02)
    assert loss[2] > 1.05 * loss[1]


def walkers(seed: int, std: float, units: int = 200, sessions: int = 200) -> xr.DataArray:
    """Independent walkers around a ring whose squared displacement grows by std^2 in each session
    of 10 steps."""
    rng = drift.stream(seed, "world")
    angles = rng.uniform(0, 2 * np.pi, units) + np.cumsum(
        std * rng.standard_normal((sessions, units)), axis=0
    )
    elapsed = ("subject", "session"), 10.0 * np.arange(sessions)[np.newaxis]
    return xr.DataArray(
        angles[np.newaxis] % (2 * np.pi),
        dims=("subject", "session", "unit"),
        coords={"elapsed": elapsed},
    )


def test_diffusion_of_independent_walkers_is_found():
    """Slope std^2 a session of 10 steps; the fit reaches up to a third of the plateau pi^2 / 3,
    where the folding costs a few per cent."""
    found = matching.circular_diffusion_constant(walkers(0, 0.1))
    assert float(found[0]) == pytest.approx(0.01 / 10, rel=0.1)
    published = matching.circular_diffusion_constant(walkers(0, 0.1), faithful=True)
    assert float(published[0]) == pytest.approx(20 * float(found[0]))
    np.testing.assert_allclose(
        circular_displacement(walkers(0, 5.0).values[0])[-50:], np.pi**2 / 3, rtol=0.05
    )


def test_spacing_of_independent_walkers_has_its_expected_variance():
    """Mean over 200 sessions of walkers that forget where they were, 4 standard errors."""
    found = matching.spacing_variance(walkers(1, 5.0, units=50)).values[0]
    expected = matching.independent_spacing_variance(50)
    assert found.mean() == pytest.approx(expected, abs=4 * found.std(ddof=1) / np.sqrt(found.size))


def test_field_centres_across_the_seam():
    angles = 2 * np.pi * np.arange(200) / 200
    where = np.array([0.02, 3.0, 6.2])
    bumps = np.maximum(0.0, np.cos(angles - where[:, None]) - 0.3)
    rate = xr.DataArray(bumps[np.newaxis, np.newaxis], dims=("subject", "session", "unit", "place"))
    run = xr.Dataset(
        {"rate": rate.assign_coords(place=("place", angles, {"units": "rad", "period": 2 * np.pi}))}
    )
    np.testing.assert_allclose(
        matching.field_centres(run, threshold=0.1).values[0, 0], where, atol=angles[1] / 2
    )
    with pytest.raises(drift.RefusedInputError, match="places around a circle"):
        matching.field_centres(run.assign_coords(place=angles))


def test_rotation_of_a_known_diffusion_is_found():
    """Outputs turned by small random rotations of variance 2 D a session and axis have a mean
    squared angle of 4 D t."""
    rng, constant, interval = drift.stream(0, "world"), 1e-5, 10
    code = rng.standard_normal((100, 3))
    codes = [code]
    for _ in range(4000):
        x, y, z = np.sqrt(2 * constant * interval) * rng.standard_normal(3)
        code = code @ np.linalg.qr(np.eye(3) + np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))[0]
        code = code * np.sign((code * codes[-1]).sum(0))
        codes.append(code)
    elapsed = ("subject", "session"), interval * np.arange(4001.0)[np.newaxis]
    run = xr.Dataset(
        {
            "sample_activity": (
                ("subject", "session", "sample", "unit"),
                np.array(codes)[np.newaxis],
            )
        },
        {"elapsed": elapsed},
    )
    found = matching.rotational_diffusion_constant(run, longest_lag=300)
    assert float(found[0]) == pytest.approx(constant, rel=0.15)


def test_prediction_of_rotational_diffusion():
    """Equal eigenvalues: D = k eta sigma^2 / (4 lambda^2)."""
    assert matching.predicted_rotational_diffusion(
        0.05, 0.1, [2.0, 2.0, 2.0, 0.1]
    ) == pytest.approx(3 * 0.05 * 0.01 / 16)


def test_what_was_not_observed_stays_so():
    """A diverged subject has no fields, no responsive units and no diffusion; its neighbour keeps
    them."""
    run = matching.simulate(
        [matching.SimilarityMatching(units=20, steps=40, sessions=5, stride=10)] * 2, progress=False
    )
    run["rate"][1, 2:] = np.nan
    active = matching.responsive_units(run["rate"], 0.05)
    assert (
        active[0].notnull().all() and active[1, 2:].isnull().all() and active[1, :2].notnull().all()
    )
    assert matching.field_centres(run)[1, 2:].isnull().all()
    linear = matching.PrincipalSubspace(steps=40, sessions=41, stride=100)
    turning = matching.simulate([linear, linear.replace(seed=1)], progress=False)
    turning["sample_activity"][1, 20:] = np.nan
    assert list(np.isfinite(matching.rotational_diffusion_constant(turning).values)) == [
        True,
        False,
    ]
