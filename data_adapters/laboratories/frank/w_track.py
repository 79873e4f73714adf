"""Position along a W-shaped track: the centre arm, then bar and arm to the left, then bar and arm
to the right.

Needs the package track-linearization (Denovellis, github LorenFrankLab/track_linearization).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.files import matlab
from data_adapters.session import numbers
from drift.schema.labelled_form import RefusedInputError

# Nodes: centre well, centre junction, left junction, left well, right junction, right well.
EDGES = [(0, 1), (1, 2), (2, 3), (1, 4), (4, 5)]
UPRIGHT = np.array([[0.5, 1.0], [0.5, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
SAMPLED = 10  # every tenth frame suffices to tell which way the arms point


def package() -> Any:
    """The package track-linearization.

    Raises
    ------
    RefusedInputError
        If it is not installed.
    """
    try:
        import track_linearization
    except ImportError as error:
        remedy = "install it with pip install track-linearization"
        raise RefusedInputError(
            "geometry='W' was expected to find the package track-linearization, got none: "
            f"{remedy}."
        ) from error
    return track_linearization


def linearised(
    xy: NDArray[np.float64], nodes: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Distance along the W of each position, through the nearest segment.

    Parameters
    ----------
    xy : numpy.ndarray
        (frame, 2), NaN where tracking was lost.
    nodes : numpy.ndarray, optional
        (6, 2) centre well, centre junction, left junction and well, right junction and well, in
        units of ``xy``. Without them the track is taken to fill the extent of ``xy``, its arms
        pointing the way that lies closest to the positions.

    Returns
    -------
    numpy.ndarray
        (frame,) from 0 at the centre well, without gaps between the segments; NaN where tracking
        was lost.

    Raises
    ------
    RefusedInputError
        If track-linearization is not installed, or nothing was tracked.
    """
    tracked = np.isfinite(xy).all(axis=1)
    if not tracked.any():
        raise RefusedInputError(
            "positions on the W track were expected, got NaN in every frame: leave the epoch out."
        )
    nodes = _fitted(xy[tracked]) if nodes is None else nodes
    along = np.full(len(xy), np.nan)
    along[tracked] = _projected(xy[tracked], nodes)["linear_position"].to_numpy()
    return along


def along(
    xy: NDArray[np.float64], factor: float, task: dict[str, Any], where: str
) -> NDArray[np.float64]:
    """Distance along the W of the positions of an epoch, with the wells and junctions of its task
    where it has them.

    Parameters
    ----------
    xy : numpy.ndarray
        (frame, 2), already multiplied by ``factor``.
    factor : float
        From units of the file to units of ``xy``.
    task : dict
        Task of the epoch.
    where : str
        For messages.

    Returns
    -------
    numpy.ndarray
        (frame,) as ``linearised`` gives it.
    """
    nodes = published_nodes(task, where)
    return linearised(xy, None if nodes is None else nodes * factor)


def _projected(xy: NDArray[np.float64], nodes: NDArray[np.float64]) -> Any:
    library = package()
    return library.get_linearized_position(
        xy, library.make_track_graph(nodes, EDGES), edge_order=EDGES, edge_spacing=0.0
    )


def _fitted(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = xy.min(axis=0), xy.max(axis=0)
    if not (high > low).all():
        raise RefusedInputError(
            f"positions on the W track were expected to extend in x and y, got {low} to "
            f"{high}: leave the epoch out."
        )
    turned = [UPRIGHT, UPRIGHT[:, ::-1], 1 - UPRIGHT, 1 - UPRIGHT[:, ::-1]]
    ways = [low + way * (high - low) for way in turned]
    return min(ways, key=lambda nodes: _distance(xy[::SAMPLED], nodes))


def _distance(xy: NDArray[np.float64], nodes: NDArray[np.float64]) -> float:
    projection = _projected(xy, nodes)
    return float(
        np.hypot(
            xy[:, 0] - projection["projected_x_position"],
            xy[:, 1] - projection["projected_y_position"],
        ).mean()
    )


def published_nodes(task: dict[str, Any], where: str) -> NDArray[np.float64] | None:
    """Wells and junctions of ``linearcoord``: two paths from the centre well (4 points each), the
    first slice of time.

    Parameters
    ----------
    task : dict
        Task of the epoch.
    where : str
        For the message.

    Returns
    -------
    numpy.ndarray or None
        (6, 2) nodes as ``linearised`` takes them; None where the file has none.

    Raises
    ------
    RefusedInputError
        If the paths do not have four points each, or begin differently.
    """
    paths = [
        numbers(path, f"linearcoord of {where}") for path in matlab.cells(task.get("linearcoord"))
    ]
    if not paths:
        return None
    if len(paths) != 2 or any(
        path.ndim < 2 or path.shape[:2] != (4, 2) or path.size == 0 for path in paths
    ):
        got = ", ".join(str(path.shape) for path in paths)
        raise RefusedInputError(
            f"linearcoord of {where} was expected as two paths of 4 points, got {got}: leave "
            "geometry out."
        )
    left, right = (path.reshape(4, 2, -1)[:, :, 0] for path in paths)
    if not np.allclose(left[:2], right[:2]) or not np.isfinite([left, right]).all():
        raise RefusedInputError(
            f"paths of linearcoord of {where} were expected to share the centre arm, got "
            "others: leave geometry out."
        )
    return np.concatenate([left, right[2:]])
