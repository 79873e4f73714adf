"""CellExplorer: spikes of sorted cells (Petersen et al. 2021, doi 10.1016/j.neuron.2021.09.002).

``<session>.spikes.cellinfo.mat`` holds the struct ``spikes`` with ``times`` (cell array, s),
``UID``, ``cluID`` and ``region``.
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
from data_adapters.files import matlab
from data_adapters.files.wording import listed
from data_adapters.session import integers, numbers
from data_adapters.statements import stated
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError

SOURCE = "CellExplorer"
STRUCTURAL = re.compile(r"cellexplorer", re.IGNORECASE)
ENDING = ".spikes.cellinfo.mat"


@opened
def sessions(path: str | Path, area: str | None = None, **statements: Any) -> Iterator[xr.Dataset]:
    """One session Dataset for each file of CellExplorer, by animal and day.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.spikes.cellinfo.mat`` file, the folder of one animal (a folder a session), or of
        several animals.
    area : str or None
        Take cells of this ``region`` only; None or ``"any"`` takes all.
    **statements
        See ``data_adapters.statements.Statements``. Spikes are counted in the samples of
        ``track``; the recording begins at ``start`` on its clock.

    Returns
    -------
    iterator of xarray.Dataset
        Units are numbered in the order of the file and labelled by their ``UID``.

    Raises
    ------
    RefusedInputError
        If a file is damaged, lacks a part, or has no cell of the region.
    """
    said = stated(statements)
    session_places = named_places(path, holds, STRUCTURAL, f"files named *{ENDING}", said.folders)
    area = None if area is None or area.casefold() == "any" else area
    read = partial(_cells, area=area, keep_rejected=said.keep_rejected)
    return assembled(dated(session_places, said.elapsed), read, said)


def holds(file: Path) -> bool:
    """Tell whether it is a file of spikes of CellExplorer."""
    return file.name.endswith(ENDING) and file.is_file()


def _cells(place: Place, area: str | None, keep_rejected: bool) -> Cells:
    file = place.folder
    spikes = matlab.read(file, "spikes")["spikes"]
    times = matlab.cells(spikes.get("times")) if isinstance(spikes, dict) else []
    if not times:
        raise RefusedInputError(
            f"spikes in {file} was expected to be a struct with the cell array times, got "
            f"{listed(spikes) if isinstance(spikes, dict) else type(spikes).__name__}: save it "
            "from CellExplorer again."
        )
    trains = [_train(train, number, file) for number, train in enumerate(times, start=1)]
    counts, notes = _taken(spikes, len(trains), file, area, keep_rejected)
    names = _names(spikes, len(trains), file)
    return Cells(
        rows=np.flatnonzero(counts),
        counted=len(trains),
        trains=[train for train, good in zip(trains, counts, strict=True) if good],
        last_spike=max((float(train.max()) for train in trains if train.size), default=None),
        spikes=sum(train.size for train in trains),
        labels=[name for name, good in zip(names, counts, strict=True) if good],
        events_are="counts",
        region=area,
        notes=notes,
        source=SOURCE,
    )


def _train(train: Any, number: int, file: Path) -> NDArray[np.float64]:
    spikes = numbers(train, f"times of cell {number} in {file}").ravel()
    if np.isnan(spikes).any():
        raise RefusedInputError(
            f"times of cell {number} in {file} were expected to be numbers (s), got NaN: leave "
            "these spikes out."
        )
    return spikes


def _taken(
    spikes: dict[str, Any], count: int, file: Path, area: str | None, keep_rejected: bool
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which cells lie in the region and were not rejected."""
    counts, notes = np.ones(count, dtype=bool), []
    if area is not None:
        regions = [str(word) for word in matlab.cells(spikes.get("region"))]
        counts = np.array([word.casefold() == area.casefold() for word in regions], dtype=bool)
        if counts.size != count or not counts.any():
            told = listed(sorted(set(regions))) or "none"
            raise RefusedInputError(
                f"{file} was expected to hold cells of region {area!r}, got {told}: name one of "
                "these, or area=any."
            )
        notes.append(f"{int((~counts).sum())} of {count} cells lie in other regions than {area}")
    judged = {
        name: np.array([str(word) for word in words], dtype=object)
        for name in ("quality", "group", "labels")
        if (words := matlab.cells(spikes.get(name)))
    }
    for name, labels in judged.items():
        if labels.size != count and not keep_rejected:
            raise RefusedInputError(
                f"{name} in {file} was expected to hold a word for each of {count} cells, got "
                f"{labels.size}: save it from CellExplorer again."
            )
    if judged and not keep_rejected:
        accepted, note = accepted_units(judged, count, str(file))
        counts, notes = counts & accepted, [*notes, note]
    return counts, tuple(notes)


def _names(spikes: dict[str, Any], count: int, file: Path) -> list[str]:
    identity = spikes.get("UID")
    if isinstance(identity, np.ndarray) and identity.size == count and identity.dtype != object:
        return [f"UID {number}" for number in integers(identity, f"UID in {file}").ravel()]
    return [f"cell {number + 1}" for number in range(count)]
