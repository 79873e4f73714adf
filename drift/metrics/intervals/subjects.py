"""Bars over subjects: standard errors of their mean, and what a legend says of them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.metrics.intervals.limits import standard_error

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


def error_over_subjects(values: xr.DataArray, dim: str = "subject") -> xr.DataArray:
    """Standard error of the mean over subjects, NaN where one alone is known.

    Parameters
    ----------
    values : xarray.DataArray
        (subject, ...).
    dim : str
        What is independent, if not subjects.

    Returns
    -------
    xarray.DataArray
        (...) in the units of the values.
    """
    error = standard_error(values.values, values.get_axis_num(dim))
    units = {"units": values.attrs["units"]} if "units" in values.attrs else {}
    dims = [name for name in values.dims if name != dim]
    labels = {name: label for name, label in values.coords.items() if dim not in label.dims}
    return xr.DataArray(error, coords=labels, dims=dims, attrs=units)


def bars_text(subjects: np.ndarray | int) -> str:
    """What the bars of a curve are and of how many subjects, such as "mean ± s.e. over 3 to 5
    subjects".

    Parameters
    ----------
    subjects : numpy.ndarray or int
        How many are known at each point.
    """
    counts = np.atleast_1d(subjects)
    if counts.size == 0 or counts.max() < 2:
        return "1 subject: no standard error over subjects"
    least, most = int(counts.min()), int(counts.max())
    number = f"{most}" if least == most else f"{least} to {most}"
    return f"mean {PLUS_MINUS} s.e. over {number} subjects"
