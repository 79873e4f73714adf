"""A few cells over days, one column a cell, one row a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Count, Smoothing
from drift.errors import RefusedInputError
from drift.metrics.places import grid_index
from drift.metrics.stability.correlations import rate_map_correlation
from drift.metrics.stability.pairs import same_units
from drift.plots.labels import (
    displayed,
    position_axis,
    rate_axis,
    rate_label,
    several_environments,
)
from drift.plots.sessions import COLOURS
from drift.plots.stimulus_axis import (
    are_ordered,
    name_stimuli,
    stimulus_axis,
    stimulus_ends,
    stimulus_positions,
)
from drift.schema.map_dims import STIMULUS, map_dim
from drift.schema.selection import position_of, session_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTHING = 1.0  # standard deviation of the display copy, bins
WAYS = {1: {"color": COLOURS[0], "linestyle": "-"}, -1: {"color": COLOURS[1], "linestyle": "--"}}


@opened
def example_units(
    dataset: xr.Dataset, subject: int | str, sorted_by: int | str, count: Count = 4
) -> np.ndarray:
    """Choose cells that stand for all: at equal ranks from the most to the least stable.

    They are place units of one session (active units where it has none), of these the ones that
    were recorded in most sessions, ranked by the mean correlation of their rate map in this session
    with those in the others; by their mean rate where no two sessions can be compared.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``.
    subject, sorted_by : int or str
        Positions along the dims subject and session, or labels as text.
    count : int
        Cells to choose; fewer where there are not so many.

    Returns
    -------
    numpy.ndarray of int
        Positions along the dim unit, the most stable first.
    """
    who = position_of(dataset, "subject", subject)
    day = position_of(dataset, "session", sorted_by, who)
    own = dataset.isel(subject=who)
    cells = [dim for dim in own["rate"].dims if dim not in ("session", "unit")]
    rate = own["rate"].transpose("session", "unit", *cells)
    active = (rate.isel(session=day) > 0).any(cells).values
    place = own["place_unit"].isel(session=day).values == 1 if "place_unit" in own else active
    units = np.flatnonzero(place if place.any() else active)
    sessions_of = rate.notnull().any(cells).values[same_units(own, day)].sum(axis=0)
    units = units[sessions_of[units] == sessions_of[units].max()] if units.size else units
    ranked = units[np.argsort(-_stability(dataset, who, day, rate, units), kind="stable")]
    ranks = np.linspace(0, max(ranked.size - 1, 0), min(count, ranked.size)).round().astype(int)
    return np.asarray(ranked[ranks])


def _stability(
    dataset: xr.Dataset, who: int, day: int, rate: xr.DataArray, units: np.ndarray
) -> np.ndarray:
    """Mean correlation of each unit with its other sessions, 0 where it is not known; its mean rate
    where none is."""
    try:
        selection = dataset.isel(subject=[who], unit=units)
        smoothing = 0.0 if map_dim(rate) == STIMULUS else SMOOTHING
        correlation = rate_map_correlation(selection, smoothing).isel(subject=0, session=day)
    except RefusedInputError:
        cells = [dim for dim in rate.dims if dim not in ("session", "unit")]
        return rate.isel(session=day, unit=units).mean(cells).values
    elsewhere = correlation.isel(session_other=np.arange(correlation.sizes["session_other"]) != day)
    return elsewhere.mean("session_other").fillna(0.0).values


@opened
def example_cells(
    dataset: xr.Dataset,
    subject: int | str,
    sessions: Sequence[int | str],
    units: Sequence[int],
    axes: Any,
    smoothing: Smoothing | None = None,
) -> None:
    """Draw the rate maps of a few cells over sessions, one row a session, one column a cell.

    On a track maps are lines, out (solid) and back (broken), on one scale for each cell; in a plane
    they are images, each over its maximum, which stands above it. Over stimuli they are lines with
    a point a stimulus, on one scale, and bars where stimuli have no metric. "absent": not recorded.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``.
    subject : int or str
        Position along the dim, or a label as text.
    sessions : sequence of int or str
        Positions along the dim, or labels as text.
    units : sequence of int
        Positions along the dim, of the same cells in all sessions; see ``example_units``.
    axes : numpy.ndarray of matplotlib Axes
        (session, unit)
    smoothing : float, optional
        Standard deviation of the display copy (bins); by default 1 for places, 0 for stimuli.

    Raises
    ------
    RefusedInputError
        If there is no such subject or session, or axes are not (session, unit).
    """
    who = position_of(dataset, "subject", subject)
    own = dataset.isel(subject=who)
    places = [position_of(dataset, "session", session, who) for session in sessions]
    if np.shape(axes) != (len(places), len(units)):
        raise RefusedInputError(
            f"axes must be {len(places)} by {len(units)}, sessions by units, got "
            f"{np.shape(axes)}: draw one panel for each."
        )
    several, plane = several_environments(own), "place_x" in own.coords
    for column, unit in enumerate(units):
        maps = displayed(own["rate"].isel(session=places, unit=[unit]), smoothing, SMOOTHING)
        maps = maps.isel(unit=0)
        (_draw_arenas if plane else _draw_lines)(maps, axes[:, column])
        head, below = _cell_name(own, unit), axes[0, column].get_title()
        axes[0, column].set_title(f"{head}\n{below}" if below else head)
    for line, place in zip(axes, places, strict=True):
        told, style = session_title(own.isel(session=place), several), {"ha": "right"}
        line[0].annotate(
            told, (0, 0.5), (-5, 0), "axes fraction", "offset points", va="center", **style
        )
    (_label_plane if plane else _label_track)(own, axes)


def _cell_name(own: xr.Dataset, unit: int) -> str:
    return f"cell {own['unit'].values[unit] if 'unit' in own.coords else unit}"


def _draw_lines(maps: xr.DataArray, axes: Any) -> None:
    low, high, at = _along(maps)
    top = float(maps.max()) if bool(maps.notnull().any()) else 0.0
    for ax, session in zip(axes, range(maps.sizes["session"]), strict=True):
        of_session = maps.isel(session=session)
        ways = of_session["direction"].values if "direction" in maps.dims else [1]
        for way in ways:
            line = of_session.sel(direction=way) if "direction" in maps.dims else of_session
            _draw_line(line, at, WAYS.get(int(way), WAYS[1]), ax)
        if not bool(of_session.notnull().any()):
            _absent(ax)
        ax.set(xlim=(low, high), ylim=(0, 1.08 * top or 1.0), xticks=[], yticks=[])
    axes[0].set_title(f"0\N{EN DASH}{rate_label(top)}")


def _along(maps: xr.DataArray) -> tuple[float, float, np.ndarray]:
    """Ends of the axis of places or stimuli, and where on it these are."""
    if map_dim(maps) == STIMULUS:
        return *stimulus_ends(maps), stimulus_positions(maps)
    low, high, _name = position_axis(maps)
    bins = maps.sizes["place"]
    return low, high, low + (np.arange(bins) + 0.5) * (high - low) / bins


def _draw_line(line: xr.DataArray, at: np.ndarray, style: dict[str, Any], ax: Axes) -> None:
    """Draw one map; no line joins stimuli that have no neighbours."""
    if map_dim(line) != STIMULUS:
        ax.plot(at, line, linewidth=0.9, **style)
    elif are_ordered(line):
        ax.plot(at, line, linewidth=0.9, marker="o", markersize=1.8, **style)
    else:
        ax.bar(at, line, width=0.7, color=style["color"])


def _draw_arenas(maps: xr.DataArray, axes: Any) -> None:
    from matplotlib import colormaps

    maps = maps.mean("direction") if "direction" in maps.dims else maps
    column, upward = (grid_index(maps[name]) for name in ("place_x", "place_y"))
    for number, ax in enumerate(axes):
        arena = np.full((upward.max() + 1, column.max() + 1), np.nan)
        arena[upward, column] = maps.isel(session=number).values
        ax.set(xticks=[], yticks=[])
        if not np.isfinite(arena).any():
            _absent(ax)
            ax.set_frame_on(False)
            continue
        peak = float(np.nanmax(arena))
        ax.imshow(
            arena,
            origin="lower",
            extent=_extent(maps),
            cmap=colormaps["cividis"].with_extremes(bad="white"),
            vmin=0,
            vmax=peak or 1.0,
            interpolation="nearest",
        )
        ax.set_title(rate_label(peak))


def _extent(maps: xr.DataArray) -> tuple[float, float, float, float]:
    """Left, right, lower and upper edge of the visited places."""
    edges: list[float] = []
    for name in ("place_x", "place_y"):
        centres = np.unique(maps[name].values.astype(float))
        steps = np.diff(centres)
        size = float(maps[name].attrs.get("bin_size", steps.min() if steps.size else 1.0))
        edges += [centres[0] - size / 2, centres[-1] + size / 2]
    return edges[0], edges[1], edges[2], edges[3]


def _absent(ax: Axes) -> None:
    ax.text(0.5, 0.5, "absent", transform=ax.transAxes, ha="center", va="center", color="#595959")


def _label_track(own: xr.Dataset, axes: Any) -> None:
    name = (_label_stimuli if map_dim(own["rate"]) == STIMULUS else _label_places)(own, axes[-1])
    axes[-1, (axes.shape[1] - 1) // 2].set_xlabel(name)
    _name_scale(own, axes[0, 0])


def _label_places(own: xr.Dataset, axes: Any) -> str:
    """Name the ends of a row of axes; what it is called."""
    low, high, name = position_axis(own["rate"])
    for ax in axes:
        ax.set_xticks([low, high], [f"{low:.4g}", f"{high:.4g}"])
    return name


def _label_stimuli(own: xr.Dataset, axes: Any) -> str:
    """Name stimuli below a row of axes; what it is called."""
    for ax in axes:
        name_stimuli(own["rate"], ax, stimulus_positions(own["rate"]))
    return stimulus_axis(own["rate"])


def _name_scale(own: xr.Dataset, ax: Axes) -> None:
    """Say on the left of the titles what their numbers are."""
    style: dict[str, Any] = {"ha": "right", "va": "bottom", "textcoords": "offset points"}
    ax.annotate(rate_axis(own["rate"]), (0, 1), (-4, 3), xycoords="axes fraction", **style)


def _label_plane(own: xr.Dataset, axes: Any) -> None:
    left, right, lower, upper = _extent(own["rate"])
    units = str(own["place_x"].attrs.get("units", ""))
    corner = axes[-1, -1]
    corner.set_xticks([left, right], [f"{left:.4g}", f"{right:.4g}"])
    corner.set_xlabel(f"x ({units})")
    corner.yaxis.tick_right()
    corner.yaxis.set_label_position("right")
    corner.set_yticks([lower, upper], [f"{lower:.4g}", f"{upper:.4g}"])
    corner.set_ylabel(f"y ({units})")
    _name_scale(own, axes[0, 0])
