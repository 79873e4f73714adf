"""Who units are across the files of a subject: the column of their table that says it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.exchange.labels import CONFIDENCE
from data_adapters.exchange.nwb_format import GLOBAL
from data_adapters.session import numbers
from drift.schema.labelled_form import RefusedInputError

COLUMNS = (GLOBAL, "cell_specimen_id", "global_id")
ABSENT = ("", "-1", "nan", "none", "null", "<na>")  # of a unit that was matched with none
ROWS = "id"  # the numbers of the rows of a table, where these name units across files


class Who(NamedTuple):
    """Who the units of a file are: numbers and names in it, and their entries in the column that
    names them across files, where there is one."""

    numbers: NDArray[np.int64]
    labels: list[str]
    column: str | None = None
    entries: tuple[str, ...] = ()
    certainty: NDArray[np.float64] | None = None  # of the identity of each


def who_they_are(
    table: Any, rows: NDArray[np.int64], word: str, identity: str | None, path: Path
) -> Who:
    """Who the units in these rows of a table are.

    Raises
    ------
    RefusedInputError
        If the table lacks the column that was asked for, or it names a unit twice.
    """
    ids = np.asarray(table.id[:])[rows]
    written_labels = table["unit_label"].data[:] if "unit_label" in table.colnames else None
    labels = (
        [f"{word} {number}" for number in (rows if word == "roi" else ids)]
        if written_labels is None
        else [str(written_labels[row]) for row in rows]
    )
    certainty = (
        numbers(table[CONFIDENCE].data[:], f"{CONFIDENCE} in {path}")[rows]
        if CONFIDENCE in table.colnames
        else None
    )
    column = _column(table, identity, path)
    if column is None:
        return Who(ids, labels, certainty=certainty)
    entries = column_entries(table, column, path)
    own = tuple(entries[row] for row in rows)
    if len(set(own)) < len(own):
        twice = next(entry for entry in own if own.count(entry) > 1)
        raise RefusedInputError(
            f"{column} in {path} was expected to name every unit once, got {twice!r} "
            "twice: correct the column."
        )
    return Who(ids, labels, column, own, certainty)


def _column(table: Any, identity: str | None, path: Path) -> str | None:
    if identity is None:
        return next((name for name in COLUMNS if name in table.colnames), None)
    if identity not in (ROWS, *table.colnames):
        raise RefusedInputError(
            f"the table {table.name} in {path} was expected to have the column {identity!r}, got "
            f"{', '.join(table.colnames)}: say identity= and one of these, or {ROWS}."
        )
    return identity


def identities(content: Any, identity: str | None, path: Path) -> dict[str, frozenset[str]]:
    """Entries of the units of a file, by the column that has them."""
    wanted_columns = COLUMNS if identity is None else (identity,)
    entries: dict[str, frozenset[str]] = {}
    for table in content.objects.values():
        names = [name for name in wanted_columns if name in getattr(table, "colnames", ())]
        if identity == ROWS and type(table).__name__ in ("PlaneSegmentation", "Units"):
            names = [ROWS]
        for name in names:
            own = frozenset(column_entries(table, name, path))
            entries[name] = entries.get(name, frozenset()) | own
    return entries


def column_entries(table: Any, column: str, path: Path) -> list[str]:
    """Text of each row; of a unit that was matched with none, text that no other file has."""
    cells = table.id[:] if column not in table.colnames else table[column].data[:]
    if np.ndim(cells) != 1 or len(cells) != len(table):
        raise RefusedInputError(
            f"{column} in {path} was expected to hold one entry for each of {len(table)} units, "
            f"got shape {np.shape(cells)}: name another column by identity=."
        )
    texts = [_text(entry) for entry in cells]
    return [
        f"row {row} of {path}" if text.strip().casefold() in ABSENT else text
        for row, text in enumerate(texts)
    ]


def _text(entry: Any) -> str:
    """An entry as it was meant: 517, not 517.0, where a column of numbers has empty cells."""
    if isinstance(entry, bytes):
        return entry.decode(errors="replace")
    if isinstance(entry, float | np.floating) and float(entry).is_integer():
        return str(int(entry))
    return str(entry)


def across_files(who: Who, everyone: Iterable[str], session: str, path: Path) -> dict[str, Any]:
    """Numbers, labels and identity of units, by their rank among all of the subject where files say
    who they are.

    Parameters
    ----------
    who : Who
        Units of the file.
    everyone : iterable of str
        Entries of the files of the subject in the column of ``who``.
    session : str
        Identity of units that no column names across files.
    path : pathlib.Path
        The file.

    Returns
    -------
    dict
        Arguments of ``session_dataset``.
    """
    if who.column is None:
        return {"unit_label": who.labels, "unit_identity": session}
    ranks = {entry: rank for rank, entry in enumerate(sorted({*everyone}, key=_natural))}
    alone = f" of {path}"
    return {
        "unit": [ranks[entry] for entry in who.entries],
        "unit_label": [
            f"unmatched {entry.removesuffix(alone)}" if entry.endswith(alone) else f"roi {entry}"
            for entry in who.entries
        ],
        "unit_identity": who.column,
    }


def _natural(entry: str) -> tuple[float, str]:
    return (float(entry) if entry.isdigit() else np.inf, entry)
