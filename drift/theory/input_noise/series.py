"""Faint noise: the coefficients of sigma^2 in the loss of a network with one input, and the filter
of a linear network.

The kink of the rectifier at z_j = 0 counts through the density of the data there, which a single
input with a known density makes exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch

from drift.door import opened
from drift.errors import RefusedInputError
from drift.theory.input_noise.weights import (
    Parameters,
    check_network,
    check_samples,
    checked_std,
    chosen_objective,
    network_outputs,
    preactivation,
)
from drift.theory.kernels.normal_pairs import density

Targets = Callable[[torch.Tensor], torch.Tensor]
NODES = 40
REACH = 12.0  # standard deviations of the input that are integrated over
PANEL = 0.5


class SmallNoise(NamedTuple):
    """Loss without noise and the coefficients of sigma^2."""

    loss: float
    sparsify: float
    overlap: float
    boundary: float

    @property
    def jacobian(self) -> float:
        """Sensitivity of the outputs to the input, which is a function of the map alone."""
        return self.sparsify + self.overlap

    @property
    def total(self) -> float:
        """Coefficient of sigma^2 of the loss under noise."""
        return self.sparsify + self.overlap + self.boundary


def input_itself(inputs: torch.Tensor) -> torch.Tensor:
    """Return the input: the target of a network that removes noise."""
    return inputs


def kinks(parameters: Parameters) -> torch.Tensor:
    """Inputs (unit,) at which the units of a network with one input switch; infinite for units that
    never do."""
    weights = parameters.input_weights[:, 0]
    return torch.where(
        weights != 0, -parameters.bias / torch.where(weights != 0, weights, 1.0), math.inf
    )


@opened
def panels(parameters: Parameters, reach: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights of Gauss and Legendre from -reach to reach, between the kinks of a network
    with one input.

    Parameters
    ----------
    parameters : NetworkWeights or alike
        With one input.
    reach : float
        In units of the input.

    Returns
    -------
    nodes, weights : torch.Tensor
        (node,) each, float64.
    """
    places = kinks(parameters).detach().double()
    inner = places[places.abs() < reach]
    edges = (
        torch.cat(
            [
                inner,
                torch.linspace(
                    -reach, reach, 2 * math.ceil(reach / PANEL) + 1, dtype=torch.float64
                ),
            ]
        )
        .sort()
        .values
    )
    place, weight = map(torch.as_tensor, np.polynomial.legendre.leggauss(NODES))
    half = edges.diff().unsqueeze(1) / 2  # (panel, 1)
    return (edges[:-1].unsqueeze(1) + half * (1 + place)).ravel(), (half * weight).ravel()


def check_one_input(parameters: Parameters) -> None:
    """Refuse networks with more than one input, or not in float64."""
    if (
        inputs := check_network(parameters)[0]
    ) != 1 or parameters.input_weights.dtype != torch.float64:
        kind = parameters.input_weights.dtype
        raise RefusedInputError(
            f"weights must be float64 and take one input, got {kind} and {inputs}: use "
            "implicit_loss for samples."
        )


@opened
def small_noise(
    parameters: Parameters,
    *,
    targets: Targets = input_itself,
    objective: Literal["squared_error", "cross_entropy"] = "squared_error",
) -> SmallNoise:
    """Coefficients of sigma^2 in the loss of a network with one standard normal input that carries
    noise.

    Sparsify sum_j |d_j|^2 w_j^2 P(z_j > 0), overlap sum_{i != j} (d_i.d_j) w_i w_j P(z_i > 0, z_j >
    0), boundary -sum_j w_j^2 E[(r.d_j) delta(z_j)]. For cross-entropy d_i.d_j becomes d_i.H d_j / 2
    inside the mean over inputs, H = diag p - p p', and -r becomes (p - t) / 2.

    Parameters
    ----------
    parameters : NetworkWeights or alike
        With one input, float64.
    targets : callable
        From inputs (sample, 1) to targets (sample, output); by default the input.
    objective : {"squared_error", "cross_entropy"}

    Returns
    -------
    SmallNoise
        ``loss``, ``sparsify``, ``overlap``, ``boundary``, the ``jacobian`` part and the ``total``
        coefficient.

    Raises
    ------
    RefusedInputError
        If the network has several inputs, the targets do not fit, or the objective is unknown.

    References
    ----------
    Derived here as the limit of ``implicit_loss`` for little noise.
    """
    criterion = chosen_objective(objective)
    check_one_input(parameters)
    place, weight = panels(parameters, REACH)
    inputs, weight = place.unsqueeze(1), weight * density(place)
    check_samples(inputs, targets(inputs), parameters, criterion)
    keys, values, outputs = (
        parameters.input_weights,
        parameters.output_weights,
        network_outputs(inputs, parameters),
    )
    gate = (preactivation(inputs, parameters) > 0).double()  # (node, unit)
    jacobian = weight @ criterion.of_jacobian(outputs, values, keys, gate)
    own = weight @ (gate * criterion.of_units(outputs, values)) @ keys[:, 0].square()
    loss = weight @ criterion.value(outputs, targets(inputs))
    return SmallNoise(
        *map(float, (loss, own, jacobian - own, _boundary(parameters, targets, objective)))
    )


