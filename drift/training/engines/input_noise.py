"""Noise of any law, added to a batch of inputs or activity."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from drift.noise import InputNoise
from drift.training.engines.draws import Draws


def noisy(values: Tensor, noise: InputNoise, step: int, source: Draws) -> Tensor:
    """Return values (sample, entry) with fresh noise; what they are computed from keeps its
    gradient.

    Laplace noise is an exponential number with a random sign, drawn as the difference of two.
    """
    std = noise.scale(step)
    if std == 0:
        return values
    drawn = _standard(
        torch.empty_like(values, memory_format=torch.contiguous_format, requires_grad=False),
        noise,
        std,
        source,
    )
    return torch.add(values, drawn, alpha=std)


def _standard(buffer: Tensor, noise: InputNoise, std: float, source: Draws) -> Tensor:
    """Fill with numbers of variance 1, and of mean 0 unless a skewed law keeps its own."""
    shown = buffer.unsqueeze(0)  # sources fill (subject, ...)
    if noise.law == "gaussian":
        source.normal(shown)
    elif noise.law == "poisson":
        source.poisson(std**2, shown)
        buffer.sub_(std**2 if noise.centred else 0.0).div_(std)
    else:
        source.exponential(shown)
        if noise.law == "laplace":
            second_draw = torch.empty_like(shown)
            source.exponential(second_draw)
            buffer.sub_(second_draw[0]).div_(math.sqrt(2))
        elif noise.centred:
            buffer.sub_(1.0)
    return buffer
