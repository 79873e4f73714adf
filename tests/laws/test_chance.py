"""Every draw names its stream: what a subject meets depends on its seed alone, and no global state
is touched."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
import xarray as xr

import drift

ENGINES = ("batched", "fused")
WEIGHTS = ("input_weights", "bias", "output_weights")
# No gradient reaches the weights, so they show the noise alone; no recipe that a user writes may be
# so slow.
STILL = drift.SGD.model_construct(learning_rate=1e-300)
UNSEEN = 1e-300


def recipe(**changes: object) -> drift.Experiment:
    base = drift.Experiment(
        task=drift.RandomTask(samples=4, inputs=6, outputs=3),
        network=drift.Network(units=9),
        steps=7,
        sessions=(0, 7),
        seed=11,
    )
    return base.replace(**changes)


def weights(engine: str, **changes: object) -> xr.Dataset:
    run = drift.train(
        [recipe(**changes)], probes=WEIGHTS, engine=engine, precision="float64", progress=False
    )
    return run[list(WEIGHTS)].reset_coords(drop=True).drop_attrs(deep=False)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "learner",
    [drift.SGD(), drift.Adam(), drift.StochasticErrorDescent(), drift.SGD(learning_rate=0.01)],
)
@pytest.mark.parametrize(
    "noise",
    [
        [],
        [drift.LabelNoise(std=0.3), drift.InputNoise(std=0.2)],
        [drift.UpdateNoise(std=0.1, acts_on="weights")],
    ],
)
def test_same_seed_same_first_weights(engine: str, learner: object, noise: list):
    first = weights(engine, learner=learner, noise=noise).isel(session=0)
    xr.testing.assert_identical(first, weights(engine).isel(session=0))
    for name, drawn in recipe().network.first_weights(6, 3, 11).items():
        np.testing.assert_array_equal(first[name][0], drawn.astype(first[name].dtype))


TASKS = [
    drift.CorridorTask(samples=12, rays=3),
    drift.ArenaTask(samples=12, eye=drift.Rays(rays=3)),
    drift.RandomTask(),
    drift.ImageTask(size=5, samples=8, test_samples=4),
    drift.SmoothedTask(),
    drift.RandomAutoencoderTask(),
    drift.SmoothedAutoencoderTask(),
    drift.PredictiveTask(),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_a_world_depends_on_its_seed_alone(task: drift.CorridorTask):
    first, _, again = task.draw(3), np.random.default_rng(0).random(5), task.draw(3)
    xr.testing.assert_identical(first, again)
    assert not np.array_equal(first.inputs, task.draw(4).inputs)


@pytest.mark.parametrize("engine", ENGINES)
def test_label_and_input_noise_leave_update_noise_alone(engine: str):
    update = drift.UpdateNoise(std=0.1, acts_on="weights")
    alone = weights(engine, learner=STILL, noise=[update])
    together = weights(
        engine, learner=STILL, noise=[drift.LabelNoise(std=0.5), drift.InputNoise(std=0.5), update]
    )
    xr.testing.assert_identical(alone, together)
    assert not np.array_equal(alone.bias[:, 0], alone.bias[:, 1])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "seen",
    [
        drift.LabelNoise(std=0.3),
        drift.LabelNoise(std=0.3, law="uniform"),
        drift.InputNoise(std=0.3),
    ],
)
@pytest.mark.parametrize(
    "unseen",
    [drift.LabelNoise(std=UNSEEN), drift.InputNoise(std=UNSEEN), drift.UpdateNoise(std=UNSEEN)],
)
def test_another_noise_moves_no_draw(engine: str, seen: drift.LabelNoise, unseen: drift.LabelNoise):
    if seen.kind == unseen.kind:
        pytest.skip("a recipe holds one noise of a kind")
    xr.testing.assert_identical(
        weights(engine, noise=[seen]), weights(engine, noise=[unseen, seen])
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_noise_of_two_seeds_differs(engine: str):
    update = drift.UpdateNoise(std=0.1, acts_on="weights")
    runs = [weights(engine, learner=STILL, noise=[update], seed=seed) for seed in (1, 2)]
    moved = [(run.bias[0, 1] - run.bias[0, 0]).values for run in runs]
    assert not np.allclose(*moved)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("faithful", [False, True])
def test_training_touches_no_global_state(engine: str, faithful: bool):
    before = (
        np.random.get_state(),  # noqa: NPY002
        torch.get_rng_state(),
        random.getstate(),
        torch.get_num_threads(),
    )
    task, network = drift.RandomTask(faithful=faithful), drift.Network(units=5, faithful=faithful)
    noise = [drift.UpdateNoise(std=0.1), drift.LabelNoise(std=0.1), drift.InputNoise(std=0.1)]
    drift.train([recipe(task=task, network=network, noise=noise)], engine=engine, progress=False)
    after = np.random.get_state(), torch.get_rng_state(), random.getstate(), torch.get_num_threads()  # noqa: NPY002
    for one, other in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert torch.equal(before[1], after[1]) and before[2:] == after[2:]
