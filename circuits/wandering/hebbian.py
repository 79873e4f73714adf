"""Readout cells that follow a drifting code without a teacher: Hebbian plasticity under homeostasis
and competition (Rule & O'Leary 2022)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from drift.errors import RefusedInputError
from drift.theory.code_drift.following import Followed

TINY = 1e-12


def hebbian_errors(
    codes: np.ndarray,
    targets: np.ndarray,
    *,
    rate: float,
    threshold_rate: float,
    steps: int,
    inertia: float,
    ridge: float,
) -> Followed:
    """Return the errors of a population of readout cells in each session.

    Parameters
    ----------
    codes : numpy.ndarray
        (session, place, unit).
    targets : numpy.ndarray
        (place, output), responses on the first day, not negative.
    rate, threshold_rate, steps, inertia, ridge
        As in ``HebbianHomeostasis``.
    """
    if (targets < 0).any() or not (targets.sum(axis=1) > 0).all() or targets.shape[1] < 2:
        raise RefusedInputError(
            "Hebbian readouts need targets of at least two cells, not negative and above 0 "
            "somewhere at each place: give responses such as bumps over places."
        )
    total = targets.sum(axis=1, keepdims=True)
    codes = codes - codes.mean(axis=1, keepdims=True)  # inhibition takes the mean of each input
    weights, bias = trained(codes[0], targets / total, ridge)
    response = responses(codes[0], weights, bias, total)
    aim = response.mean(axis=0), response.std(axis=0)
    growth = np.linalg.norm(weights, axis=0) / np.maximum(
        np.linalg.norm(codes[0].T @ response, axis=0) / len(targets), TINY
    )
    gain, shift = np.zeros(len(bias)), np.zeros(len(bias))
    errors = []
    for session, code in enumerate(codes):
        response = responses(code, weights, bias, total)
        before = ((targets - response) ** 2).mean()
        for _step in range(steps if session else 0):
            shift = inertia * shift + 1 - response.mean(axis=0) / np.maximum(aim[0], TINY)
            gain = inertia * gain + 1 - response.std(axis=0) / np.maximum(aim[1], TINY)
            grown = growth * (code.T @ response) / len(targets)
            weights = weights + rate * gain * (grown - weights)
            bias = bias + threshold_rate * shift
            response = responses(code, weights, bias, total)
        errors.append((before, ((targets - response) ** 2).mean()))
    return Followed(*np.transpose(errors))


def responses(
    code: np.ndarray, weights: np.ndarray, bias: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """Return responses (place, output) of cells that compete for their sum.

    Parameters
    ----------
    code : numpy.ndarray
        (place, unit).
    weights, bias : numpy.ndarray
        (unit, output) and (output,).
    total : numpy.ndarray
        (place, 1).
    """
    drive = code @ weights + bias
    return total * np.exp(drive - logsumexp(drive, axis=1, keepdims=True))


def trained(code: np.ndarray, shares: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and bias of the least cross entropy with the shares of responses, plus ridge
    |w|^2 / 2.

    Parameters
    ----------
    code : numpy.ndarray
        (place, unit).
    shares : numpy.ndarray
        (place, output), summing to 1 at each place.
    ridge : float
        Above 0.
    """
    places, outputs = shares.shape
    product = code @ code.T

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients = flat[: places * outputs].reshape(places, outputs)
        projected = product @ coefficients
        drive = projected + flat[places * outputs :]
        level = logsumexp(drive, axis=1, keepdims=True)
        surplus = (np.exp(drive - level) - shares) / places
        value = float((shares * (level - drive)).sum() / places)
        value += ridge / 2 * float((coefficients * projected).sum())
        slope = product @ (surplus + ridge * coefficients)
        return value, np.append(slope.ravel(), surplus.sum(axis=0))

    start = np.append(np.zeros(places * outputs), np.log(shares.mean(axis=0) + TINY))
    solution = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    coefficients = solution[: places * outputs].reshape(places, outputs)
    return code.T @ coefficients, solution[places * outputs :]
