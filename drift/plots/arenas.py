"""Pictures of worlds: an arena from above, and what an eye sees in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drift.door import opened
from drift.errors import RefusedInputError
from drift.tasks.worlds.arena import Arena, Disc
from drift.tasks.worlds.eyes import Eye
from drift.tasks.worlds.motion import Track
from drift.tasks.worlds.scenes import Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARROWS = 25  # of a path, at most


@opened
def arena_plan(arena: Arena, ax: Axes, track: Track | None = None) -> Axes:
    """Draw an arena from above: its outline, walls and objects and, if given, a path.

    Parameters
    ----------
    arena : Arena
    ax : matplotlib Axes
    track : Track, optional
        Such as ``ArenaTask.scene`` gives; arrows show where the agent looks.

    Returns
    -------
    matplotlib Axes
    """
    if not isinstance(arena, Arena):
        raise RefusedInputError(
            f"a plan is drawn of an Arena, got {type(arena).__name__}: pass task.arena."
        )
    ax.fill(*np.array(arena.corners).T, facecolor="white", edgecolor="black", linewidth=2)
    for wall in arena.walls:
        ax.plot(*np.array([wall.first, wall.last]).T, color="black", linewidth=2)
    for item in arena.objects:
        outline = _rim(item) if isinstance(item, Disc) else np.array(item.corners)
        ax.fill(*outline.T, facecolor="0.75", edgecolor="black", hatch="//")
    if track is not None:
        _draw_track(track, ax)
    ax.set(aspect="equal", xlabel=f"x ({arena.units})", ylabel=f"y ({arena.units})")
    return ax


def _rim(disc: Disc) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 100)
    return disc.centre + disc.radius * np.column_stack([np.sin(turn), np.cos(turn)])


def _draw_track(track: Track, ax: Axes) -> None:
    ax.plot(track.x, track.y, color="0.5", linewidth=0.8)
    rows = np.unique(np.linspace(0, len(track.x) - 1, ARROWS).astype(int))
    ahead = np.sin(track.heading[rows]), np.cos(track.heading[rows])
    ax.quiver(track.x[rows], track.y[rows], *ahead, color="#0072B2", scale=30, width=0.006)


@opened
def eye_view(
    scene: Scene, eye: Eye, ax: Axes, x: float = 0.0, y: float = 0.0, heading: float = 0.0
) -> Axes:
    """Draw what an eye sees from a point.

    Parameters
    ----------
    scene : Scene
        A painted arena, such as ``ArenaTask.scene`` gives.
    eye : Rays or Camera
        A row of rays is drawn as a band.
    ax : matplotlib Axes
    x, y : float
        The point, in length units of the arena.
    heading : float
        Direction of the middle of the picture (rad), 0 along +y.

    Returns
    -------
    matplotlib Axes
    """
    if not isinstance(scene, Scene) or not isinstance(eye, Eye):
        raise RefusedInputError(
            f"a view needs a painted Scene and an eye, got {type(scene).__name__} and "
            f"{type(eye).__name__}: take scene, track = task.scene(seed), and task.eye."
        )
    if not scene.arena.is_free(np.array(x), np.array(y)):
        raise RefusedInputError(
            f"({x:g}, {y:g}) lies outside of the arena or in an object: look from a free point."
        )
    picture = np.clip(scene.view(eye, np.array([x]), np.array([y]), np.array([heading]))[0], 0, 1)
    ax.imshow(
        picture if picture.shape[2] == 3 else picture[..., 0],
        cmap="gray",
        vmin=0,
        vmax=1,
        aspect="auto" if len(picture) == 1 else "equal",
        interpolation="nearest",
    )
    ax.set(xlabel="column (pixel)", ylabel="row (pixel)")
    if len(picture) == 1:
        ax.set(xlabel="ray", yticks=[], ylabel="")
    return ax
