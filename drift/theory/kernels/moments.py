"""Threshold and mean activities of a Top-K layer of infinite width, and the checks that all kernels
share."""

from __future__ import annotations

from typing import Any

import numpy as np

from drift.door import opened
from drift.door.quantities import Alike
from drift.errors import RefusedInputError
from drift.theory.kernels import integrals as forms
from drift.theory.kernels.checks import OUTSIDE, plain_numbers, shown

SLACK = 1e-9  # correlations computed from data exceed 1 by rounding
# closer to 1 than this, two inputs are one: rounding must not be amplified from layer to layer
SAME = 1e-14


def numbers(xp: Any, value: Any) -> Any:
    """Return float64 numbers of the library."""
    if xp is np:
        return plain_numbers("arguments", value)
    return (
        value.to(xp.float64)
        if isinstance(value, xp.Tensor)
        else xp.as_tensor(plain_numbers("arguments", value))
    )


def beside_of(xp: Any, value: Any, other: Any) -> Any:
    """Return float64 numbers on the device of ``other``, where that is a tensor."""
    value = numbers(xp, value)
    return value if xp is np or not isinstance(other, xp.Tensor) else value.to(other.device)


def checked_fraction(active_fraction: Any, beside: Any = None) -> tuple[Any, Any]:
    """Return numpy or torch and the active fractions as float64, or refuse fractions outside 0 < f
    <= 1."""
    xp = forms.space(active_fraction, beside)
    fraction = beside_of(xp, active_fraction, beside)
    _refuse(
        fraction,
        ~((fraction > 0) & (fraction <= 1)),
        "active_fraction must lie in (0, 1]",
        "give the share of units that are active",
    )
    _refuse_shapes(fraction, beside)
    return xp, fraction


def _refuse(values: Any, wrong: Any, demand: str, remedy: str) -> None:
    """Refuse values of which some are wrong, and name the first of these."""
    if bool(wrong.any()):
        first = float(values.reshape(-1)[wrong.reshape(-1)][0])
        raise RefusedInputError(f"{demand}, got {shown(first)}: {remedy}.")


def _refuse_shapes(*arrays: Any) -> None:
    shapes = [tuple(np.shape(array)) for array in arrays]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise RefusedInputError(
            f"arguments must broadcast, got shapes {' and '.join(map(str, shapes))}: give "
            "them equal dims."
        ) from None


def checked_correlation(correlation: Any, beside: Any = None) -> tuple[Any, Any]:
    """Return numpy or torch and the correlations as float64 in [-1, 1], or refuse values beyond;
    NaN stays NaN."""
    xp = forms.space(correlation, beside)
    values = (
        numbers(xp, correlation)
        if forms.space(correlation) is xp
        else beside_of(xp, correlation, beside)
    )
    _refuse(values, abs(values) > 1 + SLACK, "correlation must lie in [-1, 1]", OUTSIDE)
    return xp, xp.clip(values, -1.0, 1.0)


def half(xp: Any, fraction: Any) -> tuple[Any, Any, Any]:
    """Return whether f > 1/2, tau and the threshold t >= 0 of the smaller of f and 1 - f."""
    upper = fraction > 0.5
    tau = 0.0 - forms.special_of(xp).ndtri(fraction)
    return upper, tau, xp.clip(xp.where(upper, -tau, tau), None, forms.FARTHEST)


def plain(xp: Any, value: Any) -> Any:
    """Return 0-dimensional numpy results as numbers."""
    return value[()] if xp is np else value


@opened
def threshold(active_fraction: Alike) -> Any:
    """Threshold in standard deviations of the input that leaves a fraction of the units active.

    f = Q(tau), the upper tail of the normal distribution.

    Parameters
    ----------
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) tau; 0 at f = 1/2, minus infinity at f = 1.

    Raises
    ------
    RefusedInputError
        If a fraction lies outside (0, 1].
    """
    xp, fraction = checked_fraction(active_fraction)
    return plain(xp, half(xp, fraction)[1])


