"""Circuits in sweeps: what ``run_circuits`` gives for the same list, task by task, in any executor,
resumed, from the command line."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import xarray as xr

import circuits
import drift
from circuits.wandering import simulator as circuit_simulator
from drift.cli import main
from drift.files import code_version
from drift.tasks.base import Task

BASE = circuits.DriftingCircuit(
    circuit=circuits.LinearInterneuron(units=20, gain=40.0),
    inputs=circuits.PlaceInput(places=6),
    drift=circuits.WeightDrift(weight_lifetime=5.0),
    elapsed=(0.0, 1.0, 3.0),
)
NETWORK = drift.Experiment(
    task=drift.RandomTask(samples=4, inputs=3, outputs=2),
    network=drift.Network(units=8),
    steps=6,
    sessions=2,
)


def swept(recipes: list[circuits.DriftingCircuit], folder: Path, **options: object) -> xr.Dataset:
    result = drift.run_sweep(
        recipes, folder, **{"executor": "serial", "progress": False, **options}
    )
    assert result is not None
    return result.load()


def written(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.nc")}


def assert_same(one: xr.Dataset, other: xr.Dataset) -> None:
    xr.testing.assert_identical(
        one.drop_vars("reason", errors="ignore").drop_attrs(),
        other.drop_vars("reason", errors="ignore").drop_attrs(),
    )


def test_a_sweep_is_what_run_circuits_gives_for_the_same_list(tmp_path: Path):
    """Kinds of circuits, laws of weights, excitability and inputs of several kinds, side by side."""
    recipes = [
        *drift.cross(BASE, seed=[0, 1], **{"drift.weight_lifetime": [3.0, 9.0]}),
        BASE.replace(circuit=circuits.ThresholdInterneuron(units=20), seed=2),
        BASE.replace(excitability=circuits.Excitability(std=0.5, lifetime=3.0)),
        BASE.replace(inputs=circuits.PlaceContextInput(places=6)),
        BASE.replace(drift=circuits.WeightDrift(law="jump", weight_lifetime=5.0)),
    ]
    result = swept(recipes, tmp_path)
    assert_same(result, circuits.run_circuits(recipes, progress=False))
    assert_same(drift.open_sweep(tmp_path).load(), result)
    assert result["status"].values.tolist() == ["complete"] * 8
    found = [circuits.DriftingCircuit.from_json(str(text)) for text in result["experiment"].values]
    assert found == recipes


def test_a_rerun_does_what_is_missing_and_nothing_else(tmp_path: Path):
    swept(drift.cross(BASE, seed=range(3)), tmp_path)
    before = written(tmp_path)
    next(tmp_path.glob("*.nc")).unlink()
    assert drift.open_sweep(tmp_path)["status"].values.tolist().count("missing") == 1
    result = swept(drift.cross(BASE, seed=range(4)), tmp_path)
    after = written(tmp_path)
    assert len(after) == 4 and sum(after[name] == before.get(name) for name in after) == 2
    assert_same(result, circuits.run_circuits(drift.cross(BASE, seed=range(4)), progress=False))


def test_a_sweep_that_is_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls, run = [], circuit_simulator.run_circuits

    def interrupted(*recipes: object, **options: object) -> xr.Dataset:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(*recipes, **options)

    monkeypatch.setattr(circuit_simulator, "run_circuits", interrupted)
    recipes = drift.cross(BASE, seed=range(3))
    with pytest.raises(KeyboardInterrupt):
        swept(recipes, tmp_path)
    assert len(written(tmp_path)) == 1
    assert_same(swept(recipes, tmp_path), run(recipes, progress=False))
    assert len(calls) == 4, "the first task was not run again"


def test_any_executor_will_do_and_tasks_can_be_handed_over(tmp_path: Path):
    recipes = drift.cross(BASE, seed=range(3))
    with ThreadPoolExecutor(2) as pool:
        assert_same(
            swept(recipes, tmp_path / "threads", executor=pool), swept(recipes, tmp_path / "serial")
        )
    simulator = circuits.CircuitSimulator(engine="compiled")
    assert pickle.loads(pickle.dumps((BASE, simulator))) == (BASE, simulator)


@pytest.mark.slow
def test_processes_give_the_serial_result_bitwise(tmp_path: Path):
    recipes = drift.cross(BASE, seed=range(3))
    result = swept(recipes, tmp_path / "processes", executor="processes")
    assert_same(result, swept(recipes, tmp_path / "serial"))


def test_another_engine_or_another_code_is_another_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    swept([BASE], tmp_path)
    compiled = swept([BASE], tmp_path, simulator=circuits.CircuitSimulator(engine="compiled"))
    assert len(written(tmp_path)) == 2 and compiled.attrs["engine"] == "compiled"
    monkeypatch.setattr(circuits.CircuitSimulator, "code", lambda self: "changed")
    swept([BASE], tmp_path)
    assert len(written(tmp_path)) == 3
    assert drift.open_sweep(tmp_path).sizes["subject"] == 1
    assert "engine compiled" in drift.open_sweep(tmp_path).attrs["other_tasks"]


def test_the_hashed_modules_are_all_that_decide_a_drifting_circuit():
    question = (
        "import sys, circuits; recipe = circuits.DriftingCircuit(circuit="
        "circuits.LinearInterneuron(units=5), drift={}, elapsed=(0.0, 1.0), "
        "inputs=circuits.PlaceContextInput(places=4), "
        "excitability=circuits.Excitability(std=0.5, lifetime=3.0)); "
        "circuits.run_circuits([recipe], progress=False); "
        "print(*[m for m in sys.modules if m.split('.')[0] in ('drift', 'circuits')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {
        module.replace(".", "/")
        for module in loaded
        if module.startswith(("circuits", "drift.theory."))
    }
    root = circuit_simulator.CIRCUITS.parent
    paths = [*circuit_simulator.decisive_files(), *code_version.decisive_files()]
    hashed = {
        path.relative_to(root).with_suffix("").as_posix().removesuffix("/__init__")
        for path in paths
    }
    assert "circuits/wandering/weight_drift" in hashed and not ours - hashed


def test_failures_and_unsettled_circuits_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = circuit_simulator.run_circuits

    def refusing(recipes: list[circuits.DriftingCircuit], **options: object) -> xr.Dataset:
        if recipes[0].seed == 1:
            raise MemoryError("no memory left")
        result = run(recipes, **options)
        return result.assign_coords(
            status=("subject", ["unsettled" if recipes[0].seed else "complete"])
        )

    monkeypatch.setattr(circuit_simulator, "run_circuits", refusing)
    result = swept(drift.cross(BASE, seed=range(3)), tmp_path)
    assert result["status"].values.tolist() == ["complete", "failed", "unsettled"]
    first, second, third = result["reason"].values
    assert first == "" and "no memory left" in second and "had not come to rest" in third
    assert result["rate"][1].isnull().all() and not result["recorded"][1].any()
    monkeypatch.undo()
    assert swept(drift.cross(BASE, seed=range(2)), tmp_path, retry=True)[
        "status"
    ].values.tolist() == ["complete", "complete"]


def test_a_world_of_ones_own_that_changes_makes_new_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from drift.sweeps import tasks as sweep_tasks

    class OwnCircuit(circuits.LinearInterneuron):
        """The user's own."""

    def name(recipe: circuits.DriftingCircuit) -> str:
        (task,) = sweep_tasks.tasks([recipe], tmp_path, {}, "code")
        return task.path.name

    own = BASE.replace(circuit=OwnCircuit(units=20, gain=40.0))
    before = name(own), name(BASE)
    monkeypatch.setattr(sweep_tasks.inspect, "getsource", lambda kind: f"{kind.__name__}, changed")
    assert name(own) != before[0] and name(BASE) == before[1]


