"""Labelled results as MATLAB files (v5), which MATLAB and Octave open with ``load``.

A file holds one variable, the struct ``recording``:

===========================  =======================================================================
``recording.dims``           number of labels along each dim: ``recording.dims.session``
``recording.variables``      one struct each, such as ``recording.variables.rate``
``recording.coordinates``    the same for coordinates, such as ``recording.coordinates.elapsed``
``recording.attributes``     text and numbers that hold for the whole: versions, rules, sources
===========================  =======================================================================

Every variable and coordinate is a struct of ``values``, ``dims`` (cell array of names, one for each
axis of ``values`` in its order), ``size`` (as MATLAB drops a last axis of length 1), ``units``,
``long_name``, ``name`` (as it is in netCDF) and ``attributes``. A series with one dim is a column.
Bool is logical, text a cell array, time text in ISO 8601; NaN, not observed, stays NaN.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.files.atomic import check_target, replaced_atomically

LONGEST = 63  # letters of a name in MATLAB
LARGEST = 2**31 - 1  # bytes of an array in a v5 file
WORDS = re.compile(
    "break|case|catch|classdef|continue|else|elseif|end|for|function|global|if|otherwise|parfor|"
    "persistent|return|spmd|switch|try|while"
)


@opened
def write_mat(dataset: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a labelled result as a MATLAB file, with dims, units and coordinates.

    Parameters
    ----------
    dataset : xarray.Dataset
        Any labelled result.
    path : str or Path
        The file to write, ending in ``.mat``; its folder must exist.
    overwrite : bool
        Replace a file that is there.

    Returns
    -------
    Path

    Raises
    ------
    RefusedInputError
        If the path ends otherwise, the file exists and is to be kept, or an array is of a kind or a
        size that the format has no place for.

    Examples
    --------
    >>> write_mat(drift.load("recorded.nc"), "recorded.mat")

    In MATLAB or Octave: ``load recorded.mat; recording.variables.rate.dims``
    """
    from scipy.io import savemat

    target = Path(path)
    if target.suffix != ".mat":
        raise RefusedInputError(f"MATLAB files end in .mat, got {path}: end the path so.")
    check_target(target, overwrite=overwrite)
    content = {"recording": matlab_struct(dataset)}
    with (
        replaced_atomically(target, overwrite=overwrite) as temporary,
        temporary.open("wb") as file,
    ):
        savemat(file, content, long_field_names=True, oned_as="column", do_compression=True)
    return target


def matlab_struct(dataset: xr.Dataset) -> dict[str, Any]:
    """Return a Dataset as nested mappings in the layout of the file.

    Parameters
    ----------
    dataset : xarray.Dataset
        Any labelled result.
    """
    names = field_names([*map(str, dataset.variables), *map(str, dataset.dims)])
    dims = {names[str(dim)]: float(size) for dim, size in dataset.sizes.items()}
    variables, coordinates = (
        {names[str(name)]: _array(str(name), array) for name, array in group.items()}
        for group in (dataset.data_vars, dataset.coords)
    )
    return {
        "dims": dims,
        "variables": variables,
        "coordinates": coordinates,
        "attributes": _attributes(dataset.attrs),
    }


def field_names(names: Iterable[str]) -> dict[str, str]:
    """Names that MATLAB takes for fields, each its own: letters, digits and underscores, a letter
    first, at most 63, no word of the language.

    Parameters
    ----------
    names : iterable of str
        As they are in the Dataset.

    Returns
    -------
    dict of str to str
        By the names as they are; those that fit already stay.
    """
    distinct = list(dict.fromkeys(names))
    fitting = {name: name for name in distinct if _field(name) == name}
    used = set(fitting.values())
    for name in distinct:
        if name not in fitting:
            fitting[name] = _free(_field(name), used)
            used.add(fitting[name])
    return fitting


def _field(name: str) -> str:
    letters = re.sub(r"[^A-Za-z0-9_]", "_", name)
    plain = (
        letters
        if re.match(r"[A-Za-z]", letters) and not WORDS.fullmatch(letters)
        else f"x{letters}"
    )
    return plain[:LONGEST]


def _free(name: str, used: set[str]) -> str:
    """The name, or with the first number that makes it another one."""
    number, free = 1, name
    while free in used:
        number += 1
        free = f"{name[: LONGEST - len(str(number)) - 1]}_{number}"
    return free


def _array(name: str, array: xr.DataArray) -> dict[str, Any]:
    further = {key: text for key, text in array.attrs.items() if key not in ("units", "long_name")}
    return {
        "values": _values(name, np.asarray(array.values)),
        "dims": _cells(np.array(array.dims, dtype=object)),
        "size": np.array([array.shape], dtype=float).reshape(1, -1),
        "units": str(array.attrs.get("units", "")),
        "long_name": str(array.attrs.get("long_name", "")),
        "name": name,
        "attributes": _attributes(further),
    }


def _values(name: str, values: np.ndarray) -> Any:
    if values.dtype.kind in "mM":
        values = np.datetime_as_string(values) if values.dtype.kind == "M" else values.astype(str)
    if values.dtype.kind in "OUS":
        return _cells(values) if values.ndim else _text(values.item())
    if values.dtype.kind not in "biufc" or values.dtype.itemsize > 16:
        raise RefusedInputError(
            f"{name} was expected to hold numbers, bool or text, got {values.dtype}: convert it, "
            "or leave it out by dataset.drop_vars."
        )
    values = values.astype(float) if values.dtype == np.float16 else values
    if values.nbytes > LARGEST:
        raise RefusedInputError(
            f"{name} takes {values.nbytes / 2**30:.1f} GiB, more than the 2 GiB of an array in a "
            "MATLAB file: take some subjects or sessions, or read the netCDF file by ncread."
        )
    return values


def _cells(texts: np.ndarray) -> np.ndarray:
    """Text as a cell array; what is missing is empty."""
    cells = np.empty(texts.shape, dtype=object)
    for place, text in np.ndenumerate(texts):
        cells[place] = _text(text)
    return cells


def _text(text: object) -> str:
    missing = text is None or (isinstance(text, float) and np.isnan(text))
    return "" if missing else text.decode() if isinstance(text, bytes) else str(text)


def _attributes(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    names = field_names(map(str, attrs))
    return {
        names[str(name)]: _values(str(name), np.asarray(attribute))
        for name, attribute in attrs.items()
    }
