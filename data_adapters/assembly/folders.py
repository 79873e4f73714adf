"""Folders of sessions: which ones hold files of a tool, whose they are, and on which day they were
recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from data_adapters.options import existing
from drift.schema.labelled_form import RefusedInputError

DEEPEST = 6  # folders below the one that was given
MOST = 10_000  # folders that are looked into
DATE = re.compile(r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
DAY = re.compile(r"^(?:.*[-_ ])?(?:day|tag|jour|d)[-_ ]?(\d{1,4})$", re.IGNORECASE)


class Place(NamedTuple):
    """Where the files of one session lie, and what the names of the folders say."""

    folder: Path  # that the tool wrote, or a file
    top: Path  # folder of the session: what names it
    root: Path  # that was given
    subject: str
    label: str  # of the session
    recording: str  # in which cells are the same ones
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
        text = (
            str(pattern)
            .replace("{animal}", self.subject)
            .replace("{folder}", self.top.name)
            .replace("{session}", str(self.number))
        )
        for folder in self._upwards():
            matches = sorted(folder.glob(text)) if not Path(text).is_absolute() else []
            if len(matches) > 1:
                raise RefusedInputError(
                    f"{what} {text!r} was expected to name one file in {folder}, got "
                    f"{matches[0].name} and {matches[1].name}: name one of them."
                )
            if matches:
                return matches[0]
        if Path(text).expanduser().exists():
            return Path(text).expanduser()
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
    path: str | Path, holds: Callable[[Path], bool], structural: re.Pattern[str], what: str
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

    Returns
    -------
    list of Place
        Without days; see ``dated``.

    Raises
    ------
    RefusedInputError
        If there is none.
    """
    root = existing(path)
    matches = list(_found(root, holds))
    if not matches:
        raise RefusedInputError(f"{what} were expected in {path}, got none: check the folder.")
    # a file that is alone in its folder is named by the folder, whatever it is called itself
    alone = len({match.parent for match in matches}) == len(matches) and root not in matches
    return [
        Place(folder, top, root, subject, label, label)
        for folder in matches
        for top, subject, label in [
            _names(root, folder.parent if alone and folder.is_file() else folder, structural)
        ]
    ]


def dated(matches: Sequence[Place], elapsed: Sequence[float] | None) -> list[Place]:
    """Sessions by subject and day, numbered within each subject.

    Parameters
    ----------
    found : sequence of Place
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
        own = [place for place in matches if place.subject == subject]
        days = _days([place.label for place in own], subject, elapsed)
        rows = sorted(
            zip(days, own, strict=True),
            key=lambda row: (row[0], row[1].piece, _natural(row[1].label)),
        )
        ordered += [
            place._replace(number=number, elapsed=day)
            for number, (day, place) in enumerate(rows, start=1)
        ]
    return ordered


def _found(root: Path, holds: Callable[[Path], bool]) -> Iterator[Path]:
    """Folders or files of sessions, not looked into further."""
    if holds(root):
        yield root
        return
    level, looked = [root], 0
    for _ in range(DEEPEST):
        inside = [
            entry
            for folder in level
            for entry in sorted(folder.iterdir() if folder.is_dir() else [])
            if not entry.name.startswith(".")
        ]
        looked += len(inside)
        if looked > MOST * 10:
            raise RefusedInputError(
                f"{root} was expected to hold sessions, got more than {MOST * 10} files to look "
                "through: give the folder of the recordings."
            )
        yield from (entry for entry in inside if holds(entry))
        level = [
            entry
            for entry in inside
            if entry.is_dir() and not entry.is_symlink() and not holds(entry)
        ]


def _names(root: Path, folder: Path, structural: re.Pattern[str]) -> tuple[Path, str, str]:
    """Folder that names the session, subject and label of the session."""
    top = folder
    while top != root and top.is_dir() and _is_structural(top.name, structural):
        top = top.parent
    names = [name for name in top.relative_to(root).parts if not _is_structural(name, structural)]
    home = root
    while _is_structural(home.name, structural) and home.parent != home:
        home = home.parent
    if names and top.is_file():
        names[-1] = top.name.split(".")[0]
    if not names:
        name = home.resolve().name if home.is_dir() else home.name.split(".")[0]
        return home, name, name
    if len(names) == 1 or _is_day(names[0]):
        return top, home.resolve().name, "/".join(names)
    return top, names[0], "/".join(names[1:])


def _is_structural(name: str, structural: re.Pattern[str]) -> bool:
    return bool(structural.fullmatch(name))


def _is_day(name: str) -> bool:
    return bool(DATE.search(name) or DAY.match(name))


def _days(labels: list[str], subject: str, elapsed: Sequence[float] | None) -> list[float]:
    """Day of each session, by its date, by ``day<number>``, or as was said in the order of
    names."""
    if elapsed is not None:
        order = sorted(range(len(labels)), key=lambda index: _natural(labels[index]))
        if len(elapsed) != len(labels):
            raise RefusedInputError(
                f"elapsed was expected to name {len(labels)} days for the sessions of {subject} "
                f"({', '.join(labels[index] for index in order)}), got {len(elapsed)}: give one "
                "each."
            )
        days = [0.0] * len(labels)
        for index, day in zip(order, elapsed, strict=True):
            days[index] = float(day)
        return days
    if len(labels) == 1:
        return [0.0]
    told = [_told(label) for label in labels]
    if all(isinstance(day, date) for day in told):
        first = min(day for day in told if isinstance(day, date))
        return [float((day - first).days) for day in told if isinstance(day, date)]
    if all(isinstance(day, float) for day in told):
        return [day for day in told if isinstance(day, float)]
    raise RefusedInputError(
        f"folders of {subject} were expected to be named by dates or day<number>, got "
        f"{', '.join(sorted(labels, key=_natural)[:6])}: say elapsed= with the day of each, in "
        "this order, or give each animal a folder with a folder for each session."
    )


def _told(label: str) -> date | float | None:
    for name in reversed(label.split("/")):
        if match := DATE.search(name):
            try:
                return date(*map(int, match.groups()))
            except ValueError:
                return None
        if match := DAY.match(name):
            return float(match[1])
    return None


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Order in which day2 comes before day10."""
    return [
        (0, int(name), "") if name.isdigit() else (1, 0, name.casefold())
        for name in re.split(r"(\d+)", text)
        if name
    ]
