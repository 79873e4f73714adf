"""Where noise takes a network that has solved its task: the measures of the landscape that it
lowers, drift and diffusion.

Notation: T samples, D outputs, learning rate lr; update noise of standard deviation s on every
gradient, hence sigma = lr s on every weight and step; label noise of variance v, hence c = 2 v / (T
D); lambda_i the eigenvalues of the Gauss-Newton matrix. All laws are of leading order in the noise,
and per step.

References
----------
Blanc, Gupta, Valiant & Valiant 2020, COLT (label noise); Li, Wang & Arora 2021, arXiv:2110.06914
(any noise, slow motion along the manifold); Ratzon, Derdikman & Barak 2024, eLife 13:RP90069.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import lstsq

from drift.door import opened
from drift.errors import RefusedInputError
from drift.theory.landscape.curvature import RANK_TOLERANCE, Point
from drift.theory.landscape.spectrum import gram_matrix, jacobian


@opened
def trace_gradient(point: Point) -> np.ndarray:
    """Slope of the trace of the Hessian, the regulariser of label noise.

    d tr H / dW~_j = (4 / T) sum_t h_tj x~_t, d tr H / dV_j = (4 / (T D)) V_j sum_t [z_tj > 0]
    |x~_t|^2.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (rows,)
        In the order of ``drift.theory.landscape.row_index``; steps in the trace at kinks are not
        seen by a slope.
    """
    inward = 2 * point.error.shape[1] * point.hidden.T @ point.inputs  # (active unit, input + 1)
    reach = np.square(point.inputs).sum(axis=1) @ point.gate  # (active unit,)
    return (
        point.scale
        * np.concatenate([2 * point.outward * reach[:, np.newaxis], inward], axis=1).ravel()
    )


@opened
def log_determinant_gradient(point: Point) -> np.ndarray:
    """Slope of sum_i ln lambda_i, the log pseudo-determinant of the Gauss-Newton matrix and the
    regulariser of update noise.

    Parameters
    ----------
    point : Point

    Returns
    -------
    array, shape (rows,)
        In the order of ``drift.theory.landscape.row_index``.
    """
    return eigenvalue_gradient(point, lambda eigenvalues: 1 / eigenvalues)


@opened
def eigenvalue_gradient(point: Point, weight: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Weighted sum of the slopes of all eigenvalues of the Gauss-Newton matrix, sum_i w(lambda_i)
    grad lambda_i.

    With K = (2 / (T D)) J J' and its eigenvectors q_i, grad lambda_i = (4 / (T D)) q_i' (dJ) J'
    q_i; dJ holds the mixed derivatives between the output weights of a unit and its own input
    weights.

    Parameters
    ----------
    point : Point
    weight : function of an array
        w, of the eigenvalues other than zero.

    Returns
    -------
    array, shape (rows,)
        In the order of ``drift.theory.landscape.row_index``.
    """
    values, vectors = np.linalg.eigh(gram_matrix(point))
    counted = values > RANK_TOLERANCE * values.max(initial=0.0)
    values, vectors = values[counted], vectors[:, counted]
    rows = (vectors * weight(values)) @ (vectors.T @ jacobian(point))
    # (sample, output, active unit, weight)
    derivatives = rows.reshape(*point.error.shape, len(point.outward), -1)
    own, inner = derivatives[..., : point.error.shape[1]], derivatives[..., point.error.shape[1] :]
    inward = np.einsum("tojo,tj,ti->ji", own, point.gate, point.inputs, optimize=True)
    outward = np.einsum("toji,tj,ti->jo", inner, point.gate, point.inputs, optimize=True)
    return np.asarray(2 * point.scale * np.concatenate([outward, inward], axis=1).ravel())


@opened
def along_manifold(point: Point, direction: np.ndarray) -> np.ndarray:
    """Part of a direction that leaves all outputs unchanged to first order: the part along the
    manifold of solutions.

    Parameters
    ----------
    point : Point
    direction : array, shape (rows,)

    Returns
    -------
    array, shape (rows,)
    """
    derivatives = jacobian(point)
    if direction.shape != derivatives.shape[1:]:
        rows = derivatives.shape[1]
        raise RefusedInputError(
            f"direction must have one number for each of {rows} weights, got shape "
            f"{direction.shape}: see jacobian."
        )
    across = lstsq(
        derivatives, derivatives @ direction, cond=RANK_TOLERANCE**0.5, lapack_driver="gelsy"
    )[0]
    return np.asarray(direction - across)


