"""Recipes that no computer can follow are refused when they are written, in one sentence, at no
cost of time or memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import drift

BEYOND: dict[str, Callable[[], Any]] = {
    "texture_width": lambda: drift.CorridorTask(texture_width=1e-308),
    "heading_noise": lambda: drift.CorridorTask(heading_noise=1e308),
    "feature_smoothing": lambda: drift.SmoothedAutoencoderTask(feature_smoothing=1e30),
    "experience": lambda: drift.RandomTask(samples=10**6, inputs=10**6),
    "weights": lambda: drift.Experiment(
        task=drift.RandomTask(inputs=10**5), network=drift.Network(units=10**6)
    ),
    "activity": lambda: drift.Experiment(
        task=drift.RandomTask(samples=10**6), network=drift.Network(units=10**6)
    ),
    "learning_rate": lambda: drift.SGD(learning_rate=1e-308),
    "std": lambda: drift.UpdateNoise(std=1e308),
    "sessions": lambda: drift.Experiment(steps=2**40, sessions=10**9),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_no_computer_can_follow_is_refused_at_once(name: str):
    started = time.process_time()
    with pytest.raises(drift.RefusedInputError, match=name) as refusal:
        BEYOND[name]()
    assert "\n" not in str(refusal.value) and time.process_time() - started < 1


@pytest.mark.parametrize(
    "task",
    [
        drift.CorridorTask(samples=5, rays=2, texture_width=1e-3),
        drift.CorridorTask(samples=5, rays=2, heading_noise=10.0),
        drift.SmoothedAutoencoderTask(samples=5, inputs=4, feature_smoothing=1000),
    ],
    ids=["texture_width", "heading_noise", "feature_smoothing"],
)
def test_what_lies_within_the_bounds_is_drawn(task: Any):
    assert task.draw(0).sizes["sample"] == 5


def test_changes_of_a_recipe_meet_the_same_bounds():
    with pytest.raises(drift.RefusedInputError, match="texture_width"):
        drift.CorridorTask().replace(texture_width=1e-308)
    with pytest.raises(drift.RefusedInputError, match="learning_rate"):
        drift.Experiment().replace(**{"learner.learning_rate": 1e-308})
