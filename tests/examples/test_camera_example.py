"""The example of the camera: what it writes, and that its picture is the one that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import EXAMPLES
from example_scripts import called, same_kind_of_picture

import drift

SCRIPT = EXAMPLES / "camera_drift.py"


@pytest.mark.slow
def test_it_writes_a_dataset_a_figure_and_a_table(tmp_path: Path):
    done = called(tmp_path, SCRIPT, "--quick", "--out", "out")
    assert done.returncode == 0, done.stderr
    run = drift.load(tmp_path / "out" / "camera_drift.nc")
    assert run.sizes["subject"] == 2 and run.sizes["session"] == 7
    assert (run["relative_loss"].isel(session=-1) < run["relative_loss"].isel(session=0)).all()
    kept = EXAMPLES / "figures" / "camera_drift.png"
    assert same_kind_of_picture(kept, tmp_path / "out" / "camera_drift.png"), (
        "stale: keep a new one"
    )
    assert "over 300 steps" in (tmp_path / "out" / "camera_drift.md").read_text()
    assert called(tmp_path, SCRIPT, "--quick", "--out", "out").returncode == 2


def test_it_takes_no_recording(tmp_path: Path):
    refused = called(tmp_path, SCRIPT, "--quick", "--recording", "a", "b")
    assert refused.returncode == 2 and "no recording is measured here" in refused.stderr
