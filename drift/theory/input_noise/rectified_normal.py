"""What normal noise on its drive does to a rectified unit, and to two of them: closed forms for
torch.

A unit has drive z and noise of standard deviation s on it; delta = [z + s g]_+ - [z]_+ is what the
noise changes, a = |z| / s the margin. phi and Phi are the normal density and distribution. All of
this is elementwise, broadcasts, and can be differentiated.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from drift.door import opened
from drift.theory.kernels.normal_pairs import (
    density,
    given,
    joint_probability,
    probability_slopes,
    upper_tail,
)


class RectifiedNoise(NamedTuple):
    """What noise does to a unit: probability of being on, mean change and mean squared change of
    its activity."""

    active: torch.Tensor  # Phi(z / s)
    shift: torch.Tensor  # Delta
    square: torch.Tensor  # V


@opened
def normal_loss(margin: torch.Tensor) -> torch.Tensor:
    """Mean activity of a unit that lies a standard deviations below threshold: L(a) = E[g - a]_+ =
    phi(a) - a Phi(-a).

    Parameters
    ----------
    margin : torch.Tensor
        a, in standard deviations of the noise.

    Returns
    -------
    torch.Tensor
        Positive and decreasing, L(0) = 1 / sqrt(2 pi).

    References
    ----------
    Derived here; a sampled twin is its test.
    """
    return density(margin) - margin * upper_tail(margin)


def _margin(drive: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Return |z| / s; where there is no noise s = 1 does, since all moments are multiplied by s."""
    return drive.abs() / torch.where(std > 0, std, 1.0)


@opened
def rectified_noise(drive: torch.Tensor, std: torch.Tensor) -> RectifiedNoise:
    """Mean and mean square of the change that noise makes to the activity of a rectified unit.

    Delta = E delta = s L(a); V = E delta^2 = s^2 Phi(z / s) - |z| Delta. The mean shift is positive
    and the same on both sides of the threshold; an on unit costs s^2 (2 Phi(a) - 1) more than an
    off unit of the same margin.

    Parameters
    ----------
    drive : torch.Tensor
        z, without noise.
    std : torch.Tensor
        s, not negative, of the same units.

    Returns
    -------
    RectifiedNoise
        ``active``, ``shift`` in units of z and ``square`` in these squared.

    References
    ----------
    Derived here; a sampled twin is its test.
    """
    margin = _margin(drive, std)
    off = upper_tail(margin)
    active = torch.where(std > 0, torch.where(drive > 0, 1 - off, off), (drive > 0).to(drive.dtype))
    shift = std * (density(margin) - margin * off)
    return RectifiedNoise(active, shift, std.square() * active - drive.abs() * shift)


