"""Checks at the door that the theory of Top-K layers shares: counts, numbers, seeds, correlations
between places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError

PLACES = ("place", "place_other")
OUTSIDE = (
    "divide covariances by both standard deviations in double precision, or clip what rounding "
    "leaves outside"
)


def shown(value: float) -> str:
    """Return a number with the digits that tell it from a bound of 1, which it may miss by a
    millionth."""
    short = f"{value:.6g}"
    return repr(value) if float(short) != value and float(short) in (-1.0, 0.0, 1.0) else short


def counted(name: str, value: Any, least: int = 1) -> int:
    """Return a count as int, refused where it is no whole number or too small.

    Parameters
    ----------
    name : str
        What the count is called in the message.
    value : int
        A float is taken if it is whole.
    least : int
        Smallest count that makes sense.

    Returns
    -------
    int
    """
    try:
        if np.ndim(value) == 0 and int(value) == value and value >= least:
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise RefusedInputError(
        f"{name} must be a whole number from {least}, got {value!r}: give a count."
    )


def checked_number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a single finite number as float, refused where it is none or lies beyond its bounds.

    Parameters
    ----------
    name : str
        What the number is called in the message.
    value : float
    low, high : float
        Bounds, included.

    Returns
    -------
    float
    """
    try:
        if np.ndim(value) == 0 and math.isfinite(value) and low <= value <= high:
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    bounds = (
        f" between {low:g} and {high:g}"
        if math.isfinite(high)
        else f" not below {low:g}"
        if math.isfinite(low)
        else ""
    )
    raise RefusedInputError(
        f"{name} must be one finite number{bounds}, got {value!r}: give such a number."
    )


def checked_seeds(seeds: Any, least: int = 1) -> list[int]:
    """Return seeds as a list, refused where they are not listed, too few or not whole numbers from
    0.

    Parameters
    ----------
    seeds : iterable of int
    least : int
        Smallest number of seeds that makes sense.

    Returns
    -------
    list of int
    """
    try:
        listed = list(seeds)
    except TypeError:
        raise RefusedInputError(
            f"seeds must be a list of whole numbers, got {seeds!r}: pass range(8) for eight seeds."
        ) from None
    if len(listed) < least:
        lack = "one sample has no standard error" if least > 1 else "list at least one"
        raise RefusedInputError(
            f"seeds must hold at least {'two seeds' if least > 1 else 'one seed'}, got "
            f"{len(listed)}: {lack}."
        )
    return [counted("seed", seed, 0) for seed in listed]


def plain_numbers(name: str, values: Any) -> np.ndarray:
    """Return values as a float64 array, refused where they are not numbers.

    Parameters
    ----------
    name : str
        What the values are called in the message.
    values : float or array

    Returns
    -------
    numpy.ndarray
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise RefusedInputError(
            f"{name} must be numbers, got {type(values).__name__} {str(values)[:40]!r}: pass "
            "floats."
        ) from None


def between(name: str, values: Any, low: float, high: float, remedy: str) -> Any:
    """Return values as they are given if all lie in [low, high], to rounding; refused otherwise.

    Parameters
    ----------
    name : str
        What the values are called in the message.
    values : float or array
    low, high : float
    remedy : str
        What to do instead.

    Returns
    -------
    float or array
    """
    numbers = plain_numbers(name, values)
    if numbers.size == 0 or not ((numbers >= low - 1e-9) & (numbers <= high + 1e-9)).all():
        absent, present = np.isnan(numbers).sum(), numbers[~np.isnan(numbers)]
        got = (
            f"{shown(float(present.min()))} to {shown(float(present.max()))}"
            if present.size
            else "no number"
        )
        got = f"NaN in {absent} of {numbers.size} and {got}" if absent else got
        raise RefusedInputError(
            f"{name} must lie between {low:g} and {high:g}, got {got}: {remedy}."
        )
    return values


def checked_input_correlation(values: Any, name: str = "input_correlation") -> Any:
    """Return correlations of inputs as they are given, refused where one is NaN or beyond -1 and 1.

    Parameters
    ----------
    values : float or array
    name : str
        What they are called in the message.

    Returns
    -------
    float or array
    """
    return between(name, values, -1, 1, f"leave out what is NaN, {OUTSIDE}")


def checked_autocorrelation(values: Any) -> Any:
    """Return autocorrelations of weights as they are given, refused where one is NaN or beyond -1
    and 1.

    Parameters
    ----------
    values : float or array

    Returns
    -------
    float or array
    """
    return between("autocorrelation", values, -1, 1, "see weight_autocorrelation")


def position_matrix(values: Any) -> np.ndarray:
    """Return correlations between all places as a plain matrix.

    Parameters
    ----------
    values : array
        (place, place_other), in any order where labelled.

    Returns
    -------
    numpy.ndarray
        (place, place_other).

    Raises
    ------
    RefusedInputError
        If a correlation is out of range or the matrix is not square.
    """
    labelled = isinstance(values, xr.DataArray) and set(values.dims) == set(PLACES)
    ordered = values.transpose(*PLACES) if labelled else values
    matrix = np.asarray(checked_input_correlation(ordered, "position_correlation"), dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise RefusedInputError(
            "position_correlation must be a square matrix (place, place_other), got shape "
            f"{matrix.shape}: give all pairs."
        )
    return np.clip(matrix, -1, 1)
