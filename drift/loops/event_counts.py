"""Events counted by place, after many delays or in many subsamples, compiled."""

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


def information_of_subsamples(
    starts: np.ndarray,
    unit: np.ndarray,
    size: np.ndarray,
    chosen: np.ndarray,
    place: np.ndarray,
    occupancy: np.ndarray,
    units: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return Skaggs information of each unit in many subsamples, in several orders of their places:
    that of ``drift.metrics.information.events.information_of_counts``, to 1e-12, without maps.

    Parameters
    ----------
    starts : numpy.ndarray
        (sample + 1) int, where the events of each sample begin.
    unit, size : numpy.ndarray
        (event) in which unit each happened, and how large it was; sample by sample.
    chosen : numpy.ndarray
        (subsample, entry) int, samples that are looked at.
    place : numpy.ndarray
        (subsample, order, entry) int, the places that stand for theirs.
    occupancy : numpy.ndarray
        (subsample, order, place) time spent.
    units : int
        How many there are.

    Returns
    -------
    per_event, per_second : numpy.ndarray
        (subsample, order, unit) in bits/event, NaN for a unit without events, and in bits per unit
        of time.
    """
    per_event, per_second = (np.empty((*place.shape[:2], units)) for _ in range(2))
    _inform(starts, unit, size, chosen, place, occupancy, per_event, per_second)
    return per_event, per_second


@exact
def _inform(starts, unit, size, chosen, place, occupancy, per_event, per_second):
    """Count the events of each subsample and order, and tell the information of each unit."""
    units, places = per_event.shape[2], occupancy.shape[2]
    counts = np.zeros((units, places))
    for row in range(chosen.shape[0]):
        for order in range(place.shape[1]):
            counts[:] = 0.0
            for entry in range(chosen.shape[1]):
                sample, cell = chosen[row, entry], place[row, order, entry]
                for event in range(starts[sample], starts[sample + 1]):
                    counts[unit[event], cell] += size[event]
            time = occupancy[row, order]
            duration = time.sum()
            for number in range(units):
                events = counts[number].sum()
                if events == 0.0:
                    per_event[row, order, number], per_second[row, order, number] = np.nan, 0.0
                    continue
                mean, bits = events / duration, 0.0
                for cell in range(places):
                    if counts[number, cell] > 0.0:
                        ratio = counts[number, cell] / (time[cell] * mean)
                        bits += counts[number, cell] / events * np.log2(ratio)
                per_event[row, order, number] = bits
                per_second[row, order, number] = mean * bits
