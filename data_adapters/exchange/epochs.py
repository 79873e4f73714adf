"""Epochs of a series: stretches of time in which it was taken, which no frame and no interpolation
reaches beyond."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.alignment import positions_at
from drift.metrics.clocks import LONGEST_FRAME, frame_ends, largest_gap, refuse_times, usual_frame

PRECISION = 1e-8  # s; pynapple keeps nine decimals


class Epochs(NamedTuple):
    """(epoch) increasing, s."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]


def epoch_frame_ends(time: NDArray[np.float64], epochs: Epochs) -> NDArray[np.float64]:
    """Where frames end, s: none reaches beyond the epoch it lies in; an epoch that ends with its
    last sample has a usual one there."""
    frame = usual_frame(time)
    epoch = np.searchsorted(epochs.start, time + PRECISION, side="right") - 1
    closes = np.where(epochs.end[epoch] > time + PRECISION, epochs.end[epoch], time + frame)
    last = np.append(np.diff(epoch) > 0, True)
    ends = np.where(last, np.minimum(time + LONGEST_FRAME * frame, closes), frame_ends(time, frame))
    return np.minimum(ends, np.append(time[1:], np.inf))


def within_epochs(
    values: NDArray[np.float64],
    own: NDArray[np.float64],
    epochs: Epochs,
    time: NDArray[np.float64],
    max_gap: float | None = None,
    track_length: float | None = None,
) -> NDArray[np.float64]:
    """Values of a series at these times, NaN outside of its epochs; ``data_adapters.align`` in each
    of them.

    Parameters
    ----------
    values : numpy.ndarray
        (sample[, axis]).
    own : numpy.ndarray
        (sample) their times, s.
    epochs : Epochs
        Of the series.
    time : numpy.ndarray
        (frame) times asked for, s.
    max_gap : float, optional
        Longest step to interpolate over, s; default the larger of 0.5 s and three usual steps.
    track_length : float, optional
        In units of the values; default their range.
    """
    if np.array_equal(own, time):
        return values
    refuse_times(own, "times of an object")
    aligned_values = np.full((time.size, *values.shape[1:]), np.nan)
    gap = largest_gap(usual_frame(own)) if max_gap is None else max_gap
    for start, end in zip(epochs.start, epochs.end, strict=True):
        mine, covered = (
            (times > start - PRECISION) & (times < end + PRECISION) for times in (own, time)
        )
        if mine.sum() > 1:
            aligned_values[covered] = positions_at(
                values[mine], own[mine], time[covered], gap, track_length or extent(values)
            )
    return aligned_values


def extent(values: NDArray[np.float64]) -> float:
    """Range of the values that are known, along the longer axis."""
    finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    return float(np.ptp(values[finite], axis=0).max()) if finite.any() else 0.0
