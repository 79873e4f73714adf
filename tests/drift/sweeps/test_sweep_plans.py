"""Sweeps trust nothing that may have changed: files that recipes read, code, earlier plans; and say
how to go on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import drift
from drift.cli import main
from drift.cli.lines.summaries import run_summary
from drift.cli.sweep import varied
from drift.files import code_version
from drift.sweeps.files import LIST, listed, set_aside
from drift.sweeps.sweep import cross, open_sweep, run_sweep

BASE = drift.Experiment(
    task=drift.RandomTask(samples=4, inputs=3, outputs=2),
    network=drift.Network(units=8),
    noise=[drift.UpdateNoise(std=0.03)],
    steps=30,
    sessions=4,
)


def swept(recipes: list[drift.Experiment], folder: Path, **options: object) -> xr.Dataset:
    result = run_sweep(
        recipes, folder, **{"executor": "serial", "progress": False, "engine": "batched", **options}
    )
    assert result is not None
    return result.load()


def test_a_second_plan_is_added_to_the_first(tmp_path: Path):
    first, second = (
        cross(BASE, seed=range(3)),
        cross(BASE, seed=[1, 7], **{"network.units": [8, 9]}),
    )
    assert swept(first, tmp_path)["seed"].values.tolist() == [0, 1, 2]
    assert swept(second, tmp_path)["seed"].values.tolist() == [1, 1, 7, 7]
    assert open_sweep(tmp_path)["seed"].values.tolist() == [0, 1, 2, 1, 7, 7]
    before = (tmp_path / LIST).stat().st_mtime_ns
    assert swept(first, tmp_path)["seed"].values.tolist() == [0, 1, 2]
    assert (tmp_path / LIST).stat().st_mtime_ns == before and open_sweep(tmp_path).sizes[
        "subject"
    ] == 6


def test_plans_of_other_options_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    swept([BASE, BASE.replace(seed=1)], tmp_path, precision="float64")
    swept([BASE], tmp_path)
    assert set_aside(tmp_path) == [
        "2 more tasks were run with precision float64: run_sweep with the same recipes shows them"
    ]
    assert "precision float64" in open_sweep(tmp_path).attrs["other_tasks"]
    assert main(["info", str(tmp_path)]) == 0
    assert (
        "a sweep of 1 tasks: 1 done" in (told := capsys.readouterr().out)
        and "2 more tasks were run with precision float64" in told
    )


def test_tasks_of_an_older_code_are_told_of_unless_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    swept(cross(BASE, seed=range(3)), tmp_path)
    monkeypatch.setattr("drift.sweeps.simulators.code_version", lambda: "changed")
    swept(cross(BASE, seed=range(2)), tmp_path)
    assert set_aside(tmp_path)[0].startswith("1 more tasks were run by another code")
    swept(cross(BASE, seed=range(3)), tmp_path)
    assert set_aside(tmp_path) == []


def test_plans_that_do_not_fit_together_are_refused_with_a_remedy(tmp_path: Path):
    corridor = BASE.replace(task=drift.CorridorTask(samples=12, rays=4))
    plans = [[BASE], [corridor]]
    for plan in plans:
        swept(plan, tmp_path)
    try:
        assert open_sweep(tmp_path).sizes["subject"] == 2
    except drift.RefusedInputError as refusal:
        assert "a folder of its own" in str(refusal)


def stored(path: Path, seed: int) -> drift.StoredTask:
    rng = np.random.default_rng(seed)
    np.savez(path, inputs=rng.normal(size=(10, 3)), targets=rng.normal(size=(10, 2)))
    return drift.StoredTask(path=str(path))


def test_another_content_of_a_stored_task_is_another_result(tmp_path: Path):
    path, losses = tmp_path / "data.npz", []
    for seed in (1, 2, 1):
        recipe = BASE.replace(task=stored(path, seed))
        losses.append(swept([recipe], tmp_path / "sweep")["loss"].values)
        np.testing.assert_array_equal(
            losses[-1], drift.train([recipe], engine="batched", progress=False)["loss"].values
        )
    assert not np.allclose(losses[0], losses[1]) and np.array_equal(losses[0], losses[2])
    path.unlink()
    assert open_sweep(tmp_path / "sweep")["status"].values.tolist() == ["complete"] * 2, (
        "results need no file any more"
    )


def test_the_content_of_a_text_and_of_images_is_known(tmp_path: Path):
    text = tmp_path / "a.txt"
    text.write_text("a" * 900)
    task = drift.TextTask(path=str(text), context=4, samples=5, test_samples=2)
    assert task.files() == (text,)
    images = tmp_path / "images"
    images.mkdir()
    for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz", "else"):
        (images / name).write_bytes(b"1")
    found = drift.ImageTask(source="mnist", path=str(images)).files()
    assert {path.name for path in found} == {"train-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"}
    (images / "data_batch_2").write_bytes(b"1")
    assert [path.name for path in drift.ImageTask(source="cifar10", path=str(images)).files()] == [
        "data_batch_2"
    ]
    assert drift.ImageTask().files() == () == BASE.task.files()


def test_a_file_that_changes_while_a_sweep_runs_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from drift.sweeps import simulators

    recipe, train = BASE.replace(task=stored(tmp_path / "data.npz", 1)), simulators.train

    def changed(*arguments: object, **options: object) -> xr.Dataset:
        run = train(*arguments, **options)
        stored(tmp_path / "data.npz", 2)
        return run

    monkeypatch.setattr(simulators, "train", changed)
    with pytest.raises(drift.RefusedInputError, match="has changed since the sweep was asked for"):
        swept([recipe], tmp_path / "sweep")


def test_a_change_of_any_file_that_decides_numbers_changes_the_code_version(tmp_path: Path):
    package = Path(drift.__file__).parent
    copied = tmp_path / "drift"
    shutil.copytree(package, copied, ignore=shutil.ignore_patterns("__pycache__"))
    assert code_version.code_version(copied) == code_version.code_version()
    rooms = ("learners", "loops", "metrics", "networks", "schema", "tasks", "training")
    deciding = {path for room in rooms for path in (copied / room).rglob("*.py")}
    deciding |= {
        copied / name
        for name in ("experiment.py", "noise.py", "recipe.py", "streams.py", "texts.py")
    }
    assert copied / "networks" / "inhibition" / "top_k.py" in deciding and len(deciding) > 60
    for path in deciding:
        before, whole = code_version.code_version(copied), path.read_text()
        path.write_text(whole + "\n")
        assert code_version.code_version(copied) != before, path
        path.write_text(whole)


UNGUARDED = """
import drift
recipe = drift.Experiment(task=drift.RandomTask(), network=drift.Network(units=5), steps=5, sessions=2)
drift.run_sweep(drift.cross(recipe, seed=range(2)), "sweep", progress=False)
"""


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_so(tmp_path: Path):
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert (
        'if __name__ == "__main__"' in done.stderr.strip().splitlines()[-1] and done.returncode == 1
    )
    assert done.stderr.count("Traceback") == 1, "processes of the pool are silent"


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("learner.learning_rate=.1", 0.1),
        ("learner.learning_rate=1e-3", 0.001),
        ("learner.learning_rate=5.e-2", 0.05),
        ("learner.learning_rate=+.5", 0.5),
        ("minibatch=None", None),
        ("task.faithful=True", True),
        ("task.faithful=false", False),
        ("steps=1e3", 1000),
        ("steps=2E2", 200),
        ("network.regime=lazy", "lazy"),
        ("noise.0.std=.07", 0.07),
        ("noise.0.acts_on=weights", "weights"),
    ],
)
def test_values_are_written_as_flags_of_run_are(entry: str, value: object):
    (recipe,) = varied(BASE, [entry])
    path = entry.partition("=")[0]
    part: object = recipe
    for name in path.split("."):
        part = part[int(name)] if name.isdecimal() else getattr(part, name)  # type: ignore[index]
    assert part == value and type(part) is type(value)


def test_lists_are_values_too():
    assert [one.sessions for one in varied(BASE, ["sessions=[0,10],[0,20,30]"])] == [
        (0, 10),
        (0, 20, 30),
    ]


def test_means_are_taken_over_subjects_of_one_recipe():
    recipes = cross(
        BASE, seed=range(2), noise=[[drift.UpdateNoise(std=std)] for std in (0.01, 0.2)]
    )
    run = drift.train(recipes, engine="batched", progress=False)
    told = run_summary(run)
    for std, places in ((0.01, [0, 2]), (0.2, [1, 3])):
        block = told.partition(f"noise.0.std = {std} (2 subjects)")[2]
        row = next(line for line in block.splitlines() if line.strip().startswith("loss"))
        assert float(row.split()[-1]) == pytest.approx(
            float(run["loss"].values[places, -1].mean()), rel=1e-3
        )
    assert "(2 subjects)" not in run_summary(
        drift.train(cross(BASE, seed=range(2)), engine="batched", progress=False)
    )


UNTIL_STOPPED = """
import sys
from drift import Experiment, train
from drift.training import training as training
training.CHECK = 20
from drift.training.engines.batched import BatchedEngine
advance, recipe = BatchedEngine.advance, Experiment.from_json(sys.argv[2])
def told(engine, steps):
    advance(engine, steps)
    if 0 < engine.step < 100:
        print("ready", flush=True)
