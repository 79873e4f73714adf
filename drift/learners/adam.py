"""Adam (Kingma & Ba 2015): steps scaled by running moments of the gradient."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drift.learners.base import SMALLEST_RATE, Learner, Program


class Adam(Learner):
    """theta <- theta - learning_rate * m / (sqrt(v) + epsilon), with bias-corrected first and
    second moments m and v.

    Noise that acts on the gradient enters before the moments.
    """

    kind: Literal["adam"] = "adam"
    learning_rate: float = Field(default=1e-3, ge=SMALLEST_RATE)
    first_decay: float = Field(default=0.9, ge=0, lt=1)
    second_decay: float = Field(default=0.999, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, ge=1e-30)

    def remembers(self) -> tuple[str, ...]:
        """Return the names of the moments."""
        return ("first_moment", "second_moment")

    def learn(self, program: Program) -> None:
        """Take one step."""
        if program.alone:
            self._learn_alone(program)
            return
        numbers, updates = program.numbers, program.step + 1
        first, second = numbers["first_decay"], numbers["second_decay"]
        step = numbers["learning_rate"] / (1 - first**updates)
        scale = (1 - second**updates).sqrt()
        moments = (program.memory[name] for name in self.remembers())
        for weights, slope, mean, square in zip(
            program.parameters, self.slopes(program), *moments, strict=True
        ):
            mean.mul_(first).addcmul_(slope, 1 - first)
            square.mul_(second).addcmul_(slope * slope, 1 - second)
            weights.sub_(mean * step / (square.sqrt() / scale + numbers["epsilon"]))

    def _learn_alone(self, program: Program) -> None:
        """Take the step of a single network in one pass over its weights."""
        import torch
        from torch.optim.adam import adam

        first, second = (program.memory[name] for name in self.remembers())
        updates = [
            torch.full((), float(program.step), device=weights.device)
            for weights in program.parameters
        ]
        numbers = {
            "beta1": self.first_decay,
            "beta2": self.second_decay,
            "lr": self.learning_rate,
            "eps": self.epsilon,
        }
        plain = {"amsgrad": False, "maximize": False, "weight_decay": 0.0}
        adam(
            program.parameters,
            self.slopes(program),
            first,
            second,
            [],
            updates,
            fused=True,
            **plain,  # type: ignore[arg-type]
            **numbers,  # type: ignore[arg-type]
        )
