"""The two examples of the theory of sparse networks: what they write, what they keep, and what they
refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checkout import EXAMPLES
from example_scripts import called, same_kind_of_picture

import drift

SCOREBOARD = "scoreboards/kernels/reproduce.py"


def run(folder: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / script), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_sparse_kernels_writes_a_dataset_a_table_and_four_figures(tmp_path: Path) -> None:
    done = run(tmp_path, "sparse_kernels.py", "--quick", "--out", "out")
    assert done.returncode == 0, done.stderr
    dataset = drift.load(tmp_path / "out" / "sparse_kernels.nc")
    assert np.isfinite(dataset["error"]).all()
    assert "error, m*" in (tmp_path / "out" / "sparse_kernels.txt").read_text()
    assert all(
        (tmp_path / "out" / f"{name}.png").stat().st_size > 20_000
        for name in ("collapse", "map", "error", "drift")
    )
    kept = EXAMPLES / "figures" / "sparse_kernels.png"
    assert same_kind_of_picture(kept, tmp_path / "out" / "drift.png"), "stale: keep a new one"


@pytest.mark.slow
def test_scoreboard_keeps_what_it_has_measured(tmp_path: Path) -> None:
    first = run(tmp_path, SCOREBOARD, "K30", "K70", "--out", "out")
    assert first.returncode == 0, first.stderr
    assert "not run (needs --mnist DIR)" in first.stdout
    again = run(tmp_path, SCOREBOARD, "K30", "K12", "--out", "out")
    assert again.returncode == 0, again.stderr
    line = [one for one in first.stdout.splitlines() if "K30" in one]
    assert line == [one for one in again.stdout.splitlines() if "K30" in one]
    assert set(drift.load(tmp_path / "out" / "kernels.nc")["row"].values) == {"K30", "K12"}
    board = (tmp_path / "out" / "kernels.md").read_text()
    assert board.count("| holds |") == 2
    refused = called(tmp_path, EXAMPLES / SCOREBOARD, "K30", "--out", "out", "--seed", "1")
    assert refused.returncode == 2
    assert "seed" in refused.stderr


def test_unknown_rows_are_refused(tmp_path: Path) -> None:
    done = called(tmp_path, EXAMPLES / SCOREBOARD, "K99")
    assert done.returncode == 2
    assert done.stderr.strip() == "row K99 is unknown: use ids from K01 to K74."
