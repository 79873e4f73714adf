"""Pictures of what decides whether a code drifts: numbers on the axes are those of the measures."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import drift
from drift import metrics, plots
from drift.errors import RefusedInputError


@pytest.fixture(scope="module")
def stability() -> xr.Dataset:
    return drift.code_stability(decoded_days.days(4, 20, moved=0.3, frames=1600))


@pytest.fixture
def ax():
    return Figure().add_subplot()


def line(ax, label: str) -> np.ndarray:
    handles, labels = ax.get_legend_handles_labels()
    return handles[labels.index(label)].lines[0].get_ydata()


def test_similarity_stands_beside_its_ceiling(stability: xr.Dataset, ax):
    names = ("rate_map_correlation", "corrected_similarity", "elapsed")
    ceiling = stability["correlation_ceiling"]
    plots.similarity_and_ceiling(*(stability[name] for name in names), ax, ceiling)
    for label, name in (
        ("as seen", "rate_map_correlation"),
        ("at best (halves)", "correlation_ceiling"),
        ("without noise", "corrected_similarity"),
    ):
        np.testing.assert_allclose(line(ax, label), stability[f"{name}_by_lag"].values.ravel())
    assert ax.get_xlabel() == "time between sessions (days)" and ax.get_ylim()[0] == 0


def test_jumps_stand_beside_noise_and_chance(stability: xr.Dataset, ax):
    plots.jumps_by_lag(stability, stability["elapsed"], ax)
    np.testing.assert_allclose(
        line(ax, "shuffled"), stability["jumps_by_chance_by_lag"].values[0, 0]
    )
    noise = stability["jumps_by_noise_by_lag"].values[0, 0]
    np.testing.assert_allclose(line(ax, "noise alone (halves)"), noise)


def test_displacement_is_drawn_without_its_noise(stability: xr.Dataset, ax):
    plots.displacement_by_lag(stability, ax)
    shown = line(ax, "without noise")
    np.testing.assert_allclose(shown, stability["mean_squared_displacement"].values[0])
    assert "cm^2" in ax.get_ylabel()


def test_hazard_and_density(ax):
    days = decoded_days.days(6, 40, moved=0.3, frames=800)
    rng = np.random.default_rng(0)
    for day in days:  # three of ten units are silent on any day
        day["activity"].values[:, rng.random(40) < 0.3] = 0
    measured = drift.measure(days)
    hazard = metrics.hazard(measured, "active", minimum_events=20)
    plots.hazard_by_age(hazard, ax)
    np.testing.assert_allclose(line(ax, "by age"), hazard["hazard"].values[0])
    other = Figure().add_subplot()
    plots.field_density(metrics.centroid_density(measured), 0, "2", other)
    assert len(other.get_legend().get_texts()) == 3 and other.get_xlabel() == "position (cm)"


def texts(figure: Figure) -> str:
    axes = [ax for part in figure.subfigs for ax in part.get_axes()]
    return " ".join(text.get_text() for ax in axes for text in ax.texts)


def test_the_overview_sorts_by_the_label_of_a_session(stability: xr.Dataset):
    labelled = stability.assign_coords(session=[11, 12, 13, 14], session_other=[11, 12, 13, 14])
    figure = plots.stability_overview(labelled, plots.sheet(180, 165), sorted_by="13")
    titles = [ax.get_title() for ax in figure.subfigs[0].get_axes()[:4]]
    assert titles == ["day 0", "day 1", "day 2\n(sorted)", "day 3"]
    letters = [ax.get_title(loc="left") for ax in figure.subfigs[1].get_axes()]
    assert letters == list("bcdefg") and not texts(figure)
    figure.draw_without_rendering()


def test_the_overview_says_what_is_absent():
    maps = drift.code_stability(drift.measure(decoded_days.days(4, 12, frames=800)), twins=0)
    figure = plots.stability_overview(maps, plots.sheet(180, 165), group="place")
    assert "no decoder triple" in texts(figure)
    single = drift.code_stability(decoded_days.days(1, 12, frames=800), twins=0)
    figure = plots.stability_overview(single, plots.sheet(180, 165))
    assert texts(figure).count("no ") >= 6
    figure.draw_without_rendering()


def test_a_plane_shows_arenas():
    plane = drift.code_stability(decoded_days.days(2, 12, frames=1600, geometry="plane"), twins=0)
    figure = plots.stability_overview(plane, plots.sheet(180, 165))
    assert len(figure.subfigs[0].get_axes()) >= 6


@pytest.mark.parametrize(
    "draw", ["similarity", "jumps", "displacement", "hazard", "density", "overview"]
)
def test_other_results_are_refused(stability: xr.Dataset, ax, draw: str):
    empty = stability["rate_map_correlation"] * np.nan
    calls = {
        "similarity": lambda: plots.similarity_and_ceiling(empty, empty, stability["elapsed"], ax),
        "jumps": lambda: plots.jumps_by_lag(xr.Dataset(), stability["elapsed"], ax),
        "displacement": lambda: plots.displacement_by_lag(xr.Dataset(), ax),
        "hazard": lambda: plots.hazard_by_age(xr.Dataset(), ax),
        "density": lambda: plots.field_density(xr.Dataset(), 0, 0, ax),
        "overview": lambda: plots.stability_overview(xr.Dataset(), Figure()),
    }
    with pytest.raises(RefusedInputError, match=r"got|code_stability"):
        calls[draw]()


def test_bars_and_maps_say_of_whom_they_are(stability: xr.Dataset):
    second = stability.assign_coords(subject=["second"])
    two = xr.concat([stability, second], "subject", data_vars="minimal", combine_attrs="override")
    figure = plots.stability_overview(two, plots.sheet(180, 165), subject="second")
    texts = {text.get_text() for part in figure.subfigs for text in part.texts}
    assert "subject second" in texts
    assert sum("s.e. of 2 subjects" in ax.get_title() for ax in figure.axes) == 2
    alone = plots.stability_overview(stability, plots.sheet(180, 165))
    assert not any("s.e." in ax.get_title() for ax in alone.axes)


def test_maps_of_some_sessions_say_so():
    run = drift.wandering_fields(seeds=(0,), sessions=12, units=20)
    figure = plots.stability_overview(drift.code_stability(run), plots.sheet(180, 165))
    (words,) = [
        text.get_text() for text in figure.subfigs[0].texts if "sessions" in text.get_text()
    ]
    assert "6 of" in words
