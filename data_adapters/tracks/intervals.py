"""Intervals of a table: epochs and trials, a line each, with a start and a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.files.tables import column
from data_adapters.tracks.headings import SECONDS, heading
from drift.schema.labelled_form import RefusedInputError


def intervals_of(
    table: pd.DataFrame, start: str, stop: str, what: str, path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Starts and stops of the lines of a table, s, by the units in the names of their columns.

    Parameters
    ----------
    table : pandas.DataFrame
        As the file has it.
    start, stop : str
        Columns.
    what : str
        What the lines are, for the message.
    path : pathlib.Path
        For messages.

    Returns
    -------
    starts, stops : numpy.ndarray
        (line,) s.

    Raises
    ------
    RefusedInputError
        If an entry is no number, or a line ends before it begins.
    """
    starts, stops = (
        column(table, name, path) * SECONDS.get(heading(name)[1], 1.0) for name in (start, stop)
    )
    if not (stops > starts).all():
        row = int(np.flatnonzero(~(stops > starts))[0])
        raise RefusedInputError(
            f"{what} in {path} were expected to end after they begin, got {starts[row]:g} to "
            f"{stops[row]:g} s in row {row + 1}: correct it."
        )
    return starts, stops
