"""Arrays of numpy (``.npy``): headers are read before memory is taken, pickles run no code."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.files.limits import refuse_absurd
from data_adapters.files.pickles import harmless
from data_adapters.files.regular import regular
from data_adapters.options import one_line
from drift.schema.labelled_form import RefusedInputError

LARGEST_PICKLE = 2**28  # bytes; settings of a program with its mean images are some megabytes
BLOCK = 2**24  # numbers that are read at a time


class Header(NamedTuple):
    """What a ``.npy`` file says of itself, and where its numbers begin."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    start: int


def read_npy(path: str | Path) -> NDArray[Any]:
    """An array of a ``.npy`` file without pickled objects.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    RefusedInputError
        If the file is missing, damaged, larger than a session can be, or holds pickled objects.
    """
    path = regular(path)
    header = read_header(path)
    refuse_absurd(header.shape, header.dtype.itemsize, str(path))
    try:
        with path.open("rb") as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except Exception as error:  # a damaged file makes numpy raise nearly anything
        raise _damaged(path, error) from error


def read_header(path: Path) -> Header:
    """Shape and type of the array of a ``.npy`` file, if the file is as long as these say.

    Raises
    ------
    RefusedInputError
        If the file is damaged or holds pickled objects.
    """
    try:
        with path.open("rb") as file:
            shape, fortran_order, dtype = _header_of(file)
            header = Header(shape, fortran_order, dtype, file.tell())
    except Exception as error:  # a damaged file makes numpy raise nearly anything
        raise _damaged(path, error) from error
    if header.dtype.hasobject:
        raise RefusedInputError(
            f"{path} was expected to hold plain numbers, got pickled objects, which can run code: "
            "save them with numpy.save as numbers."
        )
    if 0 in header.shape or min(header.shape, default=1) < 0:
        refuse_absurd(header.shape, header.dtype.itemsize, str(path))
    expected = math.prod(header.shape) * header.dtype.itemsize
    held = path.stat().st_size - header.start
    if held < expected:
        raise RefusedInputError(
            f"{path} was expected to hold {expected} bytes of numbers, got {held}: copy the file "
            "again."
        )
    return header


def _header_of(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    reader = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    return reader(file)


def read_rows(path: Path, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Some rows of a large matrix of real numbers (row, column) as float64, a few at a time.

    Parameters
    ----------
    path : pathlib.Path
        A ``.npy`` file whose header was read before.
    rows : numpy.ndarray of bool
        (row) which ones are wanted.

    Returns
    -------
    numpy.ndarray
        (wanted row, column)
    """
    header = read_header(path)
    columns = header.shape[1]
    refuse_absurd((int(rows.sum()), columns), 8, str(path))
    filled = np.empty((int(rows.sum()), columns))
    for rows_there, values in _blocks(path, header, rows):
        filled[rows_there] = values
    return filled


def _blocks(
    path: Path, header: Header, rows: NDArray[np.bool_]
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Wanted rows by blocks, and where they go."""
    if header.fortran_order:  # rare: written from a transposed array
        yield slice(None), read_npy(path)[rows]
        return
    columns, done = header.shape[1], 0
    step = max(1, BLOCK // max(1, columns))
    with path.open("rb") as file:
        file.seek(header.start)
        for first in range(0, rows.size, step):
            block_rows = rows[first : first + step]
            numbers = np.fromfile(file, header.dtype, block_rows.size * columns)
            rows_there = numbers.reshape(block_rows.size, columns)[block_rows]
            yield slice(done, done + len(rows_there)), rows_there
            done += len(rows_there)


def read_pickled_dict(path: str | Path) -> dict[str, Any]:
    """A dict that a program saved with ``numpy.save``, such as suite2p's ``ops.npy``.

    The pickle inside may hold plain values, arrays of numpy and times; anything else is refused
    before it is called.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    dict

    Raises
    ------
    RefusedInputError
        If the file is missing, damaged, no dict, or asks for more than plain values.
    """
    path = regular(path)
    if path.stat().st_size > LARGEST_PICKLE:
        raise RefusedInputError(
            f"{path} was expected to hold settings below {LARGEST_PICKLE >> 20} MiB, got "
            f"{path.stat().st_size >> 20} MiB: check the file."
        )
    try:
        with path.open("rb") as file:
            _header_of(file)
            content = harmless(file.read())
        content = content.item() if isinstance(content, np.ndarray) else content
    except Exception as error:  # a damaged pickle raises nearly anything
        raise RefusedInputError(
            f"{path} was expected to hold a dict of plain values, got: {one_line(error)}; copy the "
            "file again."
        ) from error
    if not isinstance(content, dict):
        raise RefusedInputError(
            f"{path} was expected to hold a dict, got {type(content).__name__}: give the file "
            "that the program wrote."
        )
    return content


def _damaged(path: Path, error: Exception) -> RefusedInputError:
    return RefusedInputError(
        f"{path} was expected to be a whole .npy file of numbers, got: {one_line(error)}; copy "
        "the file again."
    )
