"""The one limit of memory: what needs more is refused before it is asked of the computer."""

from __future__ import annotations

import math

from drift.errors import RefusedInputError

LARGEST_BYTES = 32 * 2**30


def refuse_beyond_memory(what: str, *shape: int, remedy: str = "ask for fewer") -> None:
    """Refuse an array of 8-byte numbers that no workstation holds.

    Parameters
    ----------
    what : str
        What the numbers are.
    *shape : int
        Of the array.
    remedy : str
        What to do.

    Raises
    ------
    RefusedInputError
        If the array takes more than ``LARGEST_BYTES``.
    """
    needed = 8 * math.prod(shape)
    if needed > LARGEST_BYTES:
        sizes = " x ".join(map(str, shape))
        raise RefusedInputError(
            f"{what} must fit in {LARGEST_BYTES >> 30} GiB, got {sizes} numbers, "
            f"{needed / 2**30:.3g} GiB: {remedy}."
        )
