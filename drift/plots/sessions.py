"""Pictures of labelled results: each function draws one panel on the axes it is given and returns
them.

Colours and markers are distinct in grey and for the colour-blind (Okabe & Ito).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import OfUnits, Smoothing
from drift.errors import RefusedInputError
from drift.metrics.averages import summary
from drift.metrics.labels import require_dims
from drift.metrics.places import require_track
from drift.plots.drawn import refuse_other_array
from drift.plots.labels import (
    displayed,
    label_places,
    least_correlation,
    mixed_rooms,
    several_environments,
)
from drift.schema.map_dims import PLACE, map_dim
from drift.schema.selection import position_of, session_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000")
NOT_VISITED = "#C6DBEF"
SMOOTHING = 3.0  # standard deviation of the display copy of maps, bins
MARKERS = ("o", "s", "^", "D")
DASHES = ("-", "--", ":", "-.")
MAP_GREY = "#d9d9d9"  # of a matrix, where sessions are not compared


def _style(number: int) -> dict[str, Any]:
    """Colour and marker of a curve; from the fifth on the line is broken and the marker hollow, so
    that no two look alike."""
    again = number // len(COLOURS)
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[(number + again) % len(MARKERS)],
        "markersize": 3,
        "capsize": 2,
        "linewidth": 1,
        "linestyle": DASHES[again % len(DASHES)],
        **({"mfc": "white"} if again else {}),
    }


@opened
def time_course(
    dataset: xr.Dataset, names: Sequence[str], ax: Axes, labels: Sequence[str] | None = None
) -> Axes:
    """Draw measures against elapsed time: mean over subjects, error bars of one standard error over
    subjects.

    Sessions in which subjects were in different environments are named in the title: their means
    mix rooms, see ``summary``.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    names : sequence of str
        Variables, any number of them; those with units are averaged over units first.
    ax : matplotlib Axes
    labels : sequence of str, optional
        For the legend; names by default.

    Returns
    -------
    matplotlib Axes
    """
    means = summary(dataset, *names)
    elapsed = dataset["elapsed"].mean("subject")
    for number, (name, label) in enumerate(zip(names, labels or names, strict=True)):
        error = means[f"{name}_standard_error"].fillna(0.0)
        ax.errorbar(
            elapsed, means[name], yerr=error, label=label.replace("_", " "), **_style(number)
        )
    ax.set_xlabel(_elapsed_label(dataset))
    ax.margins(x=0.03)
    if mixed := mixed_rooms(means):
        ax.set_title(f"rooms mixed: {', '.join(mixed)}", fontsize=8)
    return ax


@opened
def sorted_rate_maps(
    dataset: xr.Dataset,
    subject: int | str,
    session: int | str,
    ax: Axes,
    smoothing: Smoothing | None = None,
) -> Axes:
    """Draw the rate maps of a session's place units, each divided by its maximum, sorted by the
    place of the maximum.

    Places that were not visited show the blue background. Without a place unit the panel is empty,
    and its title says so.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and ``place_unit``.
    subject, session : int or str
        Positions along their dims, or labels as text.
    ax : matplotlib Axes
    smoothing : float, optional
        Standard deviation of the display copy (bins); by default 3 for places, 0 for stimuli.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is no such subject or session, or places do not lie on a track.
    """
    require_track(dataset, "a picture of sorted rate maps")
    who = position_of(dataset, "subject", subject)
    own = dataset.isel(subject=who)
    of_session = own.isel(session=position_of(dataset, "session", session, who))
    units = np.flatnonzero(of_session["place_unit"].values == 1)
    ax.set_facecolor(NOT_VISITED)
    _draw_sorted(of_session["rate"].isel(unit=units), smoothing, ax)
    kind = "place" if map_dim(of_session["rate"]) == PLACE else "informative"
    ax.set_title(
        f"{session_title(of_session, several_environments(own))}\n{len(units)} {kind} "
        f"unit{'s' * (len(units) != 1)}",
        fontsize=8,
    )
    label_places(of_session["rate"], ax)
    ax.set_yticks([])
    return ax


def _draw_sorted(rate: xr.DataArray, smoothing: float | None, ax: Axes) -> None:
    """Maps (unit, place[, direction]) over their maxima, in the order of the places of these."""
    places = rate.sizes[map_dim(rate)] * rate.sizes.get("direction", 1)
    if rate.sizes["unit"] == 0:
        ax.set(xlim=(-0.5, places - 0.5), ylim=(0.5, -0.5))
        return
    flat = side_by_side(displayed(rate, smoothing, SMOOTHING))  # (unit, place over both directions)
    peak = np.nanmax(flat, axis=1, keepdims=True, initial=0.0)
    order = np.argsort(np.nanargmax(np.where(np.isnan(flat), -1.0, flat), axis=1), kind="stable")
    ax.imshow(
        (flat / np.where(peak > 0, peak, 1.0))[order],
        aspect="auto",
        cmap="Greys",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )


@opened
def correlation_matrix(correlation: xr.DataArray, ax: Axes) -> Axes:
    """Draw the correlation between every two sessions, averaged over subjects.

    Colours run from 0, or from the least correlation if it is negative, to 1; grey are sessions
    that are not compared, such as those in different environments.

    Parameters
    ----------
    correlation : xarray.DataArray
        (subject, session, session_other).
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    refuse_other_array(correlation, "correlation", "metrics.mean_rate_map_correlation")
    mean = correlation.mean("subject")
    ax.set_facecolor(MAP_GREY)
    image = ax.imshow(
        mean, cmap="cividis", vmin=least_correlation(correlation), vmax=1, origin="lower"
    )
    ax.set(xlabel="session", ylabel="session")
    label = "rate-map correlation" + (" (grey: not compared)" if bool(mean.isnull().any()) else "")
    ax.figure.colorbar(image, ax=ax, label=label, fraction=0.046)
    return ax


