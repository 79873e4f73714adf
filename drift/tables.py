"""Labelled results as plain tables: one CSV file for each set of dims, one row for each label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from drift.checkpoint import replaced_atomically
from drift.errors import RefusedInputError

DROPPED = ("experiment",)  # a recipe for each row would dwarf the numbers


def tables(dataset: xr.Dataset, variables: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
    """Return the variables of a Dataset as tables, those of equal dims side by side.

    Parameters
    ----------
    dataset : xarray.Dataset
        Any labelled result.
    variables : sequence of str
        Which variables; all by default.

    Returns
    -------
    dict of str to pandas.DataFrame
        By dims, such as ``subject_session_unit``; one row for each combination of labels, coordinates of these dims as further columns.
        A row without any number, which was not observed, is left out.

    Raises
    ------
    RefusedInputError
        If a variable does not exist.
    """
    unknown = [name for name in variables if name not in dataset]
    if unknown:
        raise RefusedInputError(f"there is no variable {unknown[0]!r}: use some of {', '.join(map(str, dataset.data_vars))}.")
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in variables or dataset.data_vars:
        groups.setdefault(tuple(map(str, dataset[name].dims)), []).append(str(name))
    return {"_".join(dims) or "single": _table(dataset, dims, names) for dims, names in groups.items()}


def _table(dataset: xr.Dataset, dims: tuple[str, ...], names: Sequence[str]) -> pd.DataFrame:
    chosen = dataset[list(names)].drop_vars(DROPPED, errors="ignore")
    if not dims:
        return pd.DataFrame([{name: chosen[name].item() for name in names}])
    beside = [name for name, values in chosen.coords.items() if name not in dims and set(values.dims) <= set(dims)]
    frame = chosen.reset_coords([name for name in chosen.coords if name not in (*dims, *beside)], drop=True).to_dataframe(
        dim_order=list(dims)
    )
    return frame.dropna(how="all", subset=list(names)).reset_index()


def write_tables(dataset: xr.Dataset, folder: str | Path, variables: Sequence[str] = (), *, overwrite: bool = False) -> list[Path]:
    """Write the tables of a Dataset as CSV files, named by their dims, and one ``units.csv`` with units and meanings.

    Parameters
    ----------
    dataset, variables
        See ``tables``.
    folder : str or Path
        Must exist.
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    list of Path

    Raises
    ------
    RefusedInputError
        If a variable does not exist, or a file does and is to be kept; then nothing is written.
    """
    found = tables(dataset, variables)
    found["units"] = _units(dataset, list(variables or dataset.data_vars))
    paths = {name: Path(folder) / f"{name}.csv" for name in found}
    present = [str(path) for path in paths.values() if path.exists()]
    if present and not overwrite:
        raise RefusedInputError(f"{present[0]} exists and is kept: choose another folder, or ask for overwrite.")
    for name, frame in found.items():
        with replaced_atomically(paths[name]) as temporary:
            frame.to_csv(temporary, index=False)
    return list(paths.values())


def _units(dataset: xr.Dataset, names: Sequence[object]) -> pd.DataFrame:
    columns = [name for name in dataset.coords if name not in DROPPED]
    rows = [(name, dataset[name].attrs.get("units", ""), dataset[name].attrs.get("long_name", "")) for name in [*names, *columns]]
    return pd.DataFrame(rows, columns=["column", "units", "meaning"])
