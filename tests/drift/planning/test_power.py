"""Power: against closed forms, against whole cycles of simulating, observing and measuring."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from test_planned_maps import whole_cycles

import drift
from drift.errors import RefusedInputError
from drift.planning import effects
from drift.planning.design import StudyDesign

SMALL = StudyDesign(units=25, sessions=4, minutes=5.0)


def power_of_t(difference: float, deviation: float, count: int) -> float:
    """Of Student's t of two groups of ``count`` each, two-sided at .05."""
    degrees, shift = 2 * count - 2, difference / deviation * np.sqrt(count / 2)
    limit = stats.t.ppf(0.975, degrees)
    return float(stats.nct.sf(limit, degrees, shift) + stats.nct.cdf(-limit, degrees, shift))


@pytest.mark.parametrize("count", [3, 8])
def test_two_groups_of_known_variance_have_the_power_of_the_t_test(
    count: int, rng: np.random.Generator
):
    """20,000 studies: standard error below .004."""
    first, second = rng.normal(0, 1, (20_000, count)), rng.normal(1.3, 1, (20_000, count))
    share = (effects._two_samples(first, second) < 0.05).mean()
    assert share == pytest.approx(power_of_t(1.3, 1.0, count), abs=0.02)
    one_sample = effects._one_sample(first)
    expected = stats.ttest_1samp(first, 0, axis=1).pvalue
    np.testing.assert_allclose(one_sample, expected, rtol=1e-9)
    expected = stats.ttest_ind(first, second, axis=1).pvalue
    np.testing.assert_allclose(effects._two_samples(first, second), expected, rtol=1e-7, atol=1e-12)


@pytest.mark.slow
def test_simulated_groups_have_the_power_of_their_variance():
    """Animals of equal rates differ by the noise of their maps, whose variance 8000 animals tell;
    4000 studies of 6 (standard error .008)."""
    rng, rates = np.random.default_rng(8), (0.03, 0.12)
    groups = [effects.measured_rates(SMALL, np.full((1, 4000), rate), rng)[0] for rate in rates]
    deviation = np.sqrt(np.mean([group.var(ddof=1) for group in groups]))
    expected = power_of_t(groups[1].mean() - groups[0].mean(), deviation, 6)
    effect = drift.GroupEffect(rates=rates, spread=0.0)
    power = drift.power(effect, SMALL, animals=[6], repetitions=4000)["power"].item()
    print(f"closed form {expected:.3f}, power {power:.3f}")
    assert 0.2 < expected < 0.95
    assert power == pytest.approx(expected, abs=0.02)


def test_without_an_effect_studies_find_it_as_often_as_by_chance():
    """300 studies of two groups alike: .05 within 3.5 standard errors of .0126."""
    effect = drift.GroupEffect(rates=(0.05, 0.05))
    power = drift.power(effect, SMALL, animals=[4], repetitions=300)["power"].item()
    assert power == pytest.approx(0.05, abs=0.044)


def test_power_rises_with_all_that_costs():
    effect = drift.DriftRateEffect(rate=0.04, spread=0.02)
    power = drift.power(
        effect, SMALL, animals=[3, 6], units=[10, 40], registration_loss=[0, 0.5], repetitions=100
    )
    assert power["power"].dims == ("animals", "units", "sessions", "minutes", "registration_loss")
    by_animals = power["power"].mean(["units", "registration_loss"]).values.ravel()
    assert by_animals[0] < by_animals[1]
    by_units = power["power"].mean(["animals", "registration_loss"]).values.ravel()
    assert by_units[0] < by_units[1]
    by_loss = power["power"].mean(["animals", "units"]).values.ravel()
    assert by_loss[0] > by_loss[1]
    assert power["cost"].sel(animals=6).values.ravel().tolist() == [24.0] * 4
    again = drift.power(
        effect, SMALL, animals=[3, 6], units=[10, 40], registration_loss=[0, 0.5], repetitions=100
    )
    np.testing.assert_array_equal(power["power"], again["power"])


def test_the_cheapest_design_reaches_the_target_or_is_none():
    effect = drift.DriftRateEffect(rate=0.1, spread=0.02)
    power = drift.power(effect, SMALL, animals=[2, 4, 8], sessions=[4, 6], repetitions=100)
    best = drift.cheapest_design(power)
    assert best is not None
    cell = power.sel(animals=best.animals, sessions=best.sessions)
    assert (cell["power"] - cell["standard_error"] >= 0.8).all()
    enough = power["power"] - power["standard_error"] >= 0.8
    assert float(cell["cost"].min()) == float(power["cost"].where(enough).min())
    nothing = drift.power(
        drift.DriftRateEffect(rate=0, spread=0), SMALL, animals=[2], repetitions=20
    )
    assert drift.cheapest_design(nothing) is None


def test_days_or_visits_needs_two_intervals():
    with pytest.raises(RefusedInputError, match=r"use intervals=\(2.0, 4.0\)"):
        drift.power(drift.ExperienceEffect(), SMALL, animals=[3], repetitions=2)
    power = drift.power(
        drift.ExperienceEffect(visit_rate=0.3, time_rate=0.0, spread=0.0),
        StudyDesign(units=60, sessions=5, minutes=20, intervals=(2.0, 6.0)),
        animals=[1, 6],
        repetitions=20,
    )
    assert power["power"].values.ravel()[0] == 0 and power["power"].values.ravel()[1] > 0.5


def test_impossible_grids_are_refused():
    effect = drift.DriftRateEffect()
    with pytest.raises(RefusedInputError, match="StudyDesign refused"):
        drift.power(effect, SMALL, sessions=[1], repetitions=2)
    with pytest.raises(RefusedInputError, match="animals must be distinct numbers"):
        drift.power(effect, SMALL, animals=[3, 3], repetitions=2)
    with pytest.raises(RefusedInputError, match=r"a result of drift.power is needed"):
        drift.cheapest_design(drift.wandering_fields())


WHOLE = (
    (StudyDesign(units=25, sessions=4, minutes=5.0), 0.12, 4),
    (StudyDesign(units=40, sessions=3, minutes=3.0, registration_loss=0.2), 0.15, 5),
    (StudyDesign(units=15, sessions=5, minutes=8.0, intervals=(2.0,)), 0.07, 4),
)
STUDIES, BLOCKS = 1000, 10


@pytest.mark.slow
@pytest.mark.parametrize(("design", "rate", "animals"), WHOLE)
def test_power_is_that_of_whole_cycles(design: StudyDesign, rate: float, animals: int):
    """1000 studies of each design are simulated, observed frame by frame and measured (standard
    error .016 at a power of a half, told by ten blocks of these). Power, made without frames and of
    other animals, is within .03, and so is that of the same maps. 400 animals told a power of a
    half to .05 only."""
    rng, effect = np.random.default_rng(80), drift.DriftRateEffect(rate=rate, spread=0.02)
    rates = rng.gamma((rate / 0.02) ** 2, 0.02**2 / rate, STUDIES * animals)
    found = [
        effects._one_sample(slopes.reshape(STUDIES, animals)) < 0.05
        for slopes in whole_cycles(design, rates, 80)
    ]
    whole, same = (own.mean() for own in found)
    error = found[0].reshape(BLOCKS, -1).mean(axis=1).std(ddof=1) / np.sqrt(BLOCKS)
    ours = drift.power(effect, design, animals=[animals], repetitions=4000)["power"].item()
    print(f"whole cycles {whole:.3f} +- {error:.3f}, same maps {same:.3f}, power {ours:.3f}")
    assert same == pytest.approx(whole, abs=0.03)
    assert ours == pytest.approx(whole, abs=0.03)
