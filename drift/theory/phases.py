"""Where a run changes from learning to directed drift and from directed drift to null drift, and how its code moves in each phase.

A measure has settled where a broken line that ends flat fits it as well as any other: the last knot is the boundary. While the loss
still moves the network learns; while the loss has settled but sparsity or information move, drift is directed; after that it is null.

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

from drift.errors import RefusedInputError
from drift.metrics import of_subject
from drift.schema import check

MINIMUM_SESSIONS = 10
CANDIDATES = 40  # places tried for a knot at a time
MAXIMUM_KNOTS = 3
LEARNING, DIRECTED, NULL = 0, 1, 2


class Onset(NamedTuple):
    """When a measure has settled, with the interval of times that the measure does not contradict."""

    time: float  # NaN where the measure still moves at the end
    low: float
    high: float  # infinite where the measure still moves at the end
    plateau: float  # level after the onset


class _Fit(NamedTuple):
    deviance: float  # effective samples times ln of the mean squared residual
    knots: tuple[float, ...]
    level: float


def plateau_onset(time: np.ndarray, values: np.ndarray, confidence: float = 0.95) -> Onset:
    """Time at which a noisy measure has reached its plateau.

    Continuous broken lines y(t) = c + sum_k b_k max(tau_k - t, 0) with one to three knots, flat after the last, are fitted by least
    squares; the Bayesian information criterion chooses the number of knots and tells whether a line that goes on moving is better.
    The interval holds the last knots whose profile likelihood is not significantly worse. Correlated residuals count as fewer.

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
            f"phases need at least {MINIMUM_SESSIONS} sessions at increasing times, got {len(time)}: record more sessions of the run."
        )
    if np.ptp(values) <= 1e-12 * np.abs(values).max(initial=1e-300):
        return Onset(time[0], time[0], time[0], float(values[0]))
    share = _independent_share(time, values)
    samples = share * len(time)
    penalty = np.log(max(samples, 2.0))
    flat = [_Fit(samples * _log_variance(np.ones((len(time), 1)), values)[0], (), float(values.mean()))]
    flat += [_best(time, values, knots, samples) for knots in range(1, MAXIMUM_KNOTS + 1)]
    moving = [_best(time, values, knots, samples, moving=True) for knots in range(MAXIMUM_KNOTS)]
    criteria = [fit.deviance + (1 + 2 * len(fit.knots)) * penalty for fit in flat]
    chosen = flat[int(np.argmin(criteria))]
    if min(fit.deviance + (2 + 2 * len(fit.knots)) * penalty for fit in moving) < min(criteria):
        return Onset(np.nan, float(time[-1]), np.inf, np.nan)
    if not chosen.knots:
        return Onset(time[0], time[0], time[0], chosen.level)
    return _interval(time, values, chosen, samples, confidence)


def _independent_share(time: np.ndarray, values: np.ndarray) -> float:
    """Effective over observed samples, from the correlation of neighbours about a flexible line."""
    design = _design(time, tuple(np.quantile(time, [0.05, 0.1, 0.2, 0.4, 0.7])))
    residual = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    square = float(np.square(residual).sum())
    correlation = float(residual[1:] @ residual[:-1]) / square if square > 0 else 0.0
    correlation = float(np.clip(correlation + 3 / len(time), 0.0, 0.9))  # what the fitted line has taken is given back
    return (1 - correlation) / (1 + correlation)


def _design(time: np.ndarray, knots: tuple[float, ...], moving: bool = False) -> np.ndarray:
    ramps = [np.maximum(knot - time, 0.0) for knot in knots] + ([time] if moving else [])
    return np.stack([np.ones_like(time), *ramps], axis=1)  # (session, coefficient)


def _log_variance(design: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """ln of the mean squared residual, and the constant."""
    scale = np.maximum(np.abs(design).max(axis=0), 1e-300)
    solution = np.linalg.lstsq(design / scale, values, rcond=None)[0]
    residual = values - design / scale @ solution
    floor = 1e-24 * float(np.square(values).mean())  # values without noise would have no likelihood
    return float(np.log(np.square(residual).mean() + floor)), float(solution[0] / scale[0])


def _fit(time: np.ndarray, values: np.ndarray, knots: tuple[float, ...], samples: float, moving: bool = False) -> _Fit:
    variance, level = _log_variance(_design(time, knots, moving), values)
    return _Fit(samples * variance, knots, level)


def _candidates(time: np.ndarray, count: int = CANDIDATES) -> np.ndarray:
    """Places for knots: between sessions, each with at least two sessions before and three after it."""
    inside = (time[1:-3] + time[2:-2]) / 2 if len(time) > 5 else time[2:-3]
    places = np.union1d(inside, time[2:-3])
    return places[np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).astype(int))]


