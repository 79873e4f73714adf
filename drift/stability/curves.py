"""Measures of pairs of sessions by the time between them, room by room."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.rooms import environment_labels
from drift.metrics.time_course.lag_classes import lag_classes
from drift.metrics.time_course.lags import by_lag

PAIRS = ("subject", "session", "session_other")
ENDING = "_by_lag"


def curves_by_lag(pairs: xr.Dataset, elapsed: xr.DataArray) -> xr.Dataset:
    """Mean of each measure of pairs of sessions in each class of lags.

    Parameters
    ----------
    pairs : xarray.Dataset
        Arrays (subject, session, session_other, ...).
    elapsed : xarray.DataArray
        (subject, session), with the coordinate ``environment`` where rooms are labelled.

    Returns
    -------
    xarray.Dataset
        ``<name>_by_lag`` (subject, room, lag, ...); without variables where no lag is known. Rooms
        are labels of ``environment``, "" where none is known.
    """
    if not pairs.data_vars:
        return pairs
    sizes = {"subjects": elapsed.sizes["subject"], "sessions": elapsed.sizes["session"]}
    labels = environment_labels(elapsed, **sizes)
    recorded = np.isfinite(elapsed.transpose("subject", "session").values)
    names = sorted(set(labels[recorded].tolist()))
    try:
        rooms = [_of_room(pairs, elapsed, labels == name) for name in names]
    except RefusedInputError:  # a single session, or no time that is known
        return xr.Dataset()
    curves = xr.concat(rooms, dim=xr.Variable("room", names)).transpose(
        "subject", "room", "lag", ...
    )
    return curves.dropna("lag", how="all")


def _of_room(pairs: xr.Dataset, elapsed: xr.DataArray, inside: np.ndarray) -> xr.Dataset:
    """Curves of one room; ``inside`` is (subject, session) bool."""
    edges = lag_classes(elapsed)
    both = xr.DataArray(inside[:, :, np.newaxis] & inside[:, np.newaxis], dims=PAIRS)
    curves = {}
    for name, values in pairs.data_vars.items():
        bare = values.drop_vars(PAIRS[1:], errors="ignore").where(both)
        curves[f"{name}{ENDING}"] = by_lag(bare, elapsed, edges)["correlation"]
    return xr.Dataset(curves)