@opened
def update_noise_drift(point: Point, learning_rate: float, std: float) -> np.ndarray:
    """Mean motion along the manifold per step under update noise: -(sigma^2 / 4) sum_i grad
    lambda_i / (lambda_i (1 - lr lambda_i / 2)).

    With small learning rates this is -(sigma^2 / 4) times the slope of the log pseudo-determinant.
    On top of it the network diffuses in every direction of the manifold, with variance sigma^2 per
    step.

    Parameters
    ----------
    point : Point
        On the manifold, or near it.
    learning_rate, std : float
        lr and s.

    Returns
    -------
    array, shape (rows,)
        In the order of ``drift.theory.landscape.row_index``.

    Raises
    ------
    RefusedInputError
        At the edge of stability.
    """
    stability = _stability(learning_rate)
    slope = eigenvalue_gradient(point, lambda values: 1 / (values * stability(values)))
    return -((learning_rate * std) ** 2) / 4 * along_manifold(point, slope)


@opened
def label_noise_drift(point: Point, learning_rate: float, variance: float) -> np.ndarray:
    """Motion along the manifold per step under label noise: -(lr^2 c / 4) sum_i grad lambda_i / (1
    - lr lambda_i / 2).

    With small learning rates this is -(lr^2 c / 4) times the slope of tr H. There is no diffusion
    to leading order.

    Parameters
    ----------
    point : Point
        On the manifold, or near it.
    learning_rate, variance : float
        lr and v.

    Returns
    -------
    array, shape (rows,)
        In the order of ``drift.theory.landscape.row_index``.

    Raises
    ------
    RefusedInputError
        At the edge of stability.
    """
    stability = _stability(learning_rate)
    strength = learning_rate**2 * variance / (2 * point.error.size)  # lr^2 c / 4
    return -strength * along_manifold(
        point, eigenvalue_gradient(point, lambda values: 1 / stability(values))
    )


def _stability(learning_rate: float) -> Callable[[np.ndarray], np.ndarray]:
    def distance(eigenvalues: np.ndarray) -> np.ndarray:
        """Return 1 - lr lambda / 2, which noise makes variances grow with the inverse of."""
        if eigenvalues.size and not learning_rate * eigenvalues[-1] < 2:
            raise RefusedInputError(
                f"the largest eigenvalue {eigenvalues[-1]:.4g} lies beyond the edge of "
                f"stability {2 / learning_rate:.4g}, where no motion "
                "along the manifold is predicted: lower the learning rate or take an earlier "
                "session."
            )
        return np.asarray(1 - learning_rate * eigenvalues / 2)

    return distance


@opened
def label_noise_trace_change(point: Point, learning_rate: float, variance: float) -> float:
    """Change of the trace of the Hessian per step under label noise, between kinks: its slope along
    ``label_noise_drift``.

    Parameters
    ----------
    point : Point
    learning_rate, variance : float
        lr and v.

    Returns
    -------
    float
    """
    return float(label_noise_drift(point, learning_rate, variance) @ trace_gradient(point))


@opened
def update_noise_trace_change(point: Point, learning_rate: float, std: float) -> float:
    """Mean change of the trace of the Hessian per step under update noise, between kinks: diffusion
    raises it, drift lowers it.

    d tr H / dt = drift . grad tr H + (sigma^2 / 2) [tr(Pi grad grad tr H) - grad tr H . J^+ tr(Pi
    grad grad yhat)], Pi the projector on the manifold; the last term is the curvature of the
    manifold, that is, J^+ tr(...) is its mean curvature.

    Parameters
    ----------
    point : Point
    learning_rate, std : float
        lr and s.

    Returns
    -------
    float
    """
    strength, right = np.linalg.svd(jacobian(point), full_matrices=False)[1:]
    normal = right[strength > RANK_TOLERANCE**0.5 * strength.max(initial=0.0)]  # (direction, rows)
    slope, outputs, gate, inputs = (
        trace_gradient(point),
        point.error.shape[1],
        point.gate,
        point.inputs,
    )
    normal_weights = normal.reshape(len(normal), len(point.outward), -1)
    own, inner = normal_weights[..., :outputs], normal_weights[..., outputs:]
    reach = np.square(inputs).sum(axis=1) @ gate  # (active unit,)
    # (sample, direction, active unit)
    reached = np.einsum("ti,qji->tqj", inputs, inner, optimize=True) * gate[:, np.newaxis]
    across = outputs * np.square(reached).sum() + (np.square(own).sum(axis=(0, 2)) * reach).sum()
    # tr(Pi grad grad yhat)
    bend = -2 * np.einsum("qjo,tqj->to", own, reached, optimize=True).ravel()
    curvature = lstsq(jacobian(point), bend, cond=RANK_TOLERANCE**0.5, lapack_driver="gelsy")[0]
    diffusion = 2 * point.scale * (2 * outputs * reach.sum() - across) - slope @ curvature
    return float(
        update_noise_drift(point, learning_rate, std) @ slope
        + (learning_rate * std) ** 2 / 2 * diffusion
    )
