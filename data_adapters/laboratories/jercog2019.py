"""Tetrode recordings of CA1 in three enclosures over ten days: Jercog 2019, of which rate maps are
published but no spikes.

Jercog PE, Ahmadian Y, Woodruff C, Deb-Sen R, Abbott LF, Kandel ER (2019) Heading direction with
respect to a reference point modulates place-cell activity. Nat Commun 10:2333, doi
10.1038/s41467-019-10139-7. Data: CRCNS hc-22, doi 10.6080/K09W0CP7.

The deposit holds rate maps and trajectories of neurons above 0.1 Hz only. So the number of active
cells is all that can be said of activity: there is no denominator, hence no fraction, and no test
for place cells. Nothing promises that a unit is followed across days. Rate maps are read from
variant B of the interchange format by ``longitudinal``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.files import matlab
from data_adapters.laboratories.interchange.published_maps import longitudinal
from data_adapters.options import existing
from data_adapters.published.processed import SESSION, matrix, sessions_of_animals
from data_adapters.session import numbers
from drift.door import opened
from drift.schema.labelled_form import RefusedInputError, labelled

__all__ = ["longitudinal", "sessions", "summary"]

SOURCE = "Jercog et al. 2019, CRCNS hc-22, doi 10.6080/K09W0CP7"


@opened
def sessions(path: str | Path) -> Iterator[xr.Dataset]:
    """Refuse: the deposit has no spikes, hence no session Datasets.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder of rate maps.

    Raises
    ------
    RefusedInputError
        Always.
    """
    remedy = f"use data_adapters.jercog2019.longitudinal({str(path)!r}) for rate maps"
    raise RefusedInputError(
        "recordings by sample were expected of jercog2019, got none, because hc-22 holds no "
        f"spikes: {remedy}."
    )


@opened
def summary(path: str | Path) -> xr.Dataset:
    """Published numbers of active cells of each animal, and information of all cells pooled over
    animals, by day.

    Parameters
    ----------
    path : str or pathlib.Path
        MATLAB file (v5 or v7.3) with ``cell_count`` (animal, day) and ``Info``, a cell array with
        the information of all cells of a day.

    Returns
    -------
    xarray.Dataset
        ``active_units`` (subject, session), never a fraction; ``pooled_spatial_information``
        (session, unit) in bits/event, NaN beyond the cells of a day, whose number has no identity;
        ``elapsed`` in recording days from 0.

    Raises
    ------
    RefusedInputError
        If the file cannot be used.
    """
    path = existing(path)
    content = matlab.read(path, "cell_count", "Info")
    counts = matrix(content["cell_count"], f"cell_count in {path}")
    pooled = [_information(cells, f"Info in {path}") for cells in matlab.cells(content["Info"])]
    if len(pooled) != counts.shape[1]:
        raise RefusedInputError(
            f"Info in {path} was expected with {counts.shape[1]} days as cell_count, got "
            f"{len(pooled)}: check the file."
        )
    if (counts < 0).any() or (counts != np.floor(counts))[np.isfinite(counts)].any():
        raise RefusedInputError(
            f"cell_count in {path} was expected to count cells, got a fraction or less than "
            "0: check the file."
        )
    longest = max(len(cells) for cells in pooled)
    padded = np.stack([np.append(cells, np.full(longest - len(cells), np.nan)) for cells in pooled])
    attrs = {"units": "bits/event", "long_name": "spatial information of all cells of all animals"}
    variables = {
        "active_units": labelled("active_units", SESSION, counts),
        "pooled_spatial_information": (("session", "unit"), padded, attrs),
    }
    coords = sessions_of_animals(
        np.arange(counts.shape[1], dtype=float), "recording day", len(counts)
    )
    return xr.Dataset(
        variables, coords=coords, attrs={"source": SOURCE, "elapsed_axis": "recording day"}
    )


def _information(cells: Any, where: str) -> NDArray[np.float64]:
    values = numbers(cells, where).ravel() if not isinstance(cells, dict | str) else np.zeros(0)
    if values.size == 0:
        raise RefusedInputError(
            f"{where} was expected to hold numbers for every day, got a day without any: "
            "check the file."
        )
    return values
