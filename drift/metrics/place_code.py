"""The measures of a place code, formed here alone: for networks, circuits, animals and published
maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from drift.metrics.activity import (
    active_units,
    fraction_active_responses,
    fraction_active_units,
    participation_ratio,
)
from drift.metrics.directions import Directions
from drift.metrics.information.significance import place_units
from drift.metrics.information.skaggs import spatial_information, spatial_information_rate
from drift.schema.labelled_form import described, variable_of

Measure = Callable[..., xr.DataArray]
# A new measure of rate maps is one line here and one row in the table of variables.
OF_MAPS: dict[str, Measure] = {
    "spatial_information": spatial_information,
    "spatial_information_rate": spatial_information_rate,
}
OF_ACTIVITY: dict[str, Measure] = {
    "active_units": active_units,
    "fraction_active_units": fraction_active_units,
    "fraction_active_responses": fraction_active_responses,
    "participation_ratio": participation_ratio,
}
# Those that can be had of each running direction, and those that count active units.
OF_DIRECTIONS = ("spatial_information", "spatial_information_rate")
OF_ACTIVE_UNITS = ("active_units", "fraction_active_units")


def place_code(
    rate: xr.DataArray,
    occupancy: xr.DataArray,
    recorded: xr.DataArray,
    *,
    detected: xr.DataArray | None = None,
    place_unit: xr.DataArray | None = None,
    tested: bool = True,
    directions: Directions = "joint",
) -> dict[str, xr.DataArray]:
    """Measures that follow from rate maps.

    Parameters
    ----------
    rate : xarray.DataArray
        (..., unit, place[, direction][, environment]) unsmoothed rate maps, NaN where not visited.
    occupancy : xarray.DataArray
        (..., place[, direction][, environment]) time spent, with its ``units``.
    recorded : xarray.DataArray
        (..., unit) 1 where the unit was observed.
    detected : xarray.DataArray, optional
        (...) the denominator of fractions; observed units by default.
    place_unit : xarray.DataArray, optional
        (..., unit) flags of a test, with directions apart (..., unit, direction); by default the
        published threshold of information.
    tested : bool
        False where nothing can tell place units from others: flags and counts are NaN.
    directions : {"joint", "apart"}
        Measure information over place and direction, or in each running direction by itself; then
        place units are those of either direction.

    Returns
    -------
    dict of str to xarray.DataArray
        The measures of ``OF_MAPS``, with directions apart (..., unit, direction), ``recorded``,
        ``detected_units``, ``place_unit``, ``place_units`` and ``fraction_place_units``, and with
        directions apart ``place_unit_by_direction``.
    """
    # Occupancy that is counted in samples makes bits per sample of bits per second.
    second = "/sample" if occupancy.attrs.get("units") == "sample" else "/second"
    apart = {"directions": directions}
    measures = {
        name: described(
            measure(rate, occupancy, **(apart if name in OF_DIRECTIONS else {})),
            name,
            units=variable_of(name).units.replace("/second", second),
        )
        for name, measure in OF_MAPS.items()
    }
    if not tested:
        place_unit = measures["spatial_information"] * float("nan")
    elif place_unit is None:
        place_unit = place_units(measures["spatial_information"], recorded)
    by_direction = {}
    if directions == "apart":
        by_direction = {"place_unit_by_direction": described(place_unit, "place_unit_by_direction")}
        place_unit = place_unit.max("direction")  # NaN where the unit was not observed at all
    flags = place_unit.variable
    counts = _counted(flags)
    detected = (recorded == 1).sum("unit").astype(float) if detected is None else detected
    denominator = detected.variable
    share = counts / denominator.where(denominator > 0)
    return {
        **measures,
        **by_direction,
        "recorded": described(recorded, "recorded"),
        "detected_units": described(detected, "detected_units"),
        "place_unit": described(place_unit, "place_unit"),
        "place_units": described(
            detected.copy(data=counts.transpose(*detected.dims)), "place_units"
        ),
        "fraction_place_units": described(
            detected.copy(data=share.transpose(*detected.dims)), "fraction_place_units"
        ),
    }


def _counted(flags: xr.Variable) -> xr.Variable:
    """Units (...) with a flag in any environment; NaN where none has been told."""
    rooms = [dim for dim in flags.dims if dim == "environment"]
    outer = [dim for dim in flags.dims if dim not in (*rooms, "unit")]
    values = flags.transpose(*outer, "unit", *rooms).values
    units = values.shape[: len(outer) + 1]
    flagged, told = (
        kind.reshape(*units, -1).any(axis=-1) for kind in (values == 1, np.isfinite(values))
    )
    counts = np.where(told.any(axis=-1), flagged.sum(axis=-1).astype(float), np.nan)
    return xr.Variable(outer, counts)


def activity_code(activity: xr.DataArray, active_events: int = 1) -> dict[str, xr.DataArray]:
    """Measures that follow from the activity in each sample.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit), not negative.
    active_events : int
        Events that an active unit needs; see ``active_units``.

    Returns
    -------
    dict of str to xarray.DataArray
        The measures of ``OF_ACTIVITY``.
    """
    least = {"minimum_events": active_events}
    return {
        name: measure(activity, **(least if name in OF_ACTIVE_UNITS else {}))
        for name, measure in OF_ACTIVITY.items()
    }
