"""Texts of HDF5 files lie in global heaps; where zeros took their place, as in a copy that broke
off or was never finished, the library of HDF5 reads on without end."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from drift.errors import RefusedInputError

# Source: The HDF Group, HDF5 file format 3.0, III.E, "Disk Format: Level 1E - Global Heap".
MARK = b"GCOL\x01\x00\x00\x00"
HEADER = 16  # bytes before the first object of a heap, and before the content of an object
SEARCHED = 2**30  # bytes of the largest file that is looked through, about half a second


def refuse_endless_heaps(path: Path) -> None:
    """Refuse an HDF5 file with a global heap that HDF5 would read for ever.

    Parameters
    ----------
    path : pathlib.Path
        An HDF5 file.

    Raises
    ------
    RefusedInputError
        If an object of no size stands where free space of a heap begins. Files above 1 GiB are not
        looked through.
    """
    if not 0 < path.stat().st_size <= SEARCHED:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(MARK)
        while start >= 0:
            if _is_endless(content, start):
                raise RefusedInputError(
                    f"{path} was expected to be a whole file, got zeros in the texts at byte "
                    f"{start}: copy it again."
                )
            start = content.find(MARK, start + len(MARK))


def _is_endless(content: mmap.mmap, start: int) -> bool:
    """Whether the objects of a heap come to one that has no size and is none."""
    if start + HEADER > len(content):
        return False
    end = min(start + struct.unpack_from("<Q", content, start + 8)[0], len(content))
    at = start + HEADER
    while at + HEADER <= end:
        (number,) = struct.unpack_from("<H", content, at)
        (size,) = struct.unpack_from("<Q", content, at + 8)
        if number == 0 and size == 0:
            return True
        at += size if number == 0 else HEADER + -(-size // 8) * 8
    return False
