"""A recording is shown from the command line, as a page and as figures."""

from __future__ import annotations

from pathlib import Path

import pytest

import drift
from drift.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run.nc"
    drift.save(drift.wandering_fields(seeds=(0, 1), sessions=4, units=8), path)
    return path


def test_figures_of_a_file(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "deeper" / "figures"
    words = ["figure", str(run), "--out", str(out), "--format", "pdf", "svg", "--sorted-by", "2"]
    assert main([*words, "--width", "180", "--subject", "1"]) == 0
    names = {path.name for path in out.iterdir()}
    assert {"rate_maps.pdf", "rate_maps.svg", "stability.pdf", "captions.md"} <= names
    assert "place cells of 200 steps" in (out / "captions.md").read_text()
    capsys.readouterr()
    assert main([*words, "--width", "180", "--subject", "1"]) == 2
    assert "exists and is kept" in capsys.readouterr().err


@pytest.fixture(scope="module")
def one(run: Path) -> Path:
    """One session of one subject, of which little is drawn."""
    path = run.with_name("one.nc")
    drift.save(drift.load(run).isel(session=[1], subject=[0]), path)
    return path


def test_what_is_missing_is_said(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["figure", str(one), "--out", str(tmp_path / "f")]
    assert main(words) == 0 and "not drawn: " in capsys.readouterr().out
    assert main([*words, "--overwrite"]) == 0


def test_a_page_of_a_file(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "deeper" / "page.html"
    words = ["report", str(one), "--out", str(out), "--title", "A network"]
    assert main(words) == 0 and "<h1>A network</h1>" in out.read_text()
    assert main(words) == 2 and main([*words, "--overwrite"]) == 0
    assert main(["report", str(one), "--out", str(one), "--overwrite"]) == 2
    assert main(["report", str(one), "--out", str(out), "--overwrite", "--sorted-by", "9"]) == 2
    assert "session '9' is unknown" in capsys.readouterr().err
