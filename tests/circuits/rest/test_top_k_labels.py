"""Selection follows the dim ``unit`` of a labelled drive wherever it stands, and keeps its
labels."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from circuits.rest.winners import sparsemax, top_k, top_k_winners
from drift.schema import RefusedInputError

PLAIN = np.random.default_rng(0).normal(size=(3, 4, 5))  # (subject, sample, unit)
DRIVE = xr.DataArray(
    PLAIN,
    dims=("subject", "sample", "unit"),
    coords={"unit": list("abcde"), "sample": [10, 11, 12, 13]},
)
SELECT: dict[str, Callable[[Any], Any]] = {
    "top_k": lambda drive: top_k(drive, 2),
    "top_k_winners": lambda drive: top_k_winners(drive, 2),
    "sparsemax": sparsemax,
}


@pytest.mark.parametrize("order", list(itertools.permutations(DRIVE.dims)), ids=str)
@pytest.mark.parametrize("name", SELECT)
def test_units_compete_along_their_dim(name: str, order: tuple[str, ...]):
    found = SELECT[name](DRIVE.transpose(*order))
    assert found.dims == order and found.indexes["unit"].equals(DRIVE.indexes["unit"])
    np.testing.assert_allclose(found.transpose(*DRIVE.dims).values, SELECT[name](PLAIN), rtol=1e-12)


def test_winners_and_rates_on_a_worked_example():
    drive = xr.DataArray([[3.0, 0.0], [1.0, 5.0], [2.0, 4.5]], dims=("unit", "sample"))
    assert top_k_winners(drive, 1).values.tolist() == [[True, False], [False, True], [False, False]]
    np.testing.assert_allclose(sparsemax(drive).values, [[1, 0], [0, 0.75], [0, 0.25]], atol=1e-12)


@pytest.mark.parametrize("name", SELECT)
def test_labelled_drives_without_units_are_refused(name: str):
    with pytest.raises(RefusedInputError, match="no dim 'unit'"):
        SELECT[name](DRIVE.rename(unit="neuron"))


def test_a_total_for_each_drive():
    total = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(sparsemax(PLAIN[0], total).sum(-1), total, rtol=1e-12)
    with pytest.raises(RefusedInputError, match="total must be one number, or one for each drive"):
        sparsemax(PLAIN[0], total[:3])
