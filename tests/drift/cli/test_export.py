"""What is exported can be read elsewhere, with its labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

import drift
from drift.cli import main
from drift.files.csv import read_table


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run.nc"
    drift.save(drift.wandering_fields(seeds=(0, 1), sessions=4, units=12), path)
    return path


def test_a_result_goes_to_matlab(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "deeper" / "run.mat"
    words = ["export", "mat", str(run), "--out", str(out)]
    assert main(words) == 0 and main(words) == 2 and main([*words, "--overwrite"]) == 0
    found = loadmat(out, simplify_cells=True)["recording"]
    np.testing.assert_array_equal(found["variables"]["rate"]["values"], drift.load(run)["rate"])
    assert found["coordinates"]["elapsed"]["units"] == "step"
    assert main([*words, "--overwrite", "--variables", "rate"]) == 0
    assert set(loadmat(out, simplify_cells=True)["recording"]["variables"]) == {"rate"}
    capsys.readouterr()
    assert main([*words, "--overwrite", "--variables", "rote"]) == 2
    assert "there is no variable 'rote'" in capsys.readouterr().err


def test_tables_hold_the_pairs_of_sessions(run: Path, tmp_path: Path):
    assert main(["export", "csv", str(run), "--out", str(tmp_path)]) == 0
    pairs = read_table(tmp_path / "session_pairs.csv")
    assert set(pairs["measure"]) == {"rate_map_correlation", "population_vector_correlation"}
    assert set(pairs["lag_units"]) == {"step"} and pairs["value"].between(-1, 1).all()
    curve = read_table(tmp_path / "similarity_by_lag.csv")
    assert {"corrected_similarity", "rate_map_correlation"} <= set(curve["measure"])
    assert {"lower", "upper", "independent_subjects", "speaks_of"} <= set(curve.columns)
    lives = read_table(tmp_path / "half_life.csv")
    assert len(lives) == 1 + drift.load(run).sizes["subject"]
    assert {"half_life", "lower", "upper", "reason"} <= set(lives.columns)


def test_one_session_has_tables_and_a_sentence(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    drift.save(drift.load(run).isel(session=[2]), tmp_path / "one.nc")
    assert main(["export", "csv", str(tmp_path / "one.nc"), "--out", str(tmp_path / "t")]) == 0
    said = capsys.readouterr().out
    assert all(f"no {name}.csv: " in said for name in ("session_pairs", "half_life"))
    assert not (tmp_path / "t" / "session_pairs.csv").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("nwb run.nc --sex female", "sex of the subject"),
        ("nwb run.nc --species mouse", "species of the subject"),
        ("nwb run.nc --age 90", "age of the subject"),
        ("csv run.nc --sex F", "--sex is written to NWB files alone"),
    ],
)
def test_what_cannot_be_is_refused(
    words: str,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    Path("run.nc").touch()  # a path that leads nowhere is told before
    out = tmp_path / "out"
    assert main(["export", *words.split(), "--out", str(out)]) == 2
    assert told in capsys.readouterr().err and not out.exists()


def test_the_animal_is_said_in_every_file(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pynwb = pytest.importorskip("pynwb", reason="NWB needs pynwb: pip install 'repdrift[nwb]'")
    lens = drift.recording_design([0.0, 1.0], cells=12, minutes=1)
    drift.save(lens, tmp_path / "lens.nc")
    words = ["export", "nwb", str(run), "--like", str(tmp_path / "lens.nc")]
    about = ["--species", "Mus musculus", "--sex", "F", "--age", "P90D"]
    assert main([*words, "--out", str(tmp_path / "a"), *about]) == 0
    assert "DANDI" not in capsys.readouterr().out
    for path in (tmp_path / "a").glob("*.nwb"):
        with pynwb.NWBHDF5IO(str(path), "r") as file:
            subject = file.read().subject
            assert [subject.species, subject.sex, subject.age] == about[1::2]
    assert main([*words, "--out", str(tmp_path / "b"), "--sex", "F"]) == 0
    assert "for the DANDI archive give --species --age, too" in capsys.readouterr().out
