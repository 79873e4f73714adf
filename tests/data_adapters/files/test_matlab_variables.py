"""Variables of MATLAB v5 files are unpacked once and are, to the bit, what scipy reads; what they
claim is checked before memory is taken."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import scipy.io

from data_adapters.files import matlab
from drift.errors import RefusedInputError

REAL = [np.arange(24).reshape(4, 6).astype(kind) for kind in ("f8", "f4", "i1", "u1", "i2", "u2")]
REAL += [np.arange(24).reshape(2, 3, 4).astype(kind) for kind in ("i4", "u4", "i8", "u8")]
OTHER = [np.eye(3) > 0, np.eye(3) * 1j, np.zeros((0, 3)), np.int16(-3)]


@pytest.mark.parametrize("compressed", [False, True])
def test_numbers_are_those_of_scipy(compressed, tmp_path):
    content = {f"array{number}": array for number, array in enumerate(REAL + OTHER)}
    scipy.io.savemat(tmp_path / "a.mat", content, do_compression=compressed)
    found, expected = matlab.read(tmp_path / "a.mat"), scipy.io.loadmat(tmp_path / "a.mat")
    assert list(found) == list(content)
    for name, array in found.items():
        twin = expected[name]
        assert (array.dtype, array.shape, array.strides) == (twin.dtype, twin.shape, twin.strides)
        assert array.flags.writeable and array.flags.aligned and array.tobytes() == twin.tobytes()


def element(kind: int, content: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(content)) + content + bytes(-len(content) % 8)


def variable(name: bytes, values: np.ndarray, order: str = "<") -> bytes:
    """A column of doubles."""
    column = element(9, values.astype(f"{order}f8").tobytes(), order)
    flags = element(6, struct.pack(f"{order}II", 6, 0), order)
    shape = element(5, struct.pack(f"{order}ii", len(values), 1), order)
    return element(14, flags + shape + element(1, name, order) + column, order)


def packed(inside: bytes, order: str = "<") -> bytes:
    content = zlib.compress(inside)
    return struct.pack(f"{order}II", 15, len(content)) + content


def saved(path, *elements: bytes, order: str = "<"):
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}HH", 0x0100, 0x4D49)
    path.write_bytes(head + b"".join(elements))
    return path


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(order, tmp_path):
    one, two = variable(b"one", np.arange(3.0), order), variable(b"two", np.arange(4.0), order)
    path = saved(tmp_path / "a.mat", one, packed(two, order), order=order)
    found, expected = matlab.read(path), scipy.io.loadmat(path)
    for name, length in {"one": 3, "two": 4}.items():
        np.testing.assert_array_equal(found[name], np.arange(float(length))[:, np.newaxis])
        assert found[name].dtype.str == expected[name].dtype.str


def test_each_variable_is_unpacked_once(tmp_path, monkeypatch):
    content = {"numbers": np.arange(9.0), "text": "word", "struct": {"a": 1.0}}
    scipy.io.savemat(tmp_path / "a.mat", content, do_compression=True)
    begun, unpacking = [], zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", lambda *given: begun.append(1) or unpacking(*given))
    matlab.read(tmp_path / "a.mat")
    assert len(begun) == len(content)


def peak(path, *names: str) -> int:
    tracemalloc.start()
    try:
        matlab.read(path, *names)
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


@pytest.mark.parametrize("compressed", [False, True])
def test_an_array_is_held_once(compressed, tmp_path):
    array = np.zeros((1000, 4000))
    scipy.io.savemat(tmp_path / "a.mat", {"a": array, "b": array}, do_compression=compressed)
    assert peak(tmp_path / "a.mat", "a") < array.nbytes * (2.1 if compressed else 1.1)
    assert peak(tmp_path / "a.mat") < 2.1 * array.nbytes


def claimed(size: int, inside: bytes) -> bytes:
    """A compressed variable whose tag says another size."""
    return packed(struct.pack("<II", 14, size) + inside[8:])


def test_a_claim_beyond_its_bytes_takes_no_memory(tmp_path):
    path = saved(tmp_path / "a.mat", claimed(2**31, variable(b"a", np.arange(3.0))))
    tracemalloc.start()
    with pytest.raises(RefusedInputError, match=r"claims 2147483648 bytes, which \d+ cannot hold"):
        matlab.read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_more_than_the_limit_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("data_adapters.files.limits.LARGEST", 2**20)
    path = saved(tmp_path / "a.mat", packed(variable(b"a", np.zeros(2**18))))
    tracemalloc.start()
    with pytest.raises(RefusedInputError, match="a compressed array was expected to fit"):
        matlab.read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_what_unpacks_to_more_than_it_claims_is_not_kept(tmp_path):
    small = variable(b"a", np.arange(3.0))
    path = saved(tmp_path / "a.mat", packed(small + bytes(2**26)))
    tracemalloc.start()
    with pytest.raises(RefusedInputError, match="67108864 bytes follow the values of a"):
        matlab.read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()


def test_unpacking_without_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("data_adapters.files.matlab_variables.LARGEST", 2**20)
    path = saved(tmp_path / "a.mat", packed(variable(b"a", np.arange(3.0)) + bytes(2**22)))
    with pytest.raises(RefusedInputError, match="a compressed array has more than"):
        matlab.read(path)


def test_fewer_bytes_than_claimed_and_a_wrong_checksum_are_refused(tmp_path):
    whole = variable(b"a", np.arange(300.0))
    with pytest.raises(RefusedInputError, match="larger than what holds it"):
        matlab.read(saved(tmp_path / "a.mat", claimed(len(whole), whole)))
    spoilt = packed(whole)[:-4] + bytes(4)
    with pytest.raises(RefusedInputError, match="incorrect data check"):
        matlab.read(saved(tmp_path / "b.mat", spoilt))


def test_a_variable_that_is_there_twice_is_refused(tmp_path):
    one = variable(b"one", np.arange(3.0))
    path = saved(tmp_path / "a.mat", one, variable(b"two", np.arange(4.0)), one)
    with pytest.raises(RefusedInputError, match="it holds one twice"):
        matlab.read(path)
    assert matlab.read(path, "two")["two"].shape == (4, 1)


def test_another_version_is_refused(tmp_path):
    path = saved(tmp_path / "a.mat", variable(b"one", np.arange(3.0)))
    content = bytearray(path.read_bytes())
    content[0] = 0  # a file of version 4 begins so
    path.write_bytes(content)
    with pytest.raises(RefusedInputError, match="version in its header is not 5"):
        matlab.read(path)
