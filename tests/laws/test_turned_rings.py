"""No place of a ring is its beginning: a recording that is turned by any number of bins measures the
same."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import drift
from data_adapters.session import session_dataset
from drift import metrics

BINS, BIN, RATE = 20, 4.0, 20.0
AROUND = BINS * BIN
TOLERANCE = {"rtol": 1e-7, "atol": 1e-9}  # positions are turned in floating point
DRAWN = 4 * 0.5 / np.sqrt(1000)  # four standard errors of a share of 1000 draws
TURNED = st.integers(1, BINS - 1)
WAYS = ["round and round", "to and fro"]


def recording(turns: int, way: str) -> list[xr.Dataset]:
    """Three days of fields on a ring, half of which move by 6 cm a day across the seam, too."""
    rng = np.random.default_rng(3)
    centres, made = rng.uniform(0, AROUND, 10), []
    for day in range(3):
        rng = np.random.default_rng([3, day])
        sign = np.where((np.arange(1600) // 200) % 2, -1, 1) if way == WAYS[1] else np.ones(1600)
        position = np.cumsum(sign * 0.7 * rng.uniform(0.5, 1.5, sign.size)) % AROUND
        moved = centres + 6.0 * day * (np.arange(centres.size) % 2)
        apart = (position[:, np.newaxis] - moved + AROUND / 2) % AROUND - AROUND / 2
        activity = rng.poisson(0.05 + 0.5 * np.exp(-(apart**2) / 72)).astype(float)
        direction = {"direction": sign.astype(int)} if way == WAYS[1] else {}
        made.append(
            session_dataset(
                subject="m", session=day, elapsed=float(day), elapsed_units="day", environment="ring",
                unit_identity="tracked", activity=activity, position=(position + turns * BIN) % AROUND,
                sampling_rate=RATE, source="a ring", events_are="counts", geometry="ring",
                track_length=AROUND, bin_size=BIN, minimum_speed=1.0, **direction,
            )
        )  # fmt: skip
    return made


def fields_of(measured: xr.Dataset) -> dict[str, xr.Dataset | xr.DataArray]:
    fields = metrics.place_fields(measured["rate"])
    return {
        "fields": fields.drop_vars("field_place"),
        "field_shift": metrics.field_shift(fields),
        "shift_distribution": metrics.shift_distribution(fields),
        "field_diffusion": metrics.field_diffusion(measured),
        "survival": metrics.survival(measured, "same_field"),
        "recurrence": metrics.recurrence(measured, "field"),
        "centroid_shift": metrics.centroid_shift(measured),
    }


def similarities_of(measured: xr.Dataset) -> dict[str, xr.Dataset | xr.DataArray]:
    found = {
        f"{of} {form}": metrics.corrected_similarity(measured, of, form=form, select="all")
        for of in ("rate_map", "population_vector", "ensemble_rate")
        for form in ("mean", "pooled")
    }
    return found | {
        "rate_map_correlation": metrics.rate_map_correlation(measured, smoothing=1.5),
        "population_vector_correlation": metrics.population_vector_correlation(measured),
        "ensemble_rate_correlation": metrics.ensemble_rate_correlation(measured),
        "reliability": metrics.reliability(measured, smoothing=1.0, select="all"),
        "drift_index": metrics.drift_index(measured),
        "turnover": metrics.turnover(measured, "active"),
        "session_pairs": metrics.session_pairs(measured)[["value"]].to_xarray(),
        "wrong_matches": metrics.wrong_matches(measured, np.array([0.0, 0.1]), select="all"),
    }


def decoded(made: list[xr.Dataset]) -> dict[str, xr.Dataset]:
    ways = [("bayes", "fixed"), ("template", "refitted"), ("linear", "fixed"), ("linear", "constrained")]  # fmt: skip
    found = {" ".join(way): metrics.decoding(made, *way) for way in ways}
    return found | {"smoothed": metrics.decoding(made, smoothing=1.0)}


@functools.cache
def measures(turns: int, way: str) -> dict[str, xr.Dataset | xr.DataArray]:
    made = recording(turns, way)
    measured = drift.measure(made, halves="trials", shuffles=20, minimum_shift=1.0)
    null = drift.changed_behaviour(measured, final_time=0.5)
    return {
        "measured": measured,
        "changed_behaviour": null[["occupancy"]],
        "smoothed": metrics.smoothed(measured["rate"], 2.0),
        **fields_of(measured),
        **similarities_of(measured),
        **decoded(made),
    }


def turned_back(values: xr.DataArray, turns: int) -> np.ndarray:
    if "place" in values.dims:
        values = values.roll(place=-turns, roll_coords=False)
    return values.values.astype(float)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=3, deadline=None)
@given(turns=TURNED)
def test_a_turned_recording_measures_the_same(way: str, turns: int):
    straight, turned = measures(0, way), measures(turns, way)
    for name, expected in straight.items():
        pairs = expected.data_vars if isinstance(expected, xr.Dataset) else {"": expected}
        assert pairs
        for key, values in pairs.items():
            other = turned[name][key] if key else turned[name]
            np.testing.assert_allclose(
                turned_back(other, turns), values.values.astype(float), **TOLERANCE,
                err_msg=f"{name} {key} {way}",
            )  # fmt: skip


@settings(max_examples=3, deadline=None)
@given(turns=TURNED)
def test_places_turn_with_the_recording(turns: int):
    """Centroids and centres of fields lie as many bins further on; the band of their density is
    drawn, place after place."""
    straight, turned = (measures(number, WAYS[0])["measured"] for number in (0, turns))
    for place in (metrics.centroid, lambda rate: metrics.place_fields(rate)["field_place"]):
        apart = place(turned["rate"]).values - place(straight["rate"]).values - turns * BIN
        away = (apart[np.isfinite(apart)] + AROUND / 2) % AROUND - AROUND / 2
        assert away.size
        np.testing.assert_allclose(away, 0, atol=1e-7)
    density, other = (metrics.centroid_density(ring) for ring in (straight, turned))
    for name in ("density", "expected"):
        np.testing.assert_allclose(turned_back(other[name], turns), density[name], atol=1e-12)
    np.testing.assert_allclose(other["p_value"], density["p_value"], atol=DRAWN)


def test_a_planned_ring_is_run_round_and_round():
    """Where an observed animal is does not jump back at the seam, and its halves are turns."""
    design = drift.recording_design([0.0, 1.0], 20, places=BINS, bin_size=BIN, geometry="ring")
    assert metrics.places.of_ring(design) == AROUND and design.attrs["geometry"] == "ring"
    run = drift.wandering_fields((0,), sessions=3, units=20, places=BINS)
    made = list(drift.observe(run, like=design, sampling_rate=10.0))
    for session in made:
        step = np.diff(session["position"].values)
        onwards = (step + AROUND / 2) % AROUND - AROUND / 2
        assert (onwards >= -1e-9).all() and session.attrs["track_length"] == AROUND
        assert np.unwrap(session["position"].values, period=AROUND)[-1] > 3 * AROUND
    measured = drift.measure(made, halves="trials")
    assert metrics.places.closes(measured)
    ratio = measured["occupancy_half"].sum("place") / measured["occupancy"].sum("place")
    np.testing.assert_allclose(ratio, 0.5, atol=0.15)
