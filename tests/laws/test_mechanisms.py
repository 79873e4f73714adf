"""Laws of the switches of networks and rules: single samples, activations, dropout, excitability,
decay and bounds. A subject in a crowd is that subject alone, switching one on moves no other draw,
a run that was stopped goes on as if it had not been, and engines agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from prepared_engines import prepared
from scipy.stats import ks_2samp

import drift
from drift.training.engines.base import Engine, Subject
from drift.training.engines.fused_parts import has_mechanisms

ENGINES = ("batched", "fused")
TASK = drift.RandomTask(samples=11, inputs=6, outputs=3)
PROBES = ("loss", "input_weights", "bias", "output_weights", "sample_activity", "excitability")
NOISE = [
    drift.UpdateNoise(std=0.02, schedule=drift.OnOff(start=1, stop=9)),
    drift.LabelNoise(std=0.1, law="uniform"),
    drift.InputNoise(std=0.1),
]
SHARES = tuple(np.arange(1.0, 12.0) / 66)
# of the network, and of the experiment
SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "single samples": ({}, {"minibatch": 1}),
    "stimuli of their own frequency": ({}, {"minibatch": 4, "sample_probabilities": SHARES}),
    "linear": ({"activation": "linear"}, {}),
    "sigmoid": ({"activation": "sigmoid"}, {}),
    "dropout of units": ({"dropout": drift.Dropout(probability=0.3)}, {}),
    "dropout of weights": ({"dropout": drift.Dropout(probability=0.3, acts_on="weights")}, {}),
    "excitable threshold": ({"excitability": drift.Excitability(std=0.3, lifetime=20.0)}, {}),
    "excitable drive": (
        {"excitability": drift.Excitability(std=0.3, lifetime=20.0, acts_on="drive")},
        {},
    ),
    "decay": ({}, {"learner": drift.SGD(weight_decay=0.05)}),
    "bounds": ({}, {"learner": drift.SGD(largest_weight=0.5)}),
    "decay under Adam": ({}, {"learner": drift.Adam(weight_decay=5.0, largest_weight=0.7)}),
    "descent by trial": (
        {"dropout": drift.Dropout(probability=0.3), "activation": "sigmoid"},
        {"learner": drift.StochasticErrorDescent(weight_decay=0.1), "minibatch": 2},
    ),
    "all at once": (
        {
            "activation": "sigmoid",
            "dropout": drift.Dropout(probability=0.2),
            "excitability": drift.Excitability(std=0.2, lifetime=5.0),
        },
        {
            "minibatch": 1,
            "sample_probabilities": SHARES,
            "learner": drift.SGD(weight_decay=0.01, largest_weight=0.8),
        },
    ),
}


def recipe(switch: str = "", **changes: Any) -> drift.Experiment:
    of_network, of_experiment = SWITCHES[switch] if switch else ({}, {})
    noise = NOISE
    if isinstance(of_experiment.get("learner"), drift.StochasticErrorDescent):
        noise = NOISE[1:]
    network = drift.Network(units=19, **{**of_network, **changes.pop("network", {})})
    base = drift.Experiment(task=TASK, network=network, noise=noise, steps=12, sessions=3)
    return base.replace(**{**of_experiment, **changes})


def train(recipes: list[drift.Experiment], engine: str, **options: Any) -> xr.Dataset:
    run = drift.train(
        recipes, engine=engine, progress=False, precision="float64", probes=PROBES, **options
    )
    return run.drop_attrs(deep=False)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("switch", SWITCHES)
def test_crowd_is_alone(engine: str, switch: str):
    """Beside subjects of the same kind, and in the fused engine beside one without the switch."""
    crowd = [recipe(switch, seed=1), recipe(seed=2), recipe(switch, seed=3), recipe(switch)]
    together = train(crowd, engine).isel(subject=[2]).assign_coords(subject=["0"])
    alone = train([crowd[2]], engine)
    assert alone.status.item() == "complete"
    for name in alone.data_vars:
        np.testing.assert_array_equal(together[name].values, alone[name].values, err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_restored_engine_goes_on_bit_for_bit(engine: str, switch: str):
    recipes = [recipe(switch, seed=seed) for seed in range(2)] + [recipe(seed=5)] * (
        engine == "fused"
    )
    first, second = prepared(engine, recipes), prepared(engine, recipes)
    first.advance(5)
    state = {name: values.copy() for name, values in first.state().items()}
    for steps in (3, 4):
        first.advance(steps)
    second.restore(state)
    second.advance(7)
    ours, theirs = first.state(), second.state()
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupted_run_goes_on_from_its_checkpoint(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipes = [recipe("all at once", seed=seed, sessions=4) for seed in range(2)]
    whole, path = train(recipes, engine), tmp_path / "run.checkpoint"
    kind = type(prepared(engine, recipes))
    advance, left = kind.advance, iter(range(3))

    def interrupted(running: Engine, steps: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        advance(running, steps)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(kind, "advance", interrupted)
        train(recipes, engine, checkpoint=path)
    assert path.exists()
    xr.testing.assert_identical(train(recipes, engine, checkpoint=path), whole)


NEUTRAL: dict[str, dict[str, Any]] = {
    "dropout": {"network": {"dropout": drift.Dropout(probability=0.0)}},
    "dropout of weights": {
        "network": {"dropout": drift.Dropout(probability=0.0, acts_on="weights")}
    },
    "excitability": {"network": {"excitability": drift.Excitability(std=0.0, lifetime=3.0)}},
    "excitable drive": {
        "network": {"excitability": drift.Excitability(std=0.0, lifetime=3.0, acts_on="drive")}
    },
    "bounds": {"learner": drift.SGD(weight_decay=0.0, largest_weight=1e6)},
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("switch", NEUTRAL)
@pytest.mark.parametrize("minibatch", [None, 3])
def test_switching_one_on_moves_no_other_draw(engine: str, switch: str, minibatch: int | None):
    """A switch at a size that does nothing draws numbers, and changes nothing, to the last bit."""
    changes = {"minibatch": minibatch, "learner": drift.SGD(weight_decay=0.0)}
    without = train([recipe(**changes)], engine)
    with_it = train([recipe(**{**changes, **NEUTRAL[switch]})], engine)
    for name in ("loss", "input_weights", "bias", "output_weights", "sample_activity"):
        np.testing.assert_array_equal(with_it[name], without[name], err_msg=name)


def test_recipes_without_a_switch_take_the_steps_that_they_always_took():
    for learner in (drift.SGD(), drift.Adam(), drift.StochasticErrorDescent()):
        assert not has_mechanisms(drift.Experiment(learner=learner))
    for switch in SWITCHES:
        assert has_mechanisms(recipe(switch)), switch


def test_the_steps_of_mechanisms_are_the_plain_ones_where_nothing_is_switched():
    plain, own = recipe(), recipe(learner=drift.SGD(weight_decay=0.0))
    one, other = train([plain], "fused"), train([own], "fused")
    for name in PROBES[:-1]:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-12, err_msg=name)


QUIET = [name for name in SWITCHES if "dropout" not in name and "trial" not in name]
SLOW = {"std": 0.3, "lifetime": 1e15}


@pytest.mark.parametrize("switch", [name for name in QUIET if name != "all at once"])
def test_without_noise_engines_agree(switch: str):
    """The order of samples is the same in both; excitability is so slow that it stands still."""
    changes: dict[str, Any] = {"noise": (), "steps": 40, "sessions": 5}
    of_network = SWITCHES[switch][0].get("excitability")
    if of_network is not None:
        changes["network"] = {"excitability": of_network.replace(**SLOW)}
    recipes = [recipe(switch, seed=seed, **dict(changes)) for seed in range(2)]
    one, other = (train(recipes, engine) for engine in ENGINES)
    for name in one.data_vars:
        if one[name].dtype.kind == "f" and "subject" in one[name].dims:
            np.testing.assert_allclose(
                one[name], other[name], rtol=1e-6, atol=1e-6, equal_nan=True, err_msg=name
            )


@pytest.mark.parametrize(
    "switch", ["dropout of units", "dropout of weights", "excitable threshold"]
)
@pytest.mark.parametrize("minibatch", [None, 1])
def test_with_chance_engines_share_one_law(switch: str, minibatch: int | None):
    """200 subjects of one world and other weights: means after 12 steps within five standard
    errors of their difference, and one distribution (Kolmogorov and Smirnov, p > .001): single
    samples throw a few networks far off, so that variances tell little."""
    recipes = [
        recipe(switch, seed=seed, noise=(), sessions=1, minibatch=minibatch, steps=12).replace(
            sessions=(12,)
        )
        for seed in range(200)
    ]
    one, other = (
        drift.train(recipes, engine=engine, progress=False, probes=["squared_norm", "loss"])
        for engine in ENGINES
    )
    for name in ("loss", "squared_norm"):
        change = (one[name] - other[name]).dropna("subject").values[:, 0]
        assert abs(change.mean()) < 5 * change.std() / np.sqrt(200) + 1e-9, name
        both = (engine[name].values[:, 0] for engine in (one, other))
        assert ks_2samp(*both, nan_policy="omit").pvalue > 1e-3, name


def test_unbiased_dropout_leaves_the_share_that_it_says():
    """Zeros among masks of both engines, through the loss of a readout of ones: 4e4 draws, five
    standard errors."""
    from drift.loops.normals import LANES, fill_masks, generator_state

    for probability in (0.1, 0.5, 0.93):
        out = np.empty(LANES * 400, np.float32)
        threshold = np.uint32(round(probability * 2**32))
        fill_masks(generator_state(3, "dropout"), out, threshold, np.float32(2.0))
        assert set(np.unique(out)) == {0.0, 2.0}
        error = np.sqrt(probability * (1 - probability) / out.size)
        assert abs((out == 0).mean() - probability) < 5 * error


def test_samples_are_drawn_as_often_as_the_recipe_says():
    """Order is shared by all engines; 60,000 draws, five standard errors."""
    from drift.training.engines.order import Order

    one = recipe("stimuli of their own frequency")
    subject = Subject(one, one.task.draw(one.seed))
    drawn = Order([subject]).batches(15_000)[0]
    counts = np.bincount(drawn, minlength=11) / drawn.size
    error = np.sqrt(np.array(SHARES) * (1 - np.array(SHARES)) / drawn.size)
    assert (abs(counts - SHARES) < 5 * error).all()
    order = Order([subject])
    pieces = np.concatenate([order.batches(steps)[0] for steps in (1, 2, 7)])
    np.testing.assert_array_equal(pieces, drawn[: pieces.size])
