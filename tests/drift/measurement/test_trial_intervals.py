"""The chance of laps: nothing where laps are alike, and what repeated recordings scatter by."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from decoded_days import LENGTH, days, rates
from recorded_rooms import sessions as rooms

import drift
from drift import metrics
from drift.errors import RefusedInputError
from drift.measurement import trial_interval


def similarity(own: xr.Dataset) -> xr.DataArray:
    return metrics.by_lag(metrics.corrected_similarity(own, select="all"), own["elapsed"])[
        "correlation"
    ]


def test_laps_that_are_alike_leave_no_doubt():
    recorded = rooms({"m": "AAA", "n": "AAA"}, units=12, moved=1)
    measured = drift.measure(recorded, halves="trials")
    interval = trial_interval(measured, recorded, similarity)
    whole = similarity(measured)
    np.testing.assert_array_equal(interval["estimate"], whole)
    np.testing.assert_allclose(interval["standard_error"], 0, atol=1e-12)
    np.testing.assert_allclose(interval["upper"], whole)
    assert interval.attrs["speaks_of"].startswith("each subject alone, by its trials")
    assert (interval["independent_subjects"] == 1).all()


def test_each_group_leaves_out_laps_of_both_halves():
    """By hand: the reliability of one session without each pair of laps, and without two,
    jackknifed."""
    recorded = days(2, units=15, frames=80 * 10)  # five laps each way
    measured = drift.measure(recorded, halves="trials")

    def first_reliability(own: xr.Dataset) -> xr.DataArray:
        return metrics.reliability(own, select="all").isel(session=0)

    interval = trial_interval(measured, recorded, first_reliability, confidence=0.9)

    def without(*pairs: list[int]) -> float:
        gone = np.isin(recorded[0]["trial"].values, np.concatenate(pairs))
        shorter = [recorded[0].isel(sample=~gone), recorded[1]]
        return first_reliability(drift.measure(shorter, halves="trials")).item()

    pairs = [[1, 3], [5, 7], [9], [2, 4], [6, 8], [10]]
    values, whole = np.array([without(pair) for pair in pairs]), first_reliability(measured).item()
    variance = 5 / 6 * np.sum((values - values.mean()) ** 2)
    together = [
        6 * whole - 5 * (values[j] + values[j - 5]) + 4 * without(pairs[j], pairs[j - 5])
        for j in range(6)
    ]
    excess = 6 * 5 / 2 * np.var(together, ddof=1) / (6 * 7)
    expected = np.sqrt(max(variance - excess, variance / 2))
    assert interval["standard_error"].item() == pytest.approx(expected)
    assert interval["estimate"].item() == pytest.approx(first_reliability(measured).item())


def test_few_laps_and_other_sessions_are_told():
    recorded = days(2, units=8, frames=80 * 4)  # two laps each way: two pairs
    measured = drift.measure(recorded, halves="trials")
    interval = trial_interval(measured, recorded, similarity)
    assert np.isnan(interval["lower"]).all() and np.isfinite(interval["estimate"]).all()
    with pytest.raises(RefusedInputError, match="the 2 that were measured, got 1 of which 1"):
        trial_interval(measured, recorded[:1], similarity)
    with pytest.raises(RefusedInputError, match='halves="trials"'):
        trial_interval(drift.measure(recorded), recorded, similarity)


@pytest.mark.slow
def test_intervals_cover_what_other_laps_would_have_shown():
    """One animal with a code of its own, recorded 60 times on the same two days: the deviation of
    its similarity over recordings is the standard error that each of them tells, within 25 % (of 60
    recordings it is known to 9 %), and 95 % intervals cover its mean in 88 to 99 %."""
    rng = np.random.default_rng(3)
    first = rng.uniform(0, LENGTH, (30, 1))
    second = np.where(np.arange(30)[:, np.newaxis] < 10, rng.uniform(0, LENGTH, (30, 1)), first)
    estimates, errors, lower, upper = [], [], [], []
    for _recording in range(60):
        recorded = repeated(rng, (first, second))
        measured = drift.measure(recorded, halves="trials")
        interval = trial_interval(measured, recorded, similarity)
        estimates.append(interval["estimate"].item())
        errors.append(interval["standard_error"].item())
        lower.append(interval["lower"].item())
        upper.append(interval["upper"].item())
    ratio = np.sqrt(np.mean(np.square(errors))) / np.std(estimates, ddof=1)
    mean = np.mean(estimates)
    covered = np.mean((np.array(lower) <= mean) & (mean <= np.array(upper)))
    print(f"standard error over deviation {ratio:.2f}, covered {covered:.2f}")
    assert 0.8 < ratio < 1.25 and 0.88 <= covered <= 0.99


def repeated(rng: np.random.Generator, centres: tuple[np.ndarray, np.ndarray]) -> list[xr.Dataset]:
    """Two days of one code, with laps of different gain that all units share."""
    drawn = []
    for day, field in zip(days(2, units=30, frames=80 * 20), centres, strict=True):
        lap = day["trial"].values - 1
        gain = rng.lognormal(0, 0.5, lap.max() + 1)[lap]
        mean = 0.4 * rates(day["position"].values, field, "linear") * gain[:, np.newaxis]
        events = rng.poisson(mean).astype(float)
        drawn.append(day.assign(activity=day["activity"].copy(data=events)))
    return drawn
