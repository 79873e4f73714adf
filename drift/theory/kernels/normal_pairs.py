"""Probability that two correlated normal variables both lie below thresholds, for torch and its
derivatives.

Phi2 goes through Owen's T, T(h, a) = (1/(2 pi)) int_0^a exp(-h^2 (1 + x^2) / 2) / (1 + x^2) dx,
which is reflected at |a| = 1: there its integrand is so smooth that twelve nodes of Gauss and
Legendre leave errors below 1e-15 for every correlation, 1 and -1 included.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from drift.door import opened
from drift.theory.kernels.integrals import legendre

NODES = 12
FARTHEST = 40.0  # beyond, the normal distribution is 0 or 1
NEAREST = 1e-200  # stands for a threshold of 0, whose sign and slope the reflection asks for
CHUNK = 1 << 14  # points that stay in the cache with all their nodes
ROOT_TWO, ROOT_TWO_PI = math.sqrt(2.0), math.sqrt(2.0 * math.pi)


def density(a: torch.Tensor) -> torch.Tensor:
    """Return the normal density phi(a) = exp(-a^2 / 2) / sqrt(2 pi)."""
    return torch.exp(-0.5 * a.square()) / ROOT_TWO_PI


def upper_tail(a: torch.Tensor) -> torch.Tensor:
    """Return Phi(-a) = P(g > a), with all its digits however small."""
    return 0.5 * torch.special.erfc(a / ROOT_TWO)


def _distance(k: torch.Tensor, h: torch.Tensor, correlation: torch.Tensor) -> torch.Tensor:
    """Return k - rho h, which keeps its digits where rho is near 1 or -1 and h near k or -k."""
    sign = torch.where(correlation < 0, -1.0, 1.0)
    return (k - sign * h) + sign * (1 - correlation.abs()) * h


def given(k: torch.Tensor, h: torch.Tensor, correlation: torch.Tensor) -> torch.Tensor:
    """Return (k - rho h) / sqrt(1 - rho^2), the threshold k once the other variable is known to be
    h; its limit where rho is 1 or -1."""
    spread, distance = (
        torch.sqrt((1 - correlation) * (1 + correlation)),
        _distance(k, h, correlation),
    )
    return torch.where(
        spread > 0, distance / torch.where(spread > 0, spread, 1.0), distance / NEAREST
    )


def _owens_integral(h: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """T(h, a) for |a| <= 1, (point,)."""
    place, weight = (
        torch.as_tensor(array, dtype=h.dtype, device=h.device) for array in legendre(NODES)
    )
    stretch = torch.outer(place.square(), a.square()).add_(1)  # (node, point)
    return a / (2 * math.pi) * (weight @ torch.exp(-0.5 * h.square() * stretch).div_(stretch))


def _owens_t(h: torch.Tensor, k: torch.Tensor, correlation: torch.Tensor) -> torch.Tensor:
    """T(h, (k - rho h) / (h sqrt(1 - rho^2))), (point,)."""
    moved, rise = given(k, h, correlation), _distance(k, h, correlation)
    run = h * torch.sqrt((1 - correlation) * (1 + correlation))
    steep = rise.abs() > run.abs()
    below = torch.where(steep, rise, torch.where(run == 0, 1.0, run))
    inner = _owens_integral(torch.where(steep, moved, h), torch.where(steep, run, rise) / below)
    tail, moved_tail = upper_tail(h.abs()), upper_tail(moved.abs())
    return torch.where(
        steep,
        torch.sign(rise) * torch.sign(h) * (0.5 * (tail + moved_tail) - tail * moved_tail) - inner,
        inner,
    )


def _probability(h: torch.Tensor, k: torch.Tensor, correlation: torch.Tensor) -> torch.Tensor:
    h, k = (torch.where(x == 0, NEAREST, x.clamp(-FARTHEST, FARTHEST)) for x in (h, k))
    halves = 0.5 * (upper_tail(-h) + upper_tail(-k)) - 0.5 * ((h < 0) != (k < 0)).to(h.dtype)
    return (halves - _owens_t(h, k, correlation) - _owens_t(k, h, correlation)).clamp(min=0.0)


def joint_probability(h: torch.Tensor, k: torch.Tensor, correlation: torch.Tensor) -> torch.Tensor:
    """Return Phi2 without its derivatives, of float64 tensors that broadcast, in pieces that stay
    in the cache."""
    points = torch.broadcast_tensors(h, k, correlation.clamp(-1.0, 1.0))
    pieces = zip(
        *(x.reshape(-1).split(CHUNK if h.device.type == "cpu" else CHUNK << 6) for x in points)
    )
    return torch.cat([_probability(*piece) for piece in pieces]).reshape(points[0].shape)


class _BivariateNormal(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, h: torch.Tensor, k: torch.Tensor, correlation: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(h, k, correlation)
        return joint_probability(h, k, correlation)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor, ...]:
        h, k, correlation = ctx.saved_tensors
        slopes = probability_slopes(h, k, correlation)
        return tuple(
            (outer[0] * slope).sum_to_size(x.shape) for slope, x in zip(slopes, (h, k, correlation))
        )


def probability_slopes(
    h: torch.Tensor, k: torch.Tensor, correlation: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the derivatives of Phi2: phi(h) Phi(k | h), phi(k) Phi(h | k), and phi2(h, k; rho),
    which is infinite at rho = 1, h = k."""
    correlation = correlation.clamp(-1.0, 1.0)
    k_given, spread = given(k, h, correlation), torch.sqrt((1 - correlation) * (1 + correlation))
    joint = density(h) * density(k_given) / spread.clamp(min=NEAREST)
    return (
        density(h) * upper_tail(-k_given),
        density(k) * upper_tail(-given(h, k, correlation)),
        joint,
    )


@opened
def bivariate_normal(h: torch.Tensor, k: torch.Tensor, correlation: torch.Tensor) -> torch.Tensor:
    """Probability that two standard normal variables with correlation rho lie below h and k.

    Phi2(h, k; rho) = [Phi(h) + Phi(k)] / 2 - T(h, (k - rho h) / (h q)) - T(k, (h - rho k) / (k q))
    - [h and k differ in sign] / 2, with q = sqrt(1 - rho^2) and Owen's T; a threshold of 0 counts
    as positive.

    Parameters
    ----------
    h, k : torch.Tensor
        Thresholds in standard deviations, of any shapes that broadcast.
    correlation : torch.Tensor
        rho in [-1, 1]; what rounding adds beyond is cut.

    Returns
    -------
    torch.Tensor
        Of the broadcast shape, computed in float64; it can be differentiated any number of times
        inside -1 < rho < 1.

    References
    ----------
    Owen 1956, Annals of Mathematical Statistics 27:1075.
    """
    kind = torch.promote_types(torch.promote_types(h.dtype, k.dtype), correlation.dtype)
    return _BivariateNormal.apply(h.double(), k.double(), correlation.double()).to(kind)
