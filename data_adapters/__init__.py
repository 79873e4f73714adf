"""Lab files in, session Datasets out: one reader for every published layout of a longitudinal recording.

``sessions(name, path)`` yields one session Dataset of the labelled form (``drift.schema``) after the other; ``drift.measure`` turns
them into the longitudinal Dataset that simulated networks share. A reader is a module of this package with a function
``sessions(path, **options)`` and one line in ``READERS``. Where a laboratory published summaries, ``summary(name, path)`` reads them.
``align`` puts positions on the clock of a microscope. ``fetch(name)`` downloads public files, on request only. The way out:
``to_nwb`` writes sessions as NWB files, ``to_pynapple`` and
``from_pynapple`` exchange them with pynapple.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift.door import opened

if TYPE_CHECKING:
    import xarray as xr

    from data_adapters.alignment import align
    from data_adapters.nwb_writing import to_nwb
    from data_adapters.pynapple_objects import from_pynapple, to_pynapple

READERS: dict[str, str] = {
    "interchange": "data_adapters.interchange",
    "jercog2019": "data_adapters.jercog2019",
    "karlsson2015": "data_adapters.karlsson2015",
    "khatib2023": "data_adapters.khatib2023",
    "nwb": "data_adapters.nwb",
    "sheintuch2023": "data_adapters.sheintuch2023",
}
SUMMARIES = ("jercog2019", "karlsson2015", "khatib2023", "sheintuch2023")

EXCHANGE = {
    "align": "data_adapters.alignment",
    "to_nwb": "data_adapters.nwb_writing",
    "from_pynapple": "data_adapters.pynapple_objects",
    "to_pynapple": "data_adapters.pynapple_objects",
}

__all__ = ["READERS", "SUMMARIES", "align", "fetch", "from_pynapple", "sessions", "summary", "to_nwb", "to_pynapple"]


def __getattr__(name: str) -> Any:
    if name not in EXCHANGE:
        raise AttributeError(f"module 'data_adapters' has no attribute {name!r}")
    return getattr(import_module(EXCHANGE[name]), name)


@opened
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
        ``animal`` and ``environment``, with every reader: the label of the sessions to take, or several separated by commas (a
        reader may have an option ``environment`` of its own). Else options of the reader; text such as ``"none"``, ``"7"`` or
        ``"1,2"`` is converted to what the option takes.

    Returns
    -------
    iterator of xarray.Dataset
        ``activity (sample, unit)`` in events, ``position (sample[, axis])`` in cm or pixel, scalar coordinates of the session.

    Raises
    ------
    RefusedInputError
        If the reader, an option or the path is unknown, or the files cannot be used.
    """
    from data_adapters.options import chosen, existing, filters, kept, nearest  # the package itself stays light
    from drift.schema import RefusedInputError

    if name not in READERS:
        raise RefusedInputError(f"reader {name!r} is unknown: {nearest(name, READERS)}.")
    reader = import_module(READERS[name]).sessions
    own, wanted = filters(reader, options)
    recorded = kept(reader(existing(path), **chosen(name, reader, own)), wanted)
    first = next(recorded, None)
    if first is None:
        raise RefusedInputError(f"{path} was expected to hold sessions in the {name} layout, got none: check the path and the options.")
    return _resumed(first, recorded)


def _resumed(first: xr.Dataset, others: Iterator[xr.Dataset]) -> Iterator[xr.Dataset]:
    yield first
    del first
    yield from others


@opened
def summary(name: str, path: str | Path) -> xr.Dataset:
    """Published summary of a recording: numbers per animal and session, or curves, as the laboratory's processed file has them.

    Parameters
    ----------
    name : str
        One of ``SUMMARIES``.
    path : str or pathlib.Path
        The processed file, or for Sheintuch 2023 also a folder of the published files.

    Returns
    -------
    xarray.Dataset
        See ``summary`` of the reader; ``data_adapters.summaries.normalised`` makes the published curves of it.

    Raises
    ------
    RefusedInputError
        If the name is unknown or the file cannot be used.
    """
    from data_adapters.options import existing, nearest
    from drift.schema import RefusedInputError

    if name not in SUMMARIES:
        raise RefusedInputError(f"summary {name!r} is unknown: {nearest(name, SUMMARIES)}.")
    return import_module(READERS[name]).summary(existing(path))


@opened
def fetch(name: str, cache: str | Path | None = None, table: str | Path | None = None, progress: bool = True) -> Path:
    """Folder with the files of a public data set, downloaded where they are missing; see ``data_adapters.download.fetch``."""
    from data_adapters import download

    return download.fetch(name, cache, table, progress)
