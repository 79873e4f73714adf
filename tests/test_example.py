"""The main job: what it writes, what it keeps, and how it answers to what it does not accept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import drift

CHECKOUT = Path(__file__).resolve().parents[1]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECKOUT / "examples" / "corridor_drift.py"), *words]
    environment = {**os.environ, "REPDRIFT_DATA": str(folder)}  # no recording unless one is named
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    done = run(folder, "--quick", "--out", "out", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    return folder


def test_it_writes_a_dataset_a_figure_and_a_table(finished: Path):
    dataset = drift.load(finished / "out" / "corridor_drift.nc")
    assert dict(dataset.sizes)["subject"] == 2
    assert (dataset["status"] == "complete").all()
    assert np.isfinite(dataset["loss"]).all()
    assert (finished / "out" / "corridor_drift.png").stat().st_size > 50_000
    assert "spatial information" in (finished / "out" / "corridor_drift.txt").read_text()


def test_results_are_kept_unless_overwriting_is_asked_for(finished: Path):
    before = (finished / "out" / "corridor_drift.nc").read_bytes()
    refused = run(finished, "--quick", "--out", "out")
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("or give --overwrite.")
    assert (finished / "out" / "corridor_drift.nc").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--out", "file/below"], "cannot be made"),
        (["--recording", "karlsson2015"], "--recording needs NAME PATH"),
        (["--recording", "karlson2015", "."], "karlsson2015"),
        (["--recording", "karlsson2015", "nowhere"], "nowhere"),
        (["--steps", "0"], "steps"),
        (["--seed", "-1"], "seed"),
        (["--seeds", "0"], "--seeds"),
    ],
)
def test_rubbish_is_answered_in_one_sentence(tmp_path: Path, words: list[str], sentence: str):
    (tmp_path / "file").touch()
    refused = run(tmp_path, "--quick", "--out", "out", *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_closed_to_writing_is_refused(tmp_path: Path):
    (tmp_path / "closed").mkdir(mode=0o500)
    refused = run(tmp_path, "--quick", "--out", "closed")
    assert refused.returncode == 2
    assert "cannot be written to" in refused.stderr
