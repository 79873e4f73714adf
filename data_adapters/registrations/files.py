"""Which program wrote a table of registered cells, and what it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data_adapters.files.containers import read_fields
from data_adapters.files.regular import regular
from data_adapters.files.wording import listed
from data_adapters.options import existing
from data_adapters.registrations.cell_map import Cells, Registration
from data_adapters.registrations.cellreg import read_cellreg
from data_adapters.registrations.roicat import read_roicat
from data_adapters.registrations.roimatch import is_roimatch, read_roimatch
from data_adapters.registrations.track2p import read_track2p
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError


def _read_matlab(path: Path, base: int | None, cells: Cells) -> Registration:
    """Match files of ROIMatchPub have no name of their own: what is in them tells."""
    return (read_roimatch if is_roimatch(path) else read_cellreg)(path, base, cells)


# How programs name their own output, and who reads it. In a folder it is recognised by its name.
Reader = Callable[[Path, int | None, Cells], Registration]
OWN_NAMES: dict[str, Reader] = {
    "cellRegistered*.mat": read_cellreg,
    "*plane*_suite2p_indices_nan.npy": read_track2p,
    "*plane*_suite2p_indices*.csv": read_track2p,
    "*.tracking.results_clusters.json": read_roicat,
}
SUFFIXES: dict[str, Reader] = {
    ".mat": _read_matlab,
    ".npy": read_track2p,
    ".csv": read_track2p,
    ".json": read_roicat,
}


@opened
def read_registration(
    path: str | Path, base: int | None = None, cells: Cells = dict
) -> Registration:
    """Registration of the sessions of one subject.

    Parameters
    ----------
    path : str or pathlib.Path
        Output of CellReg or ROIMatchPub (``.mat``), track2p (``.npy``, ``.csv``) or ROICaT
        (``.json``), a folder that holds one of them, or a file with ``cell_to_index_map``
        (``.mat``, ``.npz``, ``.nc``).
    base : {0, 1} or None
        Number of the first cell; None: what the program is known to write, or what the map tells.
    cells : callable, optional
        Number of cells by session (from 1), asked for where the map alone does not tell.

    Returns
    -------
    Registration

    Raises
    ------
    RefusedInputError
        If the file is missing, damaged or of no known kind, or a folder holds none or several.
    """
    file = existing(path)
    file = regular(_own_file(file) if file.is_dir() else file)
    reader = next(
        (reader for pattern, reader in OWN_NAMES.items() if file.match(pattern)),
        SUFFIXES.get(file.suffix, _read_map),
    )
    return reader(file, base, cells)


def _own_file(folder: Path) -> Path:
    """The one file in a folder that a known program wrote; of two forms of one table the first."""
    for pattern in OWN_NAMES:
        matches = sorted(folder.glob(pattern))
        if len(matches) > 1:
            raise RefusedInputError(
                f"{folder} was expected to hold one registration, got {matches[0].name} and "
                f"{matches[1].name}: name the file."
            )
        if matches:
            return matches[0]
    raise RefusedInputError(
        f"{folder} was expected to hold a registration named {', '.join(OWN_NAMES)}, got none: "
        "name the file."
    )


def _read_map(path: Path, base: int | None, cells: Cells) -> Registration:
    fields = read_fields(path)
    if "cell_to_index_map" not in fields:
        raise RefusedInputError(
            f"{path} was expected to hold cell_to_index_map, got "
            f"{listed(fields) or 'nothing'}: add it."
        )
    where = f"cell_to_index_map in {path}"
    return Registration(fields["cell_to_index_map"], where, base, cells)
