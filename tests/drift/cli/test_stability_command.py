"""Whether a code drifts, from the command line: netCDF, tables and a figure in one go."""

from __future__ import annotations

from pathlib import Path

import decoded_days
import pandas as pd
import pytest

import drift
from data_adapters.laboratories.interchange.reader import write_interchange
from drift.cli import main


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for day in decoded_days.days(3, 20, moved=0.3, frames=800):
        write_interchange(day, folder)
    return folder


def test_sessions_give_all_of_it(recordings: Path, tmp_path: Path, capsys):
    out = tmp_path / "deeper" / "stability"
    words = ["stability", "interchange", str(recordings), "--out", str(out), "--sorted-by", "1"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "corrected similarity: " in told and "refitted decoding error: " in told
    stability = drift.load(out / "stability.nc")
    assert (out / "stability.png").stat().st_size > 10_000
    table = pd.read_csv(out / "subject_session_session_other.csv")
    assert table["decoding_error"].notnull().all()
    assert {"units", "absent"} <= {path.stem for path in out.glob("*.csv")}
    assert len(pd.read_csv(out / "units.csv")) > len(stability.data_vars) / 2
    assert main(words) == 2 and "exists and is kept" in capsys.readouterr().err


@pytest.fixture(scope="module")
def recorded(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Maps with halves and readouts."""
    path = tmp_path_factory.mktemp("measured") / "recorded.nc"
    words = ["measure", "interchange", str(recordings), "--out", str(path)]
    assert main([*words, "--halves", "trials", "--half-place-units", "--decoding"]) == 0
    return path


def test_measured_maps_carry_readouts_to_tables(recorded: Path, tmp_path: Path):
    assert main(["export", "csv", str(recorded), "--out", str(tmp_path / "csv")]) == 0
    pairs = pd.read_csv(tmp_path / "csv" / "session_pairs.csv")
    assert {"refitted_decoding_error", "mean_drift_index"} <= set(pairs["measure"])
    lives = pd.read_csv(tmp_path / "csv" / "stability_subject_age_group.csv")
    assert {"survival", "hazard"} & set(lives.columns)


@pytest.mark.slow
def test_measured_maps_carry_readouts_everywhere(recorded: Path, tmp_path: Path, capsys):
    words = ["stability", str(recorded), "--out", str(tmp_path / "s")]
    assert main(words) == 0 and main([*words, "--overwrite"]) == 0
    assert "decoder triple" not in capsys.readouterr().out
    assert main(["report", str(recorded), "--out", str(tmp_path / "page.html")]) == 0
    text = (tmp_path / "page.html").read_text()
    assert "A readout of another session is off by" in text
    assert "The index of drift, 0 for a code that stands still" in text
    assert "correlation of two halves" in text and "What fools it" in text
    assert main(["figure", str(recorded), "--out", str(tmp_path / "f"), "--format", "svg"]) == 0
    drawn = {path.stem for path in (tmp_path / "f").iterdir()}
    assert {"decoding_by_lag", "drift_index_by_lag", "recurrence_by_lag", "jumps_by_lag"} <= drawn


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["interchange"], "give its path, too"),
        (["nowhere.nc"], "nowhere.nc"),
        (["interchange", "nowhere"], "nowhere"),
    ],
)
def test_rubbish_is_answered_in_one_sentence(
    tmp_path: Path, words: list[str], sentence: str, capsys
):
    assert main(["stability", *words, "--out", str(tmp_path / "s")]) == 2
    told = capsys.readouterr().err
    assert sentence in told and len(told.strip().splitlines()) == 1


def test_an_unknown_session_is_refused_before_anything_is_written(
    recordings: Path, tmp_path: Path, capsys
):
    out = tmp_path / "s"
    words = ["stability", "interchange", str(recordings), "--out", str(out), "--sorted-by", "77"]
    assert main(words) == 2 and "session '77' is unknown" in capsys.readouterr().err
    assert not list(out.iterdir())
