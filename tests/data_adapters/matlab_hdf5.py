"""Writes MATLAB v7.3 files by hand: an HDF5 file behind a block of 512 bytes, with the attributes
that MATLAB gives its variables."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np

NUMBERS = count()


def write_hdf5(path: Path, variables: dict[str, Any]) -> Path:
    """Dicts become structs, lists 1 x n cells, text char arrays, everything else numbers with
    reversed dims."""
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_group("#refs#")
        for name, value in variables.items():
            _write(file, name, value, cells)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, written by a test".ljust(124) + b"\x00\x02IM")
    return path


def _write(parent: Any, name: str, value: Any, cells: Any) -> Any:
    if isinstance(value, dict):
        node = parent.create_group(name)
        for field, inner in value.items():
            _write(node, field, inner, cells)
        return _classed(node, "struct")
    if isinstance(value, list):
        references = np.empty((len(value), 1), dtype=h5py.ref_dtype)
        for index, item in enumerate(value):
            references[index, 0] = _write(cells, f"c{next(NUMBERS)}", item, cells).ref
        if not value:
            return _empty(parent, name, (1, 0), "cell")
        return _classed(parent.create_dataset(name, data=references, dtype=h5py.ref_dtype), "cell")
    if isinstance(value, str):
        codes = np.frombuffer(value.encode("utf-16-le"), dtype="<u2")[:, np.newaxis]
        return (
            _classed(parent.create_dataset(name, data=codes), "char")
            if value
            else _empty(parent, name, (0, 0), "char")
        )
    array = np.atleast_2d(np.asarray(value, dtype=float))
    return (
        _empty(parent, name, array.shape, "double")
        if array.size == 0
        else _classed(parent.create_dataset(name, data=array.T), "double")
    )


def _empty(parent: Any, name: str, shape: tuple[int, ...], kind: str) -> Any:
    node = _classed(parent.create_dataset(name, data=np.asarray(shape, dtype=np.uint64)), kind)
    node.attrs["MATLAB_empty"] = np.uint8(1)
    return node


def _classed(node: Any, kind: str) -> Any:
    node.attrs["MATLAB_class"] = np.bytes_(kind)
    return node
