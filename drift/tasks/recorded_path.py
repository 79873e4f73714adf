"""The path that an animal took, as a task: a network predicts what it would have seen there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field, Strict, model_validator

from drift.errors import RefusedInputError
from drift.streams import stream
from drift.tasks.arena_task import refuse_eye_above
from drift.tasks.base import Task
from drift.tasks.worlds.arena import Arena
from drift.tasks.worlds.experiences import (
    Steps,
    drawn_experience,
    scene_for,
    with_line,
    with_plane,
)
from drift.tasks.worlds.eyes import AnyEye, Rays
from drift.tasks.worlds.recorded_steps import COLUMNS, Walked, packed, unpacked, walked
from drift.tasks.worlds.scenes import Scene

ENDS = 0.1  # of a corridor's length, beyond the path at either end, as in the published corridor
SLIMNESS = 14.0  # length over width of the published corridor
MARGIN = 0.05  # of the box around a path in the plane, to the walls
SAMPLES, INTERVAL = 500, 0.25

Axis = Annotated[tuple[float, ...], Strict(False), Field(min_length=1, max_length=2)]
Bins = Annotated[
    tuple[Annotated[int, Field(ge=1, le=5000)], ...],
    Strict(False),
    Field(min_length=1, max_length=2),
]


class RecordedPath(Task):
    """The path of a recorded animal, between walls that every seed paints anew.

    ``drift.RecordedPath(sessions)`` takes session Datasets of one animal: from all samples in
    motion that ``drift.measure`` counts, in all sessions, ``samples`` are spread evenly. At each
    the network sees what an eye there would see, and predicts what it would see ``interval`` later
    on the recorded path. A track lies along the middle of a corridor with the shape of the
    published one; a plane lies in a box; another ``arena`` takes their place. Environments become
    arenas with textures of their own. Places are the bins of ``drift.measure``, so that what
    ``drift.observe(run, like=sessions)`` shows has the animal's own samples and bins.

    A recipe is complete without the recording: it holds the steps that are learned from, at 0.001
    of their length unit, as compressed text of some 10 bytes each. Whoever is given the recipe, or
    a file of the run, is given this part of the path.

    Parameters
    ----------
    sessions : iterable of xarray.Dataset, optional
        Session Datasets of one animal, when the recipe is made.
    track : str
        The steps as text; made from ``sessions``.
    samples : int
        Steps that are learned from.
    interval : float
        From the present view to the one that is foreseen (s).
    arena : Arena
        Made from ``sessions`` if not given.
    eye : Rays or Camera
        What is seen with.
    foreseen : Rays or Camera, optional
        The eye through which the next view is to be predicted; by default the same.
    data_range : {"unit", "symmetric"}
        Scale of the data: [0, 1] or [-1, 1].
    units : str
        Of positions; made from ``sessions``, as are the next three.
    bin_size : float
        Of places.
    low : sequence of float
        Lower edge of the first bin along each axis.
    bins : sequence of int
        Numbers of bins along each axis.

    Raises
    ------
    RefusedInputError
        If sessions have no positions, are of several animals, or have too few steps.
    """

    kind: Literal["recorded_path"] = "recorded_path"
    track: str = Field(max_length=10**8)
    samples: int = Field(default=SAMPLES, ge=2, le=10**6)
    interval: float = Field(default=INTERVAL, gt=0, le=3600)
    arena: Arena
    eye: AnyEye = Rays()
    foreseen: AnyEye | None = None
    data_range: Literal["unit", "symmetric"] = "unit"
    units: str = "cm"
    bin_size: float = Field(gt=0, le=1e6)
    low: Axis
    bins: Bins

    def __init__(self, sessions: Iterable[xr.Dataset] | None = None, /, **values: Any) -> None:
        super().__init__(
            **(values if sessions is None else {**_entries(sessions, values), **values})
        )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        steps = unpacked(self.track)
        if len(steps) != self.samples:
            raise ValueError(
                f"track holds {len(steps)} steps, got samples={self.samples}: build the task from "
                "sessions, drift.RecordedPath(sessions, samples=...)"
            )
        rooms = steps[:, COLUMNS.index("environment")]
        if len(self.low) != len(self.bins) or not np.array_equal(
            np.unique(rooms), np.arange(rooms.max() + 1)
        ):
            raise ValueError("low and bins must have one entry for each axis of the track")
        refuse_eye_above(self.arena, self.eye, self.foreseen)
        self._refuse_outside(steps)
        return self

    def _refuse_outside(self, steps: np.ndarray) -> None:
        for x, y in (steps[:, 0:2].T, steps[:, 3:5].T):
            outside = np.flatnonzero(~self.arena.is_free(x, y))
            if outside.size:
                where = f"({x[outside[0]]:g}, {y[outside[0]]:g})"
                raise ValueError(
                    f"the recorded path comes to {where}, outside of the arena or inside an "
                    "object: give another arena"
                )

    @property
    def environments(self) -> int:
        """Environments that the animal was in."""
        return int(unpacked(self.track)[:, COLUMNS.index("environment")].max()) + 1

    def extent(self) -> tuple[int, int, int]:
        """Return samples, inputs and outputs."""
        told = len(self.bins)
        return self.samples, self.eye.pixels + told, (self.foreseen or self.eye).pixels

    def draw(self, seed: int) -> xr.Dataset:
        """Return views and actions, the next views, and where the animal was; the seed paints the
        walls.

        Returns
        -------
        xarray.Dataset
            As ``ArenaTask.draw``.
        """
        visits = self.visits()
        eyes = (self.eye, self.foreseen or self.eye)
        scenes = [self.scene(seed, room) for room in range(len(visits))]
        drawn = drawn_experience(scenes, eyes, visits, self.data_range)
        x, y = (np.concatenate([getattr(steps, name) for steps in visits]) for name in "xy")
        if len(self.bins) == 2:
            return with_plane(
                drawn, x, y, self.bin_size, np.array(self.low), np.array(self.bins), self.units
            )
        return with_line(
            drawn,
            y,
            np.where(np.cos(drawn["heading"].values) > 0, 1, -1),
            units=self.units,
            low=self.low[0],
            high=self.low[0] + self.bin_size * self.bins[0],
            places=self.bins[0],
        )

    def visits(self) -> list[Steps]:
        """Return the steps in each environment."""
        steps = unpacked(self.track)
        rooms = steps[:, COLUMNS.index("environment")]
        return [self._steps(steps[rooms == room]) for room in np.unique(rooms)]

    def _steps(self, rows: np.ndarray) -> Steps:
        x, y, heading, next_x, next_y, next_heading = rows.T[:6]
        turns = np.angle(np.exp(1j * (next_heading - heading)))
        # rounding must not tell half a turn to the left from one to the right
        turns = np.where(turns <= 1e-3 - np.pi, turns + 2 * np.pi, turns)
        far = np.hypot(next_x - x, next_y - y)
        actions = [turns] if len(self.bins) == 1 else [turns, far]
        return Steps(x, y, heading, next_x, next_y, next_heading, actions)

    def scene(self, seed: int, environment: int = 0) -> Scene:
        """Return one painted environment of a subject.

        Parameters
        ----------
        seed : int
            Of the subject.
        environment : int
            Its number, in the order in which the animal came there.
        """
        eyes = [self.eye, *([] if self.foreseen is None else [self.foreseen])]
        rng = stream(seed, "world", environment)
        return scene_for(self.arena, eyes, rng)


def _entries(sessions: Iterable[xr.Dataset], values: dict[str, Any]) -> dict[str, Any]:
    """Entries of the recipe that sessions tell."""
    sessions = [sessions] if isinstance(sessions, xr.Dataset) else sessions
    if not isinstance(sessions, Iterable) or isinstance(sessions, str):
        raise RefusedInputError(
            f"RecordedPath needs session Datasets, got {type(sessions).__name__}: pass those of "
            "data_adapters.sessions."
        )
    samples, interval = values.get("samples", SAMPLES), values.get("interval", INTERVAL)
    if type(samples) is not int or samples < 2 or not 0 < float(interval) <= 3600:
        raise RefusedInputError(
            f"samples must be a whole number from 2 on and interval above 0 s, got {samples!r} and "
            f"{interval!r}."
        )
    path = walked(sessions, samples, float(interval))
    return {
        "track": packed(path.steps),
        "units": path.units,
        "bin_size": path.bin_size,
        "low": path.low.tolist(),
        "bins": path.bins.tolist(),
        **({} if "arena" in values else {"arena": _arena_around(path)}),
    }


def _arena_around(path: Walked) -> Arena:
    """A corridor along a track, or a box around a path in the plane."""
    points = np.concatenate([path.steps[:, 0:2], path.steps[:, 3:5]])
    low, high = points.min(0), points.max(0)
    if path.linear:
        low[1] = min(low[1], path.low[0])
        high[1] = max(high[1], path.low[0] + path.bin_size * path.bins[0])
        length = (high[1] - low[1]) / (1 - 2 * ENDS)
        beyond, width = ENDS * length, length / SLIMNESS
        low, high = np.array([-width / 2, low[1] - beyond]), np.array([width / 2, high[1] + beyond])
        height = width
    else:
        margin = MARGIN * float((high - low).max())
        low, high = low - margin, high + margin
        height = float((high - low).max()) / 3
    left, near, right, far = (float(value) for value in (*low, *high))
    corners = ((left, far), (right, far), (right, near), (left, near))
    return Arena(corners=corners, height=height, units=path.units)
