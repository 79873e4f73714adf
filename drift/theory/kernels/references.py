"""Independent forms of the kernels, slower or less exact, that the others are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from drift.door import opened
from drift.door.quantities import Alike, Count, Share
from drift.theory.kernels.integrals import density, tail
from drift.theory.kernels.moments import checked_correlation, checked_fraction, threshold


@opened
def owen_joint_activation(correlation: Alike, active_fraction: Alike) -> Any:
    """Joint activation by Owen's T function.

    L(c) = f - 2 T(tau, r), r = sqrt((1 - c) / (1 + c)).

    Parameters
    ----------
    correlation, active_fraction : float or array
        (...) c in (-1, 1] and f in (0, 1/2].

    Returns
    -------
    float or array
        (...) L(c), absolute error 1e-16, relative error growing as codes become sparse.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.

    References
    ----------
    Owen 1956, Ann. Math. Statist. 27:1075.
    """
    _backend, correlations = checked_correlation(correlation)
    _backend, fraction = checked_fraction(active_fraction)
    return fraction - 2.0 * special.owens_t(
        threshold(fraction), np.sqrt((1.0 - correlations) / (1.0 + correlations))
    )


@opened
def owen_kappa(correlation: Alike, active_fraction: Alike) -> Any:
    """Subtractive kernel by Owen's T function.

    kappa = (c + tau^2) L(c) - 2 tau g(tau) Q(tau r) + sqrt(1 - c^2) exp(-tau^2 / (1 + c)) / (2 pi).

    Parameters
    ----------
    correlation, active_fraction : float or array
        (...) c in (-1, 1] and f in (0, 1/2].

    Returns
    -------
    float or array
        (...) kappa, within 5e-12 of k1 at f = .001.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    _backend, correlations = checked_correlation(correlation)
    tau = threshold(active_fraction)
    crossing = density(np, tau) * tail(
        np, tau * np.sqrt((1.0 - correlations) / (1.0 + correlations))
    )
    rim = (
        np.sqrt(1.0 - correlations * correlations)
        * np.exp(-tau * tau / (1.0 + correlations))
        / (2 * np.pi)
    )
    return (
        (correlations + tau * tau) * owen_joint_activation(correlations, active_fraction)
        - 2.0 * tau * crossing
        + rim
    )


@opened
def angular_kappa(correlation: Alike, active_fraction: Share, nodes: Count = 20_001) -> np.ndarray:
    """Subtractive kernel by an integral over an angle: a difference of two large terms, poor for
    sparse codes.

    kappa = [2 I(theta) - tau sqrt(2 pi) (1 + cos theta)] / (2 pi), I = int_0^((pi - theta)/2) {2
    sin(p + theta) sin(p) exp(-tau^2 / (2 sin^2 p)) + tau (sin(p + theta) + sin p) sqrt(pi/2)
    erf(tau / (sqrt(2) sin p))} dp, by the trapezoid rule.

    Parameters
    ----------
    correlation : float or array
        (...) c in [-1, 1].
    active_fraction : float
        f in (0, 1/2].
    nodes : int
        Nodes of the rule.

    Returns
    -------
    numpy.ndarray
        (...) kappa.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248.
    """
    _backend, correlations = checked_correlation(correlation)
    tau, theta = threshold(active_fraction), np.arccos(correlations)[..., np.newaxis]
    angle = 0.5 * (np.pi - theta) * np.linspace(0.0, 1.0, nodes)  # (..., node)
    low, high = np.clip(np.sin(angle), 1e-150, None), np.sin(angle + theta)
    integrand = 2.0 * high * low * np.exp(-0.5 * (tau / low) ** 2)
    integrand += tau * (high + low) * np.sqrt(np.pi / 2) * special.erf(tau / (np.sqrt(2.0) * low))
    return (
        2.0 * np.trapezoid(integrand, angle) - tau * np.sqrt(2 * np.pi) * (1.0 + correlations)
    ) / (2 * np.pi)
