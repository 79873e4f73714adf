"""What every inhibition is: a recipe that turns the drive of the hidden units into their
activity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from drift.door.quantities import Count
from drift.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor


class Moment(NamedTuple):
    """When and how units respond: the step of learning, their activation, and chance for rules that
    explore (None: the mean)."""

    step: int
    activation: Callable[[Tensor], Tensor]
    explore: Callable[[Tensor], Tensor] | None = None  # fills a tensor with standard normal numbers


class Selection(NamedTuple):
    """The feedforward drive, what inhibition leaves of the activity, and for sampled rules the log
    probability of each sample."""

    drive: Tensor  # (sample, unit)
    hidden: Tensor  # (sample, unit)
    log_probability: Tensor | None = None  # (sample,)


class Inhibition(Recipe, ABC):
    """Competition between hidden units; weights of its own are learned with those of the
    network."""

    kind: str

    def least_units(self) -> int:
        """Return how many units there must be for it to leave as many active as it says."""
        return 0

    def first_weights(self, units: Count, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return its own weights before learning, by name; float32."""
        return {}

    def rates(self) -> dict[str, float]:
        """Return by how much the learning rate of a weight of its own exceeds that of the network,
        where it does."""
        return {}

    @abstractmethod
    def selected(self, drive: Tensor, weights: Mapping[str, Tensor], moment: Moment) -> Selection:
        """Return what is active, given the feedforward drive (sample, unit)."""

    def bound(self, weights: Mapping[str, Tensor]) -> None:
        """Bring its own weights back, in place, to where they make sense after a step."""
        return None

    def credit(self, selection: Selection, losses: Tensor) -> Tensor | None:
        """Return what is minimised besides the loss of each sample (sample,), for rules that learn
        from samples."""
        return None


def uniform(rng: np.random.Generator, bound: float, *shape: int) -> np.ndarray:
    """Return float32 numbers between -bound and bound, the default initialisation of linear
    layers."""
    return np.float32(bound) * (2 * rng.random(shape, dtype=np.float32) - 1)
