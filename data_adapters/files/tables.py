"""Tables of text (``.csv``, ``.tsv``) as programs and laboratories write them, with a header."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.files.limits import refuse_absurd
from data_adapters.files.regular import regular
from data_adapters.files.wording import brief, cut, listed
from data_adapters.options import nearest, one_line
from drift.schema.labelled_form import RefusedInputError

SEPARATORS = (",", ";", "\t")
NUMBERS_TAKE = 4  # bytes in memory for a byte of text, at most
MOST_COLUMNS = 50_000  # the largest recordings have some thousand cells
LONGEST_ENTRY = 2**10  # letters of an entry, on average over a line
FIRST_LINES = 20  # that tell how decimals are written
BLOCK = 2**22  # bytes that are looked through at a time


def read_table(
    path: str | Path, named_by_numbers: bool = False, may_be_empty: bool = False, **how: Any
) -> pd.DataFrame:
    """A table whose columns are separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    named_by_numbers : bool
        Whether columns may be named by numbers alone, such as dates.
    may_be_empty : bool
        Whether a table may end with its header.
    **how
        Of ``pandas.read_csv``.

    Returns
    -------
    pandas.DataFrame
        Columns are named as in the file, without spaces around their names.

    Raises
    ------
    RefusedInputError
        If the file is missing, no text, no table, empty, or larger than one can be, has lines of
        more entries than its header, or names a column twice.
    """
    path = regular(path)
    refuse_absurd((path.stat().st_size,), NUMBERS_TAKE, str(path))
    separator, columns = _laid_out(path)
    _refuse_shapeless(path, columns)
    table = _parsed(path, separator, **how)
    if how.get("header", 0) == 0:
        table.columns = [str(name).strip() for name in table.columns]
        _refuse_twice(path, separator)
        if not named_by_numbers:
            _refuse_numbers(table, path)
    if not len(table) and not may_be_empty:
        raise RefusedInputError(
            f"{path} was expected to have lines below its header, got none: save it again."
        )
    return table


def _parsed(path: Path, separator: str, **how: Any) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # pandas would else take the first of too many entries for names of rows
            return pd.read_csv(
                path,
                sep=separator,
                decimal=_decimal(path, separator),
                encoding=_encoding(path),
                skipinitialspace=True,
                index_col=False,
                **how,
            )
    except pd.errors.ParserWarning as warning:
        raise RefusedInputError(
            f"{path} was expected to have a name for each column, got lines of more entries than "
            "its header: correct the header."
        ) from warning
    except Exception as error:  # damaged text makes pandas raise nearly anything
        raise RefusedInputError(
            f"{path} was expected to be a table with a header line, got: {one_line(error)}; save "
            "it again as .csv."
        ) from error


def _encoding(path: Path) -> str:
    """UTF-8, or UTF-16 where the file begins with its mark, as "Unicode text" of Excel does."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _decimal(path: Path, separator: str) -> str:
    """What stands before decimals: a comma where entries are separated by something else, and the
    first lines have numbers with commas and none with points."""
    if separator == ",":
        return "."
    with path.open(encoding=_encoding(path), errors="replace") as file:
        lines = [file.readline(MOST_COLUMNS) for _line in range(FIRST_LINES)][1:]
    text = "".join(lines)
    return "," if re.search(r"\d,\d", text) and not re.search(r"\d\.\d", text) else "."


def _laid_out(path: Path) -> tuple[str, int]:
    """The separator that the first line has most of, and the number of its columns."""
    with path.open(encoding=_encoding(path), errors="replace") as file:
        line = file.readline(MOST_COLUMNS * LONGEST_ENTRY)
    separator = max(SEPARATORS, key=line.count)
    columns = line.count(separator) + 1
    if columns > MOST_COLUMNS:
        raise RefusedInputError(
            f"{path} was expected to have up to {MOST_COLUMNS} columns, got {columns}: check the "
            "file, or transpose it."
        )
    return separator, columns


def _refuse_shapeless(path: Path, columns: int) -> None:
    """Refuse lines that are too long to be of the table, or too many, before they are parsed."""
    lines, longest, tail = 0, 0, 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            letters = np.frombuffer(block, dtype=np.uint8)
            ends = np.flatnonzero((letters == 10) | (letters == 13))
            lengths = np.diff(ends, prepend=-1 - tail)
            longest = max(longest, int(lengths.max(initial=0)))
            lines += int(np.count_nonzero(lengths > 1))
            tail = len(block) - 1 - int(ends[-1]) if ends.size else tail + len(block)
    longest = max(longest, tail)
    if longest > LONGEST_ENTRY * columns + BLOCK // 4:
        raise RefusedInputError(
            f"{path} was expected to be a table of {columns} columns, got a line of {longest} "
            "letters: check the file."
        )
    refuse_absurd((lines + 1, columns), 8, str(path))


def _refuse_twice(path: Path, separator: str) -> None:
    """Refuse names that only the case of letters tells apart, or nothing."""
    head = _parsed(path, separator, header=None, nrows=1, dtype=str)
    names = [str(name).strip() for name in head.iloc[0].dropna()]
    times = Counter(name.casefold() for name in names if name)
    if twice := [name for name in names if times[name.casefold()] > 1]:
        raise RefusedInputError(
            f"{path} was expected to name each column once, got {brief(twice[0])} and "
            f"{brief(twice[1])}: rename one of them."
        )


def _refuse_numbers(table: pd.DataFrame, path: Path) -> None:
    """Refuse a first line of numbers, which would be lost as names."""
    names = [name for name in table.columns if not name.startswith("Unnamed:")]
    if names and all(_is_number(name) for name in names):
        raise RefusedInputError(
            f"{path} was expected to begin with the names of its columns, got {brief(names[0])}: "
            "add a header line."
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
            f"{path} was expected to hold a column {name!r}, got {listed(table.columns)}: "
            f"{cut(nearest(name, table.columns))}."
        )
    entries = table[name]
    values = pd.to_numeric(entries, errors="coerce").to_numpy(dtype=float)
    wrong = np.isnan(values) & entries.notna().to_numpy()
    wrong &= entries.astype(str).str.strip().to_numpy() != ""
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise RefusedInputError(
            f"column {name!r} of {path} was expected to hold numbers, got "
            f"{brief(entries.iloc[row])} in row {row + 1}: correct it."
        )
    return values
