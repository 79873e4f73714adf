"""``repdrift power``: a table, the cheapest design, a file and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import drift
from drift.cli import main

FEW = ["--repetitions", "20", "--animals", "2", "5"]


def test_power_of_a_study_like_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lens = drift.recording_design(np.arange(4.0), 12, minutes=6.0)
    drift.save(lens, tmp_path / "recorded.nc")
    out, picture = tmp_path / "power.nc", tmp_path / "power.png"
    words = ["power", "--like", str(tmp_path / "recorded.nc"), "--rate", "0.15", *FEW]
    assert main([*words, "--out", str(out), "--figure", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "power +- error" in said and (
        "cheapest design" in said or "no design of the grid" in said
    )
    power = drift.load(out)
    assert power["units"].values.tolist() == [12] and power["sessions"].values.tolist() == [4]
    assert power["minutes"].item() == pytest.approx(6.0) and picture.stat().st_size > 1000
    assert main([*words, "--out", str(out)]) == 2
    assert "exists and is kept" in capsys.readouterr().err


@pytest.mark.parametrize("effect", ["groups", "experience"])
def test_other_questions(effect: str, capsys: pytest.CaptureFixture[str]):
    small = ["--units", "10", "--sessions", "3", "--minutes", "3"]
    assert main(["power", "--effect", effect, *small, "--repetitions", "5", "--animals", "3"]) == 0
    assert "power +- error" in capsys.readouterr().out


def test_an_environment_of_no_recording_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["power", "--environment", "A", *FEW]) == 2
    assert "add --like recorded.nc" in capsys.readouterr().err
