"""Figures of fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from drift.fit_words import at_bound, interval_words, settled

# told apart in grey and by the colour-blind
MEASURED, PREDICTED, FROZEN = (
    "#000000",
    "#0072B2",
    "#D55E00",
)
TITLES = {
    "map_similarity": "rate-map correlation",
    "population_similarity": "population-vector correlation",
    "rate_similarity": "correlation of rate ranks",
}


def fit_figure(one: xr.Dataset) -> Any:
    """Return a matplotlib figure of the fit of one subject.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of ``Fit.dataset``.

    Returns
    -------
    matplotlib.figure.Figure
        Left: every statistic, predicted minus measured in standard errors. Middle: similarity
        against lag with standard errors of the recording. Right: profile of each parameter.
    """
    from matplotlib.figure import Figure

    curves = [group for group in TITLES if group in one["group"].values]
    columns = 1 + bool(curves) + 1
    figure = Figure(
        figsize=(4.2 * columns, max(4.0, 0.2 * one.sizes["statistic"] + 1.2)), layout="constrained"
    )
    grid = figure.add_gridspec(1, columns)
    residuals(one, figure.add_subplot(grid[0, 0]))
    if curves:
        middle = grid[0, 1].subgridspec(len(curves), 1)
        for number, group in enumerate(curves):
            similarity(one, group, figure.add_subplot(middle[number, 0]))
    right = grid[0, -1].subgridspec(one.sizes["parameter"], 1)
    for number, name in enumerate(one["parameter"].values):
        profile(one, str(name), figure.add_subplot(right[number, 0]))
    return figure


def residuals(one: xr.Dataset, ax: Any) -> Any:
    """Draw predicted minus measured statistics in standard errors, without and with frozen
    weights."""
    rows = np.arange(one.sizes["statistic"])
    error = one["measured_error"]
    ax.axvspan(-2, 2, color="0.9", label="two standard errors")
    for name, marker, colour in (("frozen", "x", FROZEN), ("predicted", "o", PREDICTED)):
        ax.plot(
            (one[name] - one["measured"]) / error,
            rows,
            marker,
            color=colour,
            label=f"circuit, {'fitted' if name == 'predicted' else name}",
        )
    ax.set_yticks(rows, one["statistic"].values, fontsize=7)
    ax.invert_yaxis()
    ax.set_xlabel("predicted minus measured (standard errors)")
    ax.legend(fontsize=7, loc="best")
    return ax


def similarity(one: xr.Dataset, group: str, ax: Any) -> Any:
    """Draw one similarity against the time between sessions."""
    curve = one.isel(statistic=np.flatnonzero(one["group"].values == group))
    lag = np.array([float(str(name).rsplit(" ", 1)[1]) for name in curve["statistic"].values])
    ax.errorbar(
        lag,
        curve["measured"],
        curve["measured_error"],
        fmt="o",
        color=MEASURED,
        capsize=3,
        label="measured, standard error",
    )
    ax.plot(lag, curve["predicted"], "-s", color=PREDICTED, mfc="none", label="circuit, fitted")
    ax.plot(lag, curve["frozen"], "--x", color=FROZEN, label="circuit, frozen weights")
    units = str(one.attrs.get("elapsed_units", "units of elapsed"))
    ax.set(xlabel=f"time between sessions ({units})", ylabel=TITLES[group])
    ax.legend(fontsize=7)
    return ax


def profile(one: xr.Dataset, name: str, ax: Any) -> Any:
    """Draw the profile of a parameter: the distance with it held and the others free, for
    statistics linear around the estimate.

    Where a search has ended, the estimate, a black line, lies at the minimum. Where it was stopped
    before, the estimate is only the best so far, and the profile an extrapolation from it: the line
    is dashed, and the panel says so.
    """
    parameter = one.sel(parameter=name)
    ax.plot(
        parameter["profile_value"],
        parameter["profile_distance"] - parameter["profile_distance"].min(),
        color=PREDICTED,
    )
    if interval_words(one, name):
        ax.axvspan(*parameter["interval"].values, color="0.9")
    end = at_bound(one, name)
    if not end:
        ax.axvline(
            parameter["estimate"].item(),
            color=MEASURED,
            linewidth=1,
            linestyle="-" if settled(one) else "--",
        )
    if not settled(one):
        ax.set_title("search not ended: the line is the best so far", fontsize=7)
    remark = (
        ""
        if parameter["identified"].item()
        else f" (at its {end} bound)"
        if end
        else " (not identified)"
    )
    units = str(parameter["parameter_units"].item())
    ax.set(
        xlabel=f"{name.replace('_', ' ')}{'' if units == '1' else f' ({units})'}{remark}",
        ylabel="distance above\nthe smallest",
    )
    return ax
