"""What a camera sees, against perspective by hand; textures; what hides what."""

from __future__ import annotations

import math

import numpy as np
import pytest

import drift
from drift.tasks.worlds.scenes import Scene
from drift.tasks.worlds.textures import Strip, Texture, painted

PLAIN = drift.Texture(pattern="plain", colour=(0.5,))


def room(**entries: object) -> drift.Arena:
    own = {"height": 4.0, "texture": PLAIN, "floor": (0.0,), "sky": (1.0,)}
    return drift.Arena.rectangle(10.0, 10.0, **{**own, **entries})


def view(arena: drift.Arena, eye: drift.Camera, x: float = 0.0, y: float = 0.0, gaze: float = 0.0):
    scene = Scene(arena, eye.channels, True, drift.stream(0, "world"))
    return scene.view(eye, np.array([x]), np.array([y]), np.array([gaze]))[0]


@pytest.mark.parametrize("distance", [1.0, 5.0, 9.0])
def test_a_wall_has_the_height_of_perspective(distance: float):
    """A wall at depth z spans the tangents -e / z to (H - e) / z in every column of a pinhole."""
    eye = drift.Camera(rows=200, columns=200, channels=1, field_of_view=0.7, height=1.0)
    picture = view(room(), eye, y=5.0 - distance)[..., 0]
    tangent = -math.tan(0.7) * ((2 * np.arange(200) + 1) / 200 - 1)
    ahead = abs(eye.azimuths()) < math.atan(5.0 / distance) - 0.01  # columns that show the far wall
    expected = np.where(tangent < -1 / distance, 0.0, np.where(tangent > 3 / distance, 1.0, 0.5))
    near_edge = np.minimum(abs(tangent + 1 / distance), abs(tangent - 3 / distance)) < 1e-9
    np.testing.assert_array_equal(
        picture[~near_edge][:, ahead], np.repeat(expected[~near_edge, np.newaxis], ahead.sum(), 1)
    )


def test_equal_angles_show_the_horizon_at_the_pitch():
    eye = drift.Camera(
        rows=88, columns=180, channels=1, field_of_view=math.pi, projection="equiangular",
        height=1.0, pitch=0.0,
    )  # fmt: skip
    slopes = eye.slopes()
    np.testing.assert_allclose(np.arctan(slopes[:, 0]), np.pi / 180 * (87 - 2 * np.arange(88)))
    picture = view(room(), eye)[..., 0]
    down = np.arctan(-slopes)
    foot = 1.0 / np.tan(np.maximum(down, 1e-9))  # where the line reaches the floor
    angle = eye.azimuths()
    wall = 5.0 / np.maximum(abs(np.sin(angle)), abs(np.cos(angle)))
    np.testing.assert_array_equal(picture == 0.0, (down > 0) & (foot < wall))


def test_objects_hide_what_is_behind_them_and_show_their_tops():
    box = drift.Block(
        corners=((-1, 2), (1, 2), (1, 3), (-1, 3)), height=0.5,
        texture=drift.Texture(pattern="stripes", scale=1e3, colour=(0.2,), contrast=0.1),
    )  # fmt: skip
    eye = drift.Camera(rows=400, columns=401, channels=1, field_of_view=0.9, height=1.0)
    column = view(room(objects=(box,)), eye)[:, 200, 0]
    tangent = -math.tan(0.9) * ((2 * np.arange(400) + 1) / 400 - 1) * 400 / 401
    side = (tangent >= -1 / 2) & (tangent <= -0.5 / 2)  # front at depth 2, from 0 to .5
    top = (tangent > -0.5 / 2) & (tangent <= -0.5 / 3)  # level at .5, from depth 2 to 3
    np.testing.assert_allclose(column[side], 0.3)
    np.testing.assert_allclose(column[top], 0.2)
    behind = (tangent > -0.5 / 3) & (tangent < -1 / 5)
    assert (column[tangent > -0.5 / 3] >= 0.5).all() or not behind.any()
    np.testing.assert_allclose(column[(tangent > -1 / 5) & (tangent < 3 / 5) & ~top & ~side], 0.5)


def test_a_pillar_of_full_height_hides_the_wall():
    pillar = drift.Disc(centre=(0, 3), radius=1.0)
    eye = drift.Camera(rows=3, columns=301, channels=1, field_of_view=0.8, height=1.0)
    middle = view(room(objects=(pillar,)), eye)[1, :, 0]
    hidden = abs(eye.azimuths()) < math.asin(1 / 3)
    np.testing.assert_allclose(middle, np.where(hidden, 0.1, 0.5))


def test_a_low_wall_is_looked_over_and_rays_see_it_all_the_same():
    fence = drift.Wall(
        first=(-5, 2),
        last=(5, 2),
        height=0.5,
        texture=drift.Texture(pattern="plain", colour=(0.2,)),
    )
    arena = room(walls=(fence,))
    eye = drift.Camera(rows=3, columns=3, channels=1, field_of_view=0.3, height=1.0)
    assert view(arena, eye)[1, 1, 0] == 0.5
    scene = Scene(arena, 1, False, drift.stream(0, "world"))
    rays = scene.view(drift.Rays(rays=3, field_of_view=0.1), *np.zeros((3, 1)))
    np.testing.assert_array_equal(rays, np.full((1, 1, 3, 1), 0.2))


def test_distance_dims():
    eye = drift.Camera(rows=1, columns=1, channels=1, height=1.0, visibility=10.0)
    assert view(room(), eye)[0, 0, 0] == pytest.approx(0.5 * math.exp(-0.5))


def test_colours_of_sides_in_their_places():
    sides = tuple(
        drift.Texture(pattern="plain", colour=colour)
        for colour in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5,))
    )
    eye = drift.Camera(rows=1, columns=1, height=1.0)
    arena = room(sides=sides)
    for quarter, colour in enumerate(([1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5])):
        np.testing.assert_array_equal(view(arena, eye, gaze=quarter * np.pi / 2)[0, 0], colour)


def test_noise_has_its_contrast_and_its_scale():
    variances, ratios = [], []
    for seed in range(60):
        surface = painted(
            Texture(scale=2.0), Strip(100.0, 20.0), 1, True, np.random.default_rng(seed)
        )
        variances.append(np.square(surface.tiles).mean())
        shift = round(2.0 * surface.tiles.shape[2] / 100.0)
        ratios.append((surface.tiles * np.roll(surface.tiles, shift, axis=2)).mean())
    error = np.std(variances) / np.sqrt(60)
    assert abs(np.mean(variances) - 1) < 4 * error and error < 0.02
    # smoothing with s leaves a correlation of exp(-d^2 / 4 s^2)
    assert abs(np.mean(ratios) - math.exp(-0.25)) < 4 * np.std(ratios) / np.sqrt(60)


def test_a_large_batch_is_seen_in_parts():
    arena, eye = drift.Arena(), drift.Camera(height=5.0)
    scene = Scene(arena, 3, True, drift.stream(1, "world"))
    rng = np.random.default_rng(0)
    x, y, gaze = rng.uniform(-40, 40, 900), rng.uniform(-40, 40, 900), rng.uniform(-3, 3, 900)
    whole = scene.view(eye, x, y, gaze)
    assert 900 * eye.pixels / 3 > 1.5e5
    for row in (0, 450, 899):
        one = slice(row, row + 1)
        np.testing.assert_array_equal(whole[row], scene.view(eye, x[one], y[one], gaze[one])[0])
