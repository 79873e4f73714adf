"""What information would be in an endless recording: corrections of its limited-sampling bias.

Information estimated from few events is too high, by up to about (places - 1) / (2 ln2 events)
bits per event, so that a falling event rate alone raises it. All corrections here start from
``information_curves``: I(t), the information of t samples, and S(t), the same after shuffling, with
t_1 the smallest and T the largest number of samples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import nnls

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.information.subsampling import ORDERS
from drift.metrics.labels import require_dims

# The bend c of the extrapolation is searched on a logarithmic grid, in units of 1 / T, that is
# narrowed again and again.
BEND = (1e-3, 1e6)
GRID = 60
ROUNDS = 12


def _orders(curves: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    require_dims(curves, "curves", "order", "fraction")
    if (
        "samples" not in curves.coords
        or list(curves["order"].values) != list(ORDERS)
        or curves.sizes["fraction"] < 3
    ):
        raise RefusedInputError(
            "curves must have the orders observed and shuffled and the samples of at least "
            "three fractions: pass a variable of "
            "information_curves."
        )
    return curves.isel(order=0, drop=True), curves.isel(order=1, drop=True)


@opened
def population_curves(curves: xr.DataArray, keep: xr.DataArray | None = None) -> xr.DataArray:
    """Curves averaged over units: corrected, they give the population value, which is not the mean
    of corrected units.

    Parameters
    ----------
    curves : xarray.DataArray
        (order, fraction, unit).
    keep : xarray.DataArray, optional
        (unit) bool or 1, units that enter; place units for the published value.

    Returns
    -------
    xarray.DataArray
        (order, fraction), NaN where no unit enters.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, published analysis.
    """
    require_dims(curves, "curves", "order", "fraction", "unit")
    population = (
        curves
        if keep is None
        else curves.where((keep == 1).reset_coords(drop=True).drop_vars("unit", errors="ignore"))
    )
    count = population.notnull().sum("unit")
    return (population.sum("unit") / count.where(count > 0)).assign_attrs(curves.attrs)


@opened
def shuffle_reduction(curves: xr.DataArray) -> xr.DataArray:
    """Information minus that of shuffled activity, I(T) - S(T); corrects too much.

    Parameters
    ----------
    curves : xarray.DataArray
        (order, fraction, ...), a variable of ``information_curves``.

    Returns
    -------
    xarray.DataArray
        (...) in the units of the curves.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    observed, shuffled = _orders(curves)
    return (observed - shuffled).isel(fraction=-1, drop=True).assign_attrs(curves.attrs)


@opened
def scaled_shuffle_reduction(curves: xr.DataArray) -> xr.Dataset:
    """Information minus the bias of shuffled activity, scaled to how fast the bias of the unit
    itself falls.

    SSR(t) = I(t) - S(t) (I(t_1) - I(t)) / (S(t_1) - S(t)), taken at T.

    Parameters
    ----------
    curves : xarray.DataArray
        (order, fraction, ...), a variable of ``information_curves``.

    Returns
    -------
    xarray.Dataset
        ``estimate`` (...) in the units of the curves; ``stability`` (...) = 1 - sd_t(SSR(t)) /
        SSR(T) t_2 / T over t from t_2 to T, 1 for a correction that does not depend on how much was
        recorded. NaN where S does not fall.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    observed, shuffled = _orders(curves)
    fallen = shuffled.isel(fraction=0) - shuffled
    scale = (observed.isel(fraction=0) - observed) / fallen.where(fallen != 0)
    reduced = (observed - shuffled * scale).isel(fraction=slice(1, None))
    estimate = reduced.isel(fraction=-1, drop=True)
    share = float(reduced["samples"][0] / reduced["samples"][-1])
    deviations = reduced - reduced.mean("fraction", skipna=False)
    spread = (
        (deviations**2).sum("fraction", skipna=False) / (reduced.sizes["fraction"] - 1)
    ) ** 0.5
    stability = 1 - spread / estimate.where(estimate != 0) * share
    return xr.Dataset(
        {
            "estimate": estimate.assign_attrs(curves.attrs),
            "stability": stability.assign_attrs(units="1"),
        }
    )


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

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    observed, _shuffled = _orders(curves)
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
    observed, _shuffled = _orders(curves)
    inverse = observed["samples"].values[-1] / observed["samples"].values
    terms = np.stack([np.ones_like(inverse), inverse, inverse**2], axis=1)
    columns = observed.transpose("fraction", ...)
    values = [_intercept(curve, terms) for curve in columns.values.reshape(inverse.size, -1).T]
    frame = observed.isel(fraction=-1, drop=True).transpose(*columns.dims[1:])
    return frame.copy(data=np.reshape(values, frame.shape)).assign_attrs(curves.attrs)


def standard_error(spread: xr.DataArray) -> xr.DataArray:
    """Standard error of the naive information: a delete-half jackknife over samples.

    SE = sd(I(m)) sqrt(m / (T - m)) with sd over random subsamples of m samples, m next to T / 2. It
    takes samples for independent; slow calcium transients make the true error larger. Corrected
    estimates of single units are about as uncertain.

    Parameters
    ----------
    spread : xarray.DataArray
        (fraction, ...), a variable ``<name>_spread`` of ``information_curves``.

    Returns
    -------
    xarray.DataArray
        (...) in the units of the spread.

    References
    ----------
    Shao & Wu 1989, Ann Stat 17:1176 (delete-d jackknife).
    """
    require_dims(spread, "spread", "fraction")
    share = spread["samples"].values / spread["samples"].values[-1]
    half = int(np.abs(share - 0.5).argmin())
    scale = np.sqrt(share[half] / (1 - share[half]))
    return (spread.isel(fraction=half, drop=True) * scale).assign_attrs(spread.attrs)


@opened
def event_weighted_mean(information: xr.DataArray, rate: xr.DataArray) -> xr.DataArray:
    """Mean over units weighted by their rates, sum_i I_i r_i / sum_i r_i: the information of an
    average event.

    Parameters
    ----------
    information : xarray.DataArray
        (..., unit) bits/event; NaN units are left out.
    rate : xarray.DataArray
        (..., unit) mean rates, or numbers of events.

    Returns
    -------
    xarray.DataArray
        (...) bits/event; NaN where no unit with events is left.

    References
    ----------
    Sheintuch, Rubin & Ziv 2022, Methods.
    """
    require_dims(information, "information", "unit")
    weight = require_dims(rate, "rate", "unit").where(information.notnull())
    total = weight.sum("unit")
    return ((information * weight).sum("unit") / total.where(total > 0)).assign_attrs(
        information.attrs
    )
