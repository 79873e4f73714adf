"""Pictures of predicted and estimated drift: each function draws one panel on the axes it is given
and returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.plots.sessions import COLOURS, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _error(values: xr.DataArray) -> np.ndarray | None:
    """One standard error over subjects."""
    return (
        (values.std("subject", ddof=1) / np.sqrt(values.notnull().sum("subject"))).values
        if values.sizes["subject"] > 1
        else None
    )


@opened
def predicted_drift(prediction: xr.Dataset, ax: Axes) -> Axes:
    """Draw the measured similarities of codes against the time between them as markers, and what
    the weights predict as lines.

    Means over subjects; error bars are one standard error over subjects.

    Parameters
    ----------
    prediction : xarray.Dataset
        What ``predict`` returns.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    for number, name in enumerate(prediction["statistic"].values):
        curve = prediction.sel(statistic=name)
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        ax.plot(
            curve["lag"],
            curve["prediction"].mean("subject"),
            color=colour,
            linewidth=1.2,
            label=str(name).replace("_", " "),
        )
        style: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "markersize": 3.5,
            "capsize": 2,
            "linestyle": "none",
            "mfc": "white",
        }
        ax.errorbar(
            curve["lag"],
            curve["measurement"].mean("subject"),
            yerr=_error(curve["measurement"]),
            **style,
        )
    ax.set(
        xlabel=f"lag ({prediction['lag'].attrs.get('units', '')}s)",
        ylabel="similarity",
        ylim=(0, 1.02),
    )
    return ax


@opened
def estimated_drift(estimate: xr.Dataset, ax: Axes) -> Axes:
    """Draw the decay of a recorded code and of the Top-K layer that was fitted to it, one colour a
    subject.

    Parameters
    ----------
    estimate : xarray.Dataset
        What ``estimate`` returns.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    units = estimate["lag"].attrs.get("units", "")
    for number, subject in enumerate(estimate["subject"].values):
        of_subject = estimate.sel(subject=subject)
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        label = (
            f"{subject}: f = {of_subject['active_fraction'].item():.3g}, T = "
            f"{of_subject['weight_lifetime'].item():.3g} {units}s"
        )
        ax.plot(of_subject["lag"], of_subject["fit"], color=colour, linewidth=1.2, label=label)
        ax.plot(
            of_subject["lag"],
            of_subject["measurement"],
            color=colour,
            marker=marker,
            markersize=3.5,
            linestyle="none",
            mfc="white",
        )
    ax.set(xlabel=f"lag ({units}s)", ylabel="population vector cosine", ylim=(0, 1.02))
    return ax
