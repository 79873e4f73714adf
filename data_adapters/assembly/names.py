"""What the names of folders say: whose a session is, and on which day it was recorded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from drift.schema.labelled_form import RefusedInputError

END = r"(?:(?!\d)|(?=\d{6}(?!\d)))"  # a time of day may follow at once
DATES = (
    re.compile(r"(?<!\d)(?P<year>20\d\d)([-_.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)"),
    re.compile(rf"(?<!\d)(?P<year>20\d\d)(?P<month>\d\d)(?P<day>\d\d){END}"),
    re.compile(r"(?<!\d)(?P<year>[12]\d)(?P<month>\d\d)(?P<day>\d\d)(?!\d)"),
)
DAY = re.compile(r"(?:^|.*[-_ ])(?:day|tag|jour|d)[-_ ]?(?P<number>\d{1,4})", re.IGNORECASE)
# what tells sessions of one animal and day apart, and nothing else
RUNNING = re.compile(
    r"(?<![a-z])(s|sess|session|run|rec|recording|trial|block|tseries|acq|scan|video|file|exp|"
    r"experiment|part|day|tag|jour|d)[-_ ]?\d+(?!\w)"
    r"|h\d+_m\d+_s\d+|(?<!\d)\d\d[-_.:]\d\d[-_.:]\d\d(?!\d)|(?<!\d)\d{6}(?!\d)",
    re.IGNORECASE,
)
FIELDS = {"animal": r"[^/]+?", "date": r"[^/]+?", "day": r"\d+", "environment": r"[^/]+?",
          "session": r"[^/]+?"}  # fmt: skip


class Named(NamedTuple):
    """What names say of one session."""

    subject: str
    label: str
    day: date | float | None = None  # None: not told
    environment: str = ""


def dates_in(text: str) -> list[date]:
    """Dates in a name: 2024-05-01, 2024_5_1, 20240501, and 240501 where it cannot be another."""
    for pattern in DATES:
        told = [day for match in pattern.finditer(text) if (day := _date(match)) is not None]
        if told:
            return told
    return []


def _date(match: re.Match[str]) -> date | None:
    year, month, day = (int(match[name]) for name in ("year", "month", "day"))
    if year < 100:
        if 10 <= day <= 29:  # the last two digits may be the year as well
            return None
        year += 2000
    try:
        return date(year, month, day)
    except ValueError:
        return None


def names_of(parts: Sequence[str], root: str, pattern: str | None) -> Named:
    """Subject, label and day of the session whose folders are named so.

    Parameters
    ----------
    parts : sequence of str
        Names of the folders of a session below the one that was given, outermost first.
    root : str
        Name of the folder that was given.
    pattern : str or None
        How they are named, such as ``{animal}_{date}_{session}``; None: folders before the first
        one that is named by a day are the animal.

    Returns
    -------
    Named

    Raises
    ------
    RefusedInputError
        If names do not fit the pattern, or say two dates.
    """
    if pattern is not None:
        return _by_pattern("/".join(parts), root, pattern)
    dated = [number for number, name in enumerate(parts) if dates_in(name)]
    days = dated or [number for number, name in enumerate(parts) if DAY.fullmatch(name)]
    if not days:
        if len(parts) < 2:
            return Named(root, "/".join(parts) or root)
        return Named("_".join(parts[:-1]), parts[-1])
    first = days[0]
    label = "/".join(parts[first:])
    return Named("_".join(parts[:first]) or root, label, _day(label, bool(dated)))


def _day(label: str, dated: bool) -> date | float | None:
    if not dated:
        match = DAY.fullmatch(label.split("/")[0])
        return None if match is None else float(match["number"])
    told = {day for name in label.split("/") for day in dates_in(name)}
    if len(told) > 1:
        raise RefusedInputError(
            f"the folder {label} was expected to be named by one date, got "
            f"{' and '.join(map(str, sorted(told)))}: say elapsed= with the day of each session, "
            "or folders= with {date} in the place of the right one."
        )
    return told.pop()


def _by_pattern(text: str, root: str, pattern: str) -> Named:
    pieces = re.split(r"(\{\w+\})", pattern.strip("/"))
    unknown = [piece for piece in pieces if piece.startswith("{") and piece[1:-1] not in FIELDS]
    names = [piece[1:-1] for piece in pieces if piece.startswith("{")]
    if unknown or not names or len(set(names)) < len(names):
        raise RefusedInputError(
            f"folders was expected to be made of {', '.join(f'{{{name}}}' for name in FIELDS)}, "
            f"once each, got {pattern!r}: write e.g. {{animal}}/{{date}}."
        )
    expression = "".join(
        f"(?P<{piece[1:-1]}>{FIELDS[piece[1:-1]]})" if piece.startswith("{") else re.escape(piece)
        for piece in pieces
    )
    match = re.fullmatch(rf"{expression}(/.*)?", text)
    if match is None:
        raise RefusedInputError(
            f"folders named {pattern} were expected, got {text!r}: correct the pattern."
        )
    said = match.groupdict()
    day: date | float | None = float(said["day"]) if "day" in said else None
    if "date" in said:
        told = dates_in(said["date"])
        if not told:
            raise RefusedInputError(
                f"{said['date']!r} in {text!r} was expected to be a date such as 2024-05-01, got "
                "something else: say elapsed= with the day of each session."
            )
        day = told[0]
    label = "_".join(said[name] for name in ("date", "day", "session") if name in said) or text
    return Named(said.get("animal", root), label, day, said.get("environment", ""))


def apart(names: Sequence[Named], root: str) -> list[Named]:
    """Sessions whose names differ in more than days and numbers of runs are taken for those of
    several animals (or fields of view): cells that may be strangers are never compared.

    Parameters
    ----------
    names : sequence of Named
        Of all sessions below one folder.
    root : str
        Its name.
    """
    further: dict[str, set[str]] = {}
    for named in names:
        if named.day is not None:
            further.setdefault(named.subject, set()).add(_further(named.label))
    return [
        named._replace(subject=_joined(named.subject, _further(named.label), root))
        if named.day is not None and len(further[named.subject]) > 1
        else named
        for named in names
    ]


def _further(label: str) -> str:
    """What a name says beside the day and the number of a run."""
    text = label
    for pattern in (*DATES, DAY):
        text = pattern.sub(" ", text)
    return "_".join(re.findall(r"[^\W_]+", RUNNING.sub(" ", text)))


def _joined(subject: str, further: str, root: str) -> str:
    if not further:
        return subject
    return further if subject == root else f"{subject}_{further}"
