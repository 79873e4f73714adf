"""Finite twins of ``drift.theory.code_drift.closed_forms``: exact Top-K layers of random units
whose weights wander, many seeds.

A wide layer sees of its weights only how its preactivations covary over units. They are drawn so,
independently for each unit: with covariance c0 between places on day 0, and on the later day as r
h_0 + sqrt(1 - r^2) h', h' an independent copy. The weights of day 0 are drawn from the stream
"weights", h' from "update_noise", so that one seed has one code on day 0 whatever r is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Alike, Count, Numbers, Seed, Share, Square, WithUnits
from drift.errors import RefusedInputError
from drift.streams import stream
from drift.theory.code_drift.similarity import STATISTICS, measured_similarity
from drift.theory.kernels.checks import checked_number, checked_seeds, counted, position_matrix
from drift.theory.kernels.depth import weight_variance
from drift.theory.kernels.finite_layers import boxed, top_k

UNITS = 20_000
SEEDS = (0, 1, 2, 3, 4)


@opened
def pooled(activity: WithUnits, pooling: int) -> np.ndarray:
    """Activity summed over m + 1 neighbouring units on a ring, over sqrt(m + 1).

    Parameters
    ----------
    activity : numpy.ndarray
        (place, unit).
    pooling : int
        m, from 0 to one less than the units.

    Returns
    -------
    numpy.ndarray
        (place, unit).

    Raises
    ------
    RefusedInputError
        If m is not a whole number in this range.

    References
    ----------
    Chun & Lee 2024, PMLR 234:248 (the correlated weights).
    """
    window = counted("pooling + 1", pooling + 1)
    if window > activity.shape[-1]:
        raise RefusedInputError(
            f"pooling must be below the {activity.shape[-1]} units, got {pooling}: take a "
            "wider layer."
        )
    return boxed(activity, window)


@opened
def square_root(covariance: Square) -> np.ndarray:
    """Symmetric square root of a covariance; negative eigenvalues, which rounding leaves, count as
    0.

    Parameters
    ----------
    covariance : numpy.ndarray
        (place, place), symmetric.

    Returns
    -------
    numpy.ndarray
        (place, place).

    Raises
    ------
    RefusedInputError
        If an entry is not known.
    """
    if not np.isfinite(covariance).all():
        raise RefusedInputError(
            "covariance was expected to hold finite numbers, got NaN: leave such places out."
        )
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T


@opened
def drifting_preactivations(
    position_correlation: Square, autocorrelation: float, units: Count, seed: Seed
) -> tuple[np.ndarray, np.ndarray]:
    """Preactivations of one layer on day 0 and after its weights have drifted.

    Parameters
    ----------
    position_correlation : numpy.ndarray
        (place, place_other) c0.
    autocorrelation : float
        r of the weights.
    units : int
    seed : int

    Returns
    -------
    first, later : numpy.ndarray
        (place, unit) each.
    """
    autocorrelation, units = (
        checked_number("autocorrelation", autocorrelation, -1, 1),
        counted("units", units, 2),
    )
    root = square_root(position_correlation)
    first, fresh = (
        root @ stream(seed, name).standard_normal((len(root), units))
        for name in ("weights", "update_noise")
    )
    return first, autocorrelation * first + np.sqrt(1 - autocorrelation**2) * fresh


def _mean_over_seeds(
    measure: Callable[[int], np.ndarray], seeds: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over seeds and its standard error, NaN from a single seed."""
    measurements = np.stack([measure(seed) for seed in checked_seeds(seeds)])
    spread = (
        measurements.std(axis=0, ddof=1) / np.sqrt(len(measurements))
        if len(measurements) > 1
        else np.full(measurements.shape[1:], np.nan)
    )
    return measurements.mean(axis=0), spread


@opened
def over_seeds(
    names: Sequence[str],
    dims: tuple[str, ...],
    measure: Callable[[int], np.ndarray],
    seeds: Sequence[Seed],
) -> xr.Dataset:
    """Means of the named rows of a measure over seeds, with their standard errors beside them, NaN
    from a single seed.

    Parameters
    ----------
    names : sequence of str
        Of the rows.
    dims : tuple of str
        Of each row.
    measure : callable
        From a seed to an array of rows.
    seeds : sequence of int

    Returns
    -------
    xarray.Dataset
        A variable and its ``*_standard_error`` for each name.
    """
    mean, error = _mean_over_seeds(measure, seeds)
    rows = {name: (dims, mean[row], {"units": "1"}) for row, name in enumerate(names)}
    return xr.Dataset(
        {
            **rows,
            **{
                f"{name}_standard_error": (dims, error[row], {"units": "1"})
                for row, name in enumerate(names)
            },
        }
    )


