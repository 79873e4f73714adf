"""How far noise keeps a network from having solved its task, and how soon it moves: laws of the
curvature alone.

Notation: T samples, D outputs, learning rate lr; update noise of standard deviation s on every
gradient; label noise of variance v, hence c = 2 v / (T D); lambda_i the eigenvalues of the
Gauss-Newton matrix. All laws are of leading order in the noise.

References
----------
Blanc, Gupta, Valiant & Valiant 2020, COLT; Li, Wang & Arora 2021, arXiv:2110.06914; Ratzon,
Derdikman & Barak 2024, eLife 13:RP90069.
"""

from __future__ import annotations

import numpy as np

from drift.door import opened
from drift.door.quantities import Count, NoiseSize, Size, Unbounded
from drift.errors import RefusedInputError
from drift.theory.landscape.curvature import RANK_TOLERANCE


@opened
def edge_of_stability(learning_rate: Size) -> float:
    """Largest curvature that gradient descent can rest on, 2 / lr: noise drives the curvature up to
    it, and instability back.

    Parameters
    ----------
    learning_rate : float

    Returns
    -------
    float
    """
    return 2 / learning_rate


@opened
def update_noise_loss(
    eigenvalues: np.ndarray, learning_rate: Size, std: NoiseSize, steps: Unbounded = np.inf
) -> float:
    """Mean loss that update noise sustains: L = (lr s^2 / 4) sum_i [1 - (1 - lr lambda_i)^(2 t)] /
    (1 - lr lambda_i / 2).

    The sum runs over the rank; the bracket is what t steps of noise have built up, 1 in the long
    run. Near the edge of stability the law predicts too much, beyond it the loss is not bounded.

    Parameters
    ----------
    eigenvalues : array, shape (eigenvalue,)
        Of the Gauss-Newton matrix.
    learning_rate : float
    std : float
        s, of the noise on the gradient; noise on the weights has s = std / lr.
    steps : float
        t, since the noise began.

    Returns
    -------
    float
        Infinite beyond the edge of stability.
    """
    counted, built = _excited(eigenvalues, learning_rate, steps)
    return _sum(learning_rate * std**2 / 4 * built, 1 - learning_rate * counted / 2)


@opened
def label_noise_loss(
    eigenvalues: np.ndarray,
    learning_rate: Size,
    variance: NoiseSize,
    labels: Count,
    steps: Unbounded = np.inf,
) -> float:
    """Mean loss that label noise sustains: L = (lr c / 4) sum_i lambda_i [1 - (1 - lr lambda_i)^(2
    t)] / (1 - lr lambda_i / 2).

    With small learning rates and many steps this is lr v tr(H) / (2 T D).

    Parameters
    ----------
    eigenvalues : array, shape (eigenvalue,)
        Of the Gauss-Newton matrix.
    learning_rate : float
    variance : float
        v.
    labels : int
        T D, samples times outputs.
    steps : float
        t, since the noise began.

    Returns
    -------
    float
        Infinite beyond the edge of stability.
    """
    counted, built = _excited(eigenvalues, learning_rate, steps)
    return _sum(
        learning_rate * variance / (2 * labels) * counted * built, 1 - learning_rate * counted / 2
    )


def _excited(
    eigenvalues: np.ndarray, learning_rate: float, steps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of the rank, and the share of its stationary variance that each mode has
    reached."""
    if not learning_rate > 0 or not steps >= 0:
        raise RefusedInputError(
            f"learning_rate must be above 0 and steps not negative, got {learning_rate} and "
            f"{steps}."
        )
    counted = eigenvalues[eigenvalues > RANK_TOLERANCE * eigenvalues.max(initial=0.0)]
    factor = np.minimum(np.abs(1 - learning_rate * counted), 1.0)
    return counted, 1 - factor ** (2 * steps) if np.isfinite(steps) else np.ones_like(counted)


def _sum(numerator: np.ndarray, stability: np.ndarray) -> float:
    return float((numerator / stability).sum()) if (stability > 0).all() else float("inf")


@opened
def squared_norm_growth(parameters: int, learning_rate: Size, std: NoiseSize) -> float:
    """Growth of the sum of all squared weights per step under update noise: P (lr s)^2, without
    end.

    Parameters
    ----------
    parameters : int
        P.
    learning_rate, std : float
        lr and s.

    Returns
    -------
    float
    """
    return parameters * (learning_rate * std) ** 2


@opened
def update_noise_time(learning_rate: Size, std: Size) -> float:
    """Time scale of drift under update noise in steps, 1 / (lr s)^2; sparsification follows it with
    a task-dependent factor.

    Parameters
    ----------
    learning_rate, std : float
        lr and s.

    Returns
    -------
    float
    """
    return 1 / (learning_rate * std) ** 2


@opened
def label_noise_time(learning_rate: Size, variance: Size) -> float:
    """Time scale of drift under label noise in steps, 1 / (lr^2 v).

    Parameters
    ----------
    learning_rate, variance : float
        lr and v.

    Returns
    -------
    float
    """
    return 1 / (learning_rate**2 * variance)
