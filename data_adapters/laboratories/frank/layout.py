"""Which epochs and cells the folders of the Frank laboratory hold, from the small files alone:
``task`` and ``cellinfo``.

The filters are those of the laboratory: epochs by task type and environment, cells by ``area``,
``meanrate`` and ``numspikes`` of the epoch (Karlsson & Frank 2008, J Neurosci 28:14271).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_adapters.files import matlab
from data_adapters.options import nearest
from data_adapters.session import numbers
from drift.schema.labelled_form import RefusedInputError

KINDS = ("pos", "spikes", "task")
REST = ("sleep", "rest", "failed sleep")
DAY_FILE = re.compile(r"(?P<prefix>.+?)(?P<kind>pos|spikes|task)(?P<day>\d{2,})\.mat")


class Selection(NamedTuple):
    """What the caller asked for; None leaves a criterion out."""

    area: str | None
    maximum_rate: float | None
    minimum_spikes: float | None
    environment: str | None
    days: Sequence[int] | None


class Cell(NamedTuple):
    """One cell in one epoch as ``cellinfo`` describes it; tetrode and cell count from 1, NaN where
    a number is missing."""

    tetrode: int
    cell: int
    area: str
    rate: float
    spikes: float

    @property
    def slot(self) -> tuple[int, int]:
        """(tetrode, cell), which names the cell within a day."""
        return self.tetrode, self.cell


class Epoch(NamedTuple):
    """A run epoch with the cells that pass the filter."""

    day: int
    epoch: int
    environment: str
    exposures: dict[str, float]
    cells: list[Cell]
    notes: str
    task: dict[str, Any]

    @property
    def exposureday(self) -> float:
        """Day of experience in this environment."""
        return self.exposures["exposureday"]


class Animal(NamedTuple):
    """The chosen epochs of one animal and the reasons why other run epochs were skipped."""

    folder: Path
    prefix: str
    epochs: list[Epoch]
    skipped: list[str]

    def file(self, kind: str, day: int) -> Path:
        """Path of one day's file of this kind."""
        return self.folder / f"{self.prefix}{kind}{day:02d}.mat"


def animal_folders(path: Path) -> list[Path]:
    """The animal's folder itself, or the animals' folders inside.

    Raises
    ------
    RefusedInputError
        If there is none.
    """
    if not path.is_dir():
        raise RefusedInputError(
            f"the folder of an animal was expected at {path}, got a file: give the folder "
            "that holds it."
        )
    folders = [
        folder
        for folder in (path, *sorted(path.iterdir()))
        if folder.is_dir() and _day_files(folder)
    ]
    if not folders:
        raise RefusedInputError(
            f"files such as bonpos01.mat were expected in {path} or in its folders, got none: "
            "give an animal's folder."
        )
    return folders[:1] if folders[0] == path else folders


def _day_files(folder: Path) -> list[re.Match[str]]:
    return [match for file in sorted(folder.iterdir()) if (match := DAY_FILE.fullmatch(file.name))]


def animal(folder: Path, selection: Selection) -> Animal:
    """Plan what to read of one animal.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of files with one prefix.
    selection : Selection
        Which cells, epochs and days.

    Returns
    -------
    Animal
        Epochs in the order of recording.

    Raises
    ------
    RefusedInputError
        If a file is missing, or no epoch or no cell is left.
    """
    prefix, days = _days(folder)
    planned = Animal(folder, prefix, [], [])
    info = folder / f"{prefix}cellinfo.mat"
    cellinfo = matlab.read(info, "cellinfo")["cellinfo"]
    all_cells: list[Cell] = []
    for day in _wanted_days(planned, days, selection.days):
        for epoch, task in _runs(planned, day, selection.environment):
            cells = list(
                _cells(
                    matlab.cell(cellinfo, day - 1, epoch - 1), f"{info}, day {day}, epoch {epoch}"
                )
            )
            all_cells += cells
            passing = [cell for cell in cells if _passes(cell, selection)]
            if passing:
                planned.epochs.append(_epoch(day, epoch, task, passing, _notes(cells, selection)))
            else:
                planned.skipped.append(f"day {day} epoch {epoch}: no cell passes the filter")
    if not planned.epochs:
        raise RefusedInputError(_nothing_left(planned, all_cells, selection))
    return planned


def _days(folder: Path) -> tuple[str, list[int]]:
    files = _day_files(folder)
    prefixes = sorted({match["prefix"] for match in files})
    if len(prefixes) > 1:
        raise RefusedInputError(
            f"files of one animal were expected in {folder}, got the prefixes "
            f"{', '.join(prefixes)}: one folder each."
        )
    return prefixes[0], sorted({int(match["day"]) for match in files})


def _wanted_days(planned: Animal, days: list[int], day_numbers: Sequence[int] | None) -> list[int]:
    selected_days = days if day_numbers is None else [day for day in days if day in day_numbers]
    absent = [] if day_numbers is None else sorted(set(day_numbers) - set(days))
    if absent:
        raise RefusedInputError(
            f"days {absent} were expected in {planned.folder}, got only {days}: choose among these."
        )
    for day in selected_days:
        for kind in KINDS:
            if not planned.file(kind, day).is_file():
                raise RefusedInputError(
                    f"a MATLAB file was expected at {planned.file(kind, day)}, got no file: "
                    f"add it or leave day {day} out."
                )
    return selected_days


