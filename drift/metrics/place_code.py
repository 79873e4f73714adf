"""The measures of a place code, formed here alone: for networks, circuits, animals and published
maps."""

from __future__ import annotations

from collections.abc import Callable

import xarray as xr

from drift.metrics.activity import (
    active_units,
    fraction_active_responses,
    fraction_active_units,
    participation_ratio,
)
from drift.metrics.information.significance import place_units
from drift.metrics.information.skaggs import spatial_information, spatial_information_rate
from drift.schema.labelled_form import described, variable_of

OfMaps = Callable[[xr.DataArray, xr.DataArray], xr.DataArray]
# A new measure of rate maps is one line here and one row in the table of variables.
OF_MAPS: dict[str, OfMaps] = {
    "spatial_information": spatial_information,
    "spatial_information_rate": spatial_information_rate,
}
OF_ACTIVITY = {
    "active_units": active_units,
    "fraction_active_units": fraction_active_units,
    "fraction_active_responses": fraction_active_responses,
    "participation_ratio": participation_ratio,
}


def place_code(
    rate: xr.DataArray,
    occupancy: xr.DataArray,
    recorded: xr.DataArray,
    *,
    detected: xr.DataArray | None = None,
    place_unit: xr.DataArray | None = None,
    tested: bool = True,
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
        (..., unit) flags of a test; by default the published threshold of information.
    tested : bool
        False where nothing can tell place units from others: flags and counts are NaN.

    Returns
    -------
    dict of str to xarray.DataArray
        The measures of ``OF_MAPS``, ``recorded``, ``detected_units``, ``place_unit``,
        ``place_units`` and ``fraction_place_units``.
    """
    # Occupancy that is counted in samples makes bits per sample of bits per second.
    second = "/sample" if occupancy.attrs.get("units") == "sample" else "/second"
    measures = {
        name: described(
            measure(rate, occupancy), name, units=variable_of(name).units.replace("/second", second)
        )
        for name, measure in OF_MAPS.items()
    }
    if not tested:
        place_unit = measures["spatial_information"] * float("nan")
    elif place_unit is None:
        place_unit = place_units(measures["spatial_information"], recorded)
    rooms = [dim for dim in place_unit.dims if dim == "environment"]
    decided = place_unit.notnull().any([*rooms, "unit"])
    counts = (place_unit == 1).any(rooms).sum("unit").astype(float).where(decided)
    present = (recorded == 1).sum("unit").astype(float)
    detected = present if detected is None else detected
    share = counts / detected.where(detected > 0)
    return {
        **measures,
        "recorded": described(recorded, "recorded"),
        "detected_units": described(detected, "detected_units"),
        "place_unit": described(place_unit, "place_unit"),
        "place_units": described(counts, "place_units"),
        "fraction_place_units": described(share, "fraction_place_units"),
    }


def activity_code(activity: xr.DataArray) -> dict[str, xr.DataArray]:
    """Measures that follow from the activity in each sample.

    Parameters
    ----------
    activity : xarray.DataArray
        (..., sample, unit), not negative.

    Returns
    -------
    dict of str to xarray.DataArray
        The measures of ``OF_ACTIVITY``.
    """
    return {name: measure(activity) for name, measure in OF_ACTIVITY.items()}