def moment(xp: Any, t: Any, power: int) -> Any:
    """E (u - t)_+^power for t >= 0: closed where it keeps its digits, else g(t) int s^power exp(-t
    s - s^2 / 2) ds."""
    fraction, peak = forms.tail(xp, t), forms.density(xp, t)
    closed = peak - t * fraction if power == 1 else (1.0 + t * t) * fraction - t * peak
    place, weight = forms.nodes_like(xp, t)
    reach = 90.0 / (t + xp.sqrt(t * t + 90.0))  # exp(-45) is left out
    excess = reach[..., None] * place  # s (..., node)
    integral = (
        peak * reach * ((excess**power * xp.exp(-excess * (t[..., None] + 0.5 * excess))) @ weight)
    )
    return xp.where(t < forms.SWITCH, closed, integral)


@opened
def mean_activity(active_fraction: Alike) -> Any:
    """Mean activity of the units of a layer, in standard deviations of their input.

    mu = E (u - tau)_+ = g(tau) - tau f, without the cancellation of this form (relative error below
    2e-14 for f >= 1e-4).

    Parameters
    ----------
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) mu; infinite at f = 1.

    Raises
    ------
    RefusedInputError
        If a fraction lies outside (0, 1].
    """
    xp, fraction = checked_fraction(active_fraction)
    upper, tau, magnitude = half(xp, fraction)
    mean = moment(xp, magnitude, 1)
    return plain(xp, xp.where(upper, mean - tau, mean))


@opened
def mean_square_activity(active_fraction: Alike) -> Any:
    """Mean squared activity of the units of a layer, in variances of their input.

    k1 = E (u - tau)_+^2 = (1 + tau^2) f - tau g(tau), without the cancellation of this form
    (relative error below 2e-14).

    Parameters
    ----------
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) k1 = kappa(1); infinite at f = 1.

    Raises
    ------
    RefusedInputError
        If a fraction lies outside (0, 1].
    """
    xp, fraction = checked_fraction(active_fraction)
    upper, tau, magnitude = half(xp, fraction)
    square = moment(xp, magnitude, 2)
    return plain(xp, xp.where(upper, 1.0 + tau * tau - square, square))


@opened
def activity_variance(active_fraction: Alike) -> Any:
    """Variance of the activity over the units of a layer, k1 - mu^2; 1 at f = 1.

    Parameters
    ----------
    active_fraction : float, array or tensor
        (...) f in (0, 1].

    Returns
    -------
    float, array or tensor
        (...) in variances of the input of the units.

    Raises
    ------
    RefusedInputError
        If a fraction lies outside (0, 1].
    """
    xp, fraction = checked_fraction(active_fraction)
    upper, _lower, magnitude = half(xp, fraction)
    mean, square = moment(xp, magnitude, 1), moment(xp, magnitude, 2)
    below = square - mean * mean
    return plain(xp, xp.where(upper, 1.0 - square - mean * (2.0 * magnitude + mean), below))


@opened
def pooled_square(active_fraction: Alike, pooling: Alike = 0.0) -> Any:
    """Mean squared activity after pooling over units whose outgoing weights are correlated.

    k1 + m mu^2, computed as (k1 - mu^2) + (1 + m) mu^2: finite for balanced weights, m = -1, at f =
    1.

    Parameters
    ----------
    active_fraction, pooling : float, array or tensor
        (...) f in (0, 1] and m >= -1.

    Returns
    -------
    float, array or tensor
        (...) in variances of the input of the units.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    xp, fraction = checked_fraction(active_fraction, pooling)
    pooling = beside_of(xp, pooling, fraction)
    _refuse(
        pooling,
        ~(pooling >= -1),
        "pooling must be at least -1",
        "-1 are balanced weights, 0 independent ones",
    )
    mean = xp.where(pooling == -1, 0.0, mean_activity(fraction))
    return plain(xp, activity_variance(fraction) + (1.0 + pooling) * mean * mean)
