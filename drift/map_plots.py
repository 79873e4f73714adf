"""Pictures of rate maps over sessions: the same units again and again, on a track and in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.metrics import smoothed
from drift.metrics.places import grid_index, of_ring, require_track
from drift.plots import side_by_side

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@opened
def rate_maps_over_sessions(
    dataset: xr.Dataset, subject: int, sessions: Sequence[int], axes: Sequence[Axes], smoothing: Smoothing = 2.0
) -> None:
    """Draw the rate maps of the same units in several sessions, in the order of their place of most activity in the first of them.

    Shown are the place units of the first session; each map is divided by its maximum. A unit that was not observed leaves a row without
    a map. Sessions that do not share units with the first (another ``unit_identity``) are drawn by themselves, in their own order.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and ``place_unit`` on a track.
    subject : int
        Position along the dim.
    sessions : sequence of int
        Positions along the dim.
    axes : sequence of matplotlib Axes
        One for each session.
    smoothing : float
        Standard deviation of the display copy (bins).
    """
    require_track(dataset, "a picture of sorted rate maps")
    one = dataset.isel(subject=subject)
    known = one["unit_identity"].values if "unit_identity" in one.coords else np.full(one.sizes["session"], "")
    order = _by_place(one.isel(session=sessions[0]), smoothing)
    for ax, session in zip(axes, sessions, strict=True):
        seen, tracked = one.isel(session=session), known[session] == known[sessions[0]]
        _draw_maps(seen, order if tracked else _by_place(seen, smoothing), smoothing, ax)
        ax.set_title(_session_title(seen, tracked))
    axes[0].set_ylabel(f"{len(order)} place units of the first session shown")


def _by_place(seen: xr.Dataset, smoothing: float) -> np.ndarray:
    """Place units of a session, by the place of most activity."""
    units = np.flatnonzero(seen["place_unit"].values == 1)
    flat = side_by_side(smoothed(seen["rate"].isel(unit=units), smoothing))
    return units[np.argsort(np.argmax(np.nan_to_num(flat, nan=-1.0), axis=1), kind="stable")] if units.size else units


def _draw_maps(seen: xr.Dataset, units: np.ndarray, smoothing: float, ax: Axes) -> None:
    maps = smoothed(seen["rate"].isel(unit=units), smoothing)
    flat = side_by_side(maps)
    peak = np.max(np.nan_to_num(flat), axis=1, keepdims=True, initial=0.0)
    ax.set_facecolor("#cccccc")  # places that were not visited
    ax.imshow(flat / np.where(peak > 0, peak, 1.0), aspect="auto", cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    if "direction" in maps.dims:
        middle = maps.sizes["place"]
        ax.axvline(middle - 0.5, color="white", linewidth=1.0)
        ax.set_xticks([middle / 2, 1.5 * middle], ["out", "back"])
    else:
        ax.set_xticks([])
        ax.set_xlabel("place" if of_ring(maps) is None else "place around the ring")
    ax.set_yticks([])


def _session_title(seen: xr.Dataset, tracked: bool) -> str:
    value, units = seen["elapsed"].item(), str(seen["elapsed"].attrs.get("units", ""))
    elapsed = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    when = f"{elapsed} min" if units == "min" else f"{units} {elapsed}".strip()
    return when if tracked else f"{when}\n(other units)"


@opened
def arena_maps(one: xr.Dataset, sessions: Sequence[int], axes: np.ndarray, smoothing: Smoothing = 1.0) -> None:
    """Draw maps in a plane, true to scale: one row a place unit, one column a session.

    Shown are the units with the highest mean rate in the first session shown.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of a longitudinal Dataset with the coordinates ``place_x`` and ``place_y``.
    sessions : sequence of int
        Positions along the dim.
    axes : numpy.ndarray of matplotlib Axes
        (row, session).
    smoothing : float
        Standard deviation of the display copy (bins).
    """
    first = one.isel(session=sessions[0])
    activity = first["rate"].mean([dim for dim in first["rate"].dims if dim != "unit"]).where(first["place_unit"] == 1)
    ranked = np.argsort(-np.nan_to_num(activity.values, nan=-1.0), kind="stable")
    units = ranked[: min(len(axes), int((first["place_unit"] == 1).sum()))]
    column, upward = (grid_index(one[name]) for name in ("place_x", "place_y"))
    for row, line in enumerate(axes):
        for ax, session in zip(line, sessions, strict=True):
            ax.set(xticks=[], yticks=[], frame_on=False)
            if row == 0:
                ax.set_title(_session_title(one.isel(session=session), True))
            if row >= len(units):
                continue
            rate = smoothed(one["rate"].isel(session=session, unit=[units[row]]), smoothing)
            rate = rate.mean("direction") if "direction" in rate.dims else rate
            arena = np.full((upward.max() + 1, column.max() + 1), np.nan)
            arena[upward, column] = rate.isel(unit=0).values
            peak = np.nanmax(arena) if np.isfinite(arena).any() else 0.0
            ax.imshow(arena, origin="lower", cmap="cividis", vmin=0, vmax=peak or 1.0, interpolation="nearest")
            ax.text(0.02, 0.98, f"{peak:.2g}/s", transform=ax.transAxes, va="top", fontsize=7.5)
