"""Rate maps of the halves of sessions, and what similarities are made of."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from drift.inference.observed import Observed

LEAST_EVENTS = 5  # of a unit in a session, below which its map does not enter
SMOOTHING = 1.0  # bins


class Maps(NamedTuple):
    """Smoothed maps of one window.

    Attributes
    ----------
    halves : numpy.ndarray
        (session, half, unit, cell) events/s.
    whole : numpy.ndarray
        (session, unit, cell) events/s.
    rates : numpy.ndarray
        (session, half, unit) events/s in the whole half.
    events : numpy.ndarray
        (session, unit) in both halves.
    present, active : numpy.ndarray
        (session, unit) bool: recorded; and with enough events for a map.
    elapsed : numpy.ndarray
        (session,) days.
    places, ways : int
        The last axis is (place, way).
    """

    halves: np.ndarray
    whole: np.ndarray
    rates: np.ndarray
    events: np.ndarray
    present: np.ndarray
    active: np.ndarray
    elapsed: np.ndarray
    places: int
    ways: int

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Sessions of all pairs, the earlier and the later ones."""
        first, later = np.triu_indices(self.elapsed.size, 1)
        return first, later


@lru_cache(maxsize=256)
def kernel(places: int) -> np.ndarray:
    """Return the weights (place, place_other) of a Gaussian over bins, not normalised."""
    apart = np.subtract.outer(np.arange(places), np.arange(places))
    return np.exp(-0.5 * (apart / SMOOTHING) ** 2)


def maps_of(observed: Observed) -> Maps:
    """Return smoothed maps: smoothed events over smoothed time, at places near which the animal was
    in each half of each session."""
    shape = (*observed.time.shape[:-1], -1, observed.ways)
    time = np.einsum("pq,shqw->shpw", kernel_of(observed), observed.time.reshape(shape))
    grid = observed.counts.reshape(*observed.counts.shape[:-1], -1, observed.ways)
    counts = np.einsum("pq,shuqw->shupw", kernel_of(observed), grid, optimize=True)
    valid = (time > 1e-3 * time.mean()).all(axis=(0, 1, 3))
    time, counts = time[:, :, valid], counts[:, :, :, valid]
    halves = (counts / time[:, :, np.newaxis]).reshape(*counts.shape[:3], -1)
    both = counts.sum(axis=1) / time.sum(axis=1)[:, np.newaxis]
    events = observed.counts.sum(axis=(1, 3))
    rates = observed.counts.sum(axis=-1) / observed.time.sum(axis=-1)[..., np.newaxis]
    return Maps(
        halves,
        both.reshape(*both.shape[:2], -1),
        rates,
        events,
        observed.present,
        observed.present & (events >= LEAST_EVENTS),
        observed.elapsed,
        int(valid.sum()),
        observed.ways,
    )


def kernel_of(observed: Observed) -> np.ndarray:
    """Return the weights for the places of a window."""
    return kernel(observed.time.shape[-1] // observed.ways)


def ratio(numerator: float, denominator: float) -> float:
    """Return a quotient, NaN where the denominator is not above 0."""
    return float(numerator / denominator) if denominator > 0 else np.nan


def mean(values: np.ndarray, where: np.ndarray) -> float:
    """Return the mean of what is marked, NaN of nothing."""
    return ratio(float(values[where].sum()), float(where.sum()))


def slope(values: np.ndarray, along: np.ndarray) -> float:
    """Return the least-squares slope over finite values, NaN of fewer than two."""
    usable = np.isfinite(values) & np.isfinite(along)
    if usable.sum() < 2:
        return np.nan
    apart = along[usable] - along[usable].mean()
    return ratio(float((apart * values[usable]).sum()), float((apart**2).sum()))


def correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Return Pearson's correlation over values that are finite in both, NaN of fewer than four."""
    usable = np.isfinite(left) & np.isfinite(right)
    if usable.sum() < 4:
        return np.nan
    first, second = left[usable] - left[usable].mean(), right[usable] - right[usable].mean()
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return ratio(float((first * second).sum()), float(scale))
