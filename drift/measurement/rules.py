"""How sessions are measured: the options of ``drift.measure``, kept with what it returns."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from drift.metrics.directions import Directions
from drift.recipe import Recipe

SIGNIFICANCE = 0.05
FEWEST_SHUFFLES = 20  # p = 1 / (shuffles + 1) where none reaches the observed value


class Measurement(Recipe):
    """The options of ``drift.measure``, where each is described; None means what the session
    recommends.

    A measured Dataset holds them as JSON in its attribute ``measurement``, so that other sessions
    can be measured alike: ``drift.measure(sessions, **dict(Measurement.from_json(text)))``.
    """

    bin_size: float | None = Field(default=None, gt=0)
    minimum_speed: float | None = Field(default=None, ge=0)
    minimum_occupancy: float = Field(default=0.1, ge=0)
    direction: Literal["auto", "split", "apart", "pooled"] = "auto"
    shuffles: int = Field(default=0, ge=0)
    minimum_events: float = Field(default=10, ge=0)
    minimum_shift: float = Field(default=10.0, ge=0)
    active_events: int = Field(default=1, ge=1)
    corrected: bool = False
    repetitions: int = Field(default=100, ge=1)
    halves: Literal["trials", "time"] | None = None
    half_place_units: bool = False
    seed: int = Field(default=0, ge=0, lt=2**63)

    @model_validator(mode="after")
    def _has_halves(self) -> Self:
        if self.half_place_units and self.halves is None:
            raise ValueError(
                "half_place_units tests the halves of sessions, but halves is None: ask for "
                'halves="trials" or "time", too'
            )
        return self

    @model_validator(mode="after")
    def _tests_something(self) -> Self:
        if 0 < self.shuffles < FEWEST_SHUFFLES:
            raise ValueError(
                f"with shuffles={self.shuffles} no p value can fall below {SIGNIFICANCE}, so that "
                f"no unit would be a place unit: ask for {FEWEST_SHUFFLES} or more, or for 0, "
                "which takes the published threshold"
            )
        return self

    @property
    def directions(self) -> Directions:
        """Whether information is that of place and direction, or of place in each direction."""
        return "apart" if self.direction == "apart" else "joint"

    def place_unit_rule(self) -> str:
        """Say what makes a unit a place unit."""
        where = " in either running direction" if self.direction == "apart" else ""
        if not self.shuffles:
            return f"spatial_information > 0.01 bits/event{where}"
        return (
            f"circular shift p < {SIGNIFICANCE} of {self.shuffles}, at least "
            f"{self.minimum_events:g} events{where}"
        )
