"""What an agent that predicts its next view learns from: views now and next, actions, places."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.tasks.base import experience, symmetric_range, unit_range
from drift.tasks.worlds.arena import Arena
from drift.tasks.worlds.eyes import Eye
from drift.tasks.worlds.scenes import Scene

DataRange = Literal["unit", "symmetric"]


class Steps(NamedTuple):
    """Samples of a path in one environment: where the agent looks from now and next; all (sample,).

    ``actions`` are what it is told of the step, each (sample,).
    """

    x: np.ndarray
    y: np.ndarray
    heading: np.ndarray
    next_x: np.ndarray
    next_y: np.ndarray
    next_heading: np.ndarray
    actions: list[np.ndarray]


def scene_for(arena: Arena, eyes: list[Eye], rng: np.random.Generator) -> Scene:
    """Return an arena painted for these eyes: in colour, and with height, if any sees them."""
    channels = max(eye.shape[2] for eye in eyes)
    return Scene(arena, channels, any(eye.slopes() is not None for eye in eyes), rng)


def views(scene: Scene, eye: Eye, steps: Steps, following: Eye) -> tuple[np.ndarray, np.ndarray]:
    """Return views now through one eye, and next through another, each (sample, pixel)."""
    present = scene.view(eye, steps.x, steps.y, steps.heading)
    after = scene.view(following, steps.next_x, steps.next_y, steps.next_heading)
    return present.reshape(len(present), -1), after.reshape(len(after), -1)


def scaled(
    present: np.ndarray, following: np.ndarray, actions: np.ndarray, data_range: DataRange
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets.

    One scale for a view, whether it is seen now or next; each action gets the mean and the spread
    of the views.

    Parameters
    ----------
    present : array, shape (sample, pixel)
    following : array, shape (sample, pixel of the other eye)
    actions : array, shape (sample, action)
    data_range : {"unit", "symmetric"}
        [0, 1] or [-1, 1].
    """
    scale = unit_range if data_range == "unit" else symmetric_range
    both = scale(np.concatenate([present.ravel(), following.ravel()]))
    now, after = np.split(both, [present.size])
    now = now.reshape(present.shape)
    spread = np.array(actions.std(0))
    spread[spread == 0] = 1.0
    told = now.mean() + now.std() / spread * (actions - actions.mean(0))
    return np.column_stack([now, told]), after.reshape(following.shape)


def drawn_experience(
    scenes: list[Scene], eyes: tuple[Eye, Eye], visits: list[Steps], data_range: DataRange
) -> xr.Dataset:
    """Return the experience of visits to environments, one after the other, without places.

    Parameters
    ----------
    scenes : list of Scene
        One for each visit.
    eyes : (Eye, Eye)
        What it sees with, and what it foresees.
    visits : list of Steps
    data_range : {"unit", "symmetric"}

    Returns
    -------
    xarray.Dataset
        Inputs, targets, ``heading (sample)`` and ``environment (sample)``.
    """
    pairs = [
        views(scene, eyes[0], steps, eyes[1]) for scene, steps in zip(scenes, visits, strict=True)
    ]
    present, following = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    actions = np.concatenate([np.column_stack(steps.actions) for steps in visits])
    return experience(
        *scaled(present, following, actions, data_range),
        heading=np.concatenate([steps.heading for steps in visits]),
        environment=np.repeat(np.arange(len(visits)), [len(steps.x) for steps in visits]),
    )


def with_line(drawn: xr.Dataset, position: np.ndarray, direction: np.ndarray, **grid) -> xr.Dataset:
    """Add positions along a line and directions; ``grid`` says units, low, high and places."""
    drawn = drawn.assign(position=("sample", position), direction=("sample", direction))
    drawn["position"].attrs.update(grid)
    return drawn


def with_plane(
    drawn: xr.Dataset,
    x: np.ndarray,
    y: np.ndarray,
    bin_size: float,
    low: np.ndarray,
    bins: np.ndarray,
    units: str,
) -> xr.Dataset:
    """Add positions in a plane of bins, numbered along x first, then along y."""
    drawn = drawn.assign(position=(("sample", "axis"), np.column_stack([x, y])))
    drawn["position"].attrs.update(
        units=units, bin_size=bin_size, low_x=low[0], low_y=low[1],
        columns=int(bins[0]), rows=int(bins[1]),
    )  # fmt: skip
    return drawn
