"""Curves normalised to the first session in each published way, and straight lines through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from drift.errors import RefusedInputError
from drift.metrics.intervals.limits import standard_error


class Curve(NamedTuple):
    """(session) mean over subjects, over its first session; standard error over the subjects
    present; how many these are."""

    mean: np.ndarray
    error: np.ndarray
    subjects: np.ndarray


def _moments(values: np.ndarray, faithful: bool = False) -> Curve:
    """Mean and its standard error over the subjects; as published, the deviation is that over n,
    and n counts absent subjects."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    empty = np.full(count.shape, np.nan)
    mean = np.divide(
        np.where(finite, values, 0.0).sum(axis=0), count, out=empty.copy(), where=count > 0
    )
    squares = np.where(finite, (values - mean) ** 2, 0.0).sum(axis=0)
    if faithful:
        variance = np.divide(squares, count, out=empty.copy(), where=count > 0)
        return Curve(mean, np.sqrt(variance / len(values)), count)
    return Curve(mean, standard_error(values), count)


def _first(values: np.ndarray) -> int:
    """Position of the first session that holds any value."""
    return int(np.isfinite(values).any(axis=0).argmax())


def _divisible(first: np.ndarray) -> np.ndarray:
    if (first == 0).any():
        raise RefusedInputError(
            "values of the first session must not be 0 to divide by them, got 0: leave the "
            "subject or the session out."
        )
    return first


def ratio_of_means(values: np.ndarray, faithful: bool = False) -> Curve:
    """Mean over subjects divided by that of the first session: <x_s> / <x_0> (panel B; panel A
    pools cells likewise).

    Parameters
    ----------
    values : numpy.ndarray
        (subject, session), NaN where not observed.
    faithful : bool
        Standard errors as published: sd over n instead of n - 1, and n all subjects, absent ones
        included; too small by sqrt((n - 1) / n) and more.

    Returns
    -------
    Curve
        Standard errors sd / sqrt(n) / <x_0> with n - 1 degrees of freedom, n the subjects present:
        that of <x_s>, in units of <x_0>. It says how much subjects differ; what the ratio itself
        varies by also depends on <x_0> and on what sessions share.

    Raises
    ------
    RefusedInputError
        If the first session is 0.
    """
    mean, error, count = _moments(values, faithful)
    first = _divisible(mean[_first(values)])
    return Curve(mean / first, error / abs(first), count)


def mean_of_ratios(values: np.ndarray, faithful: bool = False) -> Curve:
    """Each subject divided by its first session, then averaged: <x_s / x_0> (panels C and D).

    A subject that was not observed in the first session does not enter.

    Parameters
    ----------
    values : numpy.ndarray
        (subject, session), NaN where not observed.
    faithful : bool
        Standard errors as published: sd over n instead of n - 1, and n all subjects, absent ones
        included; too small by sqrt((n - 1) / n) and more.

    Returns
    -------
    Curve

    Raises
    ------
    RefusedInputError
        If a first session is 0.
    """
    return _moments(values / _divisible(values[:, _first(values)])[:, np.newaxis], faithful)


def renormalised_mean_of_ratios(values: np.ndarray, faithful: bool = False) -> Curve:
    """As ``mean_of_ratios``, divided by its first value once more (panel C); that value is 1 unless
    subjects were left out.

    Parameters
    ----------
    values : numpy.ndarray
        (subject, session), NaN where not observed.
    faithful : bool
        Standard errors as published: sd over n instead of n - 1, and n all subjects, absent ones
        included; too small by sqrt((n - 1) / n) and more.

    Returns
    -------
    Curve

    Raises
    ------
    RefusedInputError
        If a first session is 0.
    """
    mean, error, count = mean_of_ratios(values, faithful)
    first = mean[_first(mean[np.newaxis])]
    return Curve(mean / first, error / abs(first), count)


CONVENTIONS: dict[str, Callable[[np.ndarray], Curve]] = {
    "ratio_of_means": ratio_of_means,
    "mean_of_ratios": mean_of_ratios,
    "renormalised_mean_of_ratios": renormalised_mean_of_ratios,
}
PANEL_CONVENTIONS = {
    "Khatib 2023": "ratio_of_means",
    "Jercog 2019": "ratio_of_means",
    "Karlsson 2015": "renormalised_mean_of_ratios",
    "Sheintuch 2023": "mean_of_ratios",
}
