"""The experiment that the theory of generalisation predicts: a readout trained on random examples
of a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.linalg import LinAlgError

from drift.door import opened
from drift.door.quantities import Count, NotNegative, Seed
from drift.errors import RefusedInputError
from drift.streams import stream
from drift.theory.generalisation.checks import (
    checked_ridge,
    checked_training,
    symmetric_kernel,
    target_matrix,
)
from drift.theory.generalisation.ridge_solution import ridge_coefficients
from drift.theory.kernels.checks import counted, plain_numbers
from drift.theory.kernels.depth import deep_kernel

__all__ = [
    "SparseNetwork",
    "input_correlation",
    "network_errors",
    "random_subsets",
    "regression_errors",
]

Precision = Literal["float64", "float32"]
ERRORS = {
    "error": {
        "units": "squared targets",
        "long_name": "mean squared error over all points, training points included",
    },
    "held_out_error": {
        "units": "squared targets",
        "long_name": "mean squared error over held-out points",
    },
}


class SparseNetwork(NamedTuple):
    """An infinitely wide network of Top-K layers: its depth H, active fraction f and pooling m of
    the weights between layers."""

    hidden_layers: int
    active_fraction: float
    pooling: float = 0.0


@opened
def input_correlation(inputs: np.ndarray) -> np.ndarray:
    """Correlation c_0 = x.x' / (|x||x'|) between all pairs of inputs, the diagonal exactly 1.

    Parameters
    ----------
    inputs : numpy.ndarray
        (sample, input) x.

    Returns
    -------
    numpy.ndarray
        (sample, sample), between -1 and 1.

    Raises
    ------
    RefusedInputError
        If the inputs are not a finite matrix without rows of zeros.
    """
    inputs = plain_numbers("inputs", inputs)
    if inputs.ndim != 2 or not np.isfinite(inputs).all():
        raise RefusedInputError(
            "inputs must be finite numbers with dims (sample, input), got shape "
            f"{inputs.shape}: leave out what is NaN."
        )
    norms = np.linalg.norm(inputs, axis=1, keepdims=True)
    if not (norms > 0).all():
        raise RefusedInputError(
            "every input must have a direction, got a row of zeros: leave that sample out."
        )
    unit = inputs / norms
    correlation = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


@opened
def random_subsets(points: int, size: Count, subsets: Count, seed: Seed = 0) -> np.ndarray:
    """Random choices of data points; the first P of each train, so that whoever shares the subsets
    shares the training sets.

    Parameters
    ----------
    points : int
        Data points to choose from.
    size : int
        N, points of a subset, drawn without replacement.
    subsets : int
        Number of subsets.
    seed : int
        Of the stream "order".

    Returns
    -------
    numpy.ndarray
        (subset, point) indices.

    Raises
    ------
    RefusedInputError
        If a subset would have fewer than two points, or more than there are.
    """
    points, size, subsets = (
        counted("points", points),
        counted("points of subsets", size),
        counted("subsets", subsets),
    )
    if not 2 <= size <= points:
        raise RefusedInputError(
            f"{subsets} subsets of {size} of {points} points cannot be drawn: ask for 2 to "
            f"{points} points in at least 1."
        )
    rng = stream(seed, "order")
    return np.stack([rng.permutation(points)[:size] for _subset in range(subsets)])


def _checked_subsets(subsets: np.ndarray, points: int) -> np.ndarray:
    subsets = np.asarray(subsets)
    if subsets.ndim != 2 or subsets.size == 0 or not np.issubdtype(subsets.dtype, np.integer):
        raise RefusedInputError(
            f"subsets must be whole numbers (subset, point), got {subsets.dtype} "
            f"{subsets.shape}: use random_subsets."
        )
    if subsets.min() < 0 or subsets.max() >= points:
        raise RefusedInputError(
            f"subsets must be from 0 to {points - 1}, got {subsets.min()} to {subsets.max()}: "
            "number the points so."
        )
    return subsets


def _residuals(kernel: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    """(point, output) predicted minus true targets after training on the first points, from the
    kernel (point, training point)."""
    training_points = kernel.shape[1]
    try:
        readout = ridge_coefficients(kernel[:training_points], targets[:training_points], ridge)
    except LinAlgError:
        raise RefusedInputError(
            f"the kernel of {training_points} training points is singular in {kernel.dtype} "
            f"at ridge {ridge}: add a ridge or less pooling, "
            "or leave out inputs that are alike."
        ) from None
    return kernel @ readout - targets


@opened
def regression_errors(
    kernel: np.ndarray,
    targets: np.ndarray,
    subsets: np.ndarray,
    training_points: Count,
    ridge: NotNegative = 0.0,
    precision: Precision = "float64",
) -> xr.Dataset:
    """Errors of kernel ridge regression on random training sets, over all points and over those
    held out.

    Prediction K_xP (K_PP + lambda I)^-1 y_P, solved by Cholesky factors. The first P points of
    every subset train.

    Parameters
    ----------
    kernel : numpy.ndarray
        (point, point) symmetric Gram matrix.
    targets : numpy.ndarray
        (point[, output]).
    subsets : numpy.ndarray
        (subset, point) indices of ``random_subsets``; the error is taken over the points of the
        subset.
    training_points : int
        P.
    ridge : float
        lambda, in units of the kernel.
    precision : {"float64", "float32"}
        Of the factors; float32 as in the published runs, which fail where the kernel is almost of
        rank one.

    Returns
    -------
    xarray.Dataset
        ``error`` and ``held_out_error`` (subset), averaged over points and outputs, in squared
        units of the targets.

    Raises
    ------
    RefusedInputError
        If the kernel is not symmetric, singular to rounding (as equal inputs make it without a
        ridge), anything is NaN or of the wrong shape, P is not below N, or the ridge negative.
    """
    kernel = symmetric_kernel(kernel)
    targets = target_matrix(targets, kernel.shape[0])
    subsets = _checked_subsets(subsets, kernel.shape[0])
    training_points, ridge = (
        checked_training(training_points, subsets.shape[1]),
        checked_ridge(ridge),
    )
    if precision not in ("float64", "float32"):
        raise RefusedInputError(
            f"precision must be 'float64' or 'float32', got {precision!r}: choose one."
        )
    errors = np.empty((2, len(subsets)))  # (over all points or held out, subset)
    for number, subset in enumerate(subsets):
        # (point, training point)
        training_kernel = kernel[np.ix_(subset, subset[:training_points])].astype(precision)
        squared = _residuals(training_kernel, targets[subset], ridge) ** 2
        errors[:, number] = squared.mean(), squared[training_points:].mean()
    return xr.Dataset(
        {name: ("subset", values, attrs) for values, (name, attrs) in zip(errors, ERRORS.items())}
    )


@opened
def network_errors(
    inputs: np.ndarray,
    targets: np.ndarray,
    networks: SparseNetwork | Sequence[SparseNetwork],
    subsets: np.ndarray,
    training_points: Count,
    ridge: NotNegative = 0.0,
    precision: Precision = "float64",
) -> xr.Dataset:
    """Errors of infinitely wide sparse networks that all see the same random training sets.

    Compare networks within subsets: subsets differ more from each other than networks do.

    Parameters
    ----------
    inputs : numpy.ndarray
        (sample, input), scaled to unit norm here.
    targets : numpy.ndarray
        (sample[, output]).
    networks : SparseNetwork or sequence of SparseNetwork
        Depth, active fraction and pooling of each.
    subsets : numpy.ndarray
        (subset, sample) indices of ``random_subsets``.
    training_points : int
        P, the first samples of each subset.
    ridge : float
        lambda, in units of the kernel, whose diagonal is 1.
    precision : {"float64", "float32"}
        As in ``regression_errors``.

    Returns
    -------
    xarray.Dataset
        ``error`` and ``held_out_error`` (network, subset) in squared units of the targets, with
        coordinates ``hidden_layers``, ``active_fraction`` and ``pooling`` of each network.

    Raises
    ------
    RefusedInputError
        As ``regression_errors``, or if there is no network.
    """
    networks = [networks] if isinstance(networks, SparseNetwork) else networks
    if not networks:
        raise RefusedInputError("there is no network to train: list at least one SparseNetwork.")
    inputs = plain_numbers("inputs", inputs)
    targets = target_matrix(targets, len(inputs))
    subsets = _checked_subsets(subsets, len(inputs))
    whole_subset = np.arange(subsets.shape[1])[np.newaxis]
    errors = []  # of each subset
    for subset in subsets:
        correlation = input_correlation(inputs[subset])
        kernels = (
            deep_kernel(
                correlation, network.active_fraction, network.pooling, network.hidden_layers
            )
            for network in networks
        )
        runs = [
            regression_errors(
                kernel, targets[subset], whole_subset, training_points, ridge, precision
            )
            for kernel in kernels
        ]
        errors.append(xr.concat(runs, dim="network").isel(subset=0))
    coordinates = {
        name: ("network", [getattr(network, name) for network in networks])
        for name in SparseNetwork._fields
    }
    return xr.concat(errors, dim="subset").transpose("network", "subset").assign_coords(coordinates)
