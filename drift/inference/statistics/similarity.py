"""Similarities of sessions without their noise, at four lags, and how they age.

With halves a, b of two sessions s, t: the mean product of the four pairs of halves over the root of
those within s and within t, all over the same units (``drift.metrics.corrected_similarity``).
"""

from __future__ import annotations

import numpy as np

from drift.inference.statistics.maps import Maps, slope

LAGS = 4
LEAST_UNITS = 3
LARGEST = 1.5  # similarity; noise alone takes it beyond 1


def similarities(maps: Maps) -> dict[str, float]:
    """Return the course of the similarity of maps, of population vectors and of mean rates.

    Parameters
    ----------
    maps : Maps

    Returns
    -------
    dict of str to float
    """
    kinds = {
        "maps": map_similarity(maps),
        "vectors": vector_similarity(maps),
        "rates": rate_similarity(maps),
    }
    return {
        f"{kind}_{name}": number
        for kind, matrix in kinds.items()
        for name, number in course(matrix, maps).items()
    }


def standardised(halves: np.ndarray) -> np.ndarray:
    """Return maps (..., cell) less their mean, of length 1; 0 for maps that are flat."""
    centred = halves - halves.mean(axis=-1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    return np.divide(centred, length, out=np.zeros(centred.shape), where=length > 0)


def within(maps: Maps) -> np.ndarray:
    """Return the correlation (session, unit) of the two halves of each session."""
    unit_maps = standardised(maps.halves)
    return np.einsum("suc,suc->su", unit_maps[:, 0], unit_maps[:, 1])


def between(maps: Maps) -> np.ndarray:
    """Return the correlation (session, session_other, unit) of halves of two sessions, the mean of
    four."""
    total = standardised(maps.halves).sum(axis=1) / 2
    ordered = np.ascontiguousarray(np.moveaxis(total, 1, 0))  # (unit, session, cell)
    return np.moveaxis(ordered @ ordered.swapaxes(1, 2), 0, -1)


def compared(maps: Maps) -> np.ndarray:
    """Return which units (session, session_other, unit) have a map in both sessions."""
    return maps.active[:, np.newaxis] & maps.active[np.newaxis]


def map_similarity(maps: Maps) -> np.ndarray:
    """Return the corrected similarity of maps (session, session_other)."""
    units = compared(maps).astype(float)
    same = within(maps)
    first = np.einsum("stu,su->st", units, same)
    later = np.einsum("stu,tu->st", units, same)
    total = (units * between(maps)).sum(axis=-1)
    usable = (first > 0) & (later > 0) & (units.sum(axis=-1) >= LEAST_UNITS)
    scale = np.sqrt(np.where(usable, first * later, 1.0))
    return np.where(usable, np.clip(total / scale, -LARGEST, LARGEST), np.nan)


def vector_similarity(maps: Maps) -> np.ndarray:
    """Return the corrected similarity of population vectors (session, session_other): covariance
    over units of the root of rates, summed over places."""
    return _covariances(np.sqrt(maps.halves), maps.present)


def rate_similarity(maps: Maps) -> np.ndarray:
    """Return the corrected similarity of mean rates of units (session, session_other)."""
    return _covariances(np.sqrt(maps.rates)[..., np.newaxis], maps.present)


def _covariances(halves: np.ndarray, present: np.ndarray) -> np.ndarray:
    """From values (session, half, unit, cell), of units that were recorded in both sessions."""
    sessions = len(halves)
    matrix = np.full((sessions, sessions), np.nan)
    for first in range(sessions):
        for later in range(first + 1, sessions):
            units = present[first] & present[later]
            if units.sum() >= 5:
                pair = halves[[first, later]][:, :, units]
                matrix[first, later] = matrix[later, first] = _of_pair(pair)
    return matrix


def _of_pair(pair: np.ndarray) -> float:
    centred = pair - pair.mean(axis=2, keepdims=True)
    rows = centred.reshape(2, 2, -1)
    first, later = float(rows[0, 0] @ rows[0, 1]), float(rows[1, 0] @ rows[1, 1])
    if first <= 0 or later <= 0:
        return np.nan
    total = float((rows[0, 0] + rows[0, 1]) @ (rows[1, 0] + rows[1, 1])) / 4
    return min(max(total / (first * later) ** 0.5, -LARGEST), LARGEST)


def lag_groups(maps: Maps) -> list[np.ndarray]:
    """Return positions among all pairs of sessions, from the shortest lags to the longest."""
    first, later = maps.pairs
    order = np.argsort(maps.elapsed[later] - maps.elapsed[first], kind="stable")
    return np.array_split(order, LAGS)


def course(matrix: np.ndarray, maps: Maps) -> dict[str, float]:
    """Return a similarity at four quantiles of lag, the exponent of its decay, and how much it
    changes with age at one lag.

    The exponent is the slope of log(-log C) against log lag; the change with age is that of the
    straight line C = b0 + b1 log lag + b2 age, age being the mean time of both sessions over that
    of the last.

    Parameters
    ----------
    matrix : numpy.ndarray
        (session, session_other).
    maps : Maps
    """
    first, later = maps.pairs
    values = matrix[first, later]
    lags = np.log(np.maximum(maps.elapsed[later] - maps.elapsed[first], 1e-3))
    age = (maps.elapsed[later] + maps.elapsed[first]) / (2 * max(maps.elapsed[-1], 1e-9))
    groups = [_mean(values[group]) for group in lag_groups(maps)]
    lost = np.log(-np.log(np.clip(values, 0.02, 0.99)))
    return {
        **{f"lag_{number + 1}": value for number, value in enumerate(groups)},
        "exponent": slope(lost, lags),
        "ageing": _ageing(values, lags, age),
    }


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else np.nan


def _ageing(values: np.ndarray, lags: np.ndarray, age: np.ndarray) -> float:
    usable = np.isfinite(values)
    if usable.sum() < 5:
        return np.nan
    design = np.column_stack([np.ones(usable.sum()), lags[usable], age[usable]])
    return float(np.linalg.lstsq(design, values[usable], rcond=None)[0][2])
