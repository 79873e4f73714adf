"""A sweep of 64 tasks whose workers and launcher are killed; run as a script it is the launcher:
sweep_scenario.py WHERE FOLDER."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import drift
from drift.sweeps.executors import local_cluster, slurm_cluster
from drift.sweeps.sweep import cross, open_sweep, run_sweep

TASKS = 64
TASK = drift.RandomTask(samples=10, inputs=20, outputs=10)
BASE = drift.Experiment(task=TASK, noise=[drift.UpdateNoise(std=0.03)], steps=2_000, sessions=3)
PATIENCE = 120.0  # s


def recipes() -> list[drift.Experiment]:
    return cross(BASE, seed=range(TASKS // 2), **{"network.units": [60, 100]})


def on_slurm() -> AbstractContextManager[Any]:
    logs = str(Path(os.environ["SLURM_CONF"]).parent)
    return slurm_cluster(2, memory="1GB", walltime="00:10:00", interface="lo", log_directory=logs)


EXECUTORS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "dask": lambda: local_cluster(2),
    "slurm": on_slurm,
}


def done(folder: Path) -> dict[str, int]:
    """Finished tasks of a sweep and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.nc")}


def wait_for(tasks: int, folder: Path) -> dict[str, int]:
    began = time.monotonic()
    while len(found := done(folder)) < tasks:
        assert time.monotonic() - began < PATIENCE, (
            f"only {len(found)} of {tasks} tasks were done after {PATIENCE:.0f} s"
        )
        time.sleep(0.02)
    return found


def check_killed_worker(where: str, folder: Path, serial: Any) -> None:
    """A worker that is killed in the middle of a task loses nothing."""
    killed: list[int] = []

    def kill(client: Any) -> None:
        wait_for(8, folder)
        killed.append(min(client.run(os.getpid).values()))
        os.kill(killed[0], signal.SIGKILL)

    with EXECUTORS[where]() as executor:
        killer = threading.Thread(target=kill, args=(getattr(executor, "client", executor),))
        killer.start()
        swept = run_sweep(recipes(), folder, executor=executor, progress=False)
        killer.join()
        workers = getattr(executor, "client", executor).run(os.getpid)
    assert killed and killed[0] not in workers.values()
    check_same(swept, serial)
    assert {path.suffix for path in folder.iterdir()} == {".nc", ".json"} and len(
        list(folder.glob("*.json"))
    ) == 1


def check_killed_launcher(where: str, folder: Path, serial: Any) -> None:
    """A launcher that is killed and started again runs what is missing and nothing else."""
    launcher = subprocess.Popen(
        [sys.executable, __file__, where, str(folder)], start_new_session=True
    )
    wait_for(8, folder)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    time.sleep(1.0)  # workers that are still alive finish the task in hand
    before = done(folder)
    assert 8 <= len(before) < TASKS
    subprocess.run([sys.executable, __file__, where, str(folder)], check=True, timeout=PATIENCE)
    assert not [path.read_text() for path in folder.glob("*.failed.json")]
    after = done(folder)
    assert len(after) == TASKS
    rewritten = [name for name in before if after[name] != before[name]]
    assert not rewritten
    check_same(open_sweep(folder), serial)


def check_same(swept: Any, serial: Any) -> None:
    assert set(swept.status.values.tolist()) == {"complete"}
    assert swept.load().drop_attrs().identical(serial.drop_attrs())


if __name__ == "__main__":
    with EXECUTORS[sys.argv[1]]() as executor:
        run_sweep(recipes(), sys.argv[2], executor=executor, progress=False)
