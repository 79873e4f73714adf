"""ROIMatchPub: regions of suite2p followed by hand and eye over sessions.

The match file holds the struct ``roiMatchData`` with ``allSessionMapping`` (registered cell,
session): which of the *accepted* regions of that session (``iscell``) the cell is, counted from 1.
Cells that were not found in all sessions have no row, or 0 or NaN where they are absent.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_adapters.files import matlab
from data_adapters.files.wording import listed
from data_adapters.registrations.cell_map import Cells, Registration
from drift.schema.labelled_form import RefusedInputError

STRUCT, MAP = "roiMatchData", "allSessionMapping"


def is_roimatch(path: Path) -> bool:
    """Tell whether ROIMatchPub wrote a MATLAB file."""
    return STRUCT in matlab.variable_names(path)


def read_roimatch(path: Path, base: int | None, cells: Cells) -> Registration:
    """Registration that ROIMatchPub wrote."""
    fields = matlab.read(path, STRUCT)[STRUCT]
    if not isinstance(fields, dict) or MAP not in fields:
        held = listed(fields) if isinstance(fields, dict) else f"an array of {np.shape(fields)}"
        raise RefusedInputError(
            f"{STRUCT} in {path} was expected to hold {MAP}, got {held or 'nothing'}: save the "
            "match file again."
        )
    registration = Registration(fields[MAP], f"{MAP} in {path}", 1 if base is None else base, cells)
    registration.counts_accepted = True
    return registration
