"""Rays in polygons and among discs against plane geometry, each crossing solved by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drift
from drift.tasks.walls import rays
from drift.tasks.worlds.crossings import clearance, disc_crossings, inside
from drift.tasks.worlds.scenes import hits

quick = settings(database=None, deadline=None, max_examples=40)
angles = st.floats(-20, 20)
lengths = st.floats(0.5, 20)
fractions = st.floats(-0.49, 0.49)
L_SHAPE = np.array([[0, 0], [0, 10], [4, 10], [4, 4], [12, 4], [12, 0]], dtype=float)


def star(corners: int, seed: int) -> np.ndarray:
    """A polygon that is seen whole from the origin, clockwise."""
    rng = np.random.default_rng(seed)
    turn = (
        np.sort(rng.uniform(0, 2 * np.pi / corners, corners))
        + 2 * np.pi * np.arange(corners) / corners
    )
    radius = rng.uniform(2, 9, corners)
    return np.column_stack([radius * np.sin(turn), radius * np.cos(turn)])


def nearest(start: np.ndarray, angle: float, corners: np.ndarray) -> tuple[np.ndarray, int]:
    """Solve p + s d = a + t (b - a) for each side a-b and keep the smallest s > 0."""
    ahead, found = np.array([np.sin(angle), np.cos(angle)]), []
    for side, first in enumerate(corners):
        matrix = np.column_stack([ahead, first - corners[(side + 1) % len(corners)]])
        if abs(np.linalg.det(matrix)) > 1e-9:
            distance, share = np.linalg.solve(matrix, first - start)
            if distance > 0 and -1e-9 <= share <= 1 + 1e-9:
                found.append((distance, side))
    distance, side = min(found)
    return start + distance * ahead, side


@quick
@given(corners=st.integers(3, 12), seed=st.integers(0, 10**6), angle=angles)
def test_n09_rays_in_a_polygon_agree_with_plane_geometry(corners: int, seed: int, angle: float):
    outline = star(corners, seed)
    if not inside(np.zeros(1), np.zeros(1), outline)[0]:
        return
    seen = hits(drift.Arena(corners=outline), np.zeros(1), np.zeros(1), np.array([[angle]]))
    expected, _side = nearest(np.zeros(2), angle, outline)
    np.testing.assert_allclose([seen.x[0, 0], seen.y[0, 0]], expected, rtol=0, atol=1e-12 * 20)


@quick
@given(width=lengths, length=lengths, right=fractions, up=fractions, angle=angles)
def test_n09_a_rectangle_is_that_of_the_corridor(
    width: float, length: float, right: float, up: float, angle: float
):
    at = np.array([right * width]), np.array([up * length]), np.array([[angle]])
    seen, known = hits(drift.Arena.rectangle(width, length), *at), rays(*at, width, length)
    scale = 10 * (width + length)
    for name in ("x", "y"):
        np.testing.assert_allclose(
            getattr(seen, name), getattr(known, name), rtol=0, atol=1e-12 * scale
        )
    # at a corner the phases of both walls meet
    apart = abs(seen.phase - known.phase)[0, 0]
    assert min(apart, 1 - apart) < 1e-12 * scale


def test_n09_many_rays_of_a_corridor_agree_to_the_last_digits():
    rng = np.random.default_rng(5)
    x, y, turn = (
        rng.uniform(-0.49, 0.49, 50),
        rng.uniform(-6.9, 6.9, 50),
        rng.uniform(-9, 9, (50, 99)),
    )
    seen, known = hits(drift.Arena.rectangle(1.0, 14.0), x, y, turn), rays(x, y, turn, 1.0, 14.0)
    assert max(abs(seen.x - known.x).max(), abs(seen.y - known.y).max()) < 1e-12
    assert abs((seen.phase - known.phase + 0.5) % 1 - 0.5).max() < 1e-12


def test_no_ray_escapes_through_a_corner():
    for corners in (L_SHAPE, star(9, 3), np.array(drift.Arena.circle(5.0).corners)):
        middle = np.array([2.0, 2.0]) if corners is L_SHAPE else np.zeros(2)
        to = corners - middle
        turn = np.arctan2(to[:, 0], to[:, 1])
        at = np.repeat(middle[:, np.newaxis], len(turn), axis=1)
        seen = hits(drift.Arena(corners=corners), *at, turn[:, np.newaxis])
        far = np.hypot(*to.T)
        assert (seen.distance[:, 0] <= far * (1 + 1e-9)).all()


def test_the_corner_of_an_l_hides_its_other_arm():
    seen = hits(
        drift.Arena(corners=L_SHAPE), np.array([2.0]), np.array([9.0]), np.array([[0.75 * np.pi]])
    )
    np.testing.assert_allclose([seen.x[0, 0], seen.y[0, 0]], [4.0, 7.0], atol=1e-12)
    assert seen.strip[0, 0] == 0 and seen.along[0, 0] == pytest.approx(10 + 4 + 3)


@quick
@given(x=st.floats(-9, 9), y=st.floats(-9, 9), radius=st.floats(0.1, 5), angle=angles)
def test_n09_discs_agree_with_the_roots_of_a_quadratic(
    x: float, y: float, radius: float, angle: float
):
    centre, ahead = np.array([1.0, -2.0]), np.array([np.sin(angle), np.cos(angle)])
    to = np.array([x, y]) - centre
    if np.hypot(*to) <= radius * 1.001:
        return
    linear, constant = to @ ahead, to @ to - radius**2
    square = linear**2 - constant
    if abs(square) < 1e-6 * (to @ to):
        return  # a grazing ray: digits are lost by the quadratic
    met = disc_crossings(
        np.array([x]), np.array([y]), np.array([angle]), centre[np.newaxis], np.array([radius])
    )
    if square < 0 or linear > 0:
        assert np.isinf(met.near[0, 0])
        return
    np.testing.assert_allclose(met.near[0, 0], -linear - np.sqrt(square), rtol=0, atol=1e-11)
    np.testing.assert_allclose(met.far[0, 0], -linear + np.sqrt(square), rtol=0, atol=1e-11)
    where = to + met.near[0, 0] * ahead
    turn = 2 * np.pi * met.share[0, 0]
    np.testing.assert_allclose(radius * np.array([np.sin(turn), np.cos(turn)]), where, atol=1e-11)


def test_inside_and_clearance_of_an_l():
    x, y = np.array([2.0, 8.0, 8.0, -1.0]), np.array([8.0, 2.0, 8.0, 2.0])
    np.testing.assert_array_equal(inside(x, y, L_SHAPE), [True, True, False, False])
    apart = clearance(x, y, L_SHAPE, np.roll(L_SHAPE, -1, axis=0)).min(-1)
    np.testing.assert_allclose(apart, [2.0, 2.0, 4.0, 1.0])