@opened
def changes(rows: Sequence[tuple[str, float, float | None]], ax: Axes) -> Axes:
    """Draw relative changes over a study, one row each: (label, change, standard error or None), as
    percent of the first session.

    Parameters
    ----------
    rows : sequence of tuple
        From top to bottom.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    for place, (_label, change, error) in enumerate(rows):
        filled = COLOURS[0] if place == 0 else "white"
        ax.errorbar(
            100 * change,
            -place,
            xerr=None if error is None else 100 * error,
            marker="o",
            color=COLOURS[0],
            mfc=filled,
            capsize=2,
        )
    ax.axvline(0, color="grey", linewidth=0.8)
    ax.set_yticks(
        [-place for place in range(len(rows))], [label for label, _change, _error in rows]
    )
    ax.set_ylim(-len(rows) + 0.4, 0.6)
    return ax


SOURCES: dict[str, dict[str, Any]] = {
    "observed": {"color": COLOURS[0], "marker": "o", "linewidth": 1.4},
    "recorded": {"color": COLOURS[1], "marker": "s", "linewidth": 1.4},
    "frozen code": {"color": "0.35", "marker": "^", "linestyle": ":", "mfc": "white"},
    "other event rate": {"color": "0.35", "marker": "v", "linestyle": "--", "mfc": "white"},
    "changed behaviour": {"color": "0.35", "marker": "D", "linestyle": "-.", "mfc": "white"},
    "wrong registration": {"color": COLOURS[2], "marker": "x", "linestyle": "--"},
}


@opened
def normalised_curves(
    comparison: xr.Dataset,
    measure: str,
    ax: Axes,
    panel: str | None = None,
    convention: str = "mean_of_ratios",
) -> Axes:
    """Draw a measure over its first session: simulated subjects as observed, the recording, null
    models, and a published line.

    Error bars are one standard error over subjects. The published line starts at 1, as its
    intercept is not published. Wrong registration is drawn where it matters, for the rate-map
    correlation.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``drift.compare`` returns.
    measure : str
        One of its measures.
    ax : matplotlib Axes
    panel : str, optional
        Published recording whose line is drawn.
    convention : str
        How curves were normalised.

    Returns
    -------
    matplotlib Axes
    """
    if not {"measure", "convention", "source"} <= set(comparison.coords):
        raise RefusedInputError(
            "curves over the first session were expected, got a Dataset without measure, "
            "convention and source: pass the result of drift.compare."
        )
    of_measure = comparison.sel(measure=measure, convention=convention)
    drawn = [
        name
        for name in SOURCES
        if name in of_measure["source"].values
        and (name != "wrong registration" or measure == "rate_map_correlation")
    ]
    if not (of_measure["curve"].sel(source=drawn).notnull().sum("session") > 1).any():
        ax.text(
            0.5,
            0.5,
            "not defined: units are not tracked\nor there are too few sessions",
            transform=ax.transAxes,
            ha="center",
            color="0.3",
        )
        ax.set(xticks=[], yticks=[])
        return ax
    ax.axhline(1, color="0.8", linewidth=0.8, zorder=0)
    for name in drawn:
        of_source = of_measure.sel(source=name)
        error = of_source["curve_standard_error"].fillna(0.0)
        style = {"markersize": 3.5, "capsize": 1.5, "linewidth": 0.9, **SOURCES[name]}
        ax.errorbar(
            of_source["since_first"],
            of_source["curve"],
            yerr=error,
            label=name,
            elinewidth=0.7,
            **style,
        )
    if panel is not None and drawn:
        _published_line(of_measure.sel(source=drawn[0], panel=panel), ax)
    ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel(
        f"since the first session ({of_measure['elapsed_units'].sel(source=drawn[0]).item()})"
        if drawn
        else ""
    )
    ax.margins(x=0.04)
    return ax


def _published_line(of_source: xr.Dataset, ax: Axes) -> None:
    time = of_source["since_first"].values
    passed = np.arange(time.size) if of_source["published_per"].item() == "session" else time
    if np.isfinite(of_source["published_slope"].item()):
        ax.plot(
            time,
            1 + of_source["published_slope"].item() * passed,
            color=COLOURS[3],
            linewidth=2.2,
            alpha=0.85,
            label="published line",
        )


@opened
def side_by_side(maps: OfUnits) -> np.ndarray:
    """Return rate maps with the ways out and back side by side, the way back mirrored so that time
    runs to the right.

    Parameters
    ----------
    maps : xarray.DataArray
        (unit, place[, direction]) or (unit, stimulus).

    Returns
    -------
    numpy.ndarray
        (unit, place), or (unit, 2 place).
    """
    order = ("unit", map_dim(require_dims(maps, "maps", map_dim(maps))))
    if "direction" not in maps.dims:
        return maps.transpose(*order).values
    if set(maps["direction"].values.tolist()) != {1, -1}:
        raise RefusedInputError(
            "maps were expected of the ways 1 and -1, got "
            f"{maps['direction'].values.tolist()}: keep both, or take one by isel."
        )
    out, back = (maps.sel(direction=sign).transpose(*order).values for sign in (1, -1))
    return np.concatenate([out, back[:, ::-1]], axis=1)


def _elapsed_label(dataset: xr.Dataset) -> str:
    units = dataset["elapsed"].attrs.get("units", "")
    return "learning (steps)" if units == "step" else f"elapsed ({units})"
