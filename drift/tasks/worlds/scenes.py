"""What an eye sees in an arena: the nearest surface along each pixel's line, its texture, and the
distance that dims it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.tasks.worlds.arena import Arena, Disc
from drift.tasks.worlds.crossings import directions, disc_crossings, side_crossings
from drift.tasks.worlds.eyes import Eye
from drift.tasks.worlds.textures import Painted, brightness, in_channels, painted

LINES = 1 << 19  # lines of sight that are followed at once, times surfaces
SKY, FLOOR, TOP = -1, -2, -3  # TOP - n is the top of object n


class Sight(NamedTuple):
    """Where lines of sight end; all arrays (line,)."""

    distance: np.ndarray  # horizontal, infinite in the sky
    surface: np.ndarray  # number of a strip, or SKY, FLOOR, TOP - object
    along: np.ndarray  # distance from the beginning of the strip
    height: np.ndarray  # above the floor


class Hits(NamedTuple):
    """Where horizontal rays end; all arrays in the shape of the angles."""

    x: np.ndarray
    y: np.ndarray
    distance: np.ndarray
    strip: np.ndarray  # number of the strip
    along: np.ndarray  # distance from the beginning of the strip
    phase: np.ndarray  # the same over the length of the strip, in [0, 1)


def hits(arena: Arena, x: np.ndarray, y: np.ndarray, angles: np.ndarray) -> Hits:
    """Return where horizontal rays from inside an arena end.

    Parameters
    ----------
    arena : Arena
    x, y : array, shape (samples,)
    angles : array, shape (samples, rays)
        Directions (rad), 0 along +y and a right angle along +x.
    """
    x, y = (np.broadcast_to(values[:, np.newaxis], angles.shape) for values in (x, y))
    ends = _sight(arena, x.ravel(), y.ravel(), angles.ravel(), None, 0.0)
    step_x, step_y = directions(angles)
    distance, strip, along = (
        values.reshape(angles.shape) for values in (ends.distance, ends.surface, ends.along)
    )
    length = np.array([strip.length for strip, _texture in arena.strips])[strip]
    return Hits(
        x + distance * step_x,
        y + distance * step_y,
        distance,
        strip,
        along,
        along / length % 1.0,
    )


class Scene:
    """An arena whose textures are painted, ready to be looked at.

    Parameters
    ----------
    arena : Arena
    channels : int
        Colours, 1 or 3.
    upright : bool
        Whether textures change with height; rays need no more than one height.
    rng : numpy.random.Generator
        Source of the textures.
    """

    def __init__(
        self, arena: Arena, channels: int, upright: bool, rng: np.random.Generator
    ) -> None:
        self.arena, self.channels = arena, channels
        self.surfaces = [
            painted(picture, strip, channels, upright, rng, arena.detail)
            for strip, picture in arena.strips
        ]

    def view(self, eye: Eye, x: np.ndarray, y: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """Return what an eye sees.

        Parameters
        ----------
        eye : Eye
        x, y, gaze : array, shape (samples,)
            Where it is, and the direction of the middle of its picture (rad).

        Returns
        -------
        array, shape (samples, rows, columns, channels)
            Brightness, about 0 to 1.
        """
        rows, columns, channels = eye.shape
        surfaces = len(self.arena.straight.height) + len(self.arena.objects)
        count = max(1, LINES // (rows * columns + columns * surfaces))
        batches = [
            self._part(
                eye, x[first : first + count], y[first : first + count], gaze[first:][:count]
            )
            for first in range(0, len(x), count)
        ]
        return np.concatenate(batches).reshape(len(x), rows, columns, channels)

    def _part(self, eye: Eye, x: np.ndarray, y: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        rows, columns, channels = eye.shape
        angles = gaze[:, np.newaxis] + eye.azimuths()  # (sample, column)
        eye_x, eye_y = np.repeat(x, columns), np.repeat(y, columns)
        slopes = eye.slopes()
        if slopes is not None:  # (row, sample x column)
            slopes = np.tile(slopes, (1, len(x)))
        sight = _sight(
            self.arena, eye_x, eye_y, angles.ravel(), slopes, getattr(eye, "height", 0.0)
        )
        values = self._shown(sight, eye, channels, slopes is not None)
        lines = values.reshape(rows, len(x), columns, channels)
        return lines.swapaxes(0, 1).reshape(len(x), -1)

    def _shown(self, sight: Sight, eye: Eye, channels: int, upright: bool) -> np.ndarray:
        """Brightness at the ends of lines, shape (line, channel)."""
        values = np.empty((sight.surface.size, channels))
        for number in np.unique(sight.surface):
            lines = sight.surface == number
            values[lines] = self._brightness(int(number), sight, lines, channels, upright)
        if eye.visibility is not None:
            dimmed = np.where(np.isfinite(sight.distance), sight.distance, 0.0)
            values *= np.exp(-dimmed / eye.visibility)[:, np.newaxis]
        return values

    def _brightness(
        self, number: int, sight: Sight, lines: np.ndarray, channels: int, upright: bool
    ) -> np.ndarray:
        if number == SKY:
            return in_channels(self.arena.sky, channels)
        if number == FLOOR:
            return in_channels(self.arena.floor, channels)
        if number <= TOP:
            picture = self.arena.objects[TOP - number].texture
            return in_channels(picture.colour, channels)
        surface: Painted = self.surfaces[number]
        return brightness(
            surface, sight.along[lines], sight.height[lines] if upright else None, channels
        )


def _sight(
    arena: Arena,
    x: np.ndarray,
    y: np.ndarray,
    angles: np.ndarray,
    slopes: np.ndarray | None,
    eye: float,
) -> Sight:
    """Follow lines (row, ray), or rays at one height where there are no slopes."""
    shape = (1 if slopes is None else len(slopes), angles.size)
    nearest = _Nearest(shape, slopes, eye)
    sides = arena.straight
    crossed = side_crossings(x, y, angles, sides.first, sides.last)
    lengths = np.hypot(*(sides.last - sides.first).T)
    for side, strip in enumerate(sides.strip):
        along = sides.start[side] + crossed.share[:, side] * lengths[side]
        nearest.meet(crossed.distance[:, side], along, int(strip), sides.height[side])
    for number, item in enumerate(arena.objects):
        strip, top = arena.first_object + number, arena.top(number)
        if isinstance(item, Disc):
            disc = disc_crossings(x, y, angles, np.array([item.centre]), np.array([item.radius]))
            around = disc.share[:, 0] * arena.strips[strip][0].length
            nearest.meet(disc.near[:, 0], around, strip, top)
        if slopes is not None and eye > top:
            nearest.meet_plane(
                top, TOP - number, lambda u, v, item=item: item.holds(u, v), x, y, angles
            )
    if slopes is not None:
        nearest.meet_plane(0.0, FLOOR, None, x, y, angles)
    return nearest.sight()


class _Nearest:
    """The nearest end of each line so far."""

    def __init__(self, shape: tuple[int, int], slopes: np.ndarray | None, eye: float) -> None:
        self._slopes, self._eye = slopes, eye
        self._distance = np.full(shape, np.inf)
        self._surface = np.full(shape, SKY)
        self._along = np.zeros(shape)

    def meet(self, distance: np.ndarray, along: np.ndarray, strip: int, top: float) -> None:
        """End lines at an upright surface that they reach between the floor and its top."""
        reached = np.broadcast_to(distance, self._distance.shape)
        ends = reached < self._distance
        if self._slopes is not None:
            with np.errstate(invalid="ignore", over="ignore"):
                height = self._eye + self._slopes * reached
            ends &= (height >= 0) & (height <= top)
        self._end(ends, reached, strip)
        self._along[ends] = np.broadcast_to(along, ends.shape)[ends]

    def meet_plane(self, height, surface, holds, x, y, angles) -> None:
        """End falling lines at a level surface below the eye."""
        assert self._slopes is not None
        with np.errstate(divide="ignore"):
            reached = np.where(self._slopes < 0, (height - self._eye) / self._slopes, np.inf)
        ends = reached < self._distance
        if holds is not None:
            rows, rays = np.nonzero(ends)
            step_x, step_y = directions(angles[rays])
            far = reached[rows, rays]
            ends[rows, rays] = holds(x[rays] + far * step_x, y[rays] + far * step_y)
        self._end(ends, reached, surface)

    def _end(self, ends: np.ndarray, reached: np.ndarray, surface: int) -> None:
        self._distance[ends] = reached[ends]
        self._surface[ends] = surface

    def sight(self) -> Sight:
        """Return where the lines end, row after row."""
        with np.errstate(invalid="ignore"):
            height = (
                np.zeros_like(self._distance)
                if self._slopes is None
                else self._eye + self._slopes * self._distance
            )
        return Sight(
            self._distance.ravel(), self._surface.ravel(), self._along.ravel(), height.ravel()
        )
