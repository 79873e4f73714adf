"""Pictures of predicted and estimated drift, and of what wrong matches would explain of it: each
function draws one panel on the axes it is given and returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.intervals.subjects import error_over_subjects
from drift.plots.drawn import refuse_other_result
from drift.plots.sessions import COLOURS, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_EXPLAINED = 1.5  # share of the drift, up to which it is drawn


def _error(values: xr.DataArray) -> np.ndarray | None:
    """One standard error over subjects."""
    return error_over_subjects(values).values if values.sizes["subject"] > 1 else None


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
    by_lag = ("subject", "lag", "statistic")
    drawn = dict.fromkeys(("prediction", "measurement"), by_lag)
    refuse_other_result(prediction, "theory.code_drift.predict", **drawn)
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
    maker = "theory.code_drift.estimate"
    curves = dict.fromkeys(("measurement", "fit"), ("subject", "lag"))
    refuse_other_result(estimate, maker, **curves)
    numbers = dict.fromkeys(("active_fraction", "weight_lifetime"), ("subject",))
    refuse_other_result(estimate, maker, **numbers)
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


@opened
def wrong_match_sensitivity(curve: xr.Dataset, ax: Axes, assumed: float | None = None) -> Axes:
    """Draw the share of the drift that wrong matches would explain against their rate.

    The thick line is the mean over subjects, each of which has a thin one; a broken line marks the
    whole drift, and a dot where each subject reaches it.

    Parameters
    ----------
    curve : xarray.Dataset
        Of ``metrics.wrong_matches``.
    ax : matplotlib Axes
    assumed : float, optional
        Rate of wrong matches that the program is believed to make, marked by a dotted line.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If nothing was lost that could be explained.
    """
    dims = {"explained": ("subject", "wrong_match_rate"), "rate_explaining_all": ("subject",)}
    refuse_other_result(curve, "metrics.wrong_matches", **dims)
    if not bool(curve["explained"].notnull().any()):
        raise RefusedInputError(
            "a curve of wrong matches needs drift that they could explain, got none: pass the "
            "result of metrics.wrong_matches for subjects whose similarity is below 1."
        )
    rates = curve["wrong_match_rate"].values
    lost = curve.isel(
        subject=np.flatnonzero(curve["explained"].notnull().all("wrong_match_rate").values)
    )
    shares = lost["explained"].transpose("subject", "wrong_match_rate").values
    if len(shares) > 1:
        for number, share in enumerate(shares):
            label = "" if number else "one subject"
            ax.plot(rates, share, color="#999999", linewidth=0.7, label=label)
    ax.plot(rates, shares.mean(axis=0), color=COLOURS[0], linewidth=1.6, label="explained")
    ax.axhline(1, color="#000000", linestyle="--", linewidth=0.8, label="all of the drift")
    reached = lost["rate_explaining_all"].values
    reached = reached[reached <= rates.max()]
    ax.plot(reached, np.ones(reached.size), "o", color=COLOURS[1], markersize=4)
    if assumed is not None:
        ax.axvline(assumed, color=COLOURS[1], linestyle=":", label="believed rate")
    ax.set(xlabel="rate of wrong matches from session to session", ylabel="share of the drift")
    ax.set(xlim=(rates.min(), rates.max()), ylim=(0, MOST_EXPLAINED))
    ax.legend(loc="best")
    return ax
