"""The correlation between every two sessions of one subject, over the days on which they were, and
over the rooms in which they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.plots.drawn import refuse_other_array
from drift.plots.labels import time_axis, time_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TICKS = 8


@opened
def correlation_over_elapsed(
    correlation: xr.DataArray, elapsed: xr.DataArray, ax: Axes, name: str = "rate-map correlation"
) -> Axes:
    """Draw the correlation between every two sessions of a subject, with elapsed time on both axes.

    Sessions have equal width, whatever lies between them; the labels say when they were. The
    diagonal, 1 by definition, is left white; hatched are sessions that are not compared (other
    rooms, other units, no unit left).

    Parameters
    ----------
    correlation : xarray.DataArray
        (session, session_other)
    elapsed : xarray.DataArray
        (session) with the attribute ``units``; its coordinate ``environment`` (session) labels
        sessions where there are several.
    ax : matplotlib Axes
    name : str
        Of the colour bar.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If dims are missing, or no two different sessions are compared.
    """
    _refuse_others(correlation, elapsed)
    values = correlation.transpose("session", "session_other").values.astype(float)
    between = np.where(np.eye(len(values), dtype=bool), np.nan, values)
    if not np.isfinite(between).any():
        raise RefusedInputError(
            "a matrix of sessions needs two that are compared, got none with units in common: "
            "register the units, or record a room twice."
        )
    _draw(between, ax, name)
    _label(elapsed, ax)
    return ax


@opened
def correlation_by_environment(
    correlation: xr.DataArray, elapsed: xr.DataArray, ax: Axes, name: str = "rate-map correlation"
) -> Axes:
    """Draw the correlation between every two sessions of a subject, sorted by environment and then
    by time, with lines between environments.

    Blocks on the diagonal say what time changes, drift; the others what another room does,
    remapping.

    Parameters
    ----------
    correlation : xarray.DataArray
        (session, session_other), between environments, too (``across_environments=True``).
    elapsed : xarray.DataArray
        (session) with the attribute ``units`` and the coordinate ``environment`` (session).
    ax : matplotlib Axes
    name : str
        Of the colour bar.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If dims are missing, sessions lie in one environment, or none are compared.
    """
    _refuse_others(correlation, elapsed)
    if not _several(elapsed):
        raise RefusedInputError(
            "a matrix by environment needs sessions in several, labelled by the coordinate "
            "environment of elapsed, got one: draw plots.correlation_over_elapsed."
        )
    labels = elapsed["environment"].values.astype(str)
    rooms = [room for room in dict.fromkeys(labels.tolist()) if room]
    order = np.array([at for room in rooms for at in np.flatnonzero(labels == room)])
    values = correlation.transpose("session", "session_other").values.astype(float)
    sorted_values = values[np.ix_(order, order)]
    between = np.where(np.eye(order.size, dtype=bool), np.nan, sorted_values)
    if not np.isfinite(between).any():
        raise RefusedInputError(
            "a matrix of sessions needs two that are compared, got none with units in common: "
            "register the units over environments."
        )
    _draw(between, ax, name)
    _label(elapsed.isel(session=order), ax)
    for edge in np.flatnonzero(np.diff([rooms.index(labels[at]) for at in order])) + 0.5:
        for line in (ax.axhline, ax.axvline):
            line(edge, color="#000000", linewidth=1.2)
    return ax


def _refuse_others(correlation: xr.DataArray, elapsed: xr.DataArray) -> None:
    maker, pairs = "metrics.population_vector_correlation", ("session", "session_other")
    refuse_other_array(correlation, "correlation", f"{maker} of one subject", pairs)
    refuse_other_array(elapsed, "elapsed", "drift.measure of one subject", ("session",))


def _draw(between: np.ndarray, ax: Axes, name: str) -> None:
    from matplotlib.patches import Rectangle

    low, high = _limits(between)
    ax.patch.set(facecolor="#ffffff", edgecolor="#999999", hatch="////////", linewidth=0)
    image = ax.imshow(between, cmap="cividis", vmin=low, vmax=high, origin="lower")
    for session in range(len(between)):
        ax.add_patch(
            Rectangle((session - 0.5, session - 0.5), 1, 1, facecolor="#ffffff", linewidth=0)
        )
    for side in ("top", "right"):
        ax.spines[side].set_visible(True)
    bar = ax.inset_axes((1.04, 0, 0.05, 1))
    ax.figure.colorbar(image, cax=bar, label=name)


def _limits(between: np.ndarray) -> tuple[float, float]:
    """From 0, or below the least value, to above the largest, in tenths."""
    low = min(0.0, float(np.floor(10 * np.nanmin(between)) / 10))
    return low, max(low + 0.1, float(np.ceil(10 * np.nanmax(between)) / 10))


def _label(elapsed: xr.DataArray, ax: Axes) -> None:
    times, count = elapsed.values.astype(float), elapsed.sizes["session"]
    shown = np.unique(np.linspace(0, count - 1, min(count, MOST_TICKS)).round().astype(int))
    rooms = elapsed["environment"].values.astype(str) if _several(elapsed) else None
    labels = [time_label(times[place]) for place in shown]
    below = [
        label if rooms is None else f"{label}\n{rooms[at]}" for at, label in zip(shown, labels)
    ]
    beside = [
        label if rooms is None else f"{rooms[at]} {label}" for at, label in zip(shown, labels)
    ]
    ax.set_xticks(shown, below)
    ax.set_yticks(shown, beside)
    told = f"time ({time_axis(str(elapsed.attrs.get('units', '')))})"
    told = told if rooms is None else f"{told} and room"
    ax.set(xlabel=told, ylabel=told)


def _several(elapsed: xr.DataArray) -> bool:
    """Whether sessions lie in several rooms."""
    if "environment" not in elapsed.coords or elapsed["environment"].dims != ("session",):
        return False
    return len({str(room) for room in elapsed["environment"].values} - {""}) > 1
