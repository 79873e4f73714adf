"""Where rays cross straight sides and discs: plane geometry, for many rays at once.

A direction of angle theta is (sin theta, cos theta), so that theta = 0 looks along +y, as in
``drift.tasks.walls``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# a ray that passes an end of a side this near, in lengths of the side, still meets it: two sides
# that share a corner leave no gap between them
ENDS = 1e-12


class Crossings(NamedTuple):
    """Crossings of rays with sides; both arrays (..., side)."""

    distance: np.ndarray  # from the eye, infinite where the ray does not meet the side
    share: np.ndarray  # of the side's length from its first end, between 0 and 1


class DiscCrossings(NamedTuple):
    """Crossings of rays with discs; all arrays (..., disc)."""

    near: np.ndarray  # distance at which a ray enters, infinite where it does not
    far: np.ndarray  # and at which it leaves
    share: np.ndarray  # of the circumference, clockwise from +y, where it enters


def directions(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps along x and y of rays of unit length."""
    return np.sin(angles), np.cos(angles)


def side_crossings(
    x: np.ndarray, y: np.ndarray, angles: np.ndarray, first: np.ndarray, last: np.ndarray
) -> Crossings:
    """Return where rays meet sides.

    With o the eye, d the direction, p the first end and e the vector to the last end, the distance
    is t = (p - o) x e / d x e and the share u = (p - o) x d / d x e.

    Parameters
    ----------
    x, y : array, shape (...)
        Eyes, one for each ray.
    angles : array, shape (...)
        Directions (rad).
    first, last : array, shape (side, 2)
        Ends of the sides.

    Returns
    -------
    Crossings
        A ray along a side never meets it.
    """
    step_x, step_y = (step[..., np.newaxis] for step in directions(angles))
    along_x, along_y = (last - first).T
    from_x, from_y = first[:, 0] - x[..., np.newaxis], first[:, 1] - y[..., np.newaxis]
    turn = step_x * along_y - step_y * along_x
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        distance = (from_x * along_y - from_y * along_x) / turn
        share = (from_x * step_y - from_y * step_x) / turn
    meets = (turn != 0) & (distance > 0) & (share >= -ENDS) & (share <= 1 + ENDS)
    return Crossings(np.where(meets, distance, np.inf), np.clip(np.where(meets, share, 0), 0, 1))


def disc_crossings(
    x: np.ndarray, y: np.ndarray, angles: np.ndarray, centre: np.ndarray, radius: np.ndarray
) -> DiscCrossings:
    """Return where rays enter and leave discs that lie before the eye.

    With c the vector from the eye to the centre, b = c . d and h = c x d, the distances are
    b -+ sqrt(r^2 - h^2).

    Parameters
    ----------
    x, y, angles : array, shape (...)
        See ``side_crossings``.
    centre : array, shape (disc, 2)
    radius : array, shape (disc,)

    Returns
    -------
    DiscCrossings
    """
    step_x, step_y = (step[..., np.newaxis] for step in directions(angles))
    to_x, to_y = centre[:, 0] - x[..., np.newaxis], centre[:, 1] - y[..., np.newaxis]
    ahead, aside = to_x * step_x + to_y * step_y, to_x * step_y - to_y * step_x
    # the product keeps digits that the difference of squares would lose for a grazing ray
    half = np.sqrt(np.maximum((radius - np.abs(aside)) * (radius + np.abs(aside)), 0.0))
    meets = (np.abs(aside) < radius) & (ahead - half > 0)
    near, far = (np.where(meets, ahead + sign * half, np.inf) for sign in (-1, 1))
    reached = np.where(meets, near, 0.0)
    angle = np.arctan2(reached * step_x - to_x, reached * step_y - to_y)
    return DiscCrossings(near, far, angle / (2 * np.pi) % 1.0)


def inside(x: np.ndarray, y: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Tell which points lie inside a polygon: an upward line crosses its sides an odd number of
    times.

    Parameters
    ----------
    x, y : array, shape (...)
    corners : array, shape (corner, 2)

    Returns
    -------
    array of bool, shape (...)
    """
    odd = np.zeros(np.shape(x), dtype=bool)
    for (first_x, first_y), (last_x, last_y) in zip(
        corners, np.roll(corners, -1, axis=0), strict=True
    ):
        spans = (first_x > x) != (last_x > x)
        with np.errstate(divide="ignore", invalid="ignore"):
            height = first_y + (x - first_x) * (last_y - first_y) / (last_x - first_x)
        odd ^= spans & (height > y)
    return odd


def clearance(x: np.ndarray, y: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the distance of points to each of the sides, shape (..., side).

    Parameters
    ----------
    x, y : array, shape (...)
    first, last : array, shape (side, 2)
    """
    along = last - first
    from_first = np.stack([x, y], axis=-1)[..., np.newaxis, :] - first
    share = np.clip((from_first * along).sum(-1) / np.square(along).sum(-1), 0.0, 1.0)
    apart = from_first - share[..., np.newaxis] * along
    return np.hypot(apart[..., 0], apart[..., 1])
