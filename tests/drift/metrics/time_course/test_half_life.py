"""Half-lives where they are known: fields redrawn every night, codes that stand still, and all that
cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
from redrawn_fields import messy_mice, redrawn

import drift
from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics.time_course.decays import fitted_decay

HALF = np.log(0.5) / np.log(0.85)  # 4.27 days where fields are redrawn with p = .15


@pytest.mark.parametrize("rate", [-0.2, 0.0, 0.03, np.log(2) / HALF, 2.5])
def test_exact_decays_are_fitted_exactly(rate: float):
    first, second = np.triu_indices(6, 1)
    lags = (second - first).astype(float)
    rooms = np.where(first < 3, 0, 1)
    amplitude = np.where(rooms == 0, 0.9, 0.5)
    values = np.stack([amplitude * np.exp(-rate * lags)] * 3)
    values[1, 4] = np.nan
    decay = fitted_decay(values, lags, rooms)
    np.testing.assert_allclose(decay.rate, rate, atol=3e-6)
    np.testing.assert_allclose(decay.amplitude, 0.7, rtol=1e-4)


def test_a_decay_is_that_of_least_squares(rng: np.random.Generator):
    from scipy.optimize import curve_fit

    lags = rng.uniform(1, 9, 40)
    values = 0.8 * np.exp(-0.2 * lags) + rng.normal(0, 0.05, 40)
    expected = curve_fit(lambda lag, a, k: a * np.exp(-k * lag), lags, values, (1, 0.1))[0]
    decay = fitted_decay(values[np.newaxis], lags, np.zeros(40))
    assert decay.amplitude[0] == pytest.approx(expected[0], rel=1e-4)
    assert decay.rate[0] == pytest.approx(expected[1], rel=1e-4)
    assert np.isnan(fitted_decay(-values[np.newaxis], lags, np.zeros(40)).rate[0])


def test_redrawn_fields_have_the_known_half_life(rng: np.random.Generator):
    """12 mice of 100 units, ten days: rates scatter by .009 per day, so that the mean of 12 is
    known to 1.6 %; 4 standard errors."""
    measured = redrawn(rng, [0.15] * 12, units=100, sessions=10)
    result = metrics.half_life(measured, repetitions=200)
    rate = np.log(2) / HALF
    assert float(np.log(2) / result["estimate"]) == pytest.approx(rate, rel=0.065)
    assert float(result["decay_rate"].mean()) == pytest.approx(rate, rel=0.065)
    assert result["lower"] < HALF < result["upper"] and result["reason"].item() == ""
    assert result["estimate"].attrs["units"] == "day" and result["independent_subjects"] == 12
    covered = (result["subject_lower"] < HALF) & (result["subject_upper"] > HALF)
    assert covered.sum() >= 9  # of 12 at 95 %; less has a chance of .02 %
    assert float(abs(result["floor"]).max()) < 0.03
    assert float(result["amplitude"].mean()) == pytest.approx(1, abs=0.03)


def test_a_code_that_stands_still_has_no_half_life(rng: np.random.Generator):
    measured = redrawn(rng, [0.0] * 6, sessions=8)
    result = metrics.half_life(measured, repetitions=200)
    assert np.isnan(result["estimate"]) and result["lower"] == 7 and np.isinf(result["upper"])
    assert result["reason"].item() == "no certain decline over 7 day"
    assert metrics.interval_text(result) == (
        "at least 7 day (6 independent subjects): no certain decline over 7 day"
    )
    exact = measured.assign(rate_half=measured["rate_half"].isel(session=0))
    exact = exact.assign(rate_half=exact["rate_half"].expand_dims(session=8, axis=1))
    still = metrics.half_life(exact, repetitions=50)
    assert (still["decay_rate"] == 0).all() and np.isnan(still["subject_estimate"]).all()


def test_beyond_what_was_recorded_there_is_a_bound_and_no_estimate():
    measured = redrawn(np.random.default_rng(3), [0.03] * 5, units=200)
    result = metrics.half_life(measured, repetitions=200)
    assert result["reason"].item() == "half-life beyond the longest lag of 5 day"
    assert np.isnan(result["estimate"]) and result["lower"] <= 5 and np.isinf(result["upper"])


def test_what_cannot_be_told_is_said(rng: np.random.Generator):
    fast = metrics.half_life(redrawn(rng, [0.9, 0.15]), repetitions=50)
    assert "more than half of the similarity is gone after 1 day" in fast["reason"].item()
    assert np.isnan([fast["estimate"], fast["lower"], fast["upper"]]).all()
    gone = redrawn(rng, [0.15, 0.1])
    gone["rate_half"].values[1] = rng.poisson(2.0, gone["rate_half"].shape[1:])
    gone["rate_half"].values[1, ..., 1] = gone["rate_half"].values[1, ..., 0]
    lost = metrics.half_life(gone, repetitions=50)
    assert "more than half" in lost["reason"].item() and lost["independent_subjects"] == 2
    few = metrics.half_life(redrawn(rng, [0.15] * 2, sessions=3), repetitions=50)
    assert "2 different times apart" in few["reason"].item()
    assert "record four sessions or more" in few["subject_reason"].values[1]
    without = redrawn(rng, [0.15]).drop_vars("rate_half")
    with pytest.raises(RefusedInputError, match='halves="trials"'):
        metrics.half_life(without)


def test_a_subject_alone_in_a_crowd_and_relabelled(rng: np.random.Generator):
    measured = redrawn(rng, [0.15, 0.1, 0.2], sessions=7)
    crowd = metrics.half_life(measured, repetitions=100)
    alone = metrics.half_life(measured.isel(subject=[1]), repetitions=100)
    for name in ("estimate", "lower", "upper"):
        own = alone[f"subject_{name}"].values
        np.testing.assert_array_equal(crowd[f"subject_{name}"].values[1:2], own)
        np.testing.assert_array_equal(alone[name].values, own[0])
    assert alone.attrs["speaks_of"].startswith("subject mouse 1 alone, by its units")
    assert alone["independent_subjects"] == 1
    relabelled = metrics.half_life(measured.isel(unit=rng.permutation(60)), repetitions=100)
    for name in ("estimate", "subject_lower", "upper"):
        np.testing.assert_allclose(relabelled[name], crowd[name], rtol=1e-6)


def test_rooms_are_never_mixed(rng: np.random.Generator):
    """Another room on some days takes pairs away and changes nothing else."""
    measured = redrawn(rng, [0.1], sessions=9)
    rooms = np.array([list("AAAABAAAA")])
    other = measured["rate_half"].copy(deep=True)
    other[:, 4] = other.values[:, 4, rng.permutation(60)]
    labelled = measured.assign(rate_half=other)
    elapsed = labelled["elapsed"].assign_coords(environment=(("subject", "session"), rooms))
    labelled = labelled.assign_coords(environment=(("subject", "session"), rooms), elapsed=elapsed)
    without = measured.isel(session=[0, 1, 2, 3, 5, 6, 7, 8])
    own, expected = (metrics.half_life(data, repetitions=50) for data in (labelled, without))
    for name in ("decay_rate", "floor"):
        np.testing.assert_allclose(own[name], expected[name], rtol=1e-6)
    np.testing.assert_allclose(own["subject_lower"], expected["subject_lower"], rtol=0.1)  # draws


def test_three_mice_as_laboratories_have_them():
    """Rests, jitter, lost cells, three laps on one day, another room on one: 4.27 days lie in every
    interval, and the room costs pairs of sessions only."""
    measured = drift.measure(messy_mice(frames=5000, units=50), halves="trials")
    result = metrics.half_life(measured, smoothing=1.0, repetitions=200)
    assert result["independent_subjects"] == 3
    assert result["lower"] < HALF < result["upper"]
    assert ((result["subject_lower"] < HALF) & (result["subject_upper"] > HALF)).all()
    curve = metrics.by_lag_interval(measured, smoothing=1.0)
    expected = 0.85 ** curve["lag"]
    assert ((curve["lower"] < expected) & (expected < curve["upper"])).all()


@pytest.mark.slow
def test_intervals_of_half_lives_cover():
    """150 studies of five mice whose p differ: standard errors of the coverage 1.8 % over mice and
    .8 % of single mice (750 of these)."""
    rng, own, over = np.random.default_rng(5), [], []
    chances = rng.uniform(0.05, 0.25, 100_000)
    mean_rate = -np.log(1 - chances).mean()
    for study in range(150):
        drawn = rng.uniform(0.05, 0.25, 5)
        result = metrics.half_life(redrawn(rng, drawn, sessions=8), repetitions=200, seed=study)
        rate = -np.log(1 - drawn)
        low, high = (np.log(2) / result[f"subject_{name}"] for name in ("upper", "lower"))
        own += ((low <= rate) & (rate <= high)).values.tolist()
        half = np.log(2) / mean_rate
        over.append(result["lower"] <= half <= result["upper"])
    print(f"half-lives: single mice {np.mean(own):.3f}, over mice {np.mean(over):.3f}")
    assert np.mean(own) >= 0.93 and np.mean(over) >= 0.9


def test_of_maps_that_do_not_know_days(rng: np.random.Generator):
    with pytest.raises(RefusedInputError, match="elapsed"):
        metrics.half_life(redrawn(rng, [0.1]).drop_vars("elapsed"))


def test_cells_of_one_field_have_no_half_life_of_their_own(rng: np.random.Generator):
    """The floor of a code whose cells all fire at one place is 1; half of them were said to have
    lost more than half of a code that stands still."""
    measured = redrawn(rng, [0.0] * 12, units=20)
    of_one = measured["rate_half"].isel(unit=[0] * 20).values
    expected = of_one.mean(axis=(1, 2, 4), keepdims=True)  # (mouse, 1, 1, place, 1)
    halves = 2.0 * rng.poisson(expected / 2 * np.ones(of_one.shape))
    alike = measured.assign(rate_half=measured["rate_half"].copy(data=halves))
    result = metrics.half_life(alike, repetitions=50)
    assert float(result["floor"].min()) > 0.8
    told = np.array([reason.split(" (")[0] for reason in result["subject_reason"].values])
    nothing = result["floor"].values > 0.9
    assert nothing.any()
    assert (told[nothing] == "different units are as alike as one is to itself").all()
    assert np.isnan(result["subject_lower"].values[nothing]).all()
