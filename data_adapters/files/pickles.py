"""Pickles of plain values, built without trust: no code is run, no type is forged, and what is
built stays as small as the pickle.

Python's own unpickler calls what a pickle names and gives every object the state that a pickle
says; arrays and types of numpy trust such a state, so that it can point anywhere in the memory.
Here types come from codes alone, and arrays are as long as their bytes.
"""

from __future__ import annotations

import datetime
import io
import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLACK = 2**20  # bytes that any pickle may build
MOST_STEPS = 2**22  # opcodes; settings of a program have some thousands
MOST_CONTAINERS = 2**18  # counted as often as they are met
DEEPEST = 50  # containers inside one another
WHOLE_KEY = 2**60  # whole numbers below it are never mixed up as keys
CODE = re.compile(r"[biufc]\d{1,2}|[US]\d{1,9}|[mM]8|O[48]?")
UNIT = re.compile(r"generic|[YMWDhms]|[munpfa]s")
CORES = ("numpy.core.multiarray", "numpy._core.multiarray")
TIMES = ("date", "datetime", "time", "timedelta", "timezone")
# Opcodes that programs write for plain values; those that build other objects, and those that
# claim memory before they have its content, are left out.
OPCODES = """
    PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2
    LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE
    SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 EMPTY_TUPLE TUPLE TUPLE1
    TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET
    ADDITEMS FROZENSET GLOBAL STACK_GLOBAL REDUCE BUILD PUT BINPUT LONG_BINPUT MEMOIZE GET
    BINGET LONG_BINGET
"""
# nothing of it is for others, but that of C cannot be bounded
Unpickler: Any = pickle.__dict__["_Unpickler"]


def harmless(content: bytes) -> Any:
    """What a pickle holds, if it is made of plain values, arrays of numpy and times only.

    Parameters
    ----------
    content : bytes
        The pickle.

    Returns
    -------
    object
        Numbers, texts, times, arrays of numpy, and lists, tuples, sets and dicts of these.

    Raises
    ------
    pickle.UnpicklingError
        If it asks for anything else, or for more than its bytes can hold; nothing of it was called.
    """
    value = _Harmless(content).load()
    _refuse_endless(value)
    return value


