"""What is learned when: several environments together, in blocks or one after the other, and noise
that starts, stops or strikes once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Self

import numpy as np
from pydantic import Field, Strict, model_validator

from drift.door.quantities import Count
from drift.errors import RefusedInputError
from drift.noise import AnyNoise
from drift.recipe import Recipe

MOST_STAGES = 10**5
Environments = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...], Strict(False), Field(min_length=1)
]


class Stage(Recipe):
    """A stretch of learning steps.

    Parameters
    ----------
    steps : int
        How long it lasts.
    environments : sequence of int, optional
        Whose samples are learned meanwhile; all by default.
    noise : sequence of Noise, optional
        Instead of the noise of the recipe; an empty list lets it rest. One step of
        ``UpdateNoise(acts_on="weights")`` is a blow to the weights.
    """

    steps: int = Field(ge=1, le=2**53)
    environments: Environments | None = None
    noise: tuple[AnyNoise, ...] | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        rooms = self.environments
        if rooms is not None and len(set(rooms)) < len(rooms):
            raise ValueError(f"environments name one twice, got {rooms}: name each once")
        return self


class Protocol(Recipe):
    """Stages of learning, one after the other.

    Sessions observe the network in all environments, whether they are learned at that time or not.
    A session at the end of a stage sees what that stage has left.

    Parameters
    ----------
    stages : sequence of Stage
        In their order.
    repeats : bool
        After the last stage begin again with the first; else the last one goes on.
    """

    stages: tuple[Stage, ...] = Field(strict=False, min_length=1, max_length=MOST_STAGES)
    repeats: bool = False

    @classmethod
    def blocks(cls, environments: Count, steps: Count, *, repeats: bool = True) -> Self:
        """Return environments in blocks of so many steps, again and again; with ``repeats=False``
        each once, the last until the end."""
        if environments > MOST_STAGES:
            raise RefusedInputError(
                f"a protocol has at most {MOST_STAGES} stages, got {environments}: take fewer."
            )
        stages = [Stage(steps=steps, environments=(room,)) for room in range(environments)]
        return cls(stages=tuple(stages), repeats=repeats)

    @classmethod
    def novelty(cls, steps: Count, familiar: Sequence[int] = (0,), novel: int = 1) -> Self:
        """Return ``steps`` steps in familiar environments; from then on a novel one beside them."""
        rooms = tuple(familiar)
        return cls(
            stages=(
                Stage(steps=steps, environments=rooms),
                Stage(steps=1, environments=(*rooms, novel)),
            )
        )

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([stage.steps for stage in self.stages])

    def number_of(self, step: int) -> int:
        """Return which stage the step with this number belongs to; the first step has number 0."""
        within = step % int(self._ends[-1]) if self.repeats else step
        return min(int(np.searchsorted(self._ends, within, side="right")), len(self.stages) - 1)

    def next_change(self, step: int) -> int | None:
        """Return the number of the first step after this one that belongs to another stage; None
        where there is none."""
        if len(self.stages) == 1:
            return None
        total = int(self._ends[-1])
        cycle = step // total * total if self.repeats else 0
        number = self.number_of(step)
        if not self.repeats and number == len(self.stages) - 1:
            return None
        return cycle + int(self._ends[number])

    def steps_in(self, environment: int, step: int) -> int:
        """Return how many of the first ``step`` steps learned an environment."""
        of_stage = np.array(
            [
                stage.steps
                if stage.environments is None or environment in stage.environments
                else 0
                for stage in self.stages
            ]
        )
        total = int(self._ends[-1])
        cycles, within = divmod(step, total) if self.repeats else (0, step)
        starts = self._ends - [stage.steps for stage in self.stages]
        lasts = np.clip(within - starts, 0, [stage.steps for stage in self.stages])
        if not self.repeats and step > total:
            lasts[-1] += step - total
        return int(cycles * of_stage.sum() + lasts[of_stage > 0].sum())
