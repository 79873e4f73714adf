"""What every network that learns is: a recipe that declares what it learns from, and by which names
its weights go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from drift.door.quantities import UNBOUNDED, Count, Seed
from drift.recipe import Recipe
from drift.tasks.base import Objective

# of a network that may have diverged
Values = Annotated[np.ndarray, UNBOUNDED]


class SessionResponse(NamedTuple):
    """What a session sees of a network."""

    drive: np.ndarray  # (sample, unit)
    hidden: np.ndarray  # (sample, unit)
    output: np.ndarray  # (sample, output), or (sample, position, token)


class LearningNetwork(Recipe, ABC):
    """A network that learns; ``units`` respond in the hidden layer that sessions look at.

    Attributes
    ----------
    engines : tuple of str
        The engines that advance it; with ``engine="auto"`` the first that can does.
    objectives : tuple of {"squared_error", "cross_entropy", "next_token"}
        What a task may ask of its outputs: numbers, one class, or the next token.
    needs_gradient : bool
        Whether only a rule that takes a gradient can teach it.
    takes_minibatches : bool
        Whether a step may take some of the samples.
    noise_laws, noise_places : tuple of str
        Laws and placements of the ``InputNoise`` that it takes.
    bears_noise : bool
        Whether it is trained to bear noise: then a session shows it what is held out, without noise
        and with that of learning; otherwise what it learns from, without noise.
    one_layer : bool
        Whether its units lie between ``input_weights`` and ``output_weights``.
    known_curvature : bool
        Whether ``drift.theory.landscape`` knows the Hessian of its loss.
    """

    engines: ClassVar[tuple[str, ...]]
    objectives: ClassVar[tuple[Objective, ...]]
    needs_gradient: ClassVar[bool]
    takes_minibatches: ClassVar[bool]
    noise_laws: ClassVar[tuple[str, ...]]
    noise_places: ClassVar[tuple[str, ...]]
    bears_noise: ClassVar[bool]
    one_layer: ClassVar[bool]
    known_curvature: ClassVar[bool]

    kind: str
    units: int

    @classmethod
    def takes_input_noise(cls, law: str, placement: str) -> bool:
        """Tell whether ``InputNoise`` of this law and placement reaches it."""
        return law in cls.noise_laws and placement in cls.noise_places

    def off(self) -> float:
        """Return the activity up to which a unit counts as silent."""
        return 0.0

    def knows_curvature(self) -> bool:
        """Tell whether ``drift.theory.landscape`` knows the Hessian of this very network."""
        return self.known_curvature

    def is_plain(self) -> bool:
        """Tell whether this is one hidden layer of rectified units with biases and weights of their
        own that do not compete, and a readout with biases."""
        return False

    def has_plain_drive(self) -> bool:
        """Tell whether noise on the inputs reaches the drive of a rectified unit through its input
        weights alone."""
        return False

    def shared_entries(self) -> tuple[object, ...]:
        """Return what networks that are run side by side have in common."""
        return (self.to_json(),)

    @abstractmethod
    def first_weights(self, inputs: Count, outputs: Count, seed: Seed) -> dict[str, np.ndarray]:
        """Return the weights before learning by name; chance comes from the stream ``weights`` of
        the seed."""

    def parameters(self, weights: Mapping[str, Any]) -> list[Any]:
        """Return weights by name (..., row, column) in the blocks that a learning rule changes; see
        ``drift.learners.Program``."""
        return list(weights.values())

    @abstractmethod
    def session_response(
        self, weights: Mapping[str, Values], inputs: np.ndarray, step: int = 0
    ) -> SessionResponse:
        """Return what inputs (sample, input) evoke without noise in a step of learning."""

    @abstractmethod
    def session_loss(self, output: Values, targets: np.ndarray, objective: Objective) -> float:
        """Return the mean loss of what inputs have evoked."""
