"""What every network is that torch differentiates: a recipe with weights by name, a response to a
batch, and where noise enters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from drift.door.quantities import Count, Seed
from drift.networks.inhibition import Selection
from drift.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

# adds the noise of a place ("input", "preactivation", "hidden") to what arrives there
Disturb = Callable[[str, "Tensor"], "Tensor"]
Explore = Callable[["Tensor"], "Tensor"]
OFF = 1e-4  # activity of units without a rectifier that counts as none (Bricken et al. 2023)


class Response(NamedTuple):
    """What a batch evokes."""

    selection: Selection  # of the hidden layer that sessions look at
    output: Tensor  # (sample, output), or (sample, position, token)


class DifferentiableNetwork(Recipe, ABC):
    """A network that the minibatch engine trains; ``units`` respond in the hidden layer that
    sessions look at."""

    kind: str
    units: int
    activation: str

    def off(self) -> float:
        """Return the activity up to which a unit counts as silent."""
        return 0.0 if self.activation == "relu" else OFF

    def is_plain(self) -> bool:
        """Tell whether this is one hidden layer of rectified units with biases and weights of their
        own that do not compete."""
        return False

    @abstractmethod
    def first_weights(self, inputs: Count, outputs: Count, seed: Seed) -> dict[str, np.ndarray]:
        """Return the weights before learning by name, float32; chance comes from the stream
        ``weights`` of the seed."""

    @abstractmethod
    def respond(
        self,
        weights: Mapping[str, Tensor],
        inputs: Tensor,
        step: int = 0,
        disturb: Disturb | None = None,
        explore: Explore | None = None,
    ) -> Response:
        """Return what inputs (sample, input) evoke; without ``disturb`` the response is
        noise-free."""

    def rates(self) -> dict[str, float]:
        """Return by how much the learning rate of a weight exceeds that of the network, where it
        does."""
        return {}

    def objective(self, loss: Tensor, response: Response, losses: Callable[[], Tensor]) -> Tensor:
        """Return what is minimised, given the mean loss, what was evoked, and a function for the
        loss of each sample (sample,)."""
        return loss

    def normalise(self, weights: Mapping[str, Tensor]) -> None:
        """Bring weights back, in place, to what the network asks of them after a step."""
        return None
