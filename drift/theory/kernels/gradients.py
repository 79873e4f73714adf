"""Kernels as torch operations whose backward pass is the closed form of their derivative (Price's
theorem)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from drift.theory.kernels import integrals as forms


def _subtractive_slopes(c: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    joint = differentiable("binary", c, t)
    return joint, -2.0 * (
        (1.0 + c) * forms.density(torch, t) * forms.crossing(torch, c, t) - t * joint
    )


def _kept_slopes(c: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    bend, cross, edge = (
        forms.curvature(torch, c, t),
        forms.crossing(torch, c, t),
        t * forms.density(torch, t),
    )
    sine = torch.sqrt((1.0 - c) * (1.0 + c))
    beyond = c * t * cross + sine * forms.density(
        torch, t * torch.sqrt((1.0 - c) / torch.clip(1.0 + c, 1e-200))
    )
    return differentiable("binary", c, t) + 2.0 * edge * cross + t * t * bend, -2.0 * edge * beyond


def _binary_slopes(c: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return forms.curvature(torch, c, t), -2.0 * forms.density(torch, t) * forms.crossing(
        torch, c, t
    )


SLOPES: dict[str, Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]] = {
    "subtract": _subtractive_slopes,
    "keep": _kept_slopes,
    "binary": _binary_slopes,
}


class _Kernel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, variant: str, c: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        ctx.variant = variant
        ctx.save_for_backward(c, t)
        return forms.in_chunks(forms.FORMS[variant], torch, c, t)

    @staticmethod
    def backward(
        ctx: Any, *outer: torch.Tensor
    ) -> tuple[None, torch.Tensor | None, torch.Tensor | None]:
        correlation, threshold = ctx.saved_tensors
        by_correlation, by_threshold = SLOPES[ctx.variant](correlation, threshold)
        return (
            None,
            (outer[0] * by_correlation).sum_to_size(correlation.shape)
            if ctx.needs_input_grad[1]
            else None,
            (outer[0] * by_threshold).sum_to_size(threshold.shape)
            if ctx.needs_input_grad[2]
            else None,
        )


def differentiable(variant: str, c: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Return a kernel of thresholds t >= 0 that can be differentiated, any number of times inside
    -1 < c < 1.

    Parameters
    ----------
    variant : str
        ``subtract``, ``keep`` or ``binary``.
    c, t : torch.Tensor
        Correlations and thresholds, float64, broadcast.

    Returns
    -------
    torch.Tensor
        Of the broadcast shape. At c = 1 the first derivative of ``subtract`` is f; that of the
        other variants is infinite.
    """
    return _Kernel.apply(variant, c, t)
