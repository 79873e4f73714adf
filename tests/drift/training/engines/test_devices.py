"""Networks on a device learn as they do on the CPU: the same weights without noise, the same law
with it.

``cpu:0`` is the processor under the name of a device: everything that is made for devices runs on
it, with the draws of torch in place of those of numpy.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from prepared_engines import prepared

import drift
from drift.training.engines.base import Engine

DEVICES = [
    "cpu:0",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="needs a CUDA device that torch finds"
        ),
    ),
]
STEPS = 60
SMALL = drift.Experiment(
    task=drift.RandomTask(samples=7, inputs=5, outputs=3),
    network=drift.Network(units=19),
    noise=[],
    steps=STEPS,
    sessions=1,
)
DENOISING = drift.Experiment(
    task=drift.RandomTask(samples=60, inputs=12, outputs=9),
    network=drift.DenoisingNetwork(units=30),
    learner=drift.SGD(learning_rate=0.05),
    noise=[],
    minibatch=16,
    steps=STEPS,
    sessions=1,
)
RECIPES = {
    "batched": ("batched", SMALL),
    "batched, Adam": ("batched", SMALL.replace(learner=drift.Adam())),
    "batched, minibatches": ("batched", SMALL.replace(minibatch=2)),
    "batched, single samples": ("batched", SMALL.replace(minibatch=1)),
    "minibatch": ("minibatch", DENOISING),
    "minibatch, Adam": ("minibatch", DENOISING.replace(learner=drift.Adam())),
}
DESCENT = {
    "batched, descent by trial": ("batched", SMALL.replace(learner=drift.StochasticErrorDescent()))
}
NOISES = [drift.UpdateNoise(std=0.02), drift.LabelNoise(std=0.2), drift.InputNoise(std=0.2)]
TOGETHER = [drift.UpdateNoise(std=0.02, acts_on="weights"), *NOISES[1:]]
# relative to the largest weight: products of other sizes are summed in another order
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
SEEDS = 32


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are slow where other tests run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def engine(
    name: str, recipe: drift.Experiment, device: str, precision: str = "float64", seeds: int = 3
) -> Engine:
    recipes = [recipe.replace(seed=seed) for seed in range(seeds)]
    return prepared(name, recipes, precision, threads=1, device=device)


def learned(*how: object, **more: object) -> dict[str, np.ndarray]:
    running = engine(*how, **more)  # type: ignore[arg-type]
    running.advance(STEPS)
    return running.weights()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("kind", RECIPES)
def test_without_noise_a_device_learns_what_the_processor_learns(
    kind: str, precision: str, device: str
):
    name, recipe = RECIPES[kind]
    ours, processors = (learned(name, recipe, where, precision) for where in (device, "cpu"))
    for block, weights in processors.items():
        error = np.abs(ours[block] - weights).max()
        assert error <= TOLERANCE[precision] * np.abs(weights).max(), block


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.kind)
@pytest.mark.parametrize("kind", ["batched", "batched, minibatches", "minibatch"])
def test_with_noise_the_law_is_the_same(kind: str, noise: drift.UpdateNoise, device: str):
    """How far weights go from those that are learned without noise, mean over networks."""
    name, recipe = RECIPES[kind]
    distances = []
    for where in (device, "cpu"):
        noisy, clean = (
            learned(name, recipe.replace(noise=each), where, seeds=SEEDS) for each in ([noise], [])
        )
        squares = [((noisy[block] - clean[block]) ** 2).reshape(SEEDS, -1) for block in clean]
        distances.append(np.concatenate(squares, axis=1).mean(axis=1))
    ours, processors = distances
    error = np.sqrt((ours.var(ddof=1) + processors.var(ddof=1)) / SEEDS)
    assert ours.min() > 0 and abs(ours.mean() - processors.mean()) < 4 * error


@pytest.mark.parametrize("device", DEVICES)
def test_weights_alone_are_shaken_by_the_stated_deviation(device: str):
    recipe = SMALL.replace(
        noise=[drift.UpdateNoise(std=0.05, acts_on="weights")],
        learner=drift.SGD(learning_rate=1e-12),
    )
    running = engine("batched", recipe, device, seeds=SEEDS)
    before = running.weights()
    running.advance(STEPS)
    moved = np.concatenate(
        [(each - before[name]).ravel() for name, each in running.weights().items()]
    )
    share = moved.var() / (0.05**2 * STEPS)
    assert abs(share - 1) < 4 * np.sqrt(2 / moved.size)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", RECIPES | DESCENT)
def test_a_run_on_a_device_goes_on_bit_for_bit(kind: str, device: str):
    name, recipe = (RECIPES | DESCENT)[kind]
    noisy = recipe.replace(noise=TOGETHER)
    whole, first, second = (engine(name, noisy, device) for _ in range(3))
    whole.advance(STEPS)
    first.advance(STEPS // 3)
    second.restore({key: values.copy() for key, values in first.state().items()})
    second.advance(STEPS - STEPS // 3)
    for block, weights in whole.weights().items():
        np.testing.assert_array_equal(second.weights()[block], weights)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", RECIPES | DESCENT)
def test_a_subject_in_a_crowd_is_that_subject_alone(kind: str, device: str):
    name, recipe = (RECIPES | DESCENT)[kind]
    noisy = recipe.replace(noise=TOGETHER)
    crowd, alone = learned(name, noisy, device), learned(name, noisy, device, seeds=1)
    for block, weights in alone.items():
        largest = np.abs(weights).max()
        np.testing.assert_allclose(crowd[block][0], weights[0], rtol=0, atol=1e-10 * largest)
