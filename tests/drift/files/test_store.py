"""Files and checkpoints that cannot be used are refused in one sentence; a large crowd fits in
memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import drift

RUN = xr.Dataset({"loss": (("subject", "session"), np.ones((2, 300)), {"units": "1"})})


def refused(words: str, call: object) -> None:
    with pytest.raises(drift.RefusedInputError, match=words) as refusal:
        call()
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated_file(share: float, tmp_path: Path):
    path = drift.save(RUN, tmp_path / "run.nc")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(r"run\.nc cannot be read as netCDF", lambda: drift.load(path))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, "no schema of repdrift"),
        ({"repdrift_schema": 99}, "schema version 99"),
        ({"repdrift_schema": "x"}, "schema version x"),
    ],
)
def test_file_of_another_schema(attributes: dict, words: str, tmp_path: Path):
    RUN.assign_attrs(attributes).to_netcdf(tmp_path / "other.nc")
    refused(words, lambda: drift.load(tmp_path / "other.nc"))


def test_missing_existing_and_homeless_files(tmp_path: Path):
    refused(r"there is no file .*absent\.nc", lambda: drift.load(tmp_path / "absent.nc"))
    path = drift.save(RUN, tmp_path / "run.nc")
    before = path.read_bytes()
    refused(r"run\.nc exists and is kept", lambda: drift.save(RUN * 2, path))
    assert path.read_bytes() == before
    drift.save(RUN * 2, path, overwrite=True)
    assert drift.load(path).loss[0, 0] == 2
    refused(
        r"there is no folder .*nowhere", lambda: drift.save(RUN, tmp_path / "nowhere" / "run.nc")
    )
    refused("is a folder", lambda: drift.save(RUN, tmp_path, overwrite=True))
    refused("got dict", lambda: drift.save({}, tmp_path / "a.nc"))
    assert [one.name for one in tmp_path.iterdir()] == ["run.nc"]


UNFIT = {
    "complex numbers": RUN * 1j,
    "dates": RUN.assign(loss=("day", np.array(["2020-01-01"], "datetime64[ns]"))),
    "objects": xr.Dataset({"loss": ("day", np.array([{}, 1], dtype=object))}),
    "a truth": RUN.assign_attrs(quick=True),
    "nothing": RUN.assign_attrs(note=None),
    "a reserved name": RUN.assign(loss=RUN.loss.assign_attrs(_FillValue=1.0)),
    "a huge number": RUN.assign_attrs(seed=2**70),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_a_file_cannot_hold(case: str, tmp_path: Path):
    refused("netCDF|dates", lambda: drift.save(UNFIT[case], tmp_path / "run.nc"))
    assert not list(tmp_path.iterdir())


def small(**changes: object) -> drift.Experiment:
    return drift.Experiment(
        task=drift.RandomTask(), network=drift.Network(units=3), steps=2, sessions=2, **changes
    )


@pytest.mark.parametrize("content", ["", "hello", "array", "foreign", "list"])
def test_garbage_is_no_checkpoint(content: str, tmp_path: Path):
    path = tmp_path / "run.npz"
    path.write_text(content)
    if content == "array":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
    if content in ("foreign", "list"):
        np.savez(
            path, **({"a": np.ones(3)} if content == "foreign" else {"description": np.array("[]")})
        )
    refused(
        r"run\.npz is not a checkpoint of repdrift",
        lambda: drift.train([small()], engine="batched", checkpoint=path, progress=False),
    )


@pytest.mark.parametrize(
    ("changes", "options", "differing"),
    [
        ({"seed": 1}, {}, "recipes, data"),
        ({}, {"probes": ["loss"]}, "probes"),
        ({}, {"precision": "float64"}, "precision"),
    ],
)
def test_checkpoint_of_another_run(changes: dict, options: dict, differing: str, tmp_path: Path):
    path = tmp_path / "run.npz"
    drift.train([small()], engine="batched", checkpoint=path, progress=False)
    words = rf"belongs to another run \({differing} differ\)"
    refused(
        words,
        lambda: drift.train(
            [small(**changes)], engine="batched", checkpoint=path, progress=False, **options
        ),
    )


@pytest.mark.slow
def test_64_subjects_of_500_units_train_in_less_than_two_gigabytes():
    script = """
import resource, drift
recipe = drift.Experiment(network=drift.Network(units=500, regime="lazy"), noise=[drift.UpdateNoise(std=0.01)], steps=20, sessions=2)
run = drift.train([recipe.replace(seed=seed) for seed in range(64)], engine="batched", progress=False)
assert run.sizes["subject"] == 64 and (run.status == "complete").all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(answer.stdout) < 2 * 1024**2, "kilobytes"
