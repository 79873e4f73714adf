"""Two clocks in one recording: positions of a camera at the frames of a microscope, only where they
are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_adapters.session import numbers
from drift.door import opened
from drift.errors import RefusedInputError
from drift.measurement.speeds import jumps
from drift.metrics.clocks import frame_ends, largest_gap, refuse_times
from drift.metrics.places import shorter_way

ROUNDING = 1e-7  # s; a file or a library may keep fewer digits of a time than float64


@opened
def align(
    time: ArrayLike,
    own_time: ArrayLike,
    position: ArrayLike,
    max_gap: float | None = None,
    track_length: float | None = None,
    *,
    ring: bool = False,
) -> NDArray[np.float64]:
    """Position at the times of another clock: on a line between its own samples, and nowhere where
    it is not known.

    p(t) = p_i + (p_{i+1} - p_i) (t - t_i) / (t_{i+1} - t_i) between two samples closer than
    ``max_gap``. Across a step larger than half of the track, where an animal is teleported, the
    nearer sample counts; around a ring the line goes the shorter way.

    Parameters
    ----------
    time : array_like
        (frame) times asked for, s, increasing.
    own_time : array_like
        (sample) times of the positions, s, increasing.
    position : array_like
        (sample,) or (sample, axis), any unit of length; NaN where tracking was lost.
    max_gap : float, optional
        In s; default the larger of 0.5 s and three median steps of ``own_time``.
    track_length : float, optional
        In units of position; default the range of the positions, in a plane of its longer side.
    ring : bool
        The end of the track is its beginning; needs ``track_length``.

    Returns
    -------
    numpy.ndarray
        (frame,) or (frame, axis); NaN before the first and after the last sample, in gaps, and
        beside a lost sample.

    Raises
    ------
    RefusedInputError
        If times do not increase or are no seconds, there is not one position for each of
        ``own_time``, ``max_gap`` is not above 0, or the length of a ring is not known.

    Examples
    --------
    >>> data_adapters.align([0.05, 0.15, 5.0], [0.0, 0.1, 0.2, 9.0], [0.0, 1.0, 2.0, 3.0])
    array([0.5, 1.5, nan])
    """
    frame_times, own = (
        refuse_times(numbers(values, name).ravel(), name)
        for values, name in ((time, "time"), (own_time, "own_time"))
    )
    values = numbers(position, "position")
    if values.ndim not in (1, 2) or len(values) != own.size:
        raise RefusedInputError(
            f"position was expected with one row for each of own_time ({own.size}), got shape "
            f"{values.shape}: cut both alike."
        )
    if max_gap is not None and not max_gap > 0:
        raise RefusedInputError(
            f"max_gap was expected above 0 s, got {max_gap}: leave it out for the default."
        )
    if ring and (track_length is None or not track_length > 0):
        raise RefusedInputError(
            f"a ring needs its length, got track_length={track_length}: give it in units of "
            "position."
        )
    gap = largest_gap(float(np.median(np.diff(own)))) if max_gap is None else float(max_gap)
    return positions_at(values, own, frame_times, gap, track_length, ring)


def positions_at(
    values: NDArray[np.float64],
    own: NDArray[np.float64],
    time: NDArray[np.float64],
    max_gap: float | None = None,
    track_length: float | None = None,
    ring: bool = False,
) -> NDArray[np.float64]:
    """``align`` of times and positions that were checked before; equal clocks return the values as
    they are."""
    if np.array_equal(own, time):
        return values
    gap = largest_gap(float(np.median(np.diff(own)))) if max_gap is None else max_gap
    rows = values.reshape(own.size, -1)
    left = np.clip(np.searchsorted(own, time, side="right") - 1, 0, own.size - 2)
    fraction = (time - own[left]) / (own[left + 1] - own[left])
    nearer = left + (fraction > 0.5)
    around = track_length if ring else None
    way = shorter_way(rows[left + 1] - rows[left], around)
    between = rows[left] + way * fraction[:, np.newaxis]
    if around is None:
        between = np.where(jumps(rows, track_length)[left, np.newaxis], rows[nearer], between)
    positions = between if around is None else _within_turn(between, rows, around)
    bracketed = (fraction >= 0) & (fraction <= 1) & (np.diff(own)[left] <= gap + ROUNDING)
    positions[~bracketed] = np.nan
    hit = np.abs(time - own[nearer]) <= ROUNDING
    positions[hit] = rows[nearer[hit]]
    return positions.reshape(time.size, *values.shape[1:])


def _within_turn(
    positions: NDArray[np.float64], rows: NDArray[np.float64], around: float
) -> NDArray[np.float64]:
    """Positions that went beyond the seam of a ring, brought back to the turn that samples lie
    in."""
    low, high = np.nanmin(rows), np.nanmax(rows)
    start = low if low < 0 or high > around else 0.0
    return np.where(
        (positions < low) | (positions > high), start + (positions - start) % around, positions
    )


def held_at(
    values: NDArray[Any], own: NDArray[np.float64], time: NDArray[np.float64]
) -> NDArray[Any]:
    """Value of the sample that a time lies in, which lasts until the next one; 0 before the first
    and in gaps."""
    if np.array_equal(own, time):
        return values
    frame = float(np.median(np.diff(own)))
    row = np.searchsorted(own, time + ROUNDING, side="right") - 1
    inside = (row >= 0) & (time < frame_ends(own, frame)[np.maximum(row, 0)] + ROUNDING)
    return np.where(inside, values[np.maximum(row, 0)], 0)
