"""The comparison example: what it writes, and how it answers to what it does not accept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import EXAMPLES
from example_scripts import called

import drift

SCRIPT = EXAMPLES / "compare_recordings.py"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *words]
    environment = {**os.environ, "REPDRIFT_DATA": str(folder)}  # no recording unless one is named
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.slow
def test_it_writes_a_dataset_a_figure_and_a_table(tmp_path: Path):
    done = run(tmp_path, "--quick", "--out", "out")
    assert done.returncode == 0, done.stderr
    dataset = drift.load(tmp_path / "out" / "compare_recordings.nc")
    assert {"observed", "frozen code", "wrong registration"} <= set(dataset["source"].values)
    assert (tmp_path / "out" / "compare_recordings.png").stat().st_size > 50_000
    assert "Sheintuch 2023" in (tmp_path / "out" / "compare_recordings.txt").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--subjects", "1"], "--subjects"), (["--recording", "karlson2015", "."], "karlsson2015")],
)
def test_rubbish_is_answered_in_one_sentence(tmp_path: Path, words: list[str], sentence: str):
    refused = called(tmp_path, SCRIPT, "--quick", "--out", "out", *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr and "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
