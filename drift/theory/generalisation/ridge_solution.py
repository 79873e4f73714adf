"""Coefficients of kernel ridge regression, also where inputs are equal, or a word that the kernel
does not determine them."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

# Equal inputs leave eigenvalues of rounding, not of 0: up to 4e-15, and 1.5e-7 after a cast to
# single
# precision (copies among 10 to 500 points, 1 to 3 layers, active fractions of .1 and .5).
NOTHING = {"float64": 1e-11, "float32": 3e-6}  # in units of the largest diagonal entry
ITERATIONS = 4


def ridge_coefficients(kernel: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    """Return (K + lambda I)^-1 y by Cholesky factors; its limit for a small ridge where inputs are
    equal.

    Points that the kernel cannot tell apart count as one point with the mean of their targets and
    the ridge lambda / m for m of them, which is the same solution; one of them gets the coefficient
    of all.

    Parameters
    ----------
    kernel : numpy.ndarray
        K, (point, point) symmetric, in the precision of the factors.
    targets : numpy.ndarray
        y, (point, output).
    ridge : float
        lambda, in units of the kernel.

    Returns
    -------
    numpy.ndarray
        (point, output).

    Raises
    ------
    scipy.linalg.LinAlgError
        If an eigenvalue is still 0 to rounding, which would then decide the answer, or all points
        are one.
    """
    targets = targets.astype(kernel.dtype)
    try:
        return _solved(kernel, targets, np.full(len(kernel), ridge))
    except LinAlgError:
        first = _first_equal(kernel)
        representatives, group, size = np.unique(first, return_inverse=True, return_counts=True)
        if representatives.size in (1, len(kernel)):
            raise
    means = np.zeros((representatives.size, targets.shape[1]), kernel.dtype)
    np.add.at(means, group, targets / size[group, np.newaxis])
    coefficients = np.zeros_like(targets)
    coefficients[representatives] = _solved(
        kernel[np.ix_(representatives, representatives)], means, ridge / size
    )
    return coefficients


def _first_equal(kernel: np.ndarray) -> np.ndarray:
    """(point) first point at no distance, K_ii + K_jj - 2 K_ij, from each."""
    power = np.diagonal(kernel)
    apart = power[:, np.newaxis] + power - 2 * kernel
    return (apart <= NOTHING[kernel.dtype.name] * power.max()).argmax(axis=1)


def _solved(kernel: np.ndarray, targets: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Solution of a kernel whose smallest eigenvalue is told from 0."""
    regularised = kernel.copy()
    regularised.flat[:: len(regularised) + 1] += ridge
    factor, lower = cho_factor(regularised, lower=True, check_finite=False)
    if _smallest_eigenvalue(factor) < NOTHING[kernel.dtype.name] * float(
        np.diagonal(regularised).max()
    ):
        raise LinAlgError("an eigenvalue is 0 to rounding")
    return np.asarray(cho_solve((factor, lower), targets, check_finite=False))


def _smallest_eigenvalue(factor: np.ndarray) -> float:
    """Smallest eigenvalue of L L^T by inverse iteration from the smallest pivot.

    The estimate of LAPACK begins with the vector of ones, to which the difference of two equal
    points is orthogonal: it misses just these eigenvalues, a hundredfold.
    """
    vector = np.zeros(len(factor), factor.dtype)
    vector[np.argmin(np.diagonal(factor))] = 1.0
    norm = 1.0
    for _iteration in range(ITERATIONS):
        vector = cho_solve((factor, True), vector / factor.dtype.type(norm), check_finite=False)
        norm = float(np.linalg.norm(vector))
    return 1 / norm if np.isfinite(norm) else 0.0
