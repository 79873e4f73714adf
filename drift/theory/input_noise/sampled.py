"""Sampled twins of ``drift.theory.input_noise.terms``: networks that are shown noise, by chance or
by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch

from drift.door import opened
from drift.errors import RefusedInputError
from drift.theory.input_noise.series import REACH, Targets, check_one_input, input_itself, panels
from drift.theory.input_noise.weights import (
    Parameters,
    check_samples,
    checked_std,
    chosen_from,
    chosen_objective,
    network_outputs,
)
from drift.theory.kernels.checks import counted
from drift.theory.kernels.normal_pairs import density

Law = Literal["normal", "laplace"]
HELD = 1 << 22  # numbers of noise held at once
NODES = 48


class Estimate(NamedTuple):
    """Mean of samples and its standard error."""

    mean: torch.Tensor
    standard_error: torch.Tensor


def _laplace(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.laplace(0.0, math.sqrt(0.5), shape)


LAWS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "laplace": _laplace,
}


@opened
def sampled_loss(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: Parameters,
    noise_std: float,
    *,
    pairs: int,
    rng: np.random.Generator,
    objective: Literal["squared_error", "cross_entropy"] = "squared_error",
    law: Law = "normal",
) -> Estimate:
    """Mean loss of a network whose inputs carry noise, from antithetic pairs of noise eps and -eps.

    Parameters
    ----------
    inputs : torch.Tensor
        (sample, input) without noise.
    targets : torch.Tensor
        (sample, output).
    parameters : NetworkWeights or alike
    noise_std : float
        sigma, the standard deviation of the noise on each input, whatever its law.
    pairs : int
        Pairs for every sample, at least two.
    rng : numpy.random.Generator
    objective : {"squared_error", "cross_entropy"}
    law : {"normal", "laplace"}

    Returns
    -------
    Estimate
        ``mean`` over samples, squared errors summed over outputs, and its ``standard_error`` over
        pairs.

    Raises
    ------
    RefusedInputError
        If shapes, dtypes or options do not fit, or sigma is negative.
    """
    criterion, std, draw = (
        chosen_objective(objective),
        checked_std(noise_std),
        LAWS[chosen_from("law", law, LAWS)],
    )
    check_samples(inputs, targets, parameters, criterion)
    pairs, step = counted("pairs", pairs, 2), max(1, HELD // inputs.numel())
    losses = []
    for start in range(0, pairs, step):
        noise = torch.as_tensor(std * draw(rng, (min(step, pairs - start), *inputs.shape))).to(
            inputs
        )  # (pair, sample, input)
        up, down = (
            criterion.value(network_outputs(inputs + eps, parameters), targets)
            for eps in (noise, -noise)
        )  # (pair, sample)
        losses.append((up + down).mean(dim=1) / 2)
    return _estimate(torch.cat(losses))


def _estimate(draws: torch.Tensor) -> Estimate:
    return Estimate(draws.mean(dim=0), draws.std(dim=0) / math.sqrt(len(draws)))


@opened
def sampled_moments(
    drive: torch.Tensor, covariance: torch.Tensor, *, pairs: int, rng: np.random.Generator
) -> tuple[Estimate, Estimate]:
    """Mean and mean product of the changes that normal noise makes to the activity of rectified
    units, from antithetic pairs.

    Parameters
    ----------
    drive : torch.Tensor
        (unit,) z without noise.
    covariance : torch.Tensor
        (unit, unit) of the noise on the drives.
    pairs : int
        At least two.
    rng : numpy.random.Generator

    Returns
    -------
    shift, product : Estimate
        Delta (unit,) and M (unit, unit), whose diagonal is V.

    Raises
    ------
    RefusedInputError
        If the shapes do not fit.
    """
    if drive.ndim != 1 or covariance.shape != (len(drive), len(drive)):
        shapes = f"{tuple(drive.shape)} and {tuple(covariance.shape)}"
        raise RefusedInputError(
            f"drive must be (unit,) and covariance (unit, unit), got {shapes}: give one of each."
        )
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt()  # (unit, source)
    noise = (
        torch.as_tensor(rng.standard_normal((counted("pairs", pairs, 2), len(drive)))).to(drive)
        @ root.T
    )  # (pair, unit)
    up, down = ((drive + eps).relu() - drive.relu() for eps in (noise, -noise))
    mean, square, cross = (
        (up + down) / 2,
        torch.zeros_like(covariance),
        torch.zeros_like(covariance),
    )
    # a unit at a time, so that pairs by units are held, not pairs by units squared
    for unit in range(len(drive)):
        product = (up[:, unit, None] * up + down[:, unit, None] * down) / 2
        square[unit], cross[unit] = (
            product.mean(dim=0),
            product.std(dim=0) / math.sqrt(len(product)),
        )
    return _estimate(mean), Estimate(square, cross)


@opened
def quadrature_loss(
    parameters: Parameters,
    noise_std: float,
    *,
    targets: Targets = input_itself,
    objective: Literal["squared_error", "cross_entropy"] = "squared_error",
    law: Law = "normal",
) -> float:
    """Mean loss of a network with one standard normal input that carries noise, without chance and
    without theory.

    E L = int du int deps p(u - eps) q(eps) L(y(u), t(u - eps)): the integral over the noisy input u
    runs between the kinks of the network.

    Parameters
    ----------
    parameters : NetworkWeights or alike
        With one input, float64.
    noise_std : float
        sigma, the standard deviation of the noise, whatever its law.
    targets : callable
        From inputs (sample, 1) without noise to targets (sample, output); by default the input.
    objective : {"squared_error", "cross_entropy"}
    law : {"normal", "laplace"}

    Returns
    -------
    float

    Raises
    ------
    RefusedInputError
        If the network has several inputs, or options do not fit.
    """
    criterion, std = chosen_objective(objective), checked_std(noise_std)
    check_one_input(parameters)
    noise, share = NOISE_NODES[chosen_from("law", law, NOISE_NODES)]()
    place, weight = panels(parameters, REACH * math.sqrt(1 + std**2))
    outputs, total = network_outputs(place.unsqueeze(1), parameters), 0.0
    for eps, noise_weight in zip(std * noise, share):
        clean = place - eps
        losses = criterion.value(outputs, targets(clean.unsqueeze(1)))
        total += float(noise_weight * (weight * density(clean)) @ losses)
    return total


def _normal_nodes() -> tuple[torch.Tensor, torch.Tensor]:
    place, weight = np.polynomial.hermite_e.hermegauss(NODES)
    return torch.as_tensor(place), torch.as_tensor(weight / weight.sum())


def _laplace_nodes() -> tuple[torch.Tensor, torch.Tensor]:
    place, weight = np.polynomial.laguerre.laggauss(NODES)
    both, shares = np.concatenate([-place, place]), np.concatenate([weight, weight])
    return torch.as_tensor(both * math.sqrt(0.5)), torch.as_tensor(shares / 2)


NOISE_NODES: dict[str, Callable[[], tuple[torch.Tensor, torch.Tensor]]] = {
    "normal": _normal_nodes,
    "laplace": _laplace_nodes,
}
