"""The samples of a session that count, and the place that each of them lies in."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError


def session_name(session: xr.Dataset) -> str:
    """What a session is called in messages.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.

    Returns
    -------
    str
    """
    return f"subject {session['subject'].item()}, session {session['session'].item()}"


def _speed(session: xr.Dataset) -> np.ndarray:
    """(sample) speed, from the positions where no velocity was recorded; the first step is taken twice."""
    if "velocity" in session:
        return np.abs(session["velocity"].values.astype(float))
    position = session["position"].transpose("sample", ...).values.astype(float)
    step = np.diff(position.reshape(position.shape[0], -1), axis=0, prepend=np.nan)
    speed = np.sqrt((step**2).sum(axis=1)) * session["sampling_rate"].item()
    speed[:1] = speed[1:2] if speed.size > 1 else 0.0
    return speed


def is_directed(session: xr.Dataset, direction: str) -> bool:
    """Tell whether maps are split by running direction.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    direction : {"auto", "split", "pooled"}
        Split where the session has directions, always, or never.

    Returns
    -------
    bool

    Raises
    ------
    RefusedInputError
        If a split is asked for that the session cannot give.
    """
    possible = "direction" in session and "axis" not in session["position"].dims
    if direction == "split" and not possible:
        raise RefusedInputError(
            f"{session_name(session)}: running directions cannot be told apart without the variable direction on a one-dimensional track: "
            'use direction="pooled".'
        )
    return possible and direction != "pooled"


def running_samples(session: xr.Dataset, minimum_speed: float, directed: bool) -> xr.Dataset:
    """Return the samples with a known position, a speed above the minimum and, if asked for, a running direction.

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

    Raises
    ------
    RefusedInputError
        If no sample is left.
    """
    position = session["position"].transpose("sample", ...)
    keep = np.isfinite(position.values.reshape(position.sizes["sample"], -1)).all(axis=1)
    if minimum_speed > 0:
        keep &= _speed(session) > minimum_speed
    if directed:
        keep &= np.abs(session["direction"].values) == 1
    if not keep.any():
        raise RefusedInputError(
            f"{session_name(session)}: none of {keep.size} samples has a position and a speed above {minimum_speed:g}: lower minimum_speed "
            "or leave the session out."
        )
    return session.isel(sample=keep)


def visited_cells(session: xr.Dataset, bin_size: float) -> tuple[np.ndarray, xr.DataArray]:
    """Cells of a grid that were visited, and when.

    Parameters
    ----------
    session : xarray.Dataset
        Samples with a known position.
    bin_size : float
        In units of position.

    Returns
    -------
    cells : numpy.ndarray
        (place, axis) integers counted from position 0.
    place_index : xarray.DataArray
        (sample) row of ``cells`` that each sample lies in.
    """
    position = session["position"].transpose("sample", ...).values.astype(float)
    bins = np.floor(position.reshape(position.shape[0], -1) / bin_size).astype(int)
    cells, place = np.unique(bins, axis=0, return_inverse=True)
    return cells, xr.DataArray(place.reshape(-1), dims="sample")
