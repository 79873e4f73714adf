"""The loss around a network: exact second derivatives of a network with one hidden layer of
rectified units.

For T samples, D outputs and E = yhat - y, the Hessian of the mean squared error with respect to
all weights is

    H = (2 / (T D)) (J'J + B),

where row (t, o) of J holds the derivatives of output o for sample t, and B couples the output
weights of each unit with its own input weights and bias. Everything else vanishes between the
kinks. Units that no sample activates have rows of exact zeros and are left out.

References
----------
Ratzon, Derdikman & Barak 2024, eLife 13:RP90069 (Hessian spectra of networks under noise).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigvalsh

from drift.door import opened
from drift.door.quantities import Threads
from drift.errors import RefusedInputError

RANK_TOLERANCE = 1e-8  # times the largest eigenvalue: what counts as an eigenvalue other than zero
COUPLING_TOLERANCE = (
    1e-13  # times the largest curvature: couplings that rounding cannot tell from zero
)


class Point(NamedTuple):
    """Where a network stands on the landscape of its task, cut down to the units that any sample
    activates."""

    inputs: np.ndarray  # (sample, input + 1), ones last
    error: np.ndarray  # (sample, output), output minus target
    hidden: np.ndarray  # (sample, active unit)
    outward: np.ndarray  # (active unit, output)
    active: np.ndarray  # (unit,) bool

    @property
    def gate(self) -> np.ndarray:
        """1 where a unit is above threshold, else 0; (sample, active unit). At the kink itself it
        is 0."""
        return (self.hidden > 0).astype(float)

    @property
    def scale(self) -> float:
        """2 / (T D)."""
        return 2 / self.error.size

    @property
    def rows(self) -> int:
        """Weights of the active units: the rows of the Hessian that are not identically zero."""
        return len(self.outward) * (self.inputs.shape[1] + self.error.shape[1])

    @property
    def parameters(self) -> int:
        """All weights, P = N (inputs + 1 + outputs)."""
        return len(self.active) * (self.inputs.shape[1] + self.error.shape[1])


class Spectrum(NamedTuple):
    """Eigenvalues of a Hessian; the ``parameters - len(values)`` others are exactly zero."""

    values: np.ndarray  # (eigenvalue,) ascending
    rows: int
    parameters: int


@opened
def network_point(
    inputs: np.ndarray, targets: np.ndarray, inward: np.ndarray, outward: np.ndarray
) -> Point:
    """Return where a network stands on the landscape of its task.

    Parameters
    ----------
    inputs : array, shape (samples, inputs)
    targets : array, shape (samples, outputs)
    inward : array, shape (units, inputs + 1)
        Input weights and, last, the bias of each unit.
    outward : array, shape (units, outputs)
        Output weights of each unit.

    Returns
    -------
    Point

    Raises
    ------
    RefusedInputError
        If shapes do not fit or a number is not finite.
    """
    arrays = [np.asarray(array, dtype=float) for array in (inputs, targets, inward, outward)]
    _check(*arrays)
    inputs, targets, inward, outward = arrays
    extended = np.column_stack([inputs, np.ones(len(inputs))])
    hidden = np.maximum(extended @ inward.T, 0.0)
    active = (hidden > 0).any(axis=0)
    return Point(extended, hidden @ outward - targets, hidden[:, active], outward[active], active)


def _check(
    inputs: np.ndarray, targets: np.ndarray, inward: np.ndarray, outward: np.ndarray
) -> None:
    shapes = [array.shape for array in (inputs, targets, inward, outward)]
    if any(len(shape) != 2 or 0 in shape for shape in shapes) or (
        (len(inputs), inputs.shape[1] + 1, len(inward), targets.shape[1])
        != (len(targets), inward.shape[1], len(outward), outward.shape[1])
    ):
        raise RefusedInputError(
            "inputs (samples, inputs), targets (samples, outputs), inward (units, inputs + 1) "
            "and outward (units, outputs) do not fit, got "
            f"shapes {', '.join(map(str, shapes))}: pass one subject, with the bias in the "
            "last column of inward."
        )
    if not all(np.isfinite(array).all() for array in (inputs, targets, inward, outward)):
        raise RefusedInputError(
            "inputs, targets and weights must be finite, got NaN or infinity: leave out "
            "diverged networks."
        )


@opened
def row_index(point: Point) -> np.ndarray:
    """Place of each row of ``hessian`` in the vector of all weights: first inward, unit by unit,
    then outward, unit by unit.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array of int, shape (rows,)
    """
    units, width, outputs = (
        np.flatnonzero(point.active)[:, np.newaxis],
        point.inputs.shape[1],
        point.error.shape[1],
    )
    own = len(point.active) * width + units * outputs + np.arange(outputs)  # (active unit, output)
    return np.concatenate([own, units * width + np.arange(width)], axis=1).ravel()


@opened
def gated_inputs(point: Point) -> np.ndarray:
    """Derivative of each unit's activity with respect to its own input weights and bias.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (samples, active units, inputs + 1)
        [z_tj > 0] x~_ti with x~ = (x, 1).
    """
    return point.gate[:, :, np.newaxis] * point.inputs[:, np.newaxis]


@opened
def coupling(point: Point) -> np.ndarray:
    """Mixed second derivatives between the output weights of a unit and its own input weights.

    C_j[o, i] = (2 / (T D)) sum_t E_to [z_tj > 0] x~_ti.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (active units, outputs, inputs + 1)
    """
    gated = gated_inputs(point)
    # (output, active unit x input)
    product = point.scale * (point.error.T @ gated.reshape(len(gated), -1))
    return product.reshape(len(product), *gated.shape[1:]).swapaxes(0, 1)


@opened
def gauss_newton(point: Point) -> np.ndarray:
    """First part of the Hessian, (2 / (T D)) J'J, over the weights of the active units.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (rows, rows)
        In the order of ``row_index``.
    """
    outputs, (samples, units, width) = point.error.shape[1], gated_inputs(point).shape
    gated = gated_inputs(point).reshape(samples, -1)
    matrix = np.zeros((units, outputs + width, units, outputs + width))
    within = (gated.T @ gated).reshape(units, width, units, width)
    np.multiply(
        within,
        (point.outward @ point.outward.T)[:, np.newaxis, :, np.newaxis],
        out=matrix[:, outputs:, :, outputs:],
    )
    del within
    across = (point.hidden.T @ gated).reshape(units, units, width)
    for output, outward in enumerate(point.outward.T):
        matrix[:, output, :, output] = point.hidden.T @ point.hidden
        matrix[:, output, :, outputs:] = across * outward[:, np.newaxis]
        matrix[:, outputs:, :, output] = (across * outward[:, np.newaxis]).transpose(1, 2, 0)
    matrix *= point.scale
    return matrix.reshape(point.rows, point.rows)


@opened
def hessian(point: Point) -> np.ndarray:
    """Exact Hessian of the noise-free loss over the weights of the active units; all other rows are
    zero.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (rows, rows)
        In the order of ``row_index``: unit by unit, output weights, input weights, bias.

    References
    ----------
    Closed form between the kinks of the rectifier; equal to automatic differentiation up to
    rounding.
    """
    matrix, (units, outputs) = gauss_newton(point), point.outward.shape
    weights = outputs + point.inputs.shape[1]  # of one unit
    blocks, unit, mixed = (
        matrix.reshape(units, weights, units, weights),
        np.arange(units),
        coupling(point),
    )
    blocks[unit, :outputs, unit, outputs:] += mixed
    blocks[unit, outputs:, unit, :outputs] += mixed.swapaxes(1, 2)
    return matrix


@opened
def hessian_spectrum(point: Point, tolerance: float = COUPLING_TOLERANCE) -> Spectrum:
    """Eigenvalues of the exact Hessian, without those that must be zero.

    In the singular vectors of each unit's coupling C_j = U s V' the second part of H is a set of
    pairs (u, v) with entry s. The directions without a partner carry only J'J, whose rank there is
    at most T D. What remains to be solved has at most 2 sum_j rank(C_j) + T D rows, a third of the
    weights where samples are few, and T D where the task is solved.

    Parameters
    ----------
    point : Point
    tolerance : float
        Couplings below ``tolerance`` times the largest curvature are left out. No eigenvalue moves
        by more than that (Weyl); larger tolerances make large networks faster.

    Returns
    -------
    Spectrum
    """
    if not point.active.any():
        return Spectrum(np.zeros(0), 0, point.parameters)
    left, strength, right = np.linalg.svd(coupling(point))
    own = np.einsum("tj,jok->tojk", point.hidden, left)  # (sample, output, active unit, direction)
    outer = np.einsum(
        "tjk,jo->tojk",
        np.matmul(point.inputs, right.swapaxes(1, 2)).swapaxes(0, 1) * point.gate[:, :, None],
        point.outward,
    )
    own, outer = (
        derivatives.reshape(point.error.size, *derivatives.shape[2:]) * point.scale**0.5
        for derivatives in (own, outer)
    )
    largest = max(
        float((np.square(own).sum((1, 2)) + np.square(outer).sum((1, 2))).max()),
        float(strength.max(initial=0.0)),
    )
    coupled, modes = strength > tolerance * largest, strength.shape[1]
    paired = [derivatives[..., :modes][:, coupled] for derivatives in (own, outer)]
    alone = [
        derivatives[..., modes:].reshape(len(derivatives), -1) for derivatives in (own, outer)
    ] + [derivatives[..., :modes][:, ~coupled] for derivatives in (own, outer)]
    return Spectrum(
        _solved(paired, np.concatenate(alone, axis=1), strength[coupled]),
        point.rows,
        point.parameters,
    )


def _solved(paired: Sequence[np.ndarray], alone: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Eigenvalues in coordinates where couplings are pairs; ``alone`` is replaced by a square root
    of its Gram matrix."""
    if alone.shape[1] > alone.shape[0]:
        alone = np.asarray(np.linalg.qr(alone.T, mode="r")).T
    factor = np.concatenate([*paired, alone], axis=1)
    matrix, pair = factor.T @ factor, np.arange(len(strength))
    matrix[pair, pair + len(strength)] += strength
    matrix[pair + len(strength), pair] += strength
    # Transposed, the matrix lies as LAPACK wants it and is not copied; this driver is the fastest
    # when all eigenvalues are wanted.
    return eigvalsh(matrix.T, overwrite_a=True, check_finite=False, driver="evd")


