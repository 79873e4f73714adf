"""A sweep on a single-node SLURM: the same as on a Dask cluster, with SLURM jobs as workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import xarray as xr
from single_node_slurm import obstacle, single_node
from sweep_scenario import EXECUTORS, check_killed_launcher, check_killed_worker, recipes

from drift.sweeps.sweep import run_sweep

pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue: pip install 'repdrift[cluster]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.skipif(bool(obstacle()), reason=obstacle()),
]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with (
        single_node(tmp_path_factory.mktemp("slurm")) as configuration,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(configuration))
        yield


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    swept = run_sweep(
        recipes(), tmp_path_factory.mktemp("serial"), executor="serial", progress=False
    )
    assert swept is not None
    return swept.load()


@pytest.mark.usefixtures("slurm")
def test_a_dry_run_prints_the_job_script_and_submits_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "absent"
    with EXECUTORS["slurm"]() as executor:
        assert run_sweep(recipes(), folder, executor=executor, dry_run=True) is None
        assert not executor.cluster.worker_spec
    printed = capsys.readouterr().out
    assert "64 tasks (0 done, 0 failed, 64 missing), 64 to run" in printed
    assert "#SBATCH --cpus-per-task=1" in printed and "OMP_NUM_THREADS=1" in printed
    assert not folder.exists()


@pytest.mark.usefixtures("slurm")
def test_a_killed_job_loses_nothing(tmp_path: Path, serial: xr.Dataset):
    check_killed_worker("slurm", tmp_path, serial)


@pytest.mark.usefixtures("slurm")
def test_a_killed_launcher_finishes_the_rest(tmp_path: Path, serial: xr.Dataset):
    check_killed_launcher("slurm", tmp_path, serial)
