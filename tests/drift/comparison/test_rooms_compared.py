"""Comparison, report, null models and lenses of recordings in several rooms: as if each subject had
stayed where it was most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from recorded_rooms import sessions

import drift
from circuits.fitting.statistics import chosen_statistics
from drift.comparison.time_scale import _by_lag
from drift.metrics import in_environment, mean_rate_map_correlation
from drift.metrics.rooms import in_one_environment
from drift.observation.expected_maps import lens
from drift.observation.null_models import frozen_code

QUICK = {"shuffles": 0, "bootstraps": 0, "sampling_rate": 2.0, "null_draws": 0}


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return drift.wandering_fields((0,), sessions=4, units=12, places=16, movement=0.05)


@pytest.fixture(scope="module")
def recorded() -> xr.Dataset:
    """Room B is visited once; the code of each room stands still."""
    return drift.measure(sessions({"m": "AAABAA"}))


@pytest.fixture(scope="module")
def comparison(run: xr.Dataset, recorded: xr.Dataset) -> xr.Dataset:
    return drift.compare(run, recorded, **QUICK)


def test_a_stable_code_in_two_rooms_shows_no_change(comparison: xr.Dataset):
    one = comparison.sel(source="recorded", convention="mean_of_ratios")
    for measure in (
        "fraction_place_units",
        "active_units",
        "spatial_information",
        "rate_map_correlation",
    ):
        curve = one["curve"].sel(measure=measure).dropna("session")
        assert curve.size > 3
        np.testing.assert_allclose(curve, 1.0, rtol=1e-9)
        np.testing.assert_allclose(one["change"].sel(measure=measure), 0.0, atol=1e-9)
    assert comparison.attrs["left_out"] == "subject m was in environment B in 1 session"


def test_what_is_left_out_is_said(
    comparison: xr.Dataset, run: xr.Dataset, recorded: xr.Dataset, tmp_path: Path
):
    assert "subject m was in environment B in 1 session" in drift.comparison_table(comparison)
    page = drift.report(comparison, tmp_path / "r.html", run=run, recorded=recorded).read_text()
    assert "subject m was in environment B in 1 session" in page
    assert "recording falls" not in page and "in the recording rises" not in page


def test_the_comparison_is_that_of_the_room_alone(comparison: xr.Dataset, run: xr.Dataset):
    made = [one for one in sessions({"m": "AAABAA"}) if one["environment"].item() == "A"]
    alone = drift.compare(run, drift.measure(made), **QUICK)
    xr.testing.assert_allclose(
        comparison[["curve", "slope", "change"]], alone[["curve", "slope", "change"]]
    )
    kept = in_one_environment(
        sessions({"m": "BABA", "n": "ABBB"})
    )  # session Datasets, as lenses may be
    assert [(one["subject"].item(), one["session"].item()) for one in kept] == [
        ("m", 0),
        ("m", 2),
        ("n", 1),
        ("n", 2),
        ("n", 3),
    ]


def test_frozen_codes_show_each_room_its_own():
    drifting = drift.measure(sessions({"m": "ABAB", "n": "AAAA"}, moved=4))
    frozen = frozen_code(drifting, session=0)
    np.testing.assert_allclose(mean_rate_map_correlation(frozen).sel(subject="n"), 1.0)
    for room, first in (("A", 0), ("B", 1)):
        shown = frozen["rate"].sel(subject="m").isel(session=[first, first + 2])
        expected = drifting["rate"].sel(subject="m").isel(session=first, drop=True)
        for one in range(2):
            np.testing.assert_array_equal(shown.isel(session=one), expected), room


def test_lags_of_a_fit_are_those_within_rooms():
    """Rooms take turns: lags of an odd number of days lie between rooms and carry no statistic."""
    recorded = drift.measure(sessions({"m": "ABABAB"}, units=8))
    seen = lens(recorded)
    names = chosen_statistics(seen, ["map_similarity"]).names
    assert names == ("map_similarity, lag 2", "map_similarity, lag 4")
    other = recorded.assign_coords(
        unit_identity=recorded["environment"]
    )  # registered in each room by itself
    assert chosen_statistics(lens(other), ["map_similarity"]).names == names
    alone = chosen_statistics(lens(in_environment(recorded, "A")), ["map_similarity"])
    assert alone.names == names


def test_the_time_scale_rests_on_pairs_in_one_room():
    """What it is fitted to, similarity by lag, is that of the room alone."""
    made = sessions({"m": "AAAABA"}, moved=2)
    alone = drift.measure([one for one in made if one["environment"].item() == "A"])
    mixed, single = (_by_lag(one) for one in (drift.measure(made), alone))
    np.testing.assert_allclose(mixed.lag, single.lag)
    np.testing.assert_array_equal(mixed.pairs, single.pairs)
    np.testing.assert_allclose(mixed.values, single.values)
