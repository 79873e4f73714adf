"""Pictures of rate maps over sessions: the same units again and again, on a track and in a
plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.errors import RefusedInputError
from drift.metrics.maps import smoothed
from drift.metrics.places import grid_index, require_track
from drift.plots.labels import displayed, label_places, rate_label, several_environments
from drift.plots.sessions import side_by_side
from drift.schema.labelled_form import check
from drift.schema.map_dims import PLACE, map_dim
from drift.schema.selection import position_of, session_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTHING = 2.0  # standard deviation of the display copy, bins


@opened
def rate_maps_over_sessions(
    dataset: xr.Dataset,
    subject: int | str,
    sessions: Sequence[int | str],
    axes: Sequence[Axes],
    smoothing: Smoothing | None = None,
) -> None:
    """Draw the rate maps of the same units in several sessions, in the order of their place of most
    activity in the first of them.

    Shown are the place units of the first session; each map is divided by its maximum. A unit that
    was not observed leaves a row without a map. Sessions that do not share units with the first
    (another ``unit_identity``) are drawn by themselves, in their own order. Where there are several
    environments the title names that of the session.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and ``place_unit`` on a track, or over stimuli.
    subject : int or str
        Position along the dim, or a label as text.
    sessions : sequence of int or str
        Positions along the dim, or labels as text.
    axes : sequence of matplotlib Axes
        One for each session.
    smoothing : float, optional
        Standard deviation of the display copy (bins); by default 2 for places, 0 for stimuli.
    """
    require_track(dataset, "a picture of sorted rate maps")
    who = position_of(dataset, "subject", subject)
    of_subject, shown = (
        dataset.isel(subject=who),
        [position_of(dataset, "session", session, who) for session in sessions],
    )
    identity = (
        of_subject["unit_identity"].values
        if "unit_identity" in of_subject.coords
        else np.full(of_subject.sizes["session"], "")
    )
    if not shown:
        raise RefusedInputError(
            "sessions must name at least one session, got none: say which to draw, such as [0, 1]."
        )
    order, several = (
        _by_place(of_subject.isel(session=shown[0]), smoothing),
        several_environments(of_subject),
    )
    if len(axes) != len(shown):
        raise RefusedInputError(
            f"axes must be one for each of the {len(shown)} sessions, got {len(axes)}: draw "
            "one panel for each."
        )
    for ax, session in zip(axes, shown, strict=True):
        of_session, tracked = (
            of_subject.isel(session=session),
            identity[session] == identity[shown[0]],
        )
        _draw_maps(
            of_session, order if tracked else _by_place(of_session, smoothing), smoothing, ax
        )
        ax.set_title(session_title(of_session, several) + ("" if tracked else "\n(other units)"))
    kind = "place" if map_dim(of_subject["rate"]) == PLACE else "informative"
    axes[0].set_ylabel(f"{len(order)} {kind} units of the first session shown")


def _by_place(of_session: xr.Dataset, smoothing: float | None) -> np.ndarray:
    """Place units of a session, by the place of most activity."""
    units = np.flatnonzero(of_session["place_unit"].values == 1)
    if units.size == 0:
        return units
    flat = side_by_side(displayed(of_session["rate"].isel(unit=units), smoothing, SMOOTHING))
    return np.asarray(
        units[np.argsort(np.argmax(np.nan_to_num(flat, nan=-1.0), axis=1), kind="stable")]
    )


def _draw_maps(
    of_session: xr.Dataset, units: np.ndarray, smoothing: float | None, ax: Axes
) -> None:
    ax.set_facecolor("#cccccc")  # places that were not visited
    if units.size:
        flat = side_by_side(displayed(of_session["rate"].isel(unit=units), smoothing, SMOOTHING))
        peak = np.max(np.nan_to_num(flat), axis=1, keepdims=True, initial=0.0)
        ax.imshow(
            flat / np.where(peak > 0, peak, 1.0),
            aspect="auto",
            cmap="cividis",
            vmin=0,
            vmax=1,
            interpolation="nearest",
        )
    label_places(of_session["rate"], ax, "white")
    ax.set_yticks([])


@opened
def arena_maps(
    one: xr.Dataset, sessions: Sequence[int], axes: Any, smoothing: Smoothing = 1.0
) -> None:
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

    Raises
    ------
    RefusedInputError
        If there are several subjects, or places lie on a track.
    """
    if "subject" in one.dims:
        raise RefusedInputError(
            f"maps of one subject are drawn, got {one.sizes['subject']}: pass "
            "dataset.isel(subject=0)."
        )
    check(one.expand_dims("subject"), "rate", "place_unit")
    missing = [name for name in ("place_x", "place_y") if name not in one.coords]
    if missing:
        raise RefusedInputError(
            f"maps in a plane need the coordinate {missing[0]}, got a track: use "
            "rate_maps_over_sessions."
        )
    first = one.isel(session=sessions[0])
    activity = (
        first["rate"]
        .mean([dim for dim in first["rate"].dims if dim != "unit"])
        .where(first["place_unit"] == 1)
    )
    ranked = np.argsort(-np.nan_to_num(activity.values, nan=-1.0), kind="stable")
    units = ranked[: min(len(axes), int((first["place_unit"] == 1).sum()))]
    column, upward = (grid_index(one[name]) for name in ("place_x", "place_y"))
    for row, line in enumerate(axes):
        for ax, session in zip(line, sessions, strict=True):
            ax.set(xticks=[], yticks=[], frame_on=False)
            if row == 0:
                ax.set_title(session_title(one.isel(session=session), several_environments(one)))
            if row >= len(units):
                continue
            rate = smoothed(one["rate"].isel(session=session, unit=[units[row]]), smoothing)
            rate = rate.mean("direction") if "direction" in rate.dims else rate
            arena = np.full((upward.max() + 1, column.max() + 1), np.nan)
            arena[upward, column] = rate.isel(unit=0).values
            peak = np.nanmax(arena) if np.isfinite(arena).any() else 0.0
            ax.imshow(
                arena,
                origin="lower",
                cmap="cividis",
                vmin=0,
                vmax=peak or 1.0,
                interpolation="nearest",
            )
            box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.8}
            words = f"{rate_label(peak)}/s"  # readable on dark and on unvisited places
            style: dict[str, Any] = {"va": "top", "fontsize": 7.5, "bbox": box}
            ax.text(0.02, 0.98, words, transform=ax.transAxes, **style)
