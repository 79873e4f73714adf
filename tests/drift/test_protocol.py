"""Protocols: which stage a step belongs to, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drift
from drift.errors import RefusedInputError

lengths = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@settings(database=None, deadline=None, max_examples=50)
@given(steps=lengths, repeats=st.booleans(), until=st.integers(0, 60))
def test_steps_are_counted_as_by_hand(steps: list[int], repeats: bool, until: int):
    stages = [
        drift.Stage(steps=count, environments=(number % 2,)) for number, count in enumerate(steps)
    ]
    protocol = drift.Protocol(stages=stages, repeats=repeats)
    line = np.repeat(np.arange(len(steps)), steps)
    line = np.tile(line, 61) if repeats else np.append(line, np.full(61, len(steps) - 1))
    assert [protocol.number_of(step) for step in range(until)] == line[:until].tolist()
    for environment in (0, 1):
        assert protocol.steps_in(environment, until) == (line[:until] % 2 == environment).sum()
    change = protocol.next_change(until)
    later = np.flatnonzero(line[until:] != line[until])
    if len(steps) > 1 and later.size:
        assert change == until + later[0]
    else:
        assert change is None


def test_blocks_and_novelty():
    blocks = drift.Protocol.blocks(3, 10)
    assert blocks.repeats and [stage.environments for stage in blocks.stages] == [(0,), (1,), (2,)]
    novel = drift.Protocol.novelty(50)
    assert novel.stages[novel.number_of(49)].environments == (0,)
    assert novel.stages[novel.number_of(50)].environments == (0, 1)
    assert novel.stages[novel.number_of(5000)].environments == (0, 1)


def test_recipes_with_protocols_ride_along_and_others_are_as_before():
    recipe = drift.Experiment(
        task=drift.CorridorTask(environments=2),
        protocol=drift.Protocol(
            stages=[
                drift.Stage(steps=5, environments=[1]),
                drift.Stage(steps=1, noise=[drift.UpdateNoise(std=0.1, acts_on="weights")]),
                drift.Stage(steps=3, noise=[]),
            ]
        ),
    )
    assert drift.Experiment.from_json(recipe.to_json()) == recipe
    assert drift.Experiment.from_toml(recipe.to_toml()) == recipe
    assert recipe.protocol.stages[2].noise == () and recipe.protocol.stages[0].noise is None
    assert "protocol" not in drift.Experiment().to_json()
    crossed = drift.cross(recipe, protocol=[None, drift.Protocol.blocks(2, 7)])
    assert [one.protocol is None for one in crossed] == [True, False]


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: drift.Stage(steps=0), "steps"),
        (lambda: drift.Stage(steps=1, environments=()), "environments"),
        (lambda: drift.Stage(steps=1, environments=(0, 0)), "twice"),
        (lambda: drift.Protocol(stages=()), "stages"),
        (lambda: drift.Experiment(protocol=drift.Protocol.blocks(2, 5)), "task has 1"),
        (
            lambda: drift.Experiment(
                learner=drift.StochasticErrorDescent(),
                protocol=drift.Protocol(
                    stages=[drift.Stage(steps=1, noise=[drift.UpdateNoise(std=0.1)])]
                ),
            ),
            "no gradient",
        ),
    ],
)
def test_protocols_that_cannot_be_are_refused(build, sentence: str):
    with pytest.raises(RefusedInputError, match=sentence):
        build()
