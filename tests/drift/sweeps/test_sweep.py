"""Recipes that cross and sample parameters, and sweeps that run each of them once: files,
resumption, failures."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import drift
from drift.sweeps import alike
from drift.sweeps import files as sweep_files
from drift.sweeps.executors import job_script, slurm_cluster
from drift.sweeps.presets import PRESETS
from drift.sweeps.simulators import NetworkSimulator
from drift.sweeps.sweep import cross, open_sweep, run_sweep, sample
from drift.training.records import Records

BASE = drift.Experiment(
    task=drift.RandomTask(samples=4, inputs=3, outputs=2),
    network=drift.Network(units=8),
    noise=[drift.UpdateNoise(std=0.03)],
    steps=30,
    sessions=4,
)
UNDRAWABLE = BASE.replace(task=drift.RandomTask(samples=1, inputs=1, outputs=1))
DIVERGING = BASE.replace(noise=[drift.UpdateNoise(std=100.0, acts_on="weights")])


def swept(recipes: list[drift.Experiment], folder: Path, **options: object) -> xr.Dataset:
    result = run_sweep(recipes, folder, **{"executor": "serial", "progress": False, **options})
    assert result is not None
    return result


def written(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.nc")}


def test_cross_varies_the_last_name_fastest_and_reaches_into_parts():
    recipes = cross(
        BASE,
        seed=[3, 4],
        **{"network.units": [5, 6, 7], "noise": [[], [drift.InputNoise(std=0.1)]]},
    )
    assert len(recipes) == 12
    assert [one.seed for one in recipes] == [3] * 6 + [4] * 6
    assert [one.network.units for one in recipes[:6]] == [5, 5, 6, 6, 7, 7]
    assert [len(one.noise) for one in recipes[:2]] == [0, 1]
    assert recipes[0].task == BASE.task and cross(BASE) == [BASE]


@pytest.mark.parametrize(
    ("lists", "sentence"),
    [
        ({"seed": []}, "seed needs a list of values"),
        ({"seed": 3}, "seed must be a list, got 3"),
        ({"network.unit": [3]}, "did you mean 'units'"),
        ({"nets.units": [3]}, "no part 'nets'"),
        ({"steps": [0]}, "steps .* got 0"),
    ],
)
def test_cross_refuses(lists: dict[str, object], sentence: str):
    with pytest.raises(drift.RefusedInputError, match=sentence):
        cross(BASE, **lists)


def test_sampled_recipes_are_independent_of_their_number_and_have_seeds_of_their_own():
    many, few = sample("random", 40, seed=5), sample("random", 10, seed=5)
    assert many[:10] == few
    assert len({one.seed for one in many}) == 40
    assert sample("random", 10, seed=6) != few
    assert {one.steps for one in sample("comparison", 3, steps=50, sessions=2)} == {50}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_published_family_can_be_drawn_and_lies_in_its_ranges(preset: str):
    for recipe in sample(preset, 60):
        experience = recipe.task.draw(recipe.seed)
        assert np.isfinite(experience["inputs"]).all() and np.isfinite(experience["targets"]).all()
        assert recipe.network.units == 100 and recipe.task.faithful
        assert recipe.steps == (1_000_000 if preset.startswith("comparison") else 10_000_000)
        low, high = {
            "stochastic_error_descent": (5, 29),
            "comparison": (5, 30),
            "comparison_update_noise": (5, 30),
            "noise_sweep": (5, 20),
        }.get(preset, (1, 19))
        assert all(
            low <= size <= high for size in (*experience["inputs"].shape, recipe.task.samples)
        )
        for noise in recipe.noise:
            assert isinstance(noise, drift.UpdateNoise) or 0.1 - 1e-9 <= noise.width <= 1 + 1e-9


def test_the_random_family_has_the_published_proportions():
    recipes = sample("random", 710, seed=1)
    kinds = [one.noise[0].kind if one.noise else one.learner.kind for one in recipes]
    for kind, published in (("update", 312), ("label", 353), ("adam", 45)):
        error = np.sqrt(published * (1 - published / 710))
        assert abs(kinds.count(kind) - published) < 3 * error  # z = 3


def test_sample_refuses():
    with pytest.raises(
        drift.RefusedInputError, match=r"preset 'fig4' is unknown: use one of random"
    ):
        sample("fig4", 3)
    with pytest.raises(drift.RefusedInputError, match="runs must be a whole number from 1, got 0"):
        sample("random", 0)


def test_a_sweep_is_what_train_gives_for_the_same_list(tmp_path: Path):
    recipes = cross(BASE, seed=range(2), **{"network.units": [6, 8], "task.samples": [4, 5]})
    result = swept(recipes, tmp_path, probes=("loss", "fraction_active_units", "sample_activity"))
    together = drift.train(
        recipes, probes=("loss", "fraction_active_units", "sample_activity"), progress=False
    )
    xr.testing.assert_identical(
        result.drop_vars("reason").load().drop_attrs(), together.drop_attrs()
    )


def test_numbers_are_read_when_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("dask", reason="needs Dask")
    at_once = swept(cross(BASE, seed=range(3)), tmp_path)
    assert at_once["loss"].chunks is None, "small numbers cost more as tasks of Dask"
    monkeypatch.setattr(alike, "SMALL", 0)
    result = open_sweep(tmp_path)
    xr.testing.assert_identical(result.compute().drop_attrs(), at_once.drop_attrs())
    assert all(values.chunks is not None for values in result.data_vars.values())
    assert result["loss"].chunks[0] == (1, 1, 1)
    assert result["elapsed"].attrs["units"] == "step"


def test_results_of_several_layouts_stand_in_the_order_of_their_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes = {"network.units": [6, 9]}
    recipes = cross(BASE, seed=range(3), **sizes) + cross(BASE, seed=range(3, 5), **sizes)
    result = swept(recipes, tmp_path)
    assert result["experiment"].values.tolist() == [recipe.to_json() for recipe in recipes]
    assert result["subject"].values.tolist() == [str(number) for number in range(len(recipes))]
    alone = drift.train([recipes[3]], progress=False)
    np.testing.assert_array_equal(result["loss"][3], alone["loss"][0])
    monkeypatch.setattr(alike, "stored_layout", lambda path: None)
    xr.testing.assert_identical(open_sweep(tmp_path).drop_attrs(), result.drop_attrs())


def test_a_file_that_another_program_wrote_again_is_read_as_it_is(tmp_path: Path):
    before = swept(cross(BASE, seed=range(3)), tmp_path).load()
    path = sorted(tmp_path.glob("*.nc"))[1]
    number = [open_sweep(tmp_path)["experiment"].values.tolist().index(_recipe_of(path))]
    with xr.open_dataset(path, decode_times=False) as dataset:
        changed = dataset.load()
    changed = changed.transpose(..., "subject").assign(loss=changed["loss"].astype("float32"))
    changed.to_netcdf(path)
    after = open_sweep(tmp_path)
    np.testing.assert_allclose(after["loss"], before["loss"], rtol=1e-6)
    assert (after["loss"] != before["loss"]).any("session").values.nonzero()[0].tolist() == number


@pytest.mark.parametrize(
    "how",
    [
        {"format": "NETCDF3_64BIT"},
        {"format": "NETCDF4_CLASSIC"},
        {"encoding": {"experiment": {"dtype": "S1"}, "status": {"dtype": "S1"}}},
    ],
    ids=["classic", "classic model", "characters"],
)
def test_a_file_may_be_written_again_in_another_form(how: dict[str, object], tmp_path: Path):
    before = swept(cross(BASE, seed=range(3)), tmp_path).load()
    path = sorted(tmp_path.glob("*.nc"))[1]
    with xr.open_dataset(path, decode_times=False) as dataset:
        again = dataset.load()
    again.to_netcdf(path, engine="netcdf4", **how)
    after = open_sweep(tmp_path)
    assert after["status"].values.astype(str).tolist() == ["complete"] * 3
    np.testing.assert_array_equal(after["loss"], before["loss"])


def test_a_file_of_several_subjects_is_the_result_of_no_task(tmp_path: Path):
    swept(cross(BASE, seed=range(3)), tmp_path)
    path = sorted(tmp_path.glob("*.nc"))[0]
    many = [str(number) for number in range(5000)]
    crowd = drift.load(path).isel(subject=[0] * len(many)).assign_coords(subject=many)
    drift.save(crowd, path, overwrite=True)
    opened = open_sweep(tmp_path)
    (row,) = np.flatnonzero(opened["status"].values == "missing")
    assert "expected to be an array of shape (1,)" in opened["reason"].values[row]


def test_numbers_that_are_read_later_are_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("dask", reason="needs Dask")
    before = swept(cross(BASE, seed=range(2)), tmp_path / "sweep").load()
    monkeypatch.setattr(alike, "SMALL", 0)
    monkeypatch.chdir(tmp_path)
    opened = open_sweep("sweep")
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(opened["loss"].compute(), before["loss"])
    path = sorted((tmp_path / "sweep").glob("*.nc"))[0]
    drift.save(drift.load(path).isel(session=[0, 1]), path, overwrite=True)
    with pytest.raises(drift.errors.DamagedFileError, match="was written again"):
        opened["loss"].compute()


class WithClock(NetworkSimulator):
    """Adds numbers that are the same for all subjects, and bytes."""

    def simulate(self, recipe: drift.Experiment, checkpoint: Path) -> xr.Dataset:
        run = super().simulate(recipe, checkpoint)
        return run.assign(clock=("session", np.arange(4.0)), note=("subject", np.array([b"ab"])))


def test_results_of_an_own_simulator_are_joined_whether_or_not_all_are_there(tmp_path: Path):
    whole = swept(cross(BASE, seed=range(3)), tmp_path, simulator=WithClock())
    sorted(tmp_path.glob("*.nc"))[1].unlink()
    for result in (whole, open_sweep(tmp_path)):
        assert result["clock"].dims == ("subject", "session")
    assert set(whole["note"].values.astype("S").tolist()) == {b"ab"}


def _recipe_of(path: Path) -> str:
    with xr.open_dataset(path, decode_times=False) as dataset:
        return str(dataset["experiment"].item())


def test_a_rerun_does_what_is_missing_and_nothing_else(tmp_path: Path):
    swept(cross(BASE, seed=range(3)), tmp_path)
    before = written(tmp_path)
    next(tmp_path.glob("*.nc")).unlink()
    swept(cross(BASE, seed=range(5)), tmp_path)
    after = written(tmp_path)
    assert len(after) == 5
    assert sum(after[name] == before.get(name) for name in after) == 2
    assert swept(cross(BASE, seed=range(4)), tmp_path).sizes["subject"] == 4
    assert written(tmp_path) == after


def test_another_way_of_running_or_another_code_is_another_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    swept([BASE], tmp_path)
    swept([BASE], tmp_path, precision="float64")
    swept([BASE], tmp_path, probes=("loss",))
    assert len(written(tmp_path)) == 3
    monkeypatch.setattr("drift.sweeps.simulators.code_version", lambda: "changed")
    swept([BASE], tmp_path)
    assert len(written(tmp_path)) == 4
    assert open_sweep(tmp_path).sizes["subject"] == 1


def test_the_hashed_modules_are_all_that_decide_a_run():
    question = (
        "import sys, drift; from drift.training.probes.network import PROBES; "
        "recipe = drift.Experiment(task=drift.RandomTask(), network=drift.Network(units=5), "
        "steps=3, sessions=2); "
        "drift.train([recipe], probes=list(PROBES), engine='batched', progress=False); "
        "network, noise = drift.DenoisingNetwork(units=3), [drift.ImplicitNoise(std=1.0)]; "
        "drift.train([recipe.replace(network=network, noise=noise, learner=drift.SGD())], "
        "progress=False); "
        "import drift.training.engines.fused; print(*[m for m in sys.modules if "
        "m.startswith('drift.')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True
    ).stdout.split()
    paths = {module.removeprefix("drift.").replace(".", "/") for module in loaded}
    indifferent = {
        "consistency",
        "errors",
        "faces",
        "former_names",
        "html",
        "progress",
        "theory",
        "theory/kernels",
        "version",
    }  # messages, what packages offer, bars
    indifferent |= {
        path for path in paths if path.split("/")[0] in ("door", "files", "measurement")
    }  # what refuses; files, the hash itself; what a recorded path was made by stands in its recipe
    decisive = [name.removesuffix(".py") for name in sweep_files.DECISIVE]
    assert not [
        path
        for path in paths - indifferent
        if not any(f"{path}/".startswith(f"{name}/") for name in decisive)
    ]


def test_failed_and_diverged_tasks_are_recorded_with_their_reason(tmp_path: Path):
    result = swept([BASE, UNDRAWABLE, DIVERGING], tmp_path)
    assert result.status.values.tolist() == ["complete", "failed", "diverged"]
    assert (
        result.reason[0] == ""
        and "leave no range to scale" in result.reason.values[1]
        and "after step" in result.reason.values[2]
    )
    assert (
        np.isnan(result.loss[1]).all()
        and not result.recorded[1].any()
        and np.isnan(result.detected_units[1]).all()
    )
    assert result.recorded.dtype == np.int8 and np.isfinite(result.loss[0]).all()
    assert drift.Experiment.from_json(result.experiment.values[1]) == UNDRAWABLE


def test_a_failed_task_is_run_again_on_request_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def out_of_memory(*_: object, **__: object) -> None:
        raise MemoryError("no memory left")

    with monkeypatch.context() as patch:
        patch.setattr(sweep_files, "save", out_of_memory)
        with pytest.raises(
            drift.RefusedInputError, match=r"none of 1 tasks .* MemoryError: no memory left"
        ):
            swept([BASE], tmp_path)
    with pytest.raises(drift.RefusedInputError, match="run the sweep, with retry"):
        swept([BASE], tmp_path)
    assert swept([BASE], tmp_path, retry=True).status.item() == "complete"
    assert {path.suffix for path in tmp_path.iterdir()} == {".nc", ".json"} and len(
        list(tmp_path.iterdir())
    ) == 2


def test_an_interrupted_task_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[int] = []
    attend = Records.attend

    def interrupted(self: Records, engine: object) -> float:
        seen.append(engine.step)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return attend(self, engine)

    with monkeypatch.context() as patch:
        patch.setattr(Records, "attend", interrupted)
        with pytest.raises(KeyboardInterrupt):
            swept([BASE], tmp_path / "cut")
        assert len(list((tmp_path / "cut").glob("*.checkpoint.npz"))) == 1
        resumed = swept([BASE], tmp_path / "cut").load()
    assert seen == [0, 10, 20, 20, 30]
    whole = swept([BASE], tmp_path / "whole").load()
    xr.testing.assert_identical(resumed.drop_attrs(), whole.drop_attrs())
    assert not list((tmp_path / "cut").glob("*.npz"))


def test_a_sweep_that_is_still_running_can_be_opened(tmp_path: Path):
    swept(cross(BASE, seed=range(3)), tmp_path)
    asked = sweep_files.listed(tmp_path)
    asked[1].path.unlink()
    result = open_sweep(tmp_path)
    assert result.status.values.tolist() == ["complete", "missing", "complete"]
    assert result.reason.values.tolist() == [
        "",
        "not run yet",
        "",
    ] and result.seed.values.tolist() == [0, 1, 2]


def test_any_executor_with_submit_will_do(tmp_path: Path):
    recipes = cross(BASE, seed=range(4))
    with ThreadPoolExecutor(2) as pool:
        result = swept(recipes, tmp_path / "threads", executor=pool).load()
    xr.testing.assert_identical(
        result.drop_attrs(), swept(recipes, tmp_path / "serial").load().drop_attrs()
    )


@pytest.mark.slow
def test_processes_give_the_serial_result_bitwise(tmp_path: Path):
    recipes = cross(BASE, seed=range(4))
    result = swept(recipes, tmp_path / "processes", executor="processes").load()
    xr.testing.assert_identical(
        result.drop_attrs(), swept(recipes, tmp_path / "serial").load().drop_attrs()
    )


@pytest.mark.parametrize(
    ("recipes", "options", "sentence"),
    [
        ([], {}, "a list of at least one recipe"),
        ([BASE, BASE], {}, "recipes 0 and 1 are the same"),
        (
            [BASE],
            {"executor": "ray"},
            "executor must be 'serial', 'processes' or have submit, got 'ray'",
        ),
        ([BASE], {"probes": ["lss"]}, "probes must be a list of names"),
    ],
)
def test_run_sweep_refuses(
    tmp_path: Path, recipes: list[drift.Experiment], options: dict[str, object], sentence: str
):
    with pytest.raises(drift.RefusedInputError, match=sentence):
        swept(recipes, tmp_path, **options)


LAUNCHER = """
import os, sys, time
from drift.sweeps.executors import processes
if __name__ == "__main__":
    with processes(2) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(4)}, flush=True)
        pool.submit(time.sleep, 60.0).result()
