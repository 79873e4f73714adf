"""Arenas: an outline of any polygon, walls inside it, objects, and what is painted on them."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import BeforeValidator, Field, SerializeAsAny, Strict, model_validator

from drift.door.quantities import Count, Positive
from drift.errors import RefusedInputError
from drift.recipe import Recipe, chosen
from drift.tasks.worlds.crossings import clearance, inside
from drift.tasks.worlds.textures import Colour, Strip, Texture

MOST_CORNERS = 1000
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
Point = Annotated[tuple[Coordinate, Coordinate], Strict(False)]
Corners = Annotated[tuple[Point, ...], Strict(False), Field(min_length=3, max_length=MOST_CORNERS)]
Height = Annotated[float, Field(gt=0, le=1e6)]


class Wall(Recipe):
    """A thin wall inside an arena, seen from both sides."""

    kind: Literal["wall"] = "wall"
    first: Point
    last: Point
    height: Height | None = None
    texture: Texture = Texture()

    @model_validator(mode="after")
    def _long(self) -> Self:
        if self.first == self.last:
            raise ValueError(f"first and last are the same point {self.first}: give two ends")
        return self


class Disc(Recipe):
    """A round object, such as a bottle: an upright cylinder."""

    kind: Literal["disc"] = "disc"
    centre: Point
    radius: float = Field(gt=0, le=1e6)
    height: Height | None = None
    texture: Texture = Texture(pattern="plain", colour=(0.1,))

    def holds(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell which points lie inside."""
        return np.hypot(x - self.centre[0], y - self.centre[1]) < self.radius

    def clearance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance of points to the rim."""
        return np.abs(np.hypot(x - self.centre[0], y - self.centre[1]) - self.radius)


class Block(Recipe):
    """An upright object with the outline of a polygon, such as a box."""

    kind: Literal["block"] = "block"
    corners: Corners
    height: Height | None = None
    texture: Texture = Texture(pattern="plain", colour=(0.1,))

    @model_validator(mode="after")
    def _simple(self) -> Self:
        refuse_crossed(np.array(self.corners))
        return self

    def holds(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell which points lie inside."""
        return inside(x, y, np.array(self.corners))

    def clearance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance of points to the sides."""
        corners = np.array(self.corners)
        return clearance(x, y, corners, np.roll(corners, -1, axis=0)).min(-1)


OBJECTS: dict[str, type[Recipe]] = {"disc": Disc, "block": Block}
AnyObject = Annotated[
    SerializeAsAny[Disc | Block], BeforeValidator(lambda value: chosen(OBJECTS, value))
]


class Sides(NamedTuple):
    """All straight upright surfaces of an arena: first those of the outline, then walls and
    blocks."""

    first: np.ndarray  # (side, 2)
    last: np.ndarray  # (side, 2)
    height: np.ndarray  # (side,)
    strip: np.ndarray  # (side,) number of the strip that a side belongs to
    start: np.ndarray  # (side,) distance from the beginning of the strip to the first end


class Arena(Recipe):
    """A room with the outline of a polygon.

    Parameters
    ----------
    corners : sequence of (x, y)
        Of the outline, in order; clockwise, the far left corner first, is the order of
        ``drift.tasks.walls``.
    walls : sequence of Wall
        Thin walls inside.
    objects : sequence of Disc or Block
        Solid objects inside; what is behind them is hidden.
    height : float
        Of the outline, and of walls and objects that state none.
    texture : Texture
        Of the outline, all around without a seam.
    sides : sequence of Texture
        Textures of the sides of the outline, one each, instead; side k runs from corner k to the
        next.
    floor, sky : sequence of float
        Their brightness, grey or coloured; only a camera sees them.
    detail : float, optional
        Tiles of smooth noise in a unit of length; by default 8 in its scale.
    units : str
        Of all lengths.
    """

    corners: Corners = ((-50.0, 50.0), (50.0, 50.0), (50.0, -50.0), (-50.0, -50.0))
    walls: tuple[Wall, ...] = Field(default=(), strict=False, max_length=MOST_CORNERS)
    objects: tuple[AnyObject, ...] = Field(default=(), strict=False, max_length=MOST_CORNERS)
    height: float = Field(default=40.0, gt=0, le=1e6)
    texture: Texture = Texture()
    sides: tuple[Texture, ...] = Field(default=(), strict=False, max_length=MOST_CORNERS)
    floor: Colour = (0.3,)
    sky: Colour = (0.8,)
    detail: float | None = Field(default=None, gt=0, le=1e6)
    units: str = "cm"

    @classmethod
    def rectangle(cls, width: Positive, length: Positive, **entries: Any) -> Self:
        """Return a rectangle around the origin, ``width`` along x and ``length`` along y."""
        right, far = width / 2, length / 2
        corners = ((-right, far), (right, far), (right, -far), (-right, -far))
        return cls(corners=corners, **entries)

    @classmethod
    def circle(cls, radius: Positive, corners: Count = 72, **entries: Any) -> Self:
        """Return a circle around the origin, as a polygon whose corners lie on it."""
        if corners > MOST_CORNERS:
            raise RefusedInputError(
                f"corners of a circle must be at most {MOST_CORNERS}, got {corners}: take fewer."
            )
        turns = [2 * math.pi * number / corners for number in range(corners)]
        points = tuple((radius * math.sin(turn), radius * math.cos(turn)) for turn in turns)
        return cls(corners=points, **entries)

    @model_validator(mode="after")
    def _closed_and_filled(self) -> Self:
        corners = np.array(self.corners)
        refuse_crossed(corners)
        if self.sides and len(self.sides) != len(self.corners):
            raise ValueError(
                f"sides got {len(self.sides)} textures for {len(self.corners)} sides: give one "
                "for each, or texture for all"
            )
        ends = [point for wall in self.walls for point in (wall.first, wall.last)]
        ends += [
            point
            for item in self.objects
            for point in ([item.centre] if isinstance(item, Disc) else item.corners)
        ]
        for x, y in ends:
            if not self._holds_edge_too(x, y):
                raise ValueError(
                    f"a wall or object stands at ({x:g}, {y:g}), outside of the corners: move it"
                )
        return self

    def _holds_edge_too(self, x: float, y: float) -> bool:
        corners, point = np.array(self.corners), (np.array(x), np.array(y))
        near = clearance(*point, corners, np.roll(corners, -1, axis=0)).min()
        return bool(inside(*point, corners)) or bool(near <= 1e-9 * np.ptp(corners))

    @property
    def low(self) -> tuple[float, float]:
        """Least x and y of the corners."""
        return tuple(np.min(self.corners, axis=0).tolist())

    @property
    def high(self) -> tuple[float, float]:
        """Largest x and y of the corners."""
        return tuple(np.max(self.corners, axis=0).tolist())

    @cached_property
    def strips(self) -> list[tuple[Strip, Texture]]:
        """What textures run along: the outline or its sides, then walls, then objects."""
        lengths = _side_lengths(np.array(self.corners))
        outline = (
            [
                (Strip(float(length), self.height), picture)
                for length, picture in zip(lengths, self.sides, strict=True)
            ]
            if self.sides
            else [(Strip(float(lengths.sum()), self.height), self.texture)]
        )
        inner = [
            (Strip(math.dist(wall.first, wall.last), self._height(wall)), wall.texture)
            for wall in self.walls
        ]
        return outline + inner + [self._strip_of(item) for item in self.objects]

    def _height(self, item: Wall | Disc | Block) -> float:
        return self.height if item.height is None else item.height

    def _strip_of(self, item: Disc | Block) -> tuple[Strip, Texture]:
        around = (
            2 * math.pi * item.radius
            if isinstance(item, Disc)
            else float(_side_lengths(np.array(item.corners)).sum())
        )
        return Strip(around, self._height(item)), item.texture

    @cached_property
    def straight(self) -> Sides:
        """All straight sides."""
        outline = _polygon_sides(np.array(self.corners), self.height, 0)
        if self.sides:
            count = len(self.sides)
            outline = outline._replace(strip=np.arange(count), start=np.zeros(count))
        strip, sides = len(self.sides) or 1, [outline]
        for wall in self.walls:
            ends = (np.array([wall.first]), np.array([wall.last]))
            sides.append(
                Sides(*ends, np.array([self._height(wall)]), np.array([strip]), np.zeros(1))
            )
            strip += 1
        for number, item in enumerate(self.objects):
            if isinstance(item, Block):
                corners = np.array(item.corners)
                sides.append(_polygon_sides(corners, self._height(item), strip + number))
        return Sides(*(np.concatenate(columns) for columns in zip(*sides, strict=True)))

    @cached_property
    def first_object(self) -> int:
        """Number of the strip of the first object."""
        return (len(self.sides) or 1) + len(self.walls)

    def top(self, number: int) -> float:
        """Return the height of an object."""
        return self._height(self.objects[number])

    def is_free(self, x: np.ndarray, y: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """Tell at which points an agent can be: inside, in no object, and ``margin`` from all
        surfaces."""
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        free = inside(x, y, np.array(self.corners))
        if margin > 0:
            free &= clearance(x, y, self.straight.first, self.straight.last).min(-1) >= margin
        for item in self.objects:
            free &= ~item.holds(x, y)
            if margin > 0:
                free &= item.clearance(x, y) >= margin
        return free


def _side_lengths(corners: np.ndarray) -> np.ndarray:
    return np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)


def _polygon_sides(corners: np.ndarray, height: float, strip: int) -> Sides:
    lengths, count = _side_lengths(corners), len(corners)
    return Sides(
        corners,
        np.roll(corners, -1, axis=0),
        np.full(count, height),
        np.full(count, strip),
        np.cumsum(lengths) - lengths,
    )


def refuse_crossed(corners: np.ndarray) -> None:
    """Refuse corners that make no simple polygon: twice the same, sides that cross, or no area."""
    first, last = corners, np.roll(corners, -1, axis=0)
    if len(np.unique(corners, axis=0)) < len(corners):
        raise ValueError("corners hold a point twice: give each once, the last not as the first")
    crossing = _properly_cross(first, last)
    area = abs(float((first[:, 0] * last[:, 1] - last[:, 0] * first[:, 1]).sum())) / 2
    if crossing.any():
        first_side, second_side = np.argwhere(crossing)[0]
        raise ValueError(
            f"sides {first_side} and {second_side} of the corners cross: give them in order"
        )
    if not area > 1e-12 * float(np.ptp(corners)) ** 2:
        raise ValueError("corners lie on one line: give a polygon with an area")


def _properly_cross(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """(side, side) whether the inner parts of two sides cross."""

    def turn(point: np.ndarray) -> np.ndarray:
        along, to = last - first, point[np.newaxis] - first[:, np.newaxis]
        return np.sign(along[:, :1] * to[..., 1] - along[:, 1:] * to[..., 0])

    # ends of the second side lie on different sides of the first
    parted = turn(first) * turn(last) < 0
    return parted & parted.T
