"""From measures of pairs and sessions to one number each, which a recording and its frozen twins
have alike."""

from __future__ import annotations

import numpy as np

from drift.comparison.noise_statistics import Measured, Shared
from drift.metrics.stability.correlations import mean_over


def statistics(values: Measured, common: Shared) -> np.ndarray:
    """One number for each measure in ``MEASURES``: means over pairs of sessions, the similarity
    that is lost by time, and the change of information over the recording.

    Parameters
    ----------
    values : Measured
    common : Shared
    """
    upper = np.triu(np.ones(common.lags.shape, dtype=bool))
    pairs = [
        np.where(upper, each, np.nan)
        for each in (
            values.rate_map_correlation,
            values.corrected_similarity,
            values.place_units_kept,
        )
    ]
    naive, corrected, overlap = (mean_over(each.ravel(), upper.ravel(), 0) for each in pairs)
    pair_rooms = np.broadcast_to(common.rooms[:, np.newaxis], upper.shape)
    rate = -_slope(pairs[0], common.lags, pair_rooms)
    change = _change(values.spatial_information, common)
    return np.array([float(each) for each in (naive, corrected, rate, change, overlap)])


MEASURES = (
    "rate_map_correlation",
    "corrected_similarity",
    "drift_rate",
    "spatial_information",
    "place_units_kept",
)
OF_POPULATION = ("fraction_place_units", "active_units")
CHANGES = (*MEASURES, *OF_POPULATION)


def changes(values: Measured, common: Shared) -> np.ndarray:
    """``statistics``, and the changes over the recording of the fraction of place units and of the
    number of units with enough events, relative to their means: ``CHANGES``.

    Parameters
    ----------
    values : Measured
    common : Shared
    """
    by_session = [getattr(values, name) for name in OF_POPULATION]
    observed = [np.isfinite(each).any() and np.nanmean(each) > 0 for each in by_session]
    relative = [
        _change(each / np.nanmean(each), common) if known else np.nan
        for each, known in zip(by_session, observed, strict=True)
    ]
    return np.concatenate([statistics(values, common), relative])


def _change(by_session: np.ndarray, common: Shared) -> float:
    """Change over the recording, by a straight line."""
    span = np.ptp(common.elapsed[np.isfinite(common.elapsed)])
    return _slope(by_session, common.elapsed, common.rooms) * float(span)


def _slope(values: np.ndarray, times: np.ndarray, rooms: np.ndarray) -> float:
    """Least squares over all finite values, with an intercept for each room."""
    used = np.isfinite(values) & np.isfinite(times)
    y, x, room = values[used], times[used], rooms[used]
    for number in np.unique(room):
        members = room == number
        x[members] -= x[members].mean()
        y[members] -= y[members].mean()
    power = float((x**2).sum())
    return float((x * y).sum() / power) if power > 0 else float("nan")
