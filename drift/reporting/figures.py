"""Panels of the report; each function returns a matplotlib figure, or None where there is nothing
to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from drift.plots import rate_maps as map_plots
from drift.plots import sessions as plots
from drift.reporting.wording import SOURCES as NAMES
from drift.reporting.wording import measure_name, plural, source_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.6  # inches; at this width text is as large as that of the page on a telephone
BLUE, ORANGE, GREEN = plots.COLOURS[:3]
STYLES: dict[str, dict[str, Any]] = {
    **plots.SOURCES,
    "simulated": {"color": BLUE, "marker": ".", "linewidth": 1.1, "linestyle": ":"},
}
STYLES = {
    name: {**style, "color": "#595959" if style["color"] == "0.35" else style["color"]}
    for name, style in STYLES.items()
}
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1, 1, 1)))
SHORT = {name: source_name(name) for name in ("simulated", "observed", "recorded")}


def panel(height: float = 3.2, **layout: Any) -> Figure:
    """Return an empty figure of the width of a column."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained", **layout)


def drawn_sources(chosen: xr.Dataset, measure: str) -> list[str]:
    """Sources whose curve of a measure has two points or more; wrong registration where it matters,
    for similarities of maps."""
    names = [name for name in STYLES if name in chosen["source"].values]
    if measure not in ("rate_map_correlation", "corrected_similarity"):
        names = [name for name in names if name != "wrong registration"]
    return [
        name
        for name in names
        if chosen["curve"].sel(source=name, measure=measure).notnull().sum() > 1
    ]


def curves(chosen: xr.Dataset, measure: str) -> Figure | None:
    """Draw a measure over its first session, of all sources on the clock of the lens, with
    published lines that have this clock.

    The simulation as it is has a clock of its own; it is stretched to the span of the lens, as
    ``drift.observe`` does.

    Parameters
    ----------
    chosen : xarray.Dataset
        A comparison in one convention.
    measure : str

    Returns
    -------
    matplotlib.figure.Figure or None
    """
    names = drawn_sources(chosen, measure)
    if not names:
        return None
    figure = panel(3.5)
    ax = figure.add_subplot()
    ax.axhline(1, color="#cccccc", linewidth=0.8, zorder=0)
    clock = next((name for name in names if name != "simulated"), names[0])
    span = float(np.nanmax(chosen["since_first"].sel(source=clock)))
    for name in names:
        of_source = chosen.sel(source=name, measure=measure)
        time = of_source["since_first"].values
        time = time * (span / np.nanmax(time)) if name == "simulated" else time
        error = (
            of_source["curve_standard_error"].fillna(0.0).values
            if name in ("observed", "recorded")
            else None
        )
        style = {"markersize": 4, "capsize": 1.5, "linewidth": 1.0, **STYLES[name]}
        ax.errorbar(
            time,
            of_source["curve"],
            yerr=error,
            label=SHORT.get(name, name),
            elinewidth=0.7,
            **style,
        )
    _published(chosen.sel(measure=measure), clock, ax)
    units = str(chosen["elapsed_units"].sel(source=clock).item())
    ax.set_xlabel(f"{plural(units)} since the first session")
    ax.set_ylabel(f"{measure_name(measure)}\nover that of the first session".capitalize())
    ax.locator_params(axis="both", nbins=6)
    ax.xaxis.set_major_formatter(
        lambda value, _: f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"
    )
    ax.margins(x=0.04)
    figure.legend(loc="outside lower center", ncols=2, columnspacing=1.2, handlelength=2.6)
    return figure


def _published(of_measure: xr.Dataset, clock: str, ax: Axes) -> None:
    """Draw published lines whose unit of time is that of the clock, or the session, over their own
    span, from 1."""
    time = of_measure["since_first"].sel(source=clock).dropna("session").values
    units = str(of_measure["elapsed_units"].sel(source=clock).item())
    shown = 0
    for name in of_measure["panel"].values:
        line = of_measure.sel(panel=name)
        slope, per = float(line["published_slope"]), str(line["published_per"].item())
        if not np.isfinite(slope) or per not in (
            (units,) if clock == "simulated" else (units, "session")
        ):
            continue
        passed = np.arange(time.size) if per == "session" else time
        inside = passed <= float(line["published_change"]) / slope + 1e-9
        ax.plot(
            time[inside],
            1 + slope * passed[inside],
            color="#000000",
            linewidth=1.6,
            linestyle=DASHES[shown],
            label=f"published: {name}",
        )
        shown += 1


