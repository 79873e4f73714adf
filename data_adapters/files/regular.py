"""Files that can be read: a pipe waits for ever, a device never ends, others are closed to us."""

from __future__ import annotations

import os
from pathlib import Path

from data_adapters.options import existing
from drift.schema.labelled_form import RefusedInputError


def regular(path: str | Path) -> Path:
    """The path, if a regular file that may be read lies there.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; ``~`` stands for the home folder.

    Raises
    ------
    RefusedInputError
        If there is none, it is a folder, a pipe or a device, or may not be read.
    """
    file = existing(path)
    if not file.is_file():
        kind = "a folder" if file.is_dir() else "a pipe or a device"
        raise RefusedInputError(f"{path} was expected to be a file, got {kind}: check the path.")
    if not os.access(file, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise RefusedInputError(
            f"{path} was expected to be a file that you may read, got one that is closed to you: "
            "ask its owner."
        )
    return file


def is_file(path: Path) -> bool:
    """Tell whether a regular file lies at a path.

    Raises
    ------
    RefusedInputError
        If the folder around it may not be looked into.
    """
    try:
        return path.is_file()
    except OSError as error:
        raise closed(path.parent, error) from error


def is_folder(path: Path) -> bool:
    """Tell whether a folder lies at a path.

    Raises
    ------
    RefusedInputError
        If the folder around it may not be looked into.
    """
    try:
        return path.is_dir()
    except OSError as error:
        raise closed(path.parent, error) from error


def closed(path: str | Path, error: OSError) -> RefusedInputError:
    """The refusal of a folder or file that the computer does not open."""
    return RefusedInputError(
        f"{path} cannot be used ({error.strerror}): ask its owner, or choose another path."
    )
