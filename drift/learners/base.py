"""What every learning rule is: a recipe with one step over a batch of networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from pydantic import Field, model_validator

from drift.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor


# smaller steps vanish beside the weights in single precision, and numbers near 1e-308 cost a
# processor 100-fold
SMALLEST_RATE = 1e-12


class Program(Protocol):
    """What a learning rule may use of the program that runs it; every tensor has the subject as its
    first axis.

    ``parameters`` are the weights, two tensors (subject, unit, inputs + 1) and (subject, unit,
    outputs), or those of one denoising network, changed in place; ``alone`` tells that a program
    never holds more than one network; ``memory`` holds what the rule remembers between steps;
    ``numbers`` holds each numeric entry of the recipe, one per subject, shape (subject, 1, 1);
    ``step`` counts from 0.
    """

    parameters: list[Tensor]
    memory: dict[str, list[Tensor]]
    numbers: dict[str, Tensor]
    step: int
    alone: bool

    def gradient(self) -> list[Tensor]:
        """Return the gradient of this step's loss, noise included, in buffers that the rule may
        change."""

    def loss(self) -> Tensor:
        """Return this step's loss, shape (subject, 1, 1)."""

    def perturbation(self) -> list[Tensor]:
        """Return fresh standard normal numbers in the shape of the parameters."""

    def like_parameters(self) -> list[Tensor]:
        """Return zeros in the shape of the parameters, laid out alike."""


class Learner(Recipe, ABC):
    """A rule that changes the weights of many networks by one step; networks never mix.

    Parameters
    ----------
    gradient_clip : float, optional
        Largest length of the gradient over all weights of a network; longer ones are scaled down to
        it.
    weight_decay : float, optional
        At the end of each step, noise included, all weights and biases are multiplied by 1 -
        learning_rate * weight_decay, which is gradient descent on weight_decay / 2 times their sum
        of squares.
    largest_weight : float, optional
        At the very end of each step weights and biases beyond it, on either side of 0, are set to
        it.

    Attributes
    ----------
    takes_gradient : bool
        False for a rule that tries changes and looks at the loss alone: nothing that acts on the
        gradient reaches it.
    """

    takes_gradient: ClassVar[bool] = True
    kind: str
    gradient_clip: float | None = Field(default=None, ge=SMALLEST_RATE)
    weight_decay: float | None = Field(default=None, ge=0, le=1e6)
    largest_weight: float | None = Field(default=None, ge=1e-6, le=1e6)

    @model_validator(mode="after")
    def _weights_keep_their_sign(self) -> Self:
        if self.kept() <= 0:
            raise ValueError(
                f"weight_decay {self.weight_decay} takes the weights to 0 or beyond in one step at "
                f"this learning rate: keep learning_rate * weight_decay below 1"
            )
        return self

    def kept(self) -> float:
        """Return what weight decay leaves of the weights in a step, 1 without; a rule without a
        learning rate decays as one of rate 1."""
        return 1.0 - getattr(self, "learning_rate", 1.0) * (self.weight_decay or 0.0)

    def slopes(self, program: Program) -> list[Tensor]:
        """Return the gradient of this step, scaled down where its length over all weights exceeds
        ``gradient_clip``."""
        gradient = program.gradient()
        if self.gradient_clip is not None:
            lengths = [slope.norm(dim=(1, 2), keepdim=True) for slope in gradient]
            shrink = program.numbers["gradient_clip"] / (
                sum(length.square() for length in lengths).sqrt() + 1e-6
            )
            for slope in gradient if bool((shrink < 1).any()) else ():
                slope.mul_(shrink.clamp(max=1.0))
        return gradient

    def remembers(self) -> tuple[str, ...]:
        """Return the names of what the rule keeps between steps, each in the shape of the
        parameters."""
        return ()

    @abstractmethod
    def learn(self, program: Program) -> None:
        """Take one step: change ``program.parameters`` in place."""
