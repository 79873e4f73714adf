"""What information would be in an endless recording, by extrapolation of its curve over the number
of samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import nnls

from drift.door import opened
from drift.metrics.information.bias import both_orders
from drift.metrics.information.validity import warn_of_error

# The bend c of the extrapolation is searched on a logarithmic grid, in units of 1 / T, that is
# narrowed again and again.
BEND = (1e-3, 1e6)
GRID = 60
ROUNDS = 12


class _Line(NamedTuple):
    """Best a + b g with a, b >= 0, and its mean squared residual."""

    a: np.ndarray
    b: np.ndarray
    error: np.ndarray


def _best_line(y: np.ndarray, g: np.ndarray, weight: np.ndarray) -> _Line:
    """Least squares over the last axis (fraction); y and weight broadcast against g > 0."""
    mean_y, mean_g = (weight * y).sum(-1), (weight * g).sum(-1)
    centred = g - mean_g[..., np.newaxis]
    variance = (weight * centred**2).sum(-1)
    slope = np.divide(
        (weight * centred * y).sum(-1), variance, out=np.zeros_like(variance), where=variance > 0
    )
    slope = np.maximum(slope, 0.0)
    intercept = mean_y - slope * mean_g
    through_origin = (weight * g * y).sum(-1) / (weight * g**2).sum(-1)
    intercept, slope = (
        np.where(intercept < 0, 0.0, intercept),
        np.where(intercept < 0, np.maximum(through_origin, 0.0), slope),
    )
    error = (weight * (y - intercept[..., np.newaxis] - slope[..., np.newaxis] * g) ** 2).sum(-1)
    return _Line(intercept, slope, error)


def _hyperbola(y: np.ndarray, time: np.ndarray) -> np.ndarray:
    """a and R^2, (2, column), of the least-squares fit of a + b / (1 + c t) to each column of y
    (fraction, column); a, b, c >= 0."""
    observed = np.isfinite(y).T
    points = observed.sum(-1)
    # A column without any point is fitted as if it were 0 and made NaN in the end.
    # (column, 1, fraction)
    weight = np.where(points > 0, observed.T / np.maximum(points, 1), 1.0).T[:, np.newaxis]
    values = np.where(observed, y.T, 0.0)[:, np.newaxis]
    low, high = np.full(len(values), np.log(BEND[0])), np.full(len(values), np.log(BEND[1]))
    for _round in range(ROUNDS):
        bends = np.linspace(low, high, GRID, axis=-1)  # (column, grid)
        line = _best_line(values, 1 / (1 + np.exp(bends)[..., np.newaxis] * time), weight)
        best, rows = line.error.argmin(-1), np.arange(len(values))
        low, high = (
            bends[rows, np.maximum(best - 1, 0)],
            bends[rows, np.minimum(best + 1, GRID - 1)],
        )
    variance = (
        (weight * (values - (weight * values).sum(-1, keepdims=True)) ** 2).sum((-1, -2))
        * points
        / np.maximum(points - 1, 1)
    )
    error = line.error[rows, best]
    quality = 1 - np.divide(error, variance, out=np.full(error.shape, np.nan), where=variance > 0)
    return np.where(points >= 3, np.stack([line.a[rows, best], quality]), np.nan)


@opened
def bounded_asymptotic_extrapolation(curves: xr.DataArray) -> xr.Dataset:
    """Information of an endless recording, by the least-squares fit of I(t) = a + b / (1 + c t)
    with a, b, c >= 0.

    The fit is the best of all c: for each c the best a and b are known in closed form.

    Parameters
    ----------
    curves : xarray.DataArray
        (order, fraction, ...), a variable of ``information_curves``.

    Returns
    -------
    xarray.Dataset
        ``estimate`` (...) = a in the units of the curves; ``r_squared`` (...) = 1 -
        mean(residual^2) / variance, the variance with n - 1. NaN where fewer than three fractions
        have a value.

    Warns
    -----
    UserWarning
        As ``scaled_shuffle_reduction``.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    observed, _shuffled = both_orders(curves)
    warn_of_error(curves, "extrapolation")
    time = observed["samples"].values / observed["samples"].values[-1]
    columns = observed.transpose("fraction", ...)
    fitted = _hyperbola(columns.values.reshape(time.size, -1), time).reshape(2, *columns.shape[1:])
    frame = observed.isel(fraction=-1, drop=True)
    estimate, quality = (frame.transpose(*columns.dims[1:]).copy(data=values) for values in fitted)
    return xr.Dataset(
        {
            "estimate": estimate.assign_attrs(curves.attrs),
            "r_squared": quality.assign_attrs(units="1"),
        }
    )


def _intercept(curve: np.ndarray, terms: np.ndarray) -> float:
    observed = np.isfinite(curve)
    return float(nnls(terms[observed], curve[observed])[0][0]) if observed.sum() >= 3 else np.nan


@opened
def asymptotic_extrapolation(curves: xr.DataArray) -> xr.DataArray:
    """Information of an endless recording, by the least-squares fit of a + b / t + c / t^2 with a,
    b, c >= 0; corrects too little.

    Parameters
    ----------
    curves : xarray.DataArray
        (order, fraction, ...), a variable of ``information_curves``.

    Returns
    -------
    xarray.DataArray
        (...) = a in the units of the curves.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    observed, _shuffled = both_orders(curves)
    inverse = observed["samples"].values[-1] / observed["samples"].values
    terms = np.stack([np.ones_like(inverse), inverse, inverse**2], axis=1)
    columns = observed.transpose("fraction", ...)
    values = [_intercept(curve, terms) for curve in columns.values.reshape(inverse.size, -1).T]
    frame = observed.isel(fraction=-1, drop=True).transpose(*columns.dims[1:])
    return frame.copy(data=np.reshape(values, frame.shape)).assign_attrs(curves.attrs)
