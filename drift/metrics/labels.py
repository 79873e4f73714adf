"""Units and meaning for what the measures return, and the door at which activity and rates are
refused."""

from __future__ import annotations

import weakref

import numpy as np
import xarray as xr

from drift.door import findings
from drift.errors import RefusedInputError
from drift.schema.labelled_form import described

__all__ = ["described", "observed_units", "require_dims", "trust"]


def require_dims(array: xr.DataArray, name: str, *dims: str) -> xr.DataArray:
    """Return ``array`` if it is labelled with the dims that a measure addresses and is not empty.

    Parameters
    ----------
    array : xarray.DataArray
        Input of a measure.
    name : str
        What the input is called in the message.
    *dims : str
        Dims that must be present.

    Returns
    -------
    xarray.DataArray
        The same array.

    Raises
    ------
    RefusedInputError
        If it is no DataArray, lacks a dim, or holds no number.
    """
    if not isinstance(array, xr.DataArray):
        raise RefusedInputError(
            f"{name} must be an xarray DataArray with dims {', '.join(dims)}, got "
            f"{type(array).__name__}: wrap it in xarray.DataArray."
        )
    missing = [dim for dim in dims if dim not in array.dims]
    if missing:
        raise RefusedInputError(
            f"{name} lacks the dim {', '.join(missing)}, got dims {array.dims}: rename or add it."
        )
    if array.size == 0:
        raise RefusedInputError(
            f"{name} is empty, got sizes {dict(array.sizes)}: give at least one entry along "
            "every dim."
        )
    return array


def observed_units(activity: xr.DataArray) -> xr.DataArray:
    """Tell which units were observed: NaN in every sample means not observed.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit), not negative.

    Returns
    -------
    xarray.DataArray
        (..., unit) bool.

    Raises
    ------
    RefusedInputError
        If activity is empty, negative or infinite, or NaN in a part of the samples of a unit.
    """
    cache = findings()
    if cache is not None and (entry := cache.get(id(activity))) and entry[0]() is activity:
        return entry[1]
    observed = _validated_units(activity)
    trust(activity, observed)
    return observed


def trust(activity: xr.DataArray, observed: xr.DataArray) -> xr.DataArray:
    """Return activity that is a part of what was validated, so that it is not validated again
    before the door closes.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit) some samples of the validated activity.
    observed : xarray.DataArray
        (..., unit) ``observed_units`` of the whole.

    Returns
    -------
    xarray.DataArray
        The same activity.
    """
    cache = findings()
    if cache is not None:
        cache[id(activity)] = weakref.ref(activity), observed
    return activity


def _validated_units(activity: xr.DataArray) -> xr.DataArray:
    require_dims(activity, "activity", "sample", "unit")
    coords = {key: label for key, label in activity.coords.items() if "sample" not in label.dims}
    if _all_usual(activity.values):
        dims = tuple(dim for dim in activity.dims if dim != "sample")
        everywhere = np.ones([activity.sizes[dim] for dim in dims], dtype=bool)
        return xr.DataArray(everywhere, coords=coords, dims=dims)
    values = activity.variable
    if bool((values < 0).any()) or bool(np.isinf(values).any()):
        raise RefusedInputError(
            "activity must be finite and not negative, got values from "
            f"{float(activity.min()):g} to {float(activity.max()):g}: "
            "pass event counts, event amplitudes or rectified responses."
        )
    absent = values.isnull()
    everywhere = absent.all("sample")
    partly = absent.any("sample") & ~everywhere
    if bool(partly.any()):
        raise RefusedInputError(
            f"activity is NaN in a part of the samples of {int(partly.sum())} units, but a "
            "unit is either observed in all samples "
            "or NaN in all of them: drop the incomplete samples or the units."
        )
    return xr.DataArray(~everywhere, coords=coords)


def _all_usual(values: np.ndarray) -> bool:
    """Tell whether all are numbers, finite and not negative: what most activity is."""
    return values.dtype.kind in "biuf" and bool(values.min() >= 0) and bool(values.max() < np.inf)
