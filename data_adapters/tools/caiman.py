"""CaImAn: components and their deconvolved activity (Giovannucci et al. 2019, doi
10.7554/eLife.38173).

An ``.hdf5`` file holds ``estimates/S`` (component, frame), the events, with rounding below zero;
``estimates/idx_components``, the accepted ones (the bytes ``NoneType`` where nobody judged); and
``params/data/fr``, frames per second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.assembly.assembling import assembled
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place, dated, named_places
from data_adapters.events import cut_rounding
from data_adapters.files.limits import refuse_absurd
from data_adapters.options import one_line
from data_adapters.session import integers, one_of
from data_adapters.statements import stated
from drift.door import opened
from drift.files.own_content import check_own_content
from drift.schema.labelled_form import RefusedInputError

SOURCE = "CaImAn"
STRUCTURAL = re.compile(r"caiman", re.IGNORECASE)
SUFFIXES = (".hdf5", ".h5")
EVENTS = ("S", "C", "F_dff")


@opened
def sessions(path: str | Path, events: str = "S", **statements: Any) -> Iterator[xr.Dataset]:
    """One session Dataset for each file of CaImAn, by animal and day.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.hdf5`` file, the folder of one animal (a file or folder a session), or of several
        animals.
    events : {"S", "C", "F_dff"}
        Deconvolved events; the other two are traces and refused unless ``events_are="trace"`` is
        said.
    **statements
        See ``data_adapters.statements.Statements``; positions come from ``track``.

    Returns
    -------
    iterator of xarray.Dataset
        Units are the accepted components, numbered as in the file.

    Raises
    ------
    RefusedInputError
        If a file is damaged or lacks a part.
    """
    one_of(events, EVENTS, "events of CaImAn")
    said = stated(statements)
    session_places = named_places(path, holds, STRUCTURAL, "files of CaImAn (.hdf5)", said.folders)
    read = partial(_cells, events=events, keep_rejected=said.keep_rejected)
    return assembled(dated(session_places, said.elapsed), read, said)


def holds(file: Path) -> bool:
    if file.suffix not in SUFFIXES or not file.is_file():
        return False
    try:
        with h5py.File(file, "r") as content:
            return "estimates" in content
    except OSError:
        return file.suffix == ".hdf5"  # damaged, and refused when it is read


def _cells(place: Place, events: str, keep_rejected: bool) -> Cells:
    file = place.folder
    try:
        check_own_content(file)
        with h5py.File(file, "r") as content:
            return _components(content, file, events, keep_rejected)
    except RefusedInputError:
        raise
    except Exception as error:  # h5py raises nearly anything on a damaged file
        raise RefusedInputError(
            f"{file} was expected to be a whole file of CaImAn, got: {one_line(error)}; copy it "
            "again."
        ) from error


def _components(content: Any, file: Path, events: str, keep_rejected: bool) -> Cells:
    name = f"estimates/{events}"
    if name not in content or content[name].ndim != 2:
        held = ", ".join(content["estimates"]) if "estimates" in content else "none"
        raise RefusedInputError(
            f"{file} was expected to hold {name} (component, frame), got {held}: run the "
            "deconvolution of CaImAn."
        )
    series = content[name]
    rows, note = _accepted(content, series.shape[0], file, keep_rejected)
    refuse_absurd((rows.size, series.shape[1]), 8, f"{name} in {file}")
    frames = np.empty((rows.size, series.shape[1]))
    for row, component in enumerate(rows):
        frames[row] = series[component]
    rounding = _rounding(frames)
    return Cells(
        rows=rows,
        counted=series.shape[0],
        word="component",
        frames=cut_rounding(frames),
        rate=_rate(content, file),
        notes=(note, rounding),
        source=SOURCE,
    )


def _accepted(
    content: Any, components: int, file: Path, keep_rejected: bool
) -> tuple[NDArray[np.int64], str]:
    """Numbers of the accepted components; all of them where nobody judged."""
    every = np.arange(components)
    name = "estimates/idx_components"
    if keep_rejected:
        return every, ""
    if name not in content or content[name].ndim != 1:
        return every, "no component was judged: all of them count"
    refuse_absurd(content[name].shape, 8, f"{name} in {file}")
    rows = np.unique(integers(content[name][()], f"{name} in {file}"))
    if not rows.size or rows[0] < 0 or rows[-1] >= components:
        raise RefusedInputError(
            f"{name} in {file} was expected to name some of {components} components, got "
            f"{rows.size} up to {rows.max(initial=-1)}: say keep_rejected=true if all count."
        )
    left = components - rows.size
    note = f"{left} of {components} components left out because they were not accepted"
    return rows, note if left else ""


def _rounding(frames: NDArray[np.float64]) -> str:
    below = sum(int(np.count_nonzero(row < 0)) for row in frames)
    return f"{below} events below 0, the lowest {frames.min():.2g}" if below else ""


def _rate(content: Any, file: Path) -> float | None:
    if "params/data/fr" not in content:
        return None
    values = np.ravel(content["params/data/fr"][()])
    rate = float(values[0]) if values.size == 1 and values.dtype.kind in "iuf" else np.nan
    if not 0 < rate < 1e5:
        raise RefusedInputError(
            f"params/data/fr in {file} was expected to be a number above 0 Hz, got "
            f"{values[:3]}: say fs=."
        )
    return rate
