"""Pickles of plain values come back as they are; forged ones are refused before they act."""

from __future__ import annotations

import datetime
import pickle
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_adapters.files.pickles import harmless

OBJECTS = np.empty(2, dtype=object)
OBJECTS[:] = ["a", [1, 2]]
PLAIN = {
    "whole": 3,
    "huge": 10**100,
    "number": 0.5,
    "text": "a\nb",
    "bytes": b"\x00\xff",
    "nothing": None,
    "lists": [1, (2.0, [True])],
    "array": np.arange(6).reshape(2, 3).T,
    "swapped": np.arange(3, dtype=">i2"),
    "texts": np.array(["ab", "c"]),
    "letters": np.array([b"ab", b"c"]),
    "truths": np.array([True, False]),
    "days": np.array(["2024-05-01"], "M8[D]"),
    "passed": np.timedelta64(3, "ms"),
    "scalar": np.float32(3),
    "name": np.str_("ab"),
    "empty": np.zeros((0, 512)),
    "objects": OBJECTS,
    "when": datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC),
}


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("name", PLAIN)
def test_plain_values_come_back(name, protocol):
    read = harmless(pickle.dumps({name: PLAIN[name]}, protocol))[name]
    assert type(read) is type(PLAIN[name])
    equal = np.array_equal if isinstance(read, np.ndarray) else lambda one, two: one == two
    assert equal(read, PLAIN[name])


class Told:
    """Is pickled as a call, and the state that it is given."""

    def __init__(self, function, *arguments, state=None):
        self.told = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.told


MULTIARRAY = np.zeros(0).__reduce__()[0]
SCALAR = np.float64(0).__reduce__()[0]
FIELD = {"a": (np.dtype("O"), 0)}


def kind(code, *state):
    return Told(np.dtype, code, False, True, state=state)


def array(shape, dtype, held):
    return Told(MULTIARRAY, np.ndarray, (0,), b"b", state=(1, shape, dtype, False, held))


POINTER = kind("V8", 3, "|", None, ("a",), FIELD, 8, 1, 0)
OUTSIDE = kind("V8", 3, "|", None, ("a",), {"a": (np.dtype("f8"), 2**28)}, 8, 1, 0)
WIDER = kind("f8", 3, "<", None, None, None, 2**20, 1, 0)
OBJECT = kind("O8", 3, "|", None, None, None, -1, -1, 63)
HIDDEN = kind("O8", 3, "|", None, None, None, -1, -1, 0)
SUBARRAY = kind("V8", 3, "|", (np.dtype("O"), (1,)), None, None, 8, 1, 0)
FORGED = {
    "a field that is a pointer": Told(SCALAR, POINTER, b"AAAAAAAA"),
    "an array of such fields": array((1,), POINTER, b"AAAAAAAA"),
    "a field beyond the item": Told(SCALAR, OUTSIDE, b"AAAAAAAA"),
    "an item wider than its type": array((1,), WIDER, b"A" * 8),
    "a subarray of pointers": Told(SCALAR, SUBARRAY, b"AAAAAAAA"),
    "bytes as pointers": array((1,), OBJECT, b"AAAAAAAA"),
    "pointers said to be none": array((1,), HIDDEN, b"AAAAAAAA"),
    "a scalar of pointers": Told(SCALAR, OBJECT, b"AAAAAAAA"),
    "fewer objects than places": array((5,), OBJECT, ["a"]),
    "fewer bytes than places": array((2,), np.dtype("f8"), b"A" * 8),
    "places without bytes": array((2**40, 0), np.dtype("f8"), b""),
    "negative places": array((-1, -1), np.dtype("f8"), b"A" * 8),
    "texts without letters": array((2**40,), kind("U0", 3, "<", None, None, None, 0, 4, 8), b""),
    "a buffer that is called": Told(np.ndarray, (1,), np.dtype("f8"), b"A" * 8),
    "an empty buffer": Told(np.ndarray, (2**28,), np.dtype("f8")),
    "a type of many": Told(np.dtype, "f8,O"),
    "a type by a list": Told(np.dtype, [("a", "O")]),
    "a type by its class": Told(np.dtype, Told(np.dtype, "O")),
    "a state of a list": Told(list, state={"a": 1}),
    "a state of a time": Told(datetime.date, 2024, 5, 1, state={"a": 1}),
    "another class of arrays": Told(MULTIARRAY, np.matrix, (0,), b"b"),
    "another code": Told(__import__("_codecs").encode, "a", "hex"),
    "a command": Told(__import__("os").system, "true"),
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("protocol", [2, 4])
def test_forged_types_and_arrays_are_refused(name, protocol):
    with pytest.raises(Exception) as refusal:  # nothing but an exception: no signal, no value
        harmless(pickle.dumps(FORGED[name], protocol))
    assert not isinstance(refusal.value, MemoryError)


def doubled(steps: int, open_: bytes, close: bytes) -> bytes:
    """Each list holds the one before twice."""
    content = b"\x80\x02]q\x000"
    for step in range(1, steps):
        last = bytes([step - 1])
        content += open_ + b"h" + last + b"h" + last + close + b"q" + bytes([step]) + b"0"
    return content + b"h" + bytes([steps - 1])


BOMBS = {
    "doubled lists": doubled(60, b"](", b"e") + b".",
    "doubled tuples": doubled(60, b"", b"\x86") + b".",
    "a doubled key": b"\x80\x02}" + doubled(60, b"", b"\x86")[2:] + b"Ns.",
    "a deep key": b"\x80\x02})" + b"\x85" * 500_000 + b"Ns.",
    "a deep list": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a list of itself": b"\x80\x02]q\x00h\x00a.",
    "countless lists": b"\x80\x02(" + b"]" * 1_200_000 + b"t.",
    "a number of a memo": b"\x80\x02]r\xff\xff\xff\x7f0r\xfe\xff\xff\x7f.",
    "bytes to come": b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".",
    "hexadecimals of hexadecimals": b"\x80\x03"
    + b"c_codecs\nencode\n" * 29
    + b"C\x04aaaa"
    + b"X\x03\x00\x00\x00hex\x86R" * 29
    + b".",
    "one text many times": b"\x80\x02(X\x00\x00\x10\x00"
    + b"a" * 2**20
    + b"q\x00"
    + b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R" * 10_000
    + b"t.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_fill_time_or_memory_is_refused(name, monkeypatch):
    monkeypatch.setattr("data_adapters.files.pickles.MOST_STEPS", 1_000_000)
    began = time.monotonic()
    with pytest.raises(Exception):  # noqa: B017
        harmless(BOMBS[name])
    assert time.monotonic() - began < 20


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_changed_pickles_are_values_or_exceptions(data):
    content = bytearray(pickle.dumps(PLAIN, data.draw(st.integers(0, 4))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    try:
        repr(harmless(bytes(content)))
    except MemoryError:
        raise
    except Exception:
        assert True