def _boundary(parameters: Parameters, targets: Targets, objective: str) -> torch.Tensor:
    """Return sum_j w_j^2 / 2 E[(slope.d_j) delta(z_j)], with E delta(z_j) the density of the input
    over |w_j|."""
    places = kinks(parameters)
    crossing = places.isfinite()
    inputs = places[crossing].unsqueeze(1)  # (crossing unit, 1)
    slope = chosen_objective(objective).slope(network_outputs(inputs, parameters), targets(inputs))
    across = (slope * parameters.output_weights.T[crossing]).sum(dim=1)
    return (
        0.5
        * (parameters.input_weights[crossing, 0].abs() * density(places[crossing]) * across).sum()
    )


@opened
def wiener_filter(covariance: np.ndarray, noise_std: float) -> np.ndarray:
    """Linear map that best removes noise: A = C (C + sigma^2 I)^-1, with gain lam / (lam + sigma^2)
    for a direction of variance lam.

    Parameters
    ----------
    covariance : numpy.ndarray
        (input, input) C of the inputs without noise.
    noise_std : float
        sigma, above 0 unless C can be inverted.

    Returns
    -------
    numpy.ndarray
        (input, input).

    Raises
    ------
    RefusedInputError
        If C is not square and symmetric, or sigma is negative.

    References
    ----------
    Derived here; compare Bishop 1995, Neural Computation 7:108.
    """
    covariance, variance = _checked_covariance(covariance), checked_std(noise_std) ** 2
    values, vectors = np.linalg.eigh(covariance)
    if variance == 0 and values.min() <= 1e-12 * max(values.max(), 0.0):
        raise RefusedInputError(
            "noise_std must be above 0 where the covariance has no inverse, got 0: give a "
            "little noise."
        )
    return np.asarray((vectors * (values / (values + variance))) @ vectors.T)


@opened
def wiener_loss(covariance: np.ndarray, noise_std: float) -> float:
    """Least squared error with which a linear map removes noise: sum over directions of lam sigma^2
    / (lam + sigma^2).

    Parameters
    ----------
    covariance : numpy.ndarray
        (input, input) C of the inputs without noise.
    noise_std : float
        sigma.

    Returns
    -------
    float
        Summed over inputs.

    Raises
    ------
    RefusedInputError
        As for ``wiener_filter``.

    References
    ----------
    Derived here; compare Bishop 1995, Neural Computation 7:108.
    """
    values, variance = (
        np.linalg.eigvalsh(_checked_covariance(covariance)),
        checked_std(noise_std) ** 2,
    )
    return float((values * variance / (values + variance)).sum()) if variance else 0.0


def _checked_covariance(covariance: np.ndarray) -> np.ndarray:
    array = np.asarray(covariance, dtype=float)
    if (
        array.ndim != 2
        or array.shape[0] != array.shape[1]
        or not np.allclose(array, array.T, atol=1e-8 * np.abs(array).max(initial=0.0))
    ):
        raise RefusedInputError(
            "covariance must be (input, input), symmetric and finite, got shape "
            f"{array.shape}: use np.cov(x.T)."
        )
    if len(array) and np.linalg.eigvalsh(array).min() < -1e-8 * np.abs(array).max():
        raise RefusedInputError(
            "covariance must have no negative eigenvalue, got some: use np.cov(x.T)."
        )
    return array
