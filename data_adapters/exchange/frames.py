"""Frames of a camera: which spikes they hold, which stretches of time they make up, and the way
back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data_adapters.alignment import ROUNDING
from drift.errors import RefusedInputError
from drift.metrics.clocks import frame_ends, largest_gap, usual_frame

OUTSIDE = "spikes left out because they lie outside of the tracked frames"
MISTAKEN = (500.0, 2000.0)  # times the tracked time, about where spikes in milliseconds end
FEW = 0.02  # share of spikes in frames; with it, such spikes are in milliseconds


def frame_counts(
    trains: Sequence[NDArray[np.float64]],
    time: NDArray[np.float64],
    ends: NDArray[np.float64],
    what: str = "spike times",
    amplitudes: Sequence[NDArray[np.float64]] | None = None,
) -> tuple[NDArray[np.float64], int]:
    """Spikes in each frame: a spike belongs to the frame that begins before or at it, and ends
    after it.

    Parameters
    ----------
    trains : sequence of numpy.ndarray
        Spike times of each unit, s.
    time : numpy.ndarray
        (frame) beginnings, s.
    ends : numpy.ndarray
        (frame) ends, s, not after the next beginning; see ``drift.metrics.clocks.frame_ends``.
    what : str
        What the spikes are and where they stand, for the message.
    amplitudes : sequence of numpy.ndarray, optional
        Size of each event, in the place of 1.

    Returns
    -------
    counts : numpy.ndarray
        (frame, unit).
    outside : int
        Spikes before the first or after the last frame, or in a gap between frames.

    Raises
    ------
    RefusedInputError
        If the spikes are milliseconds.
    """
    counts = np.zeros((len(trains), len(time))).T  # unit by unit in memory, as it is filled
    inside_frames = 0
    for unit, train in enumerate(trains):
        row = np.searchsorted(time, train, side="right") - 1
        inside = (row >= 0) & (train < ends[np.maximum(row, 0)])
        weights = None if amplitudes is None else amplitudes[unit][inside]
        counts[:, unit] = np.bincount(row[inside], weights, minlength=len(time))
        inside_frames += int(inside.sum())
    spikes = sum(map(len, trains))
    _refuse_milliseconds(trains, time, inside_frames < FEW * spikes, what)
    return counts, spikes - inside_frames


def _refuse_milliseconds(
    trains: Sequence[NDArray[np.float64]], time: NDArray[np.float64], few: bool, what: str
) -> None:
    last = max((float(train.max()) for train in trains if len(train)), default=0.0)
    if few and MISTAKEN[0] * time[-1] < last < MISTAKEN[1] * time[-1]:
        raise RefusedInputError(
            f"{what} were expected in seconds, got times until {last:g} beside frames until "
            f"{time[-1]:g} s: divide milliseconds by 1000."
        )


def outside_note(outside: int) -> str:
    """What is said of spikes that no frame holds; empty where there are none."""
    return f"{outside} {OUTSIDE}" if outside else ""


def spike_times(
    counts: NDArray[np.float64], time: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Spike times that ``frame_counts`` turns back into these counts: spread evenly over the first
    half of their frames.

    There a spike is also nearest to the beginning of its own frame, which is the rule of other
    programs.

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
    usual = usual_frame(time)
    length = np.minimum(frame_ends(time, usual) - time, usual)
    trains = []
    for unit in counts.T.astype(int):
        frame = np.repeat(np.arange(len(time)), unit)
        rank = np.arange(frame.size) - np.repeat(np.cumsum(unit) - unit, unit)
        trains.append(time[frame] + (rank + 0.5) / unit[frame] * length[frame] / 2)
    return trains


def runs(
    value: NDArray[np.int64], time: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last sample of each stretch of equal numbers other than 0, in order; with times,
    none reaches across a gap."""
    change = np.diff(value, prepend=0, append=0) != 0
    if time is not None:
        change[1:-1] |= np.diff(time) > largest_gap(usual_frame(time)) + ROUNDING
    edges = np.flatnonzero(change)
    starts, stops = edges[edges < len(value)], edges[edges > 0]
    starts = starts[value[starts] != 0]
    stops = stops[value[stops - 1] != 0] - 1
    return starts, stops


def interval_bounds(
    time: NDArray[np.float64], starts: NDArray[np.int64], stops: NDArray[np.int64], gap: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Start and end of stretches of samples, s: a sample lasts until the next one, less a gap where
    intervals must not touch."""
    frame = usual_frame(time)
    following = np.append(time[1:], time[-1] + frame)
    ends = np.where(following - time > largest_gap(frame) + ROUNDING, time + frame, following)
    return time[starts], ends[stops] - gap


def stretches(
    time: NDArray[np.float64],
    starts: NDArray[np.float64],
    stops: NDArray[np.float64],
    values: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Value of the interval that each sample lies in, 0 outside of all; undoes ``runs`` with
    ``interval_bounds``."""
    sample_values = np.zeros(len(time), dtype=np.int64)
    first = np.searchsorted(time, np.asarray(starts) - ROUNDING, side="right")
    after = np.searchsorted(time, np.asarray(stops) - ROUNDING, side="left")
    for start, stop, value in zip(first, after, values, strict=True):
        sample_values[start:stop] = value
    return sample_values
