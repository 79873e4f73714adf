"""The way to rest of copies in one pass over their stored rates, compiled."""

from __future__ import annotations

import numpy as np

from circuits.simulation.way_to_rest import SETTLED, WayToRest
from drift.loops.compiled import exact


def way_of_copies(
    rates: np.ndarray, last_rate: np.ndarray, time: np.ndarray, active_rate: float
) -> WayToRest:
    """Return what ``way_to_rest`` does, of rates in the order in which loops store them.

    Parameters
    ----------
    rates : numpy.ndarray
        (time, unit, copy).
    last_rate : numpy.ndarray
        (unit, copy).
    time : numpy.ndarray
        In s.
    active_rate : float
        Above it a unit is active.
    """
    copies = last_rate.shape[1]
    outside, changed, peak = (np.zeros(copies, dtype=np.int64) for _way in range(3))
    far = np.array([_far(limit) for limit in np.abs(last_rate).max(axis=0)])
    if copies == 1:
        _of_copy(rates[..., 0], last_rate[:, 0], far[0], active_rate, outside, changed, peak)
    else:
        _of_copies(rates, last_rate, far, active_rate, outside, changed, peak)
    after = np.append(time, np.nan)
    return WayToRest(after[outside], after[changed], peak)


def _far(largest: float) -> float:
    """Return the smallest deviation whose share of a largest rate exceeds ``SETTLED``."""
    limit = max(largest, 1e-300)
    if not np.isfinite(limit):
        return np.nan
    far = SETTLED * limit
    while far / limit > SETTLED:
        far = np.nextafter(far, 0.0)
    while not far / limit > SETTLED:
        far = np.nextafter(far, np.inf)
    return float(far)


@exact
def _of_copy(
    rates: np.ndarray,
    last: np.ndarray,
    far: float,
    active: float,
    outside: np.ndarray,
    changed: np.ndarray,
    peak: np.ndarray,
) -> None:
    """Fill in, for one copy, the stored times after the last ones at which a rate was far from its
    last value and another set of units was active, and the most active units."""
    for moment in range(rates.shape[0]):
        away = other = count = 0
        for unit in range(last.size):
            rate, rest = rates[moment, unit], last[unit]
            away += abs(rate - rest) >= far
            other += (rate > active) != (rest > active)
            count += rate > active
        peak[0] = max(peak[0], count)
        if away:
            outside[0] = moment + 1
        if other:
            changed[0] = moment + 1


@exact
def _of_copies(
    rates: np.ndarray,
    last: np.ndarray,
    far: np.ndarray,
    active: float,
    outside: np.ndarray,
    changed: np.ndarray,
    peak: np.ndarray,
) -> None:
    """Fill in the same for several copies."""
    away, other, count = (np.zeros_like(peak), np.zeros_like(peak), np.zeros_like(peak))
    for moment in range(rates.shape[0]):
        away[:] = 0
        other[:] = 0
        count[:] = 0
        for unit in range(last.shape[0]):
            for copy in range(last.shape[1]):
                rate, rest = rates[moment, unit, copy], last[unit, copy]
                away[copy] += abs(rate - rest) >= far[copy]
                other[copy] += (rate > active) != (rest > active)
                count[copy] += rate > active
        for copy in range(peak.size):
            peak[copy] = max(peak[copy], count[copy])
            if away[copy]:
                outside[copy] = moment + 1
            if other[copy]:
                changed[copy] = moment + 1
