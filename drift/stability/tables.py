"""The measures of stability as plain tables."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from drift.door import opened
from drift.files.csv import tables, units_table
from drift.stability.absent import absent_measures

MAPS = ("rate", "occupancy", "recorded", "place_unit", "detected_units")


@opened
def stability_tables(stability: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Return the measures as tables, those of equal dims side by side, without the maps.

    Parameters
    ----------
    stability : xarray.Dataset
        Of ``drift.code_stability``.

    Returns
    -------
    dict of str to pandas.DataFrame
        By dims, such as ``stability_subject_room_lag``, see ``drift.tables``;
        ``stability_absent``, what was not measured and why; and ``stability_units``, units and
        meanings of all columns.

    Raises
    ------
    RefusedInputError
        If the Dataset is of another kind.
    """
    absent = absent_measures(stability)
    measures = stability.drop_vars(MAPS, errors="ignore")
    frames = {f"stability_{dims}": frame for dims, frame in tables(measures).items()}
    units = units_table(measures, list(map(str, measures.data_vars)))
    return {**frames, "stability_absent": absent, "stability_units": units}
