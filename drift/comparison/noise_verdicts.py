"""Whether a recorded number differs from that of a code that stands still: more, no more, or cannot
tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from drift.metrics.intervals.limits import half_width as students_half_width

MORE, NO_MORE, UNKNOWN = "more than sampling noise", "no more than sampling noise", "cannot tell"
LEVEL = 0.01  # of each measure, .05 over five
CONFIDENCE = 0.95
TOLERANCE = 0.1  # of the scale of a measure: a difference that would matter
# the direction of a change: similarity and place units are lost, drift is above that of noise
DIRECTIONS = {
    "rate_map_correlation": -1,
    "corrected_similarity": -1,
    "drift_rate": 1,
    "spatial_information": 0,
    "place_units_kept": -1,
}
# what a code without change and without noise would have
WHOLE = np.array([1.0, 1.0, 0.0, 0.0, 1.0])
WORDS = {
    "rate_map_correlation": "the rate-map correlation of two sessions",
    "corrected_similarity": "the similarity of two sessions with its noise taken out",
    "drift_rate": "the rate-map correlation lost per {per}",
    "spatial_information": "the change of spatial information over the recording",
    "place_units_kept": "the share of place units that two sessions have in common",
}


class Verdicts(NamedTuple):
    """Of all measures of one subject, in their order."""

    low: np.ndarray  # of the interval of a code that stands still
    high: np.ndarray
    p_value: np.ndarray
    verdict: list[str]


def judged(
    recorded: np.ndarray, frozen: np.ndarray, deviation: np.ndarray, draws: int, scale: np.ndarray
) -> Verdicts:
    """Judge each measure.

    Parameters
    ----------
    recorded, frozen, deviation : numpy.ndarray
        (measure) of the recording, of a code that stands still, and the standard deviation of
        their difference.
    draws : int
        That the deviation is known from.
    scale : numpy.ndarray
        (measure) what a difference is set against.
    """
    direction = np.array(list(DIRECTIONS.values()))
    standard = np.divide(
        recorded - frozen, deviation, out=np.full(frozen.shape, np.nan), where=deviation > 0
    )
    one_sided = student.sf(
        np.where(direction == 0, np.abs(standard), direction * standard), draws - 1
    )
    p_value = np.where(direction == 0, 2 * one_sided, one_sided)
    width, change = half_width(deviation, draws), recorded - frozen
    farthest = np.where(direction == 0, np.abs(change), direction * change) + width
    certain, small = p_value < LEVEL, farthest < TOLERANCE * scale
    verdict = np.where(certain, MORE, np.where(small, NO_MORE, UNKNOWN))
    return Verdicts(frozen - width, frozen + width, p_value, verdict.tolist())


def share_explained(recorded: np.ndarray, frozen: np.ndarray, verdict: list[str]) -> np.ndarray:
    """Change of a code that stands still over the recorded one, (measure); NaN where that is not
    certain."""
    certain = np.array(verdict) == MORE
    change = WHOLE - recorded
    nothing = np.full(change.shape, np.nan)
    return np.divide(WHOLE - frozen, change, out=nothing, where=certain & (change != 0))


def half_width(deviation: np.ndarray, draws: int) -> np.ndarray:
    """Half of the interval of a normal number whose deviation is known from so many draws."""
    return students_half_width(deviation, draws - 1, CONFIDENCE)


def sentence(measure: str, verdict: str, numbers: Sequence[float], per: str) -> str:
    """Say it in one sentence.

    Parameters
    ----------
    measure, verdict : str
    numbers : sequence of float
        Recorded, frozen, and the ends of its interval.
    per : str
        Unit of elapsed time.
    """
    subject = WORDS[measure].format(per=per)
    subject = subject[0].upper() + subject[1:]
    if not np.isfinite(numbers).all():
        return f"{subject}: cannot tell, for want of units with enough events in two sessions."
    recorded, frozen, low, high = (f"{number:.3g}" for number in numbers)
    beside = f"{recorded} recorded, {frozen} ({low} to {high}) were the code to stand still"
    if verdict == UNKNOWN:
        return f"{subject}: cannot tell whether it changes more than sampling noise; {beside}."
    return f"{subject} changes {verdict}: {beside}."
