"""Two clocks in one recording: positions at the frames of a microscope, spikes in the frames of a camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-7  # s; a file or a library may keep fewer digits of a time than float64


def positions_at(values: NDArray[np.float64], own: NDArray[np.float64], time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Position at these times, linear between its samples; NaN beside a lost sample and outside.

    Parameters
    ----------
    values : numpy.ndarray
        (sample[, axis]) positions.
    own : numpy.ndarray
        (sample) their times, s.
    time : numpy.ndarray
        (frame) times asked for, s.

    Returns
    -------
    numpy.ndarray
        (frame[, axis]).
    """
    if np.array_equal(own, time):
        return values
    axes = values.reshape(len(own), -1).T
    found = np.stack([np.interp(time, own, axis, left=np.nan, right=np.nan) for axis in axes], axis=1)
    return found[:, 0] if values.ndim == 1 else found


def frame_counts(trains: Sequence[NDArray[np.float64]], time: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Spikes in each frame: a spike belongs to the last frame that begins before or at it.

    Parameters
    ----------
    trains : sequence of numpy.ndarray
        Spike times of each unit, s.
    time : numpy.ndarray
        (frame) beginnings, s; the last frame is as long as the median one.

    Returns
    -------
    counts : numpy.ndarray
        (frame, unit).
    outside : int
        Spikes before the first or after the last frame.
    """
    edges = np.append(time, time[-1] + np.median(np.diff(time)))
    counts = np.zeros((len(time), len(trains)))
    for unit, train in enumerate(trains):
        frame = np.searchsorted(edges, train, side="right") - 1
        counts[:, unit] = np.bincount(frame[(frame >= 0) & (frame < len(time))], minlength=len(time))
    return counts, sum(map(len, trains)) - int(counts.sum())


def spike_times(counts: NDArray[np.float64], time: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Spike times that ``frame_counts`` turns back into these counts: spread evenly over the first half of their frames.

    There a spike is also nearest to the beginning of its own frame, which is the rule of other programs.

    Parameters
    ----------
    counts : numpy.ndarray
        (frame, unit) whole numbers.
    time : numpy.ndarray
        (frame) beginnings, s.

    Returns
    -------
    list of numpy.ndarray
        Increasing times of each unit, s.
    """
    length = np.diff(time, append=time[-1] + np.median(np.diff(time)))
    trains = []
    for unit in counts.T.astype(int):
        frame = np.repeat(np.arange(len(time)), unit)
        rank = np.arange(frame.size) - np.repeat(np.cumsum(unit) - unit, unit)
        trains.append(time[frame] + (rank + 0.5) / unit[frame] * length[frame] / 2)
    return trains


def runs(value: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last sample of each stretch of equal numbers other than 0, in order."""
    edges = np.flatnonzero(np.diff(value, prepend=0, append=0))
    starts, stops = edges[edges < len(value)], edges[edges > 0]
    starts = starts[value[starts] != 0]
    stops = stops[value[stops - 1] != 0] - 1
    return starts, stops


def interval_bounds(
    time: NDArray[np.float64], starts: NDArray[np.int64], stops: NDArray[np.int64], gap: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Start and end of stretches of samples, s: a sample lasts until the next one, less a gap where intervals must not touch."""
    following = np.append(time[1:], time[-1] + np.median(np.diff(time)))
    return time[starts], following[stops] - gap


def stretches(
    time: NDArray[np.float64], starts: NDArray[np.float64], stops: NDArray[np.float64], values: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Value of the interval that each sample lies in, 0 outside of all; undoes ``runs`` with ``interval_bounds``."""
    found = np.zeros(len(time), dtype=np.int64)
    for start, stop, value in zip(starts, stops, values, strict=True):
        found[(time > start - ROUNDING) & (time < stop - ROUNDING)] = value
    return found
