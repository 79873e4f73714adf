"""Which interchange files a path means, and which units they share: file names and registration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.containers import FORMATS, PICKLES, read_fields, refuse_pickle
from data_adapters.fields import Fields
from data_adapters.options import existing
from data_adapters.session import integers
from drift.schema import RefusedInputError

SUFFIXES = tuple(f".{kind}" for kind in FORMATS)
SESSION_FILE = re.compile(r"(?P<animal>.+)_(?P<session>\d{2,})")


class Recording(NamedTuple):
    """One session file, the registration file of its animal, and what its name says (animal, session from 1)."""

    path: Path
    registration: Path | None
    named: tuple[str, int] | None

    def fields(self) -> Fields:
        """The fields of the file.

        Raises
        ------
        RefusedInputError
            If the file cannot be used, or says another animal or session than its name.
        """
        fields = Fields(self.path)
        said = (fields.text("animal"), fields.session())
        if self.named is not None and said != self.named:
            raise RefusedInputError(
                f"{self.path} was expected to hold animal {self.named[0]!r}, session {self.named[1]}, got {said[0]!r}, {said[1]}: "
                "rename the file <animal>_<session>."
            )
        return fields


def recordings(path: str | Path) -> list[Recording]:
    """Session files by animal and session.

    Parameters
    ----------
    path : str or pathlib.Path
        One file, or a folder of ``<animal>_<session:02d>`` files and ``<animal>_registration`` files.

    Returns
    -------
    list of Recording

    Raises
    ------
    RefusedInputError
        If there is none, a file is named otherwise, or a session occurs twice.
    """
    path = existing(path)
    refuse_pickle(path)
    if not path.is_dir():
        match = SESSION_FILE.fullmatch(path.stem)
        return [Recording(path, _registration(path.parent, match["animal"]) if match else None, None)]
    files = [file for file in sorted(path.iterdir()) if file.suffix in SUFFIXES + PICKLES and not file.stem.endswith("_registration")]
    found = [_recording(file) for file in files]
    if not found:
        raise RefusedInputError(f"files named <animal>_<session>.npz, .mat or .nc were expected in {path}, got none: name them so.")
    return sorted(_once(found), key=lambda recording: recording.named or ("", 0))


def _recording(file: Path) -> Recording:
    refuse_pickle(file)
    match = SESSION_FILE.fullmatch(file.stem)
    if match is None:
        raise RefusedInputError(
            f"{file} was expected to be named <animal>_<session>, e.g. mouse_01{file.suffix}: rename it or move it away."
        )
    return Recording(file, _registration(file.parent, match["animal"]), (match["animal"], int(match["session"])))


def _once(found: list[Recording]) -> list[Recording]:
    first: dict[tuple[str, int] | None, Path] = {}
    for recording in found:
        if recording.named in first:
            raise RefusedInputError(
                f"one file per animal and session was expected, got {first[recording.named]} and {recording.path}: keep one."
            )
        first[recording.named] = recording.path
    return found


def _registration(folder: Path, animal: str) -> Path | None:
    found = [file for suffix in SUFFIXES if (file := folder / f"{animal}_registration{suffix}").is_file()]
    if len(found) > 1:
        raise RefusedInputError(f"one registration file per animal was expected, got {found[0]} and {found[1]}: keep one.")
    return found[0] if found else None


class Registration:
    """Which registered unit each cell of each session is.

    Parameters
    ----------
    path : pathlib.Path
        File with ``cell_to_index_map`` (registered cell, session): 1-based column of ``events``, 0 = absent.

    Raises
    ------
    RefusedInputError
        If the map is missing, or does not hold whole numbers from 0.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        fields = read_fields(path)
        registered = fields.get("cell_registered_struct")  # the output of CellReg
        fields = registered if isinstance(registered, dict) else fields
        if "cell_to_index_map" not in fields:
            raise RefusedInputError(f"{path} was expected to hold cell_to_index_map, got {', '.join(fields) or 'nothing'}: add it.")
        self._map = integers(fields["cell_to_index_map"], f"cell_to_index_map in {path}")
        if self._map.ndim != 2 or (self._map < 0).any():
            raise RefusedInputError(
                f"cell_to_index_map in {path} was expected as (cell, session) from 0, got {self._map.shape}: correct it."
            )
        self._unregistered: dict[int, NDArray[np.int64]] = {}
        self._next = len(self._map)

    def units(self, session: int, cells: int) -> NDArray[np.int64]:
        """Unit number of each cell of a session; detected cells without a row get numbers of their own after the last row.

        Parameters
        ----------
        session : int
            From 1.
        cells : int
            Columns of ``events``.

        Returns
        -------
        numpy.ndarray of int
            (cell,)

        Raises
        ------
        RefusedInputError
            If the map has no such session, names a column twice, or one that does not exist.
        """
        where = f"cell_to_index_map in {self.path}"
        if session > self._map.shape[1]:
            raise RefusedInputError(f"{where} was expected to have a column for session {session}, got {self._map.shape[1]}: add it.")
        columns = self._map[:, session - 1]
        rows = np.flatnonzero(columns)
        named = columns[rows]
        if (named > cells).any() or len(set(named.tolist())) < len(named):
            got = f"{named.max()} of {cells}" if (named > cells).any() else "a column twice"
            raise RefusedInputError(
                f"{where} was expected to name columns 1 to {cells} of session {session} once each, got {got}: correct it."
            )
        units = np.full(cells, -1, dtype=np.int64)
        units[named - 1] = rows
        units[units < 0] = self._own(session, int((units < 0).sum()))
        return units

    def _own(self, session: int, count: int) -> NDArray[np.int64]:
        if session not in self._unregistered:
            self._unregistered[session] = np.arange(self._next, self._next + count)
            self._next += count
        return self._unregistered[session]


def registrations(found: Iterable[Recording]) -> dict[Path | None, Registration | None]:
    """Registration of each registration file, and None for None.

    Parameters
    ----------
    found : iterable of Recording

    Returns
    -------
    dict
        By path, so that ``registrations(found)[recording.registration]`` belongs to the recording.
    """
    return {path: None if path is None else Registration(path) for path in {recording.registration for recording in found}}
