"""How a file is laid out: names, dims, types, shapes and attributes of its variables, as one
checksum.

Files of one layout differ in their numbers alone, so that what is said of one holds of all: a
thousand results are read as arrays, not as a thousand Datasets.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from drift.errors import DamagedFileError
from drift.files.seal import bears_seal

LAYOUT = "repdrift_layout"  # attribute of a file


def layout(dataset: xr.Dataset) -> str | None:
    """Return the checksum of all but the numbers of a Dataset and its own attributes; None where
    one of its variables is neither numbers nor text."""
    if not all(map(_is_plain, dataset.variables.values())):
        return None
    described = [
        (
            str(name),
            values.dims,
            values.shape,
            "text" if values.dtype.kind in "OU" else str(values.dtype),
            name in dataset.coords,
            sorted((key, repr(value)) for key, value in values.attrs.items()),
            sorted((key, repr(value)) for key, value in values.encoding.items()),
        )
        for name, values in dataset.variables.items()
    ]
    return hashlib.sha256(repr(sorted(described)).encode()).hexdigest()


def _is_plain(variable: xr.Variable) -> bool:
    if variable.dtype.kind != "O":
        return variable.dtype.kind in "fiubU"
    return all(isinstance(value, str) for value in variable.values.ravel())


def stored_layout(path: Path) -> str | None:
    """Return the layout that a file says it has; None where it says nothing, or nothing that holds,
    because it bears no seal."""
    if not bears_seal(path):
        return None
    file = h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDONLY)
    if not h5py.h5a.exists(file, LAYOUT.encode()):
        return None
    attribute = h5py.h5a.open(file, LAYOUT.encode())
    text = np.empty(attribute.shape, attribute.dtype)
    attribute.read(text)
    return bytes(text.item()).decode()


def stored_arrays(
    path: Path, wanted: Mapping[str, tuple[tuple[int, ...], np.dtype]]
) -> dict[str, np.ndarray]:
    """Return variables of a file as they are stored.

    Parameters
    ----------
    path : Path
    wanted : mapping of str to (shape, dtype)
        Variables, whose layout is known; dtypes that are no numbers are text.

    Returns
    -------
    dict of str to numpy.ndarray

    Raises
    ------
    DamagedFileError
        If a variable has another shape: the file was written again.
    """
    file = h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDONLY)
    return {name: _array(file, name, *how) for name, how in wanted.items()}


def _array(file: h5py.h5f.FileID, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    is_text = dtype.kind in "OUT"
    array = np.empty(shape, h5py.string_dtype() if is_text else dtype)
    try:
        stored = h5py.h5d.open(file, name.encode())
        if is_text and stored.shape != shape:
            raise ValueError(f"a text of shape {stored.shape}")
        # numbers: the library compares the sizes, which h5py leaves to its callers
        stored.read(_space(shape), h5py.h5s.ALL, array)
    except (KeyError, OSError, TypeError, ValueError) as error:
        path = os.fsdecode(h5py.h5f.get_name(file))
        raise DamagedFileError(
            f"{name} of {path} was expected to be an array of shape {shape}, got none ({error}): "
            "its file was written again, open the results anew."
        ) from None
    if is_text:
        array.flat[:] = [text.decode() for text in array.flat]
    return array


@functools.cache
def _space(shape: tuple[int, ...]) -> h5py.h5s.SpaceID:
    return h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
