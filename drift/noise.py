"""The noise that keeps a network learning: on its inputs, on its labels, or on its updates, at any
time or by a schedule."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, get_args

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from drift.errors import RefusedInputError
from drift.recipe import Recipe, chosen

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_STD = 1e6  # beyond it activity overflows in single precision
PLACES = ("gradient", "weights")  # where ``acts_on`` of a noise can be
Entry = Literal["inputs", "targets", "loss", "updates"]
ENTRIES = get_args(Entry)


class Schedule(Recipe, ABC):
    """How the size of a noise changes with the step of learning."""

    @abstractmethod
    def factor(self, step: int) -> float:
        """Return the number that multiplies the noise in this step; the first step of learning has
        number 0."""


class OnOff(Schedule):
    """Noise from step ``start`` on, up to but not including step ``stop``."""

    kind: Literal["on_off"] = "on_off"
    start: int = Field(default=0, ge=0)
    stop: int | None = Field(default=None, ge=0)

    def factor(self, step: int) -> float:
        """Return 1 while the noise is on, 0 while it is off."""
        return float(self.start <= step and (self.stop is None or step < self.stop))


class Linear(Schedule):
    """Noise that moves in a straight line from ``initial`` at step ``start`` to ``final`` at step
    ``stop``, constant outside."""

    kind: Literal["linear"] = "linear"
    start: int = Field(default=0, ge=0)
    stop: int = Field(ge=1)
    initial: float = Field(default=0.0, ge=0, le=LARGEST_STD)
    final: float = Field(default=1.0, ge=0, le=LARGEST_STD)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop <= self.start:
            raise ValueError(
                f"stop must lie after start, got start {self.start} and stop {self.stop}"
            )
        return self

    def factor(self, step: int) -> float:
        """Return the factor in this step."""
        passed = min(max((step - self.start) / (self.stop - self.start), 0.0), 1.0)
        return self.initial + passed * (self.final - self.initial)


SCHEDULES: dict[str, type[Recipe]] = {"on_off": OnOff, "linear": Linear}
AnySchedule = Annotated[
    SerializeAsAny[Schedule], BeforeValidator(lambda value: chosen(SCHEDULES, value))
]


class Noise(Recipe, ABC):
    """A source of fluctuation of given standard deviation; the final classes say what it acts on.

    A noise of your own has an entry ``acts_on``, "gradient" or "weights", and may replace ``act``;
    the torch engines run it as it is.

    In the fused engine its normal numbers have 24 random bits and none lies beyond 5.887 standard
    deviations, where a normal law has 8 of 2e9; whoever needs rarer events than that takes
    ``engine="batched"``, and for noise on the updates of 131,072 weights or more a kind of their
    own.

    Attributes
    ----------
    enters : {"inputs", "targets", "loss", "updates"}
        Which part of a step it reaches; noise on updates says by ``acts_on`` whether before the
        rule or behind it.
    """

    enters: ClassVar[Entry] = "updates"

    kind: str
    std: float = Field(ge=0, le=LARGEST_STD)
    schedule: AnySchedule | None = None

    def scale(self, step: int) -> float:
        """Return the standard deviation in this step."""
        return self.std if self.schedule is None else self.std * self.schedule.factor(step)

    def on_inputs(self) -> InputNoise | None:
        """Return the noise on inputs that this one is or stands for."""
        return None

    def act(self, values: Tensor, normals: Tensor, step: int) -> None:
        """Change the gradient or the weights of one network in place: add the numbers, scaled.

        Parameters
        ----------
        values : torch.Tensor
            (row, column) one block of what ``acts_on`` names.
        normals : torch.Tensor
            (row, column) fresh standard normal numbers.
        step : int
            Of learning, counted from 0.
        """
        values.add_(normals, alpha=self.scale(step))


InputLaw = Literal["gaussian", "laplace", "exponential", "poisson"]


class InputNoise(Noise):
    """Noise added to every input, or further on, drawn afresh for every entry and step.

    ``std`` is the standard deviation of every law. ``InputNoise.published(law, parameter)`` takes
    the parameter of the published code instead: the scale of a Laplace law (standard deviation
    sqrt(2) times as large), the rate of an exponential (standard deviation 1 / rate), or that of a
    Poisson law (standard deviation sqrt(rate)), and keeps the mean of the last two, which are not
    centred (Bricken et al. 2023; sparse coding, 2.13).

    Parameters
    ----------
    std : float
        Standard deviation.
    law : {"gaussian", "laplace", "exponential", "poisson"}
        The last two are skewed; of variance ``std**2`` as well.
    placement : {"input", "preactivation", "hidden"}
        What the noise is added to: inputs, drive of the hidden units, or their activity. Only
        denoising networks know the last two; for a ``Transformer`` the first and the last mean in
        front of each of its hidden layers.
    centred : bool
        Take the mean of a skewed law away.
    schedule : Schedule, optional
        How the size changes with the step.
    """

    enters: ClassVar[Entry] = "inputs"

    kind: Literal["input"] = "input"
    std: float = Field(ge=0, le=LARGEST_STD)
    law: InputLaw = "gaussian"
    placement: Literal["input", "preactivation", "hidden"] = "input"
    centred: bool = True

    @classmethod
    def published(
        cls, law: InputLaw, parameter: float, schedule: Schedule | None = None
    ) -> InputNoise:
        """Return the noise that the published code draws with this parameter of its law."""
        if (
            not isinstance(parameter, int | float)
            or not 1e-6 < parameter < 1e12
            or law not in PUBLISHED_STD
        ):
            laws = ", ".join(PUBLISHED_STD)
            raise RefusedInputError(
                f"published noise got {law!r} and parameter {parameter!r}: give one of "
                f"{laws} and a number above 0."
            )
        return cls(std=PUBLISHED_STD[law](parameter), law=law, centred=False, schedule=schedule)

    def on_inputs(self) -> InputNoise:
        """Return itself."""
        return self

    def mean(self, step: int = 0) -> float:
        """Return the mean of the noise in this step, 0 unless a skewed law keeps it."""
        if self.centred or self.law in ("gaussian", "laplace"):
            return 0.0
        return self.scale(step) if self.law == "exponential" else self.scale(step) ** 2


PUBLISHED_STD = {
    "gaussian": lambda std: std,
    "laplace": lambda scale: math.sqrt(2) * scale,
    "exponential": lambda rate: 1 / rate,
    "poisson": math.sqrt,
}


class ImplicitNoise(Noise):
    """No noise, but the loss that Gaussian noise on the inputs would add: its implicit terms join
    the loss of clean inputs.

    All three terms together stand for training with the noise (sparse coding, 2.17 and 4.11); see
    ``drift.theory.input_noise.terms``.

    Parameters
    ----------
    std : float
        Standard deviation of the noise that the terms stand for.
    terms : sequence of {"sparsify", "margin", "overlap"}
        What joins the loss.
    form : {"moments", "bias_variance"}
        How the total is split into terms.
    schedule : Schedule, optional
        How the size changes with the step.
    """

    enters: ClassVar[Entry] = "loss"

    kind: Literal["implicit"] = "implicit"
    std: float = Field(ge=0, le=LARGEST_STD)
    terms: tuple[Literal["sparsify", "margin", "overlap"], ...] = Field(
        default=("sparsify", "margin", "overlap"), strict=False, min_length=1, max_length=3
    )
    form: Literal["moments", "bias_variance"] = "moments"

    def on_inputs(self) -> InputNoise:
        """Return the Gaussian noise whose loss joins."""
        return InputNoise(std=self.std, schedule=self.schedule)


class LabelNoise(Noise):
    """Noise added to every target, drawn afresh for every entry and step.

    The published code draws from a uniform law of full width ``a``, variance ``a**2 / 12`` (Ratzon
    et al. 2024 call it a variance); ``LabelNoise.from_width(a)`` gives that. By default the law is
    Gaussian.
    """

    enters: ClassVar[Entry] = "targets"

    kind: Literal["label"] = "label"
    law: Literal["gaussian", "uniform"] = "gaussian"

    @classmethod
    def from_width(cls, width: float, schedule: Schedule | None = None) -> LabelNoise:
        """Return the published noise, uniform between ``-width / 2`` and ``width / 2``."""
        if width < 0:
            raise RefusedInputError(
                f"the width of label noise must not be negative, got {width}: give the full "
                "width of the uniform law."
            )
        return cls(std=width / math.sqrt(12), law="uniform", schedule=schedule)

    @property
    def width(self) -> float:
        """Full width of the uniform law with this standard deviation."""
        return self.std * math.sqrt(12)


class UpdateNoise(Noise):
    """Gaussian noise on every weight in every step.

    ``acts_on="gradient"`` adds it to the gradient, so that the learning rate multiplies it: theta
    moves by ``learning_rate * std`` per step. All published numbers mean this.
    ``acts_on="weights"`` adds it to the weights after the learning step, as Eq. 4 of Ratzon et al.
    (2024) is written.
    """

    kind: Literal["update"] = "update"
    acts_on: Literal["gradient", "weights"] = "gradient"


NOISES: dict[str, type[Recipe]] = {
    "input": InputNoise,
    "implicit": ImplicitNoise,
    "label": LabelNoise,
    "update": UpdateNoise,
}
# The coordinates of a run that tell the size of the noise, and the kinds that each stands for.
COORDINATES = {
    "input_noise": ("input", "implicit"),
    "label_noise": ("label",),
    "update_noise": ("update",),
}
AnyNoise = Annotated[SerializeAsAny[Noise], BeforeValidator(lambda value: chosen(NOISES, value))]
