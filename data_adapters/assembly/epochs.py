"""Epochs of a recording: which frames lie in which room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.assembly.folders import Place
from data_adapters.files.tables import read_table
from data_adapters.statements import Statements
from data_adapters.tracks.headings import (
    ROOMS,
    STARTS,
    STOPS,
    named_columns,
    of_names,
)
from data_adapters.tracks.intervals import intervals_of
from data_adapters.tracks.track import MOST_ROOMS
from drift.schema.labelled_form import RefusedInputError

OVERLAP = 1e-6  # s by which epochs may


def epoch_rooms(
    time: NDArray[np.float64], place: Place, statements: Statements
) -> dict[str, NDArray[np.bool_]]:
    """(frame) by environment, in the order of the table; empty where no table was named.

    Raises
    ------
    RefusedInputError
        If the table lacks a column, epochs end before they begin or overlap, or a room holds no
        two frames.
    """
    if statements.epochs is None:
        return {}
    file = place.named(statements.epochs, "epochs")
    starts, stops, names = _epochs(file)
    rooms: dict[str, NDArray[np.bool_]] = {}
    for start, stop, name in zip(starts, stops, names, strict=True):
        inside = (time >= start) & (time < stop)
        rooms[name] = rooms.get(name, np.zeros(time.size, dtype=bool)) | inside
    for name, inside in rooms.items():
        if inside.sum() < 2:
            raise RefusedInputError(
                f"epochs of {name!r} in {file} were expected to hold frames ({time[0]:.6g} to "
                f"{time[-1]:.6g} s on the clock of the track), got {int(inside.sum())}: use that "
                "clock."
            )
    return rooms


def _epochs(file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Starts, stops (s) and environments of a table."""
    table = read_table(file)
    named = named_columns(table)
    columns = [of_names(named, names) for names in (STARTS, STOPS, ROOMS)]
    if not len(table) or None in columns:
        raise RefusedInputError(
            f"{file} was expected to hold the columns start, stop (s) and environment, got "
            f"{', '.join(table.columns)} and {len(table)} lines: add them."
        )
    start, stop, room = map(str, columns)
    starts, stops = intervals_of(table, start, stop, "epochs", file)
    order = np.argsort(starts)
    overlap = np.flatnonzero(starts[order][1:] < stops[order][:-1] - OVERLAP)
    if overlap.size:
        first, second = order[overlap[0]] + 1, order[overlap[0] + 1] + 1
        raise RefusedInputError(
            f"epochs in {file} were expected to follow each other, got rows {first} and {second} "
            "that overlap: correct one of them."
        )
    names = ["" if pd.isna(name) else str(name).strip() for name in table[room]]
    if "" in names or len(set(names)) > MOST_ROOMS:
        raise RefusedInputError(
            f"epochs in {file} were expected to name up to {MOST_ROOMS} environments, got "
            f"{len(set(names))}, or none in some row: name each."
        )
    return starts, stops, names
