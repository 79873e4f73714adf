"""Finite twins of the kernels: the same questions put to real Top-K layers, answered with a
standard error over seeds.

Each twin takes what its formula takes (``drift.theory.kernels``, ``drift.theory.kernels.depth``)
and in addition ``units``, the width N of the layers, and ``seeds``; it returns the mean over seeds
and its standard error. Finite layers differ from the formulas by (0.3 to 0.5) / sqrt(N f) per layer
and seed, without bias to this order. Every seed draws from its stream ``weights``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Alike, Count, Seed, Share
from drift.errors import RefusedInputError
from drift.streams import stream
from drift.theory.kernels.checks import checked_number, checked_seeds, counted, plain_numbers
from drift.theory.kernels.depth import weight_variance
from drift.theory.kernels.finite_layers import (
    boxed,
    check_network,
    gaussian,
    gram,
    next_preactivation,
    top_k,
)
from drift.theory.kernels.moments import checked_correlation
from drift.theory.kernels.one_layer import Variant

UNITS = 10_000
SEEDS = tuple(range(8))
PARALLEL = 1 << 22  # preactivations of pairs held at a time

Estimate = tuple[np.ndarray, np.ndarray]


def _over_seeds(sample: Callable[[int], np.ndarray], seeds: Iterable[int]) -> Estimate:
    """Mean over seeds and its standard error, without keeping the samples."""
    count, mean, square = 0, np.array(0.0), np.array(0.0)
    for count, seed in enumerate(checked_seeds(seeds, 2), start=1):
        value = np.asarray(sample(seed))
        step = value - mean
        mean = mean + step / count
        square = square + step * (value - mean)
    return mean[()], np.sqrt(square / (count * (count - 1)))[()]


def _pairs(
    correlation: np.ndarray,
    units: int,
    seed: int,
    answer: Callable[[np.ndarray, np.ndarray], np.ndarray],
    window: int = 1,
) -> Any:
    """Put pairs of inputs with each correlation to a layer, in chunks; they share their first
    input."""
    if not correlation.size:
        raise RefusedInputError(
            "correlation must hold at least one number, got none: give the pairs to sample."
        )
    generator = stream(seed, "weights")
    first, second = (
        boxed(generator.standard_normal(units), window) for _iteration in range(2)
    )  # (unit,)
    correlations = correlation.reshape(-1, 1)
    rows = max(1, PARALLEL // units)
    answers = [
        answer(first, block * first + np.sqrt((1.0 - block) * (1.0 + block)) * second)
        for block in (correlations[row : row + rows] for row in range(0, len(correlations), rows))
    ]
    return np.concatenate(answers).reshape(correlation.shape)


@opened
def sampled_kappa(
    correlation: Alike,
    active_fraction: Share,
    variant: Variant = "subtract",
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
) -> Estimate:
    """Twin of ``kappa``: the mean product of the answers of the units of one Top-K layer to two
    inputs.

    Parameters
    ----------
    correlation : float or array
        (...) c in [-1, 1].
    active_fraction : float
        f with at least one unit active and one silent.
    variant : str
        ``subtract``, ``keep`` or ``binary``.
    units : int
        N.
    seeds : sequence of int
        At least two.

    Returns
    -------
    mean, standard_error : float or numpy.ndarray
        (...) each.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    _backend, correlations = checked_correlation(correlation)
    units = counted("units", units, 2)

    def product(first: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (
            top_k(other, active_fraction, variant) @ top_k(first, active_fraction, variant) / units
        )

    return _over_seeds(lambda seed: _pairs(correlations, units, seed, product), seeds)


def sampled_joint_activation(
    correlation: Any, active_fraction: float, units: int = UNITS, seeds: Sequence[int] = SEEDS
) -> Estimate:
    """Twin of ``joint_activation``: the share of the units of one Top-K layer that is active for
    both of two inputs.

    Parameters, results and errors are those of ``sampled_kappa``.
    """
    return sampled_kappa(correlation, active_fraction, "binary", units, seeds)


@opened
def sampled_sheet_map(
    correlation: Alike,
    active_fraction: Share,
    presynaptic_window: Count,
    postsynaptic_window: Count,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
) -> Estimate:
    """Twin of ``sheet_map``: the similarity of the pooled answers of a ring of Top-K units whose
    neighbours share inputs.

    Parameters
    ----------
    correlation : float or array
        (...) c in [-1, 1].
    active_fraction : float
        f.
    presynaptic_window, postsynaptic_window : int
        z_w and z_h.
    units : int
        N, at least either window.
    seeds : sequence of int
        At least two.

    Returns
    -------
    mean, standard_error : float or numpy.ndarray
        (...) each.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    _backend, correlations = checked_correlation(correlation)
    units = counted("units", units, 2)
    presynaptic_window, postsynaptic_window = (
        counted("presynaptic_window", presynaptic_window),
        counted("postsynaptic_window", postsynaptic_window),
    )
    if max(presynaptic_window, postsynaptic_window) > units:
        raise RefusedInputError(
            f"windows must be 1 to {units} units, got {presynaptic_window} and "
            f"{postsynaptic_window}: add units."
        )

    def cosine(first: np.ndarray, other: np.ndarray) -> np.ndarray:
        first_pooled, other_pooled = (
            boxed(top_k(preactivation, active_fraction), presynaptic_window)
            for preactivation in (first, other)
        )
        return (
            other_pooled
            @ first_pooled
            / np.sqrt((first_pooled @ first_pooled) * (other_pooled**2).sum(axis=-1))
        )

    return _over_seeds(
        lambda seed: _pairs(correlations, units, seed, cosine, postsynaptic_window), seeds
    )


@opened
def sampled_correlation_map(
    correlation: Alike,
    active_fraction: Share,
    pooling: float = 0.0,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
) -> Estimate:
    """Twin of ``correlation_map``: the similarity of two inputs as the next layer sees it through
    globally correlated weights.

    Parameters
    ----------
    correlation : float or array
        (...) c in [-1, 1].
    active_fraction : float
        f.
    pooling : float
        m >= -1, not necessarily whole.
    units : int
        N.
    seeds : sequence of int
        At least two.

    Returns
    -------
    mean, standard_error : float or numpy.ndarray
        (...) each.

    Raises
    ------
    RefusedInputError
        If an argument is out of range.
    """
    _backend, correlations = checked_correlation(correlation)
    units = counted("units", units, 2)
    pooling = checked_number("pooling", pooling, -1, units - 1)
    shared = pooling / (units - 1)

    def cosine(first: np.ndarray, other: np.ndarray) -> np.ndarray:
        first_activity, other_activity = (
            top_k(first, active_fraction),
            top_k(other, active_fraction),
        )  # (unit,), (pair, unit)
        product, first_square, other_square = (
            other_activity @ first_activity,
            first_activity @ first_activity,
            (other_activity**2).sum(axis=-1),
        )
        sums, total = other_activity.sum(axis=-1), first_activity.sum()
        pooled = [
            (1.0 - shared) * plain + shared * outer
            for plain, outer in (
                (product, sums * total),
                (first_square, total**2),
                (other_square, sums**2),
            )
        ]
        return pooled[0] / np.sqrt(pooled[1] * pooled[2])

    return _over_seeds(lambda seed: _pairs(correlations, units, seed, cosine), seeds)


def _normalised(kernel: np.ndarray) -> np.ndarray:
    size = np.sqrt(np.diagonal(kernel))
    return kernel / np.outer(size, size)


@opened
def sampled_network(
    correlation: np.ndarray,
    active_fraction: Share,
    pooling: float = 0.0,
    hidden_layers: Count = 1,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
    *,
    correlated: str = "local",
    weights: str = "gram",
    postsynaptic_window: Count = 1,
) -> xr.Dataset:
    """Deep Top-K networks of finite width, layer by layer: what ``correlation_map`` and
    ``deep_kernel`` approximate.

    The first layer and the readout have independent weights, those between have variance sigma^2 /
    N and pooling m.

    Parameters
    ----------
    correlation : numpy.ndarray
        (input, input) correlations of the inputs, positive semi-definite, a diagonal of ones.
    active_fraction : float
        f of every layer.
    pooling : float
        m; whole for ``local`` correlation.
    hidden_layers : int
        H.
    units : int
        N of every layer.
    seeds : sequence of int
        Networks.
    correlated : str
        ``local``: weights of a unit are box filtered over m + 1 neighbours on a ring; ``global``:
        all pairs have correlation m / (N - 1), balanced at m = -1.
    weights : str
        ``gram``: preactivations are drawn given the activity; ``explicit``: the weights are drawn.
        Both have one law.
    postsynaptic_window : int
        z_h, neighbouring units that share inputs, also in the first layer.

    Returns
    -------
    xarray.Dataset
        ``kernel`` (seed, layer, input, input_other): normalised covariance of the next
        preactivations, twin of l steps of ``correlation_map``; ``readout_kernel``: the same without
        pooling, twin of ``deep_kernel`` with l layers; ``squared_norm`` (seed, layer, input): its
        diagonal times sigma^2, 1 in the limit.

    Raises
    ------
    RefusedInputError
        If the matrix is none of correlations, a window does not fit or a word is unknown.
    """
    c0, pooling, seeds = (
        plain_numbers("correlation", correlation),
        checked_number("pooling", pooling),
        checked_seeds(seeds),
    )
    hidden_layers, units = counted("hidden_layers", hidden_layers), counted("units", units, 2)
    postsynaptic_window = counted("postsynaptic_window", postsynaptic_window)
    windows = (postsynaptic_window, round(pooling) + 1 if correlated == "local" else 1)
    check_network(c0, pooling, units, windows, {"correlated": correlated, "weights": weights})
    variance = weight_variance(active_fraction, pooling)

    def layers(seed: int) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        generator = stream(seed, "weights")
        preactivation = gaussian(c0, units, generator)  # (input, unit)
        for layer in range(hidden_layers):
            activity = top_k(boxed(preactivation, postsynaptic_window), active_fraction)
            following = gram(activity, pooling, correlated)
            yield (
                _normalised(following),
                _normalised(activity @ activity.T),
                variance * np.diagonal(following),
            )
            if layer + 1 < hidden_layers:
                preactivation = next_preactivation(
                    activity, variance, pooling, correlated, weights, generator
                )

    networks = [list(zip(*layers(seed))) for seed in seeds]
    dims = ("seed", "layer", "input", "input_other")
    described = {
        "kernel": (dims, "normalised covariance of the next preactivations"),
        "readout_kernel": (dims, "normalised kernel of the readout"),
        "squared_norm": (dims[:3], "squared norm of the pooled activity"),
    }
    data = {
        name: xr.DataArray(
            np.array([network[place] for network in networks]),
            dims=shape,
            attrs={"units": "1", "long_name": meaning},
        )
        for place, (name, (shape, meaning)) in enumerate(described.items())
    }
    return xr.Dataset(data, coords={"seed": seeds, "layer": np.arange(1, hidden_layers + 1)})


@opened
def sampled_deep_kernel(
    correlation: np.ndarray,
    active_fraction: Share,
    pooling: float,
    hidden_layers: Count,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
    *,
    correlated: str = "local",
    weights: str = "gram",
) -> Estimate:
    """Twin of ``deep_kernel``: the normalised kernel of the readout of finite networks.

    Parameters
    ----------
    correlation, active_fraction, pooling, hidden_layers, units, seeds, correlated, weights
        As for ``sampled_network``.

    Returns
    -------
    mean, standard_error : numpy.ndarray
        (input, input) each.

    Raises
    ------
    RefusedInputError
        As ``sampled_network``.
    """

    def last(seed: int) -> np.ndarray:
        network = sampled_network(
            correlation,
            active_fraction,
            pooling,
            hidden_layers,
            units,
            [seed],
            correlated=correlated,
            weights=weights,
        )
        return network["readout_kernel"].values[0, -1]

    return _over_seeds(last, seeds)
