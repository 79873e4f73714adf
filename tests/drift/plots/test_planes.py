"""Places in a plane are drawn as they lie or refused, never row by row as a track."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from data_adapters.session import session_dataset
from drift import plots
from drift.errors import RefusedInputError
from drift.metrics.places import kind_of_places
from drift.notebook.widgets import rate_map_slider, unit_browser
from drift.plots import rate_maps as map_plots


@pytest.fixture(scope="module")
def arena():
    """Two days in an arena of 48 cm, of which the columns from 16 to 32 cm were never entered."""
    rng = np.random.default_rng(0)
    x = rng.choice(np.r_[0:16, 32:48], 4000) + rng.uniform(0, 1, 4000)
    position = np.stack([x, rng.uniform(0, 48, 4000)], axis=1)
    sessions = [
        session_dataset(subject="m", session=day, elapsed=float(day), elapsed_units="day", environment="A", unit_identity="r",
                        sampling_rate=20.0, activity=rng.poisson(0.3, (4000, 4)).astype(float), position=position,
                        source="x", geometry="square",
                        track_length=48.0, minimum_speed=0.0)
        for day in range(2)
    ]  # fmt: skip
    return drift.measure(sessions)


def circuit():
    return circuits.LinearInterneuron(units=20).for_active_fraction(0.1)


@pytest.mark.parametrize(
    "drawn",
    [
        lambda seen: seen.drift.plot_rate_maps(subject=0, session=0),
        lambda seen: plots.sorted_rate_maps(seen, 0, 0, plt.figure().subplots()),
        lambda seen: map_plots.rate_maps_over_sessions(seen, 0, [0], [plt.figure().subplots()]),
        rate_map_slider,
        unit_browser,
    ],
)
def test_pictures_of_tracks_point_to_arena_maps(arena, drawn):
    if drawn in (rate_map_slider, unit_browser):
        pytest.importorskip("ipywidgets")
    with pytest.raises(RefusedInputError, match=r"on a track, got places in a plane: .*arena_maps"):
        drawn(arena)


def test_circuits_are_not_fitted_along_rows(arena):
    with pytest.raises(
        RefusedInputError, match="got places in a plane: measure positions along a track"
    ):
        circuits.fit(circuit(), arena, {"gain": (1.0, 100.0)}, engine="fixed_point", progress=False)
    with pytest.raises(RefusedInputError, match="got a plane"):
        drift.estimate(arena)


def test_an_arena_is_drawn_to_scale(arena):
    axes = plt.figure().subplots(1, 1, squeeze=False)
    map_plots.arena_maps(arena.isel(subject=0), [0], axes)
    map_plots.arena_maps(arena.isel(subject=0).drop_vars("subject"), [0], axes)
    with pytest.raises(RefusedInputError, match=r"maps of one subject are drawn, got 1: pass"):
        map_plots.arena_maps(arena, [0], axes)
    peak = axes[0, 0].texts[0]
    box = peak.get_bbox_patch()
    assert peak.get_text().endswith("/s") and box is not None
    assert min(box.get_facecolor()[:3]) == 1 and box.get_alpha() > 0.7  # dark on dark reads badly
    image = axes[0, 0].images[0].get_array()
    assert image.shape == (12, 12)
    assert np.ma.getmaskarray(image)[:, 4:8].all() and not np.ma.getmaskarray(image)[:, :4].any()


def test_a_comparison_with_another_kind_of_space_says_so(arena):
    place = circuits.PlaceInput(places=10, length=48.0, width=8.0)
    run = circuits.run_sessions(
        [circuit()], place, None, elapsed=np.arange(3.0), engine="fixed_point", progress=False
    )
    compared = drift.compare(run, arena, shuffles=0, bootstraps=20, null_draws=0)
    assert compared.attrs["places"].startswith(
        "places of the simulation lie on a track, those of the recording on a plane"
    )
    assert "those of the recording on a plane" in drift.comparison_table(compared)
    kinds = [kind_of_places(one) for one in (run, drift.published_design("Khatib 2023"), arena)]
    assert kinds == ["track", "track", "plane"]


def test_lost_columns_of_maps_made_elsewhere():
    """Without ``bin_size`` the nearest two centres count as one bin, whatever rounding makes of
    equal ones."""
    x = np.array([0.1 * 3, 0.3, 0.5, 0.7])
    centres = xr.DataArray(x, dims="place")
    assert drift.metrics.places.grid_index(centres).tolist() == [0, 0, 1, 2]
