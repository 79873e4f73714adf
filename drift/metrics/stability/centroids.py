"""Where the place field of a unit is, and how far it moves between sessions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.labels import described, require_dims
from drift.metrics.places import closes, of_ring, shorter_way
from drift.metrics.stability.pairs import comparable_pairs
from drift.metrics.stimuli import require_metric
from drift.schema.labelled_form import check
from drift.schema.map_dims import STIMULUS, map_dim

BALANCED = (
    1e-6  # length of the mean vector on a ring, below which it points nowhere: rates may be float32
)


def _centre(rate: xr.DataArray, place: xr.DataArray) -> xr.DataArray:
    along = map_dim(rate)
    total = rate.sum(along)
    return (rate * place).sum(along) / total.where(total > 0)


def _centre_on_ring(rate: xr.DataArray, length: float) -> xr.DataArray:
    """Direction of the mean of the places as points of a circle; NaN where they balance."""
    along = map_dim(rate)
    place = rate[along].astype(float).reset_coords(drop=True)
    origin = float(rate[along].attrs.get("origin", 0.0))
    turn = np.exp(2j * np.pi * (place - origin) / length)
    total = rate.sum(along)
    vector = (rate * turn).sum(along) / total.where(total > 0)
    centre = (np.angle(vector) / (2 * np.pi) * length) % length + origin
    return xr.where(np.abs(vector) > BALANCED, centre, np.nan)


@opened
def centroid(rate: xr.DataArray) -> xr.DataArray:
    """Centre of mass of each rate map, sum_x x r(x) / sum_x r(x).

    On a ring of length L it is the circular mean, L / (2 pi) arg sum_x r(x) exp(2 pi i x / L), in
    [0, L) from the origin on; so it is of circular stimuli of the period L.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., place[, direction]) with the coordinate ``place``, or ``place_x`` and ``place_y`` in a
        plane; or (..., stimulus) with a coordinate that has a metric.

    Returns
    -------
    xarray.DataArray
        (...[, direction][, axis]) in units of place; NaN for a silent or absent unit, and on a ring
        for a map without a direction, such as a flat one.

    Raises
    ------
    RefusedInputError
        If the places have no coordinates, or the stimuli no metric.
    """
    along = map_dim(rate)
    require_dims(rate, "rate", along)
    require_metric(rate, "a centroid")
    if "place_x" in rate.coords:
        x, y = (
            _centre(rate, rate[name].reset_coords(drop=True)) for name in ("place_x", "place_y")
        )
        return described(xr.concat([x, y], dim="axis"), "centroid").transpose(..., "axis")
    if along not in rate.coords:
        raise RefusedInputError(
            "a centroid needs to know where the places are: give rate the coordinate place, "
            "the bin centres."
        )
    length = of_ring(rate)
    if along == STIMULUS and length is not None and not closes(rate):
        raise RefusedInputError(
            "a centroid of circular stimuli needs them all around, evenly spaced, got "
            f"{rate.sizes[along]} in {length:g}: show the missing ones, or bin the labels evenly."
        )
    centres = (
        _centre(rate, rate[along].astype(float))
        if length is None
        else _centre_on_ring(rate, length)
    )
    return described(centres, "centroid")


@opened
def centroid_shift(dataset: xr.Dataset, *, across_environments: bool = False) -> xr.DataArray:
    """Displacement of the place-field centroid of each unit from one session to another.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other, unit[, direction][, axis]), centroid in ``session_other``
        minus centroid in ``session``; on a ring the shorter way round.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, or stimuli have no metric.

    References
    ----------
    Qin et al. 2023 (centroid drift of place fields).
    """
    check(dataset, "rate")
    pairs = xr.DataArray(
        comparable_pairs(dataset, across_environments), dims=("subject", "session", "session_other")
    )
    centre = centroid(dataset["rate"])
    other_centre = centre.reset_coords(drop=True).rename(session="session_other")
    other_centre = (
        other_centre.assign_coords(session_other=np.asarray(centre["session"].values))
        if "session" in centre.coords
        else other_centre
    )
    shift = (other_centre - centre).transpose("subject", "session", "session_other", "unit", ...)
    shift = shift.copy(data=shorter_way(shift.values, of_ring(dataset)))
    return described(shift.where(pairs), "centroid_shift")
