"""The weights of a network with one rectified hidden layer, and the checks that the theory of its
noise training shares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch

from drift.door import opened
from drift.errors import RefusedInputError
from drift.theory.input_noise.objectives import OBJECTIVES, Objective


class Parameters(Protocol):
    """Anything that holds the four tensors of a network, such as ``NetworkWeights`` or a module of
    one's own."""

    @property
    def input_weights(self) -> torch.Tensor: ...
    @property
    def bias(self) -> torch.Tensor: ...
    @property
    def output_weights(self) -> torch.Tensor: ...
    @property
    def output_bias(self) -> torch.Tensor: ...


class NetworkWeights(NamedTuple):
    """Weights of yhat = D relu(W x + b) + c.

    Parameters
    ----------
    input_weights : torch.Tensor
        (unit, input) W, whose rows w_j are the keys of the units.
    bias : torch.Tensor
        (unit,) b.
    output_weights : torch.Tensor
        (output, unit) D, whose columns d_j are the values of the units.
    output_bias : torch.Tensor
        (output,) c.
    """

    input_weights: torch.Tensor
    bias: torch.Tensor
    output_weights: torch.Tensor
    output_bias: torch.Tensor


@opened
def preactivation(inputs: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    """Drive of the hidden units, z = W x + b.

    Parameters
    ----------
    inputs : torch.Tensor
        (sample, input) x.
    parameters : NetworkWeights or alike

    Returns
    -------
    torch.Tensor
        (sample, unit).
    """
    return torch.nn.functional.linear(inputs, parameters.input_weights, parameters.bias)


@opened
def network_outputs(inputs: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    """Outputs of the network, yhat = D relu(W x + b) + c.

    Parameters
    ----------
    inputs : torch.Tensor
        (sample, input) x.
    parameters : NetworkWeights or alike

    Returns
    -------
    torch.Tensor
        (sample, output).
    """
    return torch.nn.functional.linear(
        preactivation(inputs, parameters).relu(), parameters.output_weights, parameters.output_bias
    )


def checked_std(noise_std: Any) -> float:
    """Return the standard deviation of a noise as float, or refuse it where it is negative or no
    finite number."""
    try:
        if (std := float(noise_std)) >= 0 and math.isfinite(std):
            return std
    except (TypeError, ValueError, RuntimeError):
        pass
    raise RefusedInputError(
        f"noise_std must be one finite number not below 0, got {noise_std!r}: give the "
        "standard deviation."
    )


def chosen_from(name: str, value: Any, known: Any) -> Any:
    """Return an option, or refuse it where it is not one of the known ones."""
    if value not in known:
        raise RefusedInputError(f"{name} {value!r} is unknown: use one of {', '.join(known)}.")
    return value


def chosen_objective(objective: str) -> Objective:
    """Return the objective of that name, or refuse the name."""
    return OBJECTIVES[chosen_from("objective", objective, OBJECTIVES)]


def check_network(parameters: Parameters) -> tuple[int, int, int]:
    """Return inputs, units and outputs of a network, or refuse weights whose shapes do not fit."""
    shapes = {}
    for name, dims in (
        ("input_weights", 2),
        ("bias", 1),
        ("output_weights", 2),
        ("output_bias", 1),
    ):
        array = getattr(parameters, name, None)
        if not (
            isinstance(array, torch.Tensor) and array.is_floating_point() and array.ndim == dims
        ):
            description = (
                f"shape {tuple(array.shape)} of {array.dtype}"
                if isinstance(array, torch.Tensor)
                else type(array).__name__
            )
            raise RefusedInputError(
                f"{name} must be a tensor of real numbers with {dims} dims, got {description}: see "
                "NetworkWeights."
            )
        shapes[name] = tuple(array.shape)
    dtypes = {str(getattr(parameters, name).dtype) for name in shapes}
    if len(dtypes) > 1:
        raise RefusedInputError(
            f"weights must be of one dtype, got {', '.join(sorted(dtypes))}: convert them "
            "with .to()."
        )
    (units, inputs), outputs = shapes["input_weights"], shapes["output_weights"][0]
    expected = {"bias": (units,), "output_weights": (outputs, units), "output_bias": (outputs,)}
    wrong = [
        f"{name} {shapes[name]} instead of {shape}"
        for name, shape in expected.items()
        if shapes[name] != shape
    ]
    if wrong:
        raise RefusedInputError(
            f"weights must fit input_weights {shapes['input_weights']}, got "
            f"{'; '.join(wrong)}: give one network."
        )
    return inputs, units, outputs


def check_samples(
    inputs: torch.Tensor, targets: torch.Tensor, parameters: Parameters, objective: Objective
) -> None:
    """Refuse samples that do not fit the network or the objective, or that hold numbers that are
    not finite."""
    widths = check_network(parameters)
    for name, array, width in (("inputs", inputs, widths[0]), ("targets", targets, widths[2])):
        if not (
            isinstance(array, torch.Tensor)
            and array.ndim == 2
            and array.shape[1] == width
            and len(array)
        ):
            description = (
                f"shape {tuple(array.shape)}"
                if isinstance(array, torch.Tensor)
                else type(array).__name__
            )
            raise RefusedInputError(
                f"{name} must be a tensor (sample, {name[:-1]}) of width {width}, got "
                f"{description}: give one row a sample."
            )
        if array.dtype != parameters.input_weights.dtype:
            weights = parameters.input_weights.dtype
            raise RefusedInputError(
                f"{name} must be numbers like the weights ({weights}), got {array.dtype}: "
                f"convert them with .to({weights})."
            )
        if not bool(array.isfinite().all()):
            raise RefusedInputError(
                f"{name} must be finite, got NaN or infinity: leave out samples that were not "
                "observed."
            )
    if len(inputs) != len(targets):
        raise RefusedInputError(
            f"inputs and targets must have the same samples, got {len(inputs)} and "
            f"{len(targets)}: pair them."
        )
    objective.check_targets(targets)


@opened
def network_of(weights: Mapping[str, torch.Tensor]) -> NetworkWeights:
    """Return the weights of a plain ``drift.NetworkWeights``, by name as its ``first_weights`` has
    them, for the theory.

    Parameters
    ----------
    weights : mapping of str to torch.Tensor
        ``input_weights``, ``bias``, ``output_weights``, ``output_bias`` of one network.

    Returns
    -------
    NetworkWeights
    """
    return NetworkWeights(**{name: weights[name] for name in NetworkWeights._fields})
