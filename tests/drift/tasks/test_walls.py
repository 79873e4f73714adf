"""Rays and walls against plane geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.tasks.walls import rays, texture, texture_value

quick = settings(database=None, deadline=None, max_examples=60)
lengths = st.floats(0.5, 20)
fractions = st.floats(-0.49, 0.49)
angles = st.floats(-20, 20)


def nearest_hit(
    x: float, y: float, angle: float, width: float, length: float
) -> tuple[np.ndarray, int]:
    """Solve p + s d = a + t (b - a) for each wall a-b, clockwise from the upper left corner, and
    keep the smallest s > 0."""
    corners = np.array([[-width, length], [width, length], [width, -length], [-width, -length]]) / 2
    ahead, start, found = np.array([np.sin(angle), np.cos(angle)]), np.array([x, y]), []
    for wall in range(4):
        first, second = corners[wall], corners[(wall + 1) % 4]
        matrix = np.column_stack([ahead, first - second])
        if abs(np.linalg.det(matrix)) > 1e-12 * (width + length):
            distance, share = np.linalg.solve(matrix, first - start)
            if distance > 0 and -1e-9 <= share <= 1 + 1e-9:
                found.append((distance, wall))
    distance, wall = min(found)
    return start + distance * ahead, wall


@quick
@given(width=lengths, length=lengths, right=fractions, up=fractions, angle=angles)
def test_hits_agree_with_plane_geometry(
    width: float, length: float, right: float, up: float, angle: float
):
    x, y = right * width, up * length
    hits = rays(np.array([x]), np.array([y]), np.array([[angle]]), width, length)
    expected, wall = nearest_hit(x, y, angle, width, length)
    scale = width + length
    np.testing.assert_allclose(
        [hits.x[0, 0], hits.y[0, 0]], expected, rtol=0, atol=1e-12 * scale * 10
    )
    at_corner = np.isclose(abs(expected[0]), width / 2, atol=1e-9) and np.isclose(
        abs(expected[1]), length / 2, atol=1e-9
    )
    assert at_corner or hits.wall[0, 0] == wall
    assert abs(hits.x[0, 0]) <= width / 2 and abs(hits.y[0, 0]) <= length / 2
    assert abs(hits.x[0, 0]) == width / 2 or abs(hits.y[0, 0]) == length / 2
    assert 0 <= hits.phase[0, 0] < 1


@pytest.mark.parametrize("angle", [0, np.pi / 2, np.pi, -np.pi / 2])
def test_axis_parallel_rays(angle: float):
    hits = rays(np.zeros(1), np.zeros(1), np.array([[angle]]), 1.0, 14.0)
    np.testing.assert_allclose(
        [hits.x[0, 0], hits.y[0, 0]],
        [0.5 * np.round(np.sin(angle)), 7 * np.round(np.cos(angle))],
        atol=1e-12,
    )


@quick
@given(width=lengths, length=lengths, right=fractions, up=fractions, angle=st.floats(-3, 3))
def test_view_is_periodic_in_heading(
    width: float, length: float, right: float, up: float, angle: float
):
    place = np.array([right * width]), np.array([up * length])
    once, again = (
        rays(*place, np.array([[angle + turn]]), width, length).phase for turn in (0.0, 2 * np.pi)
    )
    apart = abs(once - again)[0, 0]
    assert min(apart, 1 - apart) < 1e-9


def test_phase_and_view_are_continuous_across_corners_where_the_published_ones_jump():
    turn = np.linspace(0, 2 * np.pi, 200_001)[None]
    hits = rays(np.array([0.1]), np.array([-2.0]), turn, 1.0, 14.0)
    tiles = texture(510, 0.09, np.random.default_rng(1))
    view, published = (
        texture_value(tiles, hits.phase),
        texture_value(tiles, hits.published_phase, clamp=True),
    )
    assert set(np.unique(hits.wall)) == {0, 1, 2, 3}
    assert np.abs(np.diff(view)).max() < 1e-3 < np.abs(np.diff(published)).max()
    assert hits.published_phase.max() > 1
    steps = np.diff(hits.phase[0])
    assert ((steps > 0) | (steps < -0.999)).all(), "clockwise, and back to 0 once per turn"


def test_published_phase_is_right_in_a_square():
    hits = rays(np.array([0.3]), np.array([0.2]), np.linspace(0, 6, 50)[None], 2.0, 2.0)
    np.testing.assert_allclose(hits.phase, hits.published_phase, atol=1e-12)


def test_texture_is_periodic_and_interpolated_between_its_tiles():
    tiles = texture(100, 0.05, np.random.default_rng(0))
    np.testing.assert_allclose(texture_value(tiles, np.arange(100) / 100), tiles, atol=1e-12)
    np.testing.assert_allclose(
        texture_value(tiles, np.array([0.255, 1.255])), (tiles[25] + tiles[26]) / 2, atol=1e-12
    )
    assert texture_value(tiles, np.array([1.3]), clamp=True) == tiles[0]
    assert abs(tiles[0] - tiles[-1]) < 3 * np.abs(np.diff(tiles)).max()
