"""Finite networks behind the kernels: exact Top-K layers with really correlated weights, one seed
at a time.

A layer is a matrix (input, unit): the answers of N units to each of a few inputs. Correlated
weights are drawn in two ways that have one law: ``gram`` draws the preactivations of the next
layer, given the activity, as independent Gaussian vectors with covariance sigma^2 phi C phi^T / N;
``explicit`` draws the N x N weights themselves, some rows at a time.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from drift.errors import RefusedInputError
from drift.theory.kernels.checks import checked_number

ENTRIES = 1 << 22  # weights held at a time: 32 MiB
CORRELATED = ("local", "global")
DRAWN = ("gram", "explicit")
VARIANTS = ("subtract", "keep", "binary")


def boxed(values: np.ndarray, window: int) -> np.ndarray:
    """Return sums over a ring of neighbours, divided by sqrt(window): pooling, or the box filter of
    correlated weights.

    Parameters
    ----------
    values : numpy.ndarray
        (..., unit).
    window : int
        z, neighbouring units.

    Returns
    -------
    numpy.ndarray
        (..., unit) with the variance of ``values`` where these are independent.
    """
    return (
        values
        if window == 1
        else np.sqrt(window) * uniform_filter1d(values, window, axis=-1, mode="wrap")
    )


def top_k(
    preactivation: np.ndarray, active_fraction: float, variant: str = "subtract"
) -> np.ndarray:
    """Exact Top-K of each row: the k = round(f N) largest answer, the others are silent.

    Parameters
    ----------
    preactivation : numpy.ndarray
        (..., unit).
    active_fraction : float
        f with 1 <= k < N.
    variant : str
        Active units answer what they have above the (k + 1)-th largest (``subtract``), what they
        have (``keep``), or 1 (``binary``).

    Returns
    -------
    numpy.ndarray
        (..., unit).

    Raises
    ------
    RefusedInputError
        If no unit or every unit would be active, or the variant is unknown.
    """
    units = preactivation.shape[-1]
    if variant not in VARIANTS:
        raise RefusedInputError(
            f"variant {variant!r} is unknown: use one of {', '.join(VARIANTS)}."
        )
    active = round(checked_number("active_fraction", active_fraction) * units)
    if not 0 < active < units:
        raise RefusedInputError(
            f"active_fraction {active_fraction} leaves {active} of {units} units active: give "
            f"1 to {units - 1}."
        )
    border = np.partition(preactivation, units - active - 1, axis=-1)[
        ..., units - active - 1, np.newaxis
    ]
    if variant == "subtract":
        return np.maximum(preactivation - border, 0.0)
    return np.where(preactivation > border, preactivation if variant == "keep" else 1.0, 0.0)


def gram(activity: np.ndarray, pooling: float, correlated: str) -> np.ndarray:
    """Covariance of the next preactivations over sigma^2, phi C phi^T / N.

    Parameters
    ----------
    activity : numpy.ndarray
        (input, unit) phi.
    pooling : float
        m; whole for ``local`` correlation.
    correlated : str
        ``local``: box of m + 1 neighbours on a ring; ``global``: C_jl = m / (N - 1) for all pairs.

    Returns
    -------
    numpy.ndarray
        (input, input).
    """
    units = activity.shape[-1]
    if correlated == "local":
        summed = boxed(activity, round(pooling) + 1)
        return summed @ summed.T / units
    shared, total = pooling / (units - 1), activity.sum(axis=-1)
    return ((1.0 - shared) * (activity @ activity.T) + shared * np.outer(total, total)) / units


def gaussian(covariance: np.ndarray, units: int, generator: np.random.Generator) -> np.ndarray:
    """Return (input, unit) independent Gaussian vectors over units with a covariance (input, input)
    that may be singular."""
    power, mode = np.linalg.eigh(covariance)
    return (mode * np.sqrt(np.clip(power, 0.0, None))) @ generator.standard_normal(
        (len(covariance), units)
    )


def weight_rows(
    rows: int,
    inputs: int,
    pooling: float,
    correlated: str,
    generator: np.random.Generator,
    postsynaptic_window: int = 1,
) -> np.ndarray:
    """Weights of unit variance, correlated between the inputs of a unit and between neighbouring
    units.

    Cov(W_ij, W_kl) = max(1 - |i - k| / z_h, 0) C_jl, C as in ``gram``, all indices on a ring.

    Parameters
    ----------
    rows, inputs : int
        Units and their inputs.
    pooling : float
        m of C.
    correlated : str
        ``local`` or ``global``.
    generator : numpy.random.Generator
        Source of the draws.
    postsynaptic_window : int
        z_h.

    Returns
    -------
    numpy.ndarray
        (unit, input).
    """
    normal = generator.standard_normal((rows, inputs))
    if correlated == "local":
        weights = boxed(normal, round(pooling) + 1)
    else:
        shared = pooling / (inputs - 1)  # sqrt(C) = a (I - 1 1^T / N) + b 1 1^T / N
        mean = normal.mean(axis=1, keepdims=True)
        weights = np.sqrt(1.0 - shared) * (normal - mean) + np.sqrt(max(1.0 + pooling, 0.0)) * mean
    return boxed(weights.T, postsynaptic_window).T


def next_preactivation(
    activity: np.ndarray,
    variance: float,
    pooling: float,
    correlated: str,
    weights: str,
    generator: np.random.Generator,
) -> np.ndarray:
    """Preactivations of the next layer.

    Parameters
    ----------
    activity : numpy.ndarray
        (input, unit).
    variance : float
        sigma^2: weights have variance sigma^2 / N.
    pooling, correlated
        As in ``gram``.
    weights : str
        ``gram`` or ``explicit``.
    generator : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    numpy.ndarray
        (input, unit) as many units as before.
    """
    units = activity.shape[-1]
    if weights == "gram":
        return gaussian(variance * gram(activity, pooling, correlated), units, generator)
    rows = max(1, ENTRIES // units)
    blocks = [
        weight_rows(min(rows, units - first), units, pooling, correlated, generator) @ activity.T
        for first in range(0, units, rows)
    ]
    return np.sqrt(variance / units) * np.concatenate(blocks).T


def check_network(
    correlation: np.ndarray,
    pooling: float,
    units: int,
    windows: tuple[int, ...],
    choices: dict[str, str],
) -> None:
    """Refuse what cannot be drawn: no Gram matrix, windows wider than the layer, unknown words,
    broken neighbours."""
    for name, options in (("correlated", CORRELATED), ("weights", DRAWN)):
        if choices[name] not in options:
            raise RefusedInputError(
                f"{name} {choices[name]!r} is unknown: use one of {', '.join(options)}."
            )
    if (
        correlation.ndim != 2
        or correlation.shape[0] != correlation.shape[1]
        or not np.allclose(correlation, correlation.T)
    ):
        raise RefusedInputError(
            "correlation must be a symmetric (input, input) matrix, got shape "
            f"{correlation.shape}: pass x x^T."
        )
    if not np.allclose(correlation.diagonal(), 1.0, rtol=0, atol=1e-6):
        raise RefusedInputError(
            "correlation must have a diagonal of ones: divide covariances by both standard "
            "deviations."
        )
    if np.linalg.eigvalsh(correlation)[0] < -1e-8 * len(correlation):
        raise RefusedInputError(
            "correlation has negative eigenvalues: no inputs have these correlations, pass "
            "those of real ones."
        )
    if max(windows) > units:
        raise RefusedInputError(
            f"a window of {max(windows)} units does not fit into a layer of {units}: give "
            "more units."
        )
    if choices["correlated"] == "local" and (pooling < 0 or pooling != round(pooling)):
        raise RefusedInputError(
            f"local correlation needs whole pooling from 0, got {pooling}: round it, or use "
            "correlated='global'."
        )
    if not -1 <= pooling <= units - 1:
        raise RefusedInputError(
            f"pooling must be at least -1 and below the {units} units, got {pooling}: -1 are "
            "balanced weights."
        )
