"""Events counted by place after many delays, compiled."""

from __future__ import annotations

import numpy as np

from drift.loops.compiled import exact


def delayed_counts(
    sample: np.ndarray,
    unit: np.ndarray,
    size: np.ndarray | None,
    lags: np.ndarray,
    place: np.ndarray,
    shape: tuple[int, int],
) -> np.ndarray:
    """Return the summed size of the events of each unit at each place, after each delay.

    Parameters
    ----------
    sample, unit : numpy.ndarray
        (event) int, when each happened and in which unit.
    size : numpy.ndarray or None
        (event), None where every event has size 1.
    lags : numpy.ndarray
        (shuffle, unit) int in samples, or (shuffle, 1) for all units.
    place : numpy.ndarray
        (2 sample) int, the places of a recording twice in a row; the number of places stands for
        nowhere.
    shape : (int, int)
        Numbers of units and places.

    Returns
    -------
    numpy.ndarray
        (shuffle, unit, place); sizes are added in the order of the events.
    """
    units, places = shape
    counts = np.zeros((len(lags), units, places + 1))
    sizes = np.ones(1) if size is None else size
    _count(sample, unit, sizes, size is not None, lags, place, counts)
    return np.ascontiguousarray(counts[..., :places])


@exact
def _count(
    sample: np.ndarray,
    unit: np.ndarray,
    size: np.ndarray,
    sized: bool,
    lags: np.ndarray,
    place: np.ndarray,
    counts: np.ndarray,
) -> None:
    for shuffle in range(lags.shape[0]):
        for event in range(sample.size):
            owner = unit[event]
            lag = lags[shuffle, owner if lags.shape[1] > 1 else 0]
            counts[shuffle, owner, place[sample[event] + lag]] += size[event] if sized else 1.0