"""


@pytest.mark.slow
def test_processes_end_with_a_launcher_that_is_killed(tmp_path: Path):
    (tmp_path / "launcher.py").write_text(LAUNCHER)
    launcher = subprocess.Popen(
        [sys.executable, str(tmp_path / "launcher.py")], stdout=subprocess.PIPE, text=True
    )
    assert launcher.stdout is not None
    workers = [int(word) for word in launcher.stdout.readline().split()]
    assert workers and all(Path(f"/proc/{worker}").exists() for worker in workers)
    launcher.kill()
    launcher.communicate()
    began = time.monotonic()
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() - began < 10, "a process outlives its launcher"
        time.sleep(0.1)


def test_open_sweep_refuses_a_folder_without_a_sweep(tmp_path: Path):
    with pytest.raises(drift.RefusedInputError, match="there is no sweep in"):
        open_sweep(tmp_path)
    (tmp_path / sweep_files.LIST).write_text("{")
    with pytest.raises(drift.RefusedInputError, match="cannot be read"):
        open_sweep(tmp_path)


def test_a_dry_run_says_what_would_be_run_and_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    swept([BASE], tmp_path)
    assert run_sweep(cross(BASE, seed=range(3)), tmp_path, executor="serial", dry_run=True) is None
    assert (
        capsys.readouterr().out
        == f"3 tasks (1 done, 0 failed, 2 missing), 2 to run in {tmp_path}\n"
    )
    assert len(written(tmp_path)) == 1 and job_script("serial") == ""
    with (
        pytest.raises(
            drift.RefusedInputError, match="jobs must be a whole number of at least 1, got 0"
        ),
        slurm_cluster(0),
    ):
        pass
