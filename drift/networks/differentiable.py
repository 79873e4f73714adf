"""What every network is that torch differentiates: a recipe with weights by name, a response to a
batch, and where noise enters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from drift.networks.base import LearningNetwork, SessionResponse, Values
from drift.networks.inhibition import Selection
from drift.tasks.base import Objective

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


class DifferentiableNetwork(LearningNetwork):
    """A network that the minibatch engine trains: one of your own is run with these declarations as
    they are.

    ``first_weights`` are float32, each an array whose last axis is that of the columns.
    """

    engines: ClassVar[tuple[str, ...]] = ("minibatch",)
    objectives: ClassVar[tuple[Objective, ...]] = ("squared_error", "cross_entropy")
    needs_gradient: ClassVar[bool] = True
    takes_minibatches: ClassVar[bool] = True
    noise_laws: ClassVar[tuple[str, ...]] = ("gaussian", "laplace", "exponential", "poisson")
    noise_places: ClassVar[tuple[str, ...]] = ("input", "preactivation", "hidden")
    bears_noise: ClassVar[bool] = True
    one_layer: ClassVar[bool] = False
    known_curvature: ClassVar[bool] = False

    activation: str

    def off(self) -> float:
        """Return the activity up to which a unit counts as silent."""
        return 0.0 if self.activation == "relu" else OFF

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

    def session_response(
        self,
        weights: Mapping[str, Values],
        inputs: np.ndarray,
        step: int = 0,
        disturb: Disturb | None = None,
        explore: Explore | None = None,
    ) -> SessionResponse:
        """Return what inputs evoke in a session, in the precision of the weights."""
        import torch

        with torch.no_grad():
            tensors = {name: torch.as_tensor(values) for name, values in weights.items()}
            received = torch.as_tensor(inputs, dtype=next(iter(tensors.values())).dtype)
            selection, output = self.respond(tensors, received, step, disturb, explore)
        return SessionResponse(selection.drive.numpy(), selection.hidden.numpy(), output.numpy())

    def session_loss(self, output: Values, targets: np.ndarray, objective: Objective) -> float:
        """Return the mean squared error, or the cross-entropy of classes or next tokens."""
        import torch

        from drift.networks.objective import mean_loss

        evoked = torch.as_tensor(output)
        return float(mean_loss(evoked, torch.as_tensor(targets, dtype=evoked.dtype), objective))
