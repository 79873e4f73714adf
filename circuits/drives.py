"""What drives a circuit: one number for each excitatory unit, for any number of stimuli, places or
subjects."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from drift.schema.labelled_form import RefusedInputError

RESERVED = {
    "rate",
    "winner",
    "inhibition",
    "active_units",
    "loop_gain",
    "settling_time",
    "final_set_time",
    "peak_active_units",
    "residual",
    "converged",
    "rate_trajectory",
    "inhibition_trajectory",
    "time",
    "step",
    "step_time",
    "recipe",
}
"""Names of what a circuit does on a drive, which the drive's own labels would hide."""


def checked_drive(drive: Any, units: int) -> xr.DataArray:
    """Return the drive as labelled numbers with ``unit`` as its last dim.

    Parameters
    ----------
    drive : array_like or xarray.DataArray
        (unit,) or (stimulus, unit) without labels; with labels any dims, one of them ``unit``. No
        units, finite.
    units : int
        Excitatory units of the circuit.

    Returns
    -------
    xarray.DataArray
        (..., unit), float64.

    Raises
    ------
    RefusedInputError
        If the drive has units, other dims or another number of units, labels named as results are,
        or holds no finite numbers.
    """
    if getattr(drive, "dim", None) is not None:
        raise RefusedInputError(
            f"the drive has units ({drive.dim}): divide it by them, drives and rates of these "
            "circuits are plain numbers."
        )
    array = drive if isinstance(drive, xr.DataArray) else _labelled(drive)
    if "unit" not in array.dims:
        raise RefusedInputError(
            f"the drive has dims {array.dims} and no dim 'unit': name the dim of the "
            "excitatory units 'unit'."
        )
    if array.attrs.get("units", "1") != "1":
        raise RefusedInputError(
            f"the drive has units {array.attrs['units']!r} instead of '1': divide it by a "
            "scale first."
        )
    if array.sizes["unit"] != units:
        raise RefusedInputError(
            f"the drive has {array.sizes['unit']} units, the circuit {units}: use "
            f"circuit.replace(units={array.sizes['unit']})."
        )
    clashes = sorted(RESERVED & {str(name) for name in (*array.dims, *array.coords)})
    if clashes:
        raise RefusedInputError(
            f"the drive has dims or coordinates named {', '.join(clashes)} as the circuit's "
            "results are: rename them."
        )
    if array.dtype.kind not in "biuf":
        raise RefusedInputError(
            f"the drive holds {array.dtype} instead of real numbers: convert it first."
        )
    if array.dims[-1] != "unit":
        array = array.transpose(..., "unit")
    if array.dtype != float:
        array = array.astype(float)
    faulty = int((~np.isfinite(array.values)).sum())
    if faulty:
        raise RefusedInputError(
            f"the drive holds {faulty} values that are NaN or infinite: fill or drop them "
            "before a circuit settles."
        )
    if array.size == 0:
        raise RefusedInputError(
            f"the drive is empty (sizes {dict(array.sizes)}): give at least one stimulus."
        )
    return array


def _labelled(drive: Any) -> xr.DataArray:
    try:
        values = np.asarray(drive)
    except (TypeError, ValueError, RuntimeError):
        values = np.array("")
    if values.dtype.kind not in "biuf":
        raise RefusedInputError(
            f"the drive is not an array of numbers, got {type(drive).__name__}: pass (unit,) "
            "or (stimulus, unit)."
        )
    if values.ndim not in (1, 2):
        raise RefusedInputError(
            "a drive without labels has dims (unit,) or (stimulus, unit), got shape "
            f"{values.shape}: use a DataArray for more dims."
        )
    return xr.DataArray(values, dims=("stimulus", "unit")[2 - values.ndim :])


def normal_quantiles(units: int) -> np.ndarray:
    """Return standard normal quantiles in descending order: a normal drive without chance.

    I_i = Phi^-1((N + 1/2 - i) / N), i = 1..N (circuits, section 4).

    Parameters
    ----------
    units : int
        N.

    Returns
    -------
    numpy.ndarray
        (unit,).
    """
    return ndtri((units + 0.5 - np.arange(1, units + 1)) / units)
