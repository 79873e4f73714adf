"""track2p: cells of suite2p followed over days (Majnik et al. 2025, doi 10.7554/eLife.107540).

``plane<k>_suite2p_indices_nan.npy`` (region of the first day, day) float64 are rows of suite2p's
``stat.npy`` counted from 0, NaN where the cell was not found; ``plane<k>_suite2p_indices.csv`` is
the same with the names of the days as its header. ``plane<k>_match_mat.npy`` counts after
``iscell``, which is not the same.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.files.arrays import read_npy
from data_adapters.files.tables import read_table
from data_adapters.registrations.cell_map import Cells, Registration
from drift.schema.labelled_form import RefusedInputError


def read_track2p(path: Path, base: int | None, cells: Cells) -> Registration:
    """Registration of a table (registered cell, session) in ``.npy`` or ``.csv``.

    A table that track2p named counts from 0; any other one is asked what it tells.
    """
    if "match_mat" in path.name:
        raise RefusedInputError(
            f"{path} was expected to hold rows of stat.npy, got track2p's match_mat, which counts "
            "after iscell: use plane<k>_suite2p_indices_nan.npy beside it."
        )
    table = read_table(path) if path.suffix == ".csv" else None
    cell_map = read_npy(path) if table is None else _numbers(table)
    base = 0 if base is None and "suite2p_indices" in path.name else base
    registration = Registration(cell_map, f"the table {path}", base, cells)
    registration.names = [] if table is None else [str(name) for name in table.columns]
    return registration


def _numbers(table: pd.DataFrame) -> NDArray[np.float64]:
    return table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
