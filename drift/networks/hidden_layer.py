"""A network with one hidden layer: yhat = V f(W x + b), with f the positive part by default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from drift.door.memory import refuse_beyond_memory
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.networks.activation import Activation, activated
from drift.networks.base import LearningNetwork, SessionResponse, Values
from drift.networks.differentiable import OFF
from drift.networks.dropout import Dropout
from drift.networks.excitability import Excitability
from drift.streams import stream
from drift.tasks.base import Objective


class Network(LearningNetwork):
    """One hidden layer and a linear readout without bias.

    All weights start as independent Gaussians: input weights and biases with standard deviation
    ``sqrt(2 / inputs)``, output weights with ``sqrt(2 / units)`` ("rich") or ``2 / units``
    ("lazy"). The labels are those of Ratzon et al. (2024) and swap the usual meaning: *small*
    output weights, here "lazy", are what others call the rich or feature-learning regime.

    Parameters
    ----------
    units : int
        Hidden units.
    regime : {"rich", "lazy"}
        Size of the first output weights.
    activation : {"relu", "linear", "sigmoid"}
        What a unit makes of its drive: the positive part, the drive itself, 1 / (1 + exp(-drive)).
    dropout : Dropout, optional
        Units or weights that take no part in a step of learning.
    excitability : Excitability, optional
        A slow variable of each unit that shifts or scales its drive.
    faithful : bool
        Draw the first weights as the published code does from the same seed: with torch's
        generator, in float32, after the default initialisation of both layers has consumed its
        draws. Then the seed must be below 2**32.
    """

    engines: ClassVar[tuple[str, ...]] = ("fused", "batched")
    objectives: ClassVar[tuple[Objective, ...]] = ("squared_error",)
    needs_gradient: ClassVar[bool] = False
    takes_minibatches: ClassVar[bool] = True
    noise_laws: ClassVar[tuple[str, ...]] = ("gaussian",)
    noise_places: ClassVar[tuple[str, ...]] = ("input",)
    bears_noise: ClassVar[bool] = False
    one_layer: ClassVar[bool] = True
    known_curvature: ClassVar[bool] = True

    kind: Literal["hidden_layer"] = "hidden_layer"
    units: int = Field(default=100, ge=1, le=10**6)
    regime: Literal["rich", "lazy"] = "rich"
    activation: Activation = "relu"
    dropout: Dropout | None = None
    excitability: Excitability | None = None
    faithful: bool = False

    def off(self) -> float:
        """Return the activity up to which a unit counts as silent."""
        return 0.0 if self.activation == "relu" else OFF

    def knows_curvature(self) -> bool:
        """Tell whether the Hessian of the loss is that of rectified units with constant biases."""
        return self.activation == "relu" and self.excitability is None

    def output_std(self) -> float:
        """Return the standard deviation of the first output weights."""
        return math.sqrt(2 / self.units) if self.regime == "rich" else 2 / self.units

    def shared_entries(self) -> tuple[object, ...]:
        """Return what networks that are run side by side have in common: all but what the first
        weights alone depend on."""
        return tuple((name, value) for name, value in self if name not in ("regime", "faithful"))

    def first_weights(self, inputs: Count, outputs: Count, seed: Seed) -> dict[str, np.ndarray]:
        """Return the weights before learning.

        Parameters
        ----------
        inputs, outputs : int
            Of the task.
        seed : int
            Of the subject; draws come from the stream ``weights``.

        Returns
        -------
        dict of str to array
            ``input_weights (unit, input)``, ``bias (unit,)`` and ``output_weights (output, unit)``,
            float64.
        """
        refuse_beyond_memory(
            "weights, units x (inputs + outputs),", self.units, inputs + outputs + 1
        )
        if self.faithful:
            return _published_weights(self, inputs, outputs, seed)
        rng = stream(seed, "weights")
        inward = math.sqrt(2 / inputs) * rng.standard_normal((self.units, inputs + 1))
        return named(inward, self.output_std() * rng.standard_normal((self.units, outputs)))

    def parameters(self, weights: Mapping[str, Values]) -> list[np.ndarray]:
        """Return input weights with the bias last (..., unit, input + 1), and output weights (...,
        unit, output)."""
        bias = weights["bias"][..., np.newaxis]
        return [
            np.concatenate([weights["input_weights"], bias], axis=-1),
            np.ascontiguousarray(weights["output_weights"].swapaxes(-1, -2)),
        ]

    def session_response(
        self, weights: Mapping[str, Values], inputs: np.ndarray, step: int = 0
    ) -> SessionResponse:
        """Return what inputs (sample, input) evoke, in double precision, with all units and weights
        and the excitability among the weights; the same in every step."""
        drive = inputs @ weights["input_weights"].T + weights["bias"]
        if self.excitability is not None and "excitability" in weights:
            drive = self.excitability.applied(drive, weights["excitability"])
        hidden = activated(drive, self.activation)
        return SessionResponse(drive, hidden, hidden @ weights["output_weights"].T)

    def session_loss(self, output: Values, targets: np.ndarray, objective: Objective) -> float:
        """Return the mean squared error, the one objective that there is."""
        return float(np.square(output - targets).mean())


def named(inward: np.ndarray, outward: np.ndarray) -> dict[str, np.ndarray]:
    """Return weights by name, as views.

    Parameters
    ----------
    inward : array, shape (..., units, inputs + 1)
        Input weights and, last, the bias of each unit.
    outward : array, shape (..., units, outputs)
        Output weights of each unit.
    """
    return {
        "input_weights": inward[..., :-1],
        "bias": inward[..., -1],
        "output_weights": outward.swapaxes(-1, -2),
    }


def _published_weights(
    network: Network, inputs: int, outputs: int, seed: int
) -> dict[str, np.ndarray]:
    if seed >= 2**32:
        raise RefusedInputError(
            f"the published first weights take seeds below 2**32, got {seed}: use a smaller "
            "one or faithful=False."
        )
    import torch

    generator = torch.Generator().manual_seed(seed)
    consumed = [
        (network.units, inputs),
        (network.units,),
        (outputs, network.units),
    ]  # the default initialisation
    for shape in consumed:
        torch.empty(shape).uniform_(generator=generator)

    def normal(std: float, *shape: int) -> np.ndarray:
        return torch.empty(shape).normal_(0.0, std, generator=generator).double().numpy()

    inward = math.sqrt(2 / inputs)
    return {
        "input_weights": normal(inward, network.units, inputs),
        "bias": normal(inward, network.units),
        "output_weights": normal(network.output_std(), outputs, network.units),
    }
