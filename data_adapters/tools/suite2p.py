"""suite2p, 0.x and 1.x: regions of interest and their deconvolved fluorescence (Pachitariu et al.
2017, doi 10.1101/061507).

``suite2p/plane<k>/`` (or ``combined/``) holds ``spks.npy`` (region, frame) float32, the events;
``iscell.npy`` (region, 2): whether a region is a cell, and its probability; and the frames per
second of a plane in ``ops.npy`` (0.x) or ``settings.npy`` (1.x). These are pickled dicts; they are
read without running code. Regions are numbered as in ``stat.npy``, so that registrations fit. A
recording that was put together of several folders is read as one session, or as one for each
folder (``split``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.acceptance import accepted_units
from data_adapters.assembly.assembling import assembled
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place, dated, named_places
from data_adapters.assembly.names import names_of
from data_adapters.files.arrays import read_header, read_npy, read_pickled_dict, read_rows
from data_adapters.files.wording import brief, cut
from data_adapters.session import integers, one_of
from data_adapters.statements import stated
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError

SOURCE = "suite2p"
EVENTS = ("spks", "F", "Fneu")
STRUCTURAL = re.compile(r"suite2p|plane\d+|combined", re.IGNORECASE)
SETTINGS = ("ops.npy", "settings.npy", "db.npy")
MOST_FOLDERS = 10_000  # that a recording was put together of


@opened
def sessions(
    path: str | Path,
    plane: int | None = None,
    events: str = "spks",
    split: bool | None = None,
    **statements: Any,
) -> Iterator[xr.Dataset]:
    """One session Dataset for each folder of suite2p, by animal and day.

    Parameters
    ----------
    path : str or pathlib.Path
        A folder with ``spks.npy``, the folder of one session, of one animal (a folder a session),
        or of several animals.
    plane : int or None
        Which plane; None: the only one, or ``combined``.
    events : {"spks", "F", "Fneu"}
        Deconvolved events; fluorescence is refused unless ``events_are="trace"`` is said.
    split : bool or None
        Whether a recording that was put together of several folders becomes a session for each of
        them. None: refused where there are several, since both may be meant.
    **statements
        See ``data_adapters.statements.Statements``; positions come from ``track``.

    Returns
    -------
    iterator of xarray.Dataset
        Units are rows of ``stat.npy``, of which ``iscell`` says that they are cells.

    Raises
    ------
    RefusedInputError
        If a file is missing, damaged, or does not fit the others.
    """
    one_of(events, EVENTS, "events of suite2p")
    said = stated(statements)
    session_places = named_places(
        path, partial(holds, plane=plane), STRUCTURAL, "folders of suite2p", said.folders
    )
    _refuse_planes(session_places)
    recordings = [number for place in session_places for number in _parts(place, split)]
    read = partial(_cells, events=events, keep_rejected=said.keep_rejected, fs=said.fs)
    return assembled(dated(recordings, said.elapsed), read, said)


def holds(folder: Path, plane: int | None) -> bool:
    """Tell whether a folder is a plane of suite2p: the one that is meant, or any."""
    if not any((folder / f"{name}.npy").is_file() for name in EVENTS):
        return False
    number = re.fullmatch(r"plane(\d+)", folder.name)
    if plane is not None:
        return number is None or int(number[1]) == plane
    return number is None or not (folder.parent / "combined" / "spks.npy").is_file()


def _refuse_planes(session_places: list[Place]) -> None:
    tops = [place.top for place in session_places]
    for place in session_places:
        if tops.count(place.top) > 1:
            planes = sorted(
                neighbour.folder.name for neighbour in session_places if neighbour.top == place.top
            )
            raise RefusedInputError(
                f"{place.top} was expected to hold one plane, got {', '.join(planes)}: say plane="
                "0, or let suite2p combine them."
            )


def _parts(place: Place, split: bool | None) -> list[Place]:
    """The session, or one for each folder that the recording was put together of."""
    settings = {} if split is False else _settings(place.folder, strict=split is True)
    lengths = _lengths(settings, place)
    if lengths.size < 2:
        return [place]
    if split is None:
        raise RefusedInputError(
            f"{place.folder} was expected to hold one recording, got one that was put together of "
            f"{lengths.size} folders: say split=true for a session each, or split=false."
        )
    names = _folder_names(settings.get("data_path"))
    named = len(set(names)) == len(names) == lengths.size
    labels = names if named else [f"part {number + 1}" for number in range(lengths.size)]
    return [
        place._replace(label=label, piece=number, day=names_of([label], "", None).day)
        for number, label in enumerate(labels, start=1)
    ]


def _lengths(settings: dict[str, Any], place: Place) -> NDArray[np.int64]:
    """Frames of each folder that the recording was put together of; empty where it was not."""
    told, what = settings.get("frames_per_folder"), f"frames_per_folder of {place.folder}"
    if told is None:
        return np.zeros(0, dtype=np.int64)
    if np.size(told) > MOST_FOLDERS if isinstance(told, np.ndarray) else not _is_plain(told):
        raise RefusedInputError(
            f"{what} was expected to be a list of up to {MOST_FOLDERS} numbers, got "
            f"{brief(told)}: say split=false."
        )
    return integers(np.ravel(np.asarray(told)), what)


def _is_plain(told: Any) -> bool:
    """Whether a value is a number, or a list of numbers and of nothing else."""
    entries = told if isinstance(told, list | tuple) else [told]
    return len(entries) <= MOST_FOLDERS and all(
        isinstance(entry, int | float | np.number) for entry in entries
    )


def _folder_names(told: Any) -> list[str]:
    """Names of the folders, where they are told by a list of texts."""
    entries = told.ravel().tolist() if isinstance(told, np.ndarray) else told
    if not isinstance(entries, list | tuple) or len(entries) > MOST_FOLDERS:
        return []
    return [cut(Path(name).name) for name in entries if isinstance(name, str) and cut(name)]


def _cells(place: Place, events: str, keep_rejected: bool, fs: float | None) -> Cells:
    folder = place.folder
    file = folder / f"{events}.npy"
    if not file.is_file():
        series = ", ".join(name for name in EVENTS if (folder / f"{name}.npy").is_file())
        raise RefusedInputError(
            f"{folder} was expected to hold {file.name}, got only {series}: run the deconvolution "
            f"of suite2p, or say events={series.split(',')[0]} events_are=trace."
        )
    header = read_header(file)
    if len(header.shape) != 2 or header.dtype.kind not in "fiu" or min(header.shape) < 1:
        raise RefusedInputError(
            f"{file} was expected as (region, frame) of numbers, got {header.shape} of "
            f"{header.dtype}: give the file that suite2p wrote."
        )
    accepted, note = _accepted(folder, header.shape[0], keep_rejected)
    settings = _settings(folder, strict=fs is None)
    return Cells(
        rows=np.flatnonzero(accepted),
        counted=header.shape[0],
        word="roi",
        frames=_frames(read_rows(file, accepted), place, settings),
        before=_before(place, settings),
        rate=None if "fs" not in settings else _rate(settings["fs"], folder),
        notes=(note,),
        source=SOURCE,
    )


def _frames(
    values: NDArray[np.float64], place: Place, settings: dict[str, Any]
) -> NDArray[np.float64]:
    """Frames of the part of the recording."""
    if not place.piece:
        return values
    lengths = _lengths(settings, place)
    if lengths.sum() != values.shape[1] or (lengths < 1).any():
        raise RefusedInputError(
            f"frames_per_folder of {place.folder} was expected to add up to {values.shape[1]}, "
            f"got {lengths.sum()}: say split=false."
        )
    begin = _before(place, settings)
    return values[:, begin : begin + int(lengths[place.piece - 1])]


def _before(place: Place, settings: dict[str, Any]) -> int:
    """Frames of the parts before this one."""
    if not place.piece:
        return 0
    lengths = _lengths(settings, place)
    return int(lengths[: place.piece - 1].sum())


def _accepted(folder: Path, regions: int, keep_rejected: bool) -> tuple[NDArray[np.bool_], str]:
    file = folder / "iscell.npy"
    if keep_rejected or not file.is_file():
        note = "" if keep_rejected else f"{folder.name} has no iscell.npy: all regions count"
        return np.ones(regions, dtype=bool), note
    flags = read_npy(file)
    if flags.ndim not in (1, 2) or len(flags) != regions or not flags.size:
        raise RefusedInputError(
            f"{file} was expected to have a row for each of {regions} regions, got shape "
            f"{flags.shape}: copy the whole folder again."
        )
    if flags.dtype.kind not in "biuf":
        raise RefusedInputError(
            f"{file} was expected to hold numbers, 1 for each cell, got {flags.dtype}: give the "
            "file that suite2p wrote."
        )
    return accepted_units({"iscell": flags}, regions, str(file))


def _settings(folder: Path, strict: bool) -> dict[str, Any]:
    """Settings of suite2p beside a plane, or in the folder above; what cannot be read is left
    out where it is not needed."""
    merged: dict[str, Any] = {}
    for name in SETTINGS:
        file = next(
            (home / name for home in (folder, folder.parent) if (home / name).is_file()), None
        )
        if file is None:
            continue
        try:
            merged = read_pickled_dict(file) | merged
        except RefusedInputError:
            if strict:
                raise
    return merged


def _rate(value: Any, folder: Path) -> float:
    number = value.ravel()[0] if isinstance(value, np.ndarray) and value.size == 1 else value
    try:
        told = isinstance(number, int | float | str | np.number) and not isinstance(number, bool)
        rate = float(number) if told else np.nan
    except (TypeError, ValueError, OverflowError):
        rate = np.nan
    if not 0 < rate < 1e5:
        raise RefusedInputError(
            f"fs in the settings of {folder} was expected above 0 Hz, got {brief(value)}: say fs=."
        )
    return rate
