"""The corridor task, as published and as mended (rows D06 and D07)."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift.tasks.walls import rays

SEEDS = range(20)
PUBLISHED = drift.CorridorTask(faithful=True, data_range="symmetric")
MENDED = drift.CorridorTask()


def phases(task: drift.CorridorTask, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Phases of all rays of the inputs, mended and published, seen from where the agent stood."""
    path = task._path(_after_texture(task, seed))
    angles = path.gaze[:-1, None] + np.linspace(-task.field_of_view, task.field_of_view, task.rays)
    hits = rays(path.x[:-1], path.y[:-1], angles, task.width, task.length)
    return hits.phase, hits.published_phase


def _after_texture(task: drift.CorridorTask, seed: int) -> np.random.Generator:
    rng = drift.stream(seed, "world")
    rng.standard_normal(int(2 * (task.width + task.length) * task.rays))
    return rng


def actions(task: drift.CorridorTask, seed: int) -> np.ndarray:
    return task._path(_after_texture(task, seed)).action


@pytest.mark.parametrize("task", [PUBLISHED, MENDED])
def test_d06_shapes_and_extent(task: drift.CorridorTask):
    for seed in SEEDS:
        drawn = task.draw(seed)
        assert drawn.inputs.shape == (150, 18) and drawn.targets.shape == (150, 17)
        assert np.abs(drawn.position).max() <= 5.6 + 1e-12
        assert np.isfinite(drawn.inputs).all() and np.isfinite(drawn.targets).all()


def test_d06_quirks_of_the_published_generator():
    beyond = np.mean([(phases(PUBLISHED, seed)[1] > 1).mean() for seed in SEEDS])
    assert beyond == pytest.approx(0.21, abs=0.02)
    spurious = [(np.abs(actions(PUBLISHED, seed)) > 6).sum() for seed in SEEDS]
    assert 6 <= np.mean(spurious) <= 12


def test_d07_the_mended_generator_has_no_such_quirks():
    for seed in SEEDS:
        assert (phases(MENDED, seed)[0] < 1).all() and (phases(MENDED, seed)[0] >= 0).all()
        assert np.abs(actions(MENDED, seed)).max() <= np.pi


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("environments", [1, 3])
def test_a_target_is_the_next_view_exactly(seed: int, environments: int):
    drawn = drift.CorridorTask(environments=environments).draw(seed)
    for environment in range(environments):
        own = drawn.isel(sample=np.flatnonzero(drawn.environment == environment))
        np.testing.assert_array_equal(own.targets[:-1], own.inputs[1:, :-1])
    assert len(np.unique(drawn.environment)) == environments


def test_published_targets_are_the_next_views_up_to_their_scale():
    drawn = PUBLISHED.draw(0)
    views, following = drawn.inputs.values[1:, :-1].ravel(), drawn.targets.values[:-1].ravel()
    slope, offset = np.polyfit(views, following, 1)
    np.testing.assert_allclose(slope * views + offset, following, atol=1e-9)


def test_faithful_agents_keep_to_the_midline_and_mended_ones_may_leave_it():
    assert (PUBLISHED._path(_after_texture(PUBLISHED, 0)).x == 0).all()
    paths = [MENDED._path(_after_texture(MENDED, seed)).x for seed in range(5)]
    assert max(np.abs(x).max() for x in paths) > 0 and all(np.abs(x).max() <= 0.25 for x in paths)


def test_faithful_action_announces_the_turn_and_mended_action_goes_with_it():
    for task, shift in (
        (PUBLISHED.replace(heading_noise=0.0), 1),
        (MENDED.replace(heading_noise=0.0), 0),
    ):
        path = task._path(_after_texture(task, 1))
        turned = np.flatnonzero(np.abs(path.action) > 3)
        assert turned.size and np.allclose(np.abs(path.action[turned]), np.pi)
        seen = np.flatnonzero(np.abs(np.diff(path.gaze)) > 3)
        np.testing.assert_array_equal(seen, (turned + shift)[turned + shift < len(path.gaze) - 1])


@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.parametrize(("data_range", "low", "high"), [("unit", 0, 1), ("symmetric", -1, 1)])
def test_scale_of_the_data(faithful: bool, data_range: str, low: float, high: float):
    drawn = drift.CorridorTask(faithful=faithful, data_range=data_range).draw(2)
    for views in (drawn.inputs[:, :-1] if not faithful else drawn.inputs, drawn.targets):
        assert low - 1e-3 < views.min() and views.max() < high + 1e-3
    assert drawn.targets.max() - drawn.targets.min() > 0.9 * (high - low)
    if not faithful:
        assert drawn.inputs[:, -1].std() == pytest.approx(
            float(drawn.inputs[:, :-1].std()), rel=1e-9
        )


def test_environments_have_walls_of_their_own_and_maps_of_their_own():
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=40, rays=5, environments=2),
        network=drift.Network(units=8),
        steps=1,
        sessions=1,
    )
    run = drift.train([recipe], engine="batched", progress=False)
    assert run.rate.dims == ("subject", "session", "unit", "place", "direction", "environment")
    assert run.occupancy.sum(("place", "direction")).values.ravel().tolist() == [20, 20]
    first, second = (
        run.rate.isel(environment=number).mean(("place", "direction")) for number in (0, 1)
    )
    assert not np.allclose(first, second)


def test_samples_must_divide_among_environments():
    with pytest.raises(
        drift.RefusedInputError,
        match=r"samples must be a multiple of environments, got 150 and 4\.$",
    ):
        drift.CorridorTask(environments=4)


def test_a_constant_action_cannot_be_scaled_the_published_way():
    still = drift.CorridorTask(samples=10, heading_noise=0.0)
    assert isinstance(still.draw(0), xr.Dataset)
    with pytest.raises(
        drift.RefusedInputError,
        match=r"no range to scale: ask for more samples, inputs or outputs\.$",
    ):
        still.replace(faithful=True).draw(0)
