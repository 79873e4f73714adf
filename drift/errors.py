"""The answers that repdrift gives to input it does not accept: one sentence that says what, where,
got, and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from drift.texts import printable


class RefusedInputError(ValueError):
    """Input that cannot be used as it is; the message says what was expected, what was found, and
    what to do.

    Control characters and ends of lines, which may stem from a file, stand in the message as they
    would be written in a program: a terminal obeys none, and the sentence stays on its line.
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(
            *(
                printable(argument).replace("\n", "\\n") if isinstance(argument, str) else argument
                for argument in arguments
            )
        )


class SchemaError(RefusedInputError):
    """A labelled Dataset that lacks what a function needs; the message lists every fault at
    once."""


class UnwrittenFileError(RefusedInputError, OSError):
    """A file that the system did not take: no room, no permission; what was there before is
    kept."""


class DamagedFileError(RefusedInputError):
    """A file of ours that is not what was written: it can be made again, but not be read."""


def did_you_mean(name: object, known: Iterable[object], most: int = 12) -> str:
    """The remedy for a name that is not known: the most similar known one, else what is known.

    Parameters
    ----------
    name : object
        What was given.
    known : iterable
        Names that exist.
    most : int
        How many are listed where none is similar.

    Returns
    -------
    str
        ``did you mean <name>?``, ``choose of <names>``, or nothing where nothing is known.
    """
    names = list(dict.fromkeys(str(known_name) for known_name in known))
    folded = {known_name.casefold(): known_name for known_name in names}
    similar = difflib.get_close_matches(str(name).casefold(), list(folded), n=1)
    if similar:
        return f"did you mean {folded[similar[0]]}?"
    more = ", ..." if len(names) > most else ""
    return f"choose of {', '.join(names[:most])}{more}" if names else ""
