"""The layout of a file: what is said of one file holds of all that share it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import drift
from drift.files.layout import layout, stored_arrays, stored_layout

RUN = xr.Dataset(
    {"loss": (("subject", "session"), np.zeros((1, 3)), {"units": "1"})},
    {"subject": ["0"], "elapsed": (("subject", "session"), np.arange(3.0)[None])},
)
CHANGED = {
    "another name": RUN.rename(loss="error"),
    "another shape": RUN.isel(session=[0, 1]),
    "other dims": RUN.rename(session="visit"),
    "another type": RUN.assign(loss=RUN["loss"].astype("float32")),
    "another unit": RUN.assign(loss=RUN["loss"].assign_attrs(units="2")),
    "no coordinate": RUN.reset_coords("elapsed"),
}


def test_numbers_and_texts_do_not_change_the_layout():
    altered = RUN.copy(deep=True)
    altered["loss"].values += 2
    altered = altered.assign_coords(subject=["a longer name"])
    assert layout(altered) == layout(RUN)


@pytest.mark.parametrize("change", CHANGED)
def test_all_else_changes_it(change: str):
    assert layout(CHANGED[change]) != layout(RUN)


def test_a_file_tells_its_layout_and_a_loaded_one_does_not(tmp_path: Path):
    path = drift.save(RUN, tmp_path / "run.nc")
    assert stored_layout(path) == layout(RUN)
    assert "repdrift_layout" not in drift.load(path).attrs


def test_a_layout_without_a_seal_is_not_believed(tmp_path: Path):
    with xr.open_dataset(drift.save(RUN, tmp_path / "run.nc")) as dataset:
        dataset.load().isel(session=[0]).to_netcdf(tmp_path / "again.nc")
    assert stored_layout(tmp_path / "again.nc") is None


def test_arrays_are_those_that_were_saved(tmp_path: Path):
    rng = np.random.default_rng(0)
    large = RUN.assign(rate=(("subject", "session", "unit"), rng.random((1, 3, 700))))
    path = drift.save(large.assign_coords(subject=["größer"]), tmp_path / "run.nc")
    read = stored_arrays(
        path,
        {"rate": ((1, 3, 700), np.dtype(float)), "subject": ((1,), np.dtype(object))},
    )
    np.testing.assert_array_equal(read["rate"], large["rate"])
    assert read["subject"].tolist() == ["größer"]


@pytest.mark.parametrize("shape", [(1,), (1, 2), (1, 4), (1, 10**6), ()])
def test_an_array_of_another_size_is_refused(shape: tuple[int, ...], tmp_path: Path):
    path = drift.save(RUN, tmp_path / "run.nc")
    with pytest.raises(drift.errors.DamagedFileError, match=r"loss of .*written again"):
        stored_arrays(path, {"loss": (shape, np.dtype(float))})


def test_as_many_numbers_take_the_shape_that_is_wanted(tmp_path: Path):
    path = drift.save(RUN, tmp_path / "run.nc")
    assert stored_arrays(path, {"loss": ((3,), np.dtype(float))})["loss"].shape == (3,)


@pytest.mark.parametrize("shape", [(2,), (1, 1), (5000,), ()])
def test_a_text_of_another_shape_is_refused(shape: tuple[int, ...], tmp_path: Path):
    path = drift.save(RUN, tmp_path / "run.nc")
    with pytest.raises(drift.errors.DamagedFileError, match=r"subject of .*written again"):
        stored_arrays(path, {"subject": (shape, np.dtype(object))})


def test_an_empty_array_stays_empty(tmp_path: Path):
    path = drift.save(RUN.isel(session=[]), tmp_path / "run.nc")
    assert stored_arrays(path, {"loss": ((1, 0), np.dtype(float))})["loss"].shape == (1, 0)
