"""The page on a recording says what was recorded, for every kind of recording."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from recordings import RECORDINGS

import drift
from drift.errors import RefusedInputError

QUICK = ("one session", "two rooms once", "a plane once", "silent")  # the others take longer


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in RECORDINGS],
)
def test_every_recording_has_a_page(name: str, tmp_path: Path):
    dataset = RECORDINGS[name]()
    text = drift.recording_report(dataset, tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("<h1>") == 1 and "</html>" in text
    assert not re.search(r'(src|href)="(?!#|data:)', text)  # nothing is fetched
    observed = (dataset["recorded"] == 1).any("unit") & dataset["elapsed"].notnull()
    assert text.count("<tr>", text.index('id="sessions"')) > int(observed.sum())
    identities = re.findall(r'\bid="([^"]+)"', text)
    assert len(identities) == len(set(identities))


@pytest.fixture(scope="module")
def usual() -> xr.Dataset:
    return RECORDINGS["one subject"]()


@pytest.fixture(scope="module")
def page(usual: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("usual") / "page.html"
    return drift.recording_report(usual, path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def single() -> xr.Dataset:
    return RECORDINGS["one session"]()


def test_its_numbers_are_those_of_the_recording(usual: xr.Dataset, page: str):
    text = page
    table = text[text.index('id="sessions"') :].split("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table)[1:]
    cells = [re.findall(r'data-value="([^"]*)"', row) for row in rows]
    shown = np.array([[cell or "nan" for cell in row] for row in cells], dtype=float)
    np.testing.assert_allclose(shown[:, 0], usual["elapsed"].values[0])
    heads = re.findall(r'class="sort">([^<]*)<', table)
    place = heads.index("place cells / recorded") - 2
    np.testing.assert_allclose(shown[:, place], usual["fraction_place_units"].values[0])
    assert "time (days)" in heads and "spatial information (bits/event)" in heads
    assert "1 subject, 5 sessions in 1 room (A)." in text


def test_texts_of_files_stay_text(single: xr.Dataset, tmp_path: Path):
    text = drift.recording_report(single, tmp_path / "page.html", title="<script>").read_text()
    assert "<b>a laboratory</b>" not in text and "&lt;b&gt;a laboratory" in text
    assert "<h1>&lt;script&gt;</h1>" in text


def test_captions_say_that_one_subject_has_no_error_bars(page: str):
    assert page.count("No error bars: one subject") == 5


@pytest.mark.slow
def test_captions_say_what_error_bars_are(tmp_path: Path):
    several = RECORDINGS["several subjects"]()
    text = drift.recording_report(several, tmp_path / "several.html").read_text()
    assert "one standard error over subjects" in text and "(n = 3)" in text


def test_what_cannot_be_drawn_is_said(single: xr.Dataset, tmp_path: Path):
    text = drift.recording_report(single, tmp_path / "page.html").read_text()
    assert "Not drawn: Rate-map correlation between sessions, " in text and "single one" in text


def test_files_are_kept_unless_overwriting_is_asked_for(single: xr.Dataset, tmp_path: Path):
    path = drift.recording_report(single, tmp_path / "page.html")
    with pytest.raises(RefusedInputError, match="exists and is kept"):
        drift.recording_report(single, path)
    drift.recording_report(single, path, overwrite=True)
    with pytest.raises(RefusedInputError, match="does not fit: rate has dims"):
        drift.recording_report(single.isel(subject=0), tmp_path / "other.html")
