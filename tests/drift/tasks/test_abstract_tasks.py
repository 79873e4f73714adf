"""The five abstract tasks, as published and as mended, and the scaling of their data (rows D05 and
D08)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import drift
from drift.tasks.base import symmetric_range, unit_range

ALL = [
    drift.RandomTask,
    drift.SmoothedTask,
    drift.RandomAutoencoderTask,
    drift.SmoothedAutoencoderTask,
    drift.PredictiveTask,
]
SEEDS = range(12)


@settings(database=None, deadline=None, max_examples=50)
@given(
    arrays.arrays(float, (4, 3), elements=st.floats(-10, 10)).filter(
        lambda values: np.ptp(values) > 0.1
    )
)
def test_d05_normaliser_range(values: np.ndarray):
    before, spread = values.copy(), np.ptp(values)
    unit, symmetric = unit_range(values), symmetric_range(values)
    np.testing.assert_allclose(
        [unit.min(), unit.max()], [-1e-5 / spread, 1 - 1e-5 / spread], atol=1e-9
    )
    np.testing.assert_allclose(
        [symmetric.min(), symmetric.max()], [-2e-5 / spread - 1, 1 - 2e-5 / spread], atol=1e-9
    )
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("task", ALL)
@pytest.mark.parametrize("faithful", [False, True])
def test_shape_range_and_seed(task: type, faithful: bool):
    recipe = task(samples=9, inputs=8, faithful=faithful)
    drawn, other = recipe.draw(0), recipe.draw(1)
    assert drawn.inputs.shape == (9, 8) and len(drawn.targets) == 9
    assert drawn.inputs.min() >= -1.001 and drawn.inputs.max() <= 1.001
    assert not np.array_equal(drawn.inputs, other.inputs)
    np.testing.assert_array_equal(drawn.targets, recipe.draw(0).targets)


@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.parametrize("task", [drift.RandomAutoencoderTask, drift.SmoothedAutoencoderTask])
def test_autoencoders_return_their_inputs(task: type, faithful: bool):
    drawn = task(faithful=faithful).draw(3)
    np.testing.assert_array_equal(drawn.inputs, drawn.targets)
    assert not np.shares_memory(drawn.inputs.values, drawn.targets.values)


def test_published_draws_come_from_the_legacy_generator_in_order():
    legacy = np.random.RandomState(5)
    inputs, targets = legacy.uniform(size=(10, 20)), legacy.uniform(size=(10, 10))
    drawn = drift.RandomTask(faithful=True).draw(5)
    np.testing.assert_array_equal(drawn.inputs, symmetric_range(inputs))
    np.testing.assert_array_equal(drawn.targets, symmetric_range(targets))


def roughness(values: np.ndarray) -> float:
    return float(np.diff(values, axis=1).std() / values.std())


def test_published_smoothing_of_inputs_follows_the_number_of_outputs():
    sizes = {"samples": 10, "inputs": 40, "outputs": 2}
    faithful, mended = (
        np.mean(
            [
                roughness(drift.SmoothedTask(**sizes, faithful=f).draw(s).inputs.values)
                for s in SEEDS
            ]
        )
        for f in (True, False)
    )
    assert faithful > 3 * mended
    wide, narrow = (
        drift.SmoothedAutoencoderTask(inputs=40, feature_smoothing=features).draw(0).inputs.values
        for features in (40, 2)
    )
    assert roughness(narrow) > 3 * roughness(wide)


def test_d08_predictive_task_as_mended():
    for seed in SEEDS:
        drawn = drift.PredictiveTask(samples=15, inputs=6).draw(seed)
        np.testing.assert_array_equal(drawn.targets[:-1], drawn.inputs[1:])


def test_d08_predictive_task_as_published_aliases_its_targets():
    aliased = 0
    for seed in SEEDS:
        drawn = drift.PredictiveTask(samples=15, inputs=6, faithful=True).draw(seed)
        later, target = drawn.inputs.values[1:].ravel(), drawn.targets.values[:-1].ravel()
        slope, offset = np.polyfit(later, target, 1)
        np.testing.assert_allclose(slope * later + offset, target, atol=1e-9)
        aliased += slope < 0.9  # 1 where nothing was scaled twice
    assert aliased > len(SEEDS) / 2


@pytest.mark.parametrize("faithful", [False, True])
def test_a_task_of_one_number_is_refused(faithful: bool):
    with pytest.raises(
        drift.RefusedInputError,
        match=r"1 equal numbers.*ask for more samples, inputs or outputs\.$",
    ):
        drift.RandomTask(samples=1, inputs=1, outputs=1, faithful=faithful).draw(0)


def test_the_published_generator_refuses_large_seeds():
    with pytest.raises(
        drift.RefusedInputError,
        match=r"seeds below 2\*\*32, got 4294967296: use a smaller one or faithful=False\.$",
    ):
        drift.RandomTask(faithful=True).draw(2**32)
    assert drift.RandomTask().draw(2**32).inputs.size
