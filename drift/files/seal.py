"""The seal at the end of a file: a checksum of all bytes before it, by which damage is told from
content.

Readers of netCDF and HDF5 do not look behind the end that the file itself names, so a sealed file
is read by all of them; one that another program changes loses its seal and is read as it is.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from drift.errors import DamagedFileError

MARK = b"\nrepdrift sha256\n"
LENGTH = len(MARK) + hashlib.sha256().digest_size
BLOCK = 1 << 20  # bytes read at a time


def seal(path: Path) -> None:
    """Append the checksum of what a file holds."""
    with path.open("rb+") as file:
        size = file.seek(0, 2)
        digest = _digest(file, size)
        file.seek(size)
        file.write(MARK + digest)


def bears_seal(path: Path) -> bool:
    """Tell whether a file bears a seal, whether or not it fits."""
    with path.open("rb") as file:
        return _end(file)[1].startswith(MARK)


def is_sealed(path: Path) -> bool:
    """Tell whether a file bears a seal, and that it fits.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False for a file without a seal, as written by other versions or programs: nothing is known
        of it.

    Raises
    ------
    DamagedFileError
        If there is a seal and the content is not what was sealed.
    """
    with path.open("rb") as file:
        size, end = _end(file)
        if not end.startswith(MARK):
            return False
        if _digest(file, size) != end[len(MARK) :]:
            raise DamagedFileError(
                f"{path} is damaged, its content differs from its checksum: restore it from a "
                "copy or write it again."
            )
    return True


def _end(file: BinaryIO) -> tuple[int, bytes]:
    """Where a seal would begin, and what stands from there on."""
    size = max(file.seek(0, 2) - LENGTH, 0)
    file.seek(size)
    return size, file.read()


def _digest(file: BinaryIO, size: int) -> bytes:
    file.seek(0)
    digest, left = hashlib.sha256(), size
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            break
        digest.update(block)
        left -= len(block)
    return digest.digest()
