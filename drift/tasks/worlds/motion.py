"""How an agent moves: to and fro, on a random walk, or as RatInABox has it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from drift.errors import RefusedInputError
from drift.recipe import Recipe, chosen
from drift.tasks.corridor import SPEED_STD, to_and_fro, wrapped
from drift.tasks.worlds.arena import Arena
from drift.tasks.worlds.obstacles import Obstacles

# 0, 15 degrees to the right, 15 to the left, 30 to the right, ...
TURNS = [0.0, *(sign * number * math.pi / 12 for number in range(1, 13) for sign in (1, -1))]
TRIES = 10_000  # random points among which one that is free is looked for
METRE = {"m": 1.0, "dm": 10.0, "cm": 100.0, "mm": 1000.0}


class Track(NamedTuple):
    """Where an agent is when it looks, and where it looks; one more row than there are samples."""

    x: np.ndarray
    y: np.ndarray
    heading: np.ndarray

    def turns(self) -> np.ndarray:
        """Return the change of heading from each sample to the next, in (-pi, pi]."""
        return wrapped(np.diff(self.heading))

    def steps(self) -> np.ndarray:
        """Return the distance from each sample to the next."""
        return np.hypot(np.diff(self.x), np.diff(self.y))


class Motion(Recipe, ABC):
    """A law of motion."""

    kind: str

    @property
    def linear(self) -> bool:
        """Whether the agent runs along a line, so that maps are by position and direction."""
        return False

    @abstractmethod
    def track(self, arena: Arena, samples: int, rng: np.random.Generator) -> Track:
        """Return where the agent goes."""

    def actions(self, track: Track) -> list[np.ndarray]:
        """Return what the network is told of each step, each (samples,)."""
        return [track.turns(), track.steps()]


class Laps(Motion):
    """To and fro along the longer side of the box around the arena, as in the corridor.

    Parameters
    ----------
    speed, speed_std : float
        Mean and standard deviation of a step, in the length units of the arena.
    heading_noise : float
        Standard deviation of the change of heading per step (rad).
    end_margin, side_margin : float
        Distance of the turning points from the ends, as a fraction of the length of the box, and
        distance kept from its sides, as a fraction of its width; 0.5 pins the agent to the middle.
    """

    kind: Literal["laps"] = "laps"
    speed: float = Field(default=0.2, ge=0, le=1e6)
    speed_std: float = Field(default=SPEED_STD, ge=0, le=1e6)
    heading_noise: float = Field(default=2 * math.pi * 0.1 * math.pi / 360, ge=0, le=1e3)
    end_margin: float = Field(default=0.1, gt=0, lt=0.5)
    side_margin: float = Field(default=0.25, gt=0, le=0.5)

    @property
    def linear(self) -> bool:
        """An agent on laps runs along a line."""
        return True

    def track(self, arena: Arena, samples: int, rng: np.random.Generator) -> Track:
        """Return laps; the draws are those of the corridor in the same order."""
        width, length = sorted(np.subtract(arena.high, arena.low))
        heading = (rng.uniform() - 1) / 100 if self.heading_noise else 0.0
        speeds = self.speed + self.speed_std * rng.standard_normal(samples)
        jitter = self.heading_noise * rng.standard_normal(samples)
        limits = (width * (0.5 - self.side_margin), length * (0.5 - self.end_margin))
        path = to_and_fro(heading, speeds, jitter, limits)
        middle = np.add(arena.high, arena.low) / 2
        if upright(arena):
            return Track(path.x + middle[0], path.y + middle[1], path.heading)
        # turned by a right angle: what was ahead is to the right
        return Track(path.y + middle[0], middle[1] - path.x, path.heading + math.pi / 2)

    def actions(self, track: Track) -> list[np.ndarray]:
        """Return the change of heading, as in the corridor."""
        return [track.turns()]


def upright(arena: Arena) -> bool:
    """Tell whether the box around an arena is at least as long along y as it is wide along x."""
    width, length = np.subtract(arena.high, arena.low)
    return bool(length >= width)


class RandomWalk(Motion):
    """A walk with a persistent heading that turns away from what is in its way.

    Each step has a drawn length and a drawn change of heading; where it would end too near to a
    surface, or cross one, the heading turns by the smallest multiple of 15 degrees, to the right
    or to the left, at which it does not.

    Parameters
    ----------
    speed, speed_std : float
        Mean and standard deviation of a step, in the length units of the arena; steps below 0 are
        taken as 0.
    turning : float
        Standard deviation of the change of heading per step (rad).
    margin : float
        Distance kept from walls and objects.
    """

    kind: Literal["random_walk"] = "random_walk"
    speed: float = Field(default=5.0, ge=0, le=1e6)
    speed_std: float = Field(default=2.0, ge=0, le=1e6)
    turning: float = Field(default=0.4, ge=0, le=1e3)
    margin: float = Field(default=3.0, gt=0, le=1e6)

    def track(self, arena: Arena, samples: int, rng: np.random.Generator) -> Track:
        """Return a walk from a random free point."""
        x, y = self._start(arena, rng)
        heading = rng.uniform(-math.pi, math.pi)
        lengths = np.maximum(self.speed + self.speed_std * rng.standard_normal(samples), 0.0)
        changes = self.turning * rng.standard_normal(samples)
        rows, obstacles = [(x, y, heading)], Obstacles(arena, self.margin)
        for length, change in zip(lengths.tolist(), changes.tolist(), strict=True):
            rows.append(_stepped(obstacles, *rows[-1], length, change))
        x, y, heading = np.array(rows).T
        return Track(x, y, wrapped(heading))

    def _start(self, arena: Arena, rng: np.random.Generator) -> tuple[float, float]:
        points = rng.uniform(arena.low, arena.high, size=(TRIES, 2))
        free = np.flatnonzero(arena.is_free(points[:, 0], points[:, 1], self.margin))
        if free.size == 0:
            raise RefusedInputError(
                f"none of {TRIES} points of the arena lies {self.margin:g} {arena.units} from all "
                "walls and objects: take a smaller margin."
            )
        return float(points[free[0], 0]), float(points[free[0], 1])


def _stepped(
    obstacles: Obstacles, x: float, y: float, heading: float, length: float, change: float
) -> tuple[float, float, float]:
    """One step, by the first turn that is free; an agent that is shut in stays."""
    for turn in TURNS:
        ahead = heading + change + turn
        step_x, step_y = length * math.sin(ahead), length * math.cos(ahead)
        if not obstacles.block(x, y, step_x, step_y):
            return x + step_x, y + step_y, ahead
    return x, y, heading + change + math.pi


class RatMotion(Motion):
    """The motion of rats in RatInABox (George et al. 2024, eLife 13:e85274), of the extra
    ``motion``.

    Speeds and turns are Ornstein-Uhlenbeck processes fitted to rats; walls repel. One sample is
    taken every ``interval`` seconds. RatInABox has no objects: those of the arena become its walls.

    Parameters
    ----------
    interval : float
        Time between samples (s).
    time_step : float
        Of the motion (s).
    speed : float
        Scale of the Rayleigh law of speeds (m/s).
    turning : float
        Standard deviation of the rotational velocity (rad/s).
    thigmotaxis : float
        Tendency to stay near walls, between 0 and 1.
    """

    kind: Literal["ratinabox"] = "ratinabox"
    interval: float = Field(default=0.5, gt=0, le=1e4)
    time_step: float = Field(default=0.05, gt=0, le=1.0)
    speed: float = Field(default=0.08, gt=0, le=10.0)
    turning: float = Field(default=2 * math.pi / 3, gt=0, le=1e3)
    thigmotaxis: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        steps = self.interval / self.time_step
        if steps < 0.5 or abs(steps - round(steps)) > 1e-6 * steps:
            raise ValueError(
                f"interval must be a multiple of time_step, got {self.interval:g} and "
                f"{self.time_step:g}"
            )
        return self

    def track(self, arena: Arena, samples: int, rng: np.random.Generator) -> Track:
        """Return the way of a rat; chance comes from a child of the world's stream."""
        from drift.tasks.worlds.rats import way_of_rat

        if arena.units not in METRE:
            raise RefusedInputError(
                f"RatInABox moves in metres, got an arena in {arena.units}: give its units as one "
                f"of {', '.join(METRE)}."
            )
        return Track(*way_of_rat(arena, self, samples, METRE[arena.units], rng))


MOTIONS: dict[str, type[Recipe]] = {
    "laps": Laps,
    "random_walk": RandomWalk,
    "ratinabox": RatMotion,
}
AnyMotion = Annotated[SerializeAsAny[Motion], BeforeValidator(lambda value: chosen(MOTIONS, value))]