def effect_sizes(frame: pd.DataFrame) -> Figure | None:
    """Draw the correlation of each measure with time, one row a measure, one symbol a source.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of ``comparison_frame``.

    Returns
    -------
    matplotlib.figure.Figure or None
    """
    effects = frame[np.isfinite(frame["effect_size"].astype(float))]
    measures = list(effects["measure"].unique())
    if not measures:
        return None
    names = [name for name in STYLES if name in set(effects["source"])]
    figure = panel(1.4 + 0.62 * len(measures) + 0.11 * len(names))
    ax = figure.add_subplot()
    ax.axvline(0, color="#cccccc", linewidth=0.8, zorder=0)
    offsets = np.linspace(0.3, -0.3, len(names)) if len(names) > 1 else np.zeros(1)
    for name, offset in zip(names, offsets, strict=True):
        rows = effects[effects["source"] == name]
        style = {
            key: value for key, value in STYLES[name].items() if key in ("color", "marker", "mfc")
        }
        ax.plot(
            rows["effect_size"],
            [offset - measures.index(measure) for measure in rows["measure"]],
            linestyle="none",
            markersize=5,
            label=SHORT.get(name, name),
            **style,
        )
    for row in range(len(measures) - 1):
        ax.axhline(-row - 0.5, color="#e6e6e6", linewidth=0.8, zorder=0)
    ax.set_yticks(
        [-row for row in range(len(measures))],
        [measure_name(measure).replace(" ", "\n", 1) for measure in measures],
    )
    ax.set_xticks([-1, -0.5, 0, 0.5, 1])
    ax.set(
        xlim=(-1.05, 1.05),
        ylim=(0.5 - len(measures), 0.5),
        xlabel="correlation with time (\N{MINUS SIGN}1 falls, +1 rises steadily)",
    )
    ax.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=2, columnspacing=1.2)
    return figure


def shares(chosen: xr.Dataset, source: str) -> Figure | None:
    """Draw what each null model explains of the change of a source, with its standard error, in the
    window from −100 to 200 %.

    Parameters
    ----------
    chosen : xarray.Dataset
        A comparison in one convention.
    source : str

    Returns
    -------
    matplotlib.figure.Figure or None
    """
    of_source = chosen.sel(source=source).transpose("measure", "null", ...)
    share, error = (
        100 * of_source["share_explained"].values,
        100 * of_source["share_explained_standard_error"].values,
    )
    defined = np.isfinite(share) & np.isfinite(error)
    rows = np.flatnonzero(defined.any(axis=1))
    if rows.size == 0:
        return None
    names = [str(name) for name in chosen["null"].values]
    figure = panel(1.4 + 0.7 * rows.size)
    ax = figure.add_subplot()
    for value, dash in ((0, "-"), (100, "--")):
        ax.axvline(value, color="#cccccc", linewidth=0.9, linestyle=dash, zorder=0)
    for row in range(rows.size - 1):
        ax.axhline(-row - 0.5, color="#e6e6e6", linewidth=0.8, zorder=0)
    low, high = -100.0, 200.0
    for number, name in enumerate(names):
        offset = 0.27 - 0.18 * number
        style = {
            key: value for key, value in STYLES[name].items() if key in ("color", "marker", "mfc")
        }
        inside = (
            defined[rows, number] & (share[rows, number] >= low) & (share[rows, number] <= high)
        )
        y = offset - np.flatnonzero(inside)
        ax.errorbar(
            share[rows, number][inside],
            y,
            xerr=error[rows, number][inside],
            fmt="none",
            ecolor=style["color"],
            elinewidth=0.9,
        )
        ax.plot(share[rows, number][inside], y, linestyle="none", markersize=5, label=name, **style)
        for beyond, edge, mark in (
            (share[rows, number] < low, low, "◂"),
            (share[rows, number] > high, high, "▸"),
        ):
            for row in np.flatnonzero(beyond & defined[rows, number]):
                ax.text(edge, offset - row, mark, ha="center", va="center", color=style["color"])
    ax.set_yticks(
        [-row for row in range(rows.size)],
        [measure_name(of_source["measure"].values[row]).replace(" ", "\n", 1) for row in rows],
    )
    ax.set(
        xlim=(low, high),
        ylim=(0.5 - rows.size, 0.5),
        xlabel=f"share of the change in the {NAMES[source]} (%)",
    )
    ax.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=2, columnspacing=1.2)
    return figure


