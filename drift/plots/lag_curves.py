"""What two sessions share against the time between them, with what it could be at best or would be
by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Index
from drift.errors import RefusedInputError
from drift.metrics.intervals.subjects import bars_text, error_over_subjects
from drift.metrics.rooms import environment_labels
from drift.metrics.time_course.lag_classes import curve_by_lag
from drift.plots.labels import time_axis
from drift.plots.sessions import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOM_MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # no multiple of the colours
PAIR: dict[str, Any] = {
    "color": "#595959",
    "marker": "o",
    "mfc": "none",
    "linestyle": "none",
    "markersize": 2.2,
    "markeredgewidth": 0.5,
}
SUBJECT: dict[str, Any] = {"color": "#999999", "linewidth": 0.7}
MEAN: dict[str, Any] = {
    "color": COLOURS[0],
    "marker": "o",
    "markersize": 3.2,
    "linewidth": 1.2,
    "capsize": 1.5,
    "elinewidth": 0.7,
}
BESIDE: dict[str, Any] = {
    "color": COLOURS[1],
    "linestyle": "--",
    "marker": "s",
    "mfc": "white",
    "markersize": 2.8,
    "linewidth": 1.0,
}


@opened
def similarity_by_lag(
    similarity: xr.DataArray,
    elapsed: xr.DataArray,
    ax: Axes,
    label: str,
    beside: xr.DataArray | None = None,
    beside_label: str = "",
) -> Axes:
    """Draw the similarity of sessions against the time between them.

    Of one subject each pair of sessions is a circle, and the line is the mean of the pairs (in each
    room), without an error, as pairs share sessions. Of several subjects each has a thin line;
    thick is their mean with one standard error over subjects, at the lags that all of them have.
    Lags are those of ``curve_by_lag``.

    Parameters
    ----------
    similarity : xarray.DataArray
        (subject, session, session_other); NaN where sessions are not compared.
    elapsed : xarray.DataArray
        (subject, session) with the attribute ``units``.
    ax : matplotlib Axes
    label : str
        Of the axis of similarity.
    beside : xarray.DataArray, optional
        Of the same dims, drawn broken: a ceiling, or what chance gives.
    beside_label : str
        What the legend calls it.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is one session only, or no two sessions are compared.
    """
    curve = curve_by_lag(similarity, elapsed)
    if curve.sizes["lag"] == 0:
        raise RefusedInputError(
            "a curve over lags needs two sessions that are compared, got none with units in "
            "common: register the units, or record a room twice."
        )
    if curve.sizes["subject"] == 1:
        _draw_pairs(similarity, elapsed, ax)
    else:
        _draw_subjects(curve, ax)
    if beside is not None and bool(beside.notnull().any()):
        mean = _mean(curve_by_lag(beside, elapsed))
        ax.plot(mean["mean_lag"].values, mean.values, label=beside_label, **BESIDE)
    units = time_axis(str(elapsed.attrs.get("units", "")))
    ax.set(xlabel=f"time between sessions ({units})", ylabel=label)
    _limits(ax, curve)
    _explain(ax, beside_label)
    return ax


def _explain(ax: Axes, last: str) -> None:
    """A legend: single pairs or subjects, their mean, and what stands beside it."""
    handles, labels = ax.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    order = sorted(by_label, key=lambda label: (label == last, label.startswith("mean")))
    shown = [by_label[label] for label in order]
    ax.legend(shown, order, loc="best", handlelength=1.8, borderaxespad=0.2)


def _mean(curve: xr.DataArray) -> xr.DataArray:
    """Mean over subjects at the lags that all of those with any have."""
    curve = curve.isel(subject=np.flatnonzero(curve.notnull().any("lag").values))
    return curve.isel(lag=np.flatnonzero(curve.notnull().all("subject").values)).mean("subject")


def _draw_pairs(similarity: xr.DataArray, elapsed: xr.DataArray, ax: Axes) -> None:
    """Pairs of one subject, and their mean; of several rooms each has a mean of its own."""
    values = similarity.isel(subject=0).transpose("session", "session_other").values
    first, second = np.triu_indices(len(values), k=1)
    times = elapsed.isel(subject=0).values
    lags = np.abs(times[second] - times[first])
    ax.plot(lags, values[first, second], label="one pair of sessions", **PAIR)
    rooms = environment_labels(elapsed, similarity, subjects=1, sessions=len(values))[0]
    several = len(set(rooms.tolist())) > 1
    for place, room in enumerate(dict.fromkeys(rooms.tolist())):
        inside = xr.DataArray(rooms == room, dims="session")
        members = similarity.where(inside).where(inside.rename(session="session_other"))
        curve = curve_by_lag(members, elapsed)
        if curve.sizes["lag"]:
            label = f"mean, room {room}" if several else "mean of the pairs"
            lag, values = curve["mean_lag"].values, curve.isel(subject=0).values
            ax.errorbar(lag, values, label=label, **room_style(place))


@opened
def room_style(place: Index) -> dict[str, Any]:
    """Colour and marker of the curve of a room, the same in all figures.

    Parameters
    ----------
    place : int
        Number of the room; the curve of the first is that of an only one.
    """
    colour = COLOURS[(0, 2, 3, 1)[place % 4]]
    marker, filled = ROOM_MARKERS[place % len(ROOM_MARKERS)], colour if place == 0 else "white"
    return {**MEAN, "color": colour, "marker": marker, "mfc": filled}


def _draw_subjects(curve: xr.DataArray, ax: Axes) -> None:
    for number in range(curve.sizes["subject"]):
        own = curve.isel(subject=number).dropna("lag")
        ax.plot(
            own["mean_lag"].values, own.values, label="" if number else "one subject", **SUBJECT
        )
    mean = _mean(curve)
    if mean.sizes["lag"]:
        shared = curve.sel(lag=mean["lag"]).dropna("subject", how="all")
        error, label = error_over_subjects(shared).values, bars_text(shared.sizes["subject"])
        ax.errorbar(mean["mean_lag"].values, mean.values, yerr=error, label=label, **MEAN)


def _limits(ax: Axes, curve: xr.DataArray) -> None:
    """From 0 up, with room for the legend, so that a small fall does not look like a large one."""
    low, high = ax.get_ylim()
    ax.set_ylim(min(0.0, low if float(curve.min()) < 0 else 0.0), high + 0.02)
    ax.set_xlim(0, None)
    ax.locator_params(axis="both", nbins=5)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