@opened
def hessian_spectra(points: Sequence[Point], threads: Threads = 1) -> np.ndarray:
    """Eigenvalues of the Hessians of subjects of one shape, with their exact zeros.

    Parameters
    ----------
    points : sequence of Point
        One for each subject.
    threads : int
        Subjects that are solved at the same time.

    Returns
    -------
    array, shape (subjects, parameters)
        Ascending.

    Raises
    ------
    RefusedInputError
        If the subjects have different numbers of weights.
    """
    if len({point.parameters for point in points}) != 1:
        raise RefusedInputError(
            "points must have one number of weights, got "
            f"{sorted({point.parameters for point in points})}: pass subjects of one shape."
        )
    with ThreadPoolExecutor(threads) as pool:
        return np.stack(
            [
                np.sort(np.pad(spectrum.values, (0, spectrum.parameters - len(spectrum.values))))
                for spectrum in pool.map(hessian_spectrum, points)
            ]
        )


@opened
def hessian_trace(point: Point) -> float:
    """Trace of the Hessian, which is that of its first part: tr H = (2 / (T D)) sum_tj (D h_tj^2 +
    |V_j|^2 [z_tj > 0] |x~_t|^2).

    Parameters
    ----------
    point : Point

    Returns
    -------
    float
    """
    reach = np.square(point.inputs).sum(1) @ point.gate  # (active unit,)
    return float(
        point.scale
        * (
            point.error.shape[1] * np.square(point.hidden).sum()
            + reach @ np.square(point.outward).sum(1)
        )
    )
