"""Depth and correlated weights: how similarity changes from layer to layer of wide Top-K networks.

f is the active fraction, m the pooling: the summed correlation of the weights of a unit with the
weights of its other inputs, m = (1/N) sum_(j != l) C_jl, which is z - 1 for a box of z neighbours,
and -1 where the weights of each unit sum to zero. k1, mu and kappa as in ``drift.theory.kernels``.
Functions take numbers, numpy arrays or torch tensors, broadcast, and answer in kind.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from drift.door import opened
from drift.door.quantities import Alike, Count
from drift.theory.kernels import integrals as forms
from drift.theory.kernels.checks import counted
from drift.theory.kernels.moments import (
    SAME,
    checked_correlation,
    checked_fraction,
    mean_activity,
    plain,
    pooled_square,
    threshold,
)
from drift.theory.kernels.one_layer import joint_activation, shortfall
from drift.theory.kernels.pooling import covariance_pooling, measured_pooling
from drift.theory.kernels.sheets import optimal_window, sheet_map

__all__ = [
    "amplification",
    "approach_rate",
    "correlation_map",
    "covariance_pooling",
    "deep_kernel",
    "fixed_point",
    "measured_pooling",
    "optimal_pooling",
    "optimal_window",
    "sheet_map",
    "weight_variance",
]

MANY = 4001  # correlations: from here a table of as many nodes is cheaper than the integrals


@opened
def correlation_map(correlation: Alike, active_fraction: Alike, pooling: Alike = 0.0) -> Any:
    """Similarity after a layer from the similarity before it.

    c' = (kappa(c) + m mu^2) / (k1 + m mu^2).

    Parameters
    ----------
    correlation : float, array or tensor
        (...) c in [-1, 1].
    active_fraction : float, array or tensor
        (...) f in (0, 1].
    pooling : float, array or tensor
        (...) m >= -1.

    Returns
    -------
    float, array or tensor
        (...) c', exactly 1 at c = 1.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248.
    """
    return 1.0 - shortfall(correlation, active_fraction) / pooled_square(active_fraction, pooling)


@opened
def weight_variance(active_fraction: Alike, pooling: Alike = 0.0) -> Any:
    """Variance of the weights, times the number of inputs, that keeps the size of the activity from
    layer to layer.

    sigma^2 = 1 / (k1 + m mu^2); 2 at f = 1/2 without pooling, 1 / f at the optimal pooling.

    Parameters
    ----------
    active_fraction, pooling : float, array or tensor
        (...) f in (0, 1] and m >= -1.

    Returns
    -------
    float, array or tensor
        (...) sigma^2.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    return 1.0 / pooled_square(active_fraction, pooling)


@opened
def amplification(active_fraction: Alike, pooling: Alike = 0.0) -> Any:
    """Factor by which a layer enlarges a small dissimilarity: the slope of the correlation map at c
    = 1.

    chi = f / (k1 + m mu^2).

    Parameters
    ----------
    active_fraction, pooling : float, array or tensor
        (...) f in (0, 1] and m >= -1.

    Returns
    -------
    float, array or tensor
        (...) chi.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    xp, fraction = checked_fraction(active_fraction, pooling)
    return plain(xp, fraction / pooled_square(fraction, pooling))


@opened
def optimal_pooling(active_fraction: Alike) -> Any:
    """Pooling at which depth neither spreads nor merges similar inputs: chi = 1.

    m* = (f - k1) / mu^2 = tau / mu; between -1 and 0 for f > 1/2.

    Parameters
    ----------
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) m*.

    Raises
    ------
    RefusedInputError
        If a fraction lies outside (0, 1].
    """
    xp, fraction = checked_fraction(active_fraction)
    whole = fraction >= 1.0
    inner = xp.where(whole, 0.5 + 0.0 * fraction, fraction)
    return plain(xp, xp.where(whole, -1.0, threshold(inner) / mean_activity(inner)))


@opened
def fixed_point(active_fraction: Alike, pooling: Alike = 0.0) -> Any:
    """Similarity that all pairs of inputs approach in a deep network.

    The stable solution of c = (kappa(c) + m mu^2) / (k1 + m mu^2): 1 where chi <= 1, else below 1.

    Parameters
    ----------
    active_fraction, pooling : float, array or tensor
        (...) f in (0, 1] and m >= -1.

    Returns
    -------
    float, array or tensor
        (...) c*.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    xp = forms.space(active_fraction, pooling)
    plain = [
        value if forms.space(value) is np else value.detach()
        for value in (active_fraction, pooling)
    ]
    chi = xp.asarray(amplification(*plain))
    point = 0.0 * chi
    for _iteration in range(
        60
    ):  # the map is convex: Newton's method climbs from 0 without overshoot
        value, slope = (
            correlation_map(point, *plain),
            chi * joint_activation(point, plain[0]) / plain[0],
        )
        step = (value - point) / xp.clip(1.0 - slope, 1e-12, None)
        point = xp.where(chi > 1.0, xp.clip(point + step, None, 1.0), 1.0)
        if bool((abs(step) < 1e-15).all()):
            break
    if xp is np:
        return point[()]
    # one more step carries the derivatives of the implicit function
    slope = chi * joint_activation(point, plain[0]) / plain[0]
    return point + xp.where(
        chi > 1.0, (correlation_map(point, active_fraction, pooling) - point) / (1.0 - slope), 0.0
    )


