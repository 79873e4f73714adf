"""track2p: cells of suite2p followed over days (Majnik et al. 2025, doi 10.7554/eLife.107540).

``plane<k>_suite2p_indices_nan.npy`` (region of the first day, day) float64 are rows of suite2p's
``stat.npy`` counted from 0, NaN where the cell was not found; ``plane<k>_suite2p_indices.csv`` is
the same with the names of the days as its header. ``plane<k>_match_mat.npy`` counts after
``iscell``, which is not the same.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.files.arrays import read_npy
from data_adapters.files.regular import regular
from data_adapters.files.tables import column, read_table
from data_adapters.registrations.cell_map import Cells, Registration
from drift.schema.labelled_form import RefusedInputError

DAY = re.compile(r"(20)?\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


def read_track2p(path: Path, base: int | None, cells: Cells) -> Registration:
    """Registration of a table (registered cell, session) in ``.npy`` or ``.csv``.

    A table that track2p named counts from 0; any other one is asked what it tells.
    """
    if "match_mat" in path.name:
        raise RefusedInputError(
            f"{path} was expected to hold rows of stat.npy, got track2p's match_mat, which counts "
            "after iscell: use plane<k>_suite2p_indices_nan.npy beside it."
        )
    table = read_table(path, named_by_numbers=_names_days(path)) if path.suffix == ".csv" else None
    cell_map = read_npy(path) if table is None else _numbers(table, path)
    base = 0 if base is None and "suite2p_indices" in path.name else base
    registration = Registration(cell_map, f"the table {path}", base, cells)
    registration.names = [] if table is None else [str(name) for name in table.columns]
    return registration


def _names_days(path: Path) -> bool:
    """Whether the first line holds days such as 20240501, which no map of cells holds."""
    with regular(path).open(encoding="utf-8-sig", errors="replace") as file:
        names = [name.strip().strip('"') for name in re.split("[,;\t]", file.readline(2**16))]
    return all(DAY.fullmatch(name) for name in names if name) and any(names)


def _numbers(table: pd.DataFrame, path: Path) -> NDArray[np.float64]:
    return np.stack([column(table, name, path) for name in table.columns], axis=1)
