"""What is kept of a code against the time between sessions, beside what noise leaves of it and what
chance gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.intervals.subjects import error_over_subjects
from drift.metrics.time_course.lag_classes import curve_by_lag
from drift.plots.drawn import PAIRS, refuse_other_array, refuse_other_result
from drift.plots.labels import time_axis
from drift.plots.sessions import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES: dict[str, Any] = {"markersize": 3, "linewidth": 1.2, "capsize": 1.5, "elinewidth": 0.7}
SEEN: dict[str, Any] = {"color": COLOURS[0], "marker": "o"}
AT_BEST: dict[str, Any] = {"color": "#7f7f7f", "marker": "^", "linestyle": ":"}
CORRECTED: dict[str, Any] = {
    "color": COLOURS[1], "marker": "s", "mfc": "white", "linestyle": "--",
}  # fmt: skip
HALVES: dict[str, Any] = {"color": COLOURS[2], "marker": "D", "linestyle": "-."}
SUBJECT = 0.5  # width of the line of one subject
JUMPS = {
    "jumps": ("whole sessions", SEEN),
    "jumps_of_halves": ("between halves", HALVES),
    "jumps_by_noise": ("noise alone (halves)", CORRECTED),
    "jumps_by_chance": ("shuffled", AT_BEST),
}


@opened
def similarity_and_ceiling(
    similarity: xr.DataArray,
    corrected: xr.DataArray,
    elapsed: xr.DataArray,
    ax: Axes,
    ceiling: xr.DataArray | None = None,
    *,
    label: str = "rate-map similarity",
) -> Axes:
    """Draw the similarity of sessions as it is seen, what it is at best, and what is left when the
    noise is taken out, against the time between sessions.

    A code that stands still lies on its ceiling, and at 1 without the noise. Lines are means over
    pairs of one subject; of several subjects means over these with one standard error, at the lags
    that all have, and a thin line of each for the corrected similarity.

    Parameters
    ----------
    similarity, corrected : xarray.DataArray
        (subject, session, session_other), such as of ``metrics.mean_rate_map_correlation`` and
        ``metrics.corrected_similarity``.
    elapsed : xarray.DataArray
        (subject, session) with the attribute ``units``.
    ax : matplotlib Axes
    ceiling : xarray.DataArray, optional
        Of the same dims, such as of ``metrics.correlation_ceiling``.
    label : str
        Of the axis.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no two sessions are compared.
    """
    drawn = {"similarity": similarity, "corrected": corrected, "ceiling": ceiling}
    for name, array in drawn.items():
        if name != "ceiling" or array is not None:
            refuse_other_array(array, name, "metrics.mean_rate_map_correlation or its like")
    ax.axhline(1, color="#cccccc", linewidth=0.8, zorder=0)
    _subjects(curve_by_lag(corrected, elapsed), ax, CORRECTED["color"])
    _line(similarity, elapsed, ax, "as seen", SEEN)
    if ceiling is not None and bool(ceiling.notnull().any()):
        _line(ceiling, elapsed, ax, "at best (halves)", AT_BEST)
    _line(corrected, elapsed, ax, "without noise", CORRECTED)
    _finish(ax, elapsed, label)
    low = min(0.0, float(similarity.min()), float(corrected.min()))
    ax.set_ylim(low, max(1.05, ax.get_ylim()[1]))
    return ax


@opened
def jumps_by_lag(jumps: xr.Dataset, elapsed: xr.DataArray, ax: Axes) -> Axes:
    """Draw the share of fields that lie farther away than they are wide against the time between
    sessions, and what shuffled identities and, where it is known, noise alone give.

    Parameters
    ----------
    jumps : xarray.Dataset
        Of ``metrics.field_shift``, or of ``drift.code_stability``, which knows noise.
    elapsed : xarray.DataArray
        (subject, session) with the attribute ``units``.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no field was compared with another session.
    """
    present = [name for name in JUMPS if name in jumps and bool(jumps[name].notnull().any())]
    refuse_other_result(jumps, "metrics.field_shift", **dict.fromkeys(present, PAIRS))
    if "jumps" not in present:
        raise RefusedInputError(
            "a curve of jumps needs fields in two sessions that are compared, got none: pass the "
            "result of metrics.field_shift."
        )
    for name in present:
        label, style = JUMPS[name]
        _line(jumps[name], elapsed, ax, label, style)
    _finish(ax, elapsed, "fields that jump: share")
    ax.set_ylim(0, 1.8 * ax.get_ylim()[1])  # room for the legend above all curves
    ax.legend(loc="upper right", handlelength=2.4, borderaxespad=0.2)
    return ax


@opened
def displacement_by_lag(walk: xr.Dataset, ax: Axes) -> Axes:
    """Draw the mean squared displacement of centroids against the time between sessions, with the
    noise of their measurement taken out and, where it is there, with it.

    Fields that stand still lie at 0 without the noise, a random walk on a line through 0.

    Parameters
    ----------
    walk : xarray.Dataset
        Of ``metrics.field_diffusion``, or of ``drift.code_stability``.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no field was followed.
    """
    curves = {"": ("without noise", CORRECTED), "_with_noise": ("as seen", SEEN)}
    names = [f"mean_squared_displacement{ending}" for ending in curves]
    drawn = [names[0], *(name for name in names[1:] if name in walk)]
    dims = dict.fromkeys(drawn, ("subject", "lag"))
    refuse_other_result(walk, "metrics.field_diffusion", **dims)
    for ending, (label, style) in curves.items():
        if f"mean_squared_displacement{ending}" in walk:
            _mean_line(walk[f"mean_squared_displacement{ending}"], "lag", ax, label, style)
    squared = str(walk["mean_squared_displacement"].attrs.get("units", "1"))
    time = time_axis(str(walk["lag"].attrs.get("units", "")))
    ax.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
    ax.set(xlabel=f"time between sessions ({time})", ylabel=f"squared displacement ({squared})")
    ax.set_xlim(0, None)
    ax.legend(loc="best", handlelength=2.4)
    return ax


def _line(
    values: xr.DataArray, elapsed: xr.DataArray, ax: Axes, label: str, style: dict[str, Any]
) -> None:
    """Mean over subjects by lag, with one standard error over several."""
    curve = curve_by_lag(values.transpose("subject", "session", "session_other"), elapsed)
    if curve.sizes["lag"] == 0:
        raise RefusedInputError(
            "a curve over lags needs two sessions that are compared, got none with units in "
            "common: register the units, or record a room twice."
        )
    _mean_line(curve, "mean_lag", ax, label, style)


def _mean_line(
    curve: xr.DataArray, along: str, ax: Axes, label: str, style: dict[str, Any]
) -> None:
    curve = curve.isel(subject=np.flatnonzero(curve.notnull().any("lag").values))
    curve = curve.isel(lag=np.flatnonzero(curve.notnull().all("subject").values))
    subjects = curve.sizes["subject"]
    error = error_over_subjects(curve).values if subjects > 1 else None
    ax.errorbar(
        curve[along].values, curve.mean("subject").values, error, label=label, **SIZES, **style
    )


def _subjects(curve: xr.DataArray, ax: Axes, colour: str) -> None:
    for number in range(curve.sizes["subject"] if curve.sizes["subject"] > 1 else 0):
        own = curve.isel(subject=number).dropna("lag")
        ax.plot(own["mean_lag"].values, own.values, color=colour, linewidth=SUBJECT, alpha=0.6)


def _finish(ax: Axes, elapsed: xr.DataArray, label: str) -> None:
    units = time_axis(str(elapsed.attrs.get("units", "")))
    ax.set(xlabel=f"time between sessions ({units})", ylabel=label)
    ax.set_xlim(0, None)
    ax.locator_params(axis="both", nbins=5)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    ax.legend(loc="best", handlelength=2.4, borderaxespad=0.2)
