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
from drift import training
from drift.engines.batched import BatchedEngine

ENGINES = ("batched",)
PROBES = ("relative_loss", "participation_ratio", "rate", "occupancy", "input_weights", "output_weights")
EVERY = 50  # steps between checkpoints while testing

RUN_UNTIL_KILLED = """
import sys
from drift import Experiment, train, training
training.CHECK, training.CHECKPOINT_INTERVAL = int(sys.argv[1]), 0.0
recipes = [Experiment.from_json(text) for text in sys.argv[4:]]
train(recipes, probes=%r, engine=sys.argv[2], checkpoint=sys.argv[3], progress=False)
""" % (PROBES,)


def recipes(steps: int) -> list[drift.Experiment]:
    """Two groups, every kind of noise, a schedule, and a subject that diverges."""
    base = drift.Experiment(task=drift.CorridorTask(samples=12, rays=4), network=drift.Network(units=15), steps=steps, sessions=5)
    noise = [
        drift.UpdateNoise(std=0.05, schedule=drift.Linear(stop=steps, initial=1.0, final=0.2)),
        drift.LabelNoise(std=0.1, law="uniform"),
        drift.InputNoise(std=0.1),
    ]
    noisy = base.replace(noise=noise)
    wild = noisy.replace(learner=drift.SGD(learning_rate=50.0), seed=1)
    return [noisy, base.replace(learner=drift.Adam(), noise=noise[:1]), wild, base.replace(learner=drift.StochasticErrorDescent())]


def train(experiments: list[drift.Experiment], engine: str, checkpoint: Path | None = None) -> xr.Dataset:
    run = drift.train(experiments, probes=PROBES, engine=engine, checkpoint=checkpoint, progress=False)
    return run.assign_attrs(created="")


def interrupt_after(monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """Raise KeyboardInterrupt in place of one advance of the engine."""
    advance, left = BatchedEngine.advance, iter(range(calls))

    def interrupted(engine: BatchedEngine, steps: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        advance(engine, steps)

    monkeypatch.setattr(BatchedEngine, "advance", interrupted)


@pytest.fixture(autouse=True)
def _frequent_checkpoints(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "CHECK", EVERY)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("delay", [0.0, 0.37])
def test_killed_and_resumed_is_never_stopped(engine: str, delay: float, tmp_path: Path):
    experiments, path = recipes(20_000), tmp_path / "run.npz"
    command = [sys.executable, "-c", RUN_UNTIL_KILLED, str(EVERY), engine, str(path), *(one.to_json() for one in experiments)]
    with subprocess.Popen(command) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(delay)
        process.kill()
    assert process.returncode == -9, "the run must not have ended by itself"
    shorter = [one.replace(steps=400, sessions=5) for one in experiments]
    with pytest.raises(drift.RefusedInputError, match="belongs to another run"):
        train(shorter, engine, path)
    with np.load(path) as kept:
        assert 0 < int(kept["0/engine/step"]) < 20_000


@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_run_goes_on_from_its_checkpoint_bit_for_bit(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    experiments, path = recipes(1_000), tmp_path / "run.npz"
    command = [sys.executable, "-c", RUN_UNTIL_KILLED, str(EVERY), engine, str(path), *(one.to_json() for one in experiments)]
    with subprocess.Popen(command) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.002)
        time.sleep(float(np.random.default_rng().uniform(0, 0.15)))
        process.kill()
    assert process.returncode == -9, "the run must not have ended by itself"
    taken = []
    advance = BatchedEngine.advance
    monkeypatch.setattr(BatchedEngine, "advance", lambda self, steps: (taken.append(steps), advance(self, steps)))
    resumed = train(experiments, engine, path)
    assert 0 < sum(taken) < 3 * 1_000, "the first steps must not be taken again"
    xr.testing.assert_identical(resumed, train(experiments, engine))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("calls", [0, 1, 5, 9, 40])
def test_interrupted_and_resumed_is_never_stopped(engine: str, calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    experiments, path = recipes(120), tmp_path / "run.npz"
    monkeypatch.setattr(training, "PATIENCE", 0.0)  # one step a call, so that 120 calls make a group
    with monkeypatch.context() as patch:
        interrupt_after(patch, calls + 120 * (calls % 2))
        with pytest.raises(KeyboardInterrupt):
            train(experiments, engine, path)
    assert path.exists() and [one.name for one in tmp_path.iterdir()] == ["run.npz"]
    resumed = train(experiments, engine, path)
    xr.testing.assert_identical(resumed, train(experiments, engine))
    assert resumed.status.values.tolist() == ["complete", "complete", "diverged", "complete"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_finished_checkpoint_gives_its_result_without_a_step(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    experiments, path = recipes(60), tmp_path / "run.npz"
    first = train(experiments, engine, path)
    interrupt_after(monkeypatch, 0)
    xr.testing.assert_identical(first, train(experiments, engine, path))


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_path_an_interrupt_leaves_nothing(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    interrupt_after(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        train(recipes(60), engine)
    assert not list(tmp_path.iterdir())
