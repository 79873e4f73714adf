"""The labelled form shared by networks, circuits and animals: which variables exist, with which
dims and units.

Two kinds of Dataset travel through repdrift. A *session* Dataset holds what was recorded once, by
sample: ``activity (sample, unit)`` and ``position (sample[, axis])``. A *longitudinal* Dataset
holds what sessions have in common, by place and over days or learning steps: ``rate (subject,
session, unit, place[, direction])`` and everything that is measured on it. Where a session has the
coordinate ``stimulus (sample)`` instead of a position, the dim ``stimulus`` stands in the place of
``place``. NaN means not observed, 0 means silent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import xarray as xr

import drift.schema.accessor  # noqa: F401  (gives every Dataset its entry ``dataset.drift``)
from drift.door import opened
from drift.door.quantities import LazyDataset
from drift.errors import RefusedInputError, SchemaError, did_you_mean
from drift.schema.map_dims import map_dim, over_stimuli
from drift.schema.variables import VARIABLES, Variable

__all__ = [
    "VARIABLES",
    "RefusedInputError",
    "SchemaError",
    "Variable",
    "check",
    "combine",
    "described",
    "labelled",
]

VERSION = 1
OPTIONAL_DIMS = ("direction", "environment", "lag", "axis")


def _faults(dataset: xr.Dataset, name: str) -> Iterable[str]:
    if name not in dataset.variables:
        similar = did_you_mean(name, dataset.variables)
        yield f"{name} is missing" + (f" ({similar})" if similar.endswith("?") else "")
        return
    if name not in VARIABLES:
        yield f"{name} is not in the table of variables ({did_you_mean(name, VARIABLES)})"
        return
    array = dataset.variables[name]
    dims = array.dims
    expected = over_stimuli(VARIABLES[name].dims, dims)
    missing = [dim for dim in expected if dim not in dims]
    surplus = [str(dim) for dim in dims if dim not in expected and dim not in OPTIONAL_DIMS]
    if missing or surplus:
        yield f"{name} has dims ({', '.join(map(str, dims))}) instead of ({', '.join(expected)})"
    if not VARIABLES[name].flag and not np.issubdtype(array.dtype, np.number):
        yield f"{name} holds {array.dtype} instead of numbers"
    elif array.size == 0:
        yield f"{name} is empty"


@opened
def check(dataset: LazyDataset, *names: str) -> xr.Dataset:
    """Return the Dataset if it holds the named variables as the labelled form has them.

    Parameters
    ----------
    dataset : xarray.Dataset
        Session or longitudinal Dataset.
    *names : str
        Variables that the caller needs; see ``VARIABLES``.

    Returns
    -------
    xarray.Dataset
        The same Dataset.

    Raises
    ------
    SchemaError
        With all faults in one message; a misspelt name is answered by the most similar one.
    """
    if not isinstance(dataset, xr.Dataset):
        raise SchemaError(
            f"an xarray Dataset is needed, got {type(dataset).__name__}: pass the result of "
            "train, measure or load."
        )
    faults = [fault for name in names for fault in _faults(dataset, name)]
    if faults:
        raise SchemaError(
            "the Dataset does not fit: "
            + "; ".join(faults)
            + ". See drift.schema.VARIABLES for the labelled form."
        )
    return dataset


def variable_of(name: str) -> Variable:
    """Return the row of the table.

    Parameters
    ----------
    name : str
        A name in ``VARIABLES``.

    Raises
    ------
    SchemaError
        If there is none.
    """
    if name not in VARIABLES:
        raise SchemaError(
            f"{name} is not in the table of variables drift.schema.VARIABLES: "
            f"{did_you_mean(name, VARIABLES)}"
            " A new measure needs a row there."
        )
    return VARIABLES[name]


def described(array: xr.DataArray, name: str, **attributes: str | float) -> xr.DataArray:
    """Return ``array`` under a name of the labelled form, with the units and the meaning that
    belong to it.

    Parameters
    ----------
    array : xarray.DataArray
        The numbers.
    name : str
        A name in ``VARIABLES``.
    **attributes
        Attributes that add to or replace ``units`` and ``long_name``.

    Returns
    -------
    xarray.DataArray

    Raises
    ------
    SchemaError
        If the table has no such name.
    """
    variable = variable_of(name)
    result = array.copy(deep=False)
    result.name = name
    result.attrs.update({"units": variable.units, "long_name": variable.meaning, **attributes})
    return result


def labelled(
    name: str, dims: Sequence[str], values: object, **attributes: str | float
) -> xr.DataArray:
    """Return a DataArray with the units and the meaning that the labelled form gives to ``name``.

    Parameters
    ----------
    name : str
        A name in ``VARIABLES``.
    dims : sequence of str
        Dims of ``values``.
    values : array_like
        The numbers.
    **attributes
        Attributes that add to or replace ``units`` and ``long_name``.

    Returns
    -------
    xarray.DataArray

    Raises
    ------
    SchemaError
        If the table has no such name.
    """
    return described(xr.DataArray(np.asarray(values), dims=tuple(dims)), name, **attributes)


def combine(subjects: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join single-subject longitudinal Datasets along ``subject``; what a subject lacks becomes
    NaN, never 0.

    Parameters
    ----------
    subjects : sequence of xarray.Dataset
        Longitudinal Datasets with a ``subject`` dim, units and sessions numbered from 0.

    Returns
    -------
    xarray.Dataset
        With dims ``subject`` first; attributes of the first subject.

    Raises
    ------
    SchemaError
        If the list is empty.
    """
    if not subjects:
        raise SchemaError(
            "there is no subject to combine: give at least one experiment or recording."
        )
    if len(subjects) == 1:
        return subjects[0]
    joined = xr.concat(
        _alike(subjects),
        dim="subject",
        join="outer",
        data_vars="all",
        coords="different",
        compat="equals",
        combine_attrs="override",
    )
    if "recorded" in joined:
        joined["recorded"] = (
            joined["recorded"].fillna(0).astype("int8").assign_attrs(subjects[0]["recorded"].attrs)
        )
    return joined


