"""How surfaces look: plain, striped or smooth noise, painted once for a world and then looked up."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, Strict, model_validator
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from drift.errors import RefusedInputError
from drift.recipe import Recipe
from drift.tasks.walls import texture, texture_value

FINENESS = 8  # tiles of smooth noise in its standard deviation
MOST_TILES = 10**7  # of one surface
# of the line that a noise runs along: the smoothing of the corridor's walls
PUBLISHED_SMOOTHING = 0.09

Brightness = Annotated[float, Field(ge=0, le=1)]
Colour = Annotated[tuple[Brightness, ...], Strict(False), Field(min_length=1, max_length=3)]


class Texture(Recipe):
    """What is painted on a surface.

    Parameters
    ----------
    pattern : {"noise", "stripes", "plain"}
        Smooth Gaussian noise, its colour channels independent; vertical stripes; or one colour.
    scale : float, optional
        Standard deviation of the noise's smoothing, or period of the stripes, in the length units
        of the arena; by default 0.09 of the line that the texture runs along, as in the corridor.
    colour : sequence of float
        Mean brightness between 0 and 1, one number for grey or three for red, green and blue.
    contrast : float
        Standard deviation of the noise, or half the difference of the stripes, in brightness.
    """

    pattern: Literal["noise", "stripes", "plain"] = "noise"
    scale: float | None = Field(default=None, gt=0, le=1e6)
    colour: Colour = (0.5,)
    contrast: float = Field(default=0.15, ge=0, le=1)

    @model_validator(mode="after")
    def _grey_or_coloured(self) -> Self:
        if len(self.colour) == 2:
            raise ValueError(
                f"colour got {self.colour}: give one number for grey or three for red, green, blue"
            )
        return self


class Strip(NamedTuple):
    """A surface that a texture runs along: its length, its height, whether its ends meet."""

    length: float
    height: float


class Painted(NamedTuple):
    """A texture on a strip."""

    texture: Texture
    strip: Strip
    scale: float
    tiles: np.ndarray | None  # (channel, row, column) of noise at variance 1; rows from the ground


def in_channels(colour: tuple[float, ...], channels: int) -> np.ndarray:
    """Return a colour in one or three channels; grey is the mean of colours."""
    values = np.array(colour)
    return np.full(channels, values.mean()) if channels == 1 or values.size == 1 else values


def painted(
    picture: Texture,
    strip: Strip,
    channels: int,
    upright: bool,
    rng: np.random.Generator,
    detail: float | None = None,
) -> Painted:
    """Return a texture as it lies on a strip.

    Parameters
    ----------
    picture : Texture
    strip : Strip
    channels : int
        1 or 3.
    upright : bool
        Whether the texture changes with height, too; rays look at one height alone.
    rng : numpy.random.Generator
        Source of the noise.
    detail : float, optional
        Tiles in a unit of length; by default 8 in the scale.
    """
    scale = picture.scale or PUBLISHED_SMOOTHING * strip.length
    if picture.pattern != "noise":
        return Painted(picture, strip, scale, None)
    density = detail or FINENESS / scale
    columns = max(1, int(strip.length * density))
    rows = max(2, math.ceil(strip.height * density) + 1) if upright else 1
    if channels * rows * columns > MOST_TILES:
        raise RefusedInputError(
            f"a texture of scale {scale:g} on a surface of {strip.length:g} x {strip.height:g} "
            f"needs {channels * rows * columns:.3g} tiles, more than {MOST_TILES:.0e}: give a "
            "larger scale."
        )
    if not upright:
        lines = [texture(columns, scale / strip.length, rng) for _channel in range(channels)]
        noise = np.array(lines)[:, np.newaxis]
    else:
        noise = rng.standard_normal((channels, rows, columns))
        smoothing = scale / strip.length * columns  # in tiles, the same along both axes
        noise = gaussian_filter(noise, (0.0, 0.0, smoothing), mode="wrap")
        noise = gaussian_filter1d(noise, smoothing, axis=1, mode="reflect")
        noise /= _smoothed_std(np.eye(rows), smoothing, "reflect")[:, np.newaxis]
    one = np.eye(1, columns)
    return Painted(
        picture, strip, scale, noise / _smoothed_std(one, scale / strip.length * columns, "wrap")
    )


def _smoothed_std(weights: np.ndarray, smoothing: float, mode: str) -> np.ndarray:
    """Standard deviation of smoothed white noise: the root of the summed squares of each kernel."""
    kernels = gaussian_filter1d(weights, smoothing, axis=1, mode=mode)
    return np.sqrt(np.square(kernels).sum(1))


def brightness(
    surface: Painted, along: np.ndarray, height: np.ndarray | None, channels: int
) -> np.ndarray:
    """Return what a surface shows, shape (point, channel).

    Parameters
    ----------
    surface : Painted
    along : array, shape (point,)
        Distance from the beginning of the strip.
    height : array, shape (point,), or None
        Above the ground; None for rays, which look at one height.
    channels : int
    """
    picture, base = surface.texture, in_channels(surface.texture.colour, channels)
    if picture.pattern == "plain":
        return np.broadcast_to(base, (along.size, channels))
    if picture.pattern == "stripes":
        sign = np.where((along / surface.scale) % 1.0 < 0.5, 1.0, -1.0)
        return base + picture.contrast * sign[:, np.newaxis]
    values = _looked_up(surface, along / surface.strip.length, height)
    if len(values) != channels:
        values = values.mean(0, keepdims=True)  # a grey eye in a coloured world
    return base + picture.contrast * values.T


def _looked_up(surface: Painted, phase: np.ndarray, height: np.ndarray | None) -> np.ndarray:
    """Noise at points, shape (channel, point): linear between tiles along both axes."""
    tiles = surface.tiles
    assert tiles is not None
    if height is None or tiles.shape[1] == 1:  # one height: the middle where there are several
        return np.array([texture_value(line[len(line) // 2], phase) for line in tiles])
    rows, columns = tiles.shape[1:]
    row = np.clip(height / surface.strip.height, 0, 1) * (rows - 1)
    below = np.minimum(row.astype(int), rows - 2)
    column = phase * columns % columns
    left = np.minimum(column.astype(int), columns - 1)
    right, up, aside = (left + 1) % columns, row - below, column - left
    lower = (1 - aside) * tiles[:, below, left] + aside * tiles[:, below, right]
    upper = (1 - aside) * tiles[:, below + 1, left] + aside * tiles[:, below + 1, right]
    return (1 - up) * lower + up * upper
