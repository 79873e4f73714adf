"""Written and read back is equal, and a file is written completely or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import drift
from drift.training import checkpoint
from drift.training.probes import network as probe_table

ENGINES = ("batched", "fused")
DIMS = ("subject", "session", "unit", "place")
names = st.text("abcdefghij_", min_size=1, max_size=8).filter(lambda name: name[0] != "_")
text = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12
)
kinds = st.sampled_from([np.float64, np.float32, np.int64, np.int32, np.int8, np.uint8, np.bool_])
attributes = st.dictionaries(
    names, st.one_of(text, st.integers(-(2**31), 2**31), st.floats(allow_nan=False)), max_size=3
)
units = st.sampled_from(
    ["days", "seconds", "day", "min", "step", "events", "bits/event", "days since the start"]
)


@st.composite
def datasets(draw: st.DrawFn) -> xr.Dataset:
    sizes = {dim: draw(st.integers(1, 4)) for dim in DIMS}

    def variable() -> tuple:
        dims = draw(st.lists(st.sampled_from(DIMS), unique=True, max_size=3))
        shape = tuple(sizes[dim] for dim in dims)
        if draw(st.booleans()):
            values = draw(arrays.arrays(draw(kinds), shape))
        else:
            values = draw(
                arrays.arrays(
                    np.dtype("U6"), shape, elements=text.map(lambda word: word[:6].rstrip("\x00"))
                )
            )
        return dims, values, {**draw(attributes), "units": draw(units)}

    used = draw(st.lists(names, unique=True, min_size=1, max_size=4))
    dataset = xr.Dataset({name: variable() for name in used}, attrs=draw(attributes))
    return dataset.set_coords(draw(st.sampled_from(used)))


def read_back(dataset: xr.Dataset, folder: Path) -> xr.Dataset:
    found = drift.load(drift.save(dataset, folder / "file.nc", overwrite=True))
    stamp = set(found.attrs) - set(dataset.attrs)
    assert {"repdrift_schema", "created", "version_numpy"} <= stamp
    return found.drop_attrs(deep=False).assign_attrs(
        {name: value for name, value in found.attrs.items() if name not in stamp}
    )


@settings(
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(dataset=datasets())
def test_any_labelled_dataset_reads_back_equal(dataset: xr.Dataset, tmp_path: Path):
    before = dataset.copy(deep=True)
    found = read_back(dataset, tmp_path)
    xr.testing.assert_identical(found, dataset)
    xr.testing.assert_identical(dataset, before)
    for name in dataset.variables:
        assert found[name].dtype.kind == dataset[name].dtype.kind and (
            found[name].dtype.kind == "U" or found[name].dtype == dataset[name].dtype
        )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_reads_back_equal_and_runs_again_from_its_file(engine: str, tmp_path: Path):
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=12, rays=3, environments=2),
        network=drift.Network(units=6),
        noise=[drift.UpdateNoise(std=0.1, schedule=drift.OnOff(start=2))],
        steps=4,
        sessions=2,
    )
    probes = tuple(probe_table.PROBES)
    run = drift.train(
        [recipe, recipe.replace(task=drift.RandomTask())],
        probes=probes,
        engine=engine,
        progress=False,
    )
    found = drift.load(drift.save(run, tmp_path / "run.nc"))
    xr.testing.assert_identical(found, run)
    assert drift.Experiment.from_json(found.experiment.values[0]) == recipe
    for name in run.variables:
        assert found[name].attrs == run[name].attrs


def test_a_failing_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    dataset = xr.Dataset({"loss": ("session", [1.0, 2.0])})
    path = drift.save(dataset, tmp_path / "run.nc")
    before = path.read_bytes()

    def fails(self: xr.Dataset, target: Path, **_: object) -> None:
        Path(target).write_bytes(b"half a fi")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", fails)
    with pytest.raises(OSError, match="No space left"):
        drift.save(dataset * 2, path, overwrite=True)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["run.nc"]


def test_an_interrupted_checkpoint_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "run.npz"
    kept = checkpoint.Checkpoint(path, {"recipes": []})
    kept.write(0, lambda: {"step": np.array(1)})
    monkeypatch.setattr(np, "savez", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        kept.write(0, lambda: {"step": np.array(2)})
    assert [one.name for one in tmp_path.iterdir()] == ["run.npz"]
    assert checkpoint.Checkpoint(path, {"recipes": []}).state(0)["step"] == 1
