"""Events counted by place, after many delays or in many subsamples, compiled."""

from __future__ import annotations

import numpy as np

from drift.loops.compiled import exact

LARGEST_TABLE = 2**16  # events of a unit


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
    table = _table(unit, size)
    of_events = (starts, unit, size.astype(np.int32) if table.size else size)
    inform = _inform_numbers if table.size else _inform
    inform(*of_events, chosen, place, occupancy, table, per_event, per_second)
    return per_event, per_second


def _table(unit: np.ndarray, size: np.ndarray) -> np.ndarray:
    """n log2 n of all numbers of events that a unit can have; empty where sizes are no numbers of
    events, or many."""
    most = np.bincount(unit, size).max(initial=0.0)
    if not most < LARGEST_TABLE or (size != np.rint(size)).any() or (size < 0).any():
        return np.zeros(0)
    numbers = np.arange(int(most) + 1)
    return numbers * np.log2(np.maximum(numbers, 1))


@exact
def _count_subsample(starts, unit, size, chosen, place, row, counts):
    """Add up the events of a subsample, (order, place, unit)."""
    counts[:] = 0
    for entry in range(chosen.shape[1]):
        sample = chosen[row, entry]
        for event in range(starts[sample], starts[sample + 1]):
            for order in range(counts.shape[0]):
                counts[order, place[row, order, entry], unit[event]] += size[event]


@exact
def _inform_numbers(starts, unit, size, chosen, place, occupancy, table, per_event, per_second):
    """Tell the information of all units in each subsample and order, from whole numbers of events,
    whose n log2 n are looked up for many units at once."""
    orders, units, places = per_event.shape[1], per_event.shape[2], occupancy.shape[2]
    counts = np.zeros((orders, places, units), np.int32)
    events, whole = np.zeros(units, np.int32), np.zeros(units)
    for row in range(chosen.shape[0]):
        _count_subsample(starts, unit, size, chosen, place, row, counts)
        for order in range(orders):
            events[:], whole[:], duration = 0, 0.0, 0.0
            for cell in range(places):
                time = occupancy[row, order, cell]
                duration += time
                level = np.log2(time) if time > 0.0 else 0.0
                for number in range(units):
                    count = counts[order, cell, number]
                    events[number] += count
                    whole[number] += table[np.uint32(count)] - count * level
            for number in range(units):
                per_event[row, order, number], per_second[row, order, number] = _of_sums(
                    float(events[number]), whole[number], duration
                )


@exact
def _inform(starts, unit, size, chosen, place, occupancy, table, per_event, per_second):
    """Tell the same from events of any size."""
    orders, units, places = per_event.shape[1], per_event.shape[2], occupancy.shape[2]
    counts = np.zeros((orders, places, units))
    events, whole = np.zeros(units), np.zeros(units)
    for row in range(chosen.shape[0]):
        _count_subsample(starts, unit, size, chosen, place, row, counts)
        for order in range(orders):
            events[:], whole[:], duration = 0.0, 0.0, 0.0
            for cell in range(places):
                time = occupancy[row, order, cell]
                duration += time
                level = np.log2(time) if time > 0.0 else 0.0
                for number in range(units):
                    count = counts[order, cell, number]
                    events[number] += count
                    if count > 0.0:
                        whole[number] += count * (np.log2(count) - level)
            for number in range(units):
                per_event[row, order, number], per_second[row, order, number] = _of_sums(
                    events[number], whole[number], duration
                )


@exact
def _of_sums(events, whole, duration):
    """Return Skaggs information per event and per second, sum_x n_x (log2 n_x - log2 t_x) / n -
    log2(n / T), of n_x events in the time t_x at a place and n in all of T."""
    if events == 0.0:
        return np.nan, 0.0
    mean = events / duration
    bits = whole / events - np.log2(mean)
    return bits, mean * bits
