"""Laws of weights: sampled weights have the moments, survivals and increments of the closed forms,
and the same draws as ever."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from circuits.wandering.wandering_weights import WeightDrift, drifting_weights
from circuits.wandering.weight_laws import multiplied, stationary_skewness, substeps
from drift.schema import RefusedInputError
from drift.theory import code_drift, kernels

LAWS = {
    "turnover": WeightDrift(law="turnover", connected_share=0.2, weight_lifetime=5.0),
    "multiplicative": WeightDrift(law="multiplicative", multiplicative_noise=0.2, weight_lifetime=5.0),
    "jump": WeightDrift(law="jump", weight_lifetime=5.0),
}  # fmt: skip
DAYS = np.array([0.0, 0.3, 2.0, 3.0, 40.0])
UNITS, INPUTS = 2000, 40


def weights(law: WeightDrift, elapsed=DAYS, units=UNITS, inputs=INPUTS, seed=1) -> np.ndarray:
    return drifting_weights(law, units, inputs, np.asarray(elapsed), seed)


def assert_mean(values: np.ndarray, expected: float, independent: int, z: float = 4.5) -> None:
    """The mean of values of which so many are independent, within z standard errors."""
    error = values.std() / np.sqrt(independent)
    assert abs(values.mean() - expected) < z * error, (values.mean(), expected, error)


@pytest.mark.parametrize("name", LAWS)
def test_weights_keep_mean_and_variance_and_correlate_as_the_closed_form_says(name: str):
    law = LAWS[name]
    sampled = weights(law)
    independent = UNITS if name == "jump" else UNITS * INPUTS
    for session in range(len(DAYS)):
        assert_mean(sampled[session], 0.0, UNITS * INPUTS)
        assert_mean(sampled[session] ** 2, 1.0, UNITS * INPUTS)
        for other in range(session):
            r = code_drift.weight_autocorrelation(DAYS[session] - DAYS[other], 5.0, law.law)
            assert r == law.autocorrelation(DAYS[session] - DAYS[other])
            products = sampled[session] * sampled[other]
            assert_mean(products.mean(axis=1) if name == "jump" else products, r, independent)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.7])
@pytest.mark.parametrize("rho", [0.9, 0.4])
def test_after_a_session_connections_are_there_as_often_as_stated(share: float, rho: float):
    law = WeightDrift(law="turnover", connected_share=share, weight_lifetime=-1 / np.log(rho))
    before, after = weights(law, [0.0, 1.0]) > 0
    stays, appears = code_drift.turnover_probabilities(rho, share)
    assert stays == pytest.approx((1 - share) * rho + share, abs=1e-15)
    assert appears == pytest.approx(share * (1 - rho), abs=1e-15)
    assert stays - appears == pytest.approx(rho, abs=1e-15)  # the correlation, exactly
    assert share * stays + (1 - share) * appears == pytest.approx(share, abs=1e-15)
    assert_mean(before.astype(float), share, before.size)
    assert_mean(after[before].astype(float), stays, int(before.sum()))
    assert_mean(after[~before].astype(float), appears, int((~before).sum()))


def test_turnover_takes_two_values_and_sessions_between_change_no_law():
    law = LAWS["turnover"]
    assert np.allclose(np.unique(weights(law)), [-0.5, 2.0])  # (0, 1 less .2) / .4
    direct, halfway = weights(law, [0.0, 2.0])[1], weights(law, [0.0, 0.7, 2.0])[2]
    first = weights(law, [0.0])[0]
    alike = [(first * later).mean() for later in (direct, halfway)]
    assert abs(alike[0] - alike[1]) < 4.5 * np.sqrt(2) * (first * direct).std() / np.sqrt(
        first.size
    )


def test_multiplicative_weights_have_the_stationary_moments():
    """80,000 weights in sessions at intervals of different lengths."""
    law = WeightDrift(law="multiplicative", multiplicative_noise=0.15, weight_lifetime=5.0)
    expected = code_drift.multiplicative_moments(5.0, 0.15)
    sampled = weights(law, np.cumsum([0, 0.1, 5, 30]), 2_000, 40)
    whole = 1 + sampled * np.sqrt(expected.variance)
    assert (whole > 0).all()  # weights never change sign
    for session in range(4):
        assert_mean(whole[session], 1.0, 80_000)
        assert_mean((whole[session] - 1) ** 2, expected.variance, 80_000)
        # steps leave half a per cent of the skewness (see below)
        cubes = sampled[session] ** 3
        allowed = 4.5 * cubes.std() / np.sqrt(cubes.size) + 0.005 * expected.skewness * (
            session > 0
        )
        assert abs(cubes.mean() - expected.skewness) < allowed


@pytest.mark.parametrize("size", [0.02, 0.15, 0.3])
def test_steps_of_multiplicative_noise_converge_with_their_square(size: float):
    exact = code_drift.multiplicative_moments(1.0, np.sqrt(2 * size)).skewness
    errors = [stationary_skewness(length, size) / exact - 1 for length in (0.2, 0.1, 0.05)]
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([2.0, 2.0], abs=0.05)
    assert abs(stationary_skewness(substeps(1e3)[-1], size) / exact - 1) < 0.0055


def test_the_skewness_of_steps_is_what_steps_have():
    generator = np.random.default_rng(3)
    fresh = (generator.standard_normal((600, 100)) for _ in iter(int, 1))
    sampled = multiplied(generator.standard_normal((600, 100)), fresh, np.full(2, 31.0), 0.1)[-1]
    assert_mean(sampled**3, stationary_skewness(4 / 31, 0.1), sampled.size)


def test_little_multiplicative_noise_is_ornstein_uhlenbeck():
    law = WeightDrift(law="multiplicative", multiplicative_noise=1e-4, weight_lifetime=5.0)
    sampled, normal = weights(law), weights(WeightDrift(weight_lifetime=5.0))
    assert np.allclose(sampled[0], normal[0], atol=1e-2)
    assert abs((sampled[2] ** 4).mean() - 3) < 4.5 * np.sqrt(96 / sampled[2].size)


@pytest.mark.parametrize("elapsed", [0.5, 4.0])
def test_units_survive_as_the_exponential_says(elapsed: float):
    before, after = weights(LAWS["jump"], [0.0, elapsed])
    stayed = (before == after).all(axis=1)
    assert ((before == after).any(axis=1) == stayed).all()  # all weights of a unit, or none
    survival = code_drift.weight_autocorrelation(elapsed, 5.0, "jump")
    assert_mean(stayed.astype(float), survival, UNITS)


@pytest.mark.parametrize("name", [*LAWS, "ornstein_uhlenbeck"])
def test_increments_have_the_kurtosis_of_the_closed_form(name: str):
    law = LAWS.get(name, WeightDrift(weight_lifetime=5.0))
    # weights of a unit jump together, so that one of each counts
    before, after = weights(law, [0.0, 1.0], 40_000, 1 if name == "jump" else 2)
    expected = code_drift.increment_kurtosis(
        1.0, 5.0, name, connected_share=law.connected_share, noise=law.multiplicative_noise
    )
    increments = after - before
    square, fourth = (increments**2).mean(), (increments**4).mean()
    # of a ratio of means, by its linear parts
    error = (increments**4 / square**2 - 2 * fourth * increments**2 / square**3).std()
    assert abs(fourth / square**2 - expected) < 4.5 * error / np.sqrt(increments.size)


@pytest.mark.parametrize("name", LAWS)
def test_the_first_weights_are_those_of_any_law(name: str):
    normal = weights(WeightDrift(weight_lifetime=5.0), [0.0, 1.0])
    sampled = weights(LAWS[name], [0.0, 1.0])
    order = np.argsort(normal[0].ravel())
    steps = np.diff(sampled[0].ravel()[order])
    assert (steps <= 0).all() if name == "turnover" else (steps >= 0).all()


def test_a_longer_lifetime_moves_no_draw_of_jumps():
    """Units that jump at a lower rate are among those that jump at a higher one, and jump to the
    same weights."""
    slow = weights(WeightDrift(law="jump", weight_lifetime=20.0), [0.0, 1.0])
    fast = weights(LAWS["jump"], [0.0, 1.0])
    moved = (slow[1] != slow[0]).any(axis=1)
    assert 0 < moved.sum() < UNITS
    assert np.array_equal(slow[1][moved], fast[1][moved])
    assert np.array_equal(slow[0], fast[0])


@pytest.mark.parametrize("name", LAWS)
def test_common_noise_is_shared_by_units(name: str):
    law = LAWS[name].replace(common=1.0)
    sampled = weights(law, [0.0, 60.0], 50, 300)[1]
    alike = np.corrcoef(sampled)[np.triu_indices(50, 1)]
    assert alike.min() > 0.9  # all has been added since, to all units alike


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ({"law": "turnover"}, "turnover needs connected_share"),
        ({"law": "turnover", "connected_share": 1.0}, "connected_share"),
        ({"law": "multiplicative"}, "needs multiplicative_noise"),
        ({"law": "jump", "connected_share": 0.2}, "has no effect under the law jump"),
        (
            {"law": "multiplicative", "multiplicative_noise": 1.0, "weight_lifetime": 2.0},
            "below 2, got 2: lower the noise, to below 1",
        ),
        ({"law": "jump", "fast_share": 0.1, "fast_weight_lifetime": 1.0}, "two time scales need"),
        ({"law": "leap"}, "law"),
    ],
)
def test_impossible_laws_of_weights_are_refused(law, message):
    with pytest.raises(RefusedInputError, match=message):
        WeightDrift(**law)


@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_the_same_in_toml(name: str):
    assert WeightDrift.from_toml(LAWS[name].to_toml()) == LAWS[name]
    assert WeightDrift.from_json(LAWS[name].to_json()) == LAWS[name]


# what circuits make of them


def overlaps(law: WeightDrift, seeds: range) -> np.ndarray:
    """Of the units driven above the threshold in a session with those of the first one (seed, lag),
    through many inputs: any drive is a sum of 100 weights."""
    patterns = circuits.PlaceInput(places=10, length=200.0, width=30.0).draw()["inputs"].values
    patterns = patterns @ np.linalg.qr(np.random.default_rng(0).standard_normal((100, 10)))[0].T
    sampled = (weights(law, [0.0, 0.5, 2.0], 800, 100, seed) for seed in seeds)
    active = np.stack([own @ patterns.T > kernels.threshold(0.1) for own in sampled])
    return (active[:, 1:] & active[:, :1]).sum(axis=(2, 3)) / (0.1 * 800 * 10)


@pytest.mark.parametrize(
    "name",
    [
        "ornstein_uhlenbeck",
        "turnover",
        "jump",
        pytest.param("multiplicative", marks=pytest.mark.slow),
    ],
)
def test_only_jumps_are_told_from_the_code(name: str):
    """Ten layers of 800 units: active sets turn over as the closed form says, within 4.8 standard
    errors (Student's t of 9 degrees of freedom, p = .001)."""
    sampled = overlaps(LAWS.get(name, WeightDrift(weight_lifetime=5.0)), range(10))
    r = code_drift.weight_autocorrelation(np.array([0.5, 2.0]), 5.0)
    formula = code_drift.jump_overlap if name == "jump" else code_drift.active_set_overlap
    error = sampled.std(axis=0, ddof=1) / np.sqrt(len(sampled))
    assert (np.abs(sampled.mean(axis=0) - formula(1.0, 0.1, r)) < 4.8 * error).all()
    other = code_drift.active_set_overlap if name == "jump" else code_drift.jump_overlap
    assert (np.abs(sampled.mean(axis=0) - other(1.0, 0.1, r)) > 4.8 * error).all()


def test_a_circuit_in_a_crowd_is_that_circuit_alone():
    circuit, inputs = circuits.LinearInterneuron(units=40, gain=40.0), circuits.PlaceInput(places=8)
    options = {"elapsed": [0.0, 1.0, 3.0], "engine": "fixed_point", "progress": False}
    crowd = circuits.run_sessions([circuit] * 3, inputs, list(LAWS.values()), **options)
    for number, law in enumerate(LAWS.values()):
        alone = circuits.run_sessions([circuit], inputs, law, seeds=[number], **options)
        assert np.array_equal(alone["rate"][0], crowd["rate"][number])


@pytest.mark.parametrize("name", LAWS)
def test_laws_ride_in_recordings(name: str):
    design = drift.recording_design([0, 1], 12, places=8, minutes=0.5)
    circuit, inputs = circuits.LinearInterneuron(units=20, gain=40.0), circuits.PlaceInput(places=8)
    recorded = circuits.recorded_circuit(circuit, inputs, LAWS[name], design)
    assert WeightDrift.from_json(recorded.attrs["weight_drift"]) == LAWS[name]
    mapping = {entry: value for entry, value in LAWS[name] if value is not None}
    again = circuits.recorded_circuit(circuit, inputs, mapping, design)
    xr.testing.assert_identical(again, recorded)
