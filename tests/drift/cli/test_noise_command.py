"""A recording is set beside its frozen twins from the command line."""

from __future__ import annotations

from pathlib import Path

import counted_mice
import pandas as pd
import pytest

import drift
from drift.cli import main


def test_sentences_tables_and_a_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    recorded = tmp_path / "recorded.nc"
    drift.save(counted_mice.mouse(0, units=30, sessions=4, anew=0.5), recorded)
    words = ["noise", str(recorded), "--draws", "20", "--out", str(tmp_path / "noise.nc")]
    words += ["--csv", str(tmp_path / "tables"), "--figure", str(tmp_path / "noise.png")]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "mouse 0 (" in told and "changes more than sampling noise" in told
    table = pd.read_csv(tmp_path / "tables" / "subject_measure.csv")
    noise = drift.load(tmp_path / "noise.nc")
    assert table["verdict"].tolist() == noise["verdict"].values[0].tolist()
    assert (tmp_path / "noise.png").stat().st_size > 10_000
    units = pd.read_csv(tmp_path / "tables" / "units.csv").set_index("column")
    assert units["meaning"].drop(["elapsed", "units"], errors="ignore").iloc[:8].notnull().all()


def test_results_are_kept_unless_overwriting_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    recorded = tmp_path / "recorded.nc"
    drift.save(counted_mice.mouse(0, units=10, sessions=3), recorded)
    words = ["noise", str(recorded), "--draws", "20", "--out", str(tmp_path / "noise.nc")]
    assert main(words) == 0 and main(words) == 2
    assert "exists and is kept" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    recorded = tmp_path / "recorded.nc"
    drift.save(counted_mice.mouse(0, units=10, sessions=3), recorded)
    assert main(["noise", str(recorded), "--figure", str(tmp_path / "noise.txt")]) == 2
    assert "end in .pdf, .svg, .png" in capsys.readouterr().err
    assert main(["noise", str(recorded), "--draws", "3"]) == 2
    drift.save(drift.wandering_fields(sessions=3, units=5), tmp_path / "run.nc")
    assert main(["noise", str(tmp_path / "run.nc")]) == 2
