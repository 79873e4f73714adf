"""Where a run changes from learning to directed drift and from directed drift to null drift, and
how its code moves in each phase.

A measure has settled where a broken line that ends flat fits it as well as any other: the last
knot is the boundary. While the loss still moves the network learns; while the loss has settled but
sparsity or information move, drift is directed; after that it is null.

References
----------
Ratzon, Derdikman & Barak 2024, eLife 13:RP90069, Table 1 (the three phases, there set by eye).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import chi2, kendalltau

from drift.door import opened
from drift.door.quantities import Confidence, OfSessions
from drift.errors import RefusedInputError
from drift.metrics.averages import of_subject
from drift.schema.labelled_form import VARIABLES, check
from drift.schema.variables import SESSION

MINIMUM_SESSIONS = 10
MAXIMUM_KNOTS = 3
# places tried at once for lines of no to three knots, and for one knot at a time
COARSE, FINE = (1, 40, 14, 11), 160
LINES_AT_ONCE = 512
# difference of information criteria (Kass & Raftery 1995) from which on a measure is said to go on
# moving,
STRONG_EVIDENCE = 6.0
SETTLED = 0.05  # if it moves by more than this share of its range
SHORTEST_PLATEAU = (
    0.1  # of all sessions; a shorter one is not told from a measure that goes on moving
)


class Onset(NamedTuple):
    """When a measure has settled, with the interval of times that the measure does not
    contradict."""

    time: float  # NaN where the measure still moves at the end
    low: float
    high: float  # infinite where the measure still moves at the end
    plateau: float  # level after the onset


class _Fit(NamedTuple):
    deviance: float  # effective samples times ln of the mean squared residual
    knots: np.ndarray


@opened
def plateau_onset(time: OfSessions, values: OfSessions, confidence: Confidence = 0.95) -> Onset:
    """Time at which a noisy measure has reached its plateau.

    Continuous broken lines y(t) = c + sum_k b_k max(tau_k - t, 0) with one to three knots, flat
    after the last, are fitted by least squares; the Bayesian information criterion chooses the
    number of knots and tells whether a line that goes on moving is better. The interval holds the
    last knots whose profile likelihood is not significantly worse. Correlated residuals count as
    fewer.

    Parameters
    ----------
    time : array, shape (session,)
        Increasing.
    values : array, shape (session,)
        NaN where not observed.
    confidence : float
        Of the interval.

    Returns
    -------
    Onset
        In the units of ``time``. The first time if the measure never moves.

    Raises
    ------
    RefusedInputError
        If fewer than ten sessions are observed, or time does not increase.
    """
    time, values = np.asarray(time, dtype=float), np.asarray(values, dtype=float)
    observed = np.isfinite(values) & np.isfinite(time)
    time, values = time[observed], values[observed]
    if len(time) < MINIMUM_SESSIONS or (np.diff(time) <= 0).any():
        raise RefusedInputError(
            f"phases need at least {MINIMUM_SESSIONS} sessions at increasing times, got "
            f"{len(time)}: record more sessions of the run."
        )
    if np.ptp(values) <= 1e-12 * np.abs(values).max(initial=1e-300):
        return Onset(time[0], time[0], time[0], float(values[0]))
    series = _Series(time, values, _independent_samples(time, values))
    flat = [_best(series, knots) for knots in range(MAXIMUM_KNOTS + 1)]
    plateau = min(flat, key=lambda fit: fit.deviance + len(fit.knots) * series.penalty)
    moving = min(
        (_best(series, knots, moving=True) for knots in range(MAXIMUM_KNOTS)),
        key=lambda fit: _moving_criterion(series, fit),
    )
    gain = (
        plateau.deviance + len(plateau.knots) * series.penalty - _moving_criterion(series, moving)
    )
    if gain > STRONG_EVIDENCE and _last_movement(series, moving) > SETTLED:
        return Onset(np.nan, float(time[-1]), np.inf, np.nan)
    level = float(_coefficients(series, plateau.knots)[0])
    if not len(plateau.knots):
        return Onset(time[0], time[0], time[0], level)
    low, high = _interval(series, plateau, confidence)
    if (time > plateau.knots[-1]).mean() < SHORTEST_PLATEAU:
        return Onset(np.nan, low, np.inf, np.nan)
    return Onset(float(plateau.knots[-1]), low, high, level)


class _Series(NamedTuple):
    time: np.ndarray
    values: np.ndarray
    samples: float  # independent ones

    @property
    def penalty(self) -> float:
        """Bayesian information criterion of a knot, its place and its slope."""
        return float(2 * np.log(max(self.samples, 2.0)))


def _designs(time: np.ndarray, knots: np.ndarray, moving: bool = False) -> np.ndarray:
    """Columns of broken lines: 1, a ramp down to each knot and, if the end moves, time; knots
    (line, knot)."""
    ramps = np.maximum(knots[:, np.newaxis] - time[:, np.newaxis], 0.0)  # (line, session, knot)
    ends = [np.ones((len(knots), len(time), 1))] + (
        [np.broadcast_to(time[:, np.newaxis], (len(knots), len(time), 1))] if moving else []
    )
    columns = np.concatenate([*ends, ramps], axis=-1)
    return np.asarray(columns / np.maximum(np.abs(columns).max(axis=1, keepdims=True), 1e-300))


def _deviances(series: _Series, knots: np.ndarray, moving: bool = False) -> np.ndarray:
    """Effective samples times ln of the mean squared residual of each line; knots (line, knot)."""
    errors = []
    for lines in np.array_split(knots, len(knots) // LINES_AT_ONCE + 1):
        basis = np.linalg.qr(_designs(series.time, lines, moving)).Q  # (line, session, coefficient)
        residual = series.values - np.einsum(
            "lsc,lc->ls", basis, basis.swapaxes(1, 2) @ series.values
        )
        errors.append(np.square(residual).mean(axis=1))
    floor = 1e-24 * np.square(series.values).mean()  # values without noise would have no likelihood
    return np.asarray(series.samples * np.log(np.concatenate(errors) + floor))


def _coefficients(series: _Series, knots: np.ndarray, moving: bool = False) -> np.ndarray:
    design = _designs(series.time, knots[np.newaxis], moving)[0]
    return np.asarray(np.linalg.lstsq(design, series.values, rcond=None)[0])


def _independent_samples(time: np.ndarray, values: np.ndarray) -> float:
    """Sessions that count as independent, from the correlation of neighbours about a flexible
    line."""
    design = _designs(time, np.quantile(time, [[0.05, 0.1, 0.2, 0.4, 0.7]]))[0]
    residual = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    square = float(np.square(residual).sum())
    correlation = float(residual[1:] @ residual[:-1]) / square if square > 0 else 0.0
    # what the line has taken is given back
    correlation = float(np.clip(correlation + design.shape[1] / len(time), 0.0, 0.9))
    return len(time) * (1 - correlation) / (1 + correlation)


def _places(time: np.ndarray, count: int) -> np.ndarray:
    """Places for knots, at and between sessions, with at least two sessions before and three
    after."""
    places = np.union1d(time[2:-3], (time[2:-4] + time[3:-3]) / 2)
    return np.asarray(
        places[np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).astype(int))]
    )


def _best(series: _Series, count: int, moving: bool = False) -> _Fit:
    """Best line with ``count`` knots on a coarse grid, its knots then moved one after the other
    among all places."""
    coarse = _places(series.time, COARSE[count])
    knots = np.array(list(combinations(coarse, count)), dtype=float)
    deviance = _deviances(series, knots, moving)
    best = _Fit(float(deviance.min()), knots[deviance.argmin()])
    for moved in 2 * list(range(count)):
        knots = np.repeat(best.knots[np.newaxis], len(places := _places(series.time, FINE)), axis=0)
        knots[:, moved] = places
        deviance = _deviances(series, knots := np.sort(knots, axis=1), moving)
        if deviance.min() < best.deviance:
            best = _Fit(float(deviance.min()), knots[deviance.argmin()])
    return best


def _moving_criterion(series: _Series, fit: _Fit) -> float:
    return fit.deviance + (len(fit.knots) + 0.5) * series.penalty


def _last_movement(series: _Series, fit: _Fit) -> float:
    """How far the last piece of a line goes, relative to the range of the line."""
    line = _designs(series.time, fit.knots[np.newaxis], True)[0] @ _coefficients(
        series, fit.knots, True
    )
    last = line[series.time >= fit.knots[-1]] if len(fit.knots) else line
    return float(np.ptp(last) / np.ptp(line))


def _interval(series: _Series, plateau: _Fit, confidence: float) -> tuple[float, float]:
    """Last knots whose profile likelihood is not significantly worse, the knot before it free."""
    limit, allowed = plateau.deviance + chi2.ppf(confidence, 1), [float(plateau.knots[-1])]
    for place in _places(series.time, FINE):
        earlier_knots = np.minimum(plateau.knots[:-1], place)
        knots = np.append(earlier_knots, place)[np.newaxis]
        if len(earlier_knots):
            freed = np.repeat(knots, len(earlier := _places(series.time, COARSE[1])), axis=0)
            freed[:, -2] = np.minimum(earlier, place)
            knots = np.concatenate([knots, np.sort(freed, axis=1)])
        if _deviances(series, knots).min() <= limit:
            allowed.append(float(place))
    return min(allowed), max(allowed)


@opened
def phases(
    run: xr.Dataset,
    performance: str = "loss",
    statistics: Sequence[str] = ("fraction_active_responses",),
    confidence: Confidence = 0.95,
) -> xr.Dataset:
    """When each subject has learned, and when its directed drift ends.

    Learning ends where the logarithm of the loss settles, directed drift where the last of the
    statistics does, not before the end of learning.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset with ``elapsed`` and the named variables, averaged over units where
        they have any.
    performance : str
        A positive measure that falls with learning.
    statistics : sequence of str
        Measures of sparsity and information.
    confidence : float
        Of the intervals.

    Returns
    -------
    xarray.Dataset
        ``end_of_learning`` and ``end_of_directed_drift`` (subject) in the units of ``elapsed``,
        each with ``_low`` and ``_high``; NaN and an infinite upper end where the phase lasts to the
        end of the run. ``phase`` (subject, session): 0 learning, 1 directed drift, 2 null drift;
        NaN where nothing was observed.

    Raises
    ------
    RefusedInputError
        If no statistic is named, a variable is missing, the performance is not positive, or
        sessions are few.
    """
    if isinstance(statistics, str) or not statistics:
        raise RefusedInputError(
            f"statistics must be a list of names, got {statistics!r}: name at least one "
            "measure of sparsity."
        )
    check(run, "elapsed")
    loss, measures = _series(run, performance), [_series(run, name) for name in statistics]
    if bool((loss <= 0).any()):
        raise RefusedInputError(
            f"{performance} must be positive to have a logarithm, got "
            f"{float(loss.min()):.3g}: choose another measure."
        )
    learned, settled = [], []
    for subject, time in enumerate(run["elapsed"].transpose("subject", "session").values):
        learned.append(plateau_onset(time, np.log10(loss[subject]), confidence))
        settled.append(
            _latest(
                [
                    learned[-1],
                    *(plateau_onset(time, measure[subject], confidence) for measure in measures),
                ]
            )
        )
    return _labelled(run, loss, learned, settled, confidence)


def _series(run: xr.Dataset, name: str) -> np.ndarray:
    if name not in run:
        raise RefusedInputError(
            f"{name} is missing from the run, which holds "
            f"{', '.join(map(str, run.data_vars))}: choose one of these."
        )
    values = of_subject(run, name) if name in VARIABLES else run[name]
    return (
        values.mean([dim for dim in values.dims if dim not in SESSION])
        .transpose(*SESSION)
        .values.astype(float)
    )


def _latest(onsets: Sequence[Onset]) -> Onset:
    """Onset of the measure that settles last; what still moves at the end settles last of all."""
    return max(onsets, key=lambda onset: np.inf if np.isnan(onset.time) else onset.time)


def _labelled(
    run: xr.Dataset,
    loss: np.ndarray,
    learned: Sequence[Onset],
    settled: Sequence[Onset],
    confidence: float,
) -> xr.Dataset:
    units, variables = run["elapsed"].attrs.get("units", "1"), {}
    for name, onsets in (("end_of_learning", learned), ("end_of_directed_drift", settled)):
        for suffix, field in (("", "time"), ("_low", "low"), ("_high", "high")):
            variables[name + suffix] = (
                "subject",
                np.array([getattr(onset, field) for onset in onsets]),
                {"units": units},
            )
    elapsed = run["elapsed"].transpose("subject", "session").values
    ends = [
        np.array([onset.time for onset in onsets])[:, np.newaxis] for onsets in (learned, settled)
    ]
    # NaN is never reached
    phase = np.where(np.isfinite(loss), sum((elapsed >= end).astype(float) for end in ends), np.nan)
    meaning = {
        "units": "1",
        "long_name": "phase of the run",
        "flag_values": [0, 1, 2],
        "flag_meanings": "learning directed_drift null_drift",
    }
    coordinates = {
        name: run[name] for name in ("subject", "session", "elapsed") if name in run.coords
    }
    labelled = xr.Dataset(
        {**variables, "phase": (("subject", "session"), phase, meaning)}, coords=coordinates
    )
    return labelled.assign_attrs(confidence=confidence)


@opened
def trend(values: OfSessions) -> tuple[float, float]:
    """Kendall's rank correlation of a measure with time, and its p-value: does the measure go
    anywhere?

    Parameters
    ----------
    values : array, shape (session,)
        In the order of time; NaN where not observed.

    Returns
    -------
    correlation, p_value : float
        The p-value takes sessions as independent.
    """
    numbers = np.asarray(values, dtype=float)
    test = kendalltau(np.arange(len(numbers))[np.isfinite(numbers)], numbers[np.isfinite(numbers)])
    return float(test.statistic), float(test.pvalue)
