"""Kernels of one Top-K layer of infinite width: how similar its codes of two inputs are, from the
similarity of the inputs.

A unit is active where its input u, standard normal over the units, exceeds the threshold tau that
leaves the fraction f of the units active. Two inputs with correlation c give normal u, v with
correlation c. All functions take numbers, numpy arrays or float64 torch tensors, broadcast, answer
in kind, and can be differentiated in torch with respect to correlation and active fraction. They
hold for 0 < f <= 1; accuracies are stated for f >= 1e-4.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from drift.door import opened
from drift.door.quantities import Alike, Count, Share
from drift.errors import RefusedInputError
from drift.theory.kernels import integrals as forms
from drift.theory.kernels.checks import checked_number, counted
from drift.theory.kernels.moments import (
    beside_of,
    checked_correlation,
    checked_fraction,
    half,
    mean_activity,
    mean_square_activity,
    moment,
    numbers,
    plain,
    threshold,
)

if TYPE_CHECKING:
    from drift.theory.kernels.tables import KernelTable

__all__ = [
    "joint_activation",
    "kappa",
    "kappa_curvature",
    "kernel_table",
    "mean_activity",
    "mean_square_activity",
    "power_series",
    "shortfall",
    "threshold",
]

Variant = Literal["subtract", "keep", "binary"]


def _of_half(xp: Any, variant: str, c: Any, t: Any) -> Any:
    """Kernel of a threshold t >= 0."""
    if xp is np:
        return forms.in_chunks(forms.FORMS[variant], np, c, t)
    from drift.theory.kernels.gradients import differentiable

    return differentiable(variant, c, beside_of(xp, t, c))


def checked_variant(variant: str) -> None:
    """Refuse a variant that is unknown."""
    if variant not in tuple(forms.FORMS):
        raise RefusedInputError(
            f"variant {variant!r} is unknown: use one of {', '.join(forms.FORMS)}."
        )


def _prepared(correlation: Any, active_fraction: Any) -> tuple[Any, Any, Any]:
    xp, fraction = checked_fraction(active_fraction, correlation)
    _backend, correlations = checked_correlation(correlation, active_fraction)
    return xp, correlations, fraction


@opened
def kappa(correlation: Alike, active_fraction: Alike, variant: Variant = "subtract") -> Any:
    """Similarity of the codes of two inputs: the kernel of one Top-K layer of infinite width.

    kappa(c) = E[phi(u) phi(v)] with phi(u) = (u - tau)_+ (``subtract``), u 1(u > tau) (``keep``) or
    1(u > tau) (``binary``); for tau < 0 by reflection, for example ``kappa_-t(c) = c + t^2 - 2 c
    Q(t) + 2 t mu(t) + kappa_t(c)``. Not normalised: kappa(1) = k1, f + tau g(tau) or f. Absolute
    error below 2e-15, relative to kappa(1) below 1e-12.

    Parameters
    ----------
    correlation : float, array or tensor
        (...) c in [-1, 1]; NaN stays NaN.
    active_fraction : float, array or tensor
        (...) f in (0, 1].
    variant : str
        What an active unit answers: its input minus the threshold, its input, or 1.

    Returns
    -------
    float, array or tensor
        (...) kappa; infinite for ``subtract`` at f = 1. The derivative by the correlation is L(c)
        for ``subtract``.

    Raises
    ------
    RefusedInputError
        If a correlation or a fraction is out of range, or the variant is unknown.

    References
    ----------
    Cho & Saul 2009, NIPS 22:342 (f = 1/2); Chun & Lee 2024, PMLR 234:248.
    """
    checked_variant(variant)
    xp, correlations, fraction = _prepared(correlation, active_fraction)
    upper, tau, magnitude = half(xp, fraction)
    reflected = _reflected(xp, variant, correlations, fraction, tau, magnitude)
    return plain(
        xp, _of_half(xp, variant, correlations, magnitude) + xp.where(upper, reflected, 0.0)
    )


def _reflected(xp: Any, variant: str, c: Any, fraction: Any, tau: Any, t: Any) -> Any:
    """What the kernel of tau = -t has beyond that of t."""
    if variant == "binary":
        return 2.0 * fraction - 1.0
    if variant == "keep":
        return c * (2.0 * fraction - 1.0 - 2.0 * t * forms.density(xp, t))
    return c * (2.0 * fraction - 1.0) - tau * (2.0 * moment(xp, t, 1) - tau)


@opened
def shortfall(correlation: Alike, active_fraction: Alike) -> Any:
    """Difference k1 - kappa(c) of the subtractive kernel, finite also at f = 1 where it is 1 - c.

    Parameters
    ----------
    correlation : float, array or tensor
        (...) c in [-1, 1].
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) exactly 0 at c = 1.

    Raises
    ------
    RefusedInputError
        If a correlation or a fraction is out of range.
    """
    xp, correlations, fraction = _prepared(correlation, active_fraction)
    upper, _lower, magnitude = half(xp, fraction)
    lost = (
        moment(xp, magnitude, 2)
        - _of_half(xp, "subtract", correlations, magnitude)
        + xp.where(upper, (2.0 * fraction - 1.0) * (1.0 - correlations), 0.0)
    )
    return plain(xp, xp.where(correlations >= 1.0, fraction * (1.0 - correlations), lost))


@opened
def joint_activation(correlation: Alike, active_fraction: Alike) -> Any:
    """Probability that a unit is active for both of two inputs.

    L(c) = P(u > tau, v > tau); L(1) = f, L(0) = f^2; L = d kappa / d c.

    Parameters
    ----------
    correlation : float, array or tensor
        (...) c in [-1, 1].
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) probability.

    Raises
    ------
    RefusedInputError
        If a correlation or a fraction is out of range.
    """
    return kappa(correlation, active_fraction, "binary")


@opened
def kappa_curvature(correlation: Alike, active_fraction: Alike) -> Any:
    """Second derivative of the subtractive kernel, the density of both inputs of a unit standing at
    its threshold.

    kappa''(c) = exp(-tau^2 / (1 + c)) / (2 pi sqrt(1 - c^2)).

    Parameters
    ----------
    correlation : float, array or tensor
        (...) c in [-1, 1].
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) above 1e100 at c = 1, where it diverges.

    Raises
    ------
    RefusedInputError
        If a correlation or a fraction is out of range.
    """
    xp, correlations, fraction = _prepared(correlation, active_fraction)
    return plain(xp, forms.curvature(xp, correlations, half(xp, fraction)[2]))


@opened
def power_series(active_fraction: Alike, terms: Count) -> Any:
    """Coefficients a_n^2 of kappa(c) = sum_n a_n^2 c^n, none negative: the kernel is positive
    semi-definite on every sphere.

    a_0 = mu, a_1 = f, a_n = g(tau) He_(n-2)(tau) / sqrt(n!), He the probabilists' Hermite
    polynomials.

    Parameters
    ----------
    active_fraction : float, array or tensor
        (...) f above 0 and below 1, where the threshold is finite.
    terms : int
        Number of coefficients, at least 1.

    Returns
    -------
    array or tensor
        (..., term).

    Raises
    ------
    RefusedInputError
        If a fraction is out of range or fewer than one term is asked for.
    """
    terms = counted("terms", terms)
    xp, fraction = checked_fraction(active_fraction)
    if bool((fraction >= 1).any()):
        raise RefusedInputError(
            "active_fraction 1 has no threshold and no power series, as kappa is infinite: "
            "give one below 1."
        )
    tau = numbers(xp, threshold(fraction))
    roots = [numbers(xp, mean_activity(fraction)), fraction]
    previous, current = 0.0 * tau, forms.density(xp, tau)
    for order in range(2, terms):
        roots.append(current / np.sqrt(order * (order - 1.0)))
        previous, current = (
            current,
            (tau * current - np.sqrt(order - 2.0) * previous) / np.sqrt(order - 1.0),
        )
    return xp.stack(roots[:terms], -1) ** 2


@opened
def kernel_table(active_fraction: Share, variant: Variant = "subtract") -> KernelTable:
    """Tabulate a kernel, for millions of correlations: piecewise cubic, uniform in the angle arccos
    c, 4001 nodes.

    Parameters
    ----------
    active_fraction : float
        f in (0, 1); 1 is refused for ``subtract``.
    variant : str
        As for ``kappa``.

    Returns
    -------
    KernelTable
        Called with an array of correlations it answers kappa, within 2e-13 of kappa(1). For 0 < |f
        - 1/2| < .05 the foot of the kernel at c = -1 is narrower than a cell: errors up to 2e-12,
        and 1e-5 for ``binary``.

    Raises
    ------
    RefusedInputError
        If the fraction is out of range or the variant is unknown.
    """
    checked_variant(variant)
    return tabulated(checked_number("active_fraction", active_fraction), variant)


@lru_cache(maxsize=64)
def tabulated(active_fraction: float, variant: str = "subtract") -> KernelTable:
    """Return the table of ``drift.theory.kernels.kernel_table``."""
    _backend, fraction = checked_fraction(active_fraction)
    if fraction == 1 and variant == "subtract":
        raise RefusedInputError(
            "active_fraction 1 has no threshold and no finite kernel: use correlation_map, or "
            "variant 'keep'."
        )
    # numba is loaded only where it is used
    from drift.theory.kernels.tables import ANGLES, SCALE, KernelTable, hermite

    correlation = np.cos(ANGLES)
    values = kappa(correlation, fraction, variant)  # type: ignore[arg-type]
    return KernelTable(hermite(values, _slopes(correlation, fraction, variant) / SCALE))


def _slopes(c: np.ndarray, fraction: float, variant: str) -> np.ndarray:
    """Derivative of a kernel by the angle, -sin(theta) d kappa / d c, with sin(theta) kappa''
    finite everywhere."""
    sine = np.sqrt((1.0 - c) * (1.0 + c))
    if variant == "subtract":
        return -sine * joint_activation(c, fraction)
    tau = float(-forms.special.ndtri(fraction)) if fraction < 1 else -forms.FARTHEST
    bend = np.exp(-tau * tau / np.clip(1.0 + c, 1e-200, None)) / (2 * np.pi)
    if variant == "binary":
        return -bend
    cross = forms.tail(np, tau * np.sqrt((1.0 - c) / np.clip(1.0 + c, 1e-200, None)))
    return (
        -sine * (joint_activation(c, fraction) + 2.0 * tau * forms.density(np, tau) * cross)
        - tau * tau * bend
    )
