"""Pooling of given weights: how strongly the weights of a unit are correlated, as one number m."""

from __future__ import annotations

import numpy as np

from drift.door import opened
from drift.errors import RefusedInputError


@opened
def measured_pooling(weights: np.ndarray) -> tuple[float, float]:
    """Pooling of a measured weight matrix, with its standard error.

    m = mean over units i of (sum_j w_ij)^2 / sum_j w_ij^2, minus 1; the standard error is that of a
    mean over units.

    Parameters
    ----------
    weights : array
        (unit, input) weights, finite, no unit without any.

    Returns
    -------
    pooling, standard_error : float

    Raises
    ------
    RefusedInputError
        If the matrix is not (unit, input), holds fewer than two units or a unit whose weights are
        all zero or not finite.
    """
    array = np.asarray(weights, dtype=float)
    if array.ndim != 2 or len(array) < 2:
        raise RefusedInputError(
            f"weights must be (unit, input) with at least two units, got shape {array.shape}: "
            "pass one layer."
        )
    square = (array**2).sum(axis=1)
    if not (np.isfinite(square) & (square > 0)).all():
        raise RefusedInputError(
            "weights of a unit are all zero or not finite: leave out units that were not observed."
        )
    ratio = array.sum(axis=1) ** 2 / square
    return float(ratio.mean() - 1.0), float(ratio.std(ddof=1) / np.sqrt(len(ratio)))


@opened
def covariance_pooling(covariance: np.ndarray) -> float:
    """Pooling of weights with a given covariance between the inputs of a unit.

    m = sum_(j != l) C_jl / sum_j C_jj.

    Parameters
    ----------
    covariance : array
        (input, input) C.

    Returns
    -------
    float
        m, at least -1.

    Raises
    ------
    RefusedInputError
        If the matrix is not square or has no variance.
    """
    array = np.asarray(covariance, dtype=float)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not np.trace(array) > 0:
        raise RefusedInputError(
            "covariance must be (input, input) with positive variances, got shape "
            f"{array.shape}: pass one unit's."
        )
    return float(array.sum() / np.trace(array) - 1.0)
