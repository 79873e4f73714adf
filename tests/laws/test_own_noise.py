"""A noise that a user writes obeys the laws: alone as in a crowd, resumed as never stopped, of the
law that it says; and one that no engine adds is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
from pydantic import Field

import drift
from drift.learners import Learner, Program
from drift.noise import NOISES, Noise, Schedule
from drift.training import training as training

WEIGHTS = ("loss", "input_weights", "bias", "output_weights")


class ProportionalNoise(Noise):
    """theta <- theta + std |theta|^exponent xi."""

    kind: Literal["test_proportional"] = "test_proportional"
    acts_on: Literal["weights", "gradient"] = "weights"
    exponent: float = Field(default=1.0, ge=0)

    def act(self, values: torch.Tensor, normals: torch.Tensor, step: int) -> None:
        values.add_(normals.mul_(values.abs().pow_(self.exponent)), alpha=self.scale(step))


class PlainNoise(Noise):
    """Update noise by another name."""

    kind: Literal["test_plain"] = "test_plain"
    acts_on: Literal["weights", "gradient"] = "weights"


class Standstill(Learner):
    """Learns nothing, so that the noise alone moves the weights."""

    takes_gradient: ClassVar[bool] = False
    kind: Literal["test_standstill"] = "test_standstill"

    def learn(self, program: Program) -> None:
        """Take one step."""


class EveryOther(Schedule):
    kind: Literal["test_every_other"] = "test_every_other"

    def factor(self, step: int) -> float:
        return float(step % 2)


def subject(seed: int = 0, **changes: object) -> drift.Experiment:
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=20, rays=5),
        network=drift.Network(units=17),
        noise=[ProportionalNoise(std=0.02), drift.UpdateNoise(std=0.03)],
        steps=30,
        sessions=3,
        seed=seed,
    )
    return recipe.replace(**changes)


def denoising(**changes: object) -> drift.Experiment:
    return subject(
        **{"task": drift.RandomTask(), "network": drift.DenoisingNetwork(units=6), **changes}
    )


@pytest.fixture
def registered() -> Iterator[None]:
    NOISES["test_proportional"] = ProportionalNoise
    yield
    del NOISES["test_proportional"]


CROWDS = {
    "network": [
        subject(),
        subject(1, noise=[ProportionalNoise(std=0.1, exponent=0.5), drift.UpdateNoise(std=0.01)]),
        subject(2, noise=[ProportionalNoise(std=0.1, acts_on="gradient")]),
        subject(3, noise=[PlainNoise(std=0.1)]),
        subject(4, noise=[drift.UpdateNoise(std=0.1)]),
    ],
    "denoising network": [denoising(), denoising(noise=[PlainNoise(std=0.1)], seed=1)],
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_alone_as_in_a_crowd(crowd: str):
    together = drift.train(CROWDS[crowd], probes=WEIGHTS, progress=False)
    for number, recipe in enumerate(CROWDS[crowd]):
        alone = drift.train([recipe], probes=WEIGHTS, progress=False)
        for name in WEIGHTS:
            assert np.array_equal(together[name][number], alone[name][0]), (number, name)


@pytest.mark.parametrize("recipe", [subject(), denoising()], ids=["network", "denoising"])
def test_resumed_equals_never_stopped(
    recipe: drift.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = drift.train([recipe], probes=WEIGHTS, progress=False)
    kept, advance, calls = tmp_path / "state.npz", training._advance_to, []

    def interrupted(*args: object) -> int:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return advance(*args)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_advance_to", interrupted)
        with pytest.raises(KeyboardInterrupt):
            drift.train([recipe], probes=WEIGHTS, checkpoint=kept, progress=False)
    resumed = drift.train([recipe], probes=WEIGHTS, checkpoint=kept, progress=False)
    for name in WEIGHTS:
        assert np.array_equal(whole[name], resumed[name]), name


def test_it_has_the_law_that_it_says():
    """One step of noise alone: 17 x 12,000 weights, standard error of a standard deviation 0.16 %,
    tolerance 4 of them; |theta| multiplies it."""
    task = drift.RandomTask(samples=2, inputs=12_000, outputs=2)
    base = subject(task=task, learner=Standstill(), steps=1, sessions=2, noise=[])
    for noise, exponent in ((PlainNoise(std=1e-3), 0.0), (ProportionalNoise(std=1e-3), 1.0)):
        run = drift.train(
            [base.replace(noise=[noise])], probes=WEIGHTS, precision="float64", progress=False
        )
        before, after = run["input_weights"].values[0]
        size = np.where(before == 0, np.nan, np.abs(before)) ** exponent
        drawn = ((after - before) / size).ravel()
        drawn = drawn[np.isfinite(drawn)]
        assert drawn.std() == pytest.approx(1e-3, rel=4 / np.sqrt(2 * drawn.size))
        assert abs(drawn.mean()) < 4e-3 / np.sqrt(drawn.size)


def test_two_noises_of_ones_own_draw_apart_and_move_no_other_stream():
    one = subject(learner=Standstill(), steps=1, sessions=2, noise=[])
    kinds = (drift.UpdateNoise(std=0.01, acts_on="weights"), PlainNoise(std=0.01))
    moved = [
        drift.train(
            [one.replace(noise=list(noise))], engine="batched", probes=WEIGHTS, progress=False
        )["input_weights"]
        .diff("session")
        .values.ravel()
        for noise in (kinds[:1], kinds[1:], kinds)
    ]
    assert abs(np.corrcoef(moved[0], moved[1])[0, 1]) < 4 / np.sqrt(moved[0].size)
    np.testing.assert_allclose(moved[0] + moved[1], moved[2], atol=1e-5)


def test_written_recipes_are_read_back(registered: None, tmp_path: Path):
    recipe = subject(1, noise=[ProportionalNoise(std=0.1, exponent=2.0)])
    assert drift.Experiment.from_toml(recipe.to_toml()) == recipe
    run = drift.train([recipe], probes=["loss"], progress=False)
    drift.save(run, tmp_path / "run.nc")
    assert drift.load(tmp_path / "run.nc").equals(run)


@pytest.mark.parametrize("engine", ["fused", "batched"])
def test_a_schedule_of_ones_own_is_obeyed(engine: str):
    """Noise is off in even steps: without learning, every second session shows the same weights."""
    noise = drift.UpdateNoise(std=0.1, schedule=EveryOther())
    recipe = subject(
        learner=drift.SGD(learning_rate=1e-12), steps=6, sessions=7, noise=[noise]
    ).replace(noise=[noise.replace(acts_on="weights")])
    run = drift.train([recipe], probes=WEIGHTS, engine=engine, progress=False)
    moved = np.abs(run["input_weights"].diff("session")).max(("subject", "unit", "input")).values
    assert (moved[::2] < 1e-6).all() and (moved[1::2] > 0.1).all()


class Placeless(Noise):
    kind: Literal["test_placeless"] = "test_placeless"


class Misplaced(Noise):
    kind: Literal["test_misplaced"] = "test_misplaced"
    acts_on: Literal["thresholds"] = "thresholds"


@pytest.mark.parametrize("network", [drift.Network(units=3), drift.DenoisingNetwork(units=3)])
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"noise": [Placeless(std=0.1)]}, "Placeless acts on nothing, where no engine adds noise"),
        ({"noise": [Misplaced(std=0.1)]}, "acts on thresholds, where no engine adds noise"),
    ],
)
def test_noise_that_no_engine_adds_is_refused(
    network: object, changes: dict[str, object], sentence: str
):
    with pytest.raises(drift.RefusedInputError, match=sentence):
        drift.Experiment(network=network, task=drift.RandomTask(), **changes)


class HalfLabelNoise(drift.LabelNoise):
    """Label noise of half the size that it says: it enters where label noise does."""

    kind: Literal["test_half_label"] = "test_half_label"

    def scale(self, step: int) -> float:
        return super().scale(step) / 2


@pytest.mark.parametrize("network", [drift.Network(units=3), drift.DenoisingNetwork(units=3)])
def test_a_class_of_built_in_noise_enters_where_that_does(network: object):
    recipe = drift.Experiment(network=network, task=drift.RandomTask(), steps=5, sessions=2)
    quiet, half, one, small = drift.train(
        [
            recipe.replace(noise=noise)
            for noise in (
                [],
                [HalfLabelNoise(std=0.4)],
                [HalfLabelNoise(std=0.2)],
                [HalfLabelNoise(std=1e-6)],
            )
        ],
        progress=False,
    )["loss"].values[:, -1]
    assert len({quiet, half, one}) == 3 and small == pytest.approx(quiet, rel=1e-4)
    with pytest.raises(drift.RefusedInputError, match="noise enters targets twice"):
        recipe.replace(noise=[HalfLabelNoise(std=0.4), drift.LabelNoise(std=0.1)])


def test_noise_on_a_gradient_that_is_not_taken_is_refused():
    with pytest.raises(drift.RefusedInputError, match="Standstill has no gradient for PlainNoise"):
        subject(learner=Standstill(), noise=[PlainNoise(std=0.1, acts_on="gradient")])


class Nowhere(Noise):
    kind: Literal["test_nowhere"] = "test_nowhere"
    enters: ClassVar[str] = "weights"  # type: ignore[assignment]


class OnLoss(Noise):
    kind: Literal["test_on_loss"] = "test_on_loss"
    enters: ClassVar[str] = "loss"  # type: ignore[assignment]


class OnInputs(Noise):
    kind: Literal["test_on_inputs"] = "test_on_inputs"
    enters: ClassVar[str] = "inputs"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("noise", "text"),
    [
        (Nowhere(std=3.0), r"Nowhere enters 'weights', where no engine adds noise: give it one of"),
        (OnLoss(std=3.0), r"OnLoss enters the loss, which only ImplicitNoise does: derive it"),
        (OnInputs(std=3.0), r"OnInputs enters the inputs of a DenoisingNetwork without saying how"),
    ],
)
def test_noise_that_enters_where_no_engine_lets_it_is_refused(noise: Noise, text: str):
    with pytest.raises(drift.RefusedInputError, match=text):
        drift.Experiment(network=drift.DenoisingNetwork(units=3), noise=[noise])
