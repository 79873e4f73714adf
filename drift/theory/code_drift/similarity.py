"""Similarity of two codes as the theory of Top-K drift defines it, measured on activity by unit and
place."""

from __future__ import annotations

import numpy as np

from drift.door import opened
from drift.door.quantities import OfPlacesAndUnits

ACTIVE = 1e-9  # share of the largest activity below which what is left of a unit is rounding
STATISTICS = (
    "population_vector_cosine",
    "population_vector_pearson",
    "active_set_overlap",
    "pooled_rate_map_correlation",
)


@opened
def active_units(activity: np.ndarray) -> np.ndarray:
    """Tell which units are active at which place.

    Parameters
    ----------
    activity : numpy.ndarray
        (place, unit), not negative; NaN where not observed.

    Returns
    -------
    numpy.ndarray
        (place, unit) bool.
    """
    return activity > ACTIVE * np.nanmax(activity, initial=0.0)


def _ratio(product: np.ndarray, *powers: np.ndarray) -> np.ndarray:
    scale = np.sqrt(np.prod(powers, axis=0))
    return np.divide(product, scale, out=np.full(np.shape(product), np.nan), where=scale > 0)


def _cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    # (place)
    return _ratio((first * second).sum(axis=-1), (first**2).sum(axis=-1), (second**2).sum(axis=-1))


def _centred(activity: np.ndarray, axis: int) -> np.ndarray:
    return activity - activity.mean(axis=axis, keepdims=True)


@opened
def measured_similarity(one: OfPlacesAndUnits, other: OfPlacesAndUnits) -> np.ndarray:
    """Four similarities of two codes.

    Cosine and Pearson correlation over units and units active in both over the geometric mean of
    those active in each, at every place and then averaged over the places where they are defined;
    one correlation over all units and places of the maps less their own means over places.

    Parameters
    ----------
    one, other : numpy.ndarray
        (place, unit) activity, finite: places and units that were observed in both.

    Returns
    -------
    numpy.ndarray
        (statistic) in the order of ``STATISTICS``; NaN where undefined.

    References
    ----------
    Defined here, as the observed side of ``drift.theory.code_drift.closed_forms``.
    """
    if one.size == 0:
        return np.full(len(STATISTICS), np.nan)
    active, still = active_units(one).astype(float), active_units(other).astype(float)
    by_place = np.stack(
        [_cosine(one, other), _cosine(_centred(one, 1), _centred(other, 1)), _cosine(active, still)]
    )
    defined = np.isfinite(by_place)
    total = np.where(defined, by_place, 0.0).sum(axis=1)
    means = np.divide(total, defined.sum(axis=1), out=np.full(3, np.nan), where=defined.any(axis=1))
    maps, other_maps = (_centred(activity, 0).ravel() for activity in (one, other))
    return np.append(means, _cosine(maps, other_maps))