@opened
def sampled_code_similarity(
    position_correlation: Numbers,
    active_fraction: Share,
    autocorrelation: Alike,
    pooling: int = 0,
    *,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
) -> xr.Dataset:
    """Twin of ``code_similarity``.

    Parameters
    ----------
    position_correlation : array
        (place, place_other) c0.
    active_fraction : float
        f, of which k = round(f units) units are active.
    autocorrelation : float or one-dimensional xarray.DataArray
        r of the weights.
    pooling : int
        m, of a ring of units; as far as the overlap goes it is that of the units themselves.
    units : int
        Width of the layer.
    seeds : sequence of int

    Returns
    -------
    xarray.Dataset
        As ``code_similarity``, means over seeds and ``*_standard_error``.

    References
    ----------
    Sampled twin of ``drift.theory.code_drift.closed_forms``.
    """
    matrix, lags = position_matrix(position_correlation), xr.DataArray(autocorrelation)

    def codes(correlation: float, seed: int) -> np.ndarray:
        first, later = (
            top_k(preactivation, active_fraction)
            for preactivation in drifting_preactivations(matrix, correlation, units, seed)
        )
        plain = measured_similarity(first, later)
        read = (
            measured_similarity(pooled(first, pooling), pooled(later, pooling))
            if pooling
            else plain
        )
        return np.where(np.array(STATISTICS) == "active_set_overlap", plain, read)

    def measure(seed: int) -> np.ndarray:
        return np.stack(
            [codes(float(correlation), seed) for correlation in lags.values.ravel()], axis=1
        ).reshape(len(STATISTICS), *lags.shape)

    return over_seeds(STATISTICS, tuple(map(str, lags.dims)), measure, seeds).assign_coords(
        lags.coords
    )


@opened
def sampled_deep_drift(
    position_correlation: Numbers,
    autocorrelation: float,
    active_fraction: Share,
    pooling: int = 0,
    hidden_layers: Count = 1,
    *,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
) -> xr.Dataset:
    """Twin of ``deep_drift``: several Top-K layers in a row, the weights of each drifting on their
    own.

    Given the activity of a layer on both days, the preactivations of the next are drawn with its
    covariance over places and days, entries between the days times r.

    Parameters
    ----------
    position_correlation : array
        (place, place_other) c0 of the inputs, which are the same on both days.
    autocorrelation, active_fraction : float
        r and f of all layers.
    pooling : int
        m, of a ring of units.
    hidden_layers : int
    units : int
        Width of every layer.
    seeds : sequence of int

    Returns
    -------
    xarray.Dataset
        ``activity_similarity`` (layer), cosine of the pooled activity at equal places, and its
        standard error.

    References
    ----------
    Sampled twin of ``drift.theory.code_drift.closed_forms``, with weights of Chun & Lee 2024, PMLR
    234:248.
    """
    matrix, layers = position_matrix(position_correlation), counted("hidden_layers", hidden_layers)
    autocorrelation, units = (
        checked_number("autocorrelation", autocorrelation, -1, 1),
        counted("units", units, 2),
    )
    # (day and place, day and place)
    drifted = np.kron([[1.0, autocorrelation], [autocorrelation, 1.0]], np.ones(matrix.shape))
    gain = float(weight_variance(active_fraction, pooling))

    def measure(seed: int) -> np.ndarray:
        covariance, similarity, rng = np.tile(matrix, (2, 2)), [], stream(seed, "weights")
        for _layer in range(layers):
            preactivation = square_root(covariance * drifted) @ rng.standard_normal(
                (len(drifted), units)
            )
            # (day and place, unit)
            activity = pooled(top_k(preactivation, active_fraction), pooling)
            covariance = gain * activity @ activity.T / units
            power = covariance.diagonal()
            first, later = np.split(power, 2)
            similarity.append((covariance.diagonal(len(matrix)) / np.sqrt(first * later)).mean())
        return np.array([similarity])

    return over_seeds(["activity_similarity"], ("layer",), measure, seeds).assign_coords(
        layer=np.arange(1, layers + 1)
    )
