"""Where the place field of a unit is, and how far it moves between sessions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.labels import described, require_dims
from drift.metrics.pairs import tracked_pairs
from drift.schema import check


def _centre(rate: xr.DataArray, place: xr.DataArray) -> xr.DataArray:
    total = rate.sum("place")
    return (rate * place).sum("place") / total.where(total > 0)


def centroid(rate: xr.DataArray) -> xr.DataArray:
    """Centre of mass of each rate map, sum_x x r(x) / sum_x r(x).

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]) with the coordinate ``place``, or ``place_x`` and ``place_y`` in a plane.

    Returns
    -------
    xarray.DataArray
        (...[, direction][, axis]) in units of place; NaN for a silent or absent unit.

    Raises
    ------
    RefusedInputError
        If the places have no coordinates.
    """
    require_dims(rate, "rate", "place")
    if "place_x" in rate.coords:
        x, y = (_centre(rate, rate[name].reset_coords(drop=True)) for name in ("place_x", "place_y"))
        return described(xr.concat([x, y], dim="axis"), "centroid").transpose(..., "axis")
    if "place" not in rate.coords:
        raise RefusedInputError("a centroid needs to know where the places are: give rate the coordinate place, the bin centres.")
    return described(_centre(rate, rate["place"].astype(float)), "centroid")


def centroid_shift(dataset: xr.Dataset) -> xr.DataArray:
    """Displacement of the place-field centroid of each unit from one session to another.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other, unit[, direction][, axis]), centroid in ``session_other`` minus centroid in ``session``.

    Raises
    ------
    RefusedInputError
        If units are not tracked between any two sessions.

    References
    ----------
    Qin et al. 2023 (centroid drift of place fields).
    """
    check(dataset, "rate")
    pairs = xr.DataArray(tracked_pairs(dataset), dims=("subject", "session", "session_other"))
    centre = centroid(dataset["rate"])
    other = centre.reset_coords(drop=True).rename(session="session_other")
    other = other.assign_coords(session_other=np.asarray(centre["session"].values)) if "session" in centre.coords else other
    shift = (other - centre).transpose("subject", "session", "session_other", "unit", ...)
    return described(shift.where(pairs), "centroid_shift")
