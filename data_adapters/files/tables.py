"""Tables of text (``.csv``, ``.tsv``) as programs and laboratories write them, with a header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.files.limits import refuse_absurd
from data_adapters.options import existing, nearest, one_line
from drift.schema.labelled_form import RefusedInputError

SEPARATORS = (",", ";", "\t")
NUMBERS_TAKE = 4  # bytes in memory for a byte of text, at most


def read_table(path: str | Path, **how: Any) -> pd.DataFrame:
    """A table whose columns are separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    **how
        Of ``pandas.read_csv``.

    Returns
    -------
    pandas.DataFrame
        Columns are named as in the file, without spaces around their names.

    Raises
    ------
    RefusedInputError
        If the file is missing, no text, no table, or names a column twice.
    """
    path = existing(path)
    refuse_absurd((path.stat().st_size,), NUMBERS_TAKE, str(path))
    try:
        table = pd.read_csv(path, sep=_separator(path), skipinitialspace=True, **how)
    except Exception as error:  # damaged text makes pandas raise nearly anything
        raise RefusedInputError(
            f"{path} was expected to be a table with a header line, got: {one_line(error)}; save "
            "it again as .csv."
        ) from error
    if how.get("header", 0) == 0:
        table.columns = [str(name).strip() for name in table.columns]
        _refuse_numbers(table, path)
    return table


def _separator(path: Path) -> str:
    """The separator that the first line has most of."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline(2**16)
    return max(SEPARATORS, key=line.count)


def _refuse_numbers(table: pd.DataFrame, path: Path) -> None:
    """Refuse a first line of numbers, which would be lost as names."""
    names = [name for name in table.columns if not name.startswith("Unnamed:")]
    if names and all(_is_number(name) for name in names):
        raise RefusedInputError(
            f"{path} was expected to begin with the names of its columns, got {names[0]!r}: add "
            "a header line."
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def column(table: pd.DataFrame, name: str, path: Path) -> NDArray[np.float64]:
    """Numbers of a column; empty cells are NaN.

    Raises
    ------
    RefusedInputError
        If there is no such column, or an entry is no number.
    """
    if name not in table.columns:
        raise RefusedInputError(
            f"{path} was expected to hold a column {name!r}, got {', '.join(table.columns)}: "
            f"{nearest(name, table.columns)}."
        )
    entries = table[name]
    values = pd.to_numeric(entries, errors="coerce").to_numpy(dtype=float)
    wrong = np.isnan(values) & entries.notna().to_numpy()
    wrong &= entries.astype(str).str.strip().to_numpy() != ""
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise RefusedInputError(
            f"column {name!r} of {path} was expected to hold numbers, got {entries.iloc[row]!r} "
            f"in row {row + 1}: correct it."
        )
    return values
