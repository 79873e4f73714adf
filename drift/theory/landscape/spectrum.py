"""Curvature without the Hessian: spectra through small Gram matrices, extreme eigenvalues by
Lanczos, and what one says of a spectrum."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigvalsh
from scipy.sparse.linalg import LinearOperator, eigsh

from drift.door import opened
from drift.door.quantities import Count, Seed
from drift.errors import RefusedInputError
from drift.streams import stream
from drift.theory.landscape.curvature import (
    RANK_TOLERANCE,
    Point,
    Spectrum,
    gated_inputs,
    gauss_newton,
    hessian_spectrum,
)

SMALL = 100  # rows below which Lanczos has nothing to gain


@opened
def gram_matrix(point: Point) -> np.ndarray:
    """Curvature seen from the samples: K = (2 / (T D)) J J', whose eigenvalues other than zero are
    those of the Gauss-Newton matrix.

    K = (2 / (T D)) [(h h') x 1_D + G o (X~ X~')], G[(t, o), (t', o')] = sum_j V_jo V_jo' [z_tj > 0]
    [z_t'j > 0].

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (samples x outputs, samples x outputs)
    """
    samples, outputs = point.error.shape
    # (sample x output, active unit)
    gated = (point.gate[:, np.newaxis] * point.outward.T).reshape(samples * outputs, -1)
    blocks = (gated @ gated.T).reshape(samples, outputs, samples, outputs)
    blocks *= (point.inputs @ point.inputs.T)[:, np.newaxis, :, np.newaxis]
    for output in range(outputs):
        blocks[:, output, :, output] += point.hidden @ point.hidden.T
    blocks *= point.scale
    return blocks.reshape(samples * outputs, samples * outputs)


@opened
def gauss_newton_spectrum(point: Point) -> np.ndarray:
    """Eigenvalues of the Gauss-Newton part of the Hessian that can differ from zero.

    Solved in the space of samples and outputs or in that of the active weights, whichever is
    smaller.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (min(samples x outputs, parameters),)
        Ascending, not negative.
    """
    matrix = gram_matrix(point) if point.error.size <= point.rows else gauss_newton(point)
    eigenvalues = (
        eigvalsh(matrix.T, overwrite_a=True, check_finite=False, driver="evd")
        if len(matrix)
        else np.zeros(0)
    )
    size = min(point.error.size, point.parameters)
    return np.pad(np.maximum(eigenvalues, 0.0), (max(size - len(eigenvalues), 0), 0))[-size:]


@opened
def hessian_operator(point: Point) -> LinearOperator:
    """Product of the exact Hessian with a vector, without the Hessian.

    With (w, v) the parts of the vector, dh_t = [z_t > 0] (w x~_t), dyhat = dh V + h v, G = (2 / (T
    D)) E, dG = (2 / (T D)) dyhat: H (w, v) = (sum_t [z_t > 0] (v G_t + V dG_t) x~_t', dh' G + h'
    dG).

    Parameters
    ----------
    point : Point

    Returns
    -------
    scipy.sparse.linalg.LinearOperator, shape (rows, rows)
        In the order of ``drift.theory.landscape.row_index``.
    """
    gate, slope = point.gate, point.scale * point.error
    outputs, units = point.error.shape[1], len(point.outward)

    def product(vector: np.ndarray) -> np.ndarray:
        weights = vector.reshape(units, -1)
        outer, inner = weights[:, :outputs], weights[:, outputs:]
        moved = gate * (point.inputs @ inner.T)  # (sample, active unit)
        bent = point.scale * (moved @ point.outward + point.hidden @ outer)  # (sample, output)
        inward = (gate * (slope @ outer.T + bent @ point.outward.T)).T @ point.inputs
        return np.concatenate([moved.T @ slope + point.hidden.T @ bent, inward], axis=1).ravel()

    return LinearOperator((point.rows, point.rows), matvec=product, dtype=np.float64)


@opened
def largest_eigenvalues(
    point: Point, count: Count = 1, seed: Seed = 0, tolerance: float = 1e-10
) -> np.ndarray:
    """Largest eigenvalues of the exact Hessian, by Lanczos iteration with closed-form products.

    Memory grows with the weights, not with their square.

    Parameters
    ----------
    point : Point
    count : int
        Eigenvalues asked for.
    seed : int
        Of the random start, from the stream ``observation``; the result does not depend on it
        beyond ``tolerance``.
    tolerance : float
        Relative accuracy of each eigenvalue.

    Returns
    -------
    array, shape (count,)
        Ascending.

    Raises
    ------
    RefusedInputError
        If more eigenvalues are asked for than there are weights.
    """
    if not 1 <= count <= point.parameters:
        raise RefusedInputError(
            f"count must lie between 1 and the {point.parameters} weights, got {count}: ask "
            "for fewer eigenvalues."
        )
    if point.rows <= max(SMALL, 4 * count):
        return padded(hessian_spectrum(point))[-count:]
    start = stream(seed, "observation").standard_normal(point.rows)
    eigenvalues = np.sort(
        eigsh(
            hessian_operator(point),
            k=count,
            which="LA",
            v0=start,
            tol=tolerance,
            return_eigenvectors=False,
        )
    )
    return eigenvalues if point.rows == point.parameters else np.maximum(eigenvalues, 0.0)


@opened
def padded(spectrum: Spectrum) -> np.ndarray:
    """Eigenvalues of the whole Hessian, with those that are exactly zero.

    Parameters
    ----------
    spectrum : Spectrum

    Returns
    -------
    array, shape (parameters,)
        Ascending.
    """
    return np.sort(np.pad(spectrum.values, (0, spectrum.parameters - len(spectrum.values))))


@opened
def rank(eigenvalues: np.ndarray, tolerance: float = RANK_TOLERANCE) -> np.ndarray:
    """Number of eigenvalues other than zero.

    Parameters
    ----------
    eigenvalues : array, shape (..., eigenvalue)
        Of the Hessian, or of its Gauss-Newton part; the rank is that of the matrix whose spectrum
        is given.
    tolerance : float
        What counts as zero, relative to the largest magnitude.

    Returns
    -------
    array of int, shape (...)
    """
    size = np.abs(np.asarray(eigenvalues))
    return np.asarray(
        (size > tolerance * size.max(axis=-1, keepdims=True, initial=0.0)).sum(axis=-1)
    )


@opened
def log_pseudo_determinant(
    eigenvalues: np.ndarray, tolerance: float = RANK_TOLERANCE
) -> np.ndarray:
    """Sum of ln lambda over the positive eigenvalues of the rank: what update noise lowers along
    the manifold of solutions.

    Parameters
    ----------
    eigenvalues : array, shape (..., eigenvalue)
        Of the Gauss-Newton matrix.
    tolerance : float
        Eigenvalues below ``tolerance`` times the largest one count as zero.

    Returns
    -------
    array, shape (...)

    References
    ----------
    Li, Wang & Arora 2021, arXiv:2110.06914 (isotropic noise).
    """
    counted = eigenvalues > tolerance * eigenvalues.max(axis=-1, keepdims=True, initial=0.0)
    return np.asarray(np.log(np.where(counted, eigenvalues, 1.0)).sum(axis=-1))


@opened
def fraction_positive_eigenvalues(spectrum: Spectrum, tolerance: float = 1e-12) -> float:
    """The published fraction of "non-zero eigenvalues": eigenvalues above zero as a general solver
    prints them, over all weights.

    Of the zeros that belong to active units, rounding makes about half come out positive; here
    exactly half are counted. The number is therefore about half the fraction of units active in any
    sample, and no rank.

    Parameters
    ----------
    spectrum : Spectrum
        Of the exact Hessian.
    tolerance : float
        What counts as zero, relative to the largest magnitude.

    Returns
    -------
    float

    References
    ----------
    Ratzon, Derdikman & Barak 2024, eLife 13:RP90069, Fig 5B.
    """
    zero = tolerance * np.abs(spectrum.values).max(initial=0.0)
    positive, negative = (spectrum.values > zero).sum(), (spectrum.values < -zero).sum()
    return float((positive + (spectrum.rows - positive - negative) / 2) / spectrum.parameters)


@opened
def jacobian(point: Point) -> np.ndarray:
    """Derivatives of every output for every sample with respect to the weights of the active units.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (samples x outputs, rows)
        Columns in the order of ``drift.theory.landscape.row_index``.
    """
    # (sample, output, unit, output)
    own = point.hidden[:, np.newaxis, :, np.newaxis] * np.eye(point.error.shape[1])[:, np.newaxis]
    # (sample, output, unit, input + 1)
    outer = gated_inputs(point)[:, np.newaxis] * point.outward.T[:, :, np.newaxis]
    return np.concatenate([own, outer], axis=-1).reshape(point.error.size, -1)
