"""Variables of a MATLAB v5 file one after the other: each is unpacked once, into memory of its
own, checked there, and read from there.

A plain array stays where it was unpacked; all else is read by scipy from the checked elements, as
from a file that holds this variable only.
"""

from __future__ import annotations

import io
import itertools
import mmap
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.io
from numpy.typing import NDArray
from scipy.io.matlab import MatReadWarning

from data_adapters.files.limits import LARGEST, refuse_absurd
from data_adapters.files.matlab_elements import (
    COMPLEX,
    COMPRESSED,
    HEADER,
    INT8,
    ITEM_TYPES,
    LOGICAL,
    MATRIX,
    NUMBERS,
    UINT32,
    Elements,
    OneVariableError,
    check_variable,
)

TAG = 8  # bytes before what an element holds
# bytes that are unpacked at once, and into how many at most: both stay in the cache of a processor
PACKED_PIECE, PIECE = 2**14, 2**18
HIGHEST_RATIO = 1032  # of what deflate unpacks to what it reads (zlib, technical details)


class Variable(NamedTuple):
    """A variable of a file: its name, why it cannot be read (empty if it can), and its values; None
    for those that are not needed."""

    name: str
    fault: str
    values: Any


def variables(path: Path, is_needed: Callable[[str], bool]) -> Iterator[Variable]:
    """Variables of a MATLAB v5 file in its order, all elements of each one checked.

    Parameters
    ----------
    path : pathlib.Path
        A file with a v5 header.
    is_needed : callable
        Tells by its name whether a variable is to be read.

    Returns
    -------
    iterator of Variable
        Its fault is damage inside of it, or a class that holds no data (functions, objects).

    Raises
    ------
    ValueError
        If an element does not fit the file, or has no name.
    zlib.error
        If a compressed element is damaged.
    RefusedInputError
        If a variable claims more than 4 GiB.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        order = "<" if content[126:128] == b"IM" else ">"
        top = Elements(content, HEADER, len(content), order)
        while top.at < top.stop:
            kind, start, size = top.expect(MATRIX, COMPRESSED)
            variable = _packed if kind == COMPRESSED else _plain
            yield variable(content, start, start + size, order, is_needed)


def _plain(
    content: mmap.mmap, start: int, stop: int, order: str, is_needed: Callable[[str], bool]
) -> Variable:
    """A variable that stands in the file as it is; it is copied when it is read."""
    fault, name = _fault(Elements(content, start, stop, order))
    if fault or not is_needed(name):
        return Variable(name, fault, None)
    return Variable(name, "", _values(_copied(content, start - TAG, stop), name, order))


def _packed(
    content: mmap.mmap, start: int, stop: int, order: str, is_needed: Callable[[str], bool]
) -> Variable:
    """A compressed variable; it is not read if anything follows it where it is compressed."""
    alone, surplus = _unpacked(content, start, stop, order)
    elements = Elements(alone, HEADER + TAG, len(alone), order)
    fault, name = _fault(elements)
    if fault or not is_needed(name):
        return Variable(name, fault, None)
    surplus += elements.stop - elements.at
    if surplus:
        raise ValueError(f"{surplus} bytes follow the values of {name}")
    return Variable(name, "", _values(alone, name, order))


def _fault(elements: Elements) -> tuple[str, str]:
    """Why a variable cannot be read, empty if it can, and its name."""
    try:
        return "", check_variable(elements)
    except OneVariableError as error:
        return str(error), error.name


def _copied(content: mmap.mmap, start: int, stop: int) -> memoryview:
    """The header of a file and one element of it."""
    alone = np.empty(HEADER + stop - start, np.uint8).data
    alone[:HEADER] = content[:HEADER]
    for at in range(start, stop, PIECE):
        piece = content[at : min(at + PIECE, stop)]
        alone[HEADER + at - start :][: len(piece)] = piece
    return alone


def _unpacked(content: mmap.mmap, start: int, stop: int, order: str) -> tuple[memoryview, int]:
    """The header of a file and the element that a compressed one holds, and the bytes behind it.

    Memory is taken for what its tag says, once that is known to be possible; what is behind that
    element is unpacked too, for the checksum, but not kept.
    """
    pieces = _pieces(content, start, stop)
    first = next(pieces, b"")
    alone = np.empty(HEADER + _whole_size(first, stop - start, order), np.uint8).data
    alone[:HEADER] = content[:HEADER]
    filled = HEADER
    for piece in itertools.chain([first], pieces):
        fitting = piece[: max(len(alone) - filled, 0)]
        alone[filled : filled + len(fitting)] = fitting
        filled += len(piece)
        if filled - HEADER > LARGEST:
            raise ValueError(f"a compressed array has more than {LARGEST >> 30} GiB")
    if filled < len(alone):
        raise ValueError("an element is larger than what holds it")
    return alone, filled - len(alone)


def _pieces(content: mmap.mmap, start: int, stop: int) -> Iterator[bytes]:
    """What a compressed element holds, a little at a time."""
    unpacking = zlib.decompressobj()
    for at in range(start, stop, PACKED_PIECE):
        packed = content[at : min(at + PACKED_PIECE, stop)]
        while packed:
            yield unpacking.decompress(packed, PIECE)
            packed = unpacking.unconsumed_tail
        if unpacking.eof:  # what follows would be collected, over and over
            return
    yield unpacking.flush()


def _whole_size(first: bytes, packed: int, order: str) -> int:
    """Bytes of the element that a compressed one begins with, its tag included."""
    if len(first) < TAG:
        raise ValueError("an element is missing")
    kind, size = struct.unpack_from(f"{order}II", first)
    if kind != MATRIX:
        raise ValueError(f"an element has type {kind} where {MATRIX} belongs")
    refuse_absurd((size,), 1, "a compressed array")
    if size > HIGHEST_RATIO * packed:
        raise ValueError(f"a compressed array claims {size} bytes, which {packed} cannot hold")
    return TAG + int(size)


def _values(alone: memoryview, name: str, order: str) -> Any:
    """What a checked variable holds, as scipy reads it."""
    values = _real_numbers(alone, order)
    if values is not None:
        return values
    with warnings.catch_warnings():
        warnings.simplefilter("error", MatReadWarning)
        return scipy.io.loadmat(
            _File(alone), squeeze_me=False, struct_as_record=False, variable_names=[name]
        )[name]


def _real_numbers(alone: memoryview, order: str) -> NDArray[Any] | None:
    """The memory of real numbers as an array; None where it is anything else."""
    elements = Elements(alone, HEADER + TAG, len(alone), order)
    flags, shape = elements.integers(UINT32), elements.integers()
    elements.expect(INT8)  # the name
    if int(flags[0]) & 0xFF not in NUMBERS or int(flags[0]) & (COMPLEX | LOGICAL):
        return None
    kind, start, _size = elements.take()
    return np.ndarray(tuple(shape.tolist()), order + ITEM_TYPES[kind], alone, start, order="F")


class _File:
    """Memory that is read as a file, without a copy of all of it."""

    def __init__(self, content: memoryview) -> None:
        self.content, self.at = content, 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, fewer at the end."""
        stop = len(self.content) if size < 0 else min(self.at + size, len(self.content))
        piece = bytes(self.content[self.at : stop])
        self.at += len(piece)
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place counted from the start, from here, or from the end."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: len(self.content)}
        self.at = origin[whence] + offset
        return self.at

    def tell(self) -> int:
        """Return the place that is read next."""
        return self.at