def _best(time: np.ndarray, values: np.ndarray, count: int, samples: float, moving: bool = False) -> _Fit:
    """Best knots on a coarse grid, then moved one after the other among all places."""
    coarse = _candidates(time, CANDIDATES if count < 2 else CANDIDATES // (1 + count))
    best = min((_fit(time, values, knots, samples, moving) for knots in combinations(coarse, count)), key=lambda fit: fit.deviance)
    places = _candidates(time, 4 * CANDIDATES)
    for _ in range(2 if count else 0):
        for moved in range(count):
            others = best.knots[:moved] + best.knots[moved + 1 :]
            tried = (tuple(sorted((*others, place))) for place in places if place not in others)
            best = min([best, *(_fit(time, values, knots, samples, moving) for knots in tried)], key=lambda fit: fit.deviance)
    return best


def _interval(time: np.ndarray, values: np.ndarray, chosen: _Fit, samples: float, confidence: float) -> Onset:
    """Profile likelihood of the last knot, the others free."""
    limit, others = chosen.deviance + chi2.ppf(confidence, 1), chosen.knots[:-1]
    places, allowed = _candidates(time, 4 * CANDIDATES), [chosen.knots[-1]]
    for place in places:
        earlier = _candidates(time[time <= place]) if others and (time <= place).sum() > 5 else np.array([])
        freed = [(*others[:-1], knot, place) for knot in earlier[earlier < place]] if others else []
        tried = [(*(knot for knot in others if knot < place), place), *freed]
        if min(_fit(time, values, tuple(sorted(knots)), samples).deviance for knots in tried) <= limit:
            allowed.append(place)
    return Onset(chosen.knots[-1], float(min(allowed)), float(max(allowed)), chosen.level)


def phases(
    run: xr.Dataset,
    performance: str = "loss",
    statistics: Sequence[str] = ("fraction_active_responses",),
    confidence: float = 0.95,
) -> xr.Dataset:
    """When each subject has learned, and when its directed drift ends.

    Learning ends where the logarithm of the loss settles, directed drift where the last of the statistics does, not before the end
    of learning.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset with ``elapsed`` and the named variables; those of units are averaged over units.
    performance : str
        A positive measure that falls with learning.
    statistics : sequence of str
        Measures of sparsity and information.
    confidence : float
        Of the intervals.

    Returns
    -------
    xarray.Dataset
        ``end_of_learning`` and ``end_of_directed_drift`` (subject) in the units of ``elapsed``, each with ``_low`` and ``_high``; NaN
        and an infinite upper end where the phase lasts to the end of the run. ``phase`` (subject, session): 0 learning, 1 directed
        drift, 2 null drift; NaN where nothing was observed.

    Raises
    ------
    RefusedInputError
        If no statistic is named, a variable is missing, the performance is not positive, or sessions are few.
    """
    if isinstance(statistics, str) or not statistics:
        raise RefusedInputError(f"statistics must be a list of names, got {statistics!r}: name at least one measure of sparsity.")
    check(run, "elapsed")
    loss, measures = _series(run, performance), [_series(run, name) for name in statistics]
    if bool((loss <= 0).any()):
        raise RefusedInputError(f"{performance} must be positive to have a logarithm, got {float(loss.min()):.3g}: choose another measure.")
    learned, settled = [], []
    for subject, time in enumerate(run["elapsed"].transpose("subject", "session").values):
        learned.append(plateau_onset(time, np.log10(loss[subject]), confidence))
        settled.append(_latest([learned[-1], *(plateau_onset(time, measure[subject], confidence) for measure in measures)]))
    return _labelled(run, loss, learned, settled, confidence)


def _series(run: xr.Dataset, name: str) -> np.ndarray:
    if name not in run:
        raise RefusedInputError(f"{name} is missing from the run, which holds {', '.join(map(str, run.data_vars))}: choose one of these.")
    return of_subject(run, name).transpose("subject", "session").values.astype(float)


def _latest(onsets: Sequence[Onset]) -> Onset:
    """Onset of the measure that settles last; what still moves at the end settles last of all."""
    return max(onsets, key=lambda onset: np.inf if np.isnan(onset.time) else onset.time)


def _labelled(run: xr.Dataset, loss: np.ndarray, learned: Sequence[Onset], settled: Sequence[Onset], confidence: float) -> xr.Dataset:
    units, variables = run["elapsed"].attrs.get("units", "1"), {}
    for name, onsets in (("end_of_learning", learned), ("end_of_directed_drift", settled)):
        for part, field in (("", "time"), ("_low", "low"), ("_high", "high")):
            variables[name + part] = ("subject", np.array([getattr(onset, field) for onset in onsets]), {"units": units})
    elapsed = run["elapsed"].transpose("subject", "session").values
    ends = [np.array([onset.time for onset in onsets])[:, np.newaxis] for onsets in (learned, settled)]
    phase = np.where(np.isfinite(loss), sum((elapsed >= end).astype(float) for end in ends), np.nan)  # NaN is never reached
    meaning = {"units": "1", "long_name": "phase of the run", "flag_values": [0, 1, 2], "flag_meanings": "learning directed_drift null_drift"}
    coordinates = {name: run[name] for name in ("subject", "session", "elapsed") if name in run.coords}
    found = xr.Dataset({**variables, "phase": (("subject", "session"), phase, meaning)}, coords=coordinates)
    return found.assign_attrs(confidence=confidence)


def trend(values: np.ndarray) -> tuple[float, float]:
    """Kendall's rank correlation of a measure with time, and its p-value: does the measure go anywhere?

    Parameters
    ----------
    values : array, shape (session,)
        In the order of time; NaN where not observed.

    Returns
    -------
    correlation, p_value : float
        The p-value takes sessions as independent.
    """
    seen = np.asarray(values, dtype=float)
    found = kendalltau(np.arange(len(seen))[np.isfinite(seen)], seen[np.isfinite(seen)])
    return float(found.statistic), float(found.pvalue)