def shown_sessions(dataset: xr.Dataset, subject: int, first: int) -> list[int]:
    """First, middle and last session in which a subject was recorded."""
    sessions = (
        np.flatnonzero((dataset["recorded"].isel(subject=subject) == 1).any("unit").values[first:])
        + first
    )
    return (
        sorted({int(sessions[0]), int(sessions[len(sessions) // 2]), int(sessions[-1])})
        if sessions.size
        else []
    )


def rate_maps(dataset: xr.Dataset, subject: int, first: int) -> Figure | None:
    """Draw rate maps of a subject in its first, middle and last session, units in the order of
    their place in the first one.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset of ``train`` or ``measure``.
    subject : int
        Position along the dim.
    first : int
        Sessions that are left out at the start.

    Returns
    -------
    matplotlib.figure.Figure or None
    """
    sessions = shown_sessions(dataset, subject, first)
    if not sessions or not {"rate", "place_unit"} <= set(dataset.data_vars):
        return None
    if "place_x" in dataset.coords:
        return _arenas(dataset.isel(subject=subject), sessions)
    figure = panel(3.5)
    axes = figure.subplots(1, len(sessions), sharey=True, squeeze=False)[0]
    map_plots.rate_maps_over_sessions(dataset, subject, sessions, axes)
    return figure


def _arenas(of_subject: xr.Dataset, sessions: Sequence[int], units: int = 4) -> Figure:
    """Maps in a plane of the place units with most events in the first session shown."""
    figure = panel(1.25 * units + 0.5)
    axes = figure.subplots(units, len(sessions), squeeze=False)
    map_plots.arena_maps(of_subject, sessions, axes)
    return figure


def correlations(correlation: xr.DataArray, units: str, elapsed: np.ndarray) -> Figure:
    """Draw rate-map correlation between every two sessions, mean over subjects.

    Parameters
    ----------
    correlation : xarray.DataArray
        (subject, session, session_other).
    units : str
        Of elapsed time.
    elapsed : numpy.ndarray
        (session) since the first one shown.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = panel(3.5)
    ax = plots.correlation_matrix(correlation, figure.add_subplot())
    places = np.unique(np.linspace(0, len(elapsed) - 1, min(len(elapsed), 5)).round().astype(int))
    labels = [
        f"{elapsed[place]:,.0f}" if elapsed[-1] >= 100 else f"{elapsed[place]:.3g}"
        for place in places
    ]
    ax.set_xticks(places, labels)
    ax.set_yticks(places, labels)
    ax.set(
        xlabel=f"session, {plural(units)} since the first",
        ylabel=f"session, {plural(units)} since the first",
    )
    return figure


def described_curves(chosen: xr.Dataset, measure: str) -> str:
    """Text alternative of ``curves``: where each source starts and ends."""
    phrases = []
    for name in drawn_sources(chosen, measure):
        values = chosen["curve"].sel(source=name, measure=measure).dropna("session").values
        phrases.append(f"{source_name(name)} from {values[0]:.2f} to {values[-1]:.2f}")
    return (
        f"Line chart of {measure_name(measure)} over the first session against time: "
        f"{'; '.join(phrases)}."
    )
