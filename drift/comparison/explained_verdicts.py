"""Whether a change is certain, which null models explain it, and what remains: with intervals over
animals, or by the draws where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import t as student

from drift.comparison.noise_verdicts import CONFIDENCE, LEVEL, WORDS, half_width
from drift.metrics.intervals.limits import standard_error
from drift.metrics.intervals.nested import nested_interval

UNCHANGED, EXPLAINED, REMAINS, UNTOLD = (
    "no certain change",
    "explained without drift",
    "not explained",
    "cannot tell",
)
MOST = 0.5  # of a change, that a null model makes at least where it is said to explain it
SUBJECTS = {
    **WORDS,
    "fraction_place_units": "the change of the fraction of place units over the recording",
    "active_units": "the change of the number of units with enough events over the recording",
}
CHANGE_NAMES = {
    "rate_map_correlation": "rate-map correlation of two sessions",
    "corrected_similarity": "similarity without noise",
    "drift_rate": "rate-map correlation lost by time",
    "spatial_information": "change of spatial information",
    "place_units_kept": "place cells in common",
    "fraction_place_units": "change of the fraction of place cells",
    "active_units": "change of the number of active cells",
}


class Unexplained(NamedTuple):
    """One subject beside its null models.

    Attributes
    ----------
    recorded : numpy.ndarray
        (measure).
    null : numpy.ndarray
        (cause, measure) means of the draws, bias of the estimated maps taken off.
    deviation : numpy.ndarray
        (cause, measure) by which their differences scatter by chance.
    draws : int
        That the deviation is known from.
    """

    recorded: np.ndarray
    null: np.ndarray
    deviation: np.ndarray
    draws: int

    @property
    def difference(self) -> np.ndarray:
        """(cause, measure) what null models leave unexplained."""
        return self.recorded - self.null


class Interval(NamedTuple):
    """(cause, measure) what is left unexplained, with the ends of its interval and p."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray


def unexplained(recorded: np.ndarray, drawn: np.ndarray, differences: np.ndarray) -> Unexplained:
    """Set one subject beside its null models.

    Parameters
    ----------
    recorded : numpy.ndarray
        (measure).
    drawn : numpy.ndarray
        (cause, draw, measure) of null models, "all recorded" last.
    differences : numpy.ndarray
        (draw, measure) by which twins of "all recorded" differ from twins of their own.
    """
    chance = drawn.var(axis=1, ddof=1)
    # that of a draw, of the recording, and of the maps that are estimated from it
    estimate = np.maximum(differences.var(axis=0, ddof=1) - chance[-1], 0.0)
    draws = drawn.shape[1]
    deviation = np.sqrt((chance + estimate) * (1 + 1 / draws))
    null = drawn.mean(axis=1) + differences.mean(axis=0)
    return Unexplained(recorded, null, deviation, draws)


def by_draws(subject: Unexplained) -> Interval:
    """Interval of one subject alone."""
    difference, deviation = subject.difference, subject.deviation
    width = half_width(deviation, subject.draws)
    p_value = _p_value(difference, deviation, np.array(subject.draws - 1))
    return Interval(difference, difference - width, difference + width, p_value)


def over_subjects(subjects: Sequence[Unexplained]) -> Interval:
    """Interval over two subjects or more, each of which counts as one number."""
    stacked = np.stack([subject.difference for subject in subjects])
    values = xr.DataArray(stacked, dims=("subject", "cause", "measure"))
    interval = nested_interval(values, ("subject",), confidence=CONFIDENCE)
    estimate, low, high = (interval[name].values for name in ("estimate", "lower", "upper"))
    freedom = np.maximum(interval["independent_subjects"].values - 1, 1)
    return Interval(estimate, low, high, _p_value(estimate, standard_error(stacked), freedom))


def _p_value(estimate: np.ndarray, error: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Two-sided, by Student's distribution."""
    nothing = np.full(estimate.shape, np.nan)
    standard = np.divide(estimate, error, out=nothing, where=error > 0)
    # what cannot scatter and is the same has not changed
    standard = np.where((estimate == 0) & ~(error > 0), 0.0, standard)
    return np.asarray(2 * student.sf(np.abs(standard), freedom))


def shares(interval: Interval) -> np.ndarray:
    """(3, cause, measure) share of the change that each null model makes, with the ends of its
    interval; NaN where the change is not certain."""
    change, certain = interval.estimate[0], interval.p_value[0] < LEVEL
    left = np.stack([interval.estimate, interval.low, interval.high])
    nothing = np.full(left.shape, np.nan)
    share = 1 - np.divide(left, change, out=nothing, where=certain & (change != 0))
    ends = np.sort(share[1:], axis=0)
    return np.stack([share[0], *ends])


def verdict(
    p_values: np.ndarray, share: np.ndarray, causes: Sequence[str]
) -> tuple[str, list[str]]:
    """Judge the change of one measure.

    Parameters
    ----------
    p_values : numpy.ndarray
        (cause) of what is left unexplained, "counting noise" first.
    share : numpy.ndarray
        (cause) of the change.
    causes : sequence of str

    Returns
    -------
    str
        A verdict.
    list of str
        Causes that explain the change.
    """
    if not np.isfinite(p_values[0]):
        return UNTOLD, []
    if not p_values[0] < LEVEL:
        return UNCHANGED, []
    alike = ~(p_values[1:] < LEVEL)
    makers = [cause for cause, enough in zip(causes[1:], alike & (share[1:] >= MOST)) if enough]
    if makers:
        return EXPLAINED, makers
    return (UNTOLD if alike.any() else REMAINS), []


def sentence(
    measure: str,
    judged: tuple[str, list[str]],
    change: Sequence[float],
    share: np.ndarray,
    causes: Sequence[str],
    per: str,
    alone: str = "",
) -> str:
    """Say it in one sentence.

    Parameters
    ----------
    measure : str
    judged : tuple
        See ``verdict``.
    change : sequence of float
        Beside counting noise, and the ends of its interval.
    share : numpy.ndarray
        (3, cause) see ``shares``.
    causes : sequence of str
    per : str
        Unit of elapsed time.
    alone : str
        What subjects say by themselves, where there are several.
    """
    subject = SUBJECTS[measure].format(per=per)
    subject, (word, makers) = subject[0].upper() + subject[1:], judged
    if not np.isfinite(change).all():
        return f"{subject}: cannot tell, for want of units with enough events in two sessions."
    beside = "{:+.3g} (95 %: {:+.3g} to {:+.3g}) beside counting noise".format(*change)
    if word == UNCHANGED:
        return f"{subject}: no certain change; {beside}{alone}."
    if not np.isfinite(share).all():
        return f"{subject}: {beside}{alone}; cannot tell what explains it."
    percent = [
        f"{cause} {100 * middle:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
        for cause, middle, low, high in zip(causes[1:], *share[:, 1:], strict=True)
    ]
    explained = f"explained by {', '.join(percent)}"
    if word == EXPLAINED:
        return (
            f"{subject}: {beside}, which {_listed(makers)} would make without drift; {explained}."
        )
    left = 100 * (1 - share[:, -1])
    remains = f"{left[0]:.0f} % ({left[2]:.0f} to {left[1]:.0f}) remain unexplained"
    if word == UNTOLD:
        return f"{subject}: {beside}; cannot tell what explains it: {explained}."
    return f"{subject}: {beside}; {remains} by all that was recorded; {explained}."


def _listed(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
