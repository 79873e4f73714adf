"""The noise that keeps a network learning: on its inputs, on its labels, or on its updates, at any time or by a schedule."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from drift.errors import RefusedInputError
from drift.recipe import Recipe, chosen


class Schedule(Recipe, ABC):
    """How the size of a noise changes with the step of learning."""

    @abstractmethod
    def factor(self, step: int) -> float:
        """Return the number that multiplies the noise in this step; the first step of learning has number 0."""


class OnOff(Schedule):
    """Noise from step ``start`` on, up to but not including step ``stop``."""

    kind: Literal["on_off"] = "on_off"
    start: int = Field(default=0, ge=0)
    stop: int | None = Field(default=None, ge=0)

    def factor(self, step: int) -> float:
        """Return 1 while the noise is on, 0 while it is off."""
        return float(self.start <= step and (self.stop is None or step < self.stop))


class Linear(Schedule):
    """Noise that moves in a straight line from ``initial`` at step ``start`` to ``final`` at step ``stop``, constant outside."""

    kind: Literal["linear"] = "linear"
    start: int = Field(default=0, ge=0)
    stop: int = Field(ge=1)
    initial: float = Field(default=0.0, ge=0)
    final: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop <= self.start:
            raise ValueError(f"stop must lie after start, got start {self.start} and stop {self.stop}")
        return self

    def factor(self, step: int) -> float:
        """Return the factor in this step."""
        passed = min(max((step - self.start) / (self.stop - self.start), 0.0), 1.0)
        return self.initial + passed * (self.final - self.initial)


SCHEDULES: dict[str, type[Recipe]] = {"on_off": OnOff, "linear": Linear}
AnySchedule = Annotated[SerializeAsAny[Schedule], BeforeValidator(lambda value: chosen(SCHEDULES, value))]


class Noise(Recipe, ABC):
    """A source of fluctuation of given standard deviation; the final classes say what it acts on."""

    kind: str
    std: float = Field(ge=0)
    schedule: AnySchedule | None = None

    def scale(self, step: int) -> float:
        """Return the standard deviation in this step."""
        return self.std if self.schedule is None else self.std * self.schedule.factor(step)


class InputNoise(Noise):
    """Gaussian noise added to every input, drawn afresh for every entry and step."""

    kind: Literal["input"] = "input"


class LabelNoise(Noise):
    """Noise added to every target, drawn afresh for every entry and step.

    The published code draws from a uniform law of full width ``a``, variance ``a**2 / 12`` (Ratzon et al. 2024 call it a
    variance); ``LabelNoise.from_width(a)`` gives that. By default the law is Gaussian.
    """

    kind: Literal["label"] = "label"
    law: Literal["gaussian", "uniform"] = "gaussian"

    @classmethod
    def from_width(cls, width: float, schedule: Schedule | None = None) -> LabelNoise:
        """Return the published noise, uniform between ``-width / 2`` and ``width / 2``."""
        if width < 0:
            raise RefusedInputError(f"the width of label noise must not be negative, got {width}: give the full width of the uniform law.")
        return cls(std=width / math.sqrt(12), law="uniform", schedule=schedule)

    @property
    def width(self) -> float:
        """Full width of the uniform law with this standard deviation."""
        return self.std * math.sqrt(12)


class UpdateNoise(Noise):
    """Gaussian noise on every weight in every step.

    ``acts_on="gradient"`` adds it to the gradient, so that the learning rate multiplies it: theta moves by
    ``learning_rate * std`` per step. All published numbers mean this. ``acts_on="weights"`` adds it to the weights after the
    learning step, as Eq. 4 of Ratzon et al. (2024) is written.
    """

    kind: Literal["update"] = "update"
    acts_on: Literal["gradient", "weights"] = "gradient"


NOISES: dict[str, type[Recipe]] = {"input": InputNoise, "label": LabelNoise, "update": UpdateNoise}
AnyNoise = Annotated[SerializeAsAny[Noise], BeforeValidator(lambda value: chosen(NOISES, value))]
