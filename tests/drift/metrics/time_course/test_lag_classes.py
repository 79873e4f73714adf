"""Classes of lags are as wide as sessions lie apart, and means lie at the lags of their pairs."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift import metrics


def elapsed(*rows: list[float]) -> xr.DataArray:
    return xr.DataArray(list(rows), dims=("subject", "session"), attrs={"units": "day"})


def test_regular_sessions_have_every_lag():
    assert metrics.lag_classes(elapsed([0, 1, 2, 3, 4])) is None
    assert metrics.lag_classes(elapsed([0.0])) is None


def test_irregular_sessions_share_classes_of_one_interval():
    days = [0, 2.18, 3.93, 6.23, 7.91, 10.12]
    edges = metrics.lag_classes(elapsed(days))
    width = np.median(np.diff(days))
    assert edges is not None and edges[0] == 0
    np.testing.assert_allclose(edges[1:], width * (np.arange(edges.size - 1) + 0.5))
    assert edges[-1] > 10.12


def test_unrecorded_sessions_do_not_count():
    edges = metrics.lag_classes(elapsed([0, np.nan, 2.0, np.nan, 4.1, 6.3, 7.9]))
    np.testing.assert_allclose(edges[2] - edges[1], np.median([2.0, 2.1, 2.2, 1.6]))


def test_means_lie_at_the_mean_lag_of_their_pairs():
    days = np.array([0, 2.18, 3.93, 6.23, 7.91, 10.12])
    similarity = 1 - 0.05 * np.abs(days - days[:, np.newaxis])  # a straight line
    labelled = xr.DataArray(similarity[np.newaxis], dims=("subject", "session", "session_other"))
    curve = metrics.curve_by_lag(labelled, elapsed(days.tolist()))
    np.testing.assert_allclose(curve.isel(subject=0), 1 - 0.05 * curve["mean_lag"], rtol=1e-12)
    assert curve.sizes["lag"] == 5


def test_pairs_that_are_not_compared_do_not_move_the_lag():
    days = np.array([0, 2.18, 3.93, 6.23, 7.91, 10.12])
    similarity = 1 - 0.05 * np.abs(days - days[:, np.newaxis])
    similarity[0, 1] = similarity[1, 0] = np.nan
    labelled = xr.DataArray(similarity[np.newaxis], dims=("subject", "session", "session_other"))
    curve = metrics.curve_by_lag(labelled, elapsed(days.tolist()))
    np.testing.assert_allclose(curve["mean_lag"][0], np.diff(days)[1:].mean())


DATES = np.array(
    [0.0, 2.18, 3.93, 6.23, 7.91, 10.12, 11.98, 14.11]
)  # every other day, by the clock


def line(days, rate=0.02):
    """Similarity that falls along a straight line from .9."""
    values = 0.9 - rate * np.abs(days - days[:, np.newaxis])
    return xr.DataArray(values[np.newaxis], dims=("subject", "session", "session_other"))


def test_lags_of_real_dates_are_pooled_without_being_told():
    curve = metrics.by_lag(line(DATES), elapsed(DATES.tolist()))
    assert curve["pairs"].values.tolist() == [[7, 6, 5, 4, 3, 2, 1]]
    usual = np.median(np.diff(DATES))
    np.testing.assert_allclose(curve["lag"], usual * np.arange(1, 8))
    given = metrics.by_lag(
        line(DATES), elapsed(DATES.tolist()), metrics.lag_classes(elapsed(DATES.tolist()))
    )
    np.testing.assert_array_equal(
        curve["correlation"], given["correlation"][:, 1:]
    )  # none below m / 2


@pytest.mark.parametrize(
    "days", [[0, 1, 2, 3, 4], [0, 1, 3, 7, 12], [0, 0.5, 1.0, 1.5], [0, 2, 4, 8]]
)
def test_lags_of_designs_stay_each_by_itself(days):
    days = np.array(days, dtype=float)
    lags = np.unique(np.abs(days - days[:, np.newaxis]))[1:]
    np.testing.assert_allclose(metrics.by_lag(line(days), elapsed(days.tolist()))["lag"], lags)


def test_a_rate_of_real_dates_takes_all_pairs_of_two_intervals():
    rate = metrics.drift_rate(line(DATES), elapsed(DATES.tolist()))
    usual = np.median(np.diff(DATES))
    np.testing.assert_allclose(rate["longest_lag"], 2.5 * usual)
    assert rate["pairs"].item() == 7 + 6
    np.testing.assert_allclose(rate["drift_rate"], 0.02)
    regular = metrics.drift_rate(
        line(np.arange(0, 16, 2.0)), elapsed(np.arange(0, 16, 2.0).tolist())
    )
    assert regular["longest_lag"].item() == 4 and regular["pairs"].item() == 7 + 6


def test_sessions_of_two_rooms_have_the_interval_of_a_room():
    days = elapsed(DATES.tolist()).assign_coords(environment=("session", list("ABABABAB")))
    rate = metrics.drift_rate(line(DATES), days)
    steps = [*np.diff(DATES[::2]), *np.diff(DATES[1::2])]
    np.testing.assert_allclose(rate["longest_lag"], 2.5 * np.median(steps))
    assert rate["pairs"].item() == 2 * (3 + 2)


def test_a_burst_of_sessions_leaves_no_empty_class():
    days = np.sort(np.concatenate([np.arange(6) + start for start in (0.0, 0.031, 0.059)]))
    days += np.linspace(0, 0.007, days.size)
    curve = metrics.by_lag(line(days), elapsed(days.tolist()))
    assert curve.sizes["lag"] < 40 and (curve["pairs"] > 0).all()
    assert curve["pairs"].sum() == 18 * 17 / 2
