"""What drift of a Top-K layer does to a readout that is not taught again: formula and sampled
twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.linalg import LinAlgError

from drift.door import opened
from drift.door.quantities import Alike, Count, NotNegative, Numbers, Seed, Share
from drift.errors import RefusedInputError
from drift.theory.code_drift.closed_forms import alike
from drift.theory.code_drift.sampled import SEEDS, UNITS, drifting_preactivations, over_seeds
from drift.theory.generalisation.checks import checked_ridge
from drift.theory.generalisation.ridge_solution import ridge_coefficients
from drift.theory.kernels.checks import (
    checked_autocorrelation,
    counted,
    plain_numbers,
    position_matrix,
)
from drift.theory.kernels.finite_layers import top_k
from drift.theory.kernels.one_layer import kappa, mean_square_activity


@opened
def readout_error(
    position_correlation: Numbers,
    targets: Numbers,
    active_fraction: Share,
    autocorrelation: Alike,
    ridge: NotNegative,
    training_places: Numbers | None = None,
) -> Any:
    """Mean squared error of a readout that was fitted on day 0 and reads the drifted layer on
    another day.

    Ridge regression with the kernel K = kappa(c0) / k1 between training places on day 0; on the
    later day the places are compared with them by kappa(r c0) / k1.

    Parameters
    ----------
    position_correlation : array
        (place, place_other) c0 between all places.
    targets : array
        (place, output) what is to be read, for example the position itself.
    active_fraction : float
        f, fraction of units active at a place.
    autocorrelation : float or array
        r of the weights between the two days; 1 for the error on day 0.
    ridge : float
        lambda, added to the diagonal of K.
    training_places : array of int, optional
        Numbers of the places that were seen on day 0; all by default.

    Returns
    -------
    float or array
        Mean over all places and outputs, of the shape and kind of ``autocorrelation``.

    Raises
    ------
    RefusedInputError
        If a correlation is out of range, sizes do not fit, or the kernel is singular without a
        ridge.

    References
    ----------
    Derived here; its sampled twin is ``sampled_readout_error``.
    """
    matrix = position_matrix(position_correlation)
    desired = _target_matrix(targets, len(matrix))
    trained = _trained(training_places, len(matrix))
    scale = float(np.asarray(mean_square_activity(active_fraction)))
    coefficients = _ridge_coefficients(
        np.asarray(kappa(matrix[np.ix_(trained, trained)], active_fraction)) / scale,
        desired[trained],
        ridge,
    )

    def error(r: float) -> float:
        output = np.asarray(kappa(r * matrix[:, trained], active_fraction)) / scale @ coefficients
        return float(((output - desired) ** 2).mean())

    return alike(np.vectorize(error), checked_autocorrelation(autocorrelation))


def _target_matrix(targets: Any, places: int) -> np.ndarray:
    desired = plain_numbers("targets", targets)
    if desired.ndim != 2 or len(desired) != places:
        raise RefusedInputError(
            f"targets must be (place, output) for {places} places, got shape {desired.shape}: "
            "give one row a place."
        )
    if not np.isfinite(desired).all():
        raise RefusedInputError(
            "targets must be finite, got NaN or infinity: leave out the places without a target."
        )
    return desired


def _trained(training_places: Any, places: int) -> np.ndarray:
    """Numbers of the places that were seen on day 0."""
    if training_places is None:
        return np.arange(places)
    place_numbers = np.atleast_1d(np.asarray(training_places))
    if (
        place_numbers.ndim != 1
        or place_numbers.size == 0
        or place_numbers.dtype.kind not in "iu"
        or place_numbers.min() < 0
        or place_numbers.max() >= places
    ):
        raise RefusedInputError(
            f"training_places must be numbers of places from 0 to {places - 1}, got "
            f"{training_places}: list some."
        )
    return place_numbers


def _ridge_coefficients(kernel: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    """(training place, output) (K + lambda I)^-1 y."""
    ridge = checked_ridge(ridge)
    try:
        return ridge_coefficients(
            np.asarray(kernel, dtype=float), np.asarray(targets, dtype=float), ridge
        )
    except LinAlgError:
        raise RefusedInputError(
            f"the kernel of {len(kernel)} training places is singular at ridge {ridge:g}: add "
            "a ridge or leave out places alike."
        ) from None


@opened
def sampled_readout_error(
    position_correlation: Numbers,
    targets: Numbers,
    active_fraction: Share,
    autocorrelation: float,
    ridge: NotNegative,
    training_places: Numbers | None = None,
    *,
    units: Count = UNITS,
    seeds: Sequence[Seed] = SEEDS,
) -> xr.Dataset:
    """Twin of ``readout_error``: the kernels are products of the activity of real layers, over N
    k1.

    Parameters
    ----------
    position_correlation, targets, active_fraction, autocorrelation, ridge, training_places
        As in ``readout_error``, r a number.
    units : int
        Width N of the layer.
    seeds : sequence of int

    Returns
    -------
    xarray.Dataset
        ``readout_error``, mean over seeds, and its standard error.

    References
    ----------
    Sampled twin of ``readout_error``.
    """
    matrix = position_matrix(position_correlation)
    desired = _target_matrix(targets, len(matrix))
    trained = _trained(training_places, len(matrix))
    units = counted("units", units, 2)
    scale = units * float(mean_square_activity(active_fraction))

    def measure(seed: int) -> np.ndarray:
        first, later = (
            top_k(preactivation, active_fraction)
            for preactivation in drifting_preactivations(matrix, autocorrelation, units, seed)
        )
        coefficients = _ridge_coefficients(
            first[trained] @ first[trained].T / scale, desired[trained], ridge
        )
        return np.array([((later @ first[trained].T / scale @ coefficients - desired) ** 2).mean()])

    return over_seeds(["readout_error"], (), measure, seeds)
