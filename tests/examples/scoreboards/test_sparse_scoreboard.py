"""The scoreboard of sparse coding: what it writes, what it keeps, what it refuses, and that its
rows hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import EXAMPLES

import drift

SECONDS = [*(f"S{number:02}" for number in range(1, 18)), "S20", "S30", "S31"]
MINUTES = [
    f"S{number}" for part in (range(21, 29), range(32, 36), range(40, 44)) for number in part
]

ROWS = [*SECONDS, *MINUTES]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(EXAMPLES / "scoreboards" / "sparse_coding" / "reproduce.py"),
        *words,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )


def lines(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {line[2:5]: line for line in done.stdout.splitlines() if line.startswith("| S")}


def test_cheap_rows_are_measured_and_kept(tmp_path: Path) -> None:
    done = run(tmp_path, "S07", "S12", "S54", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = lines(done)
    assert "| holds |" in found["S07"] and "| holds |" in found["S12"]
    assert "needs --images embeddings PATH" in found["S54"]
    assert set(drift.load(tmp_path / "out" / "sparse_coding.nc")["row"].values) == {"S07", "S12"}
    assert "# Sparse coding by noise" in (tmp_path / "out" / "sparse_coding.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["S99"], "row S99 is unknown: use ids from S01 to S57."),
        (["--images", "imagenet", "."], "--images got imagenet .: give one of mnist"),
        (["--images", "mnist", "absent"], "and a path that exists."),
        (["--processes", "0"], "--processes must be at least 1, got 0."),
        (["--recording", "karlsson2015", "."], "sparse coding takes images"),
    ],
)
def test_refused_in_one_sentence(tmp_path: Path, words: list[str], sentence: str) -> None:
    refused = run(tmp_path, *words, "--out", "out")
    assert refused.returncode == 2 and sentence in refused.stderr


@pytest.mark.slow
def test_kept_rows_are_not_measured_again_unless_asked_for_otherwise(tmp_path: Path) -> None:
    first, again, other = (
        run(tmp_path, "S10", "S16", "--out", "out", *words) for words in ((), (), ("--seed", "1"))
    )
    assert lines(first) == lines(again)  # to the second that they took
    assert "; seed 1 |" in lines(other)["S10"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which rows find the runs of each other."""
    return tmp_path_factory.mktemp("sparse_coding")


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_row_holds(row: str, shared: Path) -> None:
    """Acceptance rows S01-S43 that take seconds or minutes, by their ids."""
    done = run(shared, row, "--out", "out")
    assert done.returncode == 0, done.stderr
    line = lines(done)[row]
    if "not run" in line:
        pytest.skip(line)
    assert "| holds |" in line, line
