"""Denoising networks and their inhibition: rows S10, S12-S16 of the scoreboard of sparse coding."""

from __future__ import annotations

import math
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch

import drift
from drift.networks.denoising import DenoisingNetwork
from drift.networks.inhibition import (
    ExplainingAway,
    Interneuron,
    Moment,
    SampledTopK,
    SigmoidWindow,
    TopK,
)

INPUTS, OUTPUTS, UNITS, SAMPLES = 7, 5, 40, 30


def torched(weights: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.as_tensor(values, dtype=torch.float64) for name, values in weights.items()}


def images(seed: int = 0) -> torch.Tensor:
    return torch.as_tensor(
        np.random.Generator(np.random.PCG64(seed)).normal(size=(SAMPLES, INPUTS))
    )


def moment(step: int = 0, explore=None) -> Moment:
    return Moment(step, torch.relu, explore)


def test_first_weights_have_the_published_ranges_and_counts() -> None:  # S10
    weights = DenoisingNetwork(units=2_000).first_weights(16, 9, seed=1)
    assert {name: values.shape for name, values in weights.items()} == {
        "input_weights": (2_000, 16), "bias": (2_000,), "output_weights": (9, 2_000), "output_bias": (9,)
    }  # fmt: skip
    for name, fan_in in (
        ("input_weights", 16),
        ("bias", 16),
        ("output_weights", 2_000),
        ("output_bias", 2_000),
    ):
        bound, values = 1 / math.sqrt(fan_in), weights[name]
        assert values.dtype == np.float32 and abs(values).max() <= bound
        if values.size > 1_000:
            assert abs(values).max() > 0.99 * bound
            assert values.var() == pytest.approx(bound**2 / 3, rel=4 * math.sqrt(0.8 / values.size))


def test_shared_bias_is_one_number_that_starts_at_zero() -> None:  # S16
    shared, free = (
        DenoisingNetwork(units=UNITS, bias=kind).first_weights(INPUTS, OUTPUTS, 0)
        for kind in ("shared", "free")
    )
    assert shared["bias"].shape == (1,) and shared["bias"][0] == 0
    assert all(
        np.array_equal(shared[name], free[name])
        for name in ("input_weights", "output_weights", "output_bias")
    )
    assert "bias" not in DenoisingNetwork(units=UNITS, bias="none").first_weights(
        INPUTS, OUTPUTS, 0
    )


@pytest.mark.parametrize("method", ["mask", "subtract"])
def test_top_k_leaves_k_units(method: str) -> None:  # S12
    drive = torch.as_tensor(
        np.random.Generator(np.random.PCG64(2)).normal(1.0, 1.0, (SAMPLES, UNITS))
    ).requires_grad_()
    selection = TopK(active_units=6, method=method).selected(drive, {}, moment())
    active, activity = (selection.hidden > 0).sum(1), torch.relu(drive)
    threshold = activity.topk(6, dim=1).values[:, -1:]
    assert (active == (6 if method == "mask" else 5)).all()
    expected = (
        activity * (activity >= threshold) if method == "mask" else torch.relu(activity - threshold)
    )
    assert torch.equal(selection.hidden, expected)
    (slope,) = torch.autograd.grad(selection.hidden.sum(), drive)
    assert torch.equal(slope, (selection.hidden > 0).double())  # none through the k-th largest


def test_k_falls_along_its_schedule() -> None:  # S12
    linear, exponential = (
        TopK(active_units=10, schedule=kind, duration=100) for kind in ("linear", "exponential")
    )
    assert [linear.active_units_at(step, 1_000) for step in (0, 50, 100, 500)] == [
        1_000,
        505,
        10,
        10,
    ]
    assert [exponential.active_units_at(step, 1_000) for step in (0, 50, 100, 500)] == [
        1_000,
        100,
        10,
        10,
    ]
    assert TopK(active_units=10).active_units_at(3, 1_000) == 10
    with pytest.raises(drift.RefusedInputError, match="duration belongs to a schedule"):
        TopK(active_units=10, schedule="linear")


def test_normalised_networks_see_directions_alone() -> None:  # S12
    network = DenoisingNetwork(
        units=UNITS,
        normalised=True,
        bias="none",
        readout_bias=False,
        inhibition=TopK(active_units=5),
    )
    weights = torched(network.first_weights(INPUTS, OUTPUTS, 0))
    assert torch.allclose(
        weights["input_weights"].norm(dim=1), torch.ones(UNITS, dtype=torch.float64), atol=1e-6
    )
    assert torch.allclose(
        network.respond(weights, images()).output, network.respond(weights, 7 * images()).output
    )
    weights["input_weights"] *= 3
    network.normalise(weights)
    assert torch.allclose(
        weights["input_weights"].norm(dim=1), torch.ones(UNITS, dtype=torch.float64)
    )


