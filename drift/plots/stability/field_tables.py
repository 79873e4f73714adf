"""When members are lost, and where fields lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.plots.drawn import refuse_other_result
from drift.plots.labels import position_axis, subject_label
from drift.plots.sessions import COLOURS
from drift.plots.stability.life_tables import NAMES, SUBJECT
from drift.schema.selection import position_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@opened
def hazard_by_age(hazard: xr.Dataset, ax: Axes) -> Axes:
    """Draw the probability of a member to be lost against its age, with one standard error, and the
    hazard that is the same at all ages.

    Parameters
    ----------
    hazard : xarray.Dataset
        Of ``metrics.hazard``; each subject is a curve, of several the first four in colour.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no member was followed.
    """
    by_age = ("subject", "age")
    dims = {"hazard": by_age, "standard_error": by_age, "constant_hazard": ("subject",)}
    refuse_other_result(hazard, "metrics.hazard", **dims)
    if not bool(hazard["hazard"].notnull().any()):
        raise RefusedInputError(
            "a curve of hazards needs members whose age is known, got none: pass the result of "
            "metrics.hazard for a group that has members that joined."
        )
    several = hazard.sizes["subject"] > 1
    for number in range(hazard.sizes["subject"]):
        own = hazard.isel(subject=number)
        colour = COLOURS[number] if number < len(COLOURS) else SUBJECT["color"]
        label = subject_label(own, number) if several else "by age"
        style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 3, "capsize": 1.5}
        error = own["standard_error"].values
        ax.errorbar(own["age"].values, own["hazard"].values, error, label=label, **style)
        constant = "" if several else "the same at all ages"
        ax.axhline(
            float(own["constant_hazard"]), color=colour, linestyle=":", linewidth=1, label=constant
        )
    group = NAMES.get(str(hazard.attrs.get("of")), NAMES["active"])
    ax.set(xlabel="age (sessions)", ylabel=f"{group}: hazard", ylim=(0, 1.02))
    ax.set_xlim(0.5, None)
    ax.xaxis.set_major_formatter(lambda age, _: f"{age:.0f}" if age == round(age) else "")
    ax.legend(loc="best", handlelength=2.2)
    return ax


@opened
def field_density(density: xr.Dataset, subject: int | str, session: int | str, ax: Axes) -> Axes:
    """Draw the share of fields at each place in one session, with the share of time spent there and
    the band of fields dealt anew.

    Where fields crowd the line leaves the band; directions are lines of their own.

    Parameters
    ----------
    density : xarray.Dataset
        Of ``metrics.centroid_density``, on a track.
    subject, session : int or str
        Positions along the dims, or labels as text.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is no such subject or session, no field in it, or places lie in a plane.
    """
    along_track = "density" in density and "place" in density["density"].dims
    if not along_track or "place_x" in density.coords:
        raise RefusedInputError(
            "the density of fields along a track was expected, got a Dataset without it or places "
            "in a plane: pass the result of metrics.centroid_density."
        )
    directions = ("direction",) if "direction" in density["density"].dims else ()
    dims = dict.fromkeys(
        ("density", "expected", "lower", "upper"), ("subject", "session", "place", *directions)
    )
    refuse_other_result(density, "metrics.centroid_density", **dims)
    who = position_of(density, "subject", subject)
    own = density.isel(subject=who, session=position_of(density, "session", session, who))
    if not bool(own["density"].notnull().any()):
        raise RefusedInputError(
            "a density needs fields, got none in this session: choose another session."
        )
    low, high, label = position_axis(own["density"])
    places = own["density"].sizes["place"]
    at = low + (np.arange(places) + 0.5) * (high - low) / places
    ways = own["direction"].values if "direction" in own.dims else [None]
    for number, way in enumerate(ways):
        line = own if way is None else own.sel(direction=way)
        colour, name = COLOURS[number], "" if way is None else (" out" if way == 1 else " back")
        ax.fill_between(at, line["lower"], line["upper"], color=colour, alpha=0.15, linewidth=0)
        ax.plot(at, line["expected"], color=colour, linestyle=":", linewidth=1)
        marker: dict[str, Any] = {"marker": "os"[number % 2], "markersize": 3, "linewidth": 1.1}
        ax.plot(at, line["density"], color=colour, label=f"fields{name}", **marker)
    ax.plot([], [], color="#7f7f7f", linestyle=":", label="time spent")
    ax.set(xlabel=label, ylabel="share", xlim=(low, high))
    ax.set_ylim(0, None)
    ax.legend(loc="best", handlelength=2.2)
    return ax
