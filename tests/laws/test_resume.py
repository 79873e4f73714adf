"""Killed and resumed equals never stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import drift
from drift.training import training as training
from drift.training.engines.base import Engine
from drift.training.engines.batched import BatchedEngine
from drift.training.engines.fused import FusedEngine

ENGINES: dict[str, type[Engine]] = {"batched": BatchedEngine, "fused": FusedEngine}
KILLED_STEPS = {"batched": 600, "fused": 3000}  # more than a run takes until it is killed
PROBES = (
    "relative_loss",
    "participation_ratio",
    "rate",
    "occupancy",
    "input_weights",
    "output_weights",
)
EVERY = 50  # steps between checkpoints while testing

RUN_UNTIL_KILLED = f"""
import sys
from drift import Experiment, train
from drift.training import training as training
training.CHECK, training.CHECKPOINT_INTERVAL = int(sys.argv[1]), 0.0
recipes = [Experiment.from_json(text) for text in sys.argv[4:]]
train(recipes, probes={PROBES!r}, engine=sys.argv[2], checkpoint=sys.argv[3], progress=False)
"""


def recipes(steps: int) -> list[drift.Experiment]:
    """Two groups, every kind of noise, a schedule, and a subject that fails."""
    base = drift.Experiment(
        task=drift.CorridorTask(samples=12, rays=4),
        network=drift.Network(units=15),
        steps=steps,
        sessions=5,
    )
    noise = [
        drift.UpdateNoise(std=0.05, schedule=drift.Linear(stop=steps, initial=1.0, final=0.2)),
        drift.LabelNoise(std=0.1, law="uniform"),
        drift.InputNoise(std=0.1),
    ]
    noisy = base.replace(noise=noise)
    wild = noisy.replace(learner=drift.SGD(learning_rate=50.0), seed=1)
    return [
        noisy,
        base.replace(learner=drift.Adam(), noise=noise[:1]),
        wild,
        base.replace(learner=drift.StochasticErrorDescent()),
    ]


def train(
    experiments: list[drift.Experiment], engine: str, checkpoint: Path | None = None
) -> xr.Dataset:
    run = drift.train(
        experiments, probes=PROBES, engine=engine, checkpoint=checkpoint, progress=False
    )
    return run.assign_attrs(created="")


def interrupt_after(monkeypatch: pytest.MonkeyPatch, engine: str, calls: int) -> None:
    """Raise KeyboardInterrupt in place of one advance of the engine."""
    advance, left = ENGINES[engine].advance, iter(range(calls))

    def interrupted(engine: Engine, steps: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        advance(engine, steps)

    monkeypatch.setattr(ENGINES[engine], "advance", interrupted)


@pytest.fixture(autouse=True)
def _frequent_checkpoints(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "CHECK", EVERY)


def begun(path: Path) -> bool:
    """Tell whether the checkpoint, which is whole at any moment, holds a step."""
    with np.load(path) as kept:
        return int(kept["0/engine/step"]) > 0


def killed_after(
    seconds: float, engine: str, path: Path, experiments: list[drift.Experiment]
) -> None:
    """Run until the checkpoint has moved, a little longer, and kill."""
    before = path.read_bytes() if path.exists() else b""
    command = [
        sys.executable,
        "-c",
        RUN_UNTIL_KILLED,
        str(EVERY),
        engine,
        str(path),
        *(one.to_json() for one in experiments),
    ]
    with subprocess.Popen(command) as process:
        while process.poll() is None and not (
            path.exists() and path.read_bytes() != before and begun(path)
        ):
            time.sleep(0.002)
        time.sleep(seconds)
        process.kill()
    assert process.returncode == -9, "the run must not have ended by itself"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_from_its_checkpoint_bit_for_bit(
    engine: str, kills: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    steps = KILLED_STEPS[engine]
    experiments, path = recipes(kills * steps), tmp_path / "run.npz"
    for _ in range(kills):
        killed_after(float(np.random.default_rng().uniform(0, 0.1)), engine, path, experiments)
    with pytest.raises(
        drift.RefusedInputError,
        match=r"belongs to another run \(recipes differ\): choose another path\.$",
    ):
        train([one.replace(steps=400) for one in experiments], engine, path)
    taken, kind = [], ENGINES[engine]
    advance = kind.advance
    monkeypatch.setattr(
        kind, "advance", lambda self, steps: (taken.append(steps), advance(self, steps))
    )
    resumed = train(experiments, engine, path)
    assert 0 < sum(taken) < 3 * kills * steps, "the first steps must not be taken again"
    xr.testing.assert_identical(resumed, train(experiments, engine))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("calls", [0, 7, 55, 110])
def test_interrupted_and_resumed_is_never_stopped(
    engine: str, calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # One step a call: 120 calls make a run, in three groups of the batched engine or in the one
    # group of the fused.
    experiments, path = recipes({"batched": 40, "fused": 120}[engine]), tmp_path / "run.npz"
    monkeypatch.setattr(training, "PATIENCE", 0.0)
    with monkeypatch.context() as patch:
        interrupt_after(patch, engine, calls)
        with pytest.raises(KeyboardInterrupt):
            train(experiments, engine, path)
    assert path.exists() and [one.name for one in tmp_path.iterdir()] == ["run.npz"]
    resumed = train(experiments, engine, path)
    xr.testing.assert_identical(resumed, train(experiments, engine))
    assert resumed.status[2] in ("diverged", "silent"), "one subject was meant to fail"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_finished_checkpoint_gives_its_result_without_a_step(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    experiments, path = recipes(60), tmp_path / "run.npz"
    first = train(experiments, engine, path)
    interrupt_after(monkeypatch, engine, 0)
    xr.testing.assert_identical(first, train(experiments, engine, path))


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_path_an_interrupt_leaves_nothing(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    interrupt_after(monkeypatch, engine, 1)
    with pytest.raises(KeyboardInterrupt):
        train(recipes(60), engine)
    assert not list(tmp_path.iterdir())
