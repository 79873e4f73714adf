"""How much the activity of a unit tells about place: Skaggs information per event and per
second."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import xlogy

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.directions import Directions
from drift.metrics.labels import described, require_dims
from drift.schema.map_dims import map_dim, map_dims


def information_per_second(
    rate: np.ndarray, probability: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bits per second and mean rate of maps without labels.

    I = sum_x p(x) r(x) log2(r(x) / rbar), rbar = sum_x p(x) r(x), with 0 log 0 = 0.

    Parameters
    ----------
    rate : numpy.ndarray
        (..., place) rates, finite wherever ``probability`` is above 0.
    probability : numpy.ndarray
        (..., place) occupancy probabilities that sum to 1.

    Returns
    -------
    information, mean_rate : numpy.ndarray
        (...) each; a silent map has information 0.
    """
    mean = (probability * rate).sum(axis=-1)
    ratio = np.divide(
        rate, mean[..., np.newaxis], out=np.zeros_like(rate), where=mean[..., np.newaxis] > 0
    )
    return mean * (probability * xlogy(ratio, ratio)).sum(axis=-1) / np.log(2), mean


def _of_maps(rate: np.ndarray, occupancy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    valid = np.isfinite(rate) & np.isfinite(occupancy)
    weight = np.where(valid, occupancy, 0.0)
    total = weight.sum(axis=-1, keepdims=True)
    probability = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    information, mean = information_per_second(np.where(valid, rate, 0.0), probability)
    visited = total[..., 0] > 0
    return np.where(visited, information, np.nan), np.where(visited, mean, np.nan)


def _information(
    rate: xr.DataArray, occupancy: xr.DataArray, directions: Directions
) -> tuple[xr.DataArray, xr.DataArray]:
    """Bits per second and mean rate, (...), summed over place and, where it exists and is not
    measured apart, direction."""
    require_dims(rate, "rate", map_dim(rate), *(["direction"] if directions == "apart" else []))
    require_dims(occupancy, "occupancy", map_dim(rate))
    if any(_impossible(values.values) for values in (rate, occupancy)):
        raise RefusedInputError(
            "rate and occupancy must not be negative, nor infinite: pass unsmoothed maps of "
            "events over time."
        )
    cells = map_dims(rate) if directions == "joint" else [map_dim(rate)]
    timed = [dim for dim in cells if dim in occupancy.dims]
    return xr.apply_ufunc(
        _of_cells,
        rate.astype(float),
        occupancy.astype(float),
        input_core_dims=[cells, timed],
        output_core_dims=[[], []],
        kwargs={"axes": len(cells), "timed": len(timed)},
    )


def _impossible(values: np.ndarray) -> bool:
    return bool(((values < 0) | np.isinf(values)).any())


def _of_cells(
    rate: np.ndarray, occupancy: np.ndarray, axes: int, timed: int
) -> tuple[np.ndarray, np.ndarray]:
    """``_of_maps`` of maps whose last axes are place and direction, or place alone."""
    if timed < axes:
        occupancy = np.broadcast_to(occupancy[..., np.newaxis], (*occupancy.shape, rate.shape[-1]))
    return _of_maps(
        rate.reshape(*rate.shape[: rate.ndim - axes], -1),
        occupancy.reshape(*occupancy.shape[: occupancy.ndim - axes], -1),
    )


@opened
def spatial_information(
    rate: xr.DataArray,
    occupancy: xr.DataArray,
    silent: float = np.nan,
    directions: Directions = "joint",
) -> xr.DataArray:
    """Skaggs information of each unit in bits per event.

    I = sum_x p(x) (r(x) / rbar) log2(r(x) / rbar), rbar = sum_x p(x) r(x), with p = occupancy
    normalised over the places (and directions) where the map is finite. 0 log 0 = 0; negative terms
    are kept.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]) unsmoothed rate maps, NaN where not visited.
    occupancy : xarray.DataArray
        (..., place[, direction]) time spent, broadcast against ``rate`` by name.
    silent : float
        Value of a unit without events. NaN by default, since no event carries no information; the
        drift paper counts 0.
    directions : {"joint", "apart"}
        What an event tells of place and direction, by one sum over both; or of place in each
        direction by itself, as published for tracks (Sheintuch et al. 2022, 2023). The joint value
        is larger, by up to the bit that names the direction.

    Returns
    -------
    xarray.DataArray
        (...) in bits/event, with directions apart (..., direction); NaN where a unit was not
        observed.

    Raises
    ------
    RefusedInputError
        If a dim is missing or a number is negative.

    References
    ----------
    Skaggs, McNaughton, Gothard & Markus 1993, NIPS 5:1030. Directions apart: Sheintuch, Rubin & Ziv
    2022, PLoS Comput Biol 18:e1009832, Methods.
    """
    per_second, mean = _information(rate, occupancy, directions)
    rates, nothing = mean.values, np.full(mean.shape, np.nan)
    per_event = np.divide(per_second.values, rates, out=nothing, where=rates > 0)
    information = mean.copy(data=np.where(rates == 0, silent, per_event))
    return described(information, "spatial_information")


@opened
def spatial_information_rate(
    rate: xr.DataArray, occupancy: xr.DataArray, directions: Directions = "joint"
) -> xr.DataArray:
    """Skaggs information of each unit in bits per second; 0 for a silent unit.

    I = sum_x p(x) r(x) log2(r(x) / rbar); see ``spatial_information`` for p and rbar.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]) unsmoothed rate maps in events/s.
    occupancy : xarray.DataArray
        (..., place[, direction]) time spent.
    directions : {"joint", "apart"}
        See ``spatial_information``.

    Returns
    -------
    xarray.DataArray
        (...) in bits/second, with directions apart (..., direction); NaN where a unit was not
        observed.

    Raises
    ------
    RefusedInputError
        If a dim is missing or a number is negative.

    References
    ----------
    Skaggs, McNaughton, Gothard & Markus 1993, NIPS 5:1030.
    """
    return described(_information(rate, occupancy, directions)[0], "spatial_information_rate")
