"""Laws of every switch of networks where a protocol changes what is learned: what a switch carries
from step to step (excitability, generators of dropout, order of samples, memory of a rule) goes
through each change of stage and through a checkpoint between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import drift
from drift.training.engines.batched import BatchedEngine
from drift.training.engines.fused import FusedEngine

ENGINES = {"batched": BatchedEngine, "fused": FusedEngine}
TASK = drift.CorridorTask(samples=12, rays=3, environments=2)
NOISE = (drift.UpdateNoise(std=0.02), drift.LabelNoise(std=0.1), drift.InputNoise(std=0.1))
SAMPLES = TASK.draw(0).sizes["sample"]
SHARES = tuple((2 * np.arange(1.0, SAMPLES + 1) / (SAMPLES * (SAMPLES + 1))).tolist())
MOVING = {"std": 0.4, "lifetime": 15.0}
# of the network, and of the experiment
SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "excitable threshold": ({"excitability": drift.Excitability(**MOVING)}, {}),
    "excitable drive": ({"excitability": drift.Excitability(acts_on="drive", **MOVING)}, {}),
    "dropout of units": ({"dropout": drift.Dropout(probability=0.3)}, {}),
    "dropout of weights": ({"dropout": drift.Dropout(probability=0.3, acts_on="weights")}, {}),
    "single samples": ({}, {"minibatch": 1}),
    "stimuli of their own frequency": ({}, {"minibatch": 3, "sample_probabilities": SHARES}),
    "sigmoid": ({"activation": "sigmoid"}, {}),
    "decay under Adam": ({}, {"learner": drift.Adam(weight_decay=5.0, largest_weight=0.7)}),
    "all at once": (
        {
            "activation": "sigmoid",
            "dropout": drift.Dropout(probability=0.2),
            "excitability": drift.Excitability(**MOVING),
        },
        {"minibatch": 2, "sample_probabilities": SHARES, "learner": drift.SGD(weight_decay=0.01)},
    ),
}
BLOCKS = drift.Protocol(
    stages=[
        drift.Stage(steps=5, environments=(0,)),
        drift.Stage(steps=4, environments=(1,), noise=NOISE[1:]),
        drift.Stage(steps=3),
    ],
    repeats=True,
)
PROBES = ["loss", "input_weights", "output_weights"]


def recipe(switch: str, **changes: Any) -> drift.Experiment:
    of_network, of_experiment = SWITCHES[switch]
    network = drift.Network(units=13, **{**of_network, **changes.pop("network", {})})
    base = drift.Experiment(
        task=TASK,
        network=network,
        noise=NOISE,
        protocol=BLOCKS,
        steps=20,
        sessions=(0, 5, 9, 12, 20),
    )
    return base.replace(**{**of_experiment, **changes})


def train(recipes: list[drift.Experiment], engine: str, **options: Any) -> xr.Dataset:
    probes = [*PROBES, *["excitability"] * (recipes[0].network.excitability is not None)]
    run = drift.train(
        recipes, engine=engine, precision="float64", probes=probes, progress=False, **options
    )
    return run.drop_attrs(deep=False)


def assert_same_numbers(one: xr.Dataset, other: xr.Dataset, **tolerance: float) -> None:
    for name, values in one.data_vars.items():
        if values.dtype.kind == "f" and "subject" in values.dims:
            np.testing.assert_allclose(
                values.values, other[name].values, equal_nan=True, err_msg=str(name),
                **({"rtol": 0, "atol": 0} | tolerance),
            )  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("switch", SWITCHES)
def test_stages_that_change_nothing_change_no_number(engine: str, switch: str):
    alike = drift.Protocol(stages=[drift.Stage(steps=3), drift.Stage(steps=2)], repeats=True)
    plain = train([recipe(switch, protocol=None)], engine)
    assert_same_numbers(plain, train([recipe(switch, protocol=alike)], engine))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_crowd_in_stages_is_each_alone(engine: str, switch: str):
    crowd = [recipe(switch, seed=seed) for seed in (4, 2, 7)]
    together = train(crowd, engine).isel(subject=[1]).assign_coords(subject=["0"])
    assert_same_numbers(train(crowd[1:2], engine), together)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("switch", SWITCHES)
def test_killed_in_any_stage_and_resumed_equals_never_stopped(
    engine: str, switch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Killed again and again, each time a few calls further, until the run is over."""
    one, path = recipe(switch), tmp_path / "run.checkpoint"
    whole, kind = train([one], engine), ENGINES[engine]
    advance, kills = kind.advance, 0

    def interrupted(running: Any, steps: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        advance(running, steps)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "advance", interrupted)
        while True:
            left = iter(range(2))
            try:
                resumed = train([one], engine, checkpoint=path)
                break
            except KeyboardInterrupt:
                kills += 1
    assert kills > 2
    xr.testing.assert_identical(resumed, whole)


NEUTRAL: dict[str, dict[str, Any]] = {
    "dropout of units": {"network": {"dropout": drift.Dropout(probability=0.0)}},
    "dropout of weights": {
        "network": {"dropout": drift.Dropout(probability=0.0, acts_on="weights")}
    },
    "excitable threshold": {"network": {"excitability": drift.Excitability(std=0.0, lifetime=9.0)}},
    "excitable drive": {
        "network": {"excitability": drift.Excitability(std=0.0, lifetime=9.0, acts_on="drive")}
    },
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("switch", NEUTRAL)
@pytest.mark.parametrize("other", ["single samples", "stimuli of their own frequency"])
def test_switching_one_on_moves_no_other_draw_in_any_stage(engine: str, switch: str, other: str):
    """A switch at a size that does nothing draws, and changes nothing, to the last bit; to rounding
    where dropout of weights takes another compiled loop than single samples without."""
    changes = {"learner": drift.SGD(weight_decay=0.0)}
    without = train([recipe(other, **changes)], engine)
    other_loop = (engine, switch, other) == ("fused", "dropout of weights", "single samples")
    assert_same_numbers(
        without,
        train([recipe(other, **changes, **NEUTRAL[switch])], engine),
        atol=1e-12 if other_loop else 0.0,
    )


QUIET = [name for name in SWITCHES if "dropout" not in name and name != "all at once"]


@pytest.mark.parametrize("switch", QUIET)
def test_engines_agree_without_noise_from_stage_to_stage(switch: str):
    """Excitability is so slow that it stands still; float64, sums in another order."""
    changes: dict[str, Any] = {"noise": (), "protocol": drift.Protocol.blocks(2, 6)}
    if excitability := SWITCHES[switch][0].get("excitability"):
        changes["network"] = {"excitability": excitability.replace(lifetime=1e15)}
    one, other = (train([recipe(switch, **changes)], engine) for engine in ENGINES)
    assert_same_numbers(one, other, rtol=1e-6, atol=1e-7)
