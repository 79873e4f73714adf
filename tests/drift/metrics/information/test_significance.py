"""The circular-shift test: level under the null, power on place cells, and an independent twin."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest

from drift.errors import RefusedInputError
from drift.metrics import circular_shift_p_values, place_units, rate_maps, spatial_information


def recording(rng, samples=2000, units=30, places=20, tuned=True):
    place = (np.arange(samples) // 10) % places
    field = rng.integers(0, places, units)
    expected = (
        np.exp(
            -(
                (
                    np.minimum((place[:, None] - field) % places, (field - place[:, None]) % places)
                    / 2.0
                )
                ** 2
            )
        )
        if tuned
        else 0.1
    )
    activity = rng.poisson(np.broadcast_to(0.2 * expected, (samples, units))).astype(float)
    return xr.DataArray(activity, dims=("sample", "unit")), xr.DataArray(place, dims="sample")


def test_place_units_pass(rng):
    activity, place = recording(rng)
    irregular = xr.DataArray(rng.permutation(20)[place.values], dims="sample")
    wandering = irregular.copy(data=np.repeat(rng.integers(0, 20, 200), 10))
    p = circular_shift_p_values(activity, wandering, 0.1, 99, 50, rng)
    assert (p > 0.05).mean() > 0.5  # fields on another path than the one that was run
    tuned = xr.DataArray(
        rng.poisson(0.5 * (wandering.values[:, None] == np.arange(20))).astype(float),
        dims=("sample", "unit"),
    )
    assert (circular_shift_p_values(tuned, wandering, 0.1, 99, 50, rng) == 0.01).all()


@pytest.mark.parametrize("one_lag_for_all", [True, False])
def test_level_under_the_null(rng, one_lag_for_all):
    hits, tests = 0, 0
    for _ in range(20):
        activity, _ = recording(rng, samples=500, tuned=False)
        place = xr.DataArray(np.repeat(rng.integers(0, 10, 50), 10), dims="sample")
        p = circular_shift_p_values(
            activity, place, 0.1, 39, 5, rng, one_lag_for_all=one_lag_for_all
        ).dropna("unit")
        hits, tests = hits + int((p <= 0.05).sum()), tests + p.size
    # Two-sided exact binomial at z about 4.
    assert binomtest(hits, tests, 0.05).pvalue > 6e-5


def test_p_counts_rolled_activity_one_by_one(rng):
    activity, place = recording(rng, samples=60, units=4, places=5)
    place = place.where(rng.random(60) < 0.9, -1)
    p = circular_shift_p_values(
        activity, place, 0.1, 25, 7, np.random.default_rng(3), minimum_occupancy=0.3
    )

    def information(shifted):
        maps = rate_maps(shifted, place, 5, sample_duration=0.1, minimum_occupancy=0.3)
        return spatial_information(maps["rate"], maps["occupancy"])

    lags = np.random.default_rng(3)
    real = information(activity)
    reached = sum(
        (information(activity.roll(sample=int(lags.integers(7, 53)))) >= real - 1e-13).astype(int)
        for _ in range(25)
    )
    np.testing.assert_allclose(p, (reached + 1) / 26)


def test_the_published_p_can_be_zero_and_ours_cannot(rng):
    place = xr.DataArray(np.repeat(rng.integers(0, 20, 200), 10), dims="sample")
    tuned = xr.DataArray(
        (place.values[:, None] == np.arange(20)).astype(float), dims=("sample", "unit")
    )
    published = circular_shift_p_values(
        tuned, place, 0.1, 20, 50, np.random.default_rng(1), faithful=True
    )
    assert published.min() == 0
    assert (
        circular_shift_p_values(tuned, place, 0.1, 20, 50, np.random.default_rng(1)).min() == 1 / 21
    )


def test_silent_and_absent_units_have_no_p(rng):
    activity, place = recording(rng, units=3)
    activity[:, 0], activity[:, 1] = 0, np.nan
    p = circular_shift_p_values(activity, place, 0.1, 9, 50, rng)
    assert np.isnan(p[:2]).all() and np.isfinite(p[2])


@pytest.mark.parametrize(("shuffles", "shift"), [(0, 5), (10, 30)])
def test_impossible_shifts_are_refused(rng, shuffles, shift):
    activity, place = recording(rng, samples=60)
    with pytest.raises(RefusedInputError, match="shift test needs"):
        circular_shift_p_values(activity, place, 0.1, shuffles, shift, rng)


def test_threshold_flags():
    information = xr.DataArray([0.02, 0.01, np.nan, np.nan], dims="unit")
    flags = place_units(information, xr.DataArray([1, 1, 1, 0], dims="unit"))
    np.testing.assert_array_equal(flags, [1, 0, 0, np.nan])
