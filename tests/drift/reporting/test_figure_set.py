"""Figures for a paper: drawn for every recording as far as it goes, at the width of a journal, with
captions that say what error bars are."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from recordings import RECORDINGS

import drift
from drift.errors import RefusedInputError
from drift.reporting.plates import own_sessions, shown_sessions, subject_plates

LIVES = {"recurrence_by_lag", "survival", "jumps_by_lag"}
ALL = LIVES | {
    "rate_maps",
    "example_cells",
    "correlation_matrix",
    "correlation_by_lag",
    "fraction_place_cells",
    "turnover_by_lag",
}
PAIRS = {"correlation_matrix", "correlation_by_lag", "turnover_by_lag"}
MISSING = {
    "one session": PAIRS | LIVES,
    "two rooms once": PAIRS | LIVES,
    "not registered": PAIRS | LIVES,
    "a plane": {"rate_maps"},
    "a plane once": PAIRS | LIVES | {"rate_maps"},
    "no place cells": PAIRS,
    "silent": ALL - {"fraction_place_cells"},
    "a run of one session": PAIRS | LIVES,
}


QUICK = ("one session", "two rooms", "a plane once", "silent")  # the others take longer


@pytest.fixture(
    scope="module",
    params=[
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in RECORDINGS
    ],
)
def recording(request: pytest.FixtureRequest) -> tuple[str, xr.Dataset]:
    return request.param, RECORDINGS[request.param]()


@pytest.fixture(scope="module")
def usual() -> xr.Dataset:
    return RECORDINGS["one subject"]()


@pytest.fixture(scope="module")
def single() -> xr.Dataset:
    """One session, of which few figures are drawn."""
    return RECORDINGS["one session"]()


def test_every_recording_is_drawn_as_far_as_it_goes(
    recording: tuple[str, xr.Dataset], tmp_path: Path
):
    name, dataset = recording
    drawn = drift.figures(dataset, tmp_path, formats=["svg"])
    captions = (tmp_path / "captions.md").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in drawn.paths}
    assert not plt.get_fignums()
    if dataset.sizes["subject"] == 1:
        expected = ALL - MISSING.get(name, set())
        expected |= {"remapping_matrix"} if name.startswith("two rooms") else set()
        expected |= {"decoding_by_lag"} if name == "many sessions" else set()  # a run, as it is
        assert {path.stem for path in drawn.paths} == expected | {"captions"}
        assert bool(drawn.missing) == (name in MISSING)
    for sentence in drawn.missing:
        assert re.fullmatch(r"not drawn: .+, because .+\.", sentence, re.DOTALL)
    blocks = [block for block in captions.split("## ") if block.strip()]
    for block in blocks:
        assert "ot drawn" in block or re.search("error|no error bars|Labels|divided", block)


@pytest.mark.slow
def test_in_two_columns_panels_share_a_figure(recording: tuple[str, xr.Dataset], tmp_path: Path):
    name, dataset = recording
    drawn = drift.figures(dataset, tmp_path, formats=["pdf"], width=180)
    assert all(path.stat().st_size > 100 for path in drawn.paths)
    if name == "one subject":
        assert {path.stem for path in drawn.paths} == {
            "rate_maps",
            "example_cells",
            "stability",
            "captions",
        }
        assert all(f"({letter}) " in (tmp_path / "captions.md").read_text() for letter in "abcd")


@pytest.mark.slow
@pytest.mark.parametrize("width", [85, 180])
def test_figures_have_the_width_of_a_journal(usual: xr.Dataset, tmp_path: Path, width: int):
    drift.figures(usual, tmp_path, formats=["svg", "pdf", "png"], width=width)  # type: ignore[arg-type]
    for path in tmp_path.glob("*.svg"):
        points = float(re.search(r'width="([\d.]+)pt"', path.read_text())[1])  # type: ignore[index]
        assert points / 72 * 25.4 == pytest.approx(width, abs=0.01)
        assert "<text" in path.read_text()  # text, not outlines
    for path in tmp_path.glob("*.pdf"):
        content = path.read_bytes()
        assert b"/FontFile2" in content and b"/Type3" not in content
        box = re.search(rb"/MediaBox \[\s*0 0 ([\d.]+)", content)
        assert box and float(box[1]) / 72 * 25.4 == pytest.approx(width, abs=0.1)
    for path in tmp_path.glob("*.png"):
        assert plt.imread(path).shape[1] == pytest.approx(width / 25.4 * 600, abs=2)


@pytest.mark.slow
def test_nothing_reaches_beyond_the_page(usual: xr.Dataset, tmp_path: Path):
    """Text at an edge of the picture would be cut."""
    for width in (85, 180):
        drift.figures(usual, tmp_path, formats=["png"], width=width, overwrite=True)  # type: ignore[arg-type]
        for path in tmp_path.glob("*.png"):
            image = plt.imread(path)[..., :3]
            border = [image[:3], image[-3:], image[:, :3], image[:, -3:]]
            assert all((edge == 1).all() for edge in border), (path.name, width)


@pytest.mark.slow
def test_the_session_that_sorts_can_be_chosen(usual: xr.Dataset, tmp_path: Path):
    drift.figures(usual, tmp_path, sorted_by="2", formats=["svg"])
    assert "place cells of day 2.5 " in (tmp_path / "captions.md").read_text()
    drift.figures(usual, tmp_path, sorted_by=-1, formats=["svg"], overwrite=True)
    assert "place cells of day 9 " in (tmp_path / "captions.md").read_text()
    with pytest.raises(RefusedInputError, match="session '7' is unknown"):
        drift.figures(usual, tmp_path, sorted_by="7", formats=["svg"], overwrite=True)


@pytest.mark.slow
def test_a_chosen_session_that_some_subjects_lack_is_no_reason_to_stop(tmp_path: Path):
    drawn = drift.figures(
        RECORDINGS["several subjects"](), tmp_path, sorted_by="3", formats=["svg"]
    )
    names = {path.name for path in drawn.paths}
    assert {"a_1_1_rate_maps.svg", "all_2_rate_maps.svg", "ALL_3_rate_maps.svg"} <= names
    assert "all_correlation_by_lag.svg" in names


def test_files_are_kept_unless_overwriting_is_asked_for(single: xr.Dataset, tmp_path: Path):
    (tmp_path / "fraction_place_cells.svg").write_text("mine")
    with pytest.raises(RefusedInputError, match="exists and is kept"):
        drift.figures(single, tmp_path, formats=["svg"])
    assert [path.name for path in tmp_path.iterdir()] == ["fraction_place_cells.svg"]  # all or none
    assert (tmp_path / "fraction_place_cells.svg").read_text() == "mine"
    drift.figures(single, tmp_path, formats=["svg"], overwrite=True)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    drift.figures(single, tmp_path, formats=["svg"], overwrite=True)
    assert first == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_what_is_no_recording_is_refused(usual: xr.Dataset, tmp_path: Path):
    for dataset, told in (
        (usual.drop_vars("recorded"), "without recorded"),
        (usual.isel(subject=0), "does not fit: rate has dims"),
    ):
        with pytest.raises(RefusedInputError, match=told):
            drift.figures(dataset, tmp_path)
    with pytest.raises(RefusedInputError, match="subject 'x' is unknown"):
        drift.figures(usual, tmp_path, subjects=["x"])
    assert not list(tmp_path.iterdir())


def test_many_sessions_are_thinned_with_the_ends_and_the_chosen_one():
    own = own_sessions(RECORDINGS["many sessions"](), 0)
    for day in (0, 13, 28):
        places = shown_sessions(own, day, 8)
        assert {0, day, 28} <= set(places) and len(places) == 8


def test_a_ceiling_is_drawn_where_halves_are_known(usual: xr.Dataset):
    halves = usual["rate"].expand_dims(half=2).transpose(..., "half")
    plates = {
        plate.name: plate
        for plate in subject_plates(own_sessions(usual.assign(rate_half=halves), 0), None, 85.0)
    }
    assert "noise ceiling, the correlation" in plates["correlation_by_lag"].caption
    figure = plates["correlation_by_lag"].figure
    assert figure is not None
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_allclose(lines["noise ceiling (split halves)"].get_ydata(), 1)
    plain = {plate.name: plate for plate in subject_plates(own_sessions(usual, 0), None, 85.0)}
    assert "No noise ceiling is drawn" in plain["correlation_by_lag"].caption
    assert "1 where the code stands still" in plates["corrected_similarity_by_lag"].caption
    assert "corrected_similarity_by_lag" not in plain
