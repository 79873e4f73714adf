"""Similarity by lag and the rate of drift, where both are known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics import by_lag, drift_rate, lag_classes

PAIRS = ("subject", "session", "session_other")


def decaying(elapsed, rate=0.02, offset=0.1):
    elapsed = xr.DataArray(
        np.asarray(elapsed, dtype=float), dims=("subject", "session"), attrs={"units": "day"}
    )
    lag = np.abs(elapsed.values[:, :, None] - elapsed.values[:, None, :])
    return xr.DataArray(
        1 - offset - rate * lag, dims=("subject", "session", "session_other")
    ), elapsed


def test_each_pair_counts_once_at_its_real_lag():
    correlation, elapsed = decaying([[0, 1, 3, 7], [0, 2, 4, 6]])
    result = by_lag(correlation, elapsed)
    assert (
        result["lag"].values.tolist() == [1, 2, 3, 4, 6, 7]
        and result["lag"].attrs["units"] == "day"
    )
    assert result["pairs"].values.tolist() == [[1, 1, 1, 1, 1, 1], [0, 3, 0, 2, 1, 0]]
    np.testing.assert_allclose(result["correlation"][0], 0.9 - 0.02 * result["lag"])
    np.testing.assert_array_equal(np.isnan(result["correlation"][1]), result["pairs"][1] == 0)


def test_edges_pool_lags_and_nan_pairs_do_not_count():
    correlation, elapsed = decaying([[0, 1, 2, 3]])
    correlation[0, 0, 1] = np.nan
    result = by_lag(correlation, elapsed, edges=[0, 2, 3])
    assert result["pairs"].values.tolist() == [[2, 3]]
    np.testing.assert_allclose(result["correlation"], [[0.88, 0.9 - 0.02 * 7 / 3]])
    with pytest.raises(RefusedInputError, match="increasing"):
        by_lag(correlation, elapsed, edges=[2, 1])


def test_units_stay_apart_and_rounded_times_are_one_lag():
    times = np.arange(6) * 0.1
    correlation = xr.DataArray(np.ones((6, 6, 3)), dims=("session", "session_other", "unit"))
    result = by_lag(correlation, xr.DataArray(times, dims="session"))
    assert result["lag"].size == 5 and set(result["correlation"].dims) == {"subject", "lag", "unit"}


def test_slope_at_small_lags_is_the_rate_and_the_intercept_is_noise():
    correlation, elapsed = decaying([np.arange(20), np.arange(20) * 2.0])
    result = drift_rate(correlation, elapsed)
    np.testing.assert_allclose(result["drift_rate"], 0.02)
    np.testing.assert_allclose(result["intercept"], 0.1)
    assert result["drift_rate"].attrs["units"] == "1/day"
    np.testing.assert_allclose(
        result["longest_lag"], [19 / 4, 38 / 4]
    )  # of each subject by itself, whatever its company


def test_saturation_beyond_the_longest_lag_does_not_enter():
    elapsed = xr.DataArray(np.arange(40.0)[np.newaxis], dims=("subject", "session"))
    lag = np.abs(elapsed.values[0][:, None] - elapsed.values[0])
    correlation = xr.DataArray(np.maximum(1 - 0.05 * lag, 0.5), dims=("session", "session_other"))
    assert drift_rate(correlation, elapsed.isel(subject=0))["drift_rate"].item() == pytest.approx(
        0.05
    )
    assert (
        drift_rate(correlation, elapsed.isel(subject=0), longest_lag=39)["drift_rate"].item() < 0.03
    )


def test_weighted_fit_of_the_means_is_the_fit_of_all_pairs(rng):
    correlation, elapsed = decaying([np.arange(9)])
    noise = rng.normal(0, 0.05, (9, 9))
    correlation = correlation + noise + noise.T
    means = by_lag(correlation, elapsed)
    slope, intercept = np.polyfit(
        means["lag"], 1 - means["correlation"][0], 1, w=np.sqrt(means["pairs"][0])
    )
    result = drift_rate(correlation, elapsed, longest_lag=8)
    np.testing.assert_allclose(
        [result["drift_rate"].item(), result["intercept"].item()], [slope, intercept]
    )


def test_one_lag_gives_no_rate_and_one_session_is_refused():
    correlation, elapsed = decaying([[0, 1]])
    assert np.isnan(drift_rate(correlation, elapsed)["drift_rate"]).all()
    with pytest.raises(RefusedInputError, match="at least two sessions"):
        by_lag(correlation[:, :1, :1], elapsed[:, :1])
    with pytest.raises(RefusedInputError, match="known elapsed time"):
        by_lag(correlation, elapsed * np.nan)


def test_times_of_seven_digits_are_times(rng: np.random.Generator):
    """Lags of .1, .2, ... days, stored as float32, were 12 lags of six sessions, and the longest of
    those that enter the drift rate fell out."""
    values = rng.uniform(0.5, 0.9, (1, 6, 6))
    similarity = xr.DataArray(values + values.swapaxes(1, 2), dims=PAIRS)
    times = xr.DataArray(0.1 * np.arange(6.0)[np.newaxis], dims=PAIRS[:2], attrs={"units": "day"})
    short = times.astype("float32").assign_attrs(times.attrs)
    curves = [by_lag(similarity, each) for each in (times, short)]
    assert curves[1].sizes["lag"] == 5 and lag_classes(short) is None
    np.testing.assert_allclose(curves[1]["correlation"], curves[0]["correlation"])
    rates = [drift_rate(similarity, each)["drift_rate"] for each in (times, short)]
    np.testing.assert_allclose(rates[1], rates[0], rtol=1e-6)


def test_company_does_not_change_how_sums_are_rounded(rng: np.random.Generator):
    values = xr.DataArray(rng.normal(size=(3, 6, 6, 7)), dims=(*PAIRS, "unit"))
    times = xr.DataArray(np.arange(18.0).reshape(3, 6) % 6, dims=PAIRS[:2])
    crowd = by_lag(values, times)["correlation"]
    for subject in range(3):
        pick = {"subject": [subject]}
        alone = by_lag(values.isel(pick), times.isel(pick))["correlation"]
        np.testing.assert_array_equal(crowd.isel(pick), alone)
