"""When a search says something: estimates at a bound, searches that did not end, statistics that
were left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from circuits.fitting.bounds import Bounds
from circuits.fitting.search import WIDE, Searched

# of the search range: candidates that differ by more are no estimate, however little the recording
# tells
COARSE = 0.05
EDGE = 0.01  # of the search range: nearer to a bound the bound, not the recording, sets the value
NEAR = 0.1  # of the search range: as far as the last step goes
CONFIDENCE = 0.95
UNDEFINED = {
    "spatial_information": "no unit has enough events in a session",
    "place_fields": "no unit has enough events in a session",
    "map_similarity": "no unit has enough events in two such sessions",
    "population_similarity": "no two such sessions share active units",
    "rate_similarity": "no two such sessions share active units",
}


def at_bounds(unit: np.ndarray, aimed: np.ndarray, found: Searched) -> np.ndarray:
    """Return -1 where an estimate is held by its lower bound, 1 by its upper bound, 0 by none,
    (parameter,).

    It is held by a bound at which it lies or the best search ended, or to which it is near while
    the distance falls on beyond it.

    Parameters
    ----------
    unit, aimed : numpy.ndarray
        (parameter,) the estimate, and where the local law has its minimum, in coordinates of the
        search, from 0 to 1.
    found : Searched
        All restarts.
    """
    ended = found.unit[np.argmin(found.distance)]
    upper = (np.maximum(unit, ended) > 1 - EDGE) | ((unit > 1 - NEAR) & (aimed > 1))
    lower = (np.minimum(unit, ended) < EDGE) | ((unit < NEAR) & (aimed < 0))
    return upper.astype(int) - lower.astype(int)


def _alike(optima: Searched) -> np.ndarray:
    """Restarts that describe the recording equally well, (restart,) bool."""
    return np.asarray(optima.distance <= optima.distance.min() + chi2.ppf(CONFIDENCE, 1))


def settled(found: Searched, half: np.ndarray) -> bool:
    """Tell whether the best search ended: by itself, within the interval, or beside another one
    that is as good.

    Parameters
    ----------
    found : Searched
        All restarts.
    half : numpy.ndarray
        (parameter,) half of the interval, in coordinates of the search.
    """
    best = int(np.argmin(found.distance))
    beside = (np.abs(found.unit - found.unit[best]) < half).all(axis=1) & _alike(found)
    narrow = (
        found.spread[best] < np.minimum(half, COARSE)
    ).all()  # candidates differ by less than what the recording can tell
    return bool(found.converged[best] or narrow or beside.sum() > 1)


def certain(found: Searched, bounds: Bounds, unit: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Tell where the recording narrows the search range to less than half of it, (parameter,) bool.

    Shares of the range are those of logarithms where bounds are positive.

    Parameters
    ----------
    found : Searched
        All restarts.
    bounds : Bounds
        Of the search.
    unit, half : numpy.ndarray
        (parameter,) middle and half of the interval, in coordinates of the search.
    """
    ends = [bounds.values(unit - half), bounds.values(unit + half)]
    cut = (unit - half < 0) | (unit + half > 1)  # a bound may cut off a part
    width = np.maximum(bounds.shares(*ends), np.where(cut, 2 * half, 0.0))
    reached = bounds.values(found.unit[_alike(found)])
    return np.asarray(np.maximum(width, bounds.shares(reached.min(0), reached.max(0))) < WIDE)


def left_out(target: np.ndarray, usable: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """Return why each statistic is left out of the fit, (statistic,) text, empty for those that are
    used.

    Parameters
    ----------
    target : numpy.ndarray
        (statistic,) of the recording.
    usable : numpy.ndarray
        (statistic,) bool.
    groups : sequence of str
        Of each statistic.
    """
    reasons = [
        UNDEFINED.get(group, "it is not defined") if not np.isfinite(value) else ""
        for value, group in zip(target, groups, strict=True)
    ]
    return np.array(
        [
            "" if used else reason or "it does not vary over units"
            for used, reason in zip(usable, reasons, strict=True)
        ],
        dtype=str,
    )
