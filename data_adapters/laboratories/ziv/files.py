"""The files of one recording session as the Ziv laboratory keeps them, and the table of maps;
nothing is interpreted here."""

from __future__ import annotations

import csv
import re
import warnings
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openpyxl
from numpy.typing import NDArray

from data_adapters.files import matlab
from data_adapters.options import one_line
from data_adapters.session import numbers
from drift.schema.labelled_form import RefusedInputError
from drift.texts import decoded

HEADER = ["session", "trial", "begFrame", "endFrame", "Var5"]
RECORDED = re.compile(r"recording_(\d{8}_\d{6})\b.*")
SPIKE_THRESHOLD = 6.5  # CNMF-E spikes below it are noise in the authors' code
TRACK_BINS, CORNER_BIN = 24, 13
# bytes of a spreadsheet when unpacked; the tables of the laboratory have some 50 kB
LARGEST_TABLE = 2**26


class Row(NamedTuple):
    """One imaging recording: frames ``begin`` to ``end`` (from 0, end excluded) of the event
    matrix, and when it was made."""

    begin: int
    end: int
    recorded: datetime

    @property
    def frames(self) -> int:
        """Number of imaging frames."""
        return self.end - self.begin


class Behaviour(NamedTuple):
    """One video of a trial: position (0 to 1 on the straight track, about -32 to 34 from the corner
    of the L), velocity in cm/s."""

    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    geometry: str


def frame_log(path: Path) -> list[Row]:
    """Rows of ``frameLog_k.csv``.

    Parameters
    ----------
    path : pathlib.Path
        Table with the header ``session,trial,begFrame,endFrame,Var5``: 1-based inclusive frames,
        contiguous from 1, and ``recording_YYYYMMDD_HHMMSS.tif``.

    Returns
    -------
    list of Row

    Raises
    ------
    RefusedInputError
        If the table has other columns, the frames have gaps, or a date cannot be read.
    """
    try:
        table = list(csv.reader(decoded(path.read_bytes()).split("\n")))
    except (OSError, ValueError, csv.Error) as error:
        raise RefusedInputError(
            f"{path} was expected to be a table of frames, got: {one_line(error)}; copy it again."
        ) from error
    if not table or [name.strip() for name in table[0]] != HEADER:
        got = ",".join(table[0]) if table else "nothing"
        raise RefusedInputError(
            f"{path} was expected to begin with {','.join(HEADER)}, got {got[:80]!r}: correct "
            "the header."
        )
    rows = [
        _row(line, f"line {number} of {path}")
        for number, line in enumerate(table[1:], start=2)
        if line
    ]
    ends = [0, *(row.end for row in rows)]
    broken = [
        number for number, row in enumerate(rows) if row.begin != ends[number] or row.frames <= 0
    ]
    if broken or not rows:
        got = (
            f"begFrame {rows[broken[0]].begin + 1} after endFrame {ends[broken[0]]}"
            if broken
            else "no row"
        )
        raise RefusedInputError(
            f"frames in {path} were expected contiguous from 1, got {got}: correct the table."
        )
    return rows


def _row(line: list[str], where: str) -> Row:
    try:
        _, _, first, last, name = line
        match = RECORDED.fullmatch(name.strip())
        return Row(
            int(first) - 1,
            int(last),
            datetime.strptime(match[1] if match else name, "%Y%m%d_%H%M%S"),
        )
    except ValueError as error:
        expected = "session,trial,begFrame,endFrame,recording_YYYYMMDD_HHMMSS.tif"
        raise RefusedInputError(
            f"{where} was expected as {expected}, got {','.join(line)[:80]!r}: correct it."
        ) from error


def events(path: Path, frames: int) -> NDArray[np.float64]:
    """Events (frame, cell) of ``finalEventsMat_k.mat``.

    Parameters
    ----------
    path : pathlib.Path
        File with ``allEventsMat`` (amplitudes), or with ``finalSpikesMat`` (CNMF-E spikes, sparse),
        of which values below 6.5 are 0.
    frames : int
        Frames by the frame log; tells frames from cells.

    Returns
    -------
    numpy.ndarray
        (frame, cell)

    Raises
    ------
    RefusedInputError
        If neither matrix is there, or its orientation cannot be told.
    """
    content = matlab.read(path)
    name = next(
        (candidate for candidate in ("finalSpikesMat", "allEventsMat") if candidate in content),
        None,
    )
    if name is None:
        got = ", ".join(content) or "none"
        raise RefusedInputError(
            f"{path} was expected to hold the variable allEventsMat or finalSpikesMat, got "
            f"{got}: copy it again."
        )
    values = numbers(content[name], f"{name} in {path}")
    if values.ndim != 2 or frames not in values.shape:
        raise RefusedInputError(
            f"{name} in {path} was expected with {frames} frames by the frame log, got shape "
            f"{values.shape}: use files of one session."
        )
    if values.shape[0] == values.shape[1]:
        raise RefusedInputError(
            f"{name} in {path} was expected as (frame, cell), got {values.shape}, which may "
            "be either: add a silent cell."
        )
    values = values if values.shape[0] == frames else values.T
    return np.where(values < SPIKE_THRESHOLD, 0.0, values) if name == "finalSpikesMat" else values


