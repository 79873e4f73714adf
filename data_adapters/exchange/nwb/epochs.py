"""In which room a sample lies: tags of epochs, and columns of other tables of intervals that name
environments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.session import numbers
from data_adapters.statements import Statements
from drift.schema.labelled_form import RefusedInputError

ROOMS = ("environment", "environment_name", "context", "maze")  # columns that name where
NAMES = ("tags", "label", "epoch_name", "name", "condition")  # and columns that may
TABLES = (".csv", ".tsv", ".txt")
NUMBERING = "0123456789 _-"  # epochs whose names differ in these alone are runs in one room
Samples = dict[str, NDArray[np.bool_]]


def is_table(epochs: str | Path | None) -> bool:
    """Tell whether epochs are those of a file, not tags."""
    return epochs is not None and Path(epochs).suffix.casefold() in TABLES


def tagged_rooms(
    content: Any,
    time: NDArray[np.float64],
    tracked: NDArray[np.bool_],
    statements: Statements,
    path: Path,
) -> Iterator[tuple[str | None, NDArray[np.bool_] | None]]:
    """Rooms that are to be read, with the samples in them.

    Parameters
    ----------
    content : pynwb.NWBFile
        The open file.
    time : numpy.ndarray
        (sample) s.
    tracked : numpy.ndarray of bool
        (sample) where the position is known.
    statements : Statements
        With tags of epochs, separated by commas, each of which becomes a session; with an
        environment, too, all of them are taken to lie there.
    path : pathlib.Path
        For messages.

    Yields
    ------
    environment : str or None
        None: what the file or the caller says of it as a whole.
    inside : numpy.ndarray of bool or None
        (sample,); None for all.

    Raises
    ------
    RefusedInputError
        If a tag is unknown, or epochs with tracked positions have tags that differ in more than a
        number.
    """
    columns = _columns(content, time, path)
    if statements.epochs is None:
        _refuse_rooms(columns, tracked, statements, path)
        yield None, None
        return
    held: Samples = {}
    for _, samples in columns:
        for tag, inside in samples.items():
            held[tag] = held.get(tag, np.zeros(time.size, dtype=bool)) | inside
    tags = list(dict.fromkeys(tag.strip() for tag in str(statements.epochs).split(",")))
    for tag in tags:
        _refuse_unknown(tag, held, path)
    if statements.environment is not None:
        yield statements.environment, np.any([held[tag] for tag in tags], axis=0)
        return
    for tag in tags:
        yield tag, held[tag]


def _refuse_unknown(tag: str, held: Samples, path: Path) -> None:
    if tag not in held:
        raise RefusedInputError(
            f"{path} was expected to hold the epoch {tag!r}, got {', '.join(held) or 'none'}: "
            "name one."
        )
    if held[tag].sum() < 2:
        raise RefusedInputError(
            f"the epoch {tag!r} of {path} was expected to hold samples, got {held[tag].sum()}: "
            "name another."
        )


def _refuse_rooms(
    columns: list[tuple[bool, Samples]],
    tracked: NDArray[np.bool_],
    statements: Statements,
    path: Path,
) -> None:
    """Refuse samples in several rooms that are not told apart by the caller."""
    if statements.environment is not None:
        return
    for tells_rooms, samples in columns:
        rooms = [tag for tag, inside in samples.items() if (inside & tracked).any()]
        if tells_rooms and len({tag.rstrip(NUMBERING) for tag in rooms}) > 1:
            raise RefusedInputError(
                f"{path} was expected to hold one environment, got tracked positions in the "
                f"epochs {', '.join(rooms)}: take one by "
                f"epochs={rooms[0]}, or say environment= if all are the same room."
            )


def _columns(content: Any, time: NDArray[np.float64], path: Path) -> list[tuple[bool, Samples]]:
    """(sample) by label, for each column of intervals that has labels, and whether these tell
    rooms: tags of epochs do, unless another column names environments."""
    columns = []
    tables = [content.epochs, *(content.intervals or {}).values(), content.trials]
    for table in filter(lambda table: table is not None, tables):
        rooms = [name for name in ROOMS if name in table.colnames]
        names = [name for name in NAMES if name in table.colnames]
        telling = (rooms or names)[:1] if table is content.epochs else rooms[:1]
        columns += [
            (name in telling, _labelled(table, name, time, path)) for name in (*rooms, *names)
        ]
    return columns


def _labelled(table: Any, column: str, time: NDArray[np.float64], path: Path) -> Samples:
    starts, stops = (
        numbers(table[name].data[:], f"{name} of {table.name} in {path}")
        for name in ("start_time", "stop_time")
    )
    held: Samples = {}
    for row, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        inside = (time >= start) & (time < stop)
        entry = table[column][row]
        for tag in [entry] if isinstance(entry, str) or np.ndim(entry) == 0 else entry:
            held[str(tag)] = held.get(str(tag), False) | inside
    return held
