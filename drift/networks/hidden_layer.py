"""A network with one hidden layer of rectified units: yhat = V relu(W x + b)."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from drift.door.memory import refuse_beyond_memory
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.recipe import Recipe
from drift.streams import stream


class Network(Recipe):
    """One hidden layer of rectified units and a linear readout without bias.

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
    faithful : bool
        Draw the first weights as the published code does from the same seed: with torch's
        generator, in float32, after the default initialisation of both layers has consumed its
        draws. Then the seed must be below 2**32.
    """

    kind: Literal["hidden_layer"] = "hidden_layer"
    units: int = Field(default=100, ge=1, le=10**6)
    regime: Literal["rich", "lazy"] = "rich"
    faithful: bool = False

    def output_std(self) -> float:
        """Return the standard deviation of the first output weights."""
        return math.sqrt(2 / self.units) if self.regime == "rich" else 2 / self.units

    def first_weights(
        self, inputs: Count, outputs: Count, seed: Seed
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights before learning.

        Parameters
        ----------
        inputs, outputs : int
            Of the task.
        seed : int
            Of the subject; draws come from the stream ``weights``.

        Returns
        -------
        inward : array, shape (units, inputs + 1)
            Input weights and, last, the bias of each unit.
        outward : array, shape (units, outputs)
            Output weights of each unit.
        """
        refuse_beyond_memory(
            "weights, units x (inputs + outputs),", self.units, inputs + outputs + 1
        )
        if self.faithful:
            return _published_weights(self, inputs, outputs, seed)
        rng = stream(seed, "weights")
        inward = math.sqrt(2 / inputs) * rng.standard_normal((self.units, inputs + 1))
        return inward, self.output_std() * rng.standard_normal((self.units, outputs))


def hidden_activity(inward: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Return the activity of the hidden units.

    Parameters
    ----------
    inward : array, shape (units, inputs + 1)
        Input weights and bias.
    inputs : array, shape (samples, inputs)

    Returns
    -------
    array, shape (samples, units)
        max(0, W x + b).
    """
    return np.maximum(inputs @ inward[:, :-1].T + inward[:, -1], 0.0)


def _published_weights(
    network: Network, inputs: int, outputs: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
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

    weights = normal(math.sqrt(2 / inputs), network.units, inputs)
    bias = normal(math.sqrt(2 / inputs), network.units)
    return np.column_stack([weights, bias]), normal(
        network.output_std(), outputs, network.units
    ).T.copy()
