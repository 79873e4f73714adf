"""Learned lateral inhibition: between all pairs of units (explaining away), or through one
interneuron."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from drift.door.quantities import Count
from drift.networks.inhibition.base import Inhibition, Moment, Selection, uniform

if TYPE_CHECKING:
    from torch import Tensor


class Recurrent(Inhibition, ABC):
    """mu_{t+1} = mu_t + rate (mu_0 - feedback(f(mu_t)) - mu_t), read out after ``iterations``
    (Bricken et al. 2023, Eq. 2)."""

    iterations: int = Field(default=1, ge=0)
    rate: float = Field(default=1.0, gt=0, le=1)

    @abstractmethod
    def feedback(self, active: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Return the inhibition (sample, unit) that activity (sample, unit) causes."""

    def selected(self, drive: Tensor, weights: Mapping[str, Tensor], moment: Moment) -> Selection:
        """Return the feedforward drive, and the activity after the iterations."""
        potential = drive
        for _iteration in range(self.iterations):
            potential = potential + self.rate * (
                drive - self.feedback(moment.activation(potential), weights) - potential
            )
        return Selection(drive, moment.activation(potential))


class ExplainingAway(Recurrent):
    """Every unit inhibits every other: feedback G z.

    ``connections="learned"``: G is free, of any sign, self-connections included; ``"lca"``: G = D^T
    D - 1 from the output weights, the locally competitive algorithm, without weights of its own.
    ``only_inhibitory`` subtracts relu(G z).
    """

    kind: Literal["explaining_away"] = "explaining_away"
    connections: Literal["learned", "lca"] = "learned"
    only_inhibitory: bool = False

    def first_weights(self, units: Count, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return G (unit, unit) if it is learned."""
        return (
            {"lateral_weights": uniform(rng, 1 / math.sqrt(units), units, units)}
            if self.connections == "learned"
            else {}
        )

    def feedback(self, active: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Return G z."""
        if self.connections == "learned":
            caused = active @ weights["lateral_weights"].T
        else:
            outward = (
                weights["output_weights"]
                if "output_weights" in weights
                else weights["input_weights"].T
            )
            caused = (active @ outward.T) @ outward - active
        return caused.relu() if self.only_inhibitory else caused


class Interneuron(Recurrent):
    """All units excite one interneuron, which inhibits them all: feedback g_out relu(g_in z + b).

    With biases on the excitatory units it has no effect; give the network ``bias="none"`` to see it
    work.
    """

    kind: Literal["interneuron"] = "interneuron"

    def first_weights(self, units: Count, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the weights onto (1, unit) and from (unit, 1) the interneuron, and its bias."""
        bound = 1 / math.sqrt(units)
        onto, bias = uniform(rng, bound, 1, units), uniform(rng, bound, 1)
        return {
            "excitatory_weights": onto,
            "interneuron_bias": bias,
            "inhibitory_weights": uniform(rng, 1.0, units, 1),
        }

    def feedback(self, active: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Return the inhibition of each unit."""
        interneuron = (
            active @ weights["excitatory_weights"].T + weights["interneuron_bias"]
        ).relu()
        return interneuron @ weights["inhibitory_weights"].T
