"""MATLAB v5 and v7.3 give the same plain values; what is no whole MATLAB file is refused."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hc6_layout import row
from matlab_hdf5 import write_hdf5

from data_adapters.files import matlab
from drift.errors import RefusedInputError

CONTENT = {
    "numbers": np.arange(6.0).reshape(2, 3),
    "one": 4.0,
    "empty": np.zeros((0, 0)),
    "text": "W-track \u00b5",
    "no_text": "",
    "struct": {"a": 1.0, "b": {"c": "deep"}},
    "cells": [np.zeros((0, 0)), [{"x": 1.0}], "word", np.array([[1.0], [2.0]])],
}


def nested(value):
    return row([nested(item) for item in value]) if isinstance(value, list) else value


@pytest.fixture(params=["v5", "v7.3"])
def file(request, tmp_path):
    path = tmp_path / "content.mat"
    if request.param == "v5":
        scipy.io.savemat(path, {name: nested(value) for name, value in CONTENT.items()})
        return path
    return write_hdf5(path, CONTENT)


def test_values(file):
    found = matlab.read(file)
    np.testing.assert_array_equal(found["numbers"], CONTENT["numbers"])
    assert found["one"].shape == (1, 1) and found["empty"].size == 0
    assert found["text"] == CONTENT["text"] and found["no_text"] == ""
    assert found["struct"]["a"].item() == 1 and found["struct"]["b"]["c"] == "deep"
    assert matlab.cell(found["cells"], 0) is None
    assert matlab.cell(found["cells"], 1, 0)["x"].item() == 1
    assert matlab.cell(found["cells"], 2) == "word"
    np.testing.assert_array_equal(matlab.cell(found["cells"], 3), [[1.0], [2.0]])
    assert matlab.cell(found["cells"], 9, 0) is None


def test_missing_variable_names_the_nearest(file):
    with pytest.raises(RefusedInputError, match=r"'number', got .*use numbers"):
        matlab.read(file, "number")


def test_truncated(file):
    whole = file.read_bytes()
    for length in (200, len(whole) // 2, len(whole) - 9):
        file.write_bytes(whole[:length])
        with pytest.raises(RefusedInputError, match=r"content\.mat") as refusal:
            matlab.read(file)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"MATLAB 5.0 MAT-file".ljust(200)])
def test_not_a_matlab_file(content, tmp_path):
    (tmp_path / "no.mat").write_bytes(content)
    with pytest.raises(RefusedInputError, match="got something else"):
        matlab.read(tmp_path / "no.mat")


def test_missing_file(tmp_path):
    with pytest.raises(RefusedInputError, match="got no file"):
        matlab.read(tmp_path / "no.mat")


def test_sparse(tmp_path):
    dense = np.array([[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]])
    scipy.io.savemat(tmp_path / "s.mat", {"m": scipy.sparse.csc_matrix(dense)})
    np.testing.assert_array_equal(matlab.read(tmp_path / "s.mat", "m")["m"], dense)
