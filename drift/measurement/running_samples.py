"""The samples of a session that count, and the place that each of them lies in or the stimulus that
it has."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.speeds import speeds, unrolled
from drift.metrics.clocks import sample_times
from drift.metrics.places import RING, Grid, cells_of
from drift.schema.map_dims import STIMULUS

SPEED = "running_speed"


def session_name(session: xr.Dataset) -> str:
    """What a session is called in messages.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.

    Returns
    -------
    str
        With the file that it was read from, where the reader tells: sessions count from 0, files as
        their owner numbers them.
    """
    source = str(session.encoding.get("source", ""))
    file = f" (file {PurePath(source).name})" if source else ""
    name = f"subject {session['subject'].item()}, session {session['session'].item()}{file}"
    return " ".join(name.split())


def sample_speeds(session: xr.Dataset, minimum_speed: float) -> np.ndarray:
    """Speed in each sample: as recorded, or from the positions of half a second; see
    ``drift.measurement.speeds``.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    minimum_speed : float
        Speed that must be told from rest, in units of position per second.

    Returns
    -------
    numpy.ndarray
        (sample) not negative; NaN where it cannot be told.
    """
    if "velocity" in session:
        return np.abs(session["velocity"].values.astype(float))
    frame, length = 1 / session["sampling_rate"].item(), session.attrs.get("track_length")
    return speeds(way_run(session), sample_times(session), frame, minimum_speed, length)


def way_run(session: xr.Dataset) -> np.ndarray:
    """Positions as (sample, axis), NaN where tracking was lost; around a ring as a way that does
    not close, see ``drift.measurement.speeds.unrolled``.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    """
    position, length = positions_by_axis(session), session.attrs.get("track_length")
    if session.attrs.get("geometry") != RING or length is None:
        return position
    return unrolled(position, float(length))


def is_directed(session: xr.Dataset, direction: str) -> bool:
    """Tell whether maps are split by running direction.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    direction : {"auto", "split", "apart", "pooled"}
        Split where the session has directions, always (twice), or never.

    Returns
    -------
    bool

    Raises
    ------
    RefusedInputError
        If a split is asked for that the session cannot give.
    """
    of_track = "position" in session and "axis" not in session["position"].dims
    possible = "direction" in session and of_track
    if direction in ("split", "apart") and not possible:
        raise RefusedInputError(
            f"{session_name(session)}: running directions cannot be told apart without the "
            "variable direction on a one-dimensional track: give it for each sample, 1 towards "
            "larger positions, -1 back and 0 neither (the field direction of interchange files), "
            'or use direction="pooled".'
        )
    return possible and direction != "pooled"


def running_samples(session: xr.Dataset, minimum_speed: float, directed: bool) -> xr.Dataset:
    """Return the samples with a known position or a stimulus, a speed above the minimum and, if
    wanted, a running direction; maybe none.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    minimum_speed : float
        In units of position per second; 0 keeps samples at rest too.
    directed : bool
        Leave out samples without a running direction.

    Returns
    -------
    xarray.Dataset
        With ``running_speed`` (sample), unless samples at rest count and none was recorded.
    """
    keep = known_samples(session)
    if minimum_speed > 0 or "velocity" in session:
        speed = sample_speeds(session, minimum_speed)
        session = session.assign({SPEED: ("sample", speed)})
        keep &= (speed > minimum_speed) | (minimum_speed <= 0)
    if directed:
        keep &= np.abs(session["direction"].values) == 1
    return session if keep.all() else session.isel(sample=keep)


def known_samples(session: xr.Dataset) -> np.ndarray:
    """Tell which samples have a known position, or a stimulus.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset; labels that are NaN or "" are no stimulus.

    Returns
    -------
    numpy.ndarray
        (sample) bool.
    """
    if not has_stimuli(session):
        return np.asarray(np.isfinite(positions_by_axis(session)).all(axis=1))
    labels = session[STIMULUS].values
    return np.asarray(np.isfinite(labels) if labels.dtype.kind in "biuf" else labels != "")


def has_stimuli(session: xr.Dataset) -> bool:
    """Tell whether samples are labelled by stimuli.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    """
    return STIMULUS in session.coords and session[STIMULUS].dims == ("sample",)


def some_running_samples(session: xr.Dataset, minimum_speed: float, directed: bool) -> xr.Dataset:
    """Return ``running_samples``, or refuse a session that has none.

    Raises
    ------
    RefusedInputError
        If no sample is left.
    """
    running = running_samples(session, minimum_speed, directed)
    if not running.sizes["sample"]:
        missing = "stimulus" if has_stimuli(session) else "position"
        raise RefusedInputError(
            f"{session_name(session)}: none of {session.sizes['sample']} samples has a "
            f"{missing} and a speed above {minimum_speed:g}: "
            "lower minimum_speed or leave the session out."
        )
    return running


def positions_by_axis(session: xr.Dataset) -> np.ndarray:
    """Positions as (sample, axis), NaN where tracking was lost.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.

    Returns
    -------
    numpy.ndarray
    """
    position = session.variables["position"].transpose("sample", ...).values.astype(float)
    return position.reshape(position.shape[0], -1)


def session_grid(session: xr.Dataset, bin_size: float) -> Grid:
    """Grid of places on which a session lies.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset; its attributes ``first_edge`` and ``last_edge`` (edges that were given),
        else ``track_length`` tell where bins begin and end, and ``geometry`` whether they close to
        a ring.
    bin_size : float
        In units of position.

    Returns
    -------
    Grid
    """
    has_edges = "first_edge" in session.attrs and "last_edge" in session.attrs
    ring = session.attrs.get("geometry") == RING
    length = session.attrs.get("track_length")
    end = session.attrs["last_edge"] if has_edges else length
    origin = session.attrs["first_edge"] if has_edges else 0.0
    return Grid(
        bin_size, float(origin), None if end is None else float(end), has_edges and not ring, ring
    )


def visited_cells(session: xr.Dataset, grid: Grid) -> tuple[xr.Dataset, np.ndarray, xr.DataArray]:
    """Cells of a grid that were visited, and when.

    Parameters
    ----------
    session : xarray.Dataset
        Samples with a known position.
    grid : Grid
        Of the session.

    Returns
    -------
    session : xarray.Dataset
        Without the samples that lie outside of edges that were given.
    cells : numpy.ndarray
        (place, axis) integers counted from the origin of the grid.
    place_index : xarray.DataArray
        (sample) row of ``cells`` that each sample lies in.

    Raises
    ------
    RefusedInputError
        If no sample lies within the edges, or a ring has no whole number of bins.
    """
    bins, inside = cells_of(positions_by_axis(session), grid, session_name(session))
    if not inside.any():
        raise RefusedInputError(
            f"{session_name(session)}: none of {inside.size} samples in motion lies within "
            f"the bins from {grid.origin:g} to {grid.end:g}: "
            "give other edges."
        )
    visited = bins[inside]
    if visited.shape[1] == 1:  # as below, but without sorting rows
        column, place = np.unique(visited[:, 0], return_inverse=True)
        cells = column[:, np.newaxis]
    else:
        cells, place = np.unique(visited, axis=0, return_inverse=True)
    samples = session if inside.all() else session.isel(sample=inside)
    return samples, cells, xr.DataArray(place.reshape(-1), dims="sample")
