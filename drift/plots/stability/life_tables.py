"""Life tables of fields: whether members return, how long they stay, how far their fields move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.time_course.lag_classes import curve_by_lag, lag_classes
from drift.metrics.time_course.lags import by_lag
from drift.plots.drawn import PAIRS, refuse_other_result
from drift.plots.labels import subject_label, time_axis
from drift.plots.sessions import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUBJECT: dict[str, Any] = {"color": "#999999", "linewidth": 0.7}
CURVES: dict[str, tuple[str, dict[str, Any]]] = {
    "recurrence": ("members again", {"color": COLOURS[0], "marker": "o", "linestyle": "-"}),
    "base_rate": ("base rate", {"color": COLOURS[3], "marker": "", "linestyle": ":"}),
    "recurrence_of_halves": (
        "between halves",
        {"color": COLOURS[2], "marker": "^", "linestyle": "-."},
    ),
    "recurrence_by_noise": (
        "test noise alone (halves)",
        {"color": COLOURS[1], "marker": "s", "linestyle": "--", "mfc": "white"},
    ),
}
NAMES = {
    "active": "active units",
    "place": "place units",
    "field": "units with a field",
    "same_field": "fields",
}


@opened
def recurrence_by_lag(recurrence: xr.Dataset, elapsed: xr.DataArray, ax: Axes) -> Axes:
    """Draw the share of members that are members again against the time between sessions, with the
    base rate and, where there are halves, what test noise alone gives.

    Recurrence between halves of two sessions lies at test noise if nothing turned over, whole
    sessions lie above both, as they hold more events. Of several subjects each has a thin line of
    recurrence; thick are means over subjects at the lags that all of them have.

    Parameters
    ----------
    recurrence : xarray.Dataset
        Of ``metrics.recurrence``.
    elapsed : xarray.DataArray
        (subject, session) with the attribute ``units``.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no member was observed again.
    """
    drawn = ["recurrence", *(name for name in CURVES if name in recurrence)]
    refuse_other_result(recurrence, "metrics.recurrence", **dict.fromkeys(drawn, PAIRS))
    if not bool(recurrence["recurrence"].notnull().any()):
        raise RefusedInputError(
            "a curve of recurrence needs members that are observed again, got none: pass the "
            "result of metrics.recurrence for a group that has members."
        )
    for name, (label, style) in CURVES.items():
        if name not in recurrence or not bool(recurrence[name].notnull().any()):
            continue
        curve = curve_by_lag(_between(recurrence[name]), elapsed)
        if name == "recurrence" and curve.sizes["subject"] > 1:
            _draw_subjects(curve, ax)
        mean = _mean(curve)
        ax.plot(mean["mean_lag"], mean, label=label, markersize=3, linewidth=1.2, **style)
    group = NAMES.get(str(recurrence.attrs.get("of")), NAMES["active"])
    units = time_axis(str(elapsed.attrs.get("units", "")))
    ax.set(xlabel=f"time between sessions ({units})", ylabel=f"{group}: share", ylim=(0, 1.02))
    ax.set_xlim(0, None)
    ax.legend(loc="best", handlelength=2.4)
    return ax


def _between(values: xr.DataArray) -> xr.DataArray:
    return values.transpose("subject", "session", "session_other")


def _mean(curve: xr.DataArray) -> xr.DataArray:
    """Mean over subjects at the lags that all of those with any have."""
    curve = curve.isel(subject=np.flatnonzero(curve.notnull().any("lag").values))
    return curve.isel(lag=np.flatnonzero(curve.notnull().all("subject").values)).mean("subject")


def _draw_subjects(curve: xr.DataArray, ax: Axes) -> None:
    for number in range(curve.sizes["subject"]):
        own = curve.isel(subject=number).dropna("lag")
        ax.plot(own["mean_lag"], own, label="" if number else "one subject", **SUBJECT)


@opened
def survival_curve(survival: xr.Dataset, ax: Axes) -> Axes:
    """Draw the share of members that stay, session after session, as steps, with one standard
    error.

    Parameters
    ----------
    survival : xarray.Dataset
        Of ``metrics.survival``; each subject is a curve, of several the first four in colour.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no member was followed.
    """
    dims = dict.fromkeys(("survival", "standard_error"), ("subject", "age"))
    refuse_other_result(survival, "metrics.survival", **dims)
    if not bool(survival["survival"].notnull().any()):
        raise RefusedInputError(
            "a curve of survival needs members, got none: pass the result of metrics.survival for "
            "a group that has members."
        )
    for number in range(survival.sizes["subject"]):
        own = survival.isel(subject=number)
        known_ages = np.flatnonzero(own["survival"].notnull().values)
        if known_ages.size == 0:
            continue
        own = own.isel(age=known_ages)
        label = subject_label(own, number)
        colour = COLOURS[number] if number < len(COLOURS) else SUBJECT["color"]
        age, share, error = (own[name].values for name in ("age", "survival", "standard_error"))
        ax.step(age, share, where="post", color=colour, linewidth=1.2, label=label)
        # One standard error, as far as it is known: all lost leaves none.
        ax.errorbar(age, share, yerr=np.nan_to_num(error), fmt="none", ecolor=colour, capsize=1.5)
    group = NAMES.get(str(survival.attrs.get("of")), NAMES["active"])
    ax.set(xlabel="age (sessions)", ylabel=f"{group}: share that stayed", ylim=(0, 1.02))
    ax.set_xlim(0, None)
    if survival.sizes["subject"] > 1:
        ax.legend(loc="best")
    return ax


@opened
def shift_histogram(
    distribution: xr.Dataset, elapsed: xr.DataArray, ax: Axes, lag: float | None = None
) -> Axes:
    """Draw how far fields lie from where they were, as bars, and what shuffled identities give, as
    a broken line; means over pairs of sessions, then over subjects.

    Parameters
    ----------
    distribution : xarray.Dataset
        Of ``metrics.shift_distribution``.
    elapsed : xarray.DataArray
        (subject, session) with the attribute ``units``.
    ax : matplotlib Axes
    lag : float, optional
        Time between the sessions, in units of elapsed; the nearest lag that occurs is drawn, by
        default the shortest.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no field was compared with another session.
    """
    dims = dict.fromkeys(("share", "share_by_chance"), (*PAIRS, "shift"))
    refuse_other_result(distribution, "metrics.shift_distribution", **dims)
    if not bool(distribution["share"].notnull().any()):
        raise RefusedInputError(
            "a histogram of shifts needs fields in two sessions that are compared, got none: pass "
            "the result of metrics.shift_distribution."
        )
    edges = lag_classes(elapsed)
    share, chance = (
        by_lag(distribution[name], elapsed, edges)["correlation"].mean("subject")
        for name in ("share", "share_by_chance")
    )
    present = share.isel(lag=np.flatnonzero(share.notnull().any("shift").values))
    drawn = present.isel(lag=0) if lag is None else present.sel(lag=lag, method="nearest")
    shift = drawn["shift"].values
    width = float(np.diff(shift).mean()) if shift.size > 1 else 1.0
    ax.bar(shift, drawn.values, width=width, color=COLOURS[0], label="same units")
    by_chance = chance.sel(lag=drawn["lag"])
    if bool(by_chance.notnull().any()):
        ax.step(
            shift, by_chance.values, where="mid", color=COLOURS[1], linestyle="--", label="shuffled"
        )
    units, time = (str(drawn["shift"].attrs.get("units", "1")), elapsed.attrs.get("units", ""))
    ax.set(xlabel="shift of the field" + ("" if units == "1" else f" ({units})"))
    ax.set_ylabel("share of fields")
    apart, clock = float(drawn["lag"]), time_axis(str(time))
    ax.set_title(f"{apart:.3g} {clock.removesuffix('s') if apart == 1 else clock} apart")
    ax.legend(loc="best")
    return ax
