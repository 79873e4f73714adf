"""Switches of networks, rules and experiments ride wherever recipes go, and bad ones are refused."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

import drift
from drift.cli import run as command

SHARES = tuple(np.arange(1.0, 13.0) / 78)
SWITCHED = drift.Experiment(
    task=drift.CorridorTask(samples=12, rays=4),
    network=drift.Network(
        units=20,
        activation="sigmoid",
        dropout=drift.Dropout(probability=0.2, acts_on="weights"),
        excitability=drift.Excitability(std=0.3, lifetime=50.0),
    ),
    learner=drift.SGD(weight_decay=0.01, largest_weight=2.0),
    minibatch=2,
    sample_probabilities=SHARES,
    steps=30,
    sessions=3,
)


def test_recipes_are_the_same_in_json_and_toml():
    assert drift.Experiment.from_json(SWITCHED.to_json()) == SWITCHED
    assert drift.Experiment.from_toml(SWITCHED.to_toml()) == SWITCHED
    plain = drift.Experiment().to_toml()
    for word in ("dropout", "excitability", "sample_probabilities", "weight_decay"):
        assert word not in plain and word in SWITCHED.to_toml()


def test_a_run_is_observed_measured_and_compared(tmp_path: Any):
    run = drift.train([SWITCHED, SWITCHED.replace(seed=1)], progress=False)
    assert run.attrs["engine"] == "fused" and (run.status == "complete").all()
    drift.save(run, tmp_path / "run.nc")
    again = drift.load(tmp_path / "run.nc")
    assert drift.Experiment.from_json(again["experiment"].values[0]) == SWITCHED
    design = drift.recording_design(np.arange(3.0), 15, minutes=10.0)
    measured = drift.measure(drift.observe(run, design, sampling_rate=10.0))
    assert measured.sizes["session"] == 3
    compared = drift.compare(run, measured, shuffles=0, bootstraps=20, null_draws=0)
    assert {"observed", "recorded"} <= set(compared["source"].values)


def test_a_sweep_crosses_switches(tmp_path: Any):
    base = SWITCHED.replace(network=drift.Network(units=10), minibatch=1)
    recipes = drift.cross(base, learner=[drift.SGD(), drift.SGD(weight_decay=0.1)])
    sweep = drift.run_sweep(recipes, tmp_path / "sweep", executor="serial")
    assert (sweep["status"] == "complete").all() and sweep.sizes["subject"] == 2
    assert not np.array_equal(sweep["squared_norm"][0], sweep["squared_norm"][1])


def told(*words: str) -> drift.Experiment:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        command.main([*words, "--dry-run"])
    return drift.Experiment.from_toml(out.getvalue())


def test_switches_are_flags():
    flags = "--network.activation sigmoid --network.dropout.probability 0.2 --minibatch 1"
    flags += " --network.excitability.std 0.1 --network.excitability.lifetime 30"
    flags += " --learner.weight-decay 0.01 --learner.largest-weight 3"
    recipe = told(*flags.split())
    assert recipe.network.dropout == drift.Dropout(probability=0.2)
    assert recipe.network.excitability == drift.Excitability(std=0.1, lifetime=30.0)
    assert recipe.network.activation == "sigmoid" and recipe.minibatch == 1
    assert recipe.learner == drift.SGD(weight_decay=0.01, largest_weight=3.0)
    with pytest.raises(drift.RefusedInputError, match="lifetime is missing: give it"):
        told("--network.excitability.std", "0.1")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing is drawn": (
        {"sample_probabilities": SHARES},
        "each step takes all of them: give minibatch",
    ),
    "too few": (
        {"sample_probabilities": (0.5, 0.5), "minibatch": 1},
        "hold 2 numbers, but CorridorTask has 150 samples: give one for each",
    ),
    "sum": (
        {"sample_probabilities": (0.5,) * 150, "minibatch": 1},
        "must have the sum 1, got 75 of 150 numbers: divide each by their sum",
    ),
    "below 0": ({"sample_probabilities": (1.5, -0.5), "minibatch": 1}, "less than or equal to 1"),
    "no sample": (
        {"minibatch": 0},
        "minibatch Input should be greater than or equal to 1|minibatch should",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_experiments_are_refused(case: str):
    changes, sentence = REFUSED[case]
    with pytest.raises(drift.RefusedInputError, match=sentence):
        drift.Experiment(**changes)


def test_parts_are_refused():
    for make, sentence in (
        (lambda: drift.Dropout(probability=1.0), "probability should be less than 1, got 1.0"),
        (lambda: drift.Dropout(acts_on="inputs"), "acts_on should be 'units' or 'weights'"),
        (lambda: drift.Excitability(std=0.1), "lifetime is missing from Excitability"),
        (lambda: drift.Excitability(std=0.1, lifetime=0.0), "should be greater than 0"),
        (lambda: drift.Network(activation="tanh"), "activation should be 'relu'"),
        (
            lambda: drift.SGD(learning_rate=0.5, weight_decay=2.0),
            "keep learning_rate \\* weight_decay below 1",
        ),
        (lambda: drift.SGD(largest_weight=0.0), "largest_weight should be greater"),
    ):
        with pytest.raises(drift.RefusedInputError, match=sentence):
            make()


def test_probabilities_are_held_against_what_a_task_draws(tmp_path: Any):
    """A stored task says its samples only when it is drawn."""
    path = tmp_path / "task.npz"
    np.savez(path, inputs=np.eye(3), targets=np.ones((3, 2)))
    recipe = drift.Experiment(
        task=drift.StoredTask(path=str(path)),
        minibatch=1,
        sample_probabilities=(0.5, 0.5),
        steps=2,
        sessions=1,
    )
    with pytest.raises(drift.RefusedInputError, match="2 numbers, but StoredTask has 3 samples"):
        drift.train([recipe], progress=False)


def test_what_the_curvature_knows():
    recipe = SWITCHED.replace(network=drift.Network(units=5, activation="linear"))
    run = drift.train([recipe], progress=False)
    assert "hessian_trace" not in run
    with pytest.raises(drift.RefusedInputError, match="does not know a Network of other than"):
        drift.train([recipe], probes=["gauss_newton_rank"], progress=False)


def test_a_session_sees_the_excitability_of_its_time_and_all_units():
    network = drift.Network(
        units=6,
        dropout=drift.Dropout(probability=0.5),
        excitability=drift.Excitability(std=1.0, lifetime=2.0),
    )
    recipe = SWITCHED.replace(network=network)
    probes = ["input_weights", "bias", "excitability", "sample_activity"]
    run = drift.train([recipe], probes=probes, progress=False, precision="float64").isel(subject=0)
    inputs = recipe.task.draw(0)["inputs"].values
    for session in range(3):
        now = run.isel(session=session)
        drive = inputs @ now["input_weights"].values.T + now["bias"].values
        expected = np.maximum(drive + now["excitability"].values, 0)
        np.testing.assert_allclose(now["sample_activity"], expected, atol=1e-5)
    assert run["excitability"].std("session").min() > 0


@pytest.mark.parametrize("engine", ["batched", "fused"])
def test_weights_that_decay_come_to_a_stationary_spread(engine: str):
    """Weights that nothing teaches (all targets and outputs 0) under noise: variance of an
    autoregression, s^2 k^2 / (1 - k^2) with k = 1 - rate decay; 5 standard errors of a variance."""
    rate, decay, std = 0.1, 0.5, 0.02
    recipe = drift.Experiment(
        task=drift.RandomTask(samples=2, inputs=60, outputs=1),
        network=drift.Network(units=60, regime="lazy"),
        learner=drift.SGD(learning_rate=rate, weight_decay=decay),
        noise=[drift.UpdateNoise(std=std, acts_on="weights")],
        steps=300,
        sessions=2,
    )
    run = drift.train([recipe], probes=["input_weights"], engine=engine, progress=False)
    weights, kept = run["input_weights"].values[0, -1], 1 - rate * decay
    expected = std**2 * kept**2 / (1 - kept**2)
    assert abs(weights.var() / expected - 1) < 5 * np.sqrt(2 / weights.size) + 0.02


@pytest.mark.parametrize("engine", ["batched", "fused"])
def test_bounded_weights_stay_within(engine: str):
    recipe = SWITCHED.replace(learner=drift.SGD(learning_rate=0.5, largest_weight=0.25))
    run = drift.train([recipe], engine=engine, progress=False, probes=["input_weights", "bias"])
    assert float(abs(run["input_weights"][:, 1:]).max()) == pytest.approx(0.25, abs=1e-7)
    assert float(abs(run["bias"][:, 1:]).max()) <= 0.25 + 1e-7


@pytest.mark.parametrize("engine", ["batched", "fused"])
def test_excitability_forgets_at_its_lifetime(engine: str):
    """2000 units after 30 steps: correlation exp(-30 / 40) and standard deviation, 5 errors."""
    slow = drift.Excitability(std=0.7, lifetime=40.0)
    recipe = SWITCHED.replace(network=drift.Network(units=2000, excitability=slow))
    run = drift.train([recipe], probes=["excitability"], engine=engine, progress=False)
    first, last = run["excitability"].values[0, [0, -1]]
    assert abs(np.corrcoef(first, last)[0, 1] - np.exp(-30 / 40)) < 5 / np.sqrt(2000)
    assert abs(last.std() / 0.7 - 1) < 5 / np.sqrt(2 * 2000)
