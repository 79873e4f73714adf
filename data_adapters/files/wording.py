"""What a file holds, as a message shows it: on one line and short."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drift.door.wording import shown

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


def listed(names: Iterable[Any]) -> str:
    """Names that a file holds, separated by commas; many are counted."""
    every = [cut(str(name)) for name in names]
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return f"{', '.join(every[:MOST_NAMES])}{more}"
