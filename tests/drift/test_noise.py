"""Laws and schedules of the noise, and the named streams it is drawn from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import drift
from drift.streams import STREAMS
from drift.training.engines.draws import draws

COUNT = 200_000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draws_follow_their_laws(dtype: torch.dtype):
    generators = draws([1, 2], "label_noise", "cpu")
    normal, uniform = (torch.empty(2, COUNT, 1, dtype=dtype) for _ in range(2))
    generators.normal(normal)
    generators.uniform(uniform)
    for values, law in (
        (normal, stats.norm()),
        (uniform, stats.uniform(-np.sqrt(3), 2 * np.sqrt(3))),
    ):
        for drawn in values[..., 0].double().numpy():
            assert abs(drawn.mean()) < 4 / np.sqrt(COUNT)
            assert drawn.var() == pytest.approx(1, abs=4 * np.sqrt(2 / COUNT))
            assert stats.kstest(drawn, law.cdf).pvalue > 1e-4
    assert abs(np.corrcoef(normal[..., 0].double())[0, 1]) < 4 / np.sqrt(COUNT)


def test_draws_go_on_from_a_stored_state():
    one, other = (draws([5, 6], "update_noise", "cpu") for _ in range(2))
    first, second = torch.empty(2, 3, 5), torch.empty(2, 3, 5)
    one.normal(first)
    other.restore(one.state())
    one.normal(first)
    other.normal(second)
    assert torch.equal(first, second)


def test_streams_are_named_reproducible_and_different():
    firsts = {name: drift.stream(3, name).random(4).tolist() for name in STREAMS}
    assert (
        len({tuple(values) for values in firsts.values()})
        == len(STREAMS)
        == len(set(STREAMS.values()))
    )
    assert (
        firsts["world"]
        == drift.stream(3, "world").random(4).tolist()
        != drift.stream(4, "world").random(4).tolist()
    )


def test_schedules():
    window = drift.UpdateNoise(std=2.0, schedule=drift.OnOff(start=3, stop=5))
    assert [window.scale(step) for step in range(7)] == [0, 0, 0, 2, 2, 0, 0]
    assert drift.UpdateNoise(std=2.0, schedule=drift.OnOff(start=3)).scale(10**9) == 2
    ramp = drift.LabelNoise(std=2.0, schedule=drift.Linear(start=2, stop=6, initial=1.0, final=0.0))
    assert [ramp.scale(step) for step in range(8)] == pytest.approx(
        [2, 2, 2, 1.5, 1, 0.5, 0, 0], rel=1e-15, abs=1e-15
    )


def test_published_width_and_standard_deviation_convert():
    noise = drift.LabelNoise.from_width(1.0)
    assert (
        noise.law == "uniform"
        and noise.std == pytest.approx(1 / np.sqrt(12))
        and noise.width == pytest.approx(1.0)
    )


def test_label_noise_in_training_stays_within_its_width():
    recipe = drift.Experiment(
        task=drift.RandomAutoencoderTask(samples=1, inputs=400),
        network=drift.Network(units=1),
        noise=[drift.LabelNoise.from_width(1.0)],
    )
    from drift.training.engines.base import Subject
    from drift.training.engines.batched import BatchedProgram

    one = Subject(recipe, recipe.task.draw(0))
    program = BatchedProgram([one], "cpu", torch.float64)
    program.advance(1)
    noise = program._noisy_targets[0].numpy() - one.targets
    assert np.abs(noise).max() <= 0.5 and np.abs(noise).max() > 0.48
    assert noise.var() == pytest.approx(1 / 12, abs=4 * np.sqrt(1 / 180 / 400))
