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
Intervals = dict[str, list[tuple[float, float]]]  # s, by label


def is_table(epochs: str | Path | None) -> bool:
    """Tell whether epochs are those of a file, not tags."""
    return epochs is not None and Path(epochs).suffix.casefold() in TABLES


def tags_of(statements: Statements) -> list[str]:
    """Tags that become a session each, none where ``epochs`` is no list of tags."""
    if statements.epochs is None or is_table(statements.epochs) or statements.environment:
        return []
    return list(dict.fromkeys(tag.strip() for tag in str(statements.epochs).split(",")))


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
    columns = _columns(content, path)
    if statements.epochs is None:
        if statements.environment is None:
            _refuse_rooms(columns, time, tracked, path)
        yield None, None
        return
    tags = list(dict.fromkeys(tag.strip() for tag in str(statements.epochs).split(",")))
    labels = {name for _is_room, labelled in columns for name in labelled}
    # a file need not have been recorded in every room; a tag that no file has is refused at the end
    own = [tag for tag in tags if tag in labels] or tags
    held = {tag: _samples(tag, columns, time, path) for tag in own}
    if statements.environment is not None:
        yield statements.environment, np.any(list(held.values()), axis=0)
        return
    yield from held.items()


def _samples(
    tag: str, columns: list[tuple[bool, Intervals]], time: NDArray[np.float64], path: Path
) -> NDArray[np.bool_]:
    """Samples in the intervals of a label."""
    intervals = [interval for _is_room, labelled in columns for interval in labelled.get(tag, ())]
    if not intervals:
        labels = ", ".join(
            list(dict.fromkeys(name for _is_room, labelled in columns for name in labelled))[:20]
        )
        raise RefusedInputError(
            f"{path} was expected to hold the epoch {tag!r}, got {labels or 'none'}: name one."
        )
    inside = _inside(intervals, time)
    if inside.sum() < 2:
        raise RefusedInputError(
            f"the epoch {tag!r} of {path} was expected to hold samples, got {inside.sum()}: name "
            "another."
        )
    return inside


def _inside(intervals: list[tuple[float, float]], time: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside = np.zeros(time.size, dtype=bool)
    for start, stop in intervals:
        inside[np.searchsorted(time, start) : np.searchsorted(time, stop)] = True
    return inside


def _refuse_rooms(
    columns: list[tuple[bool, Intervals]],
    time: NDArray[np.float64],
    tracked: NDArray[np.bool_],
    path: Path,
) -> None:
    """Refuse samples in several rooms that are not told apart by the caller."""
    for tells_rooms, labelled in columns:
        if not tells_rooms:
            continue
        rooms = [tag for tag in labelled if (_inside(labelled[tag], time) & tracked).any()]
        if len({tag.rstrip(NUMBERING) for tag in rooms}) > 1:
            raise RefusedInputError(
                f"{path} was expected to hold one environment, got tracked positions in the "
                f"epochs {', '.join(rooms[:20])}: take one by "
                f"epochs={rooms[0]}, or say environment= if all are the same room."
            )


def _columns(content: Any, path: Path) -> list[tuple[bool, Intervals]]:
    """Intervals by label, for each column of intervals that has labels, and whether these tell
    rooms: tags of epochs do, unless another column names environments."""
    columns = []
    tables = [content.epochs, *(content.intervals or {}).values(), content.trials]
    for table in filter(lambda table: table is not None, tables):
        rooms = [name for name in ROOMS if name in table.colnames]
        names = [name for name in NAMES if name in table.colnames]
        telling = (rooms or names)[:1] if table is content.epochs else rooms[:1]
        columns += [(name in telling, _labelled(table, name, path)) for name in (*rooms, *names)]
    return columns


def _labelled(table: Any, column: str, path: Path) -> Intervals:
    starts, stops = (
        numbers(table[name].data[:], f"{name} of {table.name} in {path}")
        for name in ("start_time", "stop_time")
    )
    intervals: Intervals = {}
    for row, bounds in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        entry = table[column][row]
        if not np.isfinite(bounds).all():
            bounds = (np.inf, np.inf)  # not ended: no sample lies in it
        for tag in [entry] if isinstance(entry, str) or np.ndim(entry) == 0 else entry:
            intervals.setdefault(str(tag), []).append(bounds)
    return intervals
