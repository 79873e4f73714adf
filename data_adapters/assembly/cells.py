"""What a tool says of the cells of one session: events frame by frame, or spike times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Cells(NamedTuple):
    """Cells that count, in the order of the tool.

    ``frames`` (cell, frame) and ``trains`` exclude each other. Frames are kept cell by cell as
    tools write them, so that a large recording is never held twice.
    """

    rows: NDArray[np.int64]  # of each cell in the table of the tool, rejected ones counted
    counted: int  # rows of that table
    word: str = "cell"  # what the tool calls one
    frames: NDArray[np.float64] | None = None  # (cell, frame) events
    trains: Sequence[NDArray[np.float64]] | None = None  # s, of each cell
    last_spike: float | None = None  # s, of all clusters, those that were rejected among them
    spikes: int = 0  # of all clusters
    observed: NDArray[np.float64] | None = None  # (interval, 2) s, when trains were recorded
    rate: float | None = None  # frames per second, Hz
    time: NDArray[np.float64] | None = None  # (frame) s, where the tool has it
    frame: NDArray[np.int64] | None = None  # number of each, where the tool left some out
    before: int = 0  # frames of other parts of a recording that was put together of several
    numbers: NDArray[np.int64] | None = None  # (row) what the tool calls each, where not its row
    labels: Sequence[str] | None = None
    amplitudes: Sequence[NDArray[np.float64]] | None = None  # of the events of trains
    events_are: str | None = None
    region: str | None = None
    notes: tuple[str, ...] = ()
    source: str = ""
