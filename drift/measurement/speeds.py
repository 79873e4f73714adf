"""How fast a subject moves, from positions that jitter, are held, wrap, and are lost.

Speed is the slope of a line fitted to the positions of half a second around a sample. No window
reaches across a gap or a step of more than half of the track (a wrap, a teleport); around a ring
positions go on where it closes (``unrolled``). A sample without a position has no speed and is
passed over by the others.

Where a speed must be told from rest, three windows hold a sample: around it, before it and after
it. The one whose line leaves decisively less counts, so that no rest is cut short by the length of
the window. What a line leaves is not told more finely than the usual step of the positions, 1 /
sqrt 12 of it, so that positions that are held or rounded are no rest. Where positions jitter so
much that half a second cannot tell the speed from rest, the windows are longer, up to a second: a
line over W s through samples that are d s apart and jitter by s has a slope with the standard
deviation s sqrt(12 d / W^3), and a third of that speed is what it may be.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.metrics.clocks import largest_gap

WINDOW = 0.5  # s
LONGEST_WINDOW = 1.0  # s
RESOLVED = 3.0  # standard deviations of the slope of jitter in the speed asked for
BLOCK = 512  # samples summed from an origin of their own, so that long recordings keep their digits
# share of the variance about the line around a sample that a line to one side must stay below
DECISIVE = 0.5
SLACK = 1e-6  # of a frame; times are rounded


class _Lines(NamedTuple):
    """Slope of each axis (sample, axis), residual sum of squares (sample) and samples (sample) of a
    line for every sample."""

    slope: NDArray[np.float64]
    residual: NDArray[np.float64]
    samples: NDArray[np.int64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """(sample) of what the line leaves; infinite where two samples leave nothing to tell it
        by."""
        free = (self.samples - 2) * self.slope.shape[1]
        return np.divide(self.residual, free, out=np.full(free.shape, np.inf), where=free > 0)


def jumps(position: NDArray[np.float64], track_length: float | None = None) -> NDArray[np.bool_]:
    """Tell where the next sample is more than half of the track away: a wrap or a teleport, and no
    way that was run.

    Parameters
    ----------
    position : numpy.ndarray
        (sample, axis), NaN where tracking was lost.
    track_length : float, optional
        In units of position; default the range of the positions, in a plane of its longer side.

    Returns
    -------
    numpy.ndarray
        (sample - 1) bool.
    """
    tracked = position[np.isfinite(position).all(axis=1)]
    extent = np.ptp(tracked, axis=0).max(initial=0.0) if len(tracked) else 0.0
    half = (extent if track_length is None else track_length) / 2
    return np.sqrt((np.diff(position, axis=0) ** 2).sum(axis=1)) > half


def unrolled(position: NDArray[np.float64], around: float) -> NDArray[np.float64]:
    """Positions on a ring as a way that does not close: each the shorter way from the last one
    known.

    Parameters
    ----------
    position : numpy.ndarray
        (sample, axis), NaN where tracking was lost.
    around : float
        Length around the ring.

    Returns
    -------
    numpy.ndarray
        (sample, axis).
    """
    way, tracked = position.copy(), np.isfinite(position).all(axis=1)
    way[tracked] = np.unwrap(position[tracked], period=around, axis=0)
    return way


def joined(
    position: NDArray[np.float64],
    time: NDArray[np.float64],
    frame: float,
    track_length: float | None = None,
) -> NDArray[np.bool_]:
    """Tell which neighbouring samples belong to one path: both tracked, no gap between them, no
    jump.

    Parameters
    ----------
    position : numpy.ndarray
        (sample, axis), NaN where tracking was lost.
    time : numpy.ndarray
        (sample) s.
    frame : float
        Usual time from sample to sample, s.
    track_length : float, optional
        See ``jumps``.

    Returns
    -------
    numpy.ndarray
        (sample - 1) bool.
    """
    tracked = np.asarray(np.isfinite(position).all(axis=1))
    near = np.diff(time) <= largest_gap(frame) * (1 + SLACK)
    return tracked[1:] & tracked[:-1] & near & ~jumps(position, track_length)


def speeds(
    position: NDArray[np.float64],
    time: NDArray[np.float64],
    frame: float,
    resolved: float = np.inf,
    track_length: float | None = None,
) -> NDArray[np.float64]:
    """Speed of a subject in each sample.

    Parameters
    ----------
    position : numpy.ndarray
        (sample, axis), NaN where tracking was lost.
    time : numpy.ndarray
        (sample) increasing times, s.
    frame : float
        Usual time from sample to sample, s.
    resolved : float
        Speed to be told from rest, in units of position per second, by the window in which the
        motion is steady; jitter that hides it makes the windows longer. By default none: the window
        around each sample counts.
    track_length : float, optional
        In units of position, see ``jumps``.

    Returns
    -------
    numpy.ndarray
        (sample) in units of position per second; NaN where the position is unknown, or known in no
        other sample nearby.
    """
    tracked = np.asarray(np.isfinite(position).all(axis=1))
    speed = np.full(time.size, np.nan)
    if tracked.any():
        speed[tracked] = _of_tracked(
            position[tracked], time[tracked], frame, resolved, track_length
        )
    return speed


def _of_tracked(
    position: NDArray[np.float64],
    time: NDArray[np.float64],
    frame: float,
    resolved: float,
    track_length: float | None,
) -> NDArray[np.float64]:
    """(sample) ``speeds`` of positions that are all known."""
    path = np.concatenate([[0], np.cumsum(~joined(position, time, frame, track_length))])
    first, last = np.searchsorted(path, path), np.searchsorted(path, path, side="right")
    lines = _around(position, time, frame, WINDOW, first, last)
    slope = lines.slope
    if 0 < resolved < np.inf:
        window = _window(lines, frame, resolved)
        lines = lines if window == WINDOW else _around(position, time, frame, window, first, last)
        slope = _best(lines, position, time, window + SLACK * frame, first, last)
    return np.asarray(np.sqrt((slope**2).sum(axis=1)))


def _around(
    position: NDArray[np.float64],
    time: NDArray[np.float64],
    frame: float,
    window: float,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> _Lines:
    """Lines through the window around each sample, and at least through its neighbours on the same
    path."""
    half, own = window / 2 + SLACK * frame, np.arange(time.size)
    low = np.minimum(np.searchsorted(time, time - half), own - 1)
    high = np.maximum(np.searchsorted(time, time + half, side="right"), own + 2)
    return _lines(position, time, np.maximum(first, low), np.minimum(last, high))


def _window(lines: _Lines, frame: float, resolved: float) -> float:
    """Length of the window that tells the speed from rest, s, by the jitter about the lines through
    the shortest one."""
    free = (lines.samples - 2) * lines.slope.shape[1]
    told = free[free > 0]
    if not told.size:
        return WINDOW
    # The median of a chi-squared variable with k degrees of freedom is k (1 - 2 / (9 k))^3, by
    # Wilson and Hilferty.
    jitter = np.median(lines.residual[free > 0] / (told * (1 - 2 / (9 * told)) ** 3))
    return float(
        np.clip(
            (12 * frame * jitter * (RESOLVED / resolved) ** 2) ** (1 / 3), WINDOW, LONGEST_WINDOW
        )
    )


def _best(
    around: _Lines,
    position: NDArray[np.float64],
    time: NDArray[np.float64],
    window: float,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(sample, axis) slope of the line that leaves least: around, before or after the sample."""
    own = np.arange(time.size)
    before = _lines(
        position, time, np.maximum(first, np.searchsorted(time, time - window)), own + 1
    )
    after = _lines(
        position, time, own, np.minimum(last, np.searchsorted(time, time + window, side="right"))
    )
    three, finest = (around, before, after), _finest(position, first)
    best_line = np.argmin(
        [(lines.variance + finest) * weight for lines, weight in zip(three, (DECISIVE, 1.0, 1.0))],
        axis=0,
    )
    return np.stack([lines.slope for lines in three])[best_line, own]


