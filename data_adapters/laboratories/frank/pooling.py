"""Sessions of one day of experience taken together: numerators and denominators are pooled before a
ratio is formed.

Karlsson & Frank's rats learn a second track after the first. Ratzon et al. (2024) pool by day of
experience in an environment: the fourth visit to track A, on day 4, and the fourth visit to track
B, on day 6, form one column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from data_adapters.laboratories.frank.layout import Selection, animal, animal_folders
from data_adapters.options import existing
from drift.metrics.directions import place_flags
from drift.schema.labelled_form import RefusedInputError, check, labelled

SESSION = ("subject", "session")
EXPOSURES = ("exposure", "exposureday", "dailyexposure")
COUNTS = ("detected_units", "active_units", "place_units")
RATIOS = {"fraction_active_units": "active_units", "fraction_place_units": "place_units"}


def experience(path: str | Path, selection: Selection) -> xr.Dataset:
    """Exposures of each session of recordings in the layout of the Frank laboratory, from the small
    files alone.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder of one animal, or folder of such folders.
    selection : Selection
        The same as for the sessions, so that their numbers agree.

    Returns
    -------
    xarray.Dataset
        ``exposure``, ``exposureday`` (day of experience in the environment) and ``dailyexposure``
        by (subject, session), NaN where an animal has no such session; ``environment``, "" there.
    """
    animals = [animal(folder, selection) for folder in animal_folders(existing(path))]
    shape = len(animals), max(len(plan.epochs) for plan in animals)
    values = {name: np.full(shape, np.nan) for name in EXPOSURES}
    environment = np.full(shape, "", dtype=object)
    for row, plan in enumerate(animals):
        for session, epoch in enumerate(sorted(plan.epochs, key=lambda epoch: epoch.day)):
            environment[row, session] = epoch.environment
            for name in EXPOSURES:
                values[name][row, session] = epoch.exposures[name]
    variables: dict[str, Any] = {
        name: (SESSION, array, {"units": "1"}) for name, array in values.items()
    }
    coords = {"subject": [plan.prefix for plan in animals], "session": np.arange(shape[1])}
    return xr.Dataset(
        {**variables, "environment": (SESSION, environment.astype(str))}, coords=coords
    )


def pooled(
    measured: xr.Dataset, day: xr.DataArray, where: xr.DataArray | None = None
) -> xr.Dataset:
    """Measured sessions pooled by day of experience within each subject.

    fraction(d) = sum of numerators over sessions of day d / sum of their denominators; a unit
    counts once in each session.

    Parameters
    ----------
    measured : xarray.Dataset
        Longitudinal Dataset with ``detected_units``, ``active_units``, ``place_units``,
        ``spatial_information`` and ``place_unit``.
    day : xarray.DataArray
        (subject, session) day of experience, NaN where there is no session:
        ``experience(...)["exposureday"]``.
    where : xarray.DataArray, optional
        (subject, session) sessions that enter, e.g. ``dailyexposure == 1``.

    Returns
    -------
    xarray.Dataset
        (subject, session) with one session per day: the three counts, ``pooled_sessions``,
        ``fraction_active_units``, ``fraction_place_units``, ``mean_spatial_information``
        (bits/event) over place units and ``mean_spatial_information_active`` over all units with
        events. NaN where an animal has no such day; ``elapsed`` is the day of experience.

    Raises
    ------
    SchemaError
        If a variable is missing.
    RefusedInputError
        If the days name other subjects or sessions than were measured, or none is left.
    """
    check(measured, *COUNTS, "spatial_information", "place_unit")
    day = _same(day, measured)
    day = day if where is None else day.where(_same(where, measured).fillna(0).astype(bool))
    days = np.unique(day.values[np.isfinite(day.values)])
    if days.size == 0:
        raise RefusedInputError(
            "sessions with a day of experience were expected, got none: check day and where."
        )
    columns = xr.concat(
        [_column(measured, day == experience_day) for experience_day in days], dim="session"
    )
    elapsed = xr.DataArray(
        np.tile(days, (measured.sizes["subject"], 1)),
        dims=SESSION,
        attrs={"units": "day", "long_name": "day of experience"},
    )
    columns = columns.assign_coords(session=np.arange(len(days)), elapsed=elapsed).transpose(
        "subject", "session"
    )
    return columns.assign_attrs(
        elapsed_axis="day of experience", source=str(measured.attrs.get("source", "unknown"))
    )


def _same(array: xr.DataArray, measured: xr.Dataset) -> xr.DataArray:
    for dim in SESSION:
        absent = (
            []
            if dim not in array.coords
            else sorted(set(measured[dim].values.tolist()) - set(array[dim].values.tolist()))
        )
        if dim not in array.dims or dim not in array.coords or absent:
            raise RefusedInputError(
                f"day was expected for every {dim} that was measured, got none for "
                f"{absent or dim}: use the same options."
            )
    return array.reindex(subject=measured["subject"], session=measured["session"]).transpose(
        *SESSION
    )


def _column(measured: xr.Dataset, mask: xr.DataArray) -> xr.Dataset:
    """One day: sums over its sessions, NaN where a subject has none."""
    present = mask.any("session")
    sums = {
        name: measured[name].where(mask).sum("session").where(present).reset_coords(drop=True)
        for name in COUNTS
    }
    variables = {name: labelled(name, ["subject"], values.values) for name, values in sums.items()}
    variables |= {
        name: labelled(name, ["subject"], (sums[over] / sums["detected_units"]).values)
        for name, over in RATIOS.items()
    }
    selected = measured[place_flags(measured)] == 1
    variables["mean_spatial_information"] = _mean(
        measured["spatial_information"].where(mask & selected), "place units"
    )
    variables["mean_spatial_information_active"] = _mean(
        measured["spatial_information"].where(mask), "units with events"
    )
    variables["pooled_sessions"] = xr.DataArray(
        mask.sum("session").values, dims=["subject"], attrs={"units": "1"}
    )
    return xr.Dataset(variables, coords={"subject": measured["subject"].values})


def _mean(information: xr.DataArray, over: str) -> xr.DataArray:
    members = [dim for dim in information.dims if dim != "subject"]
    count = information.count(members)
    mean = (information.sum(members) / count.where(count > 0)).values
    return xr.DataArray(
        mean,
        dims=["subject"],
        attrs={"units": "bits/event", "long_name": f"mean spatial information of {over}"},
    )
