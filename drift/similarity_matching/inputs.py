"""What similarity-matching networks see: Gaussian vectors, angles on a ring, grid cells on a track
or in an arena, a T-maze."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import BeforeValidator, Field, SerializeAsAny, Strict, field_validator

from drift.metrics.places import Grid, place_attrs
from drift.recipe import Recipe, chosen
from drift.streams import stream

# from one grid module to the next, between two orientations
SCALING, ORIENTATION = 1.42, math.pi / 18
SLICE = math.tan(math.pi / 6)  # slope of the track across the grid


class Inputs(Recipe, ABC):
    """A fixed set of inputs, one of which is shown in each step of learning."""

    kind: str

    @abstractmethod
    def draw(self, seed: int) -> xr.Dataset:
        """Return the inputs of the subject with this seed.

        Returns
        -------
        xarray.Dataset
            ``inputs (sample, input)`` and, where inputs have places, the coordinate ``place
            (sample)``, in a plane with ``place_x`` and ``place_y``, with several arms with
            ``environment (sample)``. The order is environment by environment.
        """


class GaussianInputs(Inputs):
    """Normal vectors with covariance V diag(eigenvalues) V^T, V a random rotation; drawn from the
    stream "world".

    Parameters
    ----------
    eigenvalues : sequence of float
        Variances along the principal directions, falling; their number is the number of inputs.
    samples : int
        Vectors that exist; their covariance scatters around the given one.
    """

    kind: Literal["gaussian"] = "gaussian"
    eigenvalues: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Strict(False)] = (
        4.5,
        3.5,
        1.0,
        *[0.01] * 7,
    )
    samples: int = Field(default=5000, ge=2, le=10**7)

    @field_validator("eigenvalues")
    @classmethod
    def _falling(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if len(values) < 2 or list(values) != sorted(values, reverse=True):
            raise ValueError(f"eigenvalues must be at least two falling numbers, got {values}")
        return values

    def draw(self, seed: int) -> xr.Dataset:
        """Return the vectors."""
        rng, dims = stream(seed, "world"), len(self.eigenvalues)
        rotation, triangle = np.linalg.qr(rng.standard_normal((dims, dims)))
        rotation = rotation * np.sign(np.diag(triangle))
        vectors = rng.standard_normal((self.samples, dims)) * np.sqrt(self.eigenvalues)
        return xr.Dataset({"inputs": (("sample", "input"), vectors @ rotation.T)})


class RingInputs(Inputs):
    """Angles on a circle as (cos, sin)."""

    kind: Literal["ring"] = "ring"
    angles: int = Field(default=1000, ge=3, le=10**6)

    def draw(self, seed: int) -> xr.Dataset:
        """Return equally spaced angles from 0 on, the same for every seed."""
        angles = 2 * np.pi * np.arange(self.angles) / self.angles
        step = 2 * np.pi / self.angles
        grid = Grid(step, -step / 2, 2 * np.pi - step / 2, ring=True)
        place = (
            "sample",
            angles,
            {**place_attrs(grid, "rad"), "long_name": "angle", "period": 2 * np.pi},
        )
        return xr.Dataset(
            {"inputs": (("sample", "input"), _circle(angles))}, coords={"place": place}
        )


class TMazeInputs(Inputs):
    """Two arms that share their angles p in [0, pi) and differ in context: (cos p, sin p, 1) and
    (cos p, sin p, -1)."""

    kind: Literal["t_maze"] = "t_maze"
    positions: int = Field(default=500, ge=3, le=10**6)

    def draw(self, seed: int) -> xr.Dataset:
        """Return the left arm (environment 0), then the right arm, the same for every seed."""
        angles = np.pi * np.arange(self.positions) / self.positions
        arms = [
            np.column_stack([_circle(angles), np.full(self.positions, context)])
            for context in (1.0, -1.0)
        ]
        coords = {
            "place": (
                "sample",
                np.tile(angles, 2),
                {"units": "rad", "long_name": "position along the arm"},
            ),
            "environment": ("sample", np.repeat([0, 1], self.positions)),
        }
        return xr.Dataset({"inputs": (("sample", "input"), np.concatenate(arms))}, coords=coords)


class GridInputs(Inputs, ABC):
    """Grid cells in modules: a = (2/3) (mean_{j=1..3} cos(4 pi / (sqrt(3) l) u_j . (r - r0)) +
    1/2), from 0 to 1.

    Spacings are l = smallest_spacing * 1.42^m, orientations k pi / 18; u_j lies at the angle 2 pi j
    / 3 beyond the orientation, and the offsets r0 are the multiples of l / offsets in both
    directions.
    """

    modules: int = Field(default=5, ge=1, le=50)
    orientations: int = Field(default=6, ge=1, le=100)
    offsets: int = Field(ge=1, le=100)
    smallest_spacing: float = Field(ge=1e-6, le=1e6)

    def responses(self, position: np.ndarray) -> np.ndarray:
        """Return the activity of all grid cells (sample, input) at positions (sample, axis) in
        units of the arena."""
        spacing = self.smallest_spacing * SCALING ** np.arange(self.modules)
        shifts = np.stack(
            np.meshgrid(*[np.arange(self.offsets) / self.offsets] * 2, indexing="ij"), axis=-1
        ).reshape(-1, 2)
        # (orientation, wave)
        direction = (
            ORIENTATION * np.arange(self.orientations)[:, None] + 2 * np.pi * np.arange(1, 4) / 3
        )
        # (orientation, wave, axis)
        axes = np.stack([np.cos(direction), np.sin(direction)], axis=-1)
        # (sample, module, orientation, wave)
        phase = np.einsum("sa,m,owa->smow", position, 1 / spacing, axes)
        # (sample, module, orientation, offset, wave)
        shifted = phase[..., None, :] - np.einsum("fa,owa->ofw", shifts, axes)
        waves = np.cos(4 * np.pi / math.sqrt(3) * shifted).mean(-1)
        return (2 / 3 * (waves + 0.5)).reshape(len(position), -1)


class GridTrackInputs(GridInputs):
    """Grid cells along a straight track that crosses their plane at 30 degrees.

    ``smallest_spacing`` is 1/4, as the published script says; its generator uses 0.2 whatever the
    script says, and the published numbers follow it (``published_network("place_1d")``).
    """

    kind: Literal["grid_track"] = "grid_track"
    positions: int = Field(default=200, ge=3, le=10**5)
    offsets: int = Field(default=3, ge=1, le=100)
    smallest_spacing: float = Field(default=0.25, ge=1e-6, le=1e6)

    def draw(self, seed: int) -> xr.Dataset:
        """Return the grid cells at every position, the same for every seed."""
        along = np.arange(1, self.positions + 1) / self.positions
        values = self.responses(along[:, None] * np.array([1.0, SLICE]))
        coords = {"place": ("sample", along, {"units": "track length", "long_name": "position"})}
        return xr.Dataset({"inputs": (("sample", "input"), values)}, coords=coords)


class GridArenaInputs(GridInputs):
    """Grid cells in a square arena with ``positions`` places along each side."""

    kind: Literal["grid_arena"] = "grid_arena"
    positions: int = Field(default=32, ge=2, le=1000)
    offsets: int = Field(default=5, ge=1, le=100)
    smallest_spacing: float = Field(default=0.2, ge=1e-6, le=1e6)

    def draw(self, seed: int) -> xr.Dataset:
        """Return the grid cells at every place, the same for every seed."""
        side = np.arange(1, self.positions + 1) / self.positions
        x, y = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
        attrs = {"units": "side length"}
        coords = {
            "place": ("sample", np.arange(x.size), {"units": "1"}),
            "place_x": ("sample", x, attrs),
            "place_y": ("sample", y, attrs),
        }
        return xr.Dataset(
            {"inputs": (("sample", "input"), self.responses(np.column_stack([x, y])))},
            coords=coords,
        )


INPUTS: dict[str, type[Recipe]] = {
    "gaussian": GaussianInputs,
    "ring": RingInputs,
    "grid_track": GridTrackInputs,
    "grid_arena": GridArenaInputs,
    "t_maze": TMazeInputs,
}
AnyInputs = Annotated[SerializeAsAny[Inputs], BeforeValidator(lambda value: chosen(INPUTS, value))]


def _circle(angles: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(angles), np.sin(angles)])