BatchedEngine.advance = told
train([recipe], engine="batched", checkpoint=sys.argv[1], progress=False)
"""


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)]
)
def test_a_run_that_is_told_to_end_keeps_its_state(number: signal.Signals, tmp_path: Path):
    recipe, path = BASE.replace(steps=6_000), tmp_path / "run.npz"
    process = subprocess.Popen(
        [sys.executable, "-c", UNTIL_STOPPED, str(path), recipe.to_json()],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == -number and [one.name for one in tmp_path.iterdir()] == ["run.npz"]
    with np.load(path) as kept:
        assert 0 < int(kept["0/engine/step"]) < 6_000
    resumed = drift.train([recipe], engine="batched", checkpoint=path, progress=False)
    whole = drift.train([recipe], engine="batched", progress=False)
    xr.testing.assert_identical(resumed.drop_attrs(), whole.drop_attrs())


def test_handlers_of_others_stay(tmp_path: Path):
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        drift.train(
            [BASE.replace(steps=2, sessions=2)],
            engine="batched",
            checkpoint=tmp_path / "a.npz",
            progress=False,
        )
        os.kill(os.getpid(), signal.SIGTERM)
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_finished_run_outlives_a_checkpoint_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipe = BASE.replace(steps=4, sessions=2)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(UserWarning, match="no checkpoint was kept"):
        run = drift.train(
            [recipe], engine="batched", checkpoint=tmp_path / "run.npz", progress=False
        )
    assert run["status"].item() == "complete" and not list(tmp_path.iterdir())


def test_an_interrupt_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("drift.training.training.train", interrupted)
    monkeypatch.setattr("drift.cli.sweep.run_sweep", interrupted)
    (tmp_path / "recipe.toml").write_text(BASE.to_toml())
    recipe, out = str(tmp_path / "recipe.toml"), str(tmp_path / "run.nc")
    assert main(["run", recipe, "--out", out]) == 130
    assert "with --checkpoint FILE the same command goes on" in capsys.readouterr().err
    assert main(["run", recipe, "--out", out, "--checkpoint", str(tmp_path / "run.npz")]) == 130
    assert (
        f"the run is kept in {tmp_path / 'run.npz'}: the same command goes on"
        in capsys.readouterr().err
    )
    assert main(["sweep", recipe, "--folder", str(tmp_path / "sweep"), "--vary", "seed=1,2"]) == 130
    assert "the same command goes on with the rest" in capsys.readouterr().err


def test_listed_tasks_are_those_asked_for(tmp_path: Path):
    recipes = cross(BASE, seed=range(2))
    swept(recipes, tmp_path)
    assert [drift.Experiment.from_json(task.recipe) for task in listed(tmp_path)] == recipes
