"""Epochs of a recording: which frames lie in which room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_adapters.assembly.folders import Place
from data_adapters.files.tables import column, read_table
from data_adapters.statements import Statements
from drift.schema.labelled_form import RefusedInputError


def epoch_rooms(
    time: NDArray[np.float64], place: Place, statements: Statements
) -> dict[str, NDArray[np.bool_]]:
    """(frame) by environment, in the order of the table; empty where no table was named.

    Raises
    ------
    RefusedInputError
        If the table lacks a column, an epoch ends before it begins, or none holds two frames.
    """
    if statements.epochs is None:
        return {}
    file = place.named(statements.epochs, "epochs")
    table = read_table(file)
    starts, stops = (column(table, name, file) for name in ("start", "stop"))
    if "environment" not in table.columns:
        raise RefusedInputError(
            f"{file} was expected to hold the columns start, stop and environment, got "
            f"{', '.join(table.columns)}: add them."
        )
    if not (stops > starts).all():
        row = int(np.flatnonzero(~(stops > starts))[0])
        raise RefusedInputError(
            f"epochs in {file} were expected to end after they begin, got {starts[row]:g} to "
            f"{stops[row]:g} s in row {row + 1}: correct it."
        )
    rooms: dict[str, NDArray[np.bool_]] = {}
    for start, stop, name in zip(starts, stops, table["environment"], strict=True):
        inside = (time >= start) & (time < stop)
        rooms[str(name)] = rooms.get(str(name), np.zeros(time.size, dtype=bool)) | inside
    if all(inside.sum() < 2 for inside in rooms.values()):
        raise RefusedInputError(
            f"epochs in {file} were expected to hold frames ({time[0]:.6g} to {time[-1]:.6g} s), "
            f"got {starts.min():g} to {stops.max():g} s: use the clock of the frames."
        )
    return rooms