def _runs(
    planned: Animal, day: int, environment: str | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and task of each run epoch of a day in the environment; reasons for the others go to
    ``planned.skipped``."""
    path = planned.file("task", day)
    task = matlab.cell(matlab.read(path, "task")["task"], day - 1)
    if task is None:
        raise RefusedInputError(
            f"{path} was expected to hold day {day} in cell {day} of task, got an empty cell: "
            "check the file."
        )
    for epoch, leaf in enumerate(matlab.cells(task), start=1):
        if not isinstance(leaf, dict):
            continue
        kind = _text(leaf, "type").casefold()
        if kind in REST or (
            kind == "run" and environment not in (None, _text(leaf, "environment"))
        ):
            continue
        reason = (
            "" if kind == "run" else f"task type {kind!r} is no run" if kind else "task has no type"
        )
        if kind == "run" and np.isnan(_number(leaf, "exposureday")):
            reason = "task has no exposureday"
        if reason:
            planned.skipped.append(f"day {day} epoch {epoch}: {reason}")
        else:
            yield epoch, leaf


def _epoch(day: int, epoch: int, task: dict[str, Any], cells: list[Cell], notes: str) -> Epoch:
    exposures = {name: _number(task, name) for name in ("exposure", "exposureday", "dailyexposure")}
    return Epoch(day, epoch, _text(task, "environment") or "unknown", exposures, cells, notes, task)


def _cells(tetrodes: Any, where: str) -> Iterator[Cell]:
    for tetrode, slots in enumerate(matlab.cells(tetrodes), start=1):
        for number, leaf in enumerate(matlab.cells(slots), start=1):
            if isinstance(leaf, dict):
                spikes = _number(leaf, "numspikes", f"{where}, tetrode {tetrode}, cell {number}")
                yield Cell(tetrode, number, _text(leaf, "area"), _number(leaf, "meanrate"), spikes)


def _passes(cell: Cell, selection: Selection) -> bool:
    """Karlsson's filter; a number that is missing fails a comparison, as in the laboratory's own
    code."""
    in_area = selection.area is None or cell.area.casefold() == selection.area.casefold()
    slow = selection.maximum_rate is None or cell.rate < selection.maximum_rate
    return (
        in_area
        and slow
        and (selection.minimum_spikes is None or cell.spikes >= selection.minimum_spikes)
    )


def _notes(cells: list[Cell], selection: Selection) -> str:
    unknown = sum(not cell.area for cell in cells)
    return (
        f"{unknown} of {len(cells)} cells left out because cellinfo names no area"
        if unknown and selection.area is not None
        else ""
    )


def _nothing_left(planned: Animal, all_cells: list[Cell], selection: Selection) -> str:
    areas = sorted({cell.area for cell in all_cells})
    tally = ", ".join(
        f"{count} {area or 'without area'}"
        for area, count in sorted(Counter(cell.area for cell in all_cells).items())
    )
    where = f"of {planned.prefix} in {planned.folder}"
    if not all_cells:
        reason = "; ".join(planned.skipped) or "none in this environment and on these days"
        return (
            f"run epochs with cells {where} were expected, got none ({reason}): check "
            "environment= and days=."
        )
    if selection.area is not None and selection.area.casefold() not in [
        area.casefold() for area in areas
    ]:
        return (
            f"cells of area {selection.area!r} {where} were expected, got none among "
            f"{len(all_cells)} entries of cellinfo ({tally}): "
            "use area='any' to take all cells, or one of the areas found."
        )
    criteria = f"meanrate < {selection.maximum_rate} and numspikes >= {selection.minimum_spikes}"
    return (
        f"cells with {criteria} {where} were expected, got none ({tally}): use maximum_rate=None "
        "and minimum_spikes=None for all."
    )


def _text(leaf: dict[str, Any], name: str) -> str:
    value = leaf.get(name, "")
    return " ".join(value.split()) if isinstance(value, str) else ""


def _number(leaf: dict[str, Any], name: str, where: str = "task") -> float:
    """A scalar field; NaN where it is missing or empty."""
    values = numbers(leaf.get(name, ()), f"{name} of {where}").ravel()
    return float(values[0]) if values.size == 1 else np.nan


def column(fields: str, name: str, shape: tuple[int, ...], where: str) -> int:
    """Column of ``data`` that ``fields`` calls ``name``; remarks in parentheses are no names.

    Parameters
    ----------
    fields : str
        Names separated by blanks, e.g. ``time x y dir not_used amplitude(highest variance channel)
        posindex``.
    name : str
        The column that is needed.
    shape : tuple of int
        Shape of ``data``.
    where : str
        For the message.

    Returns
    -------
    int

    Raises
    ------
    RefusedInputError
        If the names do not fit the columns, or the name is not among them.
    """
    names = re.sub(r"\([^)]*\)", "", str(fields)).split()
    if len(shape) != 2 or shape[1] != len(names):
        raise RefusedInputError(
            f"data of {where} was expected to have the columns {' '.join(names)}, got shape "
            f"{shape}: correct fields."
        )
    if name not in names:
        raise RefusedInputError(
            f"{where} was expected to have a column {name!r}, got {' '.join(names)}: "
            f"{nearest(name, names)}."
        )
    return names.index(name)
