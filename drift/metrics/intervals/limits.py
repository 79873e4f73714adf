"""From estimates of subjects, or from draws, to the limits of an interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

ROUNDING = 1e-9  # of a number that does not depend on an entry, or lies at a bound
DEFINED = 0.9  # share of the draws in which a measure must be defined, for an interval


class Limits(NamedTuple):
    """An estimate and its interval, arrays of one shape; NaN where none can be told."""

    estimate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def mean_or_nan(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of the known values along an axis."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def half_width(
    error: np.ndarray | float, freedom: np.ndarray | float, confidence: float
) -> np.ndarray:
    """Half of Student's interval: his quantile at (1 + confidence) / 2 times a standard error."""
    return np.asarray(student.ppf((1 + confidence) / 2, freedom) * error)


def standard_error(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Standard error of the mean of the known values along an axis, sd / sqrt(n) with n - 1 in the
    variance; NaN with fewer than two."""
    rows = np.moveaxis(np.asarray(values, dtype=float), axis, 0)
    finite = np.isfinite(rows)
    count = finite.sum(axis=0)
    squares = np.where(finite, (rows - mean_or_nan(rows, 0)) ** 2, 0.0).sum(axis=0)
    some = np.maximum(count, 2)
    return np.asarray(np.where(count > 1, np.sqrt(squares / (some - 1) / some), np.nan))


def of_subjects(estimates: np.ndarray, confidence: float) -> Limits:
    """Mean over subjects, and Student's interval with one degree of freedom less than there are
    subjects; NaN limits for a single one.

    Parameters
    ----------
    estimates : numpy.ndarray
        (subject, ...), NaN where not known.
    confidence : float
    """
    mean, some = mean_or_nan(estimates, 0), np.maximum(np.isfinite(estimates).sum(axis=0), 2)
    width = half_width(standard_error(estimates), some - 1, confidence)
    return Limits(mean, mean - width, mean + width)


def bounded(limits: Limits, within: tuple[float, float]) -> Limits:
    """Student's interval of a measure that lies between two bounds, bent so that it does, too.

    On Fisher's scale z = artanh((2 x - high - low) / (high - low)) the interval lies evenly about
    the estimate, z +- w dz/dx with w half of Student's.

    Parameters
    ----------
    limits : Limits
        Even about the estimate.
    within : tuple of float
        The bounds.

    References
    ----------
    Fisher 1915, Biometrika 10:507 (z); the error is carried over to first order.
    """
    low, high = within
    half, middle, width = (high - low) / 2, (high + low) / 2, limits.upper - limits.estimate
    place = np.clip((limits.estimate - middle) / half, ROUNDING - 1, 1 - ROUNDING)
    reach = width / half / (1 - place**2)
    ends = [middle + half * np.tanh(np.arctanh(place) + sign * reach) for sign in (-1, 1)]
    least, most = (np.where(width == 0, limits.estimate, end) for end in ends)
    return Limits(limits.estimate, least, most)


def of_sources(
    estimate: np.ndarray, variances: np.ndarray, freedoms: np.ndarray, confidence: float
) -> Limits:
    """Estimate and Student's interval, where several independent sources of chance add up.

    With V_s the variance that source s alone brings, known with f_s degrees of freedom, the
    standard error is sqrt(sum_s V_s) and has (sum V_s)^2 / sum_s (V_s^2 / f_s) degrees of freedom.

    Parameters
    ----------
    estimate : numpy.ndarray
        (...).
    variances, freedoms : numpy.ndarray
        (source, ...), (source).
    confidence : float

    References
    ----------
    Satterthwaite 1946, Biometrics Bulletin 2:110.
    """
    total = np.sum(variances, axis=0)
    each = np.maximum(freedoms, 1).reshape(-1, *[1] * np.ndim(total))
    scale = np.sum(np.square(variances) / each, axis=0)
    freedom = np.divide(total**2, scale, out=np.ones(np.shape(total)), where=scale > 0)
    width = half_width(np.sqrt(total), freedom, confidence)
    return Limits(estimate, estimate - width, estimate + width)


def of_draws(
    estimate: np.ndarray, draws: np.ndarray, entries: np.ndarray, confidence: float
) -> Limits:
    """Estimate and Student's interval from the standard deviation of draws, as of ``entries`` that
    were drawn.

    The draws of m entries vary by (m - 1) / m less than estimates do, which is put right.

    Parameters
    ----------
    estimate : numpy.ndarray
        (...).
    draws : numpy.ndarray
        (draw, ...).
    entries : numpy.ndarray
        (...) how many units, sessions or trials were drawn.
    confidence : float
    """
    error = np.sqrt(variance_of_draws(draws, entries))
    width = half_width(error, np.maximum(entries, 2) - 1, confidence)
    return Limits(estimate, estimate - width, estimate + width)


def variance_of_draws(draws: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """Variance of an estimate from draws, times m / (m - 1); (...) from (draw, ...), NaN where it is
    not defined in nine of ten draws. See ``of_draws``."""
    rows = np.ascontiguousarray(np.moveaxis(draws, 0, -1))  # sums do not depend on the company
    finite = np.isfinite(rows)
    count = finite.sum(axis=-1)
    deviations = rows - mean_or_nan(rows, -1)[..., np.newaxis]
    squares = np.where(finite, deviations**2, 0.0).sum(axis=-1)
    some = np.maximum(entries, 2)
    variance = squares / np.maximum(count - 1, 1) * some / (some - 1)
    enough = (entries > 1) & (count > 1) & (count >= DEFINED * len(draws))
    return np.where(enough, variance, np.nan)


def of_percentiles(estimate: np.ndarray, draws: np.ndarray, confidence: float) -> Limits:
    """Estimate and percentiles of draws, as published; (...) from (draw, ...)."""
    lower, upper = (np.full(np.shape(estimate), np.nan) for _ in range(2))
    enough = np.isfinite(draws).sum(axis=0) >= max(2.0, DEFINED * len(draws))
    if enough.any():
        tails = (1 - confidence) / 2, (1 + confidence) / 2
        lower[enough], upper[enough] = np.nanquantile(draws[:, enough], tails, axis=0)
    return Limits(estimate, lower, upper)
