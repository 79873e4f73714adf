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
from data_adapters.files.regular import regular
from data_adapters.files.wording import brief, cut, listed
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
BLOCK = 2**24  # numbers that are read at a time


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
    """Tell whether it is a file of CaImAn."""
    if file.suffix not in SUFFIXES or not file.is_file():
        return False
    try:
        with h5py.File(file, "r") as content:
            return "estimates" in content
    except (OSError, RuntimeError):  # as h5py calls a damaged file
        return file.suffix == ".hdf5"  # refused when it is read


def _cells(place: Place, events: str, keep_rejected: bool) -> Cells:
    file = place.folder
    try:
        check_own_content(regular(file))
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
    if name not in content or not _is_matrix(content[name]):
        held = listed(content["estimates"]) if "estimates" in content else "none"
        raise RefusedInputError(
            f"{file} was expected to hold {name} (component, frame) of real numbers, got "
            f"{held}: run the deconvolution of CaImAn."
        )
    series = content[name]
    rows, note = _accepted(content, series.shape[0], file, keep_rejected)
    refuse_absurd((rows.size, series.shape[1]), 8, f"{name} in {file}")
    frames = _read_rows(series, rows, f"{name} in {file}")
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


def _is_matrix(series: Any) -> bool:
    return (
        isinstance(series, h5py.Dataset)
        and series.ndim == 2
        and min(series.shape) > 0
        and series.dtype.kind in "iuf"
    )


def _read_rows(series: Any, rows: NDArray[np.int64], what: str) -> NDArray[np.float64]:
    """Rows of a matrix, in blocks of whole chunks, each of which is unpacked once."""
    components, columns = series.shape
    high = 1 if series.chunks is None else series.chunks[0]
    refuse_absurd((min(high, components), columns), 8, f"a block of {what}")
    step = high * max(1, BLOCK // (high * columns))
    frames = np.empty((rows.size, columns))
    for first in range(0, components, step):
        inside = np.flatnonzero((rows >= first) & (rows < first + step))
        if inside.size:
            frames[inside] = series[first : first + step][rows[inside] - first]
    return frames


def _accepted(
    content: Any, components: int, file: Path, keep_rejected: bool
) -> tuple[NDArray[np.int64], str]:
    """Numbers of the accepted components; all of them where nobody judged."""
    every = np.arange(components)
    name = "estimates/idx_components"
    if keep_rejected:
        return every, ""
    judged = None if name not in content else _judged(content[name], f"{name} in {file}")
    if judged is None:
        return every, "no component was judged: all of them count"
    if judged.dtype == bool and judged.size == components:
        judged = np.flatnonzero(judged)
    rows = np.unique(judged) if judged.dtype != bool else np.zeros(0, dtype=np.int64)
    if not rows.size or rows[0] < 0 or rows[-1] >= components or rows.size < judged.size:
        raise RefusedInputError(
            f"{name} in {file} was expected to name some of {components} components once each, "
            f"got {judged.size} up to {int(judged.max(initial=-1))}: say keep_rejected=true if all "
            "count."
        )
    left = components - rows.size
    note = f"{left} of {components} components left out because they were not accepted"
    return rows, note if left else ""


def _judged(node: Any, what: str) -> NDArray[Any] | None:
    """Numbers of the accepted components, or whether each is; None where nobody judged."""
    if not isinstance(node, h5py.Dataset) or node.shape is None:
        return None
    if node.ndim == 0 and node.dtype.kind in "SO":
        return None  # the bytes NoneType
    refuse_absurd(node.shape, 8, what)
    values = np.asarray(node[()])
    if values.size != max(values.shape, default=1) or values.dtype.kind not in "biuf":
        raise RefusedInputError(
            f"{what} was expected to be a list of components, got {brief(values)}: save it again "
            "from CaImAn."
        )
    flat = values.ravel()
    return flat if flat.dtype.kind == "b" else integers(flat, what)


def _rounding(frames: NDArray[np.float64]) -> str:
    below = sum(int(np.count_nonzero(row < 0)) for row in frames)
    return f"{below} events below 0, the lowest {frames.min():.2g}" if below else ""


def _rate(content: Any, file: Path) -> float | None:
    if "params/data/fr" not in content:
        return None
    node = content["params/data/fr"]
    single = isinstance(node, h5py.Dataset) and node.size == 1 and node.dtype.kind in "iuf"
    rate = float(np.ravel(node[()])[0]) if single else np.nan
    if not 0 < rate < 1e5:
        raise RefusedInputError(
            f"params/data/fr in {file} was expected to be a number above 0 Hz, got "
            f"{brief(rate) if single else cut(str(node))}: say fs=."
        )
    return rate