def behaviour(path: Path) -> list[Behaviour | None]:
    """Trials of ``behavior_k.mat``; None for an empty cell, which is the trial in the home cage.

    Parameters
    ----------
    path : pathlib.Path
        File with the cell array ``my_mvmt``.

    Returns
    -------
    list of Behaviour or None

    Raises
    ------
    RefusedInputError
        If a trial lacks its position or velocity, or they differ in length.
    """
    trials = matlab.cells(matlab.read(path, "my_mvmt")["my_mvmt"])
    if not trials:
        raise RefusedInputError(
            f"my_mvmt in {path} was expected to be a cell array of trials, got none: copy the "
            "file again."
        )
    return [_behaviour(leaf, f"trial {number} of {path}") for number, leaf in enumerate(trials)]


def _behaviour(leaf: Any, where: str) -> Behaviour | None:
    if isinstance(leaf, np.ndarray) and leaf.size == 0:
        return None
    if not isinstance(leaf, dict):
        raise RefusedInputError(
            f"{where} was expected to be a struct or empty, got {type(leaf).__name__}: copy "
            "the file again."
        )
    geometry = "L" if "velocity_VER2" in leaf else "linear"
    velocity = _vector(leaf, "velocity_VER2" if geometry == "L" else "velocity", where)
    measured = "rough_linearized_location" if geometry == "L" else "position"
    if measured in leaf:
        position = _vector(leaf, measured, where)
    else:
        bins = _vector(leaf, "binned", where)
        position = ((unfolded(bins) if geometry == "L" else bins) - 0.5) / TRACK_BINS
    if len(position) != len(velocity):
        raise RefusedInputError(
            f"{where} was expected with a velocity per position, got {len(velocity)} and "
            f"{len(position)}: cut both alike."
        )
    return Behaviour(position, velocity, geometry)


def unfolded(binned: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bins of the L-shaped track along the track.

    As published, bins 1 to 13 run away from the corner along one arm and 14 to 24 away from it
    along the other; here 13 becomes 1, so that bins increase from one end to the other. A bin of
    25, which occurs, becomes 24.

    Parameters
    ----------
    binned : numpy.ndarray
        (frame,) bins as published.

    Returns
    -------
    numpy.ndarray
        (frame,) bins 1 to 24.
    """
    clipped = np.clip(binned, 1, TRACK_BINS)
    return np.where(clipped <= CORNER_BIN, CORNER_BIN + 1 - clipped, clipped)


def _vector(leaf: dict[str, Any], name: str, where: str) -> NDArray[np.float64]:
    """A row or a column of the struct as a vector."""
    if name not in leaf:
        raise RefusedInputError(
            f"{where} was expected to have the field {name!r}, got "
            f"{', '.join(leaf) or 'none'}: copy the file again."
        )
    values = numbers(leaf[name], f"{name} of {where}")
    if values.size == 0 or values.size != max(values.shape, default=1):
        raise RefusedInputError(
            f"{name} of {where} was expected to be a row or a column, got shape "
            f"{values.shape}: copy the file again."
        )
    return values.ravel()


def map_numbers(path: Path) -> dict[int, list[int | None]]:
    """Number of the map that the authors assigned to each trial, by recording session from 1.

    Parameters
    ----------
    path : pathlib.Path
        ``Maps per trial.xlsx``; the first sheet has recording sessions as rows and trials as
        columns.

    Returns
    -------
    dict
        By recording session the map of each trial: 0 is none, None is blank. Sessions whose row is
        blank or absent are not in it.

    Raises
    ------
    RefusedInputError
        If the file is damaged or holds anything but whole numbers.
    """
    maps_by_session: dict[int, list[int | None]] = {}
    for line in _table(path):
        entries = [_entry(value, path) for value in line]
        if entries and entries[0] is not None and any(entry is not None for entry in entries[1:]):
            maps_by_session[entries[0]] = entries[1:]
    return maps_by_session


def _table(path: Path) -> list[tuple[Any, ...]]:
    """Lines of the first sheet below its header."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST_TABLE:
            raise ValueError(f"{size} bytes unpacked")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles that it does not know
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            lines = list(
                book.worksheets[0].iter_rows(min_row=2, max_row=200, max_col=32, values_only=True)
            )
            book.close()
    # a damaged spreadsheet makes zipfile, the XML parser and openpyxl raise nearly anything
    except Exception as error:
        raise RefusedInputError(
            f"{path} was expected to be a whole spreadsheet, got: {one_line(error)}; copy it again."
        ) from error
    return lines


def _entry(value: Any, path: Path) -> int | None:
    if value is None or value == "":
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or value != value // 1
        or value < 0
    ):
        raise RefusedInputError(
            f"{path} was expected to hold whole numbers from 0, got {str(value)[:40]!r}: "
            "correct or clear the entry."
        )
    return int(value)
