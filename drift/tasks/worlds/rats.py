"""The motion of RatInABox, driven by a stream of ours: it draws from numpy's global generator,
which is lent to it and given back as it was."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from drift.errors import RefusedInputError
from drift.tasks.worlds.arena import Arena, Disc

if TYPE_CHECKING:
    from drift.tasks.worlds.motion import RatMotion

DISC_SIDES = 24  # of the polygon that stands for a round object


@contextmanager
def lent_generator(rng: np.random.Generator) -> Iterator[None]:
    """Seed numpy's global generator from a stream while this lasts, and leave it as it was."""
    before = np.random.get_state()  # noqa: NPY002 - RatInABox knows no other source of chance
    np.random.seed(rng.integers(2**32))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def way_of_rat(
    arena: Arena, motion: RatMotion, samples: int, unit: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, y and heading of ``samples`` + 1 samples.

    Parameters
    ----------
    arena : Arena
    motion : RatMotion
    samples : int
    unit : float
        Length units of the arena in a metre.
    rng : numpy.random.Generator
    """
    agent_class, environment_class = _ratinabox()
    stride = round(motion.interval / motion.time_step)
    parameters = {
        "dt": motion.time_step,
        "speed_mean": motion.speed,
        "rotational_velocity_std": motion.turning,
        "thigmotaxis": motion.thigmotaxis,
    }
    room = {
        "boundary": (np.array(arena.corners) / unit).tolist(),
        "walls": [(wall / unit).tolist() for wall in _walls(arena)],
    }
    start = _start(arena, rng) / unit
    with lent_generator(rng), contextlib.redirect_stdout(io.StringIO()):
        agent = agent_class(environment_class(params=room), params=parameters)
        agent.pos = start
        for _step in range(samples * stride + 1):
            agent.update()
        x, y = (np.array(agent.history["pos"])[::stride] * unit).T
        ahead = np.array(agent.history["head_direction"])[::stride]
    return x, y, np.arctan2(ahead[:, 0], ahead[:, 1])


def _ratinabox() -> tuple[Any, Any]:
    try:
        from ratinabox.Agent import Agent
        from ratinabox.Environment import Environment
    except ImportError:
        raise RefusedInputError(
            "motion of kind 'ratinabox' needs the package ratinabox, which is not installed: "
            "pip install 'repdrift[motion]', or take RandomWalk."
        ) from None
    return Agent, Environment


def _walls(arena: Arena) -> list[np.ndarray]:
    """Walls, and the sides of objects, each (end, axis)."""
    count = len(arena.corners)
    inner = [
        np.array(ends)
        for ends in zip(arena.straight.first[count:], arena.straight.last[count:], strict=True)
    ]
    for item in arena.objects:
        if isinstance(item, Disc):
            turns = 2 * np.pi * np.arange(DISC_SIDES + 1) / DISC_SIDES
            rim = item.centre + item.radius * np.column_stack([np.sin(turns), np.cos(turns)])
            inner += list(np.stack([rim[:-1], rim[1:]], axis=1))
    return inner


def _start(arena: Arena, rng: np.random.Generator) -> np.ndarray:
    """A free point: that of 1,000 random ones which is free with the widest margin."""
    points = rng.uniform(arena.low, arena.high, size=(1000, 2))
    width = min(np.subtract(arena.high, arena.low))
    for margin in width * np.array([0.1, 0.03, 0.01, 0.0]):
        free = np.flatnonzero(arena.is_free(points[:, 0], points[:, 1], margin))
        if free.size:
            return points[free[0]]
    raise RefusedInputError(
        "none of 1000 random points of the arena is free: leave more room between objects."
    )
