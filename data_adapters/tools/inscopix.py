"""Inscopix Data Processing: csv exports of cell sets and event sets.

Traces: a line of cell names, a line ``Time(s)/Cell Status`` with accepted, rejected or undecided,
then a line a frame. Events: ``Time (s), Cell Name, Value``, a line an event. Events are what is
measured; a file of traces beside them tells the frames, the cells without events and which cells
were accepted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from data_adapters.assembly.assembling import assembled
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place, dated, named_places
from data_adapters.files.regular import is_file, regular
from data_adapters.files.tables import column, read_table
from data_adapters.files.wording import brief
from data_adapters.session import numbers, one_of
from data_adapters.statements import stated
from drift.door import opened
from drift.metrics.clocks import refuse_times, usual_frame
from drift.schema.labelled_form import RefusedInputError

SOURCE = "Inscopix Data Processing"
STRUCTURAL = re.compile(r"inscopix|isxd?", re.IGNORECASE)
NAMELESS = ("", "na", "nan", "none", "null")
MOST_EMPTY = 100  # lines before the first that is not empty
STATUSES = ("accepted", "rejected", "undecided")
STATUS, TIME, NAME, VALUE = "Cell Status", "Time (s)", "Cell Name", "Value"


class Traces(NamedTuple):
    """A file of traces: frames, cells and what was decided of these."""

    time: NDArray[np.float64]  # (frame) s
    names: list[str]
    status: list[str]
    values: NDArray[np.float64]  # (frame, cell)
    file: Path


@opened
def sessions(path: str | Path, status: str = "accepted", **statements: Any) -> Iterator[xr.Dataset]:
    """One session Dataset for each file of events, or for each file of traces that has none beside
    it, by animal and day.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv`` file of events or traces, the folder of one session, of one animal (a folder a
        session), or of several animals.
    status : str
        Which cells count: ``accepted``, ``undecided``, ``rejected``, or several of these separated
        by commas. Where no cell was accepted or rejected, all count.
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
    counted = [one_of(word.strip(), STATUSES, "status of Inscopix") for word in status.split(",")]
    finds = partial(holds, kinds={})
    session_places = named_places(path, finds, STRUCTURAL, "csv exports of Inscopix", said.folders)
    read = partial(_cells, wanted=STATUSES if said.keep_rejected else tuple(counted))
    return assembled(dated(session_places, said.elapsed), read, said)


def _kind(file: Path) -> str:
    """traces, events, or nothing of the two."""
    if file.suffix != ".csv" or not is_file(file):
        return ""
    _, first, second = _head(file)
    if STATUS in second.split(",")[0]:
        return "traces"
    return "events" if {TIME, NAME} <= {name.strip() for name in first.split(",")} else ""


def _head(file: Path) -> tuple[int, str, str]:
    """The first two lines that are not empty, and how many lines they end after."""
    told: list[str] = []
    passed = 0
    with regular(file).open(encoding="utf-8-sig", errors="replace") as content:
        while len(told) < 2 and passed < MOST_EMPTY and (line := content.readline(2**20)):
            passed += 1
            told += [line] if line.strip() else []
    first, second, *_ = (*told, "", "")
    return passed, first, second


def holds(file: Path, kinds: dict[Path, str] | None = None) -> bool:
    """Tell whether a file is what a session is read from; kinds of files are looked up once."""
    kind_of = {} if kinds is None else kinds

    def kind(path: Path) -> str:
        if path not in kind_of:
            kind_of[path] = _kind(path)
        return kind_of[path]

    if file.suffix != ".csv" or kind(file) != "traces":
        return file.suffix == ".csv" and kind(file) == "events"
    folder = file.parent / "*"
    if folder not in kind_of:
        kind_of[folder] = "events" if any(kind(near) == "events" for near in _beside(file)) else ""
    return not kind_of[folder]


def _beside(file: Path) -> list[Path]:
    return [neighbour for neighbour in sorted(file.parent.glob("*.csv")) if neighbour != file]


