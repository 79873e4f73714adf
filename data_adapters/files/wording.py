"""What a file holds, as a message shows it: on one line and short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drift.door.wording import shown
from drift.errors import RefusedInputError

LONGEST = 80  # letters
MOST_NAMES = 12


def brief(value: Any) -> str:
    """A value of a file as a message shows it, at most a line long, whatever it holds."""
    if isinstance(value, list | tuple | dict | set | frozenset):
        return f"a {type(value).__name__} of {len(value)}"
    try:
        return cut(shown(value))
    except Exception:  # numbers of more digits than Python writes
        return f"a {type(value).__name__}"


def cut(text: str) -> str:
    """A text of a file without line breaks and what cannot be printed, at most a line long."""
    text = "".join(
        letter if letter.isprintable() else " " for letter in " ".join(text[:1000].split())
    )
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


@contextmanager
def file_in_refusals(path: Path) -> Iterator[None]:
    """Name the file in refusals that do not: sessions count from 0, files as their owner numbers
    them.

    Parameters
    ----------
    path : pathlib.Path
        What is read while this lasts.
    """
    try:
        yield
    except RefusedInputError as refusal:
        if (path.name if path.suffix else str(path)) in str(refusal):
            raise
        raise type(refusal)(f"{path}: {refusal}") from refusal


def listed(names: Iterable[Any]) -> str:
    """Names that a file holds, separated by commas; many are counted."""
    every = [cut(str(name)) for name in names]
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return f"{', '.join(every[:MOST_NAMES])}{more}"
