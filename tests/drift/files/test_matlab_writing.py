"""A MATLAB file holds what the Dataset holds, with its labels, for MATLAB, Octave and scipy."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.io import loadmat

import drift
from drift.errors import RefusedInputError
from drift.files.matlab import field_names, write_mat

LONG = "population_spatial_information_scaled_shuffle_reduced"
LONGER = "x" * 70


def labelled() -> xr.Dataset:
    """All kinds of values that a result may have, and names that MATLAB does not take."""
    rate = np.arange(24.0).reshape(2, 3, 4)
    rate[0, 1, 2] = np.nan
    return xr.Dataset(
        {
            "rate": (("subject", "session", "unit"), rate, {"units": "events/s"}),
            "recorded": (("session", "unit"), np.eye(3, 4, dtype=bool)),
            LONG: ("session", np.array([1.5, np.nan, 3.0]), {"long_name": "an information"}),
            f"{LONGER}1": ((), 1.0),
            f"{LONGER}2": ((), 2.0),
            "end": ("session", np.array([1, 2, 2**53 + 1])),
            "last": (("session", "one"), np.ones((3, 1), dtype="int8")),
        },
        coords={
            "subject": ["mouse é", ""],
            "session": [0, 1, 2],
            "environment": (("subject", "session"), np.array([["A", "B", ""]] * 2, dtype=object)),
            "when": ("session", np.array(["2024-02-29", "2024-03-01", "NaT"], dtype="M8[ns]")),
        },
        attrs={"title": "a result", "seed": 3, "2 words": "kept"},
    )


def read(path: Path) -> dict[str, Any]:
    return loadmat(path, simplify_cells=True, chars_as_strings=True)["recording"]


def test_values_dims_and_units_are_kept(tmp_path: Path):
    dataset = labelled()
    found = read(write_mat(dataset, tmp_path / "result.mat"))
    rate = found["variables"]["rate"]
    np.testing.assert_array_equal(rate["values"], dataset["rate"])
    assert list(rate["dims"]) == ["subject", "session", "unit"] and rate["units"] == "events/s"
    assert found["dims"] == {"subject": 2, "session": 3, "unit": 4, "one": 1}
    np.testing.assert_array_equal(found["variables"][LONG]["values"], [1.5, np.nan, 3.0])
    assert found["variables"][LONG]["long_name"] == "an information"
    assert found["variables"]["xend"]["values"].tolist() == [1, 2, 2**53 + 1]
    assert found["variables"]["xend"]["name"] == "end"
    np.testing.assert_array_equal(found["variables"]["last"]["size"], [3, 1])
    assert found["attributes"] == {"title": "a result", "seed": 3, "x2_words": "kept"}


def test_bool_is_logical_and_text_a_cell_array(tmp_path: Path):
    path = write_mat(labelled(), tmp_path / "result.mat")
    raw = loadmat(path, struct_as_record=False, squeeze_me=True)["recording"]
    assert raw.variables.recorded.values.dtype == np.uint8  # a logical array, to scipy
    np.testing.assert_array_equal(raw.variables.recorded.values, np.eye(3, 4))
    found = read(path)
    assert _texts(found["coordinates"]["subject"]["values"]) == ["mouse é", ""]
    assert _texts(found["coordinates"]["environment"]["values"]) == ["A", "B", ""] * 2
    assert _texts(found["coordinates"]["when"]["values"])[0].startswith("2024-02-29T")


def _texts(cells: Any) -> list[str]:
    return [text if isinstance(text, str) else "" for text in np.asarray(cells, object).ravel()]


def test_names_that_are_too_long_stay_apart(tmp_path: Path):
    found = read(write_mat(labelled(), tmp_path / "result.mat"))["variables"]
    by_name = {one["name"]: one["values"] for one in found.values()}
    assert by_name[f"{LONGER}1"] == 1 and by_name[f"{LONGER}2"] == 2
    assert all(len(name) <= 63 for name in found)


def test_names_are_made_for_matlab():
    names = field_names(["rate", "_rate", "a b", "a-b", "a_b", "1st", "end"])
    assert names["rate"] == "rate" and names["a_b"] == "a_b" and len(set(names.values())) == 7
    assert all(name.isidentifier() and name[0].isalpha() for name in names.values())


def test_nothing_is_overwritten_and_the_end_of_the_path_is_checked(tmp_path: Path):
    path = write_mat(labelled(), tmp_path / "result.mat")
    before = path.read_bytes()
    with pytest.raises(RefusedInputError, match="exists and is kept"):
        write_mat(labelled(), path)
    with pytest.raises(RefusedInputError, match=r"end in \.mat"):
        write_mat(labelled(), tmp_path / "result.nc")
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_run_goes_to_matlab_as_it_is(tmp_path: Path):
    run = drift.wandering_fields(sessions=3, units=5)
    found = read(write_mat(run, tmp_path / "run.mat"))
    for name in run.data_vars:
        np.testing.assert_array_equal(
            np.reshape(found["variables"][name]["values"], run[name].shape), run[name]
        )


def test_octave_opens_it(tmp_path: Path):
    octave = shutil.which("octave")
    if octave is None:
        pytest.skip("octave is not installed: only scipy reads the file here")
    path = write_mat(labelled(), tmp_path / "result.mat")
    script = (
        f"load('{path}'); r = recording.variables.rate;"
        "printf('%d ', size(r.values)); printf('%s ', r.dims{:}); printf('%s|', r.units);"
        "printf('%d ', isnan(r.values(1, 2, 3)), islogical(recording.variables.recorded.values));"
        f"printf('%g ', recording.variables.{LONG}.values(1));"
        "printf('%s', recording.coordinates.environment.values{1, 2})"
    )
    answer = subprocess.run(
        [octave, "--no-gui", "--norc", "--eval", script], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "2 3 4 subject session unit events/s|1 1 1.5 B"
