"""An agent in an arena of any shape that predicts what it will see next.

The task of Ratzon et al. (2024) beyond the corridor: an outline of any polygon, walls and objects
that hide what is behind them, rays or a camera, and several laws of motion. With a rectangle, rays
and laps it is the corridor itself.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from drift.errors import RefusedInputError
from drift.streams import stream
from drift.tasks.base import Task
from drift.tasks.corridor import PLACES
from drift.tasks.worlds.arena import Arena
from drift.tasks.worlds.experiences import (
    Steps,
    drawn_experience,
    scene_for,
    with_line,
    with_plane,
)
from drift.tasks.worlds.eyes import AnyEye, Camera, Eye, Rays
from drift.tasks.worlds.motion import AnyMotion, Motion, RandomWalk, Track, upright
from drift.tasks.worlds.scenes import Scene


class ArenaTask(Task):
    """An agent that moves in an arena and predicts its next view.

    Parameters
    ----------
    arena : Arena
        Its outline, walls, objects and textures.
    eye : Rays or Camera
        What it sees with.
    foreseen : Rays or Camera, optional
        The eye through which the next view is to be predicted; by default the same.
    motion : Laps, RandomWalk or RatMotion
        How it moves.
    samples : int
        Time steps of the batch, over all environments.
    environments : int
        Arenas of this shape, each with textures and a path of its own, which share the samples
        equally.
    places : int
        Bins of rate maps: along the line of ``Laps`` and for each direction, or along the longer
        side of the box around the arena, whose bins are squares.
    data_range : {"unit", "symmetric"}
        Scale of the data: [0, 1] or [-1, 1].
    """

    kind: Literal["arena"] = "arena"
    arena: Arena = Arena()
    eye: AnyEye = Rays()
    foreseen: AnyEye | None = None
    motion: AnyMotion = RandomWalk()
    samples: int = Field(default=400, ge=2, le=10**6)
    environments: int = Field(default=1, ge=1, le=10**4)
    places: int = Field(default=20, ge=2, le=1000)
    data_range: Literal["unit", "symmetric"] = "unit"

    @classmethod
    def corridor(cls, eye: Eye | None = None, **entries: Any) -> Self:
        """Return the corridor of the paper, 1 x 14, with laps, and another eye if given.

        Parameters
        ----------
        eye : Rays or Camera, optional
            By default the 17 rays of the paper.
        **entries
            Other entries of the recipe.
        """
        from drift.tasks.worlds.motion import Laps

        arena = Arena.rectangle(1.0, 14.0, height=1.0, detail=17.0, units="corridor widths")
        own: dict[str, Any] = {"arena": arena, "motion": Laps(), "samples": 150, "places": PLACES}
        return cls(**{**own, **({} if eye is None else {"eye": eye}), **entries})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.samples % self.environments:
            raise ValueError(
                f"samples must be a multiple of environments, got {self.samples} and "
                f"{self.environments}"
            )
        refuse_eye_above(self.arena, self.eye, self.foreseen)
        return self

    def extent(self) -> tuple[int, int, int]:
        """Return samples, inputs and outputs."""
        told = 1 if self.motion.linear else 2
        return self.samples, self.eye.pixels + told, (self.foreseen or self.eye).pixels

    def draw(self, seed: int) -> xr.Dataset:
        """Return views and actions, the next views, and where the agent was.

        Returns
        -------
        xarray.Dataset
            ``inputs (sample, input)``, pixels row by row with their channels, then the actions:
            change of heading and, in a plane, the length of the step; ``targets (sample, output)``;
            ``heading``, ``environment`` and ``position``: (sample) with ``direction`` on laps, else
            (sample, axis).
        """
        scenes, tracks = self._worlds(seed)
        visits = [_steps(self.motion, track) for track in tracks]
        eyes = (self.eye, self.foreseen or self.eye)
        drawn = drawn_experience(scenes, eyes, visits, self.data_range)
        return self._placed(drawn, visits)

    def scene(self, seed: int, environment: int = 0) -> tuple[Scene, Track]:
        """Return one painted environment of a subject and the agent's path in it.

        Parameters
        ----------
        seed : int
            Of the subject.
        environment : int
            Its number.
        """
        scenes, tracks = self._worlds(seed)
        return scenes[environment], tracks[environment]

    def _worlds(self, seed: int) -> tuple[list[Scene], list[Track]]:
        rng, scenes, tracks = stream(seed, "world"), [], []
        eyes = [self.eye, *([] if self.foreseen is None else [self.foreseen])]
        for _environment in range(self.environments):
            scenes.append(scene_for(self.arena, eyes, rng))
            track = self.motion.track(self.arena, self.samples // self.environments, rng)
            self._refuse_outside(track)
            tracks.append(track)
        return scenes, tracks

    def _refuse_outside(self, track: Track) -> None:
        outside = np.flatnonzero(~self.arena.is_free(track.x, track.y))
        if outside.size:
            x, y = float(track.x[outside[0]]), float(track.y[outside[0]])
            raise RefusedInputError(
                f"the agent came to ({x:g}, {y:g}), outside of the arena or inside an object: "
                f"{type(self.motion).__name__} does not fit this arena, use RandomWalk."
            )

    def _placed(self, drawn: xr.Dataset, visits: list[Steps]) -> xr.Dataset:
        x, y = (np.concatenate([getattr(steps, name) for steps in visits]) for name in "xy")
        low, high = np.array(self.arena.low), np.array(self.arena.high)
        if self.motion.linear:
            along = int(upright(self.arena))
            cosine = np.cos if along else np.sin
            margin = getattr(self.motion, "end_margin", 0.0) * (high - low)[along]
            return with_line(
                drawn,
                (x, y)[along],
                np.where(cosine(drawn["heading"].values) > 0, 1, -1),
                units=self.arena.units,
                low=float(low[along] + margin),
                high=float(high[along] - margin),
                places=self.places,
            )
        bin_size = float((high - low).max() / self.places)
        bins = np.maximum(1, np.ceil((high - low) / bin_size - 1e-9)).astype(int)
        return with_plane(drawn, x, y, bin_size, low, bins, self.arena.units)


def refuse_eye_above(arena: Arena, *eyes: Eye | None) -> None:
    """Refuse a camera that looks over the outline of its arena."""
    for eye in eyes:
        if isinstance(eye, Camera) and not eye.height < arena.height:
            raise ValueError(
                f"the camera stands {eye.height:g} above the floor, but the outline is "
                f"{arena.height:g} high: give eye.height below arena.height"
            )


def _steps(motion: Motion, track: Track) -> Steps:
    x, y, heading = track
    return Steps(x[:-1], y[:-1], heading[:-1], x[1:], y[1:], heading[1:], motion.actions(track))
