"""Pictures of labelled results: each function draws one panel on the axes it is given and returns them.

Colours and markers are distinct in grey and for the colour-blind (Okabe & Ito).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.metrics import by_lag, smoothed, summary
from drift.metrics.places import require_track

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000")
NOT_VISITED = "#C6DBEF"
MARKERS = ("o", "s", "^", "D")


@opened
def time_course(dataset: xr.Dataset, names: Sequence[str], ax: Axes, labels: Sequence[str] | None = None) -> Axes:
    """Draw measures against elapsed time: mean over subjects, error bars of one standard error over subjects.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    names : sequence of str
        Variables; those with units are averaged over units first.
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
        style: dict[str, Any] = {"color": COLOURS[number], "marker": MARKERS[number], "markersize": 3, "capsize": 2, "linewidth": 1}
        error = means[f"{name}_standard_error"].fillna(0.0)
        ax.errorbar(elapsed, means[name], yerr=error, label=label.replace("_", " "), **style)
    ax.set_xlabel(_elapsed_label(dataset))
    ax.margins(x=0.03)
    return ax


@opened
def sorted_rate_maps(dataset: xr.Dataset, subject: int, session: int, ax: Axes, smoothing: Smoothing = 3.0) -> Axes:
    """Draw the rate maps of a session's place units, each divided by its maximum, sorted by the place of the maximum.

    Places that were not visited show the blue background.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and ``place_unit``.
    subject, session : int
        Positions along their dims.
    ax : matplotlib Axes
    smoothing : float
        Standard deviation of the display copy (bins).

    Returns
    -------
    matplotlib Axes
    """
    require_track(dataset, "a picture of sorted rate maps")
    seen = dataset.isel(subject=subject, session=session)
    maps = smoothed(seen["rate"].isel(unit=seen["place_unit"].values == 1), smoothing)
    flat = side_by_side(maps)  # (unit, place over both directions)
    peak = np.nanmax(flat, axis=1, keepdims=True, initial=0.0)
    order = np.argsort(np.nanargmax(np.where(np.isnan(flat), -1.0, flat), axis=1), kind="stable")
    ax.set_facecolor(NOT_VISITED)
    ax.imshow((flat / np.where(peak > 0, peak, 1.0))[order], aspect="auto", cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    ax.set_title(f"{seen['elapsed'].item():,.0f} {dataset['elapsed'].attrs.get('units', '')}s\n{len(order)} place units", fontsize=8)
    if "direction" in maps.dims:
        middle = maps.sizes["place"]
        ax.axvline(middle - 0.5, color=COLOURS[1], linewidth=0.8)
        ax.set_xticks([middle / 2, 1.5 * middle], ["out", "back"])
    ax.set_yticks([])
    return ax


@opened
def correlation_matrix(correlation: xr.DataArray, ax: Axes) -> Axes:
    """Draw the correlation between every two sessions, averaged over subjects.

    Parameters
    ----------
    correlation : xarray.DataArray
        (subject, session, session_other).
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    image = ax.imshow(correlation.mean("subject"), cmap="cividis", vmin=0, vmax=1, origin="lower")
    ax.set(xlabel="session", ylabel="session")
    ax.figure.colorbar(image, ax=ax, label="rate-map correlation", fraction=0.046)
    return ax


@opened
def correlation_by_lag(dataset: xr.Dataset, correlation: xr.DataArray, ax: Axes) -> Axes:
    """Draw the correlation between sessions against the time between them, early pairs apart from late ones.

    Error bars are one standard error over subjects.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``elapsed``.
    correlation : xarray.DataArray
        (subject, session, session_other).
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    half = dataset.sizes["session"] // 2
    for number, (label, part) in enumerate({"first half": slice(0, half + 1), "second half": slice(half, None)}.items()):
        lags = by_lag(correlation.isel(session=part, session_other=part), dataset["elapsed"].isel(session=part))["correlation"]
        error = lags.std("subject", ddof=1) / np.sqrt(lags.notnull().sum("subject")) if lags.sizes["subject"] > 1 else None
        style: dict[str, Any] = {"color": COLOURS[number], "marker": MARKERS[number], "markersize": 3, "capsize": 2, "linewidth": 1}
        ax.errorbar(lags["lag"], lags.mean("subject"), yerr=error, label=label, **style)
    ax.set(xlabel=f"lag ({dataset['elapsed'].attrs.get('units', '')}s)", ylabel="rate-map correlation", ylim=(0, 1.02))
    return ax


@opened
def changes(rows: Sequence[tuple[str, float, float]], ax: Axes) -> Axes:
    """Draw relative changes over a study, one row each: (label, change, standard error or NaN), as percent of the first session.

    Parameters
    ----------
    rows : sequence of tuple
        From top to bottom.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    for place, (_, change, error) in enumerate(rows):
        filled = COLOURS[0] if place == 0 else "white"
        ax.errorbar(
            100 * change, -place, xerr=None if np.isnan(error) else 100 * error, marker="o", color=COLOURS[0], mfc=filled, capsize=2
        )
    ax.axvline(0, color="grey", linewidth=0.8)
    ax.set_yticks([-place for place in range(len(rows))], [label for label, _, _ in rows])
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
def normalised_curves(comparison: xr.Dataset, measure: str, ax: Axes, panel: str | None = None, convention: str = "mean_of_ratios") -> Axes:
    """Draw a measure over its first session: simulated subjects as observed, the recording, null models, and a published line.

    Error bars are one standard error over subjects. The published line starts at 1, as its intercept is not published. Wrong
    registration is drawn where it matters, for the rate-map correlation.

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
    chosen = comparison.sel(measure=measure, convention=convention)
    drawn = [
        name for name in SOURCES if name in chosen["source"].values and (name != "wrong registration" or measure == "rate_map_correlation")
    ]
    if not (chosen["curve"].sel(source=drawn).notnull().sum("session") > 1).any():
        ax.text(
            0.5, 0.5, "not defined: units are not tracked\nor there are too few sessions", transform=ax.transAxes, ha="center", color="0.3"
        )
        ax.set(xticks=[], yticks=[])
        return ax
    ax.axhline(1, color="0.8", linewidth=0.8, zorder=0)
    for name in drawn:
        one = chosen.sel(source=name)
        error = one["curve_standard_error"].fillna(0.0)
        style = {"markersize": 3.5, "capsize": 1.5, "linewidth": 0.9, **SOURCES[name]}
        ax.errorbar(one["since_first"], one["curve"], yerr=error, label=name, elinewidth=0.7, **style)
    if panel is not None and drawn:
        _published_line(chosen.sel(source=drawn[0], panel=panel), ax)
    ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel(f"since the first session ({chosen['elapsed_units'].sel(source=drawn[0]).item()})" if drawn else "")
    ax.margins(x=0.04)
    return ax


def _published_line(one: xr.Dataset, ax: Axes) -> None:
    time = one["since_first"].values
    passed = np.arange(time.size) if one["published_per"].item() == "session" else time
    if np.isfinite(one["published_slope"].item()):
        ax.plot(time, 1 + one["published_slope"].item() * passed, color=COLOURS[3], linewidth=2.2, alpha=0.85, label="published line")


@opened
def side_by_side(maps: xr.DataArray) -> np.ndarray:
    """Return rate maps with the ways out and back side by side, the way back mirrored so that time runs to the right.

    Parameters
    ----------
    maps : xarray.DataArray
        (unit, place[, direction]).

    Returns
    -------
    numpy.ndarray
        (unit, place), or (unit, 2 place).
    """
    if "direction" not in maps.dims:
        return maps.transpose("unit", "place").values
    out, back = (maps.sel(direction=sign).transpose("unit", "place").values for sign in (1, -1))
    return np.concatenate([out, back[:, ::-1]], axis=1)


def _elapsed_label(dataset: xr.Dataset) -> str:
    units = dataset["elapsed"].attrs.get("units", "")
    return "learning (steps)" if units == "step" else f"elapsed ({units})"
