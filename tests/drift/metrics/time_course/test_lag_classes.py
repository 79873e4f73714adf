"""Classes of lags are as wide as sessions lie apart, and means lie at the lags of their pairs."""

from __future__ import annotations

import numpy as np
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
