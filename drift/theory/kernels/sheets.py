"""Smooth sheets: depth where neighbouring units share inputs, because their weights are correlated
too."""

from __future__ import annotations

from typing import Any

import numpy as np

from drift.door import opened
from drift.door.quantities import Alike, Count, Fraction
from drift.errors import RefusedInputError
from drift.theory.kernels.checks import checked_number, counted
from drift.theory.kernels.moments import (
    checked_correlation,
    checked_fraction,
    mean_activity,
    mean_square_activity,
    pooled_square,
)
from drift.theory.kernels.one_layer import joint_activation, shortfall

SPARSEST = 1e-9  # fraction of active units


@opened
def sheet_map(
    correlation: Alike,
    active_fraction: Alike,
    presynaptic_window: Count,
    postsynaptic_window: Count,
) -> Any:
    """Similarity after a layer whose neighbouring units share inputs: a smooth sheet, pooled over
    neighbours.

    c' = (kappa(c) + sum_g w_g kappa(a_g c)) / (k1 + sum_g w_g kappa(a_g)), g = 1 ... z_w - 1, w_g =
    2 (1 - g / z_w), a_g = max(1 - g / z_h, 0).

    Parameters
    ----------
    correlation : float, array or tensor
        (...) c in [-1, 1].
    active_fraction : float, array or tensor
        (...) f in (0, 1].
    presynaptic_window : int
        z_w, units over which the weights of a unit are correlated; pooling m = z_w - 1.
    postsynaptic_window : int
        z_h, units whose weights are correlated; 1 gives ``correlation_map``.

    Returns
    -------
    float, array or tensor
        (...) c'.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    presynaptic_window = counted("presynaptic_window", presynaptic_window)
    postsynaptic_window = counted("postsynaptic_window", postsynaptic_window)
    _backend, correlations = checked_correlation(correlation)
    lost, gained = (
        shortfall(correlations, active_fraction),
        pooled_square(active_fraction, presynaptic_window - 1),
    )
    for gap in range(1, min(presynaptic_window, postsynaptic_window)):
        weight, share = 2.0 * (1.0 - gap / presynaptic_window), 1.0 - gap / postsynaptic_window
        lost = lost + weight * (
            shortfall(share * correlations, active_fraction) - shortfall(share, active_fraction)
        )
        gained = gained + weight * (
            shortfall(0.0, active_fraction) - shortfall(share, active_fraction)
        )
    return 1.0 - lost / gained


@opened
def optimal_window(active_fraction: Fraction, postsynaptic_window: Count = 1) -> int:
    """Smallest number of pooled neighbours at which depth no longer spreads similar inputs, in a
    sheet.

    Smallest z_w with sum_g w_g [a_g L(a_g) - kappa(a_g)] < k1 - f; symbols as in ``sheet_map``.

    Parameters
    ----------
    active_fraction : float
        f in (0, 1].
    postsynaptic_window : int
        z_h, units whose weights are correlated.

    Returns
    -------
    int
        z_w.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    postsynaptic_window = counted("postsynaptic_window", postsynaptic_window)
    active_fraction = checked_number("active_fraction", active_fraction)
    checked_fraction(active_fraction)
    if active_fraction < SPARSEST:
        raise RefusedInputError(
            f"active_fraction must be at least {SPARSEST:g}, got {active_fraction:g}: no "
            "layer has as many units."
        )
    if active_fraction > 0.5:
        return 1
    square, mean = mean_square_activity(active_fraction), mean_activity(active_fraction)
    share = 1.0 - np.arange(postsynaptic_window) / postsynaptic_window  # (gap,)
    excess = (
        share * joint_activation(share, active_fraction)
        - square
        + shortfall(share, active_fraction)
    )
    most = 2 * postsynaptic_window
    while True:
        windows = np.arange(1, most + 1)
        gaps = np.full(most, -mean * mean)
        gaps[:postsynaptic_window] = excess
        # (window,)
        below = np.cumsum(gaps) - np.cumsum(windows * gaps - gaps) / windows - 0.5 * gaps[0] < 0
        if below.any():
            return int(windows[below.argmax()])
        most *= 2
