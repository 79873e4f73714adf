"""Gradient descent on the full batch; what makes it stochastic is the noise of the recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drift.learners.base import SMALLEST_RATE, Learner, Program


class SGD(Learner):
    """theta <- theta - learning_rate * gradient, without momentum."""

    kind: Literal["sgd"] = "sgd"
    learning_rate: float = Field(default=0.1, ge=SMALLEST_RATE)

    def learn(self, program: Program) -> None:
        """Take one step."""
        for weights, slope in zip(program.parameters, self.slopes(program), strict=True):
            weights.addcmul_(slope, program.numbers["learning_rate"], value=-1)
