"""The example of sparse codes from noise: what it writes, and that noise makes codes sparse which
circuits can stand in for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import EXAMPLES
from example_scripts import called, same_kind_of_picture

import drift

SCRIPT = EXAMPLES / "sparse_from_noise.py"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


@pytest.mark.slow
def test_it_writes_a_dataset_a_figure_and_a_table(tmp_path: Path):
    done = run(tmp_path, "--quick", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = drift.load(tmp_path / "out" / "sparse_from_noise.nc")
    fraction = found["noisy_fraction_active_responses"].transpose("noise", "subject").values
    assert fraction.shape == (5, 3)
    assert (fraction[3:] < fraction[:2].min(axis=0) - 0.1).all()
    overlap = found["bridge_overlap"].mean("subject")
    assert float(overlap.sel(selection="linear")) > 2 * float(overlap.sel(selection="random units"))
    linear = found["active_with_gain"].sel(mechanism="linear").transpose("gain", "subject")
    assert abs(linear - linear[0]).max() < 1e-9
    assert found["lag"].values.tolist() == [50, 100, 150]
    similar = found["activity_correlation"].mean("subject")
    assert (similar.isel(lag=-1) < similar.isel(lag=0)).all()
    drawn = tmp_path / "out" / "sparse_from_noise.png"
    assert same_kind_of_picture(EXAMPLES / "figures" / drawn.name, drawn), "stale: keep a new one"
    assert "| random units |" in (tmp_path / "out" / "sparse_from_noise.md").read_text()
    assert run(tmp_path, "--quick", "--out", "out").returncode == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--recording", "a", "b"], "no recording"), (["--seed", "-1", "--quick"], "seed")],
)
def test_it_refuses_in_one_sentence(tmp_path: Path, words: list[str], sentence: str):
    refused = called(tmp_path, SCRIPT, *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr
