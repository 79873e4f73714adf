"""HDF5 files in which zeros took the place of texts are refused; they used to be read for ever."""

from __future__ import annotations

import h5py
import pytest

from drift.errors import RefusedInputError
from drift.files.global_heaps import HEADER, MARK, refuse_endless_heaps
from drift.files.own_content import check_own_content


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as whole:
        for number in range(40):
            whole.attrs[f"text {number}"] = "a text of some length " * (number % 5)
        whole["texts"] = ["one", "", "three"]
    return path


def spoiled(path, at, size=64):
    content = bytearray(path.read_bytes())
    content[at : at + size] = bytes(size)
    path.write_bytes(content)


def test_a_whole_file_passes(file):
    assert MARK in file.read_bytes()
    check_own_content(file)


@pytest.mark.parametrize("objects", [0, 1, 3])
def test_zeros_in_a_heap_are_refused(objects, file):
    at = file.read_bytes().find(MARK) + HEADER
    for _ in range(objects):
        size = int.from_bytes(file.read_bytes()[at + 8 : at + 16], "little")
        at += HEADER + -(-size // 8) * 8
    spoiled(file, at)
    with pytest.raises(
        RefusedInputError, match=r"a whole file, got zeros in the texts at byte \d+"
    ):
        check_own_content(file)


def test_a_heap_that_is_cut_ends(file):
    content = file.read_bytes()
    for size in (4, 12, 24, 100):
        file.write_bytes(content[: content.find(MARK) + size])
        refuse_endless_heaps(file)
    file.write_bytes(b"")
    refuse_endless_heaps(file)
