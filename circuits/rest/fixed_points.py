"""Where rate circuits with one interneuron come to rest, in closed form or from one scalar
equation.

Everything here is vectorised: ``drive (..., unit)`` and parameters that broadcast against
``(...)``. The parameters are those of the equations: G and w act on the summed rate, theta and k
are sums over all units (the circuits themselves use means over units).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit


def threshold_linear_level(
    drive: np.ndarray, gain: np.ndarray | float, offset: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return inhibition and number of winners of a threshold-linear circuit with one interneuron.

    lambda = w (S_k - theta) / (1 + w k) with the one integer k for which I_(k) > lambda >= I_(k+1);
    S_k is the sum of the k largest drives (circuits, 2.1 and 2.2). The linear interneuron has theta
    = 0 and w = G; w = infinity gives the projection on the simplex, lambda = (S_k - theta) / k.

    Parameters
    ----------
    drive : numpy.ndarray
        I, (..., unit).
    gain : array_like
        w, (...), above 0; infinity is allowed where theta is above 0.
    offset : array_like
        theta, (...).

    Returns
    -------
    inhibition : numpy.ndarray
        lambda, (...), at least 0 unless ``gain`` is infinite.
    winners : numpy.ndarray
        k, (...), the number of drives above lambda.
    """
    gain, offset = (
        np.asarray(gain, dtype=float)[..., np.newaxis],
        np.asarray(offset, dtype=float)[..., np.newaxis],
    )
    ordered = -np.sort(-drive, axis=-1)  # (..., unit), descending
    count = np.arange(1, drive.shape[-1] + 1)
    weight = 1 / (1 / gain + count)  # w / (1 + w k), finite for infinite w
    # (..., unit): lambda if the first k units won
    level = weight * (np.cumsum(ordered, axis=-1) - offset)
    # the level rises with k as long as the k-th drive lies above it, so the winners are counted
    # without a search
    winners = np.sum(ordered > level, axis=-1)
    last_winner = np.maximum(winners - 1, 0)[..., np.newaxis]
    winning_level = np.take_along_axis(level, last_winner, axis=-1)[..., 0]
    signed = np.where(np.isinf(gain[..., 0]), winning_level, np.maximum(winning_level, 0.0))
    inhibition = np.where(winners == 0, 0.0, signed)
    return inhibition, np.sum(drive > inhibition[..., np.newaxis], axis=-1)


def bisected(
    excess: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return the root of a function that falls with its argument, to the last digit of float64.

    Parameters
    ----------
    excess : callable
        Maps (...) to (...), at least 0 at ``low`` and at most 0 at ``high``.
    low, high : numpy.ndarray
        (...) each.

    Returns
    -------
    numpy.ndarray
        (...).
    """
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    high = np.where(excess(low) > 0, high, low)
    # halving a float64 interval can take as many steps as there are exponents
    for _iteration in range(1100):
        middle = 0.5 * (low + high)
        if np.all((middle == low) | (middle == high)):
            break
        above = excess(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return 0.5 * (low + high)


def saturating_level(
    drive: np.ndarray,
    gain: np.ndarray | float,
    offset: np.ndarray | float,
    width: np.ndarray | float,
) -> np.ndarray:
    """Return the inhibition of saturating units with one interneuron.

    lambda = w [sum_i tanh([I_i - lambda]_+ / L) - theta]_+ (circuits, 2.3), the root of a falling
    function on [0, max I].

    Parameters
    ----------
    drive : numpy.ndarray
        I, (..., unit).
    gain, offset, width : array_like
        w, theta and L, (...).

    Returns
    -------
    numpy.ndarray
        (...).
    """
    gain, offset = np.asarray(gain, dtype=float), np.asarray(offset, dtype=float)
    width = np.asarray(width, dtype=float)[..., np.newaxis]

    def excess(level: np.ndarray) -> np.ndarray:
        total = np.tanh(np.maximum(drive - level[..., np.newaxis], 0.0) / width).sum(axis=-1)
        return gain * np.maximum(total - offset, 0.0) - level

    shape = np.broadcast_shapes(drive.shape[:-1], gain.shape, offset.shape)
    return bisected(
        excess, np.zeros(shape), np.broadcast_to(np.maximum(drive.max(axis=-1), 0.0), shape)
    )


def count_control_level(
    drive: np.ndarray, winners: np.ndarray | float, steepness: np.ndarray | float
) -> np.ndarray:
    """Return the inhibition with which the summed logistic rate is exactly the number of winners
    asked for.

    sum_i sigma(beta (I_i - R)) = k (circuits, 2.5), to rounding, by Newton steps for the logit of
    the mean rate, inside a shrinking bracket that is halved wherever a step is not at most half of
    the one before.

    Parameters
    ----------
    drive : numpy.ndarray
        I, (..., unit).
    winners, steepness : array_like
        k and beta, (...), with 0 < k < units.

    Returns
    -------
    numpy.ndarray
        R, (...), of either sign.
    """
    winners, steepness = np.asarray(winners, dtype=float), np.asarray(steepness, dtype=float)
    units = drive.shape[-1]
    # with equal drives the root lies this far off
    margin = np.abs(np.log(winners / (units - winners))) / steepness + 1e-9
    shape = np.broadcast_shapes(drive.shape[:-1], winners.shape, steepness.shape)
    low = np.broadcast_to(drive.min(axis=-1), shape) - margin
    high = np.broadcast_to(drive.max(axis=-1), shape) + margin
    level, step, moving = (low + high) / 2, high - low, np.ones(shape, dtype=bool)
    while moving.any():  # every round halves the step or the bracket
        rate = expit(steepness[..., np.newaxis] * (drive - level[..., np.newaxis]))  # (..., unit)
        total = rate.sum(axis=-1)
        surplus, slope = (
            total - winners,
            steepness * (total - np.einsum("...i,...i->...", rate, rate)),
        )
        low, high = np.where(surplus > 0, level, low), np.where(surplus > 0, high, level)
        # where units are saturated the bracket is halved
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # a step for the logit of the mean rate, which falls almost evenly where the mean rate
            # itself is flat
            rise = (
                np.log1p(units * surplus / (winners * (units - total)))
                * total
                * (units - total)
                / (units * slope)
            )
        newton = level + np.where(surplus == 0, 0.0, rise)
        trusted = (newton >= low) & (newton <= high) & (np.abs(newton - level) <= np.abs(step) / 2)
        proposed = np.where(trusted, newton, (low + high) / 2)
        step = proposed - level
        level = np.where(moving, proposed, level)
        moving &= np.abs(step) > 4 * np.finfo(float).eps * (np.abs(level) + 1 / steepness)
    return level
