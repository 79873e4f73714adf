"""Geometry and texture of a rectangular arena: where a ray meets the wall and what it sees there.

Walls are numbered 0 (far end, +y), 1 (right, +x), 2 (near end, -y), 3 (left, -x). A direction of
angle theta is (sin theta, cos theta), so that theta = 0 looks along +y.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d


class Hits(NamedTuple):
    """Where rays meet the walls; all arrays have the shape of the angles."""

    x: np.ndarray
    y: np.ndarray
    wall: np.ndarray  # 0 ... 3
    along: np.ndarray  # distance along the wall, clockwise
    # arc length along the perimeter over the perimeter, in [0, 1): continuous across corners
    phase: np.ndarray
    # wall / 4 + along / perimeter: right for square arenas only, exceeds 1 otherwise
    published_phase: np.ndarray


def rays(x: np.ndarray, y: np.ndarray, angles: np.ndarray, width: float, length: float) -> Hits:
    """Return where rays from inside the arena first meet a wall.

    Parameters
    ----------
    x, y : array, shape (samples,)
        Points inside the arena, whose centre is the origin.
    angles : array, shape (samples, rays)
        Directions (rad).
    width, length : float
        Of the arena along x and y.

    Returns
    -------
    Hits
    """
    half_width, half_length = width / 2, length / 2
    step_x, step_y = np.sin(angles), np.cos(angles)
    x, y = x[:, None], y[:, None]
    side, end = (
        np.where(step_x > 0, half_width, -half_width),
        np.where(step_y > 0, half_length, -half_length),
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        to_side, to_end = (side - x) / step_x, (end - y) / step_y
    # A ray along a wall never meets it, whichever sign the division by zero gives.
    to_side, to_end = (
        np.where(np.isfinite(distance), distance, np.inf) for distance in (to_side, to_end)
    )
    meets_side = to_side < to_end
    # The coordinate of the wall itself is exact; the other one follows the ray and is held inside
    # against rounding.
    along_y = np.clip(y + np.where(meets_side, to_side, 0.0) * step_y, -half_length, half_length)
    along_x = np.clip(x + np.where(meets_side, 0.0, to_end) * step_x, -half_width, half_width)
    hit_x, hit_y = np.where(meets_side, side, along_x), np.where(meets_side, along_y, end)
    return _described(hit_x, hit_y, meets_side, side > 0, end > 0, width, length)


def _described(
    x: np.ndarray,
    y: np.ndarray,
    meets_side: np.ndarray,
    right: np.ndarray,
    far: np.ndarray,
    width: float,
    length: float,
) -> Hits:
    wall = np.where(meets_side, np.where(right, 1, 3), np.where(far, 0, 2))
    along = np.choose(wall, [x + width / 2, length / 2 - y, width / 2 - x, y + length / 2])
    perimeter = 2 * (width + length)
    start = np.array([0.0, width, width + length, 2 * width + length])[wall]
    return Hits(x, y, wall, along, (start + along) / perimeter % 1.0, wall / 4 + along / perimeter)


def texture(tiles: int, smoothing: float, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth periodic texture, shape (tiles,): white noise under a Gaussian of ``smoothing
    * tiles`` tiles."""
    return gaussian_filter1d(rng.standard_normal(tiles), smoothing * tiles, mode="wrap")


def texture_value(tiles: np.ndarray, phase: np.ndarray, *, clamp: bool = False) -> np.ndarray:
    """Return the texture at phases in turns of the perimeter, by linear interpolation between
    tiles.

    Parameters
    ----------
    tiles : array, shape (tiles,)
        Periodic texture.
    phase : array
        Any shape.
    clamp : bool
        Beyond one turn repeat the value of one turn, as the published code does, instead of going
        on periodically.
    """
    count = len(tiles)
    place = phase * count
    place = np.minimum(place, count) if clamp else place % count
    return np.interp(place, np.arange(count + 1), np.append(tiles, tiles[0]))