class _Beyond(torch.autograd.Function):
    """R(a, b; rho) and the probability Phi2(-a, -b; rho) that it is made of, for margins a, b >=
    0."""

    @staticmethod
    def forward(
        ctx: Any, a: torch.Tensor, b: torch.Tensor, correlation: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rho = correlation.clamp(-1.0, 1.0)
        joint = joint_probability(-a, -b, rho)
        b_given, a_given = given(-b, -a, rho), given(-a, -b, rho)
        spread = torch.sqrt((1 - rho) * (1 + rho))
        edges = (
            spread * density(a) * density(b_given)
            - a * density(b) * upper_tail(-a_given)
            - b * density(a) * upper_tail(-b_given)
        )
        result = (
            (a * b + rho) * joint
            + edges
            - normal_loss(a) * normal_loss(b)
            - rho * upper_tail(a) * upper_tail(b)
        )
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(a, b, correlation, joint)
        return result, joint

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        first, second, correlation, joint = ctx.saved_tensors
        through = [torch.zeros_like(joint)] * 3
        if outer[0] is not None:
            through = [
                outer[0] * slope
                for slope in _beyond_slopes(first, second, correlation.clamp(-1.0, 1.0), joint)
            ]
        if outer[1] is not None:
            signed = zip((-1, -1, 1), probability_slopes(-first, -second, correlation))
            through = [
                gradient + sign * outer[1] * slope
                for gradient, (sign, slope) in zip(through, signed)
            ]
        return tuple(
            gradient.sum_to_size(x.shape)
            for gradient, x in zip(through, (first, second, correlation))
        )


def _beyond_slopes(
    a: torch.Tensor, b: torch.Tensor, rho: torch.Tensor, joint: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Derivatives of R in a, b and rho; none of them has a singularity at rho = 1 or -1."""
    off_a, off_b = upper_tail(a), upper_tail(b)
    a_excess = upper_tail(-given(-a, -b, rho)) - off_a
    b_excess = upper_tail(-given(-b, -a, rho)) - off_b
    excess, at_a, at_b = joint - off_a * off_b, density(a), density(b)
    return (
        b * excess - at_b * a_excess - rho * at_a * b_excess,
        a * excess - at_a * b_excess - rho * at_b * a_excess,
        excess,
    )


@opened
def covariance_beyond_first_order(
    first: torch.Tensor, second: torch.Tensor, correlation: torch.Tensor
) -> torch.Tensor:
    """Covariance of two rectified units with unit noise beyond rho Phi(z1) Phi(z2), the first term
    of its series in rho.

    R = E[X_+ Y_+] - L(a) L(b) - r Phi(-a) Phi(-b) with both units brought below threshold: X ~
    N(-a, 1), Y ~ N(-b, 1), correlation r = sign(z1 z2) rho. Since [x]_+ = x + [-x]_+, the sides of
    the threshold that the units are on change the first term only, and nothing large cancels.

    Parameters
    ----------
    first, second : torch.Tensor
        z1, z2 in standard deviations of the noise on them, float64.
    correlation : torch.Tensor
        rho of the noise, float64 in [-1, 1]; what rounding adds beyond is cut.

    Returns
    -------
    torch.Tensor
        Of the broadcast shape, between 0 and about rho^2 / (4 pi).

    References
    ----------
    Mehler 1866, Journal fur die reine und angewandte Mathematik 66:161.
    """
    same_side = (first > 0) == (second > 0)
    return _Beyond.apply(
        first.abs(), second.abs(), torch.where(same_side, correlation, -correlation)
    )[0]


@opened
def rectified_covariance(
    drives: tuple[torch.Tensor, torch.Tensor],
    stds: tuple[torch.Tensor, torch.Tensor],
    correlation: torch.Tensor,
) -> torch.Tensor:
    """Covariance of the activities of two rectified units whose drives share noise.

    Cov = s1 s2 [rho Phi(z1 / s1) Phi(z2 / s2) + R], R of ``covariance_beyond_first_order``.

    Parameters
    ----------
    drives, stds : pair of torch.Tensor
        z and s of both units, of shapes that broadcast.
    correlation : torch.Tensor
        rho of the noise on both.

    Returns
    -------
    torch.Tensor
        Of the broadcast shape, computed in float64.

    References
    ----------
    Derived here; a sampled twin is its test.
    """
    (z1, z2), (s1, s2) = ([x.double() for x in pair] for pair in (drives, stds))
    z1, z2 = z1 / torch.where(s1 > 0, s1, 1.0), z2 / torch.where(s2 > 0, s2, 1.0)
    rho = correlation.double()
    return (
        s1
        * s2
        * (rho * upper_tail(-z1) * upper_tail(-z2) + covariance_beyond_first_order(z1, z2, rho))
    )


@opened
def rectified_product(
    drives: tuple[torch.Tensor, torch.Tensor],
    stds: tuple[torch.Tensor, torch.Tensor],
    correlation: torch.Tensor,
) -> torch.Tensor:
    """Mean product of the activities of two rectified units whose drives share noise, E[X_+ Y_+].

    E[X_+ Y_+] = Cov + ([z1]_+ + Delta_1) ([z2]_+ + Delta_2), Cov of ``rectified_covariance``.

    Parameters
    ----------
    drives, stds : pair of torch.Tensor
        z and s of both units, of shapes that broadcast.
    correlation : torch.Tensor
        rho of the noise on both.

    Returns
    -------
    torch.Tensor
        Of the broadcast shape, computed in float64.

    References
    ----------
    Derived here; a sampled twin is its test.
    """
    first, second = (
        drive.double().relu() + rectified_noise(drive.double(), std.double()).shift
        for drive, std in zip(drives, stds)
    )
    return rectified_covariance(drives, stds, correlation) + first * second
