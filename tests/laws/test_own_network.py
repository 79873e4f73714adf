"""A network, and a task, that a user writes run without declaring anything, and are compared by what
they declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pytest
import torch
import xarray as xr

import drift
from drift.networks import DifferentiableNetwork
from drift.networks.differentiable import Disturb, Explore, Response
from drift.networks.inhibition import Selection
from drift.tasks.base import Objective, Task, experience


class Shallow(DifferentiableNetwork):
    """yhat = D tanh(K x): names of its own, no biases."""

    kind: Literal["test_shallow"] = "test_shallow"
    units: int = 9
    activation: Literal["tanh"] = "tanh"

    def first_weights(self, inputs: int, outputs: int, seed: int) -> dict[str, np.ndarray]:
        rng = drift.stream(seed, "weights")
        return {
            "keys": rng.standard_normal((self.units, inputs), dtype=np.float32),
            "values": rng.standard_normal((outputs, self.units), dtype=np.float32),
        }

    def respond(
        self,
        weights: Mapping[str, torch.Tensor],
        inputs: torch.Tensor,
        step: int = 0,
        disturb: Disturb | None = None,
        explore: Explore | None = None,
    ) -> Response:
        shown = inputs if disturb is None else disturb("input", inputs)
        drive = shown @ weights["keys"].T
        hidden = drive.tanh()
        return Response(Selection(drive, hidden), hidden @ weights["values"].T)


class Biased(drift.Network):
    """A network that begins near threshold, and gives its first weights as a pair."""

    kind: Literal["test_biased"] = "test_biased"

    def first_weights(self, inputs: int, outputs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[override]
        rng = drift.stream(seed, "weights")
        return (
            0.1 * rng.standard_normal((self.units, inputs + 1)),
            rng.standard_normal((self.units, outputs)),
        )


class Classes(Task):
    """Two classes, which what is drawn says, and the task if it is asked to."""

    kind: Literal["test_classes"] = "test_classes"
    declares: bool = True

    def objective(self) -> Objective:
        return "cross_entropy" if self.declares else "squared_error"

    def draw(self, seed: int) -> xr.Dataset:
        inputs = drift.stream(seed, "world").standard_normal((20, 4))
        targets = np.eye(2)[(inputs[:, 0] > 0).astype(int)]
        return experience(inputs, targets).assign_attrs(objective="cross_entropy")


BASE = drift.Experiment(task=drift.RandomTask(), network=Shallow(), steps=20, sessions=3)


def test_a_network_of_ones_own_learns_and_is_itself_in_company():
    noise = [drift.InputNoise(std=0.3, law="laplace"), drift.UpdateNoise(std=0.01)]
    recipe = BASE.replace(noise=noise, minibatch=4)
    company = drift.train([recipe.replace(seed=1), recipe], progress=False, threads=1)
    alone = drift.train([recipe], progress=False, threads=1)
    assert company.attrs["engine"] == "minibatch"
    assert (company["noisy_loss"] != company["loss"]).all() and "bias_mean" not in company
    for name in alone.data_vars:
        assert np.array_equal(company[name][1], alone[name][0], equal_nan=True), name


def test_a_network_that_gives_a_pair_is_named():
    recipe = BASE.replace(network=Biased(units=7))
    run = drift.train([recipe], probes=["loss", "bias", "output_weights"], progress=False)
    inward, outward = recipe.network.first_weights(20, 10, 0)
    np.testing.assert_array_equal(run["bias"][0, 0], inward[:, -1].astype(np.float32))
    np.testing.assert_array_equal(run["output_weights"][0, 0], outward.T.astype(np.float32))


@pytest.mark.parametrize("declares", [True, False])
def test_a_task_of_classes_meets_what_gives_classes(declares: bool):
    """Where the task does not declare it, what it draws does."""
    recipe = BASE.replace(task=Classes(declares=declares))
    run = drift.train([recipe], progress=False)
    assert run["loss"].units == "nat"
    sentence = "a Network learns numbers, got the classes of Classes: use a DenoisingNetwork"
    with pytest.raises(drift.RefusedInputError, match=sentence):
        drift.train([recipe.replace(network=drift.Network())], progress=False)


def test_probes_that_do_not_know_a_network_are_refused():
    for name in ("input_weights", "gauss_newton_rank"):
        with pytest.raises(drift.RefusedInputError, match=f"probe {name} does not know a Shallow"):
            drift.train([BASE], probes=[name], progress=False)
    recipe = BASE.replace(network=Biased(units=4))
    run = drift.train([recipe], probes=["gauss_newton_rank", "hessian_trace"], progress=False)
    assert np.isfinite(run["gauss_newton_rank"]).all() and (run["hessian_trace"] > 0).all()


KEPT = Shallow().first_weights(20, 10, 0)


class Pretrained(Shallow):
    """A network that begins with weights that are kept elsewhere."""

    kind: Literal["test_pretrained"] = "test_pretrained"

    def first_weights(self, inputs: int, outputs: int, seed: int) -> dict[str, np.ndarray]:
        return KEPT


def test_weights_that_a_network_keeps_are_not_learned_in():
    """A second run begins where the first began, and a subject does not learn for its company."""
    before = {name: values.copy() for name, values in KEPT.items()}
    recipe = BASE.replace(network=Pretrained())
    first = drift.train([recipe], progress=False)
    crowd = drift.train([recipe.replace(seed=1), recipe], progress=False)
    for name, values in before.items():
        np.testing.assert_array_equal(KEPT[name], values)
    np.testing.assert_array_equal(crowd["loss"][1], first["loss"][0])


class Softer(drift.Network):
    """A network whose sessions see another response than learning does."""

    kind: Literal["test_softer"] = "test_softer"

    def session_response(self, weights, inputs, step=0):  # type: ignore[no-untyped-def]
        return super().session_response(weights, inputs, step)


class Elsewhere(Shallow):
    """A network that names an engine that is none."""

    kind: Literal["test_elsewhere"] = "test_elsewhere"
    engines = ("magic",)


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (Softer(), r"Softer has session_response of its own, .*derive it from Diff"),
        (
            Elsewhere(),
            r"no engine runs Elsewhere with engines \('magic',\): derive it from Network",
        ),
    ],
)
def test_a_network_that_no_engine_runs_as_it_says_is_refused(network: object, text: str):
    with pytest.raises(drift.RefusedInputError, match=text):
        drift.Experiment(network=network)


def test_noise_on_drawn_classes_and_a_draw_that_contradicts_its_task_are_refused():
    recipe = BASE.replace(task=Classes(declares=False), noise=[drift.LabelNoise(std=0.1)])
    with pytest.raises(drift.RefusedInputError, match=r"classes take no label noise"):
        drift.train([recipe], progress=False)

    class Contradicting(Classes):
        kind: Literal["test_contradicting"] = "test_contradicting"  # type: ignore[assignment]

        def draw(self, seed: int) -> xr.Dataset:
            return super().draw(seed).drop_attrs()

    with pytest.raises(drift.RefusedInputError, match=r"cross_entropy, but its draw says squared"):
        drift.train([BASE.replace(task=Contradicting())], progress=False)