def test_window_fades_about_k() -> None:  # S13
    window, units = SigmoidWindow(), 400
    gate = window.gate(torch.tensor(100.3, dtype=torch.float64), units).numpy()
    assert (gate[:80] == 1).all() and (gate[120:] == 0).all()
    assert np.abs(gate[99:101] - 0.5).min() < 0.25 and gate[98] > 0.5 > gate[101]
    assert np.interp(0.5, gate[::-1], np.arange(units)[::-1] + 1) == pytest.approx(100.8, abs=1.0)
    k = torch.tensor(100.3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(window.gate(k, units).sum(), k)
    assert slope > 0.5


def test_k_moves_towards_a_planted_optimum() -> None:  # S13
    generator = np.random.Generator(np.random.PCG64(3))
    drive = torch.as_tensor(np.sort(generator.exponential(1.0, (SAMPLES, 100)))[:, ::-1].copy())
    best = TopK(active_units=30).selected(drive, {}, moment()).hidden
    window, k = SigmoidWindow(), torch.tensor([20.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([k], lr=0.5)
    for _ in range(150):
        optimiser.zero_grad()
        (
            window.selected(drive, {"active_units": k}, moment()).hidden - best
        ).square().mean().backward()
        optimiser.step()
    assert k.item() == pytest.approx(30, abs=2.5)


def samples_of_k(faithful: bool, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradients for the mean and deviation of log k, one for each of several batches, on a loss
    that is quadratic in log k."""
    rule = SampledTopK(faithful=faithful)
    generator = torch.Generator().manual_seed(5)
    found = []
    for _ in range(draws):
        law = torch.tensor([2.0, 0.7], dtype=torch.float64, requires_grad=True)
        kept: list[torch.Tensor] = []

        def explore(buffer: torch.Tensor, kept: list[torch.Tensor] = kept) -> torch.Tensor:
            kept.append(buffer.normal_(generator=generator))
            return buffer

        drive = torch.zeros(64, 4, dtype=torch.float64)
        selection = rule.selected(drive, {"log_active_units": law}, moment(explore=explore))
        losses = (law.detach()[0] + law.detach()[1] * kept[0] - 1.5) ** 2
        credit = rule.credit(selection, losses)
        assert credit is not None
        found.append(torch.autograd.grad(credit, law)[0].numpy())
    return np.mean(found, 0), np.std(found, 0, ddof=1) / math.sqrt(draws)


def test_score_function_estimator_is_unbiased() -> (
    None
):  # S14; E (mu + s g - 1.5)^2 = (mu - 1.5)^2 + s^2
    mean, error = samples_of_k(faithful=False, draws=3_000)
    exact = np.array([2 * (2.0 - 1.5), 2 * 0.7])
    assert (
        error < 0.02
    ).all()  # a wrong sign or a missing baseline's bias of 1/64 would be seen in the first or at 4 errors
    assert (abs(mean - exact) < 4 * error).all(), (mean, error)


def test_published_estimator_never_moves_the_mean() -> None:  # S14
    mean, _ = samples_of_k(faithful=True, draws=3)
    assert abs(mean[0]) < 1e-12 and abs(mean[1]) > 1e-3


def test_explaining_away_without_connections_is_the_plain_network() -> None:  # S15
    plain = DenoisingNetwork(units=UNITS)
    silenced = {
        "": ExplainingAway(iterations=0),
        "lateral_weights": ExplainingAway(),
        "inhibitory_weights": Interneuron(),
    }
    for silent, inhibition in silenced.items():
        network = plain.replace(inhibition=inhibition)
        weights = torched(network.first_weights(INPUTS, OUTPUTS, 0))
        if silent:
            weights[silent] *= 0
        reference = plain.respond(torched(plain.first_weights(INPUTS, OUTPUTS, 0)), images())
        assert torch.allclose(
            network.respond(weights, images()).output, reference.output, atol=1e-12
        )


def test_explaining_away_takes_one_step_of_its_equation() -> None:  # Eq. 2 with t* = 1, gamma = 1
    network = DenoisingNetwork(units=UNITS, inhibition=ExplainingAway())
    weights = torched(network.first_weights(INPUTS, OUTPUTS, 0))
    first = images() @ weights["input_weights"].T + weights["bias"]
    expected = torch.relu(first - torch.relu(first) @ weights["lateral_weights"].T)
    assert torch.allclose(network.respond(weights, images()).selection.hidden, expected)
    competing = network.replace(inhibition=ExplainingAway(connections="lca"))
    outward = weights["output_weights"]
    lateral = outward.T @ outward - torch.eye(UNITS, dtype=torch.float64)
    expected = torch.relu(first - torch.relu(first) @ lateral.T)
    assert torch.allclose(competing.respond(weights, images()).selection.hidden, expected)


def test_recipes_read_back_equal() -> None:
    own = (
        TopK(active_units=3),
        SigmoidWindow(),
        SampledTopK(faithful=True),
        ExplainingAway(),
        Interneuron(iterations=2),
    )
    for inhibition in (None, *own):
        network = DenoisingNetwork(units=5, inhibition=inhibition)
        recipe = drift.Experiment(
            network=network,
            learner=drift.Adam(gradient_clip=1.0),
            minibatch=4,
            noise=[drift.InputNoise(std=1.0)],
        )
        assert (
            drift.Experiment.from_json(recipe.to_json())
            == recipe
            == drift.Experiment.from_toml(recipe.to_toml())
        )


class Whole(drift.Network):
    """A network that takes all samples in each step."""

    takes_minibatches: ClassVar[bool] = False
    kind: Literal["test_whole"] = "test_whole"


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"network": {"kind": "denoising", "units": 0}}, "units"),
        ({"network": {"kind": "denoising", "activation": "swish"}}, "activation"),
        (
            {"network": {"kind": "denoising", "inhibition": {"kind": "topk", "active_units": 3}}},
            "did you mean 'top_k'",
        ),
        (
            {"network": DenoisingNetwork(), "learner": drift.StochasticErrorDescent()},
            "learns by gradients",
        ),
        (
            {"network": Whole(), "minibatch": 5},
            "a Whole takes no minibatches, got 5 samples: leave it out, or use a Network or Den",
        ),
        ({"noise": [drift.InputNoise(std=1.0, law="laplace")]}, "got laplace at input: use such"),
        ({"noise": [drift.InputNoise(std=1.0, placement="hidden")]}, "got gaussian at hidden: use"),
        (
            {"network": DenoisingNetwork(), "learner": {"kind": "adam", "gradient_clip": 0.0}},
            "gradient_clip",
        ),
    ],
)
def test_impossible_recipes_are_refused(parts: dict[str, object], sentence: str) -> None:
    with pytest.raises(drift.RefusedInputError, match=sentence):
        drift.Experiment(**parts)


def test_tied_weights_need_equal_shapes() -> None:
    with pytest.raises(
        drift.RefusedInputError, match="tied weights need as many outputs as inputs, got 3 and 4"
    ):
        DenoisingNetwork(units=2, tied=True).first_weights(4, 3, 0)


BASE = drift.Experiment(
    task=drift.ImageTask(size=5, samples=40, test_samples=64), network=DenoisingNetwork(units=12), learner=drift.Adam(learning_rate=5e-3),
    minibatch=16, steps=6, sessions=2,
)  # fmt: skip


@pytest.mark.parametrize("activation", ["relu", "gelu", "sigmoid", "tanh", "elu"])
def test_every_activation_is_observed(activation: str) -> None:
    run = drift.train(
        [
            BASE.replace(
                network=DenoisingNetwork(units=12, activation=activation),
                noise=[drift.InputNoise(std=0.5)],
            )
        ],
        progress=False,
    )
    assert run.status == "complete" and np.isfinite(run.noisy_fraction_active_responses).all()
    assert ("margin_fraction" in run) == (activation == "relu")  # elsewhere 0 is no threshold


@pytest.mark.parametrize(
    "network",
    [{"inhibition": ExplainingAway(iterations=0)}, {"inhibition": Interneuron(iterations=0)}, {"units": 10, "inhibition": SigmoidWindow()},
     {"tied": True, "inhibition": ExplainingAway(connections="lca", rate=0.2)}],
)  # fmt: skip
def test_extreme_inhibition_learns(network: dict[str, object]) -> None:
    assert np.isfinite(
        drift.train(
            [BASE.replace(network=DenoisingNetwork(**{"units": 12, **network}))],
            progress=False,
            threads=1,
        ).loss
    ).all()


@pytest.mark.parametrize(
    "inhibition",
    [
        TopK(active_units=3),
        SigmoidWindow(first_active_units=4.0),
        SampledTopK(log_mean=1.0),
        ExplainingAway(),
    ],
)
def test_half_precision_knows_every_inhibition(inhibition: object) -> None:
    recipe = BASE.replace(network=DenoisingNetwork(units=12, inhibition=inhibition))
    assert np.isfinite(
        drift.train([recipe], precision="bfloat16", progress=False, threads=1).loss
    ).all()


def test_a_network_that_diverges_leaves_the_others_alone() -> None:
    wild = BASE.replace(
        network=DenoisingNetwork(units=30, inhibition=SigmoidWindow()),
        learner=drift.SGD(learning_rate=1e30),
    )
    run = drift.train([BASE, wild], progress=False, threads=1)
    assert run.status.values.tolist() == ["complete", "diverged"]
    assert np.array_equal(run.loss[0], drift.train([BASE], progress=False, threads=1).loss[0])


def test_measures_of_a_network_do_not_depend_on_its_company() -> None:
    noisy, quiet = (BASE.replace(noise=[drift.InputNoise(std=std)]) for std in (0.8, 0.0))
    together, alone = (
        drift.train([noisy, quiet], progress=False, threads=1),
        drift.train([noisy], progress=False),
    )
    for name in ("margin_fraction", "sparsify_term"):
        assert (
            np.array_equal(together[name][0], alone[name][0]) and together[name][1].isnull().all()
        )
    named, restored = (
        BASE.replace(
            task=drift.ImageTask(
                source="digits", components=10, samples=700, test_samples=1024, target=target
            )
        )
        for target in ("label", "image")
    )
    both = drift.train([named, restored], progress=False, threads=1)
    assert both.reconstruction_accuracy[0].isnull().all()
    assert np.array_equal(
        both.reconstruction_accuracy[1],
        drift.train([restored], progress=False, threads=1).reconstruction_accuracy[0],
    )
    assert drift.train([named], progress=False, threads=1).loss.attrs["units"] == "nat"


def test_the_law_of_a_sampled_k_stays_in_its_range() -> None:
    recipe = BASE.replace(
        network=DenoisingNetwork(units=64, inhibition=SampledTopK(log_mean=2.0)),
        steps=400,
        minibatch=64,
        sessions=(400,),
    )
    recipe = recipe.replace(
        learner=drift.Adam(learning_rate=5e-3, gradient_clip=1.0), noise=[drift.InputNoise(std=0.3)]
    )
    run = drift.train([recipe], progress=False, threads=1)
    assert run.count_variation > 0.05  # k differs from image to image, as in learning
    law = {"log_active_units": torch.tensor([9.0, -0.5]), "input_weights": torch.zeros(64, 3)}
    SampledTopK().bound(law)
    assert law["log_active_units"].tolist() == pytest.approx([math.log(64), 0.1])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"noise": [drift.ImplicitNoise(std=0.8), drift.InputNoise(std=3.0)]}, "got both"),
        (
            {"network": {"kind": "denoising", "units": 12, "inhibition": TopK(active_units=300)}},
            "cannot leave 300 of 12 units active",
        ),
        ({"noise": [{"kind": "implicit", "std": 1.0, "terms": []}]}, "terms"),
        (
            {
                "noise": [drift.LabelNoise(std=0.1)],
                "task": drift.ImageTask(source="digits", target="label"),
            },
            "classes take no label noise",
        ),
        (
            {
                "network": drift.Network(),
                "minibatch": None,
                "task": drift.ImageTask(source="digits", target="label"),
            },
            "use a DenoisingNetwork",
        ),
        ({"noise": [{"kind": "input", "std": 1e10, "law": "poisson"}]}, "std"),
    ],
)
def test_crossings_without_meaning_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(drift.RefusedInputError, match=sentence):
        BASE.replace(**changes)


def test_a_checkpoint_knows_its_test_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift.train([BASE], checkpoint=tmp_path / "run.npz", progress=False, threads=1)
    drawn = drift.ImageTask.draw
    monkeypatch.setattr(
        drift.ImageTask,
        "draw",
        lambda task, seed: drawn(task, seed).assign(test_inputs=-drawn(task, seed).test_inputs),
    )
    with pytest.raises(drift.RefusedInputError, match="checkpoint"):
        drift.train([BASE], checkpoint=tmp_path / "run.npz", progress=False, threads=1)
