"""Activity as a list of events, which is short: what is counted again and again touches no sample
without an event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from drift.metrics.information.skaggs import information_per_second


class Events(NamedTuple):
    """Every non-zero entry of the activity, sorted by unit."""

    sample: np.ndarray
    unit: np.ndarray
    size: np.ndarray | None  # None where every event has size 1
    units: int


def listed_events(activity: np.ndarray) -> Events:
    """Events of activity without labels.

    Parameters
    ----------
    activity : numpy.ndarray
        (sample, unit), not negative; NaN counts as no event.

    Returns
    -------
    Events
    """
    unit, sample = np.nonzero(activity.T > 0)
    size = activity[sample, unit].astype(float)
    return Events(sample, unit, None if (size == 1).all() else size, activity.shape[1])


def unit_blocks(events: Events, largest: int = 16_384) -> list[tuple[slice, Events]]:
    """Events of consecutive units, in blocks that stay in the cache while they are counted many
    times.

    Parameters
    ----------
    events : Events
        What happened.
    largest : int
        Events in a block, unless a single unit has more.

    Returns
    -------
    list of (slice, Events)
        The units of each block, and their events with units counted from 0.
    """
    ends = np.searchsorted(events.unit, np.arange(events.units + 1))
    blocks, first = [], 0
    while first < events.units:
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + largest, side="right")) - 1)
        event_slice = slice(ends[first], ends[last])
        size = None if events.size is None else events.size[event_slice]
        blocks.append(
            (
                slice(first, last),
                Events(
                    events.sample[event_slice], events.unit[event_slice] - first, size, last - first
                ),
            )
        )
        first = last
    return blocks


def events_by_place(events: Events, place: np.ndarray, places: int) -> np.ndarray:
    """Summed size of the events of each unit at each place.

    Parameters
    ----------
    events : Events
        What happened.
    place : numpy.ndarray
        (event) int, where each happened; ``places`` stands for nowhere.
    places : int
        Number of places.

    Returns
    -------
    numpy.ndarray
        (unit, place) float.
    """
    cell = events.unit * (places + 1)
    cell += place
    counts = np.bincount(cell, weights=events.size, minlength=events.units * (places + 1))
    return counts.reshape(events.units, places + 1)[:, :places].astype(float)


def information_of_counts(
    counts: np.ndarray, occupancy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Skaggs information per event and per second of events counted by place.

    Parameters
    ----------
    counts : numpy.ndarray
        (..., unit, place) summed size of events; 0 where ``occupancy`` is 0.
    occupancy : numpy.ndarray
        (..., place) time spent, not 0 everywhere; dims before place as those of ``counts``, or
        none.

    Returns
    -------
    per_event, per_second : numpy.ndarray
        (..., unit) in bits/event, NaN for a unit without events, and in bits per unit of time, 0
        for such a unit.
    """
    rate = np.divide(counts, occupancy, out=np.zeros_like(counts), where=occupancy > 0)
    per_second, mean = information_per_second(
        rate, occupancy / occupancy.sum(axis=-1, keepdims=True)
    )
    return np.divide(per_second, mean, out=np.full(mean.shape, np.nan), where=mean > 0), per_second


def counted(repeats: int, unit: str, progress: bool) -> Iterable[int]:
    """Numbers 0, 1, ... below ``repeats``, with a progress bar where asked for.

    Parameters
    ----------
    repeats : int
        How many.
    unit : str
        What is repeated, for the bar.
    progress : bool
        Show the bar.

    Returns
    -------
    iterable of int
    """
    if not progress:
        return range(repeats)
    from drift.progress import progress_bar

    return progress_bar(range(repeats), unit=unit)
