"""What dropout of units makes of a linear layer: a ridge."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from drift.door import opened
from drift.door.quantities import Axes, Range
from drift.errors import RefusedInputError

Hidden = Annotated[np.ndarray, Axes("sample", "unit")]
Targets = Annotated[np.ndarray, Axes("sample", "output")]
OutputWeights = Annotated[np.ndarray, Axes("unit", "output")]
Dropped = Annotated[float, Range(0, 1, below=True)]


@opened
def dropout_loss(
    hidden: Hidden, targets: Targets, output_weights: OutputWeights, probability: Dropped
) -> float:
    """Mean over all masks of the squared error of a linear readout under dropout of its units.

    E |y - sum_j m_j h_j V_j / (1 - p)|^2 = |y - h V|^2 + p / (1 - p) sum_j h_j^2 |V_j|^2, as a mean
    over samples and outputs; m_j is 0 with probability p, drawn for each sample.

    Parameters
    ----------
    hidden : numpy.ndarray
        H (sample, unit).
    targets : numpy.ndarray
        Y (sample, output).
    output_weights : numpy.ndarray
        V (unit, output).
    probability : float
        p, at least 0 and below 1.

    Returns
    -------
    float

    References
    ----------
    Srivastava et al. 2014 (section 9.1); sampled twin ``sampled_dropout_loss``.
    """
    plain = np.square(hidden @ output_weights - targets).mean()
    squares = np.square(hidden).sum(0) @ np.square(output_weights).sum(1)
    return float(plain + probability / (1 - probability) * squares / targets.size)


@opened
def dropout_readout(hidden: Hidden, targets: Targets, probability: Dropped) -> np.ndarray:
    """Output weights of least mean loss under dropout of units, (H'H + p / (1 - p) diag(H'H))^-1
    H'Y.

    Parameters
    ----------
    hidden, targets, probability
        As for ``dropout_loss``.

    Returns
    -------
    numpy.ndarray
        V (unit, output); of units that are always silent 0.

    Raises
    ------
    RefusedInputError
        If without dropout the units do not determine the weights.
    """
    products, answer = hidden.T @ hidden, np.zeros((hidden.shape[1], targets.shape[1]))
    ridge = products + probability / (1 - probability) * np.diag(np.diag(products))
    heard = np.diag(products) > 0
    try:
        answer[heard] = np.linalg.solve(ridge[np.ix_(heard, heard)], hidden[:, heard].T @ targets)
    except np.linalg.LinAlgError:
        raise RefusedInputError(
            f"{heard.sum()} units do not determine a readout of {len(hidden)} samples: give a "
            "probability above 0, or fewer units."
        ) from None
    return answer
