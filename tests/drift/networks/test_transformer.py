"""A transformer with noise in front of each MLP: what it sees, that it learns, and that it obeys
the laws of all networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from checkout import DARWIN

import drift
from drift.training.engines.base import Subject, stacked_first_weights
from drift.training.engines.minibatch import MinibatchEngine
from drift.training.probes import differentiable as denoising_probes
from drift.training.probes.snapshot import Snapshot

NETWORK = drift.Transformer(units=48, width=32, heads=2)
BASE = drift.Experiment(
    task=drift.TextTask(path=str(DARWIN), context=16, samples=3_000, test_samples=20), network=NETWORK,
    learner=drift.Adam(learning_rate=3e-3, gradient_clip=1.0), minibatch=16, steps=30, sessions=3, seed=1,
)  # fmt: skip
NOISES = [drift.InputNoise(std=0.5), drift.UpdateNoise(std=1e-3)]


def trained(*recipes: drift.Experiment) -> xr.Dataset:
    return drift.train(list(recipes), threads=1, progress=False)


def first(network: drift.Transformer) -> dict[str, torch.Tensor]:
    return {
        name: torch.as_tensor(values).double()
        for name, values in network.first_weights(16, 40, 0).items()
    }


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_later_character_moves_no_earlier_logit(activation: str) -> None:
    network = NETWORK.replace(activation=activation)
    weights = {
        name: values + 0.1 * torch.sin(torch.arange(values.numel())).view_as(values)
        for name, values in first(network).items()
    }
    tokens = torch.arange(32).view(2, 16)
    changed = tokens.clone()
    changed[:, 9] = 39
    before, after = (network.respond(weights, shown).output for shown in (tokens, changed))
    assert before.shape == (2, 16, 40) and torch.equal(before[:, :9], after[:, :9])
    assert (
        (before - after)[:, 9:].abs().amax(-1) > 1e-6
    ).all()  # and those behind it are all moved


def test_the_first_block_is_that_of_its_equation() -> None:
    network, tokens = NETWORK.replace(blocks=1, heads=1), torch.arange(3).view(1, 3)
    weights = {
        name: values + 0.2 * torch.cos(torch.arange(values.numel())).view_as(values)
        for name, values in first(network).items()
    }
    one = {name: values[0] for name, values in weights.items()}

    def norm(values: torch.Tensor, gain: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        centred = values - values.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * gain + bias

    carried = weights["token_weights"][:3] + weights["position_weights"][:3]
    asked = (
        norm(carried, one["attention_norm_gain"], one["attention_norm_bias"])
        @ one["query_key_value_weights"].T
    )
    queries, keys, values = (asked + one["query_key_value_bias"]).split(32, -1)
    score = (
        (queries @ keys.T / 32**0.5)
        .masked_fill(~torch.ones(3, 3).tril().bool(), -torch.inf)
        .softmax(-1)
    )
    carried = carried + score @ values @ one["attention_weights"].T + one["attention_bias"]
    hidden = torch.relu(
        norm(carried, one["mlp_norm_gain"], one["mlp_norm_bias"]) @ one["key_weights"].T
        + one["key_bias"]
    )
    carried = carried + hidden @ one["value_weights"].T + one["value_bias"]
    response = network.respond(weights, tokens)
    assert torch.allclose(response.selection.hidden, hidden, atol=1e-12)
    expected = (
        norm(carried, weights["norm_gain"], weights["norm_bias"]) @ weights["token_weights"].T
    )
    assert torch.allclose(response.output[0], expected, atol=1e-12)


@pytest.mark.parametrize("placement", ["input", "hidden", "preactivation"])
def test_noise_enters_every_block_in_front_of_its_mlp(placement: str) -> None:
    network, met = NETWORK, []

    def disturb(place: str, values: torch.Tensor) -> torch.Tensor:
        met.extend([tuple(values.shape)] * (place == placement))
        return values

    network.respond(first(network), torch.zeros(2, 16), disturb=disturb)
    assert met == [(2, 16, 48 if placement == "preactivation" else 32)] * 3


def test_input_noise_has_its_size_in_front_of_the_mlp() -> None:
    """The drive of layer 1 scatters by std times the length of a unit's weights: 4.5 standard
    errors of 20 x 16 samples, 48 units."""
    quiet, loud = (snapshot(BASE.replace(noise=[drift.InputNoise(std=std)])) for std in (0.0, 2.0))
    scatter = (loud.noisy_drive - quiet.noisy_drive).values[0]
    lengths = np.linalg.norm(quiet.weights["key_weights"][0, 0], axis=1)
    ratio = (scatter / (2.0 * lengths)).std(0)
    assert np.abs(ratio - 1).max() < 4.5 / np.sqrt(2 * len(scatter))


def snapshot(recipe: drift.Experiment) -> Snapshot:
    subjects = [Subject(recipe, recipe.task.draw(recipe.seed))]
    return Snapshot(subjects, stacked_first_weights(subjects), 0)


def test_before_learning_every_character_is_as_likely_as_any_other() -> None:
    run = trained(BASE.replace(steps=1, sessions=1))
    assert run.loss.item() == pytest.approx(np.log(BASE.task.draw(0).sizes["token"]), rel=0.03)


def test_it_learns_more_than_how_often_characters_occur() -> None:
    """A relative loss of 1 is the entropy of held-out characters; those of three pages told from
    their likes cost far less."""
    run = trained(BASE.replace(steps=300, sessions=2))
    assert run.relative_loss.values[0, 0] > 1.2 and run.relative_loss.values[0, -1] < 0.9


def test_in_company_it_equals_itself_alone() -> None:
    recipe = BASE.replace(noise=NOISES, steps=10)
    others = (
        recipe.replace(network=drift.Transformer(units=20, width=16), seed=9),
        recipe.replace(seed=2),
    )
    together, alone = trained(others[0], recipe, others[1]), trained(recipe)
    for name in alone.data_vars:
        mine = (
            together[name]
            .isel(subject=1)
            .isel({"unit": slice(48)} if "unit" in alone[name].dims else {})
        )
        assert np.array_equal(mine, alone[name].isel(subject=0), equal_nan=True), name


def test_stopped_and_resumed_equals_never_stopped() -> None:
    recipe = BASE.replace(noise=NOISES)
    whole, half, rest = (
        MinibatchEngine([Subject(recipe, recipe.task.draw(1))], "float32", threads=1)
        for _ in range(3)
    )
    whole.advance(20)
    half.advance(7)
    rest.restore(half.state())
    rest.advance(13)
    assert rest.step == 20
    for name, values in whole.weights().items():
        assert np.array_equal(values, rest.weights()[name])


def test_noise_goes_at_its_step() -> None:
    always = BASE.replace(noise=[drift.InputNoise(std=2.0)], sessions=(0, 15, 30))
    until = always.replace(noise=[drift.InputNoise(std=2.0, schedule=drift.OnOff(stop=15))])
    run = trained(always, until)
    assert np.array_equal(run.loss[0, :2], run.loss[1, :2]) and run.loss[0, 2] != run.loss[1, 2]
    assert np.array_equal(run.noisy_loss == run.loss, [[False, False, False], [False, True, True]])


def test_sessions_record_the_code_of_layer_1_and_no_keys() -> None:
    kept = ("noisy_loss", "noisy_fraction_active_responses", "active_fraction_deviation", "count_variation", "top_k_overlap",
            "fraction_dead_units", "activity_entropy")  # fmt: skip
    run = trained(BASE.replace(noise=NOISES))
    assert (
        set(kept) == set(denoising_probes.NAMES) & set(run.data_vars) and "hessian_trace" not in run
    )
    drift.check(
        run,
        *kept,
        "loss",
        "relative_loss",
        "fraction_active_responses",
        "squared_norm",
        "participation_ratio",
    )
    assert snapshot(BASE).hidden.shape == (1, 20 * 16, 48)


def test_recipes_read_back_equal() -> None:
    recipe = BASE.replace(noise=NOISES, network=drift.Transformer(activation="gelu", blocks=2))
    assert (
        drift.Experiment.from_json(recipe.to_json())
        == recipe
        == drift.Experiment.from_toml(recipe.to_toml())
    )


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"network": {"kind": "transformer", "width": 30, "heads": 4}},
            "width must be a multiple of heads, got 30 and 4",
        ),
        (
            {"network": drift.DenoisingNetwork()},
            "a DenoisingNetwork learns numbers or classes, got the tokens of TextTask: use a Transformer",
        ),
        (
            {"task": drift.RandomTask()},
            "a Transformer learns tokens, got the numbers of RandomTask: use a Network or DenoisingNetw",
        ),
        (
            {"noise": [drift.LabelNoise(std=1.0)]},
            "tokens take no label noise, which is added to numbers",
        ),
        ({"noise": [drift.ImplicitNoise(std=1.0)]}, "plain rectified DenoisingNetwork alone"),
        ({"learner": drift.StochasticErrorDescent()}, "a Transformer learns by gradients"),
    ],
)
def test_impossible_recipes_are_refused(parts: dict[str, object], sentence: str) -> None:
    with pytest.raises(drift.RefusedInputError, match=sentence):
        BASE.replace(**parts)


@pytest.mark.slow
def test_large_noise_makes_layer_1_sparser() -> None:
    """Published order of the language model, .17 without noise and .059 with standard deviation 3
    (2.11, 4.5), here on three pages.

    Three seeds; the difference exceeds 4 of its standard errors, and no unit is dead.
    """
    recipe = BASE.replace(
        task=BASE.task.replace(context=32, samples=20_000, test_samples=14), network=drift.Transformer(units=128, width=32),
        learner=drift.Adam(learning_rate=1e-3, gradient_clip=1.0), minibatch=8, steps=2_500, sessions=2,
    )  # fmt: skip
    stds, seeds = (0.0, 3.0), range(3)
    run = trained(
        *(
            recipe.replace(noise=[drift.InputNoise(std=std)], seed=seed)
            for std in stds
            for seed in seeds
        )
    )
    active = run.noisy_fraction_active_responses.values[:, -1].reshape(2, 3)
    fall, error = (active[0] - active[1]).mean(), (active[0] - active[1]).std(ddof=1) / np.sqrt(3)
    print(f"active fraction {active.mean(1)}, fall {fall:.3f} +- {error:.3f}")
    assert fall > 4 * error
    assert (run.fraction_dead_units.values[:, -1] == 0).all()
