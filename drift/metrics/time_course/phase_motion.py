"""How a code moves: how fast, as a random walk or less than one, and how much of the movement has a
direction.

A code is a vector for each session, such as all rate maps or all weights of a subject.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.intervals.limits import standard_error
from drift.metrics.intervals.resampling import jackknife_variance

MINIMUM_SESSIONS = 8
BLOCKS = 8  # parts of a run that are left out in turn for standard errors


class Exponent(NamedTuple):
    """Power alpha of the mean squared displacement in the lag, with its standard error, and the
    displacement at lag 1."""

    exponent: float
    standard_error: float
    scale: float


class Direction(NamedTuple):
    """Share of the squared movement between sessions that goes on in the same direction, and its
    standard error."""

    share: float
    standard_error: float


def _checked(time: np.ndarray, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    time, code = np.asarray(time, dtype=float), np.asarray(code, dtype=float)
    if time.ndim != 1 or code.ndim == 0 or len(code) != len(time):
        raise RefusedInputError(
            f"time must hold one number per row of the code, got {time.shape} and "
            f"{code.shape}: give (session,) to it."
        )
    code = code.reshape(len(code), int(np.prod(code.shape[1:])))
    observed = np.isfinite(time) & np.isfinite(code).any(axis=1)
    time, code = time[observed], code[observed]
    code = code[:, np.isfinite(code).all(axis=0)]
    if len(time) < MINIMUM_SESSIONS or code.shape[1] == 0 or (np.diff(time) <= 0).any():
        raise RefusedInputError(
            f"movement needs at least {MINIMUM_SESSIONS} sessions at increasing times and a "
            f"number seen in all of them, got {len(time)} "
            f"sessions and {code.shape[1]} numbers: record more sessions, or leave out units "
            "that were not always observed."
        )
    return time, code


@opened
def drift_rate(time: np.ndarray, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Speed of a code against time: squared displacement between neighbouring sessions over twice
    its mean square and the time passed.

    For codes of constant size this is (1 - cosine) per unit of time.

    Parameters
    ----------
    time : array, shape (session,)
    code : array, shape (session, ...)
        NaN where not observed; only numbers seen in all sessions count.

    Returns
    -------
    time, rate : array, shape (session - 1,)
        Middle of each interval, and the rate in 1 / time.

    Raises
    ------
    RefusedInputError
        If fewer than eight sessions are observed, or time does not increase.
    """
    time, code = _checked(time, code)
    size = np.square(code).sum(axis=1)
    moved = np.square(np.diff(code, axis=0)).sum(axis=1)
    return (time[1:] + time[:-1]) / 2, moved / (size[1:] + size[:-1]) / np.diff(time)


@opened
def diffusion_exponent(time: np.ndarray, code: np.ndarray) -> Exponent:
    """Power of the mean squared displacement in the lag: 1 for a random walk, 2 for a straight
    path, below 1 for a bounded one.

    ln MSD = ln scale + alpha ln lag, fitted over lags up to a third of the run, each weighted by
    its number of independent pairs; standard error by leaving out blocks of the run in turn.

    Parameters
    ----------
    time : array, shape (session,)
    code : array, shape (session, ...)

    Returns
    -------
    Exponent

    Raises
    ------
    RefusedInputError
        If fewer than eight sessions are observed, or time does not increase.
    """
    time, code = _checked(time, code)
    first, second = np.triu_indices(len(time), 1)
    lag, square = (
        time[second] - time[first],
        np.square(code[:, np.newaxis] - code).sum(axis=-1)[first, second],
    )
    near = lag <= np.ptp(time) / 3
    first, second, lag, square = first[near], second[near], lag[near], square[near]
    if not square.any():
        return Exponent(np.nan, np.nan, 0.0)
    whole = _power(lag, square, np.ptp(time))
    edges = np.linspace(0, len(time), BLOCKS + 1).astype(int)
    masks = [((second < low) | (first >= high)) for low, high in pairwise(edges)]
    left_out = np.array(
        [
            _power(lag[mask], square[mask], np.ptp(time))[0]
            for mask in masks
            if np.unique(lag[mask]).size > 1
        ]
    )
    error = np.sqrt(jackknife_variance(left_out)) if len(left_out) > 1 else np.nan
    return Exponent(whole[0], float(error), whole[1])


def _power(lag: np.ndarray, square: np.ndarray, span: float) -> tuple[float, float]:
    lags, place = np.unique(lag.round(9), return_inverse=True)
    mean = np.bincount(place, square) / np.bincount(place)
    counted = mean > 0
    slope, level = np.polyfit(
        np.log(lags[counted]), np.log(mean[counted]), 1, w=np.sqrt(span / lags[counted])
    )
    return float(slope), float(np.exp(level))


@opened
def directed_share(code: np.ndarray, time: np.ndarray | None = None) -> Direction:
    """Share of the movement that is directed: 0 for a random walk, 1 for a straight path.

    With D_k the displacement between sessions k and k + 1, share = mean(D_k . D_(k+2)) /
    mean(|D_k|^2). Displacements with one in between share no session, so noise of the measurement
    does not look like turning back; it lowers the share by adding to |D|^2.

    Parameters
    ----------
    code : array, shape (session, ...)
    time : array, shape (session,), optional
        Sessions at equal intervals by default; displacements are divided by the time they took.

    Returns
    -------
    Direction

    Raises
    ------
    RefusedInputError
        If fewer than eight sessions are observed, or time does not increase.
    """
    time, code = _checked(np.arange(len(code)) if time is None else time, code)
    step = np.diff(code, axis=0) / np.diff(time)[:, np.newaxis]
    product, square = (step[:-2] * step[2:]).sum(axis=1), np.square(step).sum(axis=1)
    if not square.any():
        return Direction(np.nan, np.nan)
    return Direction(
        float(product.mean() / square.mean()),
        float(standard_error(product) / square.mean()),
    )
