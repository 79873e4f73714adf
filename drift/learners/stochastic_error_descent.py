"""Stochastic error descent (Cauwenberghs 1992): try a random change, keep it in proportion to how
much it helped."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from drift.learners.base import SMALLEST_RATE, Learner, Program


class StochasticErrorDescent(Learner):
    """theta <- theta - learning_rate * (L(theta + xi) - L(theta)) * xi, with a fresh Gaussian trial
    step xi.

    The trial step has standard deviation ``perturbation / sqrt(rows)``: rows are the hidden units
    for input weights and biases, the outputs for output weights. By default the change is divided
    by the variance of the trial step, so that on average it is a gradient step at the learning
    rate; ``faithful=True`` leaves that out, as the published code does, which makes the average
    step ``learning_rate * perturbation**2 / rows`` (Ratzon, Derdikman & Barak 2024).
    """

    takes_gradient: ClassVar[bool] = False
    kind: Literal["stochastic_error_descent"] = "stochastic_error_descent"
    learning_rate: float = Field(default=1e-3, ge=SMALLEST_RATE)
    perturbation: float = Field(default=0.1, ge=1e-9, le=1e6)
    faithful: bool = False

    def learn(self, program: Program) -> None:
        """Take one step."""
        before = program.loss()
        trial = program.perturbation()
        rows = (program.parameters[0].shape[1], program.parameters[1].shape[2])
        for weights, change, count in zip(program.parameters, trial, rows, strict=True):
            change.mul_(program.numbers["perturbation"] / math.sqrt(count))
            weights.add_(change)
        worse = (program.loss() - before) * program.numbers["learning_rate"]
        for weights, change, count in zip(program.parameters, trial, rows, strict=True):
            variance = 1.0 if self.faithful else program.numbers["perturbation"] ** 2 / count
            weights.addcmul_(change, 1 + worse / variance, value=-1)