@pytest.mark.parametrize(
    ("recipes", "options", "sentence"),
    [
        ([BASE, NETWORK], {}, "CircuitSimulator runs a list .* got Experiment among them"),
        ([NETWORK, BASE], {}, "NetworkSimulator runs a list .* got DriftingCircuit among them"),
        ([BASE, BASE], {}, "recipes 0 and 1 are the same"),
        ([BASE, BASE.replace(elapsed_units="min")], {}, "must agree in units of elapsed"),
        ([BASE], {"precision": "float64"}, "are options of networks, got them for DriftingCircuit"),
        ([BASE.circuit], {}, "NetworkSimulator runs a list .* got LinearInterneuron"),
    ],
)
def test_what_cannot_be_run_together_is_refused(
    tmp_path: Path, recipes: list, options: dict[str, object], sentence: str
):
    with pytest.raises(drift.RefusedInputError, match=sentence):
        swept(recipes, tmp_path, **options)


def test_results_in_other_units_of_time_do_not_stand_in_one_dataset(tmp_path: Path):
    swept([BASE], tmp_path)
    swept([BASE.replace(elapsed_units="min")], tmp_path)
    with pytest.raises(drift.RefusedInputError, match="elapsed time is in day and min"):
        drift.open_sweep(tmp_path)


def test_the_command_line_sweeps_circuits(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path, folder = tmp_path / "circuit.toml", tmp_path / "sweep"
    path.write_text(BASE.to_toml())
    words = ["sweep", str(path), "--folder", str(folder), "--executor", "serial"]
    varied = ["--vary", "seed=0,1", "drift.weight_lifetime=3.0,9.0"]
    assert main([*words, *varied, "--out", str(tmp_path / "all.nc")]) in (0, None)
    assert "4 subjects" in capsys.readouterr().out
    expected = drift.cross(BASE, seed=[0, 1], **{"drift.weight_lifetime": [3.0, 9.0]})
    assert_same(drift.load(tmp_path / "all.nc"), circuits.run_circuits(expected, progress=False))
    assert main(["info", str(folder)]) in (0, None)
    assert "a sweep of 4 tasks: 4 done" in capsys.readouterr().out
    for flags, sentence in (
        (["--steps", "5"], "--steps is of networks"),
        (["--engine", "fused"], "write fixed_point, compiled or brian2"),
        (["--vary", "noise.0.std=0.1"], "names no noise among 0"),
        (["--vary", "drift.law=turnover"], "needs connected_share"),
    ):
        assert main([*words, *flags]) not in (0, None)
        assert sentence in " ".join(capsys.readouterr().err.split())
    assert main([*words, "--engine", "compiled", "--dry-run"]) in (0, None)
    assert "1 tasks (0 done" in capsys.readouterr().out


def test_files_that_inputs_read_are_known():
    """Of a task that a circuit sees, as of one that a network learns."""

    class Reading(Task):
        kind: str = "reading"

        def files(self) -> tuple[Path, ...]:
            return (Path("absent.npz"),)

        def draw(self, seed: int) -> xr.Dataset:
            raise NotImplementedError

    from drift.sweeps.tasks import contents

    assert contents(BASE) == ()
    ((kind, text),) = contents(BASE.replace(inputs=Reading()))
    assert kind == "content" and "No such file" in text
