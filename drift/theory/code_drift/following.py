"""What a readout that goes on learning makes of a drifting Top-K layer: linear theory and sampled
twin.

A readout by least mean squares is linear in the code, so that it is known from products of codes
alone, which a wide layer fixes: kappa(r c0) / k1 for any two places and sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, NotNegative, Numbers, Seed, Share
from drift.errors import RefusedInputError
from drift.streams import stream
from drift.theory.code_drift.readout import _ridge_coefficients, _target_matrix
from drift.theory.code_drift.sampled import SEEDS, UNITS, over_seeds, square_root
from drift.theory.kernels.checks import (
    checked_autocorrelation,
    checked_number,
    counted,
    position_matrix,
)
from drift.theory.kernels.finite_layers import top_k
from drift.theory.kernels.one_layer import kappa, mean_square_activity

FASTEST = 2.0  # learning rate beyond which a single place is overshot without end


class Followed(NamedTuple):
    """Mean squared errors of a readout in each session.

    Attributes
    ----------
    before, after : numpy.ndarray
        (session,), of the weights of the session before, and of those at its end.
    """

    before: np.ndarray
    after: np.ndarray


@opened
def following_readout_error(
    position_correlation: Numbers,
    targets: Numbers,
    active_fraction: Share,
    autocorrelation: Numbers,
    ridge: NotNegative,
    learning_rate: NotNegative,
    laps: Count = 1,
) -> xr.Dataset:
    """Mean squared error of a readout that was fitted in the first session and goes on learning by
    least mean squares in each later one.

    The first session is as in ``readout_error``: A_0 = (K_00 + lambda I)^-1 y. In session t the
    readout says z = sum_{t' < t} K_tt' A_t' of its places, K_tt' = kappa(r_tt' c0) / k1. It then
    sees all places in their order, in so many laps; at place s the delta rule dw = eta (y_s - w
    x_s) x_s / |x|^2 adds a = eta (y_s - z_s) to A_t,s and K_tt a to z. Without learning this is
    ``readout_error``. Where codes are unrelated between places and forget as rho^t, the error
    before learning settles at (1 - rho) / (1 - rho (1 - eta)) of the targets.

    Parameters
    ----------
    position_correlation : array
        (place, place_other) c0 between all places.
    targets : array
        (place, output) what is to be read.
    active_fraction : float
        f, fraction of units active at a place.
    autocorrelation : array
        (session, session_other) r of the weights, 1 on the diagonal.
    ridge : float
        lambda, of the first session.
    learning_rate : float
        eta, from 0 (a fixed readout) to 2.
    laps : int
        Of each session.

    Returns
    -------
    xarray.Dataset
        ``error_before`` and ``error_after`` (session), means over places and outputs.

    Raises
    ------
    RefusedInputError
        If a correlation is out of range, sizes do not fit, or the learning rate is above 2.

    References
    ----------
    Widrow & Hoff 1960 (the delta rule); derived here; its sampled twin is
    ``sampled_following_readout_error``.
    """
    matrix, lags = position_matrix(position_correlation), _session_matrix(autocorrelation)
    rate = checked_number("learning_rate", learning_rate, 0, FASTEST)
    desired = _target_matrix(targets, len(matrix))
    scale = float(np.asarray(mean_square_activity(active_fraction)))
    kernel = np.asarray(kappa(np.multiply.outer(lags, matrix), active_fraction)) / scale
    start = _ridge_coefficients(kernel[0, 0], desired, ridge)
    errors = followed(kernel, desired, start, rate, counted("laps", laps))
    return xr.Dataset(
        {
            f"error_{name}": ("session", values, {"units": "squared output"})
            for name, values in errors._asdict().items()
        }
    )


@opened
def followed(
    kernel: np.ndarray, targets: np.ndarray, start: np.ndarray, learning_rate: float, laps: int
) -> Followed:
    """Return the errors of a readout that follows a code, from products of the code alone.

    Parameters
    ----------
    kernel : numpy.ndarray
        (session, session_other, place, place_other).
    targets : numpy.ndarray
        (place, output).
    start : numpy.ndarray
        (place, output), coefficients of the first session.
    learning_rate : float
    laps : int
    """
    coefficients = np.zeros((len(kernel), *targets.shape))
    coefficients[0] = start
    errors = np.empty((2, len(kernel)))
    for session in range(len(kernel)):
        earlier = range(max(session, 1))
        reading = sum(kernel[session, day] @ coefficients[day] for day in earlier)
        errors[0, session] = ((targets - reading) ** 2).mean()
        for place in np.tile(np.arange(len(targets)), laps if session else 0):
            step = learning_rate * (targets[place] - reading[place])
            coefficients[session, place] += step
            reading = reading + np.outer(kernel[session, session][:, place], step)
        errors[1, session] = ((targets - reading) ** 2).mean()
    return Followed(*errors)


@opened
def followed_by_weights(
    codes: Iterator[np.ndarray], targets: np.ndarray, ridge: float, learning_rate: float, laps: int
) -> Followed:
    """Return the same errors of a real readout with one weight for each unit.

    Parameters
    ----------
    codes : iterator of numpy.ndarray
        (place, unit) of each session, over the root of the mean |x|^2 of the first one.
    targets : numpy.ndarray
        (place, output).
    ridge, learning_rate : float
    laps : int
    """
    weights: np.ndarray | None = None
    errors = []
    for code in codes:
        fitted = weights is None
        if weights is None:
            weights = code.T @ _ridge_coefficients(code @ code.T, targets, ridge)
        before = ((targets - code @ weights) ** 2).mean()
        for place in np.tile(np.arange(len(targets)), 0 if fitted else laps):
            miss = targets[place] - code[place] @ weights
            weights = weights + learning_rate * np.outer(code[place], miss)
        errors.append((before, ((targets - code @ weights) ** 2).mean()))
    return Followed(*np.transpose(errors))


def _session_matrix(autocorrelation: Any) -> np.ndarray:
    lags = np.asarray(checked_autocorrelation(autocorrelation), dtype=float)
    if lags.ndim != 2 or lags.shape[0] != lags.shape[1] or not np.allclose(lags.diagonal(), 1):
        raise RefusedInputError(
            "autocorrelation must be (session, session_other) with 1 on its diagonal, got shape "
            f"{lags.shape}: give r of all pairs of sessions."
        )
    return lags


@opened
def sampled_following_readout_error(
    position_correlation: Numbers,
    targets: Numbers,
    active_fraction: Share,
    autocorrelation: Numbers,
    ridge: NotNegative,
    learning_rate: NotNegative,
    laps: Count = 1,
    *,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
) -> xr.Dataset:
    """Twin of ``following_readout_error``: weights on the units of real Top-K layers, changed place
    by place.

    Parameters
    ----------
    position_correlation, targets, active_fraction, autocorrelation, ridge, learning_rate, laps
        As in ``following_readout_error``.
    units : int
        Width of the layer.
    seeds : sequence of int

    Returns
    -------
    xarray.Dataset
        ``error_before`` and ``error_after`` (session), means over seeds, and their standard errors.

    References
    ----------
    Sampled twin of ``following_readout_error``.
    """
    matrix, lags = position_matrix(position_correlation), _session_matrix(autocorrelation)
    rate = checked_number("learning_rate", learning_rate, 0, FASTEST)
    desired, units = _target_matrix(targets, len(matrix)), counted("units", units, 2)
    root, days = square_root(matrix), square_root(lags)
    scale = np.sqrt(units * float(mean_square_activity(active_fraction)))

    def codes(seed: int) -> Iterator[np.ndarray]:
        draws = stream(seed, "weights").standard_normal((len(days), len(root), units))
        for mixture in days:
            preactivation = root @ np.tensordot(mixture, draws, 1)  # (place, unit)
            yield top_k(preactivation, active_fraction) / scale

    def measure(seed: int) -> np.ndarray:
        return np.array(followed_by_weights(codes(seed), desired, ridge, rate, laps))

    return over_seeds(["error_before", "error_after"], ("session",), measure, seeds)
