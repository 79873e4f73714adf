"""The corridor: an agent runs to and fro between textured walls and predicts what it will see next
(Ratzon et al. 2024, Fig. 2).

One step of the agent: draw a speed, move along the heading, stop at the turning points, jitter the
heading, look. The inputs are the present view and the change of heading; the targets are the next
view. Lengths are in corridor widths, headings in rad from the long axis.

``faithful=True`` keeps what the released code does: a wall texture phase that is right for square
arenas only, changes of heading that are not wrapped, a turn that is announced one step before it is
seen, the agent pinned to the midline, and one min-max scaling over rays and action together. The
default mends all of these.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from drift.streams import stream
from drift.tasks.base import Task, experience, symmetric_range, unit_range
from drift.tasks.walls import rays, texture, texture_value

PLACES = 50  # bins of the corridor's rate maps in each direction
SPEED_STD = 0.1


class Path(NamedTuple):
    """Where the agent is and looks when it takes each scene; one more row than there are
    samples."""

    x: np.ndarray
    y: np.ndarray
    gaze: np.ndarray  # heading while the scene is taken
    # heading of the next move; differs from the gaze where the published agent has just turned
    heading: np.ndarray
    action: np.ndarray  # change of heading reported with each sample, one row fewer


class CorridorTask(Task):
    """An agent in a corridor with high-dimensional visual input.

    Parameters
    ----------
    samples : int
        Time steps of the batch, over all environments.
    rays : int
        Rays of the view, hence outputs; inputs are the rays and one action.
    width, length : float
        Of the corridor.
    field_of_view : float
        Half angle of the view (rad).
    speed : float
        Mean step length; its standard deviation is 0.1.
    texture_width : float
        Standard deviation of the wall texture's smoothing, as a fraction of the perimeter.
    end_margin : float
        Distance of the turning points from the end walls, as a fraction of the length.
    side_margin : float
        Distance kept from the side walls, as a fraction of the width; 0.5 pins the agent to the
        midline.
    heading_noise : float
        Standard deviation of the change of heading per step (rad); the released code has 2 pi 0.1
        pi / 360.
    environments : int
        Corridors with walls of their own, which share the samples equally.
    data_range : {"unit", "symmetric"}
        Scale of the data: [0, 1] as in Fig. 2, or [-1, 1] as in the released code.
    faithful : bool
        Keep the quirks of the released code.
    """

    kind: Literal["corridor"] = "corridor"
    samples: int = Field(default=150, ge=2, le=10**6)
    rays: int = Field(default=17, ge=1, le=10**4)
    width: float = Field(default=1.0, ge=0.1, le=1e3)
    length: float = Field(default=14.0, ge=0.5, le=1e3)
    field_of_view: float = Field(default=math.pi / 8, gt=0, lt=math.pi)
    speed: float = Field(default=0.2, ge=0, le=1e6)
    texture_width: float = Field(default=0.09, ge=1e-6, le=1)
    end_margin: float = Field(default=0.1, gt=0, lt=0.5)
    side_margin: float = Field(default=0.25, gt=0, le=0.5)
    heading_noise: float = Field(default=2 * math.pi * 0.1 * math.pi / 360, ge=0, le=1e3)
    environments: int = Field(default=1, ge=1, le=10**4)
    data_range: Literal["unit", "symmetric"] = "unit"
    faithful: bool = False

    @model_validator(mode="after")
    def _whole_environments(self) -> Self:
        if self.samples % self.environments:
            raise ValueError(
                f"samples must be a multiple of environments, got {self.samples} and "
                f"{self.environments}"
            )
        return self

    def extent(self) -> tuple[int, int, int]:
        """Return samples, inputs and outputs; tiles of the walls stand in a row for each ray."""
        return self.samples, self.rays + 1, self.rays

    def draw(self, seed: int) -> xr.Dataset:
        """Return the agent's experience: views and actions, the next views, and where it was."""
        rng = stream(seed, "world")
        visits = [self._visit(rng) for _environment in range(self.environments)]
        views = [view for view, _path in visits]
        actions = np.concatenate([path.action for _view, path in visits])
        present, following = (
            np.concatenate([view[rows] for view in views])
            for rows in (slice(None, -1), slice(1, None))
        )
        inputs, targets = self._scaled(present, actions, following)
        heading = np.concatenate([path.heading[:-1] for _view, path in visits])
        drawn = experience(
            inputs,
            targets,
            position=np.concatenate([path.y[:-1] for _view, path in visits]),
            direction=np.where(np.cos(heading) > 0, 1, -1),
            environment=np.repeat(np.arange(self.environments), self.samples // self.environments),
            heading=heading,
        )
        limit = self.length * (0.5 - self.end_margin)
        drawn["position"].attrs.update(
            units="corridor widths", low=-limit, high=limit, places=PLACES
        )
        return drawn

    def _visit(self, rng: np.random.Generator) -> tuple[np.ndarray, Path]:
        """Return the views (sample + 1, ray) and the path of one environment."""
        tiles = texture(int(2 * (self.width + self.length) * self.rays), self.texture_width, rng)
        path = self._path(rng)
        angles = path.gaze[:, None] + np.linspace(
            -self.field_of_view, self.field_of_view, self.rays
        )
        hits = rays(path.x, path.y, angles, self.width, self.length)
        return texture_value(
            tiles, hits.published_phase if self.faithful else hits.phase, clamp=self.faithful
        ), path

    def _path(self, rng: np.random.Generator) -> Path:
        steps = self.samples // self.environments
        first_heading = (rng.uniform() - 1) / 100 if self.heading_noise else 0.0
        speeds = self.speed + SPEED_STD * rng.standard_normal(steps)
        jitter = self.heading_noise * rng.standard_normal(steps)
        limits = (
            self.width * (0.5 - (0.5 if self.faithful else self.side_margin)),
            self.length * (0.5 - self.end_margin),
        )
        walk = _published_walk if self.faithful else to_and_fro
        return walk(first_heading, speeds, jitter, limits)

    def _scaled(
        self, present: np.ndarray, actions: np.ndarray, following: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        scale = unit_range if self.data_range == "unit" else symmetric_range
        if self.faithful:
            inputs = np.column_stack([scale(present), scale(actions)])
            return scale(inputs), scale(scale(following))
        # One scale for a view, whether it is seen now or next; the action gets the mean and the
        # spread of the rays.
        both = scale(np.stack([present, following]))  # (present or following, sample, ray)
        spread = both[0].std() / (actions.std() or 1.0)
        action = both[0].mean() + spread * (actions - actions.mean())
        return np.column_stack([both[0], action]), both[1]


def to_and_fro(
    heading: float, speeds: np.ndarray, jitter: np.ndarray, limits: tuple[float, float]
) -> Path:
    """Move, turn where a turning point is reached, then look: the reported action is the turn that
    the next view shows."""
    rows = [(0.0, 0.0, heading)]
    for speed, change in zip(speeds, jitter, strict=True):
        x, y, heading = rows[-1]
        x, y, turn = _moved(x, y, heading, speed, limits)
        rows.append((x, y, heading + change if turn is None else turn))
    x, y, headings = np.array(rows).T
    return Path(x, y, headings, headings, wrapped(np.diff(headings)))


def _published_walk(
    heading: float, speeds: np.ndarray, jitter: np.ndarray, limits: tuple[float, float]
) -> Path:
    """Move, jitter, look, and only then turn: the action announces a turn that the following view
    does not show yet."""
    x, y = 0.0, 0.0
    views, headings = [(x, y, heading)], [heading]
    for speed, change in zip(speeds, np.append(0.0, jitter[:-1]), strict=True):
        x, y, turn = _moved(x, y, heading, speed, limits)
        heading = (heading + change) % (2 * math.pi)
        views.append((x, y, heading))
        heading = heading if turn is None else turn
        headings.append(heading)
    x_seen, y_seen, gaze = np.array(views).T
    return Path(x_seen, y_seen, gaze, np.array(headings), np.diff(headings))


def _moved(
    x: float, y: float, heading: float, speed: float, limits: tuple[float, float]
) -> tuple[float, float, float | None]:
    """Return the position after one step and the heading that a turning point imposes, or None."""
    x, y = x + speed * math.sin(heading), y + speed * math.cos(heading)
    turn = 0.0 if y < -limits[1] else math.pi if y > limits[1] else None
    return min(max(x, -limits[0]), limits[0]), min(max(y, -limits[1]), limits[1]), turn


def wrapped(angle: np.ndarray) -> np.ndarray:
    """Return angles in (-pi, pi]."""
    return math.pi - (math.pi - angle) % (2 * math.pi)
