"""Damaged files are told from whole ones, refused in a sentence, and done again where they can
be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

import drift
from drift.schema import labelled_form
from drift.sweeps import files as sweep_files
from drift.sweeps.sweep import cross, open_sweep, run_sweep

FEW = [12, pytest.param(250, marks=pytest.mark.slow)]
BASE = drift.Experiment(
    task=drift.RandomTask(samples=4, inputs=3, outputs=2),
    network=drift.Network(units=8),
    steps=30,
    sessions=4,
)


def damaged(content: bytes, variants: int) -> Iterator[bytes]:
    """Variants of a file: a byte flipped, a stretch overwritten or cut out, an end missing, nothing
    left."""
    rng = np.random.default_rng(7)
    yield b""
    for number in range(variants - 1):
        place, much = int(rng.integers(len(content))), int(rng.integers(1, 200))
        stretch = rng.bytes(much)
        kinds = (
            content[:place]
            + bytes([content[place] ^ (1 << int(rng.integers(8)))])
            + content[place + 1 :],
            content[:place] + stretch + content[place + much :],
            content[:place] + content[place + much :],
            content[:place],
        )
        yield kinds[number % 4]


def refused(call: Callable[[], object]) -> bool:
    """Tell whether a call refuses in one sentence; anything else that it raises is a fault."""
    try:
        call()
    except drift.RefusedInputError as refusal:
        assert "\n" not in str(refusal) and str(refusal).endswith(".")
        return True
    return False


RUN = xr.Dataset(
    {
        "loss": (
            ("subject", "session"),
            np.random.default_rng(0).random((2, 300)),
            {"units": "1", "long_name": "loss"},
        )
    },
    coords={"subject": np.array(["a", "b"], dtype=object), "session": np.arange(300)},
    attrs={"title": "made"},
)


@pytest.mark.parametrize("variants", FEW)
def test_a_damaged_result_is_never_read_as_another(variants: int, tmp_path: Path):
    path = drift.save(RUN, tmp_path / "run.nc")
    whole, content = drift.load(path), path.read_bytes()
    caught = 0
    for one in damaged(content, variants):
        path.write_bytes(one)
        caught += refused(lambda: xr.testing.assert_identical(drift.load(path), whole))
    assert caught >= 0.9 * variants  # a cut within the seal itself leaves all numbers whole


@pytest.mark.parametrize("variants", FEW)
def test_a_damaged_result_without_a_seal_is_refused_or_read(variants: int, tmp_path: Path):
    path = tmp_path / "old.nc"
    RUN.assign_attrs(repdrift_schema=labelled_form.VERSION).to_netcdf(path, engine="netcdf4")
    xr.testing.assert_equal(drift.load(path), RUN)
    for one in damaged(path.read_bytes(), variants):
        (tmp_path / "new.nc").write_bytes(one)
        refused(lambda: drift.load(tmp_path / "new.nc"))


def test_a_file_that_another_program_changes_is_read_as_it_is(tmp_path: Path):
    path = drift.save(RUN, tmp_path / "run.nc")
    with netCDF4.Dataset(path, "a") as opened:
        opened["loss"][0, 0] = 7.0
    assert drift.load(path)["loss"][0, 0] == pytest.approx(7.0)
    with xr.open_dataset(path, decode_times=False) as opened:
        opened.to_netcdf(tmp_path / "again.nc")
    assert drift.load(tmp_path / "again.nc")["loss"][0, 0] == pytest.approx(7.0)


@pytest.mark.parametrize("variants", FEW)
def test_a_damaged_checkpoint_is_refused_or_continued(variants: int, tmp_path: Path):
    path, options = tmp_path / "run.npz", {"engine": "batched", "progress": False}
    recipe = BASE.replace(steps=4, sessions=2)
    whole = drift.train([recipe], checkpoint=path, **options).assign_attrs(created="")
    for one in damaged(path.read_bytes(), variants):
        path.write_bytes(one)
        refused(
            lambda: xr.testing.assert_identical(
                drift.train([recipe], checkpoint=path, **options).assign_attrs(created=""), whole
            )
        )


def test_a_checkpoint_of_another_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, options = tmp_path / "run.npz", {"engine": "batched", "progress": False}
    recipe = BASE.replace(steps=4, sessions=2)
    monkeypatch.setattr("drift.training.training.imported_code", lambda: "of yesterday")
    drift.train([recipe], checkpoint=path, **options)
    monkeypatch.undo()
    with pytest.raises(drift.RefusedInputError, match="written by another code of repdrift"):
        drift.train([recipe], checkpoint=path, **options)


def swept(recipes: list[drift.Experiment], folder: Path, **options: object) -> xr.Dataset:
    result = run_sweep(
        recipes, folder, executor="serial", progress=False, engine="batched", **options
    )
    assert result is not None
    return result.load().drop_attrs()


@pytest.mark.parametrize("variants", [4, pytest.param(250, marks=pytest.mark.slow)])
def test_a_damaged_result_of_a_sweep_is_missing_and_done_again(variants: int, tmp_path: Path):
    recipes = cross(BASE, seed=range(2))
    whole = swept(recipes, tmp_path)
    path = sweep_files.listed(tmp_path)[1].path
    for one in damaged(path.read_bytes(), variants):
        path.write_bytes(one)
        opened = open_sweep(tmp_path).load()
        assert opened["status"].values[0] == "complete" and opened["status"].values[1] in (
            "missing",
            "complete",
        )
        assert opened["status"].values[1] == "complete" or "damaged" in opened["reason"].values[1]
        if variants <= 4 or opened["status"].values[1] == "missing":
            xr.testing.assert_identical(swept(recipes, tmp_path), whole)


def test_the_result_of_another_recipe_is_not_taken(tmp_path: Path):
    recipes = cross(BASE, seed=range(2))
    whole = swept(recipes, tmp_path)
    first, second = (task.path for task in sweep_files.listed(tmp_path))
    second.write_bytes(first.read_bytes())
    assert open_sweep(tmp_path)["reason"].values.tolist() == [
        "",
        "its file is the result of another recipe",
    ]
    xr.testing.assert_identical(swept(recipes, tmp_path), whole)


def test_damaged_checkpoints_and_reasons_close_no_sweep(tmp_path: Path):
    recipes = cross(BASE, seed=range(3))
    whole = swept(recipes, tmp_path)
    tasks = sweep_files.listed(tmp_path)
    for task, text in zip(tasks, ("{", "[]", '{"reason": 1}')):
        task.failure.write_text(text)
        task.checkpoint.write_bytes(b"PK\x03\x04 half")
    tasks[0].path.unlink()
    tasks[1].path.write_bytes(b"")
    assert open_sweep(tmp_path)["status"].values.tolist() == ["missing", "missing", "complete"]
    xr.testing.assert_identical(swept(recipes, tmp_path), whole)
    assert {path.suffix for path in tmp_path.iterdir()} == {".nc", ".json"} and len(
        list(tmp_path.iterdir())
    ) == 4


@pytest.mark.parametrize("variants", [20, pytest.param(250, marks=pytest.mark.slow)])
def test_a_damaged_list_is_refused_kept_and_written_anew(variants: int, tmp_path: Path):
    recipes = cross(BASE, seed=range(2))
    swept(recipes, tmp_path)
    path = tmp_path / sweep_files.LIST
    content = path.read_bytes()
    for one in damaged(content, variants):
        path.write_bytes(one)
        if not refused(lambda: open_sweep(tmp_path)):
            assert json.loads(one) == json.loads(content)
    path.write_bytes(content[:-1])
    swept(recipes, tmp_path)
    assert (
        open_sweep(tmp_path).sizes["subject"] == 2
        and (tmp_path / "sweep.damaged.json").read_bytes() == content[:-1]
    )
