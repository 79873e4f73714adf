"""CellReg: cells of one field of view over sessions (Sheintuch et al. 2017, doi
10.1016/j.celrep.2017.10.013).

``cellRegistered_<date>.mat`` holds the struct ``cell_registered_struct`` with ``cell_to_index_map``
(registered cell, session), counted from 1, 0 where the cell is absent, and
``p_same_registered_pairs``: of each registered cell a matrix (session, session) of the probability
that the two are one cell. Footprints, which may be gigabytes, are not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from data_adapters.files import matlab
from data_adapters.files.limits import refuse_absurd
from data_adapters.files.regular import regular
from data_adapters.files.wording import listed
from data_adapters.options import one_line
from data_adapters.registrations.cell_map import Cells, Registration
from drift.files.own_content import check_own_content
from drift.schema.labelled_form import RefusedInputError

STRUCT, MAP, PAIRS = "cell_registered_struct", "cell_to_index_map", "p_same_registered_pairs"


def read_cellreg(path: Path, base: int | None, cells: Cells) -> Registration:
    """Registration that CellReg wrote, or a MATLAB file with its map alone.

    ``confidence`` of a registered cell is the smallest probability among the pairs of its sessions.
    """
    fields = _from_hdf5(path) if h5py.is_hdf5(regular(path)) else matlab.read(path)
    of_program = isinstance(fields.get(STRUCT), dict)
    if of_program:
        fields, base = fields[STRUCT], 1 if base is None else base
    if MAP not in fields:
        raise RefusedInputError(
            f"{path} was expected to hold {MAP}, got {listed(fields) or 'nothing'}: add it."
        )
    registration = Registration(fields[MAP], f"{MAP} in {path}", base, cells)
    registration.counts_every_cell = of_program
    registration.confidence = _confidence(registration, matlab.cells(fields.get(PAIRS)))
    return registration


def _from_hdf5(path: Path) -> dict[str, Any]:
    """The map and the probabilities of a v7.3 file, and nothing of what else it holds."""
    try:
        check_own_content(path)
        with h5py.File(path, "r") as file:
            if STRUCT not in file:
                return matlab.read(path)
            struct = file[STRUCT]
            fields = {MAP: _matrix(struct[MAP])} if MAP in struct else {}
            if PAIRS in struct:
                refuse_absurd(struct[PAIRS].shape, 8, f"{PAIRS} in {path}")
                references = np.asarray(struct[PAIRS][()]).T
                nodes = [file[reference] for reference in references.ravel(order="F")]
                _refuse_together(nodes, path)
                pairs = [_matrix(node) for node in nodes]
                fields[PAIRS] = np.empty(len(pairs), dtype=object)
                fields[PAIRS][:] = pairs
            return {STRUCT: fields}
    except RefusedInputError:
        raise
    except Exception as error:  # h5py raises nearly anything on a damaged file
        raise RefusedInputError(
            f"{path} was expected to be a whole file of CellReg, got: {one_line(error)}; copy it "
            "again."
        ) from error


def _refuse_together(nodes: list[Any], path: Path) -> None:
    """Refuse matrices that are one and the same, or too large together; few are ever large."""
    if len({h5py.h5o.get_info(node.id).addr for node in nodes}) < len(nodes):
        raise RefusedInputError(
            f"{PAIRS} in {path} was expected to hold a matrix for each cell, got one that stands "
            "for several: copy the file again."
        )
    refuse_absurd((sum(node.size for node in nodes),), 8, f"all of {PAIRS} in {path}")


def _matrix(node: Any) -> NDArray[np.float64]:
    refuse_absurd(node.shape, 8, f"the array {node.name}")
    return np.asarray(node[()], dtype=float).T


def _confidence(registration: Registration, pairs: list[Any]) -> NDArray[np.float64] | None:
    """Smallest probability among the sessions of each registered cell; NaN for one session."""
    if len(pairs) != len(registration.columns):
        return None
    for cell, matrix in enumerate(pairs, start=1):
        if not isinstance(matrix, np.ndarray) or matrix.dtype.kind not in "biuf":
            raise RefusedInputError(
                f"{PAIRS} of {registration.where} was expected to hold numbers, got something else "
                f"for cell {cell}: copy the file again."
            )
    smallest = np.full(len(pairs), np.nan)
    for cell, (matrix, columns) in enumerate(zip(pairs, registration.columns, strict=True)):
        own = np.flatnonzero(columns >= 0)
        first, second = np.triu_indices(own.size, k=1)
        if first.size and np.shape(matrix) == (columns.size, columns.size):
            probability = np.asarray(matrix, dtype=float)
            both = np.fmax(probability, probability.T)[own[first], own[second]]
            smallest[cell] = np.nanmin(both) if np.isfinite(both).any() else np.nan
    return smallest
