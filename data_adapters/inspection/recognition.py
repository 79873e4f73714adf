"""Which program wrote the files of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from data_adapters.laboratories.interchange.recordings import SESSION_FILE, SUFFIXES
from data_adapters.options import existing
from data_adapters.registrations.files import OWN_NAMES
from data_adapters.tools import caiman, cellexplorer, inscopix, minian, phy, suite2p
from drift.schema.labelled_form import RefusedInputError

MOST = 20_000  # files and folders that are looked at
DEEPEST = 6
REGISTRATION = "registration"


def is_registration(path: Path) -> bool:
    """Tell whether a file is named as a program that follows cells names its output."""
    return any(path.match(pattern) for pattern in OWN_NAMES)


SIGNS: dict[str, Callable[[Path], bool]] = {
    "suite2p": partial(suite2p.holds, plane=None),
    "phy": phy.holds,
    "minian": minian.holds,
    "caiman": caiman.holds,
    "cellexplorer": cellexplorer.holds,
    "inscopix": inscopix.holds,
    "nwb": lambda path: (
        (path.suffix == ".nwb" and (path.is_file() or path.is_dir()))
        or path.name.endswith(".nwb.zarr")
    ),
    "interchange": lambda path: (
        path.suffix in SUFFIXES
        and path.is_file()
        and SESSION_FILE.fullmatch(path.stem) is not None
        and not path.stem.endswith("_registration")
        and not is_registration(path)
    ),
    "sheintuch2023": lambda path: path.name.startswith("finalEventsMat_"),
    "karlsson2015": lambda path: (
        "spikes" in path.name
        and path.suffix == ".mat"
        and path.with_name(path.name.replace("spikes", "pos")).is_file()
    ),
    REGISTRATION: is_registration,
}


def recognised(path: str | Path) -> str:
    """Name of the reader for the files of a path, or ``"registration"``.

    Parameters
    ----------
    path : str or pathlib.Path
        File or folder; folders in it are looked through.

    Returns
    -------
    str
        A key of ``data_adapters.READERS``, or ``"registration"`` where there are only tables of
        registered cells.

    Raises
    ------
    RefusedInputError
        If nothing, or files of several programs, are recognised.
    """
    root = existing(path)
    names: dict[str, Path] = {}
    for entry in islice(_entries(root), MOST):
        for name, sign in SIGNS.items():
            if name not in names and sign(entry):
                names[name] = entry
    if len(names) > 1:
        names.pop(REGISTRATION, None)
    if len(names) > 1:
        told = ", ".join(f"{name} ({entry.name})" for name, entry in names.items())
        raise RefusedInputError(
            f"{path} was expected to hold files of one program, got {told}: give the folder of "
            "one, or say --format."
        )
    if not names:
        raise RefusedInputError(
            f"files of a known program were expected in {path}, got none ({', '.join(SIGNS)}): "
            "say --format, or see the page on your own format."
        )
    return next(iter(names))


def _entries(root: Path) -> Iterator[Path]:
    """The path and what lies in it, nearest first."""
    level = [root]
    for _level in range(DEEPEST):
        yield from level
        level = [
            entry
            for folder in level
            if folder.is_dir() and not folder.is_symlink() and folder.suffix != ".zarr"
            for entry in sorted(folder.iterdir())
            if not entry.name.startswith(".")
        ]
