"""The inhibition of circuits with one interneuron at rest as a differentiable torch function; see
``circuits.rest.layers``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Response(NamedTuple):
    """How a unit answers to its excess x = I - lambda, with a scale s; slope and scaling are given
    its rate E too, to compute it once."""

    rate: Callable[[Tensor, Tensor], Tensor]  # f(x, s)
    slope: Callable[[Tensor, Tensor, Tensor], Tensor]  # df/dx of (E, x, s)
    scaling: Callable[[Tensor, Tensor, Tensor], Tensor]  # df/ds of (E, x, s)


def _saturated_slope(rate: Tensor, excess: Tensor, width: Tensor) -> Tensor:
    return (1 - rate**2) * excess.relu().sign() / width


def _logistic_slope(rate: Tensor, excess: Tensor, steepness: Tensor) -> Tensor:
    return steepness * rate * (1 - rate)


RECTIFYING = Response(
    lambda excess, scale: excess.relu(),
    lambda rate, excess, scale: rate.sign(),
    lambda rate, excess, scale: torch.zeros_like(excess),
)
SATURATING = Response(
    lambda excess, width: torch.tanh(excess.relu() / width),
    _saturated_slope,
    lambda rate, excess, width: -_saturated_slope(rate, excess, width) * excess / width,
)
LOGISTIC = Response(
    lambda excess, steepness: torch.sigmoid(steepness * excess),
    _logistic_slope,
    lambda rate, excess, steepness: excess * rate * (1 - rate),
)


class Inhibition(torch.autograd.Function):
    """lambda (...) of ``drive (..., unit)``, 1/w, theta and scale (...); differentiable as often as
    the response is."""

    @staticmethod
    def forward(
        ctx: Any,
        drive: Tensor,
        compliance: Tensor,
        total: Tensor,
        scale: Tensor,
        response: Response,
    ) -> Tensor:
        if response is RECTIFYING:
            level = _rectifying_level(drive, compliance, total)
        else:
            level = _solved_level(drive, compliance, total, scale, response)
        ctx.save_for_backward(drive, compliance, total, scale, level)
        ctx.response = response
        return level

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        drive, compliance, _, scale, level = ctx.saved_tensors
        excess, width = drive - level[..., None], scale[..., None]
        rate = ctx.response.rate(excess, width)
        slope = ctx.response.slope(rate, excess, width)  # (..., unit)
        inhibited = (level > 0) | (compliance == 0)
        # no unit near threshold leaves lambda undetermined and every rate indifferent to it
        total_slope = (slope.sum(-1) + compliance).clamp_min(torch.finfo(drive.dtype).tiny)
        share = torch.where(inhibited, gradients[0] / total_slope, 0)  # (...)
        of_scale = share * ctx.response.scaling(rate, excess, width).sum(-1)
        return share[..., None] * slope, -share * level, -share, of_scale, None


def _rectifying_level(drive: Tensor, compliance: Tensor, total: Tensor) -> Tensor:
    """Return lambda by Newton steps from below, which end exactly: units drop out until the set of
    winners stays."""
    level = torch.where(compliance > 0, 0, (drive.sum(-1) - total) / drive.shape[-1])
    winners = torch.full_like(level, -1)
    for _iteration in range(drive.shape[-1] + 2):
        rate = (drive - level[..., None]).relu()
        before, winners = winners, rate.sign().sum(-1)
        if torch.equal(before, winners):
            break
        step = (rate.sum(-1) - total - level * compliance) / (compliance + winners)
        level = level + step.nan_to_num(0.0, 0.0, 0.0).relu()
    return level


def _solved_level(
    drive: Tensor, compliance: Tensor, total: Tensor, scale: Tensor, response: Response
) -> Tensor:
    """Return lambda by Newton steps inside a shrinking bracket, halved wherever Newton does not at
    least halve its step."""
    width = scale[..., None]
    low, high = _bracket(drive, compliance, total, scale, response)
    step, level = high - low, (low + high) / 2
    done = torch.zeros_like(level, dtype=torch.bool)
    for _iteration in range(200):
        excess = drive - level[..., None]
        rate = response.rate(excess, width)
        surplus = rate.sum(-1) - total - level * compliance
        low, high = torch.where(surplus > 0, level, low), torch.where(surplus > 0, high, level)
        newton = level + surplus / (response.slope(rate, excess, width).sum(-1) + compliance)
        trusted = (newton >= low) & (newton <= high) & ((newton - level).abs() <= step.abs() / 2)
        proposed = torch.where(trusted, newton, (low + high) / 2)
        step = proposed - level
        level = torch.where(done, level, proposed)
        done |= step.abs() <= torch.finfo(drive.dtype).eps * level.abs()
        if bool(done.all()):
            break
    return level


def _bracket(
    drive: Tensor, compliance: Tensor, total: Tensor, scale: Tensor, response: Response
) -> tuple[Tensor, Tensor]:
    """Return lambda from below and above; both 0 where the units fall short of the threshold and
    inhibition is off."""
    if response is LOGISTIC:
        margin = torch.log(total / (drive.shape[-1] - total)).abs() / scale + 1e-6
        return drive.amin(-1) - margin, drive.amax(-1) + margin
    short = response.rate(drive, scale[..., None]).sum(-1) <= total
    low = torch.zeros_like(total)
    return low, torch.where(short, low, drive.amax(-1).relu())
