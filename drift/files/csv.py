"""Labelled results as plain tables: one CSV file for each set of dims, one row for each label."""

from __future__ import annotations

import csv
import itertools
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

import pandas as pd
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.files.atomic import check_target, replaced_atomically
from drift.texts import encoding

DROPPED = ("experiment",)  # a recipe for each row would dwarf the numbers
NUMERIC = "biufcmM"  # kinds of numbers and times
# What a spreadsheet takes for a formula: a cell that begins so and is more than a sign or a number.
# A lone sign is no formula; a lone carriage return or tab is marked as well.
FORMULA = re.compile(
    r"(?![^\t\r\n]\Z)(?![+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z)[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
)


@opened
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
        By dims, such as ``subject_session_unit``; one row for each combination of labels,
        coordinates of these dims as further columns. A row without any number, which was not
        observed, is left out.

    Raises
    ------
    RefusedInputError
        If a variable does not exist.
    """
    refuse_unknown(dataset, variables)
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in list(variables) or list(map(str, dataset.data_vars)):
        groups.setdefault(tuple(map(str, dataset[name].dims)), []).append(str(name))
    return {
        "_".join(dims) or "single": _table(dataset, dims, names) for dims, names in groups.items()
    }


def refuse_unknown(dataset: xr.Dataset, variables: Sequence[str]) -> None:
    """Refuse names of variables that a Dataset does not have."""
    unknown = [name for name in variables if name not in dataset]
    if unknown:
        raise RefusedInputError(
            f"there is no variable {unknown[0]!r}: use some of "
            f"{', '.join(map(str, dataset.data_vars))}."
        )


def _table(dataset: xr.Dataset, dims: tuple[str, ...], names: Sequence[str]) -> pd.DataFrame:
    selection = dataset[list(names)].drop_vars(DROPPED, errors="ignore")
    if not dims:
        return pd.DataFrame([{name: selection[name].item() for name in names}])
    beside = [
        name
        for name, values in selection.coords.items()
        if name not in dims and set(values.dims) <= set(dims)
    ]
    frame = selection.reset_coords(
        [name for name in selection.coords if name not in (*dims, *beside)], drop=True
    ).to_dataframe(dim_order=list(dims))
    return frame.dropna(how="all", subset=list(names)).reset_index()


@opened
def write_tables(
    dataset: xr.Dataset,
    folder: str | Path,
    variables: Sequence[str] = (),
    *,
    further: Mapping[str, pd.DataFrame] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write the tables of a Dataset as CSV files, named by their dims, and one ``units.csv`` with
    units and meanings.

    Text that a spreadsheet would run as a formula, such as a label ``=A1`` or ``@sum``, gets an
    apostrophe in front, by which spreadsheets know text; numbers stay numbers. All files are
    written, or none is; ``read_table`` reads them back equal.

    Parameters
    ----------
    dataset, variables
        See ``tables``.
    folder : str or Path
        Must exist.
    further : mapping of str to pandas.DataFrame, optional
        More tables, by the names of their files without the ending.
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
    frames = {**tables(dataset, variables), **(further or {})}
    frames["units"] = units_table(dataset, list(map(str, variables or dataset.data_vars)))
    paths = {name: Path(folder) / f"{name}.csv" for name in frames}
    strange = next((name for name in frames if Path(name).name != name), None)
    if strange is not None:
        raise RefusedInputError(f"the dims {strange!r} cannot name a file: rename them.")
    for path in paths.values():
        check_target(path, overwrite=overwrite)
    with ExitStack() as unfinished:
        for name, frame in frames.items():
            temporary = unfinished.enter_context(
                replaced_atomically(paths[name], overwrite=overwrite)
            )
            _write(_each_text(frame, _marked), temporary)
    return list(paths.values())


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table, all texts in quotes where one has a carriage return, which outside of them
    would end a row."""
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    cells = itertools.chain(
        frame.columns, *(column for column in columns if column.dtype.kind not in NUMERIC)
    )
    ends_rows = any(isinstance(cell, str) and "\r" in cell for cell in cells)
    frame.to_csv(
        path, index=False, quoting=csv.QUOTE_NONNUMERIC if ends_rows else csv.QUOTE_MINIMAL
    )


@opened
def read_table(path: str | Path) -> pd.DataFrame:
    """Return a table that ``write_tables`` has written, its texts without the apostrophes that keep
    spreadsheets from running them.

    A CSV file has no types: a column whose texts are all numbers is read as numbers, an empty text
    as missing.

    Parameters
    ----------
    path : str or Path
        A CSV file.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    RefusedInputError
        If the file cannot be read as a table.
    """
    try:
        content = Path(path).read_bytes()
        text = StringIO(content.decode(encoding(content)))
        with warnings.catch_warnings():
            # pandas 3 warns of this option, whose effect is its default
            warnings.simplefilter("ignore", Warning)
            frame = pd.read_csv(
                text, float_precision="round_trip", keep_default_na=False, na_values=[""]
            )
            return _each_text(frame, _unmarked)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()).rstrip(".")
        raise RefusedInputError(
            f"{path} cannot be read as a table ({reason}): give a file of write_tables."
        ) from None


def _each_text(frame: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    """Return a table with its names and all of its texts changed."""
    changed = frame.rename(columns=change)
    columns = [place for place, kind in enumerate(changed.dtypes) if kind.kind not in NUMERIC]
    return changed.assign(
        **{changed.columns[place]: changed.iloc[:, place].map(change) for place in columns}
    )


def _marked(cell: object) -> object:
    """A text that would be run with an apostrophe in front, also where it has one already: marks
    can be taken away again."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell.lstrip("'")) else cell


def _unmarked(cell: object) -> object:
    marked = isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell.lstrip("'"))
    return str(cell)[1:] if marked else cell


@opened
def units_table(dataset: xr.Dataset, names: Sequence[str]) -> pd.DataFrame:
    """Return units and meanings of variables and coordinates, one row each.

    Parameters
    ----------
    dataset : xarray.Dataset
    names : sequence of str
        The variables.

    Returns
    -------
    pandas.DataFrame
        ``column``, ``units`` and ``meaning``.
    """
    columns = [name for name in dataset.coords if name not in DROPPED]
    rows = [
        (name, dataset[name].attrs.get("units", ""), dataset[name].attrs.get("long_name", ""))
        for name in [*names, *columns]
    ]
    return pd.DataFrame(rows, columns=["column", "units", "meaning"])
