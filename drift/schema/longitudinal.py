"""The door of longitudinal Datasets: whoever has measured sessions, of networks, circuits, animals
or published maps, passes through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from drift.errors import SchemaError
from drift.schema.labelled_form import check, variable_of
from drift.schema.map_dims import STIMULUS, over_stimuli

PAIR = ("subject", "session")


def longitudinal_dataset(
    variables: Mapping[str, xr.DataArray | tuple[Sequence[str], Any]],
    coords: Mapping[str, Any],
    *,
    elapsed: Any,
    elapsed_units: str,
    units: Mapping[str, str] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Longitudinal Dataset with the units and meanings of the labelled form.

    The twin of ``data_adapters.session.session_dataset``. Every variable has a row in
    ``drift.schema.VARIABLES``, which says its dims, its units and what it means; ``recorded`` is
    int8; dims stand in the order of the table, others behind them.

    Parameters
    ----------
    variables : mapping
        Arrays by name, labelled or as (dims, values).
    coords : mapping
        At least ``subject`` and ``session``; places with ``place_attrs``, or stimuli with
        ``stimulus_attrs``, which change what variables are said to mean; labels such as
        ``unit_identity`` and ``environment``, numbers of subjects.
    elapsed : array_like
        (subject, session) real elapsed time; NaN where a subject has no such session.
    elapsed_units : {"step", "min", "day", ...}
        Of ``elapsed``.
    units : mapping, optional
        Units that the table leaves open, such as ``{"rate": "events/s"}``.
    attrs : mapping, optional
        Of the Dataset.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    SchemaError
        If a variable has no row in the table, other dims, or no numbers, or a subject or session
        has no label.
    """
    if missing := [name for name in PAIR if name not in coords]:
        raise SchemaError(f"a longitudinal Dataset needs the coordinate {missing[0]}: name all.")
    shown = STIMULUS in coords
    arrays = {
        name: _described(name, values, (units or {}).get(name), shown)
        for name, values in variables.items()
    }
    time = _described("elapsed", (PAIR, np.asarray(elapsed, dtype=float)), elapsed_units)
    dataset = xr.Dataset(arrays, attrs=dict(attrs or {})).assign_coords({**coords, "elapsed": time})
    return check(dataset, *arrays, "elapsed")


def _described(name: str, values: Any, units: str | None, shown: bool = False) -> xr.DataArray:
    """An array as the table describes it; what it says of itself comes before, ``units`` last."""
    row = variable_of(name)
    array = values if isinstance(values, xr.DataArray) else xr.DataArray(values[1], dims=values[0])
    if name == "recorded":
        array = array.fillna(0).astype("int8")
    own = {key: value for key, value in array.attrs.items() if key in ("units", "long_name")}
    meaning = row.over_stimuli or row.meaning if shown else row.meaning
    attrs = {"units": row.units, "long_name": meaning, **own}
    attrs |= {} if units is None else {"units": units}
    bare = array.rename(name).drop_attrs(deep=False).assign_attrs(attrs)
    dims = over_stimuli(row.dims, bare.dims)
    extra_dims = [dim for dim in bare.dims if dim not in dims]
    return bare.transpose(*(dim for dim in dims if dim in bare.dims), *extra_dims)
