"""Rate maps of the same cells over days, in the order that they have on one of the days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.errors import RefusedInputError
from drift.metrics.places import require_track
from drift.metrics.stability.pairs import same_units
from drift.plots.labels import displayed, label_positions, several_environments
from drift.plots.sessions import side_by_side
from drift.schema.selection import position_of, session_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTHING = 1.0  # standard deviation of the display copy, bins


@opened
def cells_by_place(
    dataset: xr.Dataset,
    subject: int | str,
    sorted_by: int | str,
    smoothing: Smoothing | None = None,
    *,
    tracked: bool = True,
) -> np.ndarray:
    """Positions of the cells of one session in the order of the places, or stimuli, where they fire
    most.

    They are its place units; units with any activity where the session has no place unit, or none
    was looked for.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` on a track, or over stimuli.
    subject, sorted_by : int or str
        Positions along the dims subject and session, or labels as text.
    smoothing : float, optional
        Standard deviation of the copy that is sorted (bins); by default 1 for places, 0 for
        stimuli.
    tracked : bool
        Only units that were recorded in another session, too, where there are such units.

    Returns
    -------
    numpy.ndarray of int
        (unit)

    Raises
    ------
    RefusedInputError
        If there is no such subject or session, or places lie in a plane.
    """
    require_track(dataset, "a picture of sorted rate maps")
    who = position_of(dataset, "subject", subject)
    own = dataset.isel(subject=who)
    day = position_of(dataset, "session", sorted_by, who)
    units = _members(own.isel(session=day))
    again = units[_seen_again(own, day)[units]]
    units = again if tracked and again.size else units
    if units.size == 0:
        return units
    flat = side_by_side(displayed(own["rate"].isel(session=day, unit=units), smoothing, SMOOTHING))
    peaks = np.argmax(np.nan_to_num(flat, nan=-1.0), axis=1)
    return np.asarray(units[np.argsort(peaks, kind="stable")])


def _members(of_session: xr.Dataset) -> np.ndarray:
    """Positions of place units, or of active ones where there is no place unit."""
    if "place_unit" in of_session and bool((of_session["place_unit"] == 1).any()):
        return np.flatnonzero(of_session["place_unit"].values == 1)
    cells = [dim for dim in of_session["rate"].dims if dim != "unit"]
    return np.flatnonzero((of_session["rate"] > 0).any(cells).values)


def _seen_again(own: xr.Dataset, day: int) -> np.ndarray:
    """(unit) bool, those recorded in another session that knows the units of this one."""
    cells = [dim for dim in own["rate"].dims if dim not in ("session", "unit")]
    present = own["rate"].notnull().any(cells).transpose("session", "unit").values
    elsewhere = same_units(own, day)
    elsewhere[day] = False
    return np.asarray(present[elsewhere].any(axis=0))


@opened
def tracked_rate_maps(
    dataset: xr.Dataset,
    subject: int | str,
    sessions: Sequence[int | str],
    axes: Sequence[Any],
    sorted_by: int | str,
    smoothing: Smoothing | None = None,
) -> Any:
    """Draw the rate maps of the same cells in several sessions, one row a cell, all in the order of
    their places in one session.

    Each map is divided by its maximum in its session. A cell that was not recorded leaves its row
    white, as do places that were not visited and stimuli that were not shown; a silent cell is
    dark. A session that does not know these cells (another ``unit_identity``) shows its own ones,
    in their own order, and says so.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` on a track, or over stimuli.
    subject : int or str
        Position along the dim, or a label as text.
    sessions : sequence of int or str
        Positions along the dim, or labels as text.
    axes : sequence of matplotlib Axes
        One for each session.
    sorted_by : int or str
        The session whose place units are shown and sorted; see ``cells_by_place``.
    smoothing : float, optional
        Standard deviation of the display copy (bins); by default 1 for places, 0 for stimuli.

    Returns
    -------
    matplotlib image or None
        For a colour bar; None where no cell is drawn.

    Raises
    ------
    RefusedInputError
        If there is no such subject or session, axes are too few or too many, or places lie in a
        plane.
    """
    require_track(dataset, "a picture of sorted rate maps")
    who = position_of(dataset, "subject", subject)
    own = dataset.isel(subject=who)
    day = position_of(dataset, "session", sorted_by, who)
    places = [position_of(dataset, "session", session, who) for session in sessions]
    if len(axes) != len(places):
        raise RefusedInputError(
            f"axes must be one for each of the {len(places)} sessions, got {len(axes)}: draw "
            "one panel for each."
        )
    order, same = cells_by_place(dataset, who, day, smoothing), same_units(own, day)
    several, image = several_environments(own), None
    for ax, place in zip(axes, places, strict=True):
        units = order if same[place] else cells_by_place(dataset, who, place, smoothing)
        drawn = _draw(own["rate"].isel(session=place, unit=units), smoothing, ax)
        image = image or drawn
        told = "" if same[place] else "\n(other cells)"
        told = "\n(sorted)" if place == day and len(places) > 1 else told
        ax.set_title(f"{session_title(own.isel(session=place), several)}{told}")
    return image


def _draw(rate: xr.DataArray, smoothing: float | None, ax: Axes) -> Any:
    from matplotlib import colormaps

    label_positions(rate, ax)
    if rate.sizes["unit"] == 0:
        ax.set(yticks=[])
        return None
    flat = side_by_side(displayed(rate, smoothing, SMOOTHING))
    peak = np.max(np.nan_to_num(flat), axis=1, keepdims=True, initial=0.0)
    image = ax.imshow(
        flat / np.where(peak > 0, peak, 1.0),
        aspect="auto",
        cmap=colormaps["cividis"].with_extremes(bad="white"),
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    rows = rate.sizes["unit"]
    ax.set_yticks([0, rows - 1] if rows > 1 else [0], ["1", str(rows)] if rows > 1 else ["1"])
    return image