@opened
def approach_rate(active_fraction: Alike) -> Any:
    """Rate B at which inputs merge over depth at the optimal pooling: 1 - c_l approaches 4 / (B
    l)^2 after l layers.

    B = 2 sqrt(2) g(tau) / (3 sqrt(2 pi) f).

    Parameters
    ----------
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) B per layer.

    Raises
    ------
    RefusedInputError
        If a fraction lies outside (0, 1].
    """
    xp, fraction = checked_fraction(active_fraction)
    return plain(
        xp,
        2.0
        * np.sqrt(2.0)
        / (3.0 * forms.ROOT_TWO_PI)
        * forms.density(xp, threshold(fraction))
        / fraction,
    )


@opened
def deep_kernel(
    correlation: Alike, active_fraction: Alike, pooling: Alike, hidden_layers: Count
) -> Any:
    """Kernel of the readout of a deep network, from the correlations of its inputs.

    K = kappa(c_(H-1)) / k1 with c_0 the correlation of the inputs and H - 1 steps of
    ``correlation_map``; with one hidden layer the pooling has no effect. Numbers in, numpy out: a
    tabulated fast path; tensors: differentiable.

    Parameters
    ----------
    correlation : float, array or tensor
        (...) c_0; of a symmetric matrix with a diagonal of ones one half is computed.
    active_fraction, pooling : float
        f in (0, 1] and m >= -1 of every hidden layer.
    hidden_layers : int
        H, at least 1.

    Returns
    -------
    float, array or tensor
        (...) K, exactly 1 where c_0 is 1.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248.
    """
    hidden_layers = counted("hidden_layers", hidden_layers)
    if _tabulable(correlation, active_fraction, pooling):
        return _composed(
            np.asarray(correlation, dtype=float),
            float(active_fraction),
            float(pooling),
            hidden_layers,
        )
    xp, correlations = checked_correlation(correlation, active_fraction)
    correlations = xp.where(
        correlations > 1.0 - SAME,
        1.0 + correlations - (correlations if xp is np else correlations.detach()),
        correlations,
    )
    for _layer in range(hidden_layers - 1):
        correlations = correlation_map(correlations, active_fraction, pooling)
    return correlation_map(correlations, active_fraction)


def _tabulable(correlation: Any, active_fraction: Any, pooling: Any) -> bool:
    """Whether a table pays: many numbers, one network, and a map that stays away from c' = -1,
    where its angle has a corner."""
    single = (
        np.ndim(active_fraction) == np.ndim(pooling) == 0
        and forms.space(correlation, active_fraction, pooling) is np
    )
    return single and np.size(correlation) > MANY and 0 < active_fraction < 1 and pooling > -1


@lru_cache(maxsize=64)
def _layer(active_fraction: float, pooling: float) -> tuple[np.ndarray, np.ndarray]:
    """Tables of a layer: angle to angle, in cells, and angle to correlation."""
    # numba is loaded only where it is used
    from drift.theory.kernels.tables import ANGLES, SCALE, hermite

    correlation, variance = np.cos(ANGLES), weight_variance(active_fraction, pooling)
    after = correlation_map(correlation, active_fraction, pooling)
    slope = variance * np.sin(ANGLES) * joint_activation(correlation, active_fraction)  # of 1 - c'
    angle = 2.0 * np.arcsin(np.sqrt(0.5 * (1.0 - after)))
    turn = slope[1:] / np.sqrt((1.0 - after[1:]) * (1.0 + after[1:]))
    steepness = np.concatenate([[np.sqrt(amplification(active_fraction, pooling))], turn])
    return hermite(angle * SCALE, steepness), hermite(after, -slope / SCALE)


def _composed(
    correlation: np.ndarray, active_fraction: float, pooling: float, hidden_layers: int
) -> np.ndarray:
    """Return ``deep_kernel`` of an array, through tables.

    Parameters
    ----------
    correlation : numpy.ndarray
        (...) c in [-1, 1].
    active_fraction, pooling : float
        f in (0, 1) and m > -1.
    hidden_layers : int
        At least 1.

    Returns
    -------
    numpy.ndarray
        (...) K.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    from drift.theory.kernels.tables import evaluated

    return evaluated(
        correlation,
        _layer(active_fraction, pooling)[0],
        _layer(active_fraction, 0.0)[1],
        hidden_layers - 1,
    )
