"""Panels of the report on a fitted circuit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.reporting.figures import BLUE, ORANGE, panel
from drift.reporting.wording import plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fitted(one: xr.Dataset, group: str) -> Figure:
    """Draw similarity against the time between sessions: recording, fitted circuit, and the same
    circuit with frozen weights.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    group : str
        ``map_similarity``, ``population_similarity`` or ``rate_similarity``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    similarities = one.isel(statistic=np.flatnonzero(one["group"].values == group))
    lag = np.array(
        [float(str(name).rsplit(" ", 1)[1]) for name in similarities["statistic"].values]
    )
    figure = panel(3.2)
    ax = figure.add_subplot()
    ax.errorbar(
        lag,
        similarities["measured"],
        similarities["measured_error"],
        fmt="s",
        color=ORANGE,
        capsize=2,
        markersize=4,
        label="recording, s.e.",
    )
    ax.plot(lag, similarities["predicted"], "-o", color=BLUE, markersize=4, label="circuit, fitted")
    if "frozen" in similarities:
        ax.plot(
            lag,
            similarities["frozen"],
            ":^",
            color="#595959",
            mfc="white",
            markersize=4,
            label="circuit, frozen weights",
        )
    if lag.size < 9:
        ax.set_xticks(lag)
    name = {
        "map_similarity": "rate-map correlation",
        "population_similarity": "population-vector\ncorrelation",
        "rate_similarity": "correlation of\nrate ranks",
    }[group]
    ax.set(
        xlabel=f"{plural(str(one.attrs.get('elapsed_units', 'day')))} between sessions", ylabel=name
    )
    figure.legend(loc="outside lower center", ncols=2, columnspacing=1.2)
    return figure


def statistics(one: xr.Dataset) -> Figure:
    """Draw every statistic of a fit: predicted minus measured, in standard errors of the recording.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = np.arange(one.sizes["statistic"])
    figure = panel(1.2 + 0.19 * rows.size)
    ax = figure.add_subplot()
    ax.axvspan(-2, 2, color="#e6e6e6", linewidth=0, label="two standard errors")
    distance = ((one["predicted"] - one["measured"]) / one["measured_error"]).values
    ax.plot(distance, rows, "o", color=BLUE, markersize=4, label="circuit, fitted")
    ax.set_yticks(
        rows, [str(name).replace("_", " ") for name in one["statistic"].values], fontsize=7.5
    )
    ax.set(xlabel="predicted minus measured (standard errors)", ylim=(rows.size - 0.5, -0.5))
    figure.legend(loc="outside lower center", ncols=2, columnspacing=1.2)
    return figure
