"""Over what maps run: over places, or over the stimuli that stand in their stead."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

PLACE, STIMULUS = "place", "stimulus"


def map_dim(labelled: xr.DataArray | xr.Dataset) -> str:
    """Name of the dim over which the maps of an array or a Dataset run.

    Parameters
    ----------
    labelled : xarray.DataArray or xarray.Dataset
        Maps, occupancy, or a longitudinal Dataset.

    Returns
    -------
    {"place", "stimulus"}
        ``place`` where it has neither.
    """
    return STIMULUS if STIMULUS in labelled.dims else PLACE


def map_dims(labelled: xr.DataArray | xr.Dataset) -> list[str]:
    """All dims of a map: places or stimuli and, where maps are split, running directions.

    Parameters
    ----------
    labelled : xarray.DataArray or xarray.Dataset
        See ``map_dim``.

    Returns
    -------
    list of str
        Those that are there, in this order.
    """
    return [dim for dim in (map_dim(labelled), "direction") if dim in labelled.dims]


def over_stimuli(dims: Sequence[str], of_array: Sequence[object]) -> tuple[str, ...]:
    """Dims of a row of the table as an array has them: ``stimulus`` in the place of ``place``, and
    ``stimulus_decoded`` in that of ``place_decoded``, where the array runs over stimuli.

    Parameters
    ----------
    dims : sequence of str
        As the table has them.
    of_array : sequence of str
        Dims of the array.
    """
    twins = {dim: dim.replace(PLACE, STIMULUS) for dim in dims}
    return tuple(twin if twin in of_array else dim for dim, twin in twins.items())
