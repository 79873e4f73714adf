"""Agents in arenas: the corridor is one of them; walks stay where they can be; recipes ride
along."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.errors import RefusedInputError

FURNISHED = drift.Arena(
    corners=((-50, -50), (-50, 50), (0, 50), (0, 0), (50, 0), (50, -50)),
    walls=(drift.Wall(first=(-50, 0), last=(-30, 0)),),
    objects=(
        drift.Disc(centre=(20, -25), radius=8.0, height=10.0),
        drift.Block(corners=((-30, 20), (-20, 20), (-20, 30)), height=3.0),
    ),
)


def standardised(values: xr.DataArray) -> np.ndarray:
    return (values.values - values.values.mean()) / values.values.std()


@pytest.mark.parametrize("seed", range(4))
def test_n09_a_rectangle_with_rays_and_laps_is_the_corridor(seed: int):
    drawn, known = drift.ArenaTask.corridor().draw(seed), drift.CorridorTask().draw(seed)
    for name in ("position", "direction", "heading", "environment"):
        np.testing.assert_array_equal(drawn[name], known[name])
    views = slice(None, 17)
    np.testing.assert_allclose(
        standardised(drawn["inputs"][:, views]), standardised(known["inputs"][:, views]), atol=1e-12
    )
    np.testing.assert_allclose(
        standardised(drawn["targets"]), standardised(known["targets"]), atol=1e-12
    )


def test_a_corridor_may_lie_along_x():
    task = drift.ArenaTask.corridor()
    lying = task.replace(
        arena=drift.Arena.rectangle(14.0, 1.0, height=1.0, detail=17.0, units="corridor widths")
    )
    drawn, known = lying.draw(1), task.draw(1)
    np.testing.assert_allclose(drawn["position"], known["position"], atol=1e-12)
    np.testing.assert_array_equal(drawn["direction"], known["direction"])
    _scene, track = lying.scene(1)
    _scene, known_track = task.scene(1)
    np.testing.assert_allclose(track.turns(), known_track.turns(), atol=1e-12)
    np.testing.assert_allclose(track.y, -known_track.x, atol=1e-12)


def test_a_walk_stays_where_it_can_be_and_visits_the_arena():
    task = drift.ArenaTask(arena=FURNISHED, samples=1000, places=10)
    _scene, track = task.scene(3)
    assert FURNISHED.is_free(track.x, track.y, 3.0 - 1e-9).all()
    drawn = task.draw(3)
    assert drawn["position"].dims == ("sample", "axis") and "direction" not in drawn
    maps = drift.train(
        [drift.Experiment(task=task, network=drift.Network(units=5), steps=1, sessions=1)],
        engine="batched",
        progress=False,
    )
    assert maps.sizes["place"] == 100 and {"place_x", "place_y"} <= set(maps.coords)
    visited = maps["occupancy"].isel(subject=0, session=0)
    assert float(visited.sum()) == 1000
    of_l = FURNISHED.is_free(visited.place_x.values, visited.place_y.values, 5.0)
    assert (visited.values[of_l] > 0).mean() > 0.9
    quarter = (visited.place_x.values > 5) & (visited.place_y.values > 5)
    assert (visited.values[quarter] == 0).all()


def test_rate_maps_of_a_plane_lie_where_the_agent_was():
    task = drift.ArenaTask(samples=300, places=10)
    drawn, recipe = task.draw(0), drift.Experiment(task=task, steps=1, sessions=2)
    run = drift.train(
        [recipe], probes=("rate", "occupancy", "sample_activity"), engine="batched", progress=False
    )
    x, y = drawn["position"].values.T
    place = int(np.argmax(run["occupancy"][0, 0].values))
    centre = float(run["place_x"][place]), float(run["place_y"][place])
    here = (abs(x - centre[0]) < 5) & (abs(y - centre[1]) < 5)
    expected = run["sample_activity"][0, 0].values[here].mean(0)
    np.testing.assert_allclose(run["rate"][0, 0, :, place], expected, rtol=1e-5)
    assert np.isfinite(metrics.mean_rate_map_correlation(run, smoothing=1.0)).all()


def test_environments_have_walls_and_paths_of_their_own():
    drawn = drift.ArenaTask(samples=100, environments=2).draw(0)
    assert drawn["environment"].values.tolist() == [0] * 50 + [1] * 50
    first, second = drawn["inputs"].values[:50], drawn["inputs"].values[50:]
    assert not np.allclose(first, second)
    alone = drift.ArenaTask(samples=50).draw(0)
    np.testing.assert_array_equal(alone["position"], drawn["position"][:50])


def test_a_camera_has_its_pixels_and_may_foresee_through_other_eyes():
    camera = drift.Camera(rows=6, columns=8, height=0.3)
    task = drift.ArenaTask.corridor(camera, foreseen=drift.Rays())
    drawn = task.draw(0)
    assert drawn["inputs"].shape == (150, 145) and drawn["targets"].shape == (150, 17)
    assert task.extent() == (150, 145, 17)
    same = drift.ArenaTask.corridor(camera).draw(0)
    assert same["targets"].shape == (150, 144)
    np.testing.assert_allclose(same["targets"][:-1], same["inputs"][1:, :144], atol=1e-12)


@pytest.mark.parametrize("engine", ["batched", "fused"])
def test_n09_a_crowd_in_arenas_is_each_alone(engine: str, tmp_path):
    base = drift.Experiment(
        task=drift.ArenaTask(
            arena=FURNISHED, eye=drift.Camera(rows=3, columns=5), samples=60, places=5
        ),
        network=drift.Network(units=12),
        noise=[drift.UpdateNoise(std=0.02)],
        steps=20,
        sessions=3,
    )
    crowd = drift.train([base, base.replace(seed=1)], engine=engine, progress=False)
    alone = drift.train([base.replace(seed=1)], engine=engine, progress=False)
    for name in ("rate", "loss"):
        np.testing.assert_array_equal(crowd[name][1], alone[name][0])
    drift.save(crowd, tmp_path / "run.nc")
    again = drift.load(tmp_path / "run.nc")
    assert drift.Experiment.from_json(str(again["experiment"].values[1])) == base.replace(seed=1)
    assert drift.Experiment.from_toml(base.to_toml()) == base


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: drift.Arena(corners=((0, 0), (1, 1), (1, 0), (0, 1))), "cross"),
        (lambda: drift.Arena(corners=((0, 0), (1, 1), (2, 2))), "one line"),
        (lambda: drift.Arena(corners=((0, 0), (1, 1), (0, 0), (1, 0))), "twice"),
        (lambda: drift.Arena(objects=(drift.Disc(centre=(99, 0), radius=1.0),)), "outside"),
        (lambda: drift.Arena(sides=(drift.Texture(),)), "4 sides"),
        (lambda: drift.Wall(first=(0, 0), last=(0, 0)), "same point"),
        (lambda: drift.Texture(colour=(0.1, 0.2)), "three for red"),
        (lambda: drift.Camera(field_of_view=1.6), "equiangular"),
        (lambda: drift.Camera(rows=90, columns=30, projection="equiangular"), "right angle"),
        (lambda: drift.ArenaTask(eye=drift.Camera(height=50.0)), "below arena.height"),
        (lambda: drift.ArenaTask(samples=5, environments=2), "multiple"),
        (lambda: drift.RatMotion(interval=0.07), "multiple of time_step"),
        (lambda: drift.ArenaTask(motion=drift.RandomWalk(margin=60.0)).draw(0), "smaller margin"),
        (lambda: drift.ArenaTask(arena=FURNISHED, motion=drift.Laps(speed=9.0)).draw(0), "RandomWalk"),
        (lambda: drift.ArenaTask(arena=drift.Arena(texture=drift.Texture(scale=1e-3))).draw(0).close(), ""),
        (lambda: drift.ArenaTask(eye=drift.Camera(), arena=drift.Arena(texture=drift.Texture(scale=1e-3))).draw(0), "larger scale"),
    ],
)  # fmt: skip
def test_bad_worlds_are_refused_in_a_sentence(build, sentence: str):
    if not sentence:
        build()
        return
    with pytest.raises(RefusedInputError, match=sentence):
        build()


@pytest.mark.skipif(
    importlib.util.find_spec("ratinabox") is not None, reason="ratinabox is installed"
)
def test_rats_need_their_package():
    with pytest.raises(RefusedInputError, match=r"repdrift\[motion\]"):
        drift.ArenaTask(motion=drift.RatMotion()).draw(0)


@pytest.mark.skipif(
    importlib.util.find_spec("ratinabox") is None, reason="the extra motion is not installed"
)
@pytest.mark.filterwarnings("ignore")
def test_rats_move_as_their_seed_says_and_leave_the_global_generator():
    task = drift.ArenaTask(arena=FURNISHED, motion=drift.RatMotion(), samples=200)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    drawn = task.draw(2)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    xr.testing.assert_identical(drawn, task.draw(2))
    assert not np.array_equal(drawn["position"], task.draw(3)["position"])
    steps = np.hypot(*np.diff(drawn["position"].values, axis=0).T)
    assert 0.5 < steps.mean() < 10, "half a second at about 8 cm/s"
