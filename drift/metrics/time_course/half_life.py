"""After how many days half of a code is gone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Confidence, Count, Seed, Smoothing
from drift.metrics.intervals.limits import Limits, mean_or_nan
from drift.metrics.intervals.nested import nested_interval
from drift.metrics.intervals.shares import even_shares
from drift.metrics.stability.unit_moments import (
    Select,
    unit_moments,
    unrelated_similarity,
    weighed_similarity,
)
from drift.metrics.time_course.decays import fitted_decay
from drift.metrics.time_course.lags import upper_pairs
from drift.metrics.time_course.usual_intervals import SAME_LAG, distinct_lags
from drift.schema.labelled_form import check

FEWEST_LAGS = 3  # two numbers are fitted
HALF = 0.5
LEAST_LOGARITHM = 0.1  # of 2 A in draws: A near 1/2 has half gone at once
ALIKE = 0.9  # floor beyond which units have nothing of their own; on simulated cells of one field
NOTHING_LOST = 1e-5  # over the longest lag: rounding of sums


class _Half(NamedTuple):
    """A half-life and its limits in units of elapsed, NaN and infinity where none can be told, and
    why."""

    estimate: float
    lower: float
    upper: float
    reason: str


@opened
def half_life(
    dataset: xr.Dataset,
    *,
    smoothing: Smoothing = 0.0,
    select: Select = "both",
    keep: xr.DataArray | None = None,
    confidence: Confidence = 0.95,
    repetitions: Count = 1000,
    seed: Seed = 0,
) -> xr.Dataset:
    """Time after which half of the similarity of a code with itself is gone, in units of elapsed,
    or a sentence that says why it cannot be told.

    The corrected similarity C_st of two sessions (``corrected_similarity``), less its floor F, that
    of *different* units (``unrelated_similarity``), is fitted by least squares over all pairs of
    sessions of one environment,

        (C_st - F) / (1 - F) = A exp(-k |t_s - t_t|),    half of which is left at T = ln(2 A) / k.

    A, the mean of one for each environment, is free: it is 1 where nothing is lost but by time, and
    less where something is lost between any two sessions, however near, such as by wrong matches of
    cells. T = ln 2 / k for A = 1. Fields that are redrawn with probability p from day to day decay
    so, with k = -ln(1 - p), exactly; other ways to drift (fields that wander) are described by it
    near the lags that were recorded. In simulations of mice with redrawn fields (40 or more units,
    15 or more events, six sessions) 1 / T was unbiased within .001 per day. With A = 1 its standard
    error was a tenth smaller, but a code that loses at once and then stands still would decline.

    The interval of a subject is Student's, from draws of its units, the one over subjects Student's
    from the 1 / T of subjects (``nested_interval``); they covered in 93 to 96 % of simulated mice
    and studies.

    No estimate is given where similarity does not certainly decline (the interval of 1 / T holds
    0), or where T lies beyond the longest lag: then ``lower`` is a bound, never beyond what was
    recorded, and ``upper`` is infinite. Nothing is told where less than half is left at the
    shortest lag: fast drift and what is lost at once look alike there. Nor where F exceeds .9, as
    of cells that all fire at one place: a field drawn anew would be the same.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``elapsed`` and ``rate_half`` (``measure(..., halves="trials")``),
        or of a network without noise.
    smoothing, select, keep
        See ``corrected_similarity``.
    confidence : float
        How often intervals cover.
    repetitions : int
        Draws of units.
    seed : int
        Of the stream "bootstrap"; each subject has a child by its label.

    Returns
    -------
    xarray.Dataset
        ``estimate``, ``lower``, ``upper`` of T over subjects, from the mean of their 1 / T (with
        one subject those of that animal alone; see the attribute ``speaks_of``),
        ``independent_subjects`` and ``reason``, empty where there is an estimate; the same of each
        subject, ``subject_estimate``, ``subject_lower``, ``subject_upper``, ``subject_reason``
        (subject), and ``decay_rate`` k, ``amplitude`` A (mean over environments), ``floor`` F,
        ``longest_lag`` (subject). NaN where nothing can be told.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    References
    ----------
    Derived here. Exponential decay with a floor: as for jumps of fields at a constant rate.
    """
    check(dataset, "elapsed")
    moments = unit_moments(dataset, "corrected_similarity", smoothing, select, keep)
    unrelated = unrelated_similarity(dataset, smoothing, select, keep)
    moments = moments.assign_coords(floor=("subject", _floor(unrelated, moments["elapsed"])))
    own = nested_interval(
        moments, ("unit",), _halvings, confidence=confidence, repetitions=repetitions, seed=seed
    )
    fits = _fits(moments, even_shares(moments, ("unit",)).expand_dims("draw"))
    units = str(moments["elapsed"].attrs.get("units", "1"))
    floors = moments["floor"].values.tolist()
    spans = [_span(fits, subject, floor, units) for subject, floor in enumerate(floors)]
    halves = [
        _half(Limits(*(own[name].values[subject] for name in NUMBERS)), span)
        for subject, span in enumerate(spans)
    ]
    overall = _overall(own, halves, spans, confidence)
    return _labelled(moments, fits, overall, halves, spans).assign_coords(own["estimate"].coords)


NUMBERS = ("estimate", "lower", "upper")


class _Fits(NamedTuple):
    """Decays of subjects, with what they were fitted to."""

    rates: np.ndarray  # (draw, subject) k
    halvings: np.ndarray  # (draw, subject) 1 / T
    amplitudes: np.ndarray  # (draw, subject)
    excess: np.ndarray  # (draw, subject, pair) similarity beyond the floor
    lags: np.ndarray  # (subject, pair)


def _halvings(moments: xr.Dataset, shares: xr.DataArray) -> xr.DataArray:
    """([draw,] subject) 1 / T; NaN where lags are too few."""
    drawn = "draw" in shares.dims
    fits = _fits(moments, shares if drawn else shares.expand_dims("draw"))
    labels = {"subject": moments["subject"].values} if "subject" in moments.coords else {}
    rates = xr.DataArray(fits.halvings, dims=("draw", "subject"), coords=labels)
    return rates if drawn else rates.isel(draw=0)


def _fits(moments: xr.Dataset, shares: xr.DataArray) -> _Fits:
    """Decays for each draw of shares (draw, subject, unit)."""
    pairs = upper_pairs(weighed_similarity(moments, shares), moments["elapsed"])
    floor = moments["floor"].values[:, np.newaxis]
    excess = (pairs.values.transpose("draw", "subject", "pair").values - floor) / (1 - floor)
    lags = np.where(pairs.lags > 0, pairs.lags, np.nan)
    excess = np.where(np.isfinite(lags) & ~(floor > ALIKE), excess, np.nan)
    rates, amplitudes, halvings = np.full((3, *excess.shape[:2]), np.nan)
    for subject, row in enumerate(lags):
        usable = np.isfinite(excess[:, subject]).any(axis=0)
        if _count(row[usable]) >= FEWEST_LAGS:
            decay = fitted_decay(
                excess[:, subject, usable], row[usable], pairs.rooms[subject, usable]
            )
            still = np.abs(decay.rate) * row[usable].max() < NOTHING_LOST
            rates[:, subject] = np.where(still, 0.0, decay.rate)
            amplitudes[:, subject] = decay.amplitude
            halvings[:, subject] = _halving(rates[:, subject], decay.amplitude, row[usable].min())
    return _Fits(rates, halvings, amplitudes, excess, lags)


def _halving(rate: np.ndarray, amplitude: np.ndarray, shortest: float) -> np.ndarray:
    """1 / T, which is at most 2 / the shortest lag."""
    logarithm = np.log(2 * amplitude)
    return np.asarray(rate / np.fmax(np.fmax(logarithm, rate * shortest / 2), LEAST_LOGARITHM))


def _count(lags: np.ndarray) -> int:
    return distinct_lags(lags).size if lags.size else 0


def _floor(unrelated: xr.DataArray, elapsed: xr.DataArray) -> np.ndarray:
    """(subject) mean over the pairs of sessions of one environment."""
    pairs = upper_pairs(unrelated, elapsed)
    values = np.where(np.isfinite(pairs.lags), pairs.values.values, np.nan)
    return mean_or_nan(values, 1)


class _Span(NamedTuple):
    """What lags a subject has in how many kinds, and what is left at the shortest."""

    longest: float
    different: int
    left: float
    shortest: float
    floor: float
    units: str


def _span(fits: _Fits, subject: int, floor: float, units: str) -> _Span:
    excess, lags = fits.excess[0, subject], fits.lags[subject]
    usable = np.isfinite(excess)
    if not usable.any():
        return _Span(np.nan, 0, np.nan, np.nan, floor, units)
    shortest, longest = lags[usable].min(), lags[usable].max()
    left = excess[usable & (lags <= shortest * (1 + SAME_LAG))].mean()
    return _Span(float(longest), _count(lags[usable]), float(left), float(shortest), floor, units)


def _half(rates: Limits, span: _Span) -> _Half:
    """Half-life from 1 / T and its limits, or why there is none."""
    rate, low, high = (np.asarray(number).item() for number in rates)
    if (reason := _untold(rate, low, high, span)) or not low > 0:
        bound = np.nan if reason else _bound(high, span)
        reason = reason or f"no certain decline over {span.longest:.3g} {span.units}"
        return _Half(np.nan, bound, np.nan if np.isnan(bound) else np.inf, reason)
    if 1 / rate > span.longest:
        reason = f"half-life beyond the longest lag of {span.longest:.3g} {span.units}"
        return _Half(np.nan, _bound(high, span), np.inf, reason)
    return _Half(1 / rate, 1 / high, 1 / low, "")


def _bound(high: float, span: _Span) -> float:
    """Least half-life, never beyond what was recorded."""
    return min(1 / high, span.longest) if high > 0 else span.longest


def _untold(rate: float, low: float, high: float, span: _Span) -> str:
    """Why nothing can be told of a half-life; empty where something can."""
    if span.floor > ALIKE:
        return (
            f"different units are as alike as one is to itself (floor {span.floor:.2f}), so that "
            "nothing tells them apart: keep units whose fields differ"
        )
    if span.different < FEWEST_LAGS:
        return (
            f"sessions lie {span.different} different times apart, and a decay takes at least "
            f"{FEWEST_LAGS}: record four sessions or more in one environment"
        )
    if not np.isfinite(rate) or span.left < HALF:
        return (
            f"more than half of the similarity is gone after {span.shortest:g} {span.units}, the "
            "shortest lag: record at shorter intervals"
        )
    return "" if np.isfinite(low + high) else "units are too few for an interval: record more"


def _overall(
    own: xr.Dataset, halves: list[_Half], spans: list[_Span], confidence: float
) -> tuple[_Half, int, str]:
    """Half-life over subjects, how many of these are independent, and whom it speaks of."""
    rates = own["estimate"]
    enough = [subject for subject, span in enumerate(spans) if span.different >= FEWEST_LAGS]
    if len(enough) < 2:
        single = enough[0] if enough else 0
        label = rates["subject"].values[single] if "subject" in rates.coords else single
        words = f"subject {label} alone, by its units: nothing is known of other subjects"
        return halves[single], len(enough), words
    lags = [spans[subject] for subject in enough]
    # where too little is left of one subject its rate is unknown, and that of the others too slow
    span = min(lags, key=lambda lag: lag.left)._replace(longest=max(lag.longest for lag in lags))
    words, limits = f"subjects like these {len(enough)}", Limits(*np.full((3, 1), np.nan))
    if np.isfinite(rates.values[enough]).all():
        over = nested_interval(rates.isel(subject=enough), ("subject",), confidence=confidence)
        limits = Limits(*(over[name].values for name in NUMBERS))
    return _half(limits, span), len(enough), words


def _labelled(
    moments: xr.Dataset,
    fits: _Fits,
    overall: tuple[_Half, int, str],
    halves: list[_Half],
    spans: list[_Span],
) -> xr.Dataset:
    half, count, words = overall
    units = str(moments["elapsed"].attrs.get("units", "1"))
    result = xr.Dataset()
    for place, name in enumerate(NUMBERS):
        result[name] = ((), half[place], {"units": units})
        result[f"subject_{name}"] = ("subject", [each[place] for each in halves], {"units": units})
    result["reason"] = ((), half.reason)
    result["subject_reason"] = ("subject", [each.reason for each in halves])
    result["independent_subjects"] = ((), count, {"units": "1"})
    result["decay_rate"] = ("subject", fits.rates[0], {"units": f"1/{units}"})
    result["amplitude"] = ("subject", fits.amplitudes[0], {"units": "1"})
    result["floor"] = ("subject", moments["floor"].values, {"units": "1"})
    result["longest_lag"] = ("subject", [span.longest for span in spans], {"units": units})
    return result.assign_attrs(speaks_of=words)
