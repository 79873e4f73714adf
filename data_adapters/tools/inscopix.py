"""Inscopix Data Processing: csv exports of cell sets and event sets.

Traces: a line of cell names, a line ``Time(s)/Cell Status`` with accepted, rejected or undecided,
then a line a frame. Events: ``Time (s), Cell Name, Value``, a line an event. Events are what is
measured; a file of traces beside them tells the frames, the cells without events and which cells
were accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from data_adapters.acceptance import accepted_units
from data_adapters.assembly.assembling import assembled
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place, dated, named_places
from data_adapters.files.tables import column, read_table
from data_adapters.session import numbers
from data_adapters.statements import stated
from drift.door import opened
from drift.metrics.clocks import refuse_times, usual_frame
from drift.schema.labelled_form import RefusedInputError

SOURCE = "Inscopix Data Processing"
STRUCTURAL = re.compile(r"inscopix|isxd?", re.IGNORECASE)
STATUS, TIME, NAME, VALUE = "Cell Status", "Time (s)", "Cell Name", "Value"


class Traces(NamedTuple):
    """A file of traces: frames, cells and what was decided of these."""

    time: NDArray[np.float64]  # (frame) s
    names: list[str]
    status: NDArray[Any]
    values: NDArray[np.float64]  # (frame, cell)


@opened
def sessions(path: str | Path, **statements: Any) -> Iterator[xr.Dataset]:
    """One session Dataset for each file of events, or for each file of traces that has none beside
    it, by animal and day.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv`` file of events or traces, the folder of one session, of one animal (a folder a
        session), or of several animals.
    **statements
        See ``data_adapters.statements.Statements``; positions come from ``track``. Traces
        are refused unless ``events_are="trace"`` is said.

    Returns
    -------
    iterator of xarray.Dataset
        Units are numbered in the order of the file and labelled by their names.

    Raises
    ------
    RefusedInputError
        If a file is damaged or of another kind.
    """
    said = stated(statements)
    session_places = named_places(path, holds, STRUCTURAL, "csv exports of Inscopix", said.folders)
    read = partial(_cells, keep_rejected=said.keep_rejected)
    return assembled(dated(session_places, said.elapsed), read, said)


def _kind(file: Path) -> str:
    """traces, events, or nothing of the two."""
    if file.suffix != ".csv" or not file.is_file():
        return ""
    with file.open(encoding="utf-8-sig", errors="replace") as content:
        first, second = content.readline(2**20), content.readline(2**20)
    if STATUS in second.split(",")[0]:
        return "traces"
    return "events" if {TIME, NAME} <= {name.strip() for name in first.split(",")} else ""


def holds(file: Path) -> bool:
    kind = _kind(file)
    return kind == "events" or (
        kind == "traces" and not any(_kind(neighbour) == "events" for neighbour in _beside(file))
    )


def _beside(file: Path) -> list[Path]:
    return [neighbour for neighbour in sorted(file.parent.glob("*.csv")) if neighbour != file]


def _cells(place: Place, keep_rejected: bool) -> Cells:
    file = place.folder
    if _kind(file) == "traces":
        traces = _traces(file)
        accepted, note = _accepted(traces, file, keep_rejected)
        return _of_frames(traces, accepted, (note,))
    beside = [neighbour for neighbour in _beside(file) if _kind(neighbour) == "traces"]
    if len(beside) > 1:
        raise RefusedInputError(
            f"{file} was expected to have one file of traces beside it, got {beside[0].name} and "
            f"{beside[1].name}: give each session a folder."
        )
    times, values, names = _events(file)
    if beside:
        return _on_frames(file, _traces(beside[0]), (times, values, names), keep_rejected)
    order = list(dict.fromkeys(names.tolist()))
    return Cells(
        rows=np.arange(len(order)),
        counted=len(order),
        trains=[times[names == name] for name in order],
        amplitudes=[values[names == name] for name in order],
        labels=order,
        events_are="amplitudes",
        notes=("cells without an event are not in the file, export the traces too",),
        source=SOURCE,
    )


def _traces(file: Path) -> Traces:
    head = read_table(file, header=None, nrows=2, dtype=str)
    table = read_table(file, header=None, skiprows=2)
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    names = [str(name).strip() for name in head.iloc[0, 1:]]
    status = np.array([str(word).strip() for word in head.iloc[1, 1:]], dtype=object)
    if values.ndim != 2 or values.shape[1] != len(names) + 1 or np.isnan(values[:, 0]).any():
        raise RefusedInputError(
            f"{file} was expected to hold a time and {len(names)} cells in each line, got "
            f"{values.shape[1] - 1} cells, or a time that is no number: export it again."
        )
    if np.isnan(values).any():
        frame, cell = np.argwhere(np.isnan(values))[0]
        raise RefusedInputError(
            f"{file} was expected to hold a number for each cell and frame, got none for "
            f"{names[cell - 1]} in frame {frame + 1}: leave lost frames out."
        )
    time = refuse_times(values[:, 0], f"times in {file}")
    return Traces(time, names, status, numbers(values[:, 1:], str(file)))


def _accepted(traces: Traces, file: Path, keep_rejected: bool) -> tuple[NDArray[np.bool_], str]:
    if keep_rejected:
        return np.ones(len(traces.names), dtype=bool), ""
    return accepted_units({"accepted": traces.status}, len(traces.names), str(file))


def _of_frames(traces: Traces, accepted: NDArray[np.bool_], notes: tuple[str, ...]) -> Cells:
    return Cells(
        rows=np.flatnonzero(accepted),
        counted=len(traces.names),
        frames=traces.values[:, accepted].T,
        time=traces.time,
        labels=[name for name, good in zip(traces.names, accepted, strict=True) if good],
        notes=notes,
        source=SOURCE,
    )


def _on_frames(
    file: Path,
    traces: Traces,
    events: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]],
    keep_rejected: bool,
) -> Cells:
    """Events in the frames of the traces, cells without events among them."""
    times, values, names = events
    if unknown := sorted(set(names.tolist()) - set(traces.names)):
        raise RefusedInputError(
            f"{file} was expected to name cells of the traces beside it, got {unknown[0]!r}: "
            "export both from one cell set."
        )
    row = np.clip(np.searchsorted(traces.time, times + 1e-6, side="right") - 1, 0, None)
    late = times - traces.time[row] > 1.5 * usual_frame(traces.time)
    if late.any():
        raise RefusedInputError(
            f"{file} was expected to hold events within the traces beside it (until "
            f"{traces.time[-1]:g} s), got one at {times[late][0]:g} s: export both from one movie."
        )
    column_of = {name: number for number, name in enumerate(traces.names)}
    filled = np.zeros(traces.values.shape)
    cell = np.array([column_of[name] for name in names.tolist()], dtype=np.int64)
    np.add.at(filled, (row, cell), values)
    accepted, note = _accepted(traces, file, keep_rejected)
    return _of_frames(traces._replace(values=filled), accepted, (note,))._replace(
        events_are="amplitudes"
    )


def _events(file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]:
    """Times, sizes and cell names of events, by time."""
    table = read_table(file)
    times = column(table, TIME, file)
    values = column(table, VALUE, file) if VALUE in table.columns else np.ones(len(table))
    names = table[NAME].astype(str).str.strip().to_numpy(dtype=object)
    if np.isnan(times).any() or np.isnan(values).any() or not times.size:
        raise RefusedInputError(
            f"{file} was expected to hold a time and a size for each event, got an empty cell or "
            "no event: export it again."
        )
    order = np.argsort(times, kind="stable")
    return times[order], values[order], names[order]
