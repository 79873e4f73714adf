"""The example that fits a circuit runs from a folder of its own and leaves its results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import EXAMPLES

from circuits import Fit

EXAMPLE = EXAMPLES / "fit_circuit.py"


def run(folder: Path, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess:
    environment = {**os.environ, "REPDRIFT_DATA": str(data or folder / "no data")}
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
    )


@pytest.mark.slow
def test_example_leaves_a_fit_a_figure_and_a_table(tmp_path):
    answer = run(tmp_path, "--quick", "--out", "results")
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert Fit.load(tmp_path / "results" / "fit_synthetic.nc").estimate.sizes["parameter"] == 3
    assert (tmp_path / "results" / "fit_synthetic.png").stat().st_size > 10_000
    assert "weight_lifetime" in (tmp_path / "results" / "fit_circuit.txt").read_text()
    again = run(tmp_path, "--quick", "--out", "results")
    assert again.returncode == 2 and "exists and is kept" in again.stderr


@pytest.mark.slow
def test_without_a_recording_named_it_fits_the_mouse_at_hand(tmp_path, data_folder):
    files = data_folder("zivlab_multiday").parent
    answer = run(tmp_path, "--quick", "--out", "results", data=files)
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert "=== recording: sheintuch2023 ===" in answer.stdout
    assert Fit.load(tmp_path / "results" / "fit_recording.nc").estimate.sizes["subject"] == 1