def _alike(subjects: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return the Datasets with the same optional dims, so that nothing is copied where nothing was
    observed."""
    if len({"direction" in subject.dims for subject in subjects if "rate" in subject}) > 1:
        raise SchemaError(
            "rate maps with and without running direction cannot stand in one Dataset: "
            "measure them the same way."
        )
    if len({map_dim(subject) for subject in subjects if "rate" in subject}) > 1:
        raise SchemaError(
            "maps over places and maps over stimuli cannot stand in one Dataset: keep them apart."
        )
    named = {
        dim: subject[dim]
        for subject in subjects
        for dim in ("environment", "direction", "place", "stimulus")
        if dim in subject.dims
    }
    subjects = [
        subject.assign_coords(
            {dim: axis for dim, axis in named.items() if dim not in (*subject.dims, "environment")}
        )
        for subject in subjects
    ]
    if "environment" not in named:
        return subjects
    several = {
        name: "environment" in values.dims
        for subject in subjects
        if "environment" in subject.dims
        for name, values in subject.items()
    }
    return [
        subject if "environment" in subject.dims else _one_environment(subject, several)
        for subject in subjects
    ]


def _one_environment(subject: xr.Dataset, several: dict[Hashable, bool]) -> xr.Dataset:
    """A subject of one environment among others of several: what was measured by environment was
    measured in the first.

    ``several`` tells of the variables of the others whether they have the dim; the table tells of
    the rest.
    """
    by_place = [
        str(name)
        for name in subject
        if several.get(name, name in VARIABLES and VARIABLES[str(name)].of_place)
    ]
    return subject.assign(
        {name: subject[name].expand_dims("environment", axis=-1) for name in by_place}
    ).assign_coords(environment=[0])
