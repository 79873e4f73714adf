"""How large an array of a file may be: a damaged header must not fill the memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drift.schema.labelled_form import RefusedInputError

# bytes: 36,000 frames of 14,000 units as float64, ten times the largest recording of one session
# known to us
LARGEST = 2**32


def refuse_absurd(shape: Sequence[int], itemsize: int, what: str) -> None:
    """Refuse an array that claims to be larger than any session.

    Parameters
    ----------
    shape : sequence of int
        As the file has it.
    itemsize : int
        Bytes of one item.
    what : str
        What the array is and where it stands, for the message.

    Raises
    ------
    RefusedInputError
        If it has more than 4 GiB.
    """
    # lengths beside a 0 count too: an array without numbers may still have endless rows
    size = math.prod(max(int(length), 1) for length in shape) * max(itemsize, 1)
    if size > LARGEST or any(length < 0 for length in shape):
        got = " x ".join(f"{length:d}" if length < 1e30 else "endlessly many" for length in shape)
        raise RefusedInputError(
            f"{what} was expected to fit {LARGEST >> 30} GiB, got {got} of {itemsize} bytes: "
            "check the file, or split it."
        )
