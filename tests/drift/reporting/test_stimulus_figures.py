"""Figures and pages of recordings that are labelled by stimuli: all are drawn, and speak of tuning
curves."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from shown_stimuli import odours, session, shown, von_mises

import drift
from drift.reporting.figure_set import FigureSet

ALL = {
    "rate_maps",
    "example_cells",
    "correlation_matrix",
    "correlation_by_lag",
    "fraction_place_cells",
    "turnover_by_lag",
}
OF_PLACES = re.compile(r"\bplace cells?\b|\bplaces\b|positions?\b|rate.maps?\b|faster", re.I)


def gratings(subject: str = "m", rooms: str = "AAA", **options: object) -> list[xr.Dataset]:
    """Sessions of nine cells whose preferred directions turn by 20 degrees a day."""
    angle, preferred = 45.0 * shown(8, 6), np.linspace(0, 320, 9)
    return [
        session(
            np.round(5 * von_mises(angle, preferred + 20 * day, 360.0)),
            angle,
            day,
            subject=subject,
            environment=room,
            stimulus_units="deg",
            **options,
        )
        for day, room in enumerate(rooms)
    ]


CIRCULAR = {"stimulus_metric": "circular", "stimulus_period": 360.0}
LINEAR = {"stimulus_metric": "linear"}
KINDS: dict[str, Callable[[], list[xr.Dataset]]] = {
    "circular": lambda: gratings(**CIRCULAR),
    "linear": lambda: gratings(**LINEAR),
    "numbers": lambda: gratings(),
    "texts": lambda: [odours(day) for day in range(3)],
    "several rooms": lambda: gratings(rooms="ABAB", **CIRCULAR),
    "several subjects": lambda: gratings("m", **LINEAR) + gratings("n", **LINEAR),
    "subjects and texts": lambda: [
        odours(day, subject=subject) for day in range(3) for subject in "mn"
    ],
}
AXES = {"texts": "stimulus", "subjects and texts": "stimulus"}


QUICK = ("circular", "texts")  # the others take longer


@pytest.fixture(
    scope="module",
    params=[
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in KINDS
    ],
)
def recording(request: pytest.FixtureRequest) -> tuple[str, xr.Dataset]:
    return request.param, drift.measure(KINDS[request.param]())


@pytest.fixture(scope="module")
def drawn(
    recording: tuple[str, xr.Dataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, FigureSet]:
    """A folder with all figures of a recording."""
    folder = tmp_path_factory.mktemp("figures")
    return folder, drift.figures(recording[1], folder, formats=["svg"])


def test_all_figures_are_drawn(recording: tuple[str, xr.Dataset], drawn: tuple[Path, FigureSet]):
    (name, _), (folder, found) = recording, drawn
    assert not found.missing and not plt.get_fignums()
    own = "m_" if "subjects" in name else ""
    assert {f"{own}{figure}.svg" for figure in ALL} <= {path.name for path in found.paths}
    for figure in ("rate_maps", "example_cells"):
        axis = AXES.get(name, "stimulus (deg)")
        assert f">{axis}</text>" in (folder / f"{own}{figure}.svg").read_text(encoding="utf-8")


def test_captions_speak_of_tuning_curves(
    recording: tuple[str, xr.Dataset], drawn: tuple[Path, FigureSet]
):
    name, folder = recording[0], drawn[0]
    captions = (folder / "captions.md").read_text(encoding="utf-8")
    told = re.sub("^## .*", "", captions, flags=re.MULTILINE)  # names of files stay
    assert not OF_PLACES.search(told) and "smoothed for display" not in told
    assert "sorted by the stimulus of their peak" in told and "informative cells" in told
    unordered = name in ("numbers", *AXES)
    assert ("Rate (bars) by stimulus" if unordered else "Rate against stimulus") in told
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.svg")]
    assert not [text for text in texts if re.search(">[^<]*(place|rate-map)[^<]*</text>", text)]


def test_the_page_speaks_of_stimuli(recording: tuple[str, xr.Dataset], tmp_path: Path):
    name, measured = recording
    drift.recording_report(measured, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    bare = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    told = html.unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", bare)))
    assert not OF_PLACES.search(told), OF_PLACES.search(told)
    assert "Samples count where a stimulus was shown." in told
    assert "A stimulus has a rate where it was shown for more than 0.1 s." in told
    assert "Informative cells: " in told and "stimulus information" in told
    stimuli = {
        "circular": "8, from 0 to 315 deg, circular with a period of 360 deg",
        "linear": "8, from 0 to 315 deg, linear",
        "numbers": "8, without a metric: 0, 45, 90, 135, 180, 225, 270, 315 deg",
        "texts": "8, without a metric: odour 0, odour 1",
    }
    assert stimuli.get(name, "stimuli 8, ") in told


def test_a_speed_that_is_required_is_told(tmp_path: Path):
    moving = gratings(rooms="A", **CIRCULAR, velocity=np.full(240, 3.0), minimum_speed=2.0)
    drift.recording_report(drift.measure(moving), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Samples count where a stimulus was shown and the subject is faster than 2 per" in page


@pytest.mark.parametrize("width", [85, pytest.param(180, marks=pytest.mark.slow)])
def test_long_names_stay_on_the_page(tmp_path: Path, width: int):
    measured = drift.measure([odours(day) for day in range(3)])
    named = [f"{name}, 140 cm, to the right" for name in measured["stimulus"].values]
    measured = measured.assign_coords(stimulus=("stimulus", named, measured["stimulus"].attrs))
    drift.figures(measured, tmp_path, formats=["png"], width=width)  # type: ignore[arg-type]
    for path in tmp_path.glob("*.png"):
        image = plt.imread(path)[..., :3]
        for edge in (image[:3], image[-3:], image[:, :3], image[:, -3:]):
            assert (edge == 1).all(), path.name
