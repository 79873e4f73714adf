"""Running directions as codes of their own: what is measured in each by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.labels import require_dims
from drift.metrics.maps import DIRECTIONS

# One code over all pairs of place and direction, or one in each direction, as is published.
Directions = Literal["joint", "apart"]
Labelled = TypeVar("Labelled", xr.DataArray, xr.Dataset)


def in_each_direction(
    direction: xr.DataArray, measure: Callable[[np.ndarray], Labelled]
) -> Labelled:
    """Measure the samples of each running direction by themselves, one behind the other.

    Parameters
    ----------
    direction : xarray.DataArray
        (sample) 1, -1 or 0; 0 is left out.
    measure : callable
        Of numbers of samples.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        What it returns, with ``direction`` as the last dim.

    Raises
    ------
    RefusedInputError
        If no sample runs in one of the directions.
    """
    ways = require_dims(direction, "direction", "sample").values
    if absent := [way for way in DIRECTIONS if not (ways == way).any()]:
        raise RefusedInputError(
            f"directions are measured apart, but no sample has the direction {absent[0]:+d}: "
            "leave the directions out, or measure them together."
        )
    measured = [measure(np.flatnonzero(ways == way)) for way in DIRECTIONS]
    labels = xr.DataArray(list(DIRECTIONS), dims="direction", name="direction")
    return xr.concat(measured, labels, coords="minimal", compat="override").transpose(
        ..., "direction"
    )


def directions_of(recorded: xr.Dataset) -> Directions:
    """How a recording was measured.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset; with ``place_unit_by_direction`` directions were measured apart.
    """
    return "apart" if "place_unit_by_direction" in recorded else "joint"


def place_flags(recorded: xr.Dataset) -> str:
    """Name of the flags of place units that information is averaged over.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset.
    """
    return "place_unit_by_direction" if directions_of(recorded) == "apart" else "place_unit"


def of_samples(values: float | xr.DataArray, samples: np.ndarray) -> float | xr.DataArray:
    """Durations of some samples; one number is that of all.

    Parameters
    ----------
    values : float or xarray.DataArray
        Of all samples, or (sample) of each.
    samples : numpy.ndarray
        Their numbers.
    """
    return values.isel(sample=samples) if isinstance(values, xr.DataArray) else values