def _cells(place: Place, wanted: tuple[str, ...]) -> Cells:
    file = place.folder
    if _kind(file) == "traces":
        traces = _traces(file)
        accepted, note = _accepted(traces, wanted)
        return _of_frames(traces, accepted, (note,))
    beside = [neighbour for neighbour in _beside(file) if _kind(neighbour) == "traces"]
    if len(beside) > 1:
        raise RefusedInputError(
            f"{file} was expected to have one file of traces beside it, got {beside[0].name} and "
            f"{beside[1].name}: give each session a folder."
        )
    times, values, names = _events(file)
    if beside:
        return _on_frames(file, _traces(beside[0]), (times, values, names), wanted)
    order = list(dict.fromkeys(names.tolist()))
    return Cells(
        rows=np.arange(len(order)),
        counted=len(order),
        trains=[times[names == name] for name in order],
        last_spike=float(times[-1]),
        spikes=times.size,
        amplitudes=[values[names == name] for name in order],
        labels=order,
        events_are="amplitudes",
        notes=("cells without an event are not in the file, export the traces too",),
        source=SOURCE,
    )


def _traces(file: Path) -> Traces:
    head = read_table(file, header=None, nrows=2, dtype=str)
    table = read_table(file, header=None, skiprows=_head(file)[0])
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    names = [str(name).strip() for name in head.iloc[0, 1:]]
    status = [str(word).strip().casefold() for word in head.iloc[1, 1:]]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise RefusedInputError(
            f"{file} was expected to name each cell once, got {brief(twice[0])} twice: export it "
            "again."
        )
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
    return Traces(time, names, status, numbers(values[:, 1:], str(file)), file)


def _accepted(traces: Traces, wanted: tuple[str, ...]) -> tuple[NDArray[np.bool_], str]:
    """Which cells have a wanted status; all of them where nobody decided."""
    if unknown := sorted(set(traces.status) - set(STATUSES)):
        raise RefusedInputError(
            f"{traces.file} was expected to call each cell {', '.join(STATUSES)}, got "
            f"{brief(unknown[0])}: export it again."
        )
    every = np.ones(len(traces.names), dtype=bool)
    if set(wanted) == set(STATUSES):
        return every, ""
    if set(traces.status) == {"undecided"}:
        return every, "no cell was accepted or rejected: all of them count"
    good = np.array([word in wanted for word in traces.status], dtype=bool)
    counts = Counter(word for word in traces.status if word not in wanted)
    left = ", ".join(f"{counts[word]} {word}" for word in sorted(counts, reverse=True))
    if not good.any():
        raise RefusedInputError(
            f"{traces.file} was expected to hold cells of the status {', '.join(wanted)}, got "
            f"{left}: say status= with another one, or keep_rejected=true if all are to count."
        )
    count = int((~good).sum())
    return good, f"{count} of {good.size} cells left out ({left})" if count else ""


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
    wanted: tuple[str, ...],
) -> Cells:
    """Events in the frames of the traces, cells without events among them."""
    times, values, names = events
    if unknown := sorted(set(names.tolist()) - set(traces.names)):
        raise RefusedInputError(
            f"{file} was expected to name cells of the traces beside it, got {brief(unknown[0])}: "
            "export both from one cell set."
        )
    # the nearest frame: times of events may have fewer digits than those of frames
    row = np.searchsorted((traces.time[1:] + traces.time[:-1]) / 2, times)
    late = times - traces.time[row] > 1.5 * usual_frame(traces.time)
    early = traces.time[0] - times > 0.5 * usual_frame(traces.time)
    if (late | early).any():
        raise RefusedInputError(
            f"{file} was expected to hold events within the traces beside it ({traces.time[0]:g} "
            f"to {traces.time[-1]:g} s), got one at {times[late | early][0]:g} s: export both from "
            "one movie."
        )
    column_of = {name: number for number, name in enumerate(traces.names)}
    filled = np.zeros(traces.values.shape)
    cell = np.array([column_of[name] for name in names.tolist()], dtype=np.int64)
    np.add.at(filled, (row, cell), values)
    accepted, note = _accepted(traces, wanted)
    return _of_frames(traces._replace(values=filled), accepted, (note,))._replace(
        events_are="amplitudes"
    )


def _events(file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]:
    """Times, sizes and cell names of events, by time."""
    table = read_table(file, dtype={NAME: str}, keep_default_na=False)
    times = column(table, TIME, file)
    values = column(table, VALUE, file) if VALUE in table.columns else np.ones(len(table))
    names = table[NAME].str.strip().to_numpy(dtype=object)
    if any(name.casefold() in NAMELESS for name in names.tolist()):
        raise RefusedInputError(
            f"{file} was expected to name the cell of each event, got an empty name: export it "
            "again."
        )
    if not np.isfinite([times, values]).all():
        raise RefusedInputError(
            f"{file} was expected to hold a time and a size for each event, got an empty cell or "
            "an infinite one: export it again."
        )
    order = np.argsort(times, kind="stable")
    return times[order], values[order], names[order]
