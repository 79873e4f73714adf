"""Calcium imaging of CA1 within one day, on familiar linear tracks: Khatib 2023.

Khatib D, Ratzon A, Sellevoll M, Barak O, Morris G, Derdikman D (2023) Active experience, not time,
determines within-day representational drift in dorsal CA1. Neuron 111:2348-2356, doi
10.1016/j.neuron.2023.05.014.

The raw data are not public. Recordings of cells come in the interchange format with ``time_unit``
"min", a recording session being a block of time; the same cells are followed within the day. What
is published are five arrays, normalised to the first point.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.files.containers import read_fields, refuse_pickle
from data_adapters.laboratories.interchange import reader as interchange
from data_adapters.options import existing, one_line
from data_adapters.session import numbers
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError
from drift.texts import decoded

__all__ = ["sessions", "summary"]

SOURCE = "Khatib et al. 2023, doi 10.1016/j.neuron.2023.05.014"
MEANINGS = {
    "place_r_mean": (
        "normalised_fraction_place_units",
        "fraction of place units over that of the first point",
    ),
    "place_r_sem": ("normalised_fraction_place_units_sem", "standard error of it"),
    "info_mean": (
        "normalised_spatial_information",
        "mean spatial information over that of the first point",
    ),
    "info_sem": ("normalised_spatial_information_sem", "standard error of it"),
}
ARRAYS = (*MEANINGS, "time_points")


@opened
def sessions(path: str | Path, position_units: str = "auto") -> Iterator[xr.Dataset]:
    """One session Dataset per block of time, from files of the interchange format.

    Parameters
    ----------
    path : str or pathlib.Path
        One file, or a folder of ``<animal>_<session:02d>`` files with ``time_unit`` "min".
    position_units : {"auto", "cm", "pixel"}
        As in ``data_adapters.laboratories.interchange.reader.sessions``.

    Returns
    -------
    iterator of xarray.Dataset
        ``elapsed`` in minutes.

    Raises
    ------
    RefusedInputError
        If a file cannot be used, or counts time in days.
    """
    return (
        _within_day(recorded)
        for recorded in interchange.sessions(path, position_units=position_units)
    )


def _within_day(recorded: xr.Dataset) -> xr.Dataset:
    unit = recorded["elapsed"].attrs["units"]
    if unit != "min":
        who = f"session {recorded['session'].item()} of {recorded['subject'].item()}"
        raise RefusedInputError(
            f"time_unit of {who} was expected to be min within one day, got {unit}: use the "
            "reader interchange."
        )
    return recorded


@opened
def summary(path: str | Path) -> xr.Dataset:
    """Published curves: fraction of place cells and spatial information, both normalised to the
    first point.

    Parameters
    ----------
    path : str or pathlib.Path
        ``.npz``, ``.csv`` (one column each, names in the first line) or ``.json`` with five arrays
        of one length: ``place_r_mean``, ``place_r_sem``, ``info_mean``, ``info_sem`` and
        ``time_points`` (min).

    Returns
    -------
    xarray.Dataset
        ``normalised_fraction_place_units``, ``normalised_spatial_information`` and their ``_sem``
        by (session), ``elapsed`` in min.

    Raises
    ------
    RefusedInputError
        If the file is a pickle (as it was published), is damaged, or lacks an array.
    """
    path = existing(path)
    try:
        refuse_pickle(path)
    except RefusedInputError as refusal:
        order = ", ".join(ARRAYS)
        raise RefusedInputError(
            f"{str(refusal).rstrip('.')}; the tuple holds, in this order, {order}."
        ) from refusal
    arrays = _arrays(path)
    elapsed = arrays.pop("time_points")
    if not (np.diff(elapsed) > 0).all() or np.isnan(elapsed).any():
        raise RefusedInputError(
            f"time_points in {path} were expected to increase, got {elapsed[:9].tolist()}: "
            "sort the points."
        )
    variables = {
        MEANINGS[name][0]: ("session", values, {"units": "1", "long_name": MEANINGS[name][1]})
        for name, values in arrays.items()
    }
    coords = {"session": np.arange(len(elapsed)), "elapsed": ("session", elapsed, {"units": "min"})}
    return xr.Dataset(variables, coords=coords, attrs={"source": SOURCE, "geometry": "linear"})


def _arrays(path: Path) -> dict[str, NDArray[np.float64]]:
    readers = {".csv": _columns, ".json": _lists}
    fields = readers[path.suffix](path) if path.suffix in readers else read_fields(path)
    missing = [name for name in ARRAYS if name not in fields]
    if missing:
        raise RefusedInputError(
            f"{path} was expected to hold {', '.join(ARRAYS)}, got none of "
            f"{', '.join(missing)}: add them."
        )
    arrays = {
        name: np.atleast_1d(np.squeeze(numbers(fields[name], f"{name} in {path}")))  # type: ignore[arg-type]
        for name in ARRAYS
    }
    shapes = {values.shape for values in arrays.values()}
    if len(shapes) > 1 or len(shape := shapes.pop()) != 1 or shape[0] == 0:
        got = ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
        raise RefusedInputError(
            f"arrays in {path} were expected in one dim and of one length, got {got}: cut "
            "them alike."
        )
    return arrays


def _columns(path: Path) -> dict[str, object]:
    try:
        head, *lines = csv.reader(decoded(path.read_bytes()).split("\n"))
        values = [
            [float(entry) if entry.strip() else math.nan for entry in line]
            for line in lines
            if line
        ]
    except (OSError, ValueError, csv.Error) as error:
        raise RefusedInputError(
            f"{path} was expected to be a table of numbers with names, got: "
            f"{one_line(error)}; save it again."
        ) from error
    if any(len(line) != len(head) for line in values) or not values:
        raise RefusedInputError(
            f"lines of {path} were expected with {len(head)} numbers each, got others: "
            "complete the table."
        )
    return {name.strip(): [line[column] for line in values] for column, name in enumerate(head)}


def _lists(path: Path) -> dict[str, object]:
    try:
        content = json.loads(decoded(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise RefusedInputError(
            f"{path} was expected to be a JSON object of arrays, got: {one_line(error)}; save "
            "it again."
        ) from error
    if not isinstance(content, dict):
        raise RefusedInputError(
            f"{path} was expected to be a JSON object of arrays, got "
            f"{type(content).__name__}: give each array a name."
        )
    return content
