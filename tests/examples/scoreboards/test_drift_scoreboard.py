"""The scoreboard of the drift paper: what it writes, what it keeps, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import EXAMPLES

import drift


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "scoreboards" / "drift" / "reproduce.py"), *words]
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
def test_rows_and_runs_are_kept_and_measured_anew_for_other_lengths(tmp_path: Path):
    first = run(
        tmp_path, "D05", "D10", "D37", "--short-steps", "200", "--runs", "6", "--out", "out"
    )
    assert first.returncode == 0, first.stderr
    again = run(tmp_path, "D10", "D37", "--short-steps", "200", "--runs", "6", "--out", "out")
    lines = [line for line in first.stdout.splitlines() if line.startswith(("| D10", "| D37"))]
    assert lines == [line for line in again.stdout.splitlines() if line.startswith("| D")]
    assert "6 runs of 200 steps" in lines[1]
    longer = run(tmp_path, "D37", "--short-steps", "300", "--runs", "6", "--out", "out")
    assert "6 runs of 300 steps" in longer.stdout
    assert set(drift.load(tmp_path / "out" / "drift.nc")["row"].values) == {"D05", "D10", "D37"}
    figures = [tmp_path / "out" / f"figure_{name}.png" for name in ("5", "S2")]
    assert all(figure.stat().st_size > 20_000 for figure in figures)
    assert "# Drift by noisy learning" in (tmp_path / "out" / "drift.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["D99"], "row D99 is unknown: use ids from D01 to D49."),
        (["D31", "--steps", "3"], "--steps must be at least"),
    ],
)
def test_refused_in_one_sentence(tmp_path: Path, words: list[str], sentence: str):
    refused = run(tmp_path, *words, "--out", "out")
    assert refused.returncode == 2 and sentence in refused.stderr
