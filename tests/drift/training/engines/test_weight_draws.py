"""Noise on many weights in the batched engine: the numbers of the fused engine, so that both take
the same steps; and which engine "auto" takes for wide views."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from prepared_engines import prepared

import drift
from drift.loops.normals import BLOCK, fill_normals, generator_state
from drift.training.engines import has_large_batches, make_engine
from drift.training.engines.base import Subject
from drift.training.engines.batched import MANY_WEIGHTS
from drift.training.engines.weight_draws import PIECE, WeightDraws

WIDE = drift.RandomTask(samples=5, inputs=1300, outputs=27)
NARROW = drift.RandomTask(samples=5, inputs=13, outputs=7)
UNITS = 100
NOISE = {
    "on the gradient": drift.UpdateNoise(
        std=0.1, schedule=drift.Linear(stop=4, initial=1.0, final=0.2)
    ),
    "on the weights": drift.UpdateNoise(std=0.01, acts_on="weights"),
}


class Doubled(drift.UpdateNoise):
    """Noise of a user's own, twice as large."""

    kind: Literal["doubled"] = "doubled"

    def act(self, values: torch.Tensor, normals: torch.Tensor, step: int) -> None:
        """Add the numbers, scaled."""
        values.add_(normals, alpha=2 * self.scale(step))


def recipe(seed: int = 0, **changes: object) -> drift.Experiment:
    base = drift.Experiment(
        task=WIDE, network=drift.Network(units=UNITS), steps=6, sessions=1, seed=seed
    )
    return base.replace(**changes)


def advanced(engine: str, *recipes: drift.Experiment, **options: str) -> dict[str, np.ndarray]:
    running = prepared(engine, list(recipes), **options)
    running.advance(6)
    return dict(running.weights())


@pytest.mark.parametrize("columns", [(3, 2), (1301, 27), (40_000, 1), (1, 3)])
def test_numbers_are_laid_out_as_the_fused_engine_lays_out_weights(columns: tuple[int, int]):
    units, width = 7, sum(columns)
    blocks = [torch.zeros(2, units, count, dtype=torch.float64) for count in columns]
    source = WeightDraws([4, 5], "update_noise")
    source.add(blocks, [1.0, 0.5])
    source.add(blocks, [0.0, 0.0])  # draws, and leaves the numbers
    for number, (seed, scale) in enumerate(((4, 1.0), (5, 0.5))):
        generator = generator_state(seed, "update_noise")
        drawn = np.zeros(-(-units * width // BLOCK) * BLOCK, np.float32)
        fill_normals(generator, drawn)
        both = np.concatenate([block[number].numpy() for block in blocks], axis=1)
        np.testing.assert_array_equal(both.ravel(), scale * drawn[: both.size].astype(float))
        fill_normals(generator, drawn)
        np.testing.assert_array_equal(source.state()[number], generator)
    assert (40_001 * units > PIECE) and (5 * units < PIECE)


@pytest.mark.parametrize("noise", NOISE)
def test_engines_take_the_same_noisy_steps_of_a_large_network(noise: str):
    """float64; the two engines add up in different orders."""
    one = recipe(noise=[NOISE[noise]])
    calm = advanced("batched", recipe())
    batched, fused = (advanced(engine, one) for engine in ("batched", "fused"))
    for name, values in batched.items():
        np.testing.assert_allclose(values, fused[name], rtol=0, atol=1e-10, err_msg=name)
        assert abs(values - calm[name]).max() > 1e-3, name


def test_engines_try_the_same_changes_of_a_large_network():
    one = recipe(learner=drift.StochasticErrorDescent(learning_rate=1e-4))
    batched, fused = (advanced(engine, one) for engine in ("batched", "fused"))
    for name, values in batched.items():
        np.testing.assert_allclose(values, fused[name], rtol=0, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_large_network_in_a_crowd_is_that_network_alone(precision: str):
    crowd = [recipe(seed, noise=[NOISE["on the gradient"]]) for seed in (3, 1, 2)]
    together = advanced("batched", *crowd, precision=precision)
    alone = advanced("batched", crowd[1], precision=precision)
    for name, values in alone.items():
        np.testing.assert_array_equal(together[name][1:2], values, err_msg=name)


def test_a_restored_large_network_goes_on_bit_for_bit():
    one = recipe(noise=[NOISE["on the weights"], drift.LabelNoise(std=0.1)])
    first, second = prepared("batched", [one]), prepared("batched", [one])
    first.advance(2)
    state = {name: values.copy() for name, values in first.state().items()}
    first.advance(3)
    second.restore(state)
    second.advance(3)
    ours, theirs = first.state(), second.state()
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)


def test_noise_of_a_large_network_moves_no_other_draw():
    """Noise of no size draws numbers, and changes nothing."""
    other = [drift.LabelNoise(std=0.1)]
    without = advanced("batched", recipe(noise=other))
    silent = advanced("batched", recipe(noise=[drift.UpdateNoise(std=0.0), *other]))
    for name, values in without.items():
        np.testing.assert_array_equal(values, silent[name], err_msg=name)


def test_small_networks_and_noise_of_ones_own_keep_the_numbers_of_numpy():
    small = recipe(task=NARROW, noise=[NOISE["on the weights"]])
    large = recipe(noise=[Doubled(std=0.01)])
    for one, kind in ((small, "update"), (large, "doubled")):
        running = prepared("batched", [one])
        state = running.state()
        assert state[f"0.stream.{kind}_noise"].dtype == np.uint8, kind
    weights = UNITS * (1301 + 27)
    assert UNITS * (14 + 7) < MANY_WEIGHTS <= weights
    assert prepared("batched", [recipe(noise=[NOISE["on the weights"]])]).state()[
        "0.stream.update_noise"
    ].shape == (1, *generator_state(0, "update_noise").shape)


PIXELS = {"inputs": 9216, "outputs": 17}


def drawn(**changes: object) -> Subject:
    one = recipe(**{"network": drift.Network(units=2), **changes})
    return Subject(one, one.task.draw(0))


@pytest.mark.parametrize(
    ("changes", "large"),
    [
        ({"task": drift.CorridorTask()}, False),
        ({"task": drift.CorridorTask(samples=20_000)}, False),
        ({"task": WIDE}, False),
        ({"task": drift.RandomTask(samples=150, **PIXELS)}, True),
        ({"task": drift.RandomTask(samples=150, **PIXELS), "minibatch": 1}, False),
        ({"task": drift.RandomTask(samples=150, **PIXELS), "minibatch": 100}, True),
    ],
)
def test_auto_leaves_many_wide_views_to_a_library_of_products(changes: dict, large: bool):
    subject = drawn(**changes)
    assert has_large_batches(subject) == large
    running = make_engine("auto", [subject], precision="float32", device="cpu", threads=1)
    assert running.name == ("batched" if large else "fused")


def test_large_and_small_networks_train_side_by_side():
    """ "auto" takes an engine for each, whatever else is in the list; a request is kept."""
    large = recipe(
        task=drift.RandomTask(samples=150, **PIXELS), network=drift.Network(units=2), steps=2
    )
    small = recipe(task=NARROW, steps=2)
    options = {"progress": False, "probes": ["loss"]}
    both = drift.train([small, large, small.replace(seed=1)], **options)
    for number, one in enumerate((small, large)):
        alone = drift.train([one], **options)
        np.testing.assert_array_equal(both["loss"][number], alone["loss"][0])
    assert drift.train([large], engine="fused", **options).attrs["engine"] == "fused"
