"""Recorded events by half, place and running direction, as plain arrays: what a code that stands
still is estimated from, and drawn on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.event_counting import counted_maps
from drift.metrics.fields.thinning import thinned_halves
from drift.metrics.maps import map_filter
from drift.metrics.stimuli import require_even
from drift.schema.labelled_form import check
from drift.schema.map_dims import STIMULUS, map_dims

WIDTHS = (0.0, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # bins
Smoother = Callable[[np.ndarray, float], np.ndarray]


class CountedHalves(NamedTuple):
    """Sessions of one subject in which units are the same, in one environment.

    Attributes
    ----------
    sessions : numpy.ndarray
        (session) their positions in the recording, from the earliest to the latest.
    units : numpy.ndarray
        (unit) positions of the units that were recorded in any of them.
    counts : numpy.ndarray
        (session, unit, part, cell) events; parts are both halves of a session and what neither
        holds, a cell is a place in one running direction.
    time : numpy.ndarray
        (session, part, cell) s, 0 where the place is not valid.
    present : numpy.ndarray
        (session, unit) bool, whether a unit was recorded.
    """

    sessions: np.ndarray
    units: np.ndarray
    counts: np.ndarray
    time: np.ndarray
    present: np.ndarray


def is_measured(dataset: xr.Dataset) -> bool:
    """Tell whether rates are those of recorded events, and hold their noise: what ``measure`` made,
    and no design."""
    return "place_unit_rule" in dataset.attrs and dataset["occupancy"].attrs.get("units") == "s"


def with_counted_halves(recorded: xr.Dataset, what: str) -> xr.Dataset:
    """Recording in events, with two halves of each session: those of the recording, else each event
    dealt by the toss of a coin.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset of ``measure``.
    what : str
        Who needs counts.

    Raises
    ------
    RefusedInputError
        If it holds no whole numbers of events.
    """
    check(recorded, "rate", "occupancy", "recorded", "elapsed")
    if "environment" in recorded.dims:
        raise RefusedInputError(
            f"{what} takes a recording, got the dim environment, which networks have: pass what "
            "measure returned."
        )
    for name in ("rate", "elapsed"):
        if not bool(recorded[name].notnull().any()):
            raise RefusedInputError(
                f"{what} needs sessions that were observed, got {name} NaN throughout: measure the "
                "sessions again, or give elapsed."
            )
    counted = counted_maps(recorded, what)
    if "rate_half" not in counted:
        return thinned_halves(counted)
    if counted.sizes["half"] != 2:
        raise RefusedInputError(
            f"{what} takes two halves of each session, got {counted.sizes['half']}: pass what "
            "measure returned, with both."
        )
    return counted


def counted_halves(recorded: xr.Dataset, subject: int) -> list[CountedHalves]:
    """Events of one subject, environment by environment.

    Parameters
    ----------
    recorded : xarray.Dataset
        See ``with_counted_halves``.
    subject : int
        Position along the dim.

    Returns
    -------
    list of CountedHalves
        One for each environment and identity of the units; sessions without a unit are in none.
    """
    own = recorded.isel(subject=subject)
    present = own["recorded"].transpose("session", "unit").values == 1
    time = _time(own)
    counts = _counts(own, time)
    labels = [
        own[name].values.astype(str) if name in own.coords else np.zeros(len(present), str)
        for name in ("environment", "unit_identity")
    ]
    rooms, order = list(zip(*labels, strict=True)), in_time(own)
    groups = [
        np.array([at for at in order if rooms[at] == room and present[at].any()], dtype=int)
        for room in dict.fromkeys(rooms[at] for at in order)
    ]
    return [_group(group, counts, time, present) for group in groups if group.size]


def in_time(own: xr.Dataset) -> np.ndarray:
    """Positions of sessions from the earliest to the latest, so that draws do not depend on the
    order in which they stand.

    Parameters
    ----------
    own : xarray.Dataset
        Longitudinal Dataset of one subject, without the dim.
    """
    labels = own["session"].values if "session" in own.coords else np.arange(own.sizes["session"])
    rank = np.unique(labels, return_inverse=True)[1]
    return np.lexsort((rank, own["elapsed"].values.astype(float)))


def _group(
    sessions: np.ndarray, counts: np.ndarray, time: np.ndarray, present: np.ndarray
) -> CountedHalves:
    units = np.flatnonzero(present[sessions].any(axis=0))
    both = np.ix_(sessions, units)
    return CountedHalves(sessions, units, counts[both], time[sessions], present[both])


def _cells(values: xr.DataArray, *dims: str) -> np.ndarray:
    """(..., cell) with places and directions as one axis."""
    cells = map_dims(values)
    ordered = values.transpose(*dims, *cells).values.astype(float)
    return np.asarray(ordered.reshape(*ordered.shape[: len(dims)], -1))


def _time(own: xr.Dataset) -> np.ndarray:
    """(session, part, cell) time at valid places; what is valid in the session but not in a half
    belongs to neither."""
    rate, rate_half = own["rate"], own["rate_half"]
    valid = _cells(rate.notnull().any("unit"), "session")
    valid_half = _cells(rate_half.notnull().any("unit"), "session", "half")
    directed = rate.isel(unit=0, drop=True)
    whole = _cells(own["occupancy"].broadcast_like(directed).fillna(0.0), "session") * valid
    halved = rate_half.isel(unit=0, drop=True)
    halves = (
        _cells(own["occupancy_half"].broadcast_like(halved).fillna(0.0), "session", "half")
        * valid_half
    )
    remainder = np.maximum(whole - halves.sum(axis=1), 0.0)
    return np.concatenate([halves, remainder[:, np.newaxis]], axis=1)


def _counts(own: xr.Dataset, time: np.ndarray) -> np.ndarray:
    """(session, unit, part, cell) events."""
    rate, rate_half = (np.nan_to_num(_cells(own[name], *dims)) for name, dims in MAPS.items())
    halves = np.rint(rate_half * time[:, np.newaxis, :2])
    whole = np.rint(rate * _whole_time(own, time)[:, np.newaxis])
    remainder = np.maximum(whole - halves.sum(axis=2), 0.0)
    return np.concatenate([halves, remainder[:, :, np.newaxis]], axis=2)


MAPS = {"rate": ("session", "unit"), "rate_half": ("session", "unit", "half")}


def _whole_time(own: xr.Dataset, time: np.ndarray) -> np.ndarray:
    occupancy = own["occupancy"].broadcast_like(own["rate"].isel(unit=0, drop=True))
    return _cells(occupancy.fillna(0.0), "session")


def smoother(recorded: xr.Dataset, subject: int = 0) -> Smoother:
    """Smoothing of (..., cell) on the grid of the places that a subject ever visited, each
    direction by itself.

    Parameters
    ----------
    recorded : xarray.Dataset
        With ``rate``; see ``drift.metrics.smoothed``.
    subject : int
        Position along the dim.
    """
    own = recorded["rate"].isel(subject=subject)
    cells = map_dims(own)
    along, sizes = cells[0], [own.sizes[dim] for dim in cells]
    visited = own.notnull().any([dim for dim in own.dims if dim != along]).values
    template = own.isel(session=0, unit=0, drop=True).transpose(*cells).isel({along: visited})
    filtered = map_filter(template, along)

    def smooth(values: np.ndarray, width: float) -> np.ndarray:
        if not (width and values.size):
            return values
        require_even(template, "smoothing")
        rows = np.moveaxis(values.reshape(-1, *sizes), 1, -1)  # (row[, direction], place)
        result = np.zeros_like(rows)
        result[..., visited] = filtered(rows[..., visited], width)
        return np.moveaxis(result, -1, 1).reshape(values.shape)

    return smooth


def widths(recorded: xr.Dataset) -> tuple[float, ...]:
    """Standard deviations to choose from; 0 alone where stimuli have no neighbours."""
    even = STIMULUS not in recorded["rate"].dims or "bin_size" in recorded[STIMULUS].attrs
    return WIDTHS if even else (0.0,)
