"""Which interchange files a path means, and which units they share: file names and registration."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from data_adapters.files.containers import FORMATS, PICKLES, refuse_pickle
from data_adapters.laboratories.interchange.fields import Fields
from data_adapters.options import existing
from data_adapters.registrations.cell_map import Registration
from data_adapters.registrations.files import read_registration
from drift.schema.labelled_form import RefusedInputError

SUFFIXES = tuple(f".{kind}" for kind in FORMATS)
SESSION_FILE = re.compile(r"(?P<animal>.+)_(?P<session>\d{2,})")


class Recording(NamedTuple):
    """One session file, the registration file of its animal, and what its name says (animal,
    session from 1)."""

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
                f"{self.path} was expected to hold animal {self.named[0]!r}, session "
                f"{self.named[1]}, got {said[0]!r}, {said[1]}: "
                "rename the file <animal>_<session>."
            )
        return fields


def recordings(path: str | Path) -> list[Recording]:
    """Session files by animal and session.

    Parameters
    ----------
    path : str or pathlib.Path
        One file, or a folder of ``<animal>_<session:02d>`` files and ``<animal>_registration``
        files.

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
        return [
            Recording(path, _registration(path.parent, match["animal"]) if match else None, None)
        ]
    files = [
        file
        for file in sorted(path.iterdir())
        if file.suffix in SUFFIXES + PICKLES and not file.stem.endswith("_registration")
    ]
    session_files = [_recording(file) for file in files]
    _refuse_orphans(path, session_files)
    if not session_files:
        raise RefusedInputError(
            f"files named <animal>_<session>.npz, .mat or .nc were expected in {path}, got "
            "none: name them so."
        )
    return sorted(_once(session_files), key=lambda recording: recording.named or ("", 0))


def _recording(file: Path) -> Recording:
    refuse_pickle(file)
    match = SESSION_FILE.fullmatch(file.stem)
    if match is None:
        raise RefusedInputError(
            f"{file} was expected to be named <animal>_<session>, e.g. mouse_01{file.suffix}: "
            "rename it or move it away."
        )
    return Recording(
        file, _registration(file.parent, match["animal"]), (match["animal"], int(match["session"]))
    )


def _refuse_orphans(folder: Path, session_files: list[Recording]) -> None:
    """Refuse a registration file of an animal that has no session here, such as
    ``a_registration.npz`` for animal A."""
    animals = {recording.named[0] for recording in session_files if recording.named is not None}
    for suffix in SUFFIXES:
        for file in sorted(folder.glob(f"*_registration{suffix}")):
            animal = file.stem.removesuffix("_registration")
            if animals and animal not in animals:
                alike = difflib.get_close_matches(
                    animal.casefold(), [name.casefold() for name in animals], n=1
                )
                meant = next(
                    (name for name in sorted(animals) if [name.casefold()] == alike),
                    sorted(animals)[0],
                )
                raise RefusedInputError(
                    f"{file} was expected to belong to an animal of the folder "
                    f"({', '.join(sorted(animals))}), got {animal!r}: rename it "
                    f"{meant}_registration{suffix}, or move it away."
                )


def _once(session_files: list[Recording]) -> list[Recording]:
    first: dict[tuple[str, int] | None, Path] = {}
    for recording in session_files:
        if recording.named in first:
            raise RefusedInputError(
                f"one file per animal and session was expected, got {first[recording.named]} "
                f"and {recording.path}: keep one."
            )
        first[recording.named] = recording.path
    return session_files


def _registration(folder: Path, animal: str) -> Path | None:
    candidates = [
        file for suffix in SUFFIXES if (file := folder / f"{animal}_registration{suffix}").is_file()
    ]
    if len(candidates) > 1:
        raise RefusedInputError(
            f"one registration file per animal was expected, got {candidates[0]} and "
            f"{candidates[1]}: keep one."
        )
    return candidates[0] if candidates else None


def registrations(
    found: Iterable[Recording], base: int | None = None
) -> dict[Path | None, Registration | None]:
    """Registration of each registration file, and None for None.

    Parameters
    ----------
    found : iterable of Recording
        All that are read.
    base : {0, 1} or None
        Number of the first cell in the registration files; None: what they tell.

    Returns
    -------
    dict
        By path, so that ``registrations(found)[recording.registration]`` belongs to the recording.

    Raises
    ------
    RefusedInputError
        If a registration cannot be used, or does not fit the sessions of its animal.
    """
    registered: dict[Path | None, Registration | None] = {None: None}
    by_file: dict[Path, list[Recording]] = {}
    for recording in found:
        if recording.registration is not None:
            by_file.setdefault(recording.registration, []).append(recording)
    for path, own in by_file.items():
        registration = read_registration(path, base, partial(_cells, own))
        named = [recording.named[1] for recording in own if recording.named is not None]
        if named:
            registration.fit(named)
        registered[path] = registration
    return registered


def _cells(own: list[Recording]) -> dict[int, int]:
    """Number of cells of each session, from 1."""
    fields = (recording.fields() for recording in own)
    return {session_fields.session(): session_fields.cells() for session_fields in fields}
