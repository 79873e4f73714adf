"""Writers of one file wait for each other, and for no process that has ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import drift
from drift.files import locks
from drift.files.locks import locked
from drift.sweeps.files import LIST, listed

COUNTED = """
import sys
from pathlib import Path
from drift.files.locks import locked
path = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(60):
    with locked(path):
        number = int(path.read_text()) + 1
        path.write_text(str(number))
"""
PLANNED = """
import sys
from pathlib import Path
import drift
from drift.sweeps.files import tasks, write_list
folder, first = Path(sys.argv[1]), int(sys.argv[2])
recipe = drift.Experiment(task=drift.RandomTask(samples=4, inputs=3, outputs=2), network=drift.Network(units=8), steps=30, sessions=4)
options = {"probes": ["loss"], "engine": "batched", "precision": "float32"}
print("ready", flush=True)
sys.stdin.readline()
for seed in range(first, first + 6):
    write_list(tasks([recipe.replace(seed=seed)], folder, options, "code"), folder, options, "code")
"""
HOLDING = """
import sys, time
from pathlib import Path
from drift.files.locks import locked
with locked(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(60)
"""


def begun(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def finish_together(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0


def test_no_change_of_two_processes_is_lost(tmp_path: Path):
    (tmp_path / "count").write_text("0")
    finish_together([begun(COUNTED, tmp_path / "count") for _ in range(2)])
    assert (tmp_path / "count").read_text() == "120" and len(list(tmp_path.iterdir())) == 1


def test_plans_of_two_launchers_are_all_in_the_list(tmp_path: Path):
    finish_together([begun(PLANNED, tmp_path, first) for first in (0, 100)])
    seeds = [task.seed for task in listed(tmp_path)]
    assert sorted(seeds) == [*range(6), *range(100, 106)]
    assert [path.name for path in tmp_path.iterdir()] == [LIST] and len(
        json.loads((tmp_path / LIST).read_text())["plans"]
    ) == 1


def test_the_lock_of_a_killed_process_is_removed_at_once(tmp_path: Path):
    killed = begun(HOLDING, tmp_path / "list")
    killed.kill()
    killed.communicate()
    assert len(list(tmp_path.iterdir())) == 1
    before = time.monotonic()
    with locked(tmp_path / "list"):
        pass
    assert time.monotonic() - before < 5 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("holder", ["0123abcd-7-0123456789ab", "", "\udcff odd"])
def test_a_lock_that_nobody_moves_is_removed(
    holder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(locks, "ABANDONED", 0.1)
    (tmp_path / ".list.lock").write_text(holder, errors="surrogateescape")
    with locked(tmp_path / "list"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_living_holder_is_waited_for_and_then_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    with locked(tmp_path / "list"):
        with (
            pytest.raises(
                drift.RefusedInputError,
                match="is being changed by other processes: wait until they end",
            ),
            locked(tmp_path / "list"),
        ):
            pass
        assert (tmp_path / ".list.lock").exists(), "it is still that of the first"
    assert not list(tmp_path.iterdir())


def test_a_lock_that_another_has_taken_in_between_stays(tmp_path: Path):
    (tmp_path / ".list.lock").write_text("new")
    locks._remove(tmp_path / ".list.lock", "old")
    assert (tmp_path / ".list.lock").read_text() == "new" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="drops the rights of root, which this user has not")
def test_a_closed_folder_is_refused_in_a_sentence(tmp_path: Path):
    tmp_path.chmod(0o555)
    os.seteuid(65534)
    try:
        with (
            pytest.raises(drift.RefusedInputError, match=r"was not written \(Permission denied\)"),
            locked(tmp_path / "list"),
        ):
            pass
    finally:
        os.seteuid(0)
