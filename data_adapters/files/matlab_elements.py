"""The element tree of a variable in a MATLAB v5 file, walked before it is read.

Readers of these files trust the sizes and classes that they find and may end the whole process on
a damaged file. Here every tag is followed once, and what does not fit is refused (MathWorks,
"MAT-File Format", the level 5 format).
"""

from __future__ import annotations

import math
import mmap
import struct

import numpy as np

HEADER = 128  # bytes before the first element
INT8, INT32, UINT32, MATRIX, COMPRESSED = 1, 5, 6, 14, 15
ITEM_TYPES = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4"},
    **{9: "f8", 12: "i8", 13: "u8"},
}
ITEM_BYTES = {kind: int(code[1]) for kind, code in ITEM_TYPES.items()}
TEXT_BYTES = {2: 1, 4: 2, 16: 1, 17: 2, 18: 4}
CELL, STRUCT, CHARACTERS, SPARSE = 1, 2, 4, 5
NUMBERS = range(6, 16)  # double to uint64
COMPLEX, LOGICAL = 0x800, 0x200
OPAQUE, FUNCTION = 17, 16
DEEPEST = 40


class Elements:
    """Elements between two places of a buffer, in the byte order of the file."""

    def __init__(self, content: mmap.mmap | memoryview, start: int, stop: int, order: str) -> None:
        self.content, self.at, self.stop, self.order = content, start, stop, order

    def take(self) -> tuple[int, int, int]:
        """Return type, first byte and size of the next element and go on behind it."""
        if self.at + 8 > self.stop:
            raise ValueError("an element is missing")
        first, size = struct.unpack_from(f"{self.order}II", self.content, self.at)
        if first >> 16:  # up to four bytes inside the tag itself
            kind, size, start, behind = first & 0xFFFF, first >> 16, self.at + 4, self.at + 8
        else:
            kind, start = first, self.at + 8
            behind = start + (size if kind == COMPRESSED else -(-size // 8) * 8)
        if start + size > self.stop or (first >> 16 and size > 4):
            raise ValueError("an element is larger than what holds it")
        self.at = min(behind, self.stop)
        return kind, start, size

    def expect(self, *kinds: int) -> tuple[int, int, int]:
        """Take an element of one of the given types."""
        kind, start, size = self.take()
        if kind not in kinds:
            raise ValueError(
                f"an element has type {kind} where {' or '.join(map(str, kinds))} belongs"
            )
        return kind, start, size

    def integers(self, kind: int = INT32) -> np.ndarray:
        """Take an element of 32-bit whole numbers and return them."""
        _kind, start, size = self.expect(kind)
        if size % 4:
            raise ValueError("whole numbers are cut")
        return np.frombuffer(
            self.content[start : start + size], f"{self.order}{'u' if kind == UINT32 else 'i'}4"
        ).astype(np.int64)


class OneVariableError(ValueError):
    """What is wrong with one variable, whose name is known; the others can be read without it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def check_variable(elements: Elements) -> str:
    """Follow all elements of one variable.

    Parameters
    ----------
    elements : Elements
        What the element of the variable holds.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    OneVariableError
        If it is damaged inside, or of a class that holds no data (functions, objects).
    ValueError
        If it has no name.
    """
    name = _variable_name(Elements(elements.content, elements.at, elements.stop, elements.order))
    try:
        _check_matrix(elements, DEEPEST)
    except ValueError as error:
        raise OneVariableError(name, f"is damaged ({error}): save it again") from None
    return name


def _variable_name(elements: Elements) -> str:
    """Name of a variable; an object is refused at once, as what it is."""
    flags = elements.integers(UINT32)
    opaque = flags.size == 2 and int(flags[0]) & 0xFF == OPAQUE
    if not opaque:
        elements.integers()
    name, _, kind = (
        (_text(elements) for _iteration in range(3)) if opaque else (_text(elements), "", "")
    )
    if opaque:
        raise OneVariableError(name, unreadable(name, kind))
    return name


def _text(elements: Elements) -> str:
    _kind, start, size = elements.expect(INT8)
    return bytes(elements.content[start : start + size]).decode("latin-1")


def unreadable(name: str, kind: str) -> str:
    """What is said of an object of MATLAB that no other program reads."""
    if kind == "string":
        return (
            "is a MATLAB string, which only MATLAB reads: save characters, 'm' instead of \"m\", "
            f"or char({name})"
        )
    return (
        f"is a MATLAB {kind or 'object'}, which only MATLAB reads: save its content as arrays and "
        "text"
    )


def _check_matrix(elements: Elements, depth: int) -> None:
    if elements.at == elements.stop:  # an empty place in a cell array
        return
    if depth == 0:
        raise ValueError(f"arrays are nested more than {DEEPEST} deep")
    flags, shape = elements.integers(UINT32), elements.integers()
    elements.expect(INT8)  # the name
    if flags.size != 2 or shape.size < 2 or (shape < 0).any():
        raise ValueError("an array has no usable class or shape")
    kind, count = int(flags[0]) & 0xFF, math.prod(map(int, shape))
    if kind in NUMBERS or kind == CHARACTERS:
        _check_values(elements, count, text=kind == CHARACTERS, twice=bool(flags[0] & COMPLEX))
    elif kind == SPARSE:
        _check_sparse(elements, shape, twice=bool(flags[0] & COMPLEX))
    elif kind in (CELL, STRUCT):
        _check_places(elements, count * (_fields(elements) if kind == STRUCT else 1), depth)
    else:
        raise ValueError(f"an array has class {kind}, which holds no data")


def _check_values(elements: Elements, count: int, *, text: bool, twice: bool) -> None:
    for _iteration in range(1 + twice):
        kind, _start, size = elements.expect(*(TEXT_BYTES | ITEM_BYTES if text else ITEM_BYTES))
        exact = size == count * {**TEXT_BYTES, **ITEM_BYTES}[kind]
        # characters of several bytes
        if not exact and not (text and kind > 15 and size <= 4 * count):
            raise ValueError("an array holds another number of values than its shape says")


def _check_sparse(elements: Elements, shape: np.ndarray, *, twice: bool) -> None:
    rows, columns = elements.integers(), elements.integers()
    fits = (
        columns.size == shape[1] + 1
        and columns[0] == 0
        and (np.diff(columns) >= 0).all()
        and columns[-1] <= rows.size
    )
    if not fits or ((rows < 0) | (rows >= max(shape[0], 1))).any():
        raise ValueError("a sparse array has places outside of its shape")
    for _iteration in range(1 + twice):
        kind, _start, size = elements.expect(*ITEM_BYTES)
        if size < columns[-1] * ITEM_BYTES[kind]:
            raise ValueError("a sparse array lacks values")


def _fields(elements: Elements) -> int:
    width = elements.integers()
    _kind, _start, size = elements.expect(INT8)
    if width.size != 1 or width[0] < 1 or size % int(width[0]):
        raise ValueError("the names of a struct do not fit")
    return size // int(width[0])


def _check_places(elements: Elements, places: int, depth: int) -> None:
    for _place in range(places):
        _kind, start, size = elements.expect(MATRIX)
        _check_matrix(Elements(elements.content, start, start + size, elements.order), depth - 1)
