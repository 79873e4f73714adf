"""Checks at the door of kernel regression and its theory: kernels, targets, sizes of the training
set, ridges."""

from __future__ import annotations

import numpy as np

from drift.errors import RefusedInputError
from drift.theory.kernels.checks import checked_number, counted, plain_numbers

# largest asymmetry, and most negative eigenvalue, that counts as rounding, relative to the largest
# entry
SYMMETRY = 1e-8


def symmetric_kernel(kernel: np.ndarray) -> np.ndarray:
    """Return the kernel as a float64 array (point, point) if it is finite, square and symmetric;
    refuse it otherwise."""
    kernel = plain_numbers("kernel", kernel)
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] < 2:
        raise RefusedInputError(
            f"the kernel must have dims (point, point), got shape {kernel.shape}: pass one "
            "square Gram matrix."
        )
    if not np.isfinite(kernel).all():
        raise RefusedInputError(
            "the kernel must be finite, got NaN or infinity: leave out the points that were "
            "not observed."
        )
    asymmetry = float(np.abs(kernel - kernel.T).max())
    if asymmetry > SYMMETRY * float(np.abs(kernel).max()):
        raise RefusedInputError(
            f"the kernel must be symmetric, got entries that differ by {asymmetry:.3g}: pass "
            "(K + K.T) / 2."
        )
    return kernel


def target_matrix(targets: np.ndarray, points: int) -> np.ndarray:
    """Return targets as float64 (point, output) if they are finite and as many as the points;
    refuse them otherwise."""
    targets = plain_numbers("targets", targets)
    if targets.ndim not in (1, 2) or targets.shape[0] != points or targets.size == 0:
        raise RefusedInputError(
            f"targets must have dims (point[, output]) with {points} points, got "
            f"{targets.shape}: match the kernel."
        )
    if not np.isfinite(targets).all():
        raise RefusedInputError(
            "targets must be finite, got NaN or infinity: leave out the points that were not "
            "observed."
        )
    return targets.reshape(points, -1)  # (point, output)


def checked_training(training_points: int, points: float) -> int:
    """Return the number P of training points if 1 <= P < N; refuse it otherwise."""
    training_points = counted("training_points", training_points)
    if not training_points < points:
        raise RefusedInputError(
            f"training_points must be below the {points} points, got {training_points}: leave "
            "points out of training."
        )
    return training_points


def checked_ridge(ridge: float) -> float:
    """Return a ridge if it is finite and not negative; refuse it otherwise."""
    return checked_number("ridge", ridge, 0.0)
