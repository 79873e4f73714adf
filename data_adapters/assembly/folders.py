"""Folders of sessions: which ones hold files of a tool, whose they are, and on which day they were
recorded."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_adapters.assembly.names import DATES, apart, names_of
from data_adapters.options import existing
from drift.schema.labelled_form import RefusedInputError

DEEPEST = 12  # folders below the one that was given
MOST = 100_000  # files and folders that are looked at


class Place(NamedTuple):
    """Where the files of one session lie, and what the names of the folders say."""

    folder: Path  # that the tool wrote, or a file
    top: Path  # folder of the session: what names it
    root: Path  # that was given
    subject: str
    label: str  # of the session
    recording: str  # in which cells are the same ones
    day: date | float | None = None  # as names tell it
    environment: str = ""  # as names tell it
    number: int = 1  # among those of the subject, from 1
    elapsed: float = 0.0  # days
    piece: int = 0  # of a recording that was put together of several

    def named(self, pattern: str | Path, what: str) -> Path:
        """The one file that a pattern names: beside the files of the session, or above them up to
        the folder that was given, or where the pattern says by itself.

        Raises
        ------
        RefusedInputError
            If there is none, or several in one folder.
        """
        words = {
            "{animal}": self.subject,
            "{folder}": self.top.name if self.top.is_dir() else self.top.stem,
            "{date}": _date_text(self.label),
            "{session}": str(self.number),
        }
        text, literal = str(pattern), str(pattern)
        for word, value in words.items():
            text, literal = text.replace(word, glob.escape(value)), literal.replace(word, value)
        for folder in self._upwards():
            matches = _matches(folder, text, literal)
            if len(matches) > 1:
                raise RefusedInputError(
                    f"{what} {text!r} was expected to name one file in {folder}, got "
                    f"{matches[0].name} and {matches[1].name}: name one of them."
                )
            if matches:
                return matches[0]
        if len(Path(literal).parts) > 1 and _is_there(Path(literal)):
            return Path(literal)  # a bare name is one beside the files, not of the working folder
        raise RefusedInputError(
            f"{what} {text!r} was expected beside {self.folder}, or above it up to {self.root}, "
            "got no such file: check the name."
        )

    def _upwards(self) -> Iterator[Path]:
        folder = self.folder if self.folder.is_dir() else self.folder.parent
        yield folder
        root = self.root if self.root.is_dir() else self.root.parent
        while folder != root and root in folder.parents:
            folder = folder.parent
            yield folder


def named_places(
    path: str | Path,
    holds: Callable[[Path], bool],
    structural: re.Pattern[str],
    what: str,
    pattern: str | None = None,
) -> list[Place]:
    """Sessions below a path, with the subjects and labels that the names of folders tell.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder of one session, of one subject with a folder a session, or of several subjects.
    holds : callable
        Tells whether a folder, or a file, is what the tool wrote of one session.
    structural : re.Pattern
        Names of folders that the tool makes itself.
    what : str
        What was looked for, for the message.
    pattern : str or None
        How folders are named; see ``data_adapters.assembly.names.names_of``.

    Returns
    -------
    list of Place
        Without days; see ``dated``.

    Raises
    ------
    RefusedInputError
        If there is none, or names do not fit the pattern.
    """
    root = existing(path)
    matches = list(_found(root, holds))
    if not matches:
        raise RefusedInputError(f"{what} were expected in {path}, got none: check the folder.")
    # a file that is alone in its folder is named by the folder, whatever it is called itself
    alone = len({match.parent for match in matches}) == len(matches) and root not in matches
    home = _home(root, structural)
    tops = [
        _top(root, home, match.parent if alone and match.is_file() else match, structural)
        for match in matches
    ]
    names = [names_of(_parts(root, top, structural), home, pattern) for top in tops]
    names = apart(names, home) if pattern is None else names
    return [
        Place(match, top, root, name.subject, name.label, name.label, name.day, name.environment)
        for match, top, name in zip(matches, tops, names, strict=True)
    ]


def dated(matches: Sequence[Place], elapsed: Sequence[float] | None) -> list[Place]:
    """Sessions by subject and day, numbered within each subject.

    Parameters
    ----------
    matches : sequence of Place
        See ``named_places``.
    elapsed : sequence of float or None
        Days of the sessions of each subject, in the order of their labels.

    Returns
    -------
    list of Place

    Raises
    ------
    RefusedInputError
        If names do not tell the days of several sessions and nothing was said.
    """
    ordered: list[Place] = []
    for subject in sorted({place.subject for place in matches}):
        own = sorted(
            (place for place in matches if place.subject == subject),
            key=lambda place: (_natural(place.label), place.piece),
        )
        rows = sorted(
            zip(_days(own, elapsed), own, strict=True),
            key=lambda row: (row[0], row[1].piece, _natural(row[1].label)),
        )
        ordered += [
            place._replace(number=number, elapsed=day)
            for number, (day, place) in enumerate(rows, start=1)
        ]
    return ordered


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for the system, or closed
        return False


def _matches(folder: Path, text: str, literal: str) -> list[Path]:
    """Files of a folder that are called so, or that fit a pattern."""
    if Path(literal).is_absolute():
        return []
    if _is_there(folder / literal):
        return [folder / literal]
    try:
        return sorted(folder.glob(text))
    except (ValueError, OSError, NotImplementedError):
        return []


def _found(root: Path, holds: Callable[[Path], bool]) -> Iterator[Path]:
    """Folders or files of sessions, not looked into further; links are followed once."""
    if holds(root):
        yield root
        return
    level, looked, met = [root], 0, {root.resolve()}
    for _level in range(DEEPEST):
        inside = [entry for folder in level for entry in _entries(folder)]
        looked += len(inside)
        if looked > MOST:
            raise RefusedInputError(
                f"{root} was expected to hold sessions, got more than {MOST} files to look "
                "through: give the folder of the recordings."
            )
        level = []
        for entry in inside:
            if holds(entry):
                yield entry
            elif entry.is_dir() and entry.resolve() not in met:
                met.add(entry.resolve())
                level.append(entry)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise RefusedInputError(
            f"{folder} was expected to be a folder that can be looked into, got "
            f"{error.strerror}: ask its owner."
        ) from None


def _home(root: Path, structural: re.Pattern[str]) -> str:
    """What the folder that was given is called, folders of the tool left out."""
    folder = root.resolve()
    if folder.is_file():
        return folder.name.split(".")[0]
    while structural.fullmatch(folder.name) and folder.parent != folder:
        folder = folder.parent
    return folder.name


def _top(root: Path, home: str, match: Path, structural: re.Pattern[str]) -> Path:
    """The folder, or file, that names the session."""
    top = match
    while top != root and top.is_dir() and structural.fullmatch(top.name):
        top = top.parent
    return top


def _parts(root: Path, top: Path, structural: re.Pattern[str]) -> list[str]:
    names = [name for name in top.relative_to(root).parts if not structural.fullmatch(name)]
    if names and top.is_file():
        names[-1] = top.name.split(".")[0]
    return names


def _days(own: list[Place], elapsed: Sequence[float] | None) -> list[float]:
    """Day of each session, as it was said, by its date, or by ``day<number>``."""
    labels = [place.label for place in own]
    if elapsed is not None:
        days = [float(day) for day in elapsed]
        if len(days) != len(labels) or not np.isfinite(days).all():
            raise RefusedInputError(
                f"elapsed was expected to name {len(labels)} days for the sessions of "
                f"{own[0].subject} ({', '.join(labels)}), got {len(days)}: give one each."
            )
        return days
    if len(labels) == 1:
        return [0.0]
    told = [place.day for place in own]
    if all(isinstance(day, date) for day in told):
        first = min(day for day in told if isinstance(day, date))
        return [float((day - first).days) for day in told if isinstance(day, date)]
    if all(isinstance(day, float) for day in told):
        return [day for day in told if isinstance(day, float)]
    raise RefusedInputError(
        f"folders of {own[0].subject} were expected to be named by dates or day<number>, got "
        f"{', '.join(labels[:6])}: say elapsed= with the day of each, in this order, or folders= "
        "with how they are named, e.g. {animal}/{date}."
    )


def _date_text(label: str) -> str:
    """The date in a label, as it is written."""
    for pattern in DATES:
        if match := pattern.search(label):
            return match[0]
    return label


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Order in which day2 comes before day10."""
    return [
        (0, int(name), "") if name.isdecimal() else (1, 0, name.casefold())
        for name in re.split(r"(\d+)", text)
        if name
    ]
