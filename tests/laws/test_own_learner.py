"""A learning rule that a user writes obeys the laws: alone as in a crowd, resumed as never stopped,
read back as written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import xarray as xr
from pydantic import Field

import drift
from drift.learners import LEARNERS, Learner, Program
from drift.training import training as training

PROBES = ("loss", "input_weights", "bias", "output_weights")


class Momentum(Learner):
    """m <- decay m + gradient, theta <- theta - learning_rate m."""

    kind: Literal["test_momentum"] = "test_momentum"
    learning_rate: float = Field(default=0.02, gt=0)
    decay: float = Field(default=0.9, ge=0, lt=1)

    def remembers(self) -> tuple[str, ...]:
        """Return the name of the running mean."""
        return ("moment",)

    def learn(self, program: Program) -> None:
        """Take one step."""
        for weights, slope, moment in zip(
            program.parameters, self.slopes(program), program.memory["moment"], strict=True
        ):
            moment.mul_(program.numbers["decay"]).add_(slope)
            weights.addcmul_(moment, program.numbers["learning_rate"], value=-1)


@pytest.fixture
def registered() -> Iterator[None]:
    LEARNERS["test_momentum"] = Momentum
    yield
    del LEARNERS["test_momentum"]


def subject(
    seed: int = 0, rate: float = 0.02, decay: float = 0.9, **changes: object
) -> drift.Experiment:
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=20, rays=5),
        network=drift.Network(units=17),
        learner=Momentum(learning_rate=rate, decay=decay),
        noise=[drift.UpdateNoise(std=0.03), drift.InputNoise(std=0.1), drift.LabelNoise(std=0.1)],
        steps=40,
        sessions=3,
        seed=seed,
    )
    return recipe.replace(**changes)


def denoiser(seed: int = 0, rate: float = 0.02) -> drift.Experiment:
    task, network = (
        drift.ImageTask(size=6, samples=64, test_samples=16),
        drift.DenoisingNetwork(units=9),
    )
    return subject(
        seed, rate, task=task, network=network, noise=[drift.InputNoise(std=0.3)], minibatch=8
    )


def weights(run: xr.Dataset, number: int) -> xr.Dataset:
    return (
        run[list(PROBES)]
        .isel(subject=[number])
        .reset_coords(drop=True)
        .drop_attrs()
        .drop_vars("subject")
    )


@pytest.mark.parametrize("make", [subject, denoiser])
def test_alone_as_in_a_crowd(make):
    crowd = [make(3, 0.01), make(1, 0.02), make(2, 0.05)]
    together = drift.train(crowd, probes=PROBES, progress=False)
    for number, one in enumerate(crowd):
        xr.testing.assert_identical(
            weights(together, number), weights(drift.train([one], probes=PROBES, progress=False), 0)
        )
    assert float(abs(together["loss"][0] - together["loss"][1]).max()) > 0


def test_company_under_other_rules_changes_nothing():
    crowd = [subject(learner=drift.Adam()), subject(1), subject(learner=drift.SGD())]
    together = drift.train(crowd, probes=PROBES, progress=False)
    xr.testing.assert_identical(
        weights(together, 1), weights(drift.train([crowd[1]], probes=PROBES, progress=False), 0)
    )


def test_without_memory_it_is_gradient_descent():
    plain = drift.train(
        [subject(learner=drift.SGD(learning_rate=0.02))],
        probes=PROBES,
        engine="batched",
        progress=False,
    )
    own = drift.train([subject(decay=0.0)], probes=PROBES, progress=False)
    for name in PROBES:
        np.testing.assert_allclose(own[name], plain[name], rtol=1e-5, atol=1e-7)


def test_stopped_and_resumed_equals_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = drift.train([subject(), subject(1)], probes=PROBES, progress=False)
    answered = training._advance_to

    def interrupted(stop: int, *arguments: object) -> int:
        if stop == 40:
            raise KeyboardInterrupt
        return answered(stop, *arguments)

    monkeypatch.setattr(training, "_advance_to", interrupted)
    with pytest.raises(KeyboardInterrupt):
        drift.train(
            [subject(), subject(1)],
            probes=PROBES,
            checkpoint=tmp_path / "state.npz",
            progress=False,
        )
    monkeypatch.undo()
    resumed = drift.train(
        [subject(), subject(1)], probes=PROBES, checkpoint=tmp_path / "state.npz", progress=False
    )
    for number in range(2):
        xr.testing.assert_identical(weights(whole, number), weights(resumed, number))


def test_a_registered_rule_is_read_back(registered: None, tmp_path: Path):
    recipe = subject(rate=0.03)
    assert (
        drift.Experiment.from_json(recipe.to_json())
        == recipe
        == drift.Experiment.from_toml(recipe.to_toml())
    )
    drift.save(drift.train([recipe], probes=("loss",), progress=False), tmp_path / "run.nc")
    assert drift.load(tmp_path / "run.nc").drift.recipes == [recipe]


def test_an_unregistered_rule_runs_and_its_files_say_that_it_is_unknown():
    run = drift.train([subject(steps=2, sessions=2)], progress=False)
    assert run.attrs["engine"] == "batched"
    with pytest.raises(drift.RefusedInputError, match="kind 'test_momentum' is unknown"):
        _ = run.drift.recipes


def test_the_kind_of_another_rule_is_refused():
    class Borrowed(drift.SGD):
        """Files would call it gradient descent."""

    with pytest.raises(
        drift.RefusedInputError,
        match=r"Borrowed has the kind 'sgd' of SGD: give it a kind of its own",
    ):
        drift.Experiment(learner=Borrowed())


def test_a_changed_rule_makes_new_tasks_of_a_sweep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from drift.sweeps import tasks as sweep_tasks

    def key(learner: Learner) -> str:
        (task,) = sweep_tasks.tasks([drift.Experiment(learner=learner)], tmp_path, {}, "code")
        return task.path.name

    before = key(Momentum()), key(drift.SGD())
    assert key(Momentum()) == before[0]
    monkeypatch.setattr(sweep_tasks.inspect, "getsource", lambda kind: f"{kind.__name__}, changed")
    assert key(Momentum()) != before[0] and key(drift.SGD()) == before[1]
