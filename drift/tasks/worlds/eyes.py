"""Eyes: in which directions an agent looks, and with how many colours."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from drift.recipe import Recipe, chosen


class Eye(Recipe, ABC):
    """What an agent sees with; every pixel looks along one line."""

    kind: str
    visibility: float | None = Field(default=None, gt=0, le=1e9)

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and colour channels of a view."""

    @property
    def pixels(self) -> int:
        """Numbers in a view."""
        return math.prod(self.shape)

    @abstractmethod
    def azimuths(self) -> np.ndarray:
        """Return the angle of each column from the heading, shape (columns,), clockwise."""

    @abstractmethod
    def slopes(self) -> np.ndarray | None:
        """Return the rise of each pixel's line per horizontal distance, shape (rows, columns), the
        uppermost row first; None where all look at one height."""


class Rays(Eye):
    """A row of horizontal rays, as in the corridor of Ratzon et al. (2024).

    Parameters
    ----------
    rays : int
        Rays of the view.
    field_of_view : float
        Half angle of the view (rad).
    visibility : float, optional
        Distance over which brightness falls to 1/e, in the length units of the arena; without it
        distance dims nothing.
    """

    kind: Literal["rays"] = "rays"
    rays: int = Field(default=17, ge=1, le=10**4)
    field_of_view: float = Field(default=math.pi / 8, gt=0, le=math.pi)

    @property
    def shape(self) -> tuple[int, int, int]:
        """One row of grey rays."""
        return 1, self.rays, 1

    def azimuths(self) -> np.ndarray:
        """Return equally spaced angles from -field_of_view to field_of_view."""
        return np.linspace(-self.field_of_view, self.field_of_view, self.rays)

    def slopes(self) -> None:
        """Return None: rays look at one height and see every object, however low."""
        return


class Camera(Eye):
    """A camera with stated optics.

    Parameters
    ----------
    rows, columns : int
        Pixels from top to bottom and from left to right.
    channels : int
        1 for grey, 3 for red, green and blue.
    field_of_view : float
        Half angle from the middle to the left and right edge of the picture (rad).
    projection : {"pinhole", "equiangular"}
        A flat picture behind a pinhole, whose half angle must stay below a right angle; or pixels
        at equal angles, as in an eye that looks all around. Pixels are square: the half angle
        upwards has the tangent (pinhole) or the size (equiangular) of that to the side, times
        rows / columns.
    pitch : float
        Angle by which the middle of the picture looks up (rad).
    height : float
        Of the eye above the floor, in the length units of the arena; below the height of its
        outline.
    visibility : float, optional
        Distance over which brightness falls to 1/e; the sky keeps its own.
    """

    kind: Literal["camera"] = "camera"
    rows: int = Field(default=12, ge=1, le=2000)
    columns: int = Field(default=16, ge=1, le=2000)
    channels: Literal[1, 3] = 3
    field_of_view: float = Field(default=math.pi / 4, gt=0, le=math.pi)
    projection: Literal["pinhole", "equiangular"] = "pinhole"
    pitch: float = Field(default=0.0, gt=-math.pi / 2, lt=math.pi / 2)
    height: float = Field(default=5.0, gt=0, le=1e6)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.projection == "pinhole" and self.field_of_view >= math.pi / 2:
            raise ValueError(
                f"field_of_view got {self.field_of_view:g}, but no flat picture reaches a right "
                "angle: take projection='equiangular'"
            )
        upwards = self.field_of_view * self.rows / self.columns
        if self.projection == "pinhole":
            upwards = math.atan(math.tan(self.field_of_view) * self.rows / self.columns)
        if abs(self.pitch) + upwards >= math.pi / 2:
            raise ValueError(
                f"the picture reaches {abs(self.pitch) + upwards:g} rad up or down, beyond a "
                "right angle: take fewer rows, a smaller field_of_view or less pitch"
            )
        if self.pitch and self.projection == "pinhole":
            raise ValueError(
                "a pinhole looks straight ahead here, got a pitch: take projection='equiangular'"
            )
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and colour channels."""
        return self.rows, self.columns, self.channels

    def azimuths(self) -> np.ndarray:
        """Return the angle of each column's middle from the heading."""
        across = _middles(self.columns)
        if self.projection == "equiangular":
            return self.field_of_view * across
        return np.arctan(math.tan(self.field_of_view) * across)

    def slopes(self) -> np.ndarray:
        """Return the rise of each pixel's line per horizontal distance."""
        upwards = -_middles(self.rows) * self.rows / self.columns  # the uppermost row first
        if self.projection == "equiangular":
            rise = np.tan(self.pitch + self.field_of_view * upwards)
            return np.repeat(rise[:, np.newaxis], self.columns, axis=1)
        # a column off the middle is farther from the pinhole
        return np.outer(math.tan(self.field_of_view) * upwards, np.cos(self.azimuths()))


EYES: dict[str, type[Recipe]] = {"rays": Rays, "camera": Camera}
AnyEye = Annotated[SerializeAsAny[Eye], BeforeValidator(lambda value: chosen(EYES, value))]


def _middles(pixels: int) -> np.ndarray:
    """Middles of equal pixels between -1 and 1."""
    return (2 * np.arange(pixels) + 1) / pixels - 1
