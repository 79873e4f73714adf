"""A sweep on a Dask cluster of this machine: nothing is lost when a worker or the launcher is
killed."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr
from sweep_scenario import check_killed_launcher, check_killed_worker, recipes

from drift.sweeps.sweep import run_sweep

pytest.importorskip("distributed", reason="needs Dask: pip install 'repdrift[cluster]'")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Port .* is already in use")]


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    swept = run_sweep(
        recipes(), tmp_path_factory.mktemp("serial"), executor="serial", progress=False
    )
    assert swept is not None
    return swept.load()


def test_a_killed_worker_loses_nothing(tmp_path: Path, serial: xr.Dataset):
    check_killed_worker("dask", tmp_path, serial)


def test_a_killed_launcher_finishes_the_rest(tmp_path: Path, serial: xr.Dataset):
    check_killed_launcher("dask", tmp_path, serial)
