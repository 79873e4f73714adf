"""Intervals of measures whose numbers lie in each other: trials of units, of sessions, of
subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.functions import answer_of
from drift.door.quantities import Confidence, Count, Seed
from drift.errors import RefusedInputError
from drift.metrics.intervals.limits import (
    ROUNDING,
    Limits,
    bounded,
    of_draws,
    of_percentiles,
    of_subjects,
)
from drift.metrics.intervals.shares import Values, drawn_shares, even_shares, shares_without
from drift.streams import stream

LEVELS = ("subject", "session", "unit", "trial")
Level = Literal["subject", "session", "unit", "trial"]
Statistic = Callable[[Any, xr.DataArray], xr.DataArray]


@opened
def nested_interval(
    values: xr.DataArray | xr.Dataset,
    levels: Sequence[Level] = ("subject", "unit"),
    statistic: Statistic | None = None,
    *,
    confidence: Confidence = 0.95,
    repetitions: Count = 1000,
    seed: Seed = 0,
    method: Literal["student", "percentile"] = "student",
    within: Sequence[float] | None = None,
) -> xr.Dataset:
    """Estimate and interval of a measure of numbers that lie in each other, such as units in
    animals.

    Units of one animal share what that animal is like, so that they are no independent witnesses of
    animals: of five mice with 60 units there are five. With a_s the measure of subject s alone and
    n subjects, "student" gives

        mean_s a_s  +-  t(n - 1, (1 + confidence) / 2)  sd_s(a_s) / sqrt(n).

    The spread of the a_s holds all that is below: how animals differ and, in each a_s, the chance
    of its units and trials. Levels below subjects are therefore not drawn beside it, which would
    count their chance twice. Where there is but one subject, or ``levels`` does not begin with
    subjects, the lower levels are drawn with replacement, nested in each other, and the interval is
    that of Student with the standard deviation of the draws (times m / (m - 1) for m entries of the
    outermost level on which a number rests, such as the units recorded at a lag); it speaks of that
    animal alone.

    "percentile" is the hierarchical bootstrap as published: all levels are drawn, and percentiles
    of the draws are the limits. With few animals it is too narrow where animals differ, as n draws
    of n spread by (n - 1) / n less and percentiles know no degrees of freedom, and too wide where
    they do not. Of 1000 simulated studies of five mice with drift rates of their own Student's 95 %
    covered the mean rate in 94 %, percentiles over subjects and units in 92 %, over subjects in 82
    %, and units of all mice taken for independent in 73 %.

    Parameters
    ----------
    values : xarray.DataArray or xarray.Dataset
        (subject, ...) with the levels among its dims; NaN is not observed.
    levels : sequence of {"subject", "session", "unit", "trial"}
        What the numbers lie in, from the outer to the inner one. Without "subject" each subject has
        an interval of its own. Units that are the same in all sessions are drawn for all of these
        at once if "session" is no level.
    statistic : callable, optional
        The measure: takes the values and shares ([draw,] subject, and the levels below subjects),
        which sum to 1 over the levels, and returns ([draw,] subject, ...), of one subject as of
        many. By default the mean over the levels, a mean of means.
    confidence : float
        How often the interval covers.
    repetitions : int
        Draws.
    seed : int
        Of the stream "bootstrap"; each subject has a child by its label.
    method : {"student", "percentile"}
        See above.
    within : sequence of float, optional
        Least and largest value that the measure may have, such as (-1, 1) of a correlation, which
        Student's interval of two mice leaves: then it is even on Fisher's z, and lies between them.
        Of simulated correlations of 2 to 10 mice that differ it covered in 93 to 96 %, where
        Student's covered in 90 to 95 % (.89 and .77 where they crowd at .97).

    Returns
    -------
    xarray.Dataset
        ``estimate``, ``lower``, ``upper`` and ``independent_subjects``, over the dims that are no
        level (with subject, if it is none); ``subject_estimate`` (subject, ...); the scalar
        coordinate ``confidence``. The attribute ``speaks_of`` says what the interval holds for.
        Limits are NaN where they cannot be told: of one subject among several at a lag, say.

    Raises
    ------
    RefusedInputError
        If levels are not nested in this order or are no dims of the values, an interval over
        subjects is asked of one subject and no lower level is there, or estimates lie outside of
        the bounds.

    References
    ----------
    Saravanan, Berman & Sober 2020, Neurons Behav Data Anal Theory 3(5) (percentiles); Davison &
    Hinkley 1997, Bootstrap Methods and their Application, section 3.8 (drawing the outermost level
    alone); Student 1908, Biometrika 6:1.
    """
    values = values if "subject" in values.dims else values.expand_dims("subject")
    _refuse_levels(values, tuple(levels))
    lower = [level for level in levels if level != "subject"]
    measure = statistic or _mean
    even = even_shares(values, lower)
    estimates = answer_of(measure, "statistic", values, even, dims=("subject",))
    if "subject" in values.coords:
        estimates = estimates.assign_coords(subject=values["subject"].values)
    finite = np.isfinite(estimates.values)
    who = np.flatnonzero(finite.reshape(len(finite), -1).any(axis=1))
    bounds = _bounds(within, estimates)
    rule = _Rule(tuple(lower), measure, confidence, repetitions, seed, method, bounds)
    if "subject" not in levels:
        limits = rule.of_each(values, estimates)
        return _labelled(limits, estimates, rule, "each subject alone, by its " + _words(lower))
    if who.size > 1:
        limits = rule.over_subjects(values, estimates)
        return _labelled(limits, estimates, rule, f"subjects like these {who.size}", over=True)
    if not lower:
        raise RefusedInputError(
            f"an interval over subjects takes at least two, got {who.size}: record another, or "
            "draw what one subject has, levels=('unit',), which speaks of that subject alone."
        )
    single = who[:1] if who.size else np.array([0])
    limits = rule.of_each(values.isel(subject=single), estimates.isel(subject=single))
    name = _name(values, int(single[0]))
    words = f"{name} alone, by its {_words(lower)}: nothing is known of other subjects"
    limits = Limits(*(numbers[0] for numbers in limits))
    return _labelled(limits, estimates, rule, words, over=True)


class _Rule(NamedTuple):
    """How limits are made: by which levels below subjects, and by which measure."""

    lower: tuple[str, ...]
    measure: Statistic
    confidence: float
    repetitions: int
    seed: int
    method: str
    within: tuple[float, float] | None = None

    def bent(self, limits: Limits) -> Limits:
        """Between the bounds, if there are any."""
        return limits if self.within is None else bounded(limits, self.within)

    def draws(self, values: Values) -> np.ndarray:
        """(draw, subject, ...) of the measure, one subject after the other, as memory asks."""
        shares = drawn_shares(values, self.lower, self.repetitions, self.seed)
        each = [
            answer_of(
                self.measure,
                "statistic",
                values.isel(subject=[subject]),
                shares.isel(subject=[subject]),
                dims=("draw", "subject"),
            )
            for subject in range(values.sizes["subject"])
        ]
        return np.concatenate([own.values for own in each], axis=1)

    def of_each(self, values: Values, estimates: xr.DataArray) -> Limits:
        """(subject, ...) by draws of what each has."""
        draws = self.draws(values)
        if self.method == "percentile":
            return of_percentiles(estimates.values, draws, self.confidence)
        entries = self.entries(values, estimates)
        return self.bent(of_draws(estimates.values, draws, entries, self.confidence))

    def entries(self, values: Values, estimates: xr.DataArray) -> np.ndarray:
        """(subject, ...) how many of the outermost entries a number rests on: those without which
        it is another, such as units that were recorded at a lag; all, where nothing differs."""
        counts = np.zeros(estimates.shape)
        for subject, estimate in enumerate(estimates.values):
            own = values.isel(subject=[subject])
            without = shares_without(own, self.lower)  # (draw, subject, *levels)
            if not without.sizes["draw"]:
                continue
            left_out = self.measure(own, without).transpose("draw", "subject", ...).values[:, 0]
            change = np.abs(left_out - estimate)
            largest = np.fmax.reduce(change, axis=0)
            changed = np.isnan(change) | (change > ROUNDING * np.fmax(largest, np.abs(estimate)))
            count = changed.sum(axis=0)
            counts[subject] = np.where(count > 0, count, len(left_out))
        return counts

    def over_subjects(self, values: Values, estimates: xr.DataArray) -> Limits:
        """(...) over subjects."""
        limits = of_subjects(estimates.values, self.confidence)
        if self.method == "student":
            return self.bent(limits)
        own = self.draws(values) if self.lower else estimates.values[np.newaxis]
        drawn = _drawn_subjects(own, self.repetitions, stream(self.seed, "bootstrap"))
        return of_percentiles(limits.estimate, drawn, self.confidence)


def _drawn_subjects(own: np.ndarray, repetitions: int, rng: np.random.Generator) -> np.ndarray:
    """(draw, ...) means over subjects drawn with replacement, each time with a draw of its own."""
    shape = (repetitions, own.shape[1])
    subjects = rng.integers(own.shape[1], size=shape)
    picked = own[rng.integers(len(own), size=shape), subjects]  # (draw, subject, ...)
    finite = np.isfinite(picked)
    count = finite.sum(axis=1)
    total = np.where(finite, picked, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _mean(values: Values, shares: xr.DataArray) -> xr.DataArray:
    """Mean of means over the levels; what is not known lends its share to the others."""
    if isinstance(values, xr.Dataset):
        raise RefusedInputError(
            "a mean is taken of one array, got a Dataset: pass one of its variables, or a "
            "statistic that makes one number of them."
        )
    bare = values.reset_coords(drop=True)
    bare = bare.drop_vars([dim for dim in bare.dims if dim in shares.dims], errors="ignore")
    levels = [dim for dim in shares.dims if dim not in ("draw", "subject")]
    total = xr.dot(bare.fillna(0.0), shares, dim=levels)
    weight = xr.dot(bare.notnull().astype(float), shares, dim=levels)
    return total / weight.where(weight > 0)


def _refuse_levels(values: Values, levels: tuple[str, ...]) -> None:
    if not levels or list(levels) != [level for level in LEVELS if level in levels]:
        raise RefusedInputError(
            f"levels must be some of {', '.join(LEVELS)}, each once and in this order, got "
            f"{', '.join(map(str, levels)) or 'none'}: say what the numbers lie in, from the outer "
            "to the inner one."
        )
    missing = [level for level in levels if level not in values.dims]
    if missing:
        raise RefusedInputError(
            f"values have no dim {missing[0]}, got {', '.join(map(str, values.dims))}: leave that "
            "level out, or pass values that were not averaged over it."
        )


def _bounds(within: Sequence[float] | None, estimates: xr.DataArray) -> tuple[float, float] | None:
    """The bounds of a measure, which must hold its estimates, but for rounding."""
    if within is None:
        return None
    if len(within) != 2 or not -np.inf < within[0] < within[1] < np.inf:
        raise RefusedInputError(
            f"within must be two finite numbers, the lower one first, got {within}: give the least "
            "and the largest value that the measure can have, such as (-1, 1)."
        )
    low, high = (float(bound) for bound in within)
    known = estimates.values[np.isfinite(estimates.values)]
    slack = ROUNDING * (high - low)
    if known.size and not low - slack <= known.min() <= known.max() <= high + slack:
        raise RefusedInputError(
            f"estimates were expected within {low:g} and {high:g}, got {known.min():.4g} to "
            f"{known.max():.4g}: leave within out for a measure that is not bounded."
        )
    return low, high


def _name(values: Values, subject: int) -> str:
    label = values["subject"].values[subject] if "subject" in values.coords else subject
    return f"subject {label}"


def _words(levels: Sequence[str]) -> str:
    return " and ".join(f"{level}s" for level in levels)


def _labelled(
    limits: Limits, estimates: xr.DataArray, rule: _Rule, words: str, over: bool = False
) -> xr.Dataset:
    frame = estimates.isel(subject=0, drop=True) if over else estimates
    result = xr.Dataset({name: frame.copy(data=values) for name, values in _named(limits)})
    count = estimates.notnull().sum("subject") if over else xr.ones_like(frame).astype(int)
    result["independent_subjects"] = count.astype(int).assign_attrs(
        units="1", long_name="independent subjects"
    )
    result["subject_estimate"] = estimates
    result = result.assign_coords(confidence=rule.confidence)
    return result.assign_attrs(speaks_of=words, method=rule.method)


def _named(limits: Limits) -> list[tuple[str, np.ndarray]]:
    return list(zip(Limits._fields, limits, strict=True))
