"""Minian: units of miniscopes and their deconvolved activity (Dong et al. 2022, doi
10.7554/eLife.70661).

A folder holds ``S.zarr`` (unit_id, frame), the events, and beside or above it lies
``timeStamps.csv`` of the miniscope (``Frame Number, Time Stamp (ms), Buffer Index``), whose times
may begin below 0. Units and frames bear the numbers that Minian kept. Needs the package zarr.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.assembly.assembling import assembled
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place, dated, named_places
from data_adapters.files.regular import is_folder
from data_adapters.files.tables import column, read_table
from data_adapters.files.zarr_arrays import open_store, read_array
from data_adapters.session import integers, one_of
from data_adapters.statements import stated
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError

SOURCE = "Minian"
STRUCTURAL = re.compile(r"minian", re.IGNORECASE)
EVENTS = ("S", "C")
STAMPS, FRAME, MILLISECONDS = "timeStamps.csv", "Frame Number", "Time Stamp (ms)"


@opened
def sessions(path: str | Path, events: str = "S", **statements: Any) -> Iterator[xr.Dataset]:
    """One session Dataset for each folder of Minian, by animal and day.

    Parameters
    ----------
    path : str or pathlib.Path
        A folder with ``S.zarr``, the folder of one animal (a folder a session), or of several
        animals.
    events : {"S", "C"}
        Deconvolved events; ``C`` is a trace and refused unless ``events_are="trace"`` is said.
    **statements
        See ``data_adapters.statements.Statements``; positions come from ``track``.

    Returns
    -------
    iterator of xarray.Dataset
        Units are numbered by ``unit_id``.

    Raises
    ------
    RefusedInputError
        If zarr is not installed, or a file is missing or damaged.
    """
    one_of(events, EVENTS, "events of Minian")
    said = stated(statements)
    session_places = named_places(
        path, holds, STRUCTURAL, "folders of Minian (S.zarr)", said.folders
    )
    return assembled(dated(session_places, said.elapsed), partial(_cells, events=events), said)


def holds(folder: Path) -> bool:
    """Tell whether it is a folder of Minian."""
    return any(is_folder(folder / f"{name}.zarr") for name in EVENTS)


def _cells(place: Place, events: str) -> Cells:
    store = place.folder / f"{events}.zarr"
    group = _opened(store)
    frames = read_array(group, events, store, 2)
    units = _numbers(group, "unit_id", store, frames.shape[0])
    number = _numbers(group, "frame", store, frames.shape[1])
    return Cells(
        rows=units,
        counted=int(units.max()) + 1,
        frames=frames.astype(np.float64, copy=False),
        frame=number,
        time=_times(place, number),
        source=SOURCE,
    )


def _opened(store: Path) -> Any:
    if not is_folder(store):
        raise RefusedInputError(
            f"a folder was expected at {store}, got none: run the deconvolution of Minian."
        )
    return open_store(store)


def _numbers(group: Any, name: str, store: Path, count: int) -> NDArray[np.int64]:
    """Numbers of units or frames; counted where the store has none."""
    if name not in group and not (store / name).exists():
        return np.arange(count)
    numbers = integers(read_array(group, name, store, 1), f"{name} in {store}")
    if numbers.size != count or (np.diff(np.sort(numbers)) == 0).any() or (numbers < 0).any():
        raise RefusedInputError(
            f"{name} in {store} was expected to hold {count} different numbers, got "
            f"{numbers.size}: copy the folder again."
        )
    return numbers


def _times(place: Place, number: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Times of the frames that Minian kept, s; None where there is no file of time stamps."""
    try:
        file = place.named(STAMPS, "time stamps")
    except RefusedInputError:
        return None
    table = read_table(file)
    frame, stamp = (column(table, name, file) for name in (FRAME, MILLISECONDS))
    if np.isnan(frame).any() or np.isnan(stamp).any() or np.isinf([*frame, *stamp]).any():
        raise RefusedInputError(
            f"{file} was expected to hold a number and a time for each frame, got an empty cell "
            "or an infinite one: correct it."
        )
    first = int(frame[0])  # some versions count from 1
    time_of = dict(zip((frame - first).tolist(), (stamp / 1000).tolist(), strict=True))
    missing = [int(frame_number) for frame_number in number if float(frame_number) not in time_of]
    if missing:
        raise RefusedInputError(
            f"{file} was expected to hold the time of each frame of {place.folder}, got none for "
            f"frame {missing[0]}: give the file of this recording."
        )
    return np.array([time_of[float(frame_number)] for frame_number in number])