def _finest(position: NDArray[np.float64], first: NDArray[np.int64]) -> float:
    """Variance within the usual step of positions that change, as if they were rounded to it."""
    step = np.diff(position, axis=0)[first[1:] == first[:-1]]
    changed = np.abs(step[step != 0])
    return float(np.median(changed) ** 2 / 12) if changed.size else 0.0


def _lines(
    position: NDArray[np.float64],
    time: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> _Lines:
    """Lines through the samples low to high - 1, by running sums."""
    ranges = [slice(start, start + BLOCK) for start in range(0, time.size, BLOCK)]
    blocks = [_block(position, time, low[samples], high[samples]) for samples in ranges]
    return _Lines(*(np.concatenate(column) for column in zip(*blocks)))


def _block(
    position: NDArray[np.float64],
    time: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> _Lines:
    begin, end = low.min(), high.max()
    times, positions = (
        time[begin:end, np.newaxis] - time[begin],
        position[begin:end] - position[begin],
    )

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        running = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        return running[high - begin] - running[low - begin]

    count = high - low
    sum_of_times, sum_of_positions = summed(times), summed(positions)
    spread = summed(times * times) - sum_of_times**2 / count[:, np.newaxis]
    shared = summed(times * positions) - sum_of_times * sum_of_positions / count[:, np.newaxis]
    slope = np.divide(
        shared, spread, out=np.full(shared.shape, np.nan), where=(count > 1)[:, np.newaxis]
    )
    left = (
        summed(positions * positions) - sum_of_positions**2 / count[:, np.newaxis] - slope * shared
    )
    return _Lines(slope, np.maximum(left.sum(axis=1), 0.0), count)
