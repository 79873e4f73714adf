"""From estimates of subjects, or from draws, to the limits of an interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

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


def of_subjects(estimates: np.ndarray, confidence: float) -> Limits:
    """Mean over subjects, and Student's interval with one degree of freedom less than there are
    subjects; NaN limits for a single one.

    Parameters
    ----------
    estimates : numpy.ndarray
        (subject, ...), NaN where not known.
    confidence : float
    """
    finite = np.isfinite(estimates)
    count = finite.sum(axis=0)
    mean = mean_or_nan(estimates, 0)
    squares = np.where(finite, (estimates - mean) ** 2, 0.0).sum(axis=0)
    some = np.maximum(count, 2)
    error = np.where(count > 1, np.sqrt(squares / (some - 1) / some), np.nan)
    width = student.ppf((1 + confidence) / 2, some - 1) * error
    return Limits(mean, mean - width, mean + width)


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
    rows = np.ascontiguousarray(np.moveaxis(draws, 0, -1))  # sums do not depend on the company
    finite = np.isfinite(rows)
    count = finite.sum(axis=-1)
    deviations = rows - mean_or_nan(rows, -1)[..., np.newaxis]
    squares = np.where(finite, deviations**2, 0.0).sum(axis=-1)
    some = np.maximum(entries, 2)
    error = np.sqrt(squares / np.maximum(count - 1, 1) * some / (some - 1))
    enough = (entries > 1) & (count > 1) & (count >= DEFINED * len(draws))
    width = np.where(enough, student.ppf((1 + confidence) / 2, some - 1) * error, np.nan)
    return Limits(estimate, estimate - width, estimate + width)


def of_percentiles(estimate: np.ndarray, draws: np.ndarray, confidence: float) -> Limits:
    """Estimate and percentiles of draws, as published; (...) from (draw, ...)."""
    lower, upper = (np.full(np.shape(estimate), np.nan) for _ in range(2))
    enough = np.isfinite(draws).sum(axis=0) >= max(2.0, DEFINED * len(draws))
    if enough.any():
        tails = (1 - confidence) / 2, (1 + confidence) / 2
        lower[enough], upper[enough] = np.nanquantile(draws[:, enough], tails, axis=0)
    return Limits(estimate, lower, upper)