class _Kind:
    """A type of numpy by its code: what a pickle says of its inside is compared, never believed."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any, align: Any = False, copy: Any = True) -> None:
        text = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(text, str) or CODE.fullmatch(text) is None:
            raise _refusal(f"the type {str(code)[:40]!r} is no plain one")
        self.dtype = np.dtype(text)

    def settle(self, state: Any) -> None:
        """Take the order of bytes and the unit of time, and refuse any other state."""
        if not isinstance(state, tuple) or not 8 <= len(state) <= 9:
            raise _refusal("the state of a type is damaged")
        _, order, *inside, itemsize, _, _ = state[:8]
        if inside != [None] * 3 or order not in ("<", ">", "|", "="):
            raise _refusal("a type of several fields is no plain one")
        if itemsize not in (-1, self.dtype.itemsize):
            raise _refusal("the items of a type have another size than it says")
        if len(state) == 9 and state[8] is not None:
            self.dtype = self._of_unit(state[8])
        self.dtype = self.dtype.newbyteorder(order)

    def _of_unit(self, metadata: Any) -> np.dtype:
        _, (unit, count, *_) = metadata
        unit = unit.decode("ascii") if isinstance(unit, bytes) else unit
        if self.dtype.kind not in "mM" or UNIT.fullmatch(unit) is None or not 0 < count < 2**31:
            raise _refusal("the unit of a time is unknown")
        return np.dtype(f"{self.dtype.kind}8[{'' if count == 1 else int(count)}{unit}]")


class _OfArrays:
    """In the place of ``numpy.ndarray``, which is named but never called."""

    __slots__ = ()


class _Harmless(Unpickler):
    """Builds numbers, texts, times and arrays of numpy, and nothing that could act."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.steps = 0
        self.room = 2 * len(content) + SLACK
        own: dict[str, Callable[[], None]] = {
            "REDUCE": self._reduce,
            "BUILD": self._build,
            "SETITEM": lambda: self._keyed("SETITEM", self.stack[-2:-1]),
            "SETITEMS": lambda: self._keyed("SETITEMS", self.stack[::2]),
            "DICT": lambda: self._keyed("DICT", self.stack[::2]),
            "ADDITEMS": lambda: self._keyed("ADDITEMS", self.stack),
            "FROZENSET": lambda: self._keyed("FROZENSET", self.stack),
        }
        self.dispatch = {
            getattr(pickle, name)[0]: self._counted(name, own.get(name)) for name in OPCODES.split()
        }

    def _counted(self, name: str, own: Callable[[], None] | None) -> Callable[[Any], None]:
        usual = Unpickler.dispatch[getattr(pickle, name)[0]]

        def step(unpickler: Any) -> None:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise _refusal(f"it has more than {MOST_STEPS} parts")
            usual(unpickler) if own is None else own()

        return step

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy", "dtype"):
            return _Kind
        if (module, name) == ("numpy", "ndarray"):
            return _OfArrays
        if module in CORES and name in ("_reconstruct", "scalar"):
            return self._array if name == "_reconstruct" else self._scalar
        if (module, name) == ("_codecs", "encode"):
            return self._encoded
        if module in ("__builtin__", "builtins") and name == "bytes":
            return self._no_bytes
        if module == "datetime" and name in TIMES:
            return getattr(datetime, name)
        raise _refusal(f"{module}.{name} is no plain value")

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        called = self.stack[-1]
        of_times = isinstance(called, type) and called.__module__ == "datetime"
        own = (self._array, self._scalar, self._encoded, self._no_bytes)
        if not isinstance(arguments, tuple) or not (
            called is _Kind or of_times or any(called == function for function in own)
        ):
            raise _refusal("it calls what is no function")
        self.stack[-1] = called(*arguments)

    def _build(self) -> None:
        state, built = self.stack.pop(), self.stack[-1]
        if isinstance(built, _Kind):
            built.settle(state)
        elif isinstance(built, np.ndarray) and built.shape == (0,) and built.dtype == np.int8:
            self._fill(built, state)
        else:
            raise _refusal(f"the state of a {type(built).__name__} is no plain value")

    def _keyed(self, name: str, keys: list[Any]) -> None:
        """Names and whole numbers only: nested keys are hashed without bound."""
        for key in keys:
            whole = isinstance(key, int) and abs(key) < WHOLE_KEY
            if not (whole or key is None or isinstance(key, str | bytes)):
                raise _refusal(f"a key or member of a set is a {type(key).__name__}")
        Unpickler.dispatch[getattr(pickle, name)[0]](self)

    def _spend(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            raise _refusal("it would build more than its bytes can hold")

    def _array(self, subtype: Any, shape: Any, code: Any) -> NDArray[Any]:
        if subtype is not _OfArrays:
            raise _refusal("an array of another class is no plain value")
        return np.empty(0, dtype=np.int8)

    def _fill(self, array: NDArray[Any], state: Any) -> None:
        _, shape, kind, fortran_order, held = state
        dtype = kind.dtype
        if not all(isinstance(length, int) and length >= 0 for length in shape) or len(shape) > 32:
            raise _refusal("the shape of an array is damaged")
        self._spend(math.prod(max(length, 1) for length in shape) * max(dtype.itemsize, 1))
        size = math.prod(shape)
        if dtype.hasobject:
            fits = isinstance(held, list) and len(held) == size
            held = list(held) if fits else held
        else:
            fits = isinstance(held, bytes) and len(held) == size * dtype.itemsize
        if not fits or (dtype.kind == "b" and size and max(held) > 1):
            raise _refusal("an array is not as long as its shape says")
        state = (1, tuple(shape), dtype, bool(fortran_order), held)
        array.__setstate__(state)

    def _scalar(self, kind: Any, held: Any = b"") -> Any:
        dtype = kind.dtype
        if dtype.hasobject or not isinstance(held, bytes) or len(held) != dtype.itemsize:
            raise _refusal("a number is not as long as its type says")
        self._spend(len(held))
        return np.frombuffer(held, dtype)[0] if dtype.itemsize else dtype.type()

    def _encoded(self, text: Any, encoding: Any = "latin1") -> bytes:
        """Return bytes that old pickles keep as text."""
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise _refusal("bytes are written as no text")
        self._spend(len(text))
        return text.encode("latin1")

    def _no_bytes(self) -> bytes:
        """Return what old pickles build of nothing."""
        return b""


def _refuse_endless(value: Any) -> None:
    """Refuse lists that hold themselves, or one another more often than could ever be shown."""
    met, waiting = 0, [(value, 0)]
    while waiting:
        held, depth = waiting.pop()
        met += 1
        if depth > DEEPEST or met + len(waiting) > MOST_CONTAINERS:
            raise _refusal("its lists hold one another without end")
        waiting += [(entry, depth + 1) for entry in _inside(held) if _is_container(entry)]


def _inside(held: Any) -> Any:
    if isinstance(held, np.ndarray):
        return held.ravel().tolist() if held.dtype.hasobject else ()
    if isinstance(held, dict):
        return held.values()
    return held if isinstance(held, list | tuple | set | frozenset) else ()


def _is_container(entry: Any) -> bool:
    return isinstance(entry, list | tuple | dict | set | frozenset | np.ndarray)


def _refusal(reason: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(reason)
