"""Which imaging frames belong to which video: trials paired by number, or aligned by frame count
where a recording was split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 100  # frames; a pair that differs by more was interrupted
AMBIGUITY = 5  # frames; alignments that are as good as this cannot be told apart
LOST_TRIAL, LOST_RECORDING = 1000.0, 150.0
FAITHFUL_TRIALS = range(1, 6)
# recordings and videos that one step of an alignment takes
STEPS = ((1, 0), (0, 1), (1, 1), (2, 1), (1, 2))


class Pair(NamedTuple):
    """Trial number (from 1), and the imaging recordings and videos (first, last excluded) that show
    it."""

    trial: int
    rows: tuple[int, int]
    videos: tuple[int, int]


def paired(
    rows: Sequence[int], videos: Sequence[int | None], faithful: bool = False
) -> tuple[list[Pair], list[str]]:
    """Imaging recordings and videos of the same trials.

    One recording more than videos (the last one, in the home cage, has none) is the normal case:
    the i-th belong together. Otherwise a recording or a video was split or is missing, and pairing
    by number would shift every later trial: they are aligned in order by their frames, one to one
    or one to two. What cannot be aligned within 100 frames, or as well in another way, is left out.

    Parameters
    ----------
    rows : sequence of int
        Frames of each imaging recording.
    videos : sequence of int or None
        Frames of each video; None in the home cage. The first is always the home cage.
    faithful : bool
        Recordings and videos 2 to 6 by number, as the authors do.

    Returns
    -------
    pairs, reasons : list of Pair, list of str
        In order of trials; why trials were left out, or what was cut.
    """
    tracked = [index for index, frames in enumerate(videos) if frames is not None and index > 0]
    if faithful or len(rows) == len(videos) + 1:
        imaged_trials = [
            index
            for index in tracked
            if index < len(rows) and (not faithful or index in FAITHFUL_TRIALS)
        ]
        pairs = [Pair(index, (index, index + 1), (index, index + 1)) for index in imaged_trials]
        far = [
            index for index in imaged_trials if abs(rows[index] - (videos[index] or 0)) > TOLERANCE
        ]
        lost = [
            f"trial {index}: no imaging recording"
            for index in tracked
            if index not in imaged_trials
        ]
        return pairs, [
            *lost,
            *(
                f"trial {index}: cut, {videos[index]} video and {rows[index]} imaging frames"
                for index in far
            ),
        ]
    return _aligned(rows, [videos[index] or 0 for index in tracked], tracked)


def _aligned(
    rows: Sequence[int], videos: list[int], numbers: list[int]
) -> tuple[list[Pair], list[str]]:
    before = _cheapest(rows, videos)
    after = _cheapest(rows[::-1], videos[::-1])[::-1, ::-1]
    best = before[-1, -1]
    options: dict[int, dict[tuple[int, int, int, int], float]] = {}
    for at, step, cost in _steps(rows, videos):
        if min(step):
            to = at[0] + step[0], at[1] + step[1]
            for video in range(at[1], to[1]):
                options.setdefault(video, {})[at[0], to[0], at[1], to[1]] = (
                    before[at] + cost + after[to]
                )
    pairs, reasons = {}, []
    for video, number in enumerate(numbers):
        good = [span for span, total in options.get(video, {}).items() if total <= best + AMBIGUITY]
        if len(good) == 1 and options[video][good[0]] == best:
            first, last, begin, end = good[0]
            pairs[good[0]] = Pair(
                numbers[begin], (first, last), (numbers[begin], numbers[end - 1] + 1)
            )
        else:
            why = "fits several imaging recordings" if good else "fits no imaging recording"
            reasons.append(f"trial {number}: its {videos[video]} video frames {why}")
    return list(pairs.values()), reasons


def _steps(
    rows: Sequence[int], videos: Sequence[int]
) -> Iterator[tuple[tuple[int, int], tuple[int, int], float]]:
    """Every step (recordings, videos) that an alignment may take from every place, and its cost in
    frames."""
    for at in np.ndindex(len(rows) + 1, len(videos) + 1):
        for step in STEPS:
            if at[0] + step[0] > len(rows) or at[1] + step[1] > len(videos):
                continue
            apart = abs(sum(rows[at[0] : at[0] + step[0]]) - sum(videos[at[1] : at[1] + step[1]]))
            if step == (1, 0):
                yield (at[0], at[1]), step, 0.0 if at[0] in (0, len(rows) - 1) else LOST_RECORDING
            elif step == (0, 1):
                yield (at[0], at[1]), step, LOST_TRIAL
            elif apart <= TOLERANCE:
                yield (at[0], at[1]), step, float(apart)


def _cheapest(rows: Sequence[int], videos: Sequence[int]) -> NDArray[np.float64]:
    """(recording, video) least cost of an alignment of the recordings and videos before this
    place."""
    cost = np.full((len(rows) + 1, len(videos) + 1), np.inf)
    cost[0, 0] = 0.0
    for at, step, price in _steps(rows, videos):
        end = at[0] + step[0], at[1] + step[1]
        cost[end] = min(cost[end], cost[at] + price)
    return cost


def boxcar(
    velocity: NDArray[np.float64], kept: NDArray[np.bool_], width: int
) -> NDArray[np.float64]:
    """Running mean of the kept frames, over those there are at the edges (as MATLAB's ``conv(...,
    'same')`` over that of ones).

    Parameters
    ----------
    velocity : numpy.ndarray
        (frame,) cm/s.
    kept : numpy.ndarray of bool
        (frame,) frames that enter.
    width : int
        Frames; frame i averages from i - (width - 1) // 2 to i + width // 2.

    Returns
    -------
    numpy.ndarray
        (frame,) NaN where no frame was kept.
    """
    window, same = np.ones(width), slice(width // 2, width // 2 + len(velocity))
    total = np.convolve(np.where(kept, velocity, 0.0), window)[same]
    count = np.rint(np.convolve(kept.astype(float), window)[same])
    return np.divide(total, count, out=np.full(len(velocity), np.nan), where=count > 0)
