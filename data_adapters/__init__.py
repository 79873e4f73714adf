"""Lab files in, session Datasets out: one reader for every published layout of a longitudinal
recording.

``sessions(name, path)`` yields one session Dataset of the labelled form (``drift.schema``) after
the other; ``drift.measure`` turns them into the longitudinal Dataset that simulated networks share.
A reader is a module of this package with a function ``sessions(path, **options)`` and one line in
``READERS``; a reader of another package announces itself by an entry point of the group
``repdrift.readers``. Where a laboratory published summaries, ``summary(name, path)`` reads them.
``align`` puts positions on the clock of a microscope. ``fetch(name)`` downloads public files, on
request only. ``from_objects`` takes what other programs hold in memory: objects of neo, SpikeInterface,
pynapple and movement. The way out: ``to_nwb`` writes sessions as NWB files, ``to_pynapple`` and
``from_pynapple`` exchange them with pynapple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift.door import opened
from drift.entry_points import beside, loaded
from drift.faces import lazily

if TYPE_CHECKING:
    import xarray as xr

    from data_adapters.alignment import align
    from data_adapters.exchange import nwb
    from data_adapters.exchange.nwb_writing import to_nwb
    from data_adapters.exchange.objects import from_objects
    from data_adapters.exchange.pynapple_objects import from_pynapple, to_pynapple
    from data_adapters.files import download
    from data_adapters.laboratories import jercog2019, khatib2023
    from data_adapters.laboratories.frank import karlsson2015
    from data_adapters.laboratories.interchange import reader as interchange
    from data_adapters.laboratories.ziv import deitch2021, sheintuch2023
    from data_adapters.published import summaries

READERS: dict[str, str] = {
    "caiman": "data_adapters.tools.caiman",
    "cellexplorer": "data_adapters.tools.cellexplorer",
    "deitch2021": "data_adapters.laboratories.ziv.deitch2021",
    "inscopix": "data_adapters.tools.inscopix",
    "interchange": "data_adapters.laboratories.interchange.reader",
    "jercog2019": "data_adapters.laboratories.jercog2019",
    "karlsson2015": "data_adapters.laboratories.frank.karlsson2015",
    "khatib2023": "data_adapters.laboratories.khatib2023",
    "minian": "data_adapters.tools.minian",
    "nwb": "data_adapters.exchange.nwb",
    "phy": "data_adapters.tools.phy",
    "sheintuch2023": "data_adapters.laboratories.ziv.sheintuch2023",
    "suite2p": "data_adapters.tools.suite2p",
}
READER_GROUP = "repdrift.readers"
SUMMARIES = ("jercog2019", "karlsson2015", "khatib2023", "sheintuch2023")

__all__ = [
    "READERS",
    "SUMMARIES",
    "align",
    "fetch",
    "from_objects",
    "from_pynapple",
    "reader_names",
    "sessions",
    "summary",
    "to_nwb",
    "to_pynapple",
]


__getattr__, __dir__ = lazily(__name__)


@opened
def sessions(name: str, path: str | Path, **options: Any) -> Iterator[xr.Dataset]:
    """Recording sessions of a lab's files, one session Dataset at a time.

    The first session is read at once, so that what cannot be read is refused here and not in the
    middle of an analysis; the others are read when they are asked for.

    Parameters
    ----------
    name : str
        Layout of the files, one of ``reader_names()``.
    path : str or pathlib.Path
        File or folder, as the reader has it.
    **options
        ``animal`` and ``environment``, with every reader: the label of the sessions to take, or
        several separated by commas (where files do not tell the environment, ``environment`` is
        what it is called). ``track``, ``registration``, ``epochs``, ``scale``, ``lost`` and what
        else files may not say, with every reader: see ``data_adapters.statements.Statements``. Else
        options of the reader; text such as ``"none"``, ``"7"`` or ``"1,2"`` is converted to what
        the option takes.

    Returns
    -------
    iterator of xarray.Dataset
        ``activity (sample, unit)`` in events, ``position (sample[, axis])`` in cm or pixel or the
        coordinate ``stimulus (sample)``, scalar coordinates of the session.

    Raises
    ------
    RefusedInputError
        If the reader, an option or the path is unknown, or the files cannot be used.
    """
    # the package itself stays light
    from data_adapters.assembly.restating import restated
    from data_adapters.options import chosen, existing, filters, kept, parted
    from drift.schema.labelled_form import RefusedInputError

    reader = _reader(name)
    reader_options, labels = filters(reader, options)
    own, beside = parted(reader, chosen(name, reader, reader_options))
    if "registration" in beside and "base" in own:
        beside["base"] = own["base"]
    recorded = kept(restated(reader(existing(path), **own), beside, existing(path)), labels)
    first = next(recorded, None)
    if first is None:
        raise RefusedInputError(
            f"{path} was expected to hold sessions in the {name} layout, got none: check the "
            "path and the options."
        )
    return _resumed(first, recorded)


@opened
def reader_names() -> list[str]:
    """Names of all readers: those of ``READERS`` and, after them, those that other installed
    packages announce by entry points of the group ``repdrift.readers``.

    Returns
    -------
    list of str
    """
    return [*READERS, *beside(READERS, READER_GROUP)]


def _reader(name: str) -> Callable[..., Iterator[xr.Dataset]]:
    """``sessions`` of a reader; an entry point names that function or the module that holds it."""
    if name in READERS:
        return import_module(READERS[name]).sessions
    announced_readers = beside(READERS, READER_GROUP)
    if name not in announced_readers:
        from data_adapters.options import nearest
        from drift.errors import RefusedInputError

        raise RefusedInputError(
            f"reader {name!r} is unknown: {nearest(name, [*READERS, *announced_readers])}."
        )
    announced = loaded(announced_readers[name])
    return getattr(announced, "sessions", announced)


def _resumed(first: xr.Dataset, following: Iterator[xr.Dataset]) -> Iterator[xr.Dataset]:
    yield first
    del first
    yield from following


@opened
def summary(name: str, path: str | Path) -> xr.Dataset:
    """Published summary of a recording: numbers per animal and session, or curves, as the
    laboratory's processed file has them.

    Parameters
    ----------
    name : str
        One of ``SUMMARIES``.
    path : str or pathlib.Path
        The processed file, or for Sheintuch 2023 also a folder of the published files.

    Returns
    -------
    xarray.Dataset
        See ``summary`` of the reader; ``data_adapters.published.summaries.normalised`` makes the
        published curves of it.

    Raises
    ------
    RefusedInputError
        If the name is unknown or the file cannot be used.
    """
    from data_adapters.options import existing, nearest
    from drift.schema.labelled_form import RefusedInputError

    if name not in SUMMARIES:
        raise RefusedInputError(f"summary {name!r} is unknown: {nearest(name, SUMMARIES)}.")
    return import_module(READERS[name]).summary(existing(path))


@opened
def fetch(
    name: str,
    cache: str | Path | None = None,
    table: str | Path | None = None,
    progress: bool = True,
) -> Path:
    """Folder with the files of a public data set, downloaded where they are missing; see
    ``data_adapters.files.download.fetch``."""
    from data_adapters.files import download

    return download.fetch(name, cache, table, progress)
