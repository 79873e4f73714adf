"""Objectives of a network as noise theory needs them: value, slope and half the Hessian in its
outputs.

Notation: y outputs, t targets, H the Hessian of the objective in y; d_j the output weights and w_j
the input weights of unit j.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch

from drift.errors import RefusedInputError


class Objective(ABC):
    """What a network minimises for one sample; all results are (sample,) or (sample or 1, ...)."""

    @abstractmethod
    def check_targets(self, targets: torch.Tensor) -> None:
        """Refuse targets (sample, output) that the objective is not made for."""

    @abstractmethod
    def scale(self, outputs: int) -> float:
        """Return what the objective is divided by in training: the mean over outputs or none."""

    @abstractmethod
    def value(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the objective, (sample,)."""

    @abstractmethod
    def slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the gradient in the outputs, (sample, output)."""

    @abstractmethod
    def quadratic(self, outputs: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Return v.Hv / 2 for a step v (sample, output), (sample,)."""

    @abstractmethod
    def of_units(self, outputs: torch.Tensor, output_weights: torch.Tensor) -> torch.Tensor:
        """Return d_j.H d_j / 2, (sample or 1, unit)."""

    @abstractmethod
    def of_pairs(
        self, outputs: torch.Tensor, output_weights: torch.Tensor, pairs: torch.Tensor
    ) -> torch.Tensor:
        """Return d_i.H d_j / 2 for pairs (2, pair) of units, (sample or 1, pair)."""

    @abstractmethod
    def of_jacobian(
        self,
        outputs: torch.Tensor,
        output_weights: torch.Tensor,
        input_weights: torch.Tensor,
        gate: torch.Tensor,
    ) -> torch.Tensor:
        """Return tr(J' H J) / 2 of the Jacobian J = D diag(gate) W with gates (sample, unit),
        (sample,)."""


@final
class SquaredError(Objective):
    """Sum of squares over outputs, |y - t|^2, for which H / 2 is the identity."""

    def check_targets(self, targets: torch.Tensor) -> None:
        """Any numbers will do."""

    def scale(self, outputs: int) -> float:
        """Return the number of outputs: training takes the mean over them."""
        return float(outputs)

    def value(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return |y - t|^2."""
        return (outputs - targets).square().sum(dim=-1)

    def slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return 2 (y - t)."""
        return 2 * (outputs - targets)

    def quadratic(self, outputs: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Return |v|^2."""
        return step.square().sum(dim=-1)

    def of_units(self, outputs: torch.Tensor, output_weights: torch.Tensor) -> torch.Tensor:
        """Return |d_j|^2, (1, unit)."""
        return output_weights.square().sum(dim=0, keepdim=True)

    def of_pairs(
        self, outputs: torch.Tensor, output_weights: torch.Tensor, pairs: torch.Tensor
    ) -> torch.Tensor:
        """Return d_i.d_j, (1, pair)."""
        return (output_weights.T @ output_weights)[pairs[0], pairs[1]].unsqueeze(0)

    def of_jacobian(
        self,
        outputs: torch.Tensor,
        output_weights: torch.Tensor,
        input_weights: torch.Tensor,
        gate: torch.Tensor,
    ) -> torch.Tensor:
        """Return |J|^2 = gate' ((D'D) o (WW')) gate."""
        # (unit, unit)
        shared = (output_weights.T @ output_weights) * (input_weights @ input_weights.T)
        return ((gate @ shared) * gate).sum(dim=-1)


@final
class CrossEntropy(Objective):
    """Cross-entropy of softmax outputs, -sum_k t_k ln p_k, for which H = diag p - p p'; targets are
    probabilities of classes."""

    def check_targets(self, targets: torch.Tensor) -> None:
        """Refuse targets that are no probabilities."""
        if bool((targets < 0).any()) or bool((targets.sum(dim=-1) - 1).abs().max() > 1e-4):
            raise RefusedInputError(
                "targets of cross_entropy must be probabilities that sum to 1, got others: "
                "give one-hot rows of classes."
            )

    def scale(self, outputs: int) -> float:
        """Return 1: there is one choice a sample, whatever the classes."""
        return 1.0

    def value(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return -sum_k t_k ln p_k."""
        return -(targets * outputs.log_softmax(dim=-1)).sum(dim=-1)

    def slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return p - t."""
        return outputs.softmax(dim=-1) - targets

    def quadratic(self, outputs: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Return half the variance of v under p."""
        probabilities = outputs.softmax(dim=-1)
        return 0.5 * (
            probabilities * (step - (probabilities * step).sum(dim=-1, keepdim=True)).square()
        ).sum(dim=-1)

    def of_units(self, outputs: torch.Tensor, output_weights: torch.Tensor) -> torch.Tensor:
        """Return half the variance of d_j under p, (sample, unit)."""
        probabilities = outputs.softmax(dim=-1)
        return 0.5 * (
            probabilities @ output_weights.square() - (probabilities @ output_weights).square()
        )

    def of_pairs(
        self, outputs: torch.Tensor, output_weights: torch.Tensor, pairs: torch.Tensor
    ) -> torch.Tensor:
        """Return half the covariance of d_i and d_j under p, (sample, pair)."""
        probabilities, (first, second) = (
            outputs.softmax(dim=-1),
            (output_weights[:, pairs[0]], output_weights[:, pairs[1]]),
        )
        return 0.5 * (
            probabilities @ (first * second) - (probabilities @ first) * (probabilities @ second)
        )

    def of_jacobian(
        self,
        outputs: torch.Tensor,
        output_weights: torch.Tensor,
        input_weights: torch.Tensor,
        gate: torch.Tensor,
    ) -> torch.Tensor:
        """Return half the variance of the rows of J under p, summed over inputs."""
        probabilities = outputs.softmax(dim=-1).unsqueeze(-1)  # (sample, output, 1)
        rows = (output_weights * gate.unsqueeze(-2)) @ input_weights  # (sample, output, input)
        return 0.5 * (
            probabilities * (rows - (probabilities * rows).sum(dim=-2, keepdim=True)).square()
        ).sum(dim=(-2, -1))


OBJECTIVES: dict[str, Objective] = {
    "squared_error": SquaredError(),
    "cross_entropy": CrossEntropy(),
}
