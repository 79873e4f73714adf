"""Lab files in, session Datasets out: one reader for every published layout of a longitudinal recording.

``sessions(name, path)`` yields one session Dataset of the labelled form (``drift.schema``) after the other; ``drift.measure`` turns
them into the longitudinal Dataset that simulated networks share. A reader is a module of this package with a function
``sessions(path, **options)`` and one line in ``READERS``.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

READERS: dict[str, str] = {
    "interchange": "data_adapters.interchange",
    "karlsson2015": "data_adapters.karlsson2015",
}

__all__ = ["READERS", "sessions"]


def sessions(name: str, path: str | Path, **options: Any) -> Iterator[xr.Dataset]:
    """Recording sessions of a lab's files, one session Dataset at a time.

    The first session is read at once, so that what cannot be read is refused here and not in the middle of an analysis; the
    others are read when they are asked for.

    Parameters
    ----------
    name : str
        Layout of the files, a key of ``READERS``.
    path : str or pathlib.Path
        File or folder, as the reader has it.
    **options
        Options of the reader; text such as ``"none"``, ``"7"`` or ``"1,2"`` is converted to what the option takes.

    Returns
    -------
    iterator of xarray.Dataset
        ``activity (sample, unit)`` in events, ``position (sample[, axis])`` in cm or pixel, scalar coordinates of the session.

    Raises
    ------
    RefusedInputError
        If the reader, an option or the path is unknown, or the files cannot be used.
    """
    from data_adapters.options import chosen, existing, nearest  # the package itself stays light
    from drift.schema import RefusedInputError

    if name not in READERS:
        raise RefusedInputError(f"reader {name!r} is unknown: {nearest(name, READERS)}.")
    reader = import_module(READERS[name]).sessions
    recorded = reader(existing(path), **chosen(name, reader, options))
    first = next(recorded, None)
    if first is None:
        raise RefusedInputError(f"{path} was expected to hold sessions in the {name} layout, got none: check the path and the options.")
    return _resumed(first, recorded)


def _resumed(first: xr.Dataset, others: Iterator[xr.Dataset]) -> Iterator[xr.Dataset]:
    yield first
    del first
    yield from others
