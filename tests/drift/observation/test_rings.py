"""Rings through observation, null models, estimates and circuits: where the seam lies must not
matter."""

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from circuits.fitting.fitting import default_width
from circuits.fitting.model import input_root
from circuits.fitting.statistics.code_loops import runs
from drift.metrics import centroid
from drift.metrics.places import Grid, place_attrs
from drift.observation.expected_maps import lens
from drift.observation.laps import nearest_places
from drift.observation.null_models import changed_behaviour
from drift.theory.code_drift.estimation_bias import simulated_recording
from drift.theory.code_drift.recorded_sums import recorded_sums

LENGTH, PLACES = 100.0, 20


def recording(seed=0, units=30, sessions=4, ring=True):
    rng = np.random.default_rng(seed)
    attrs = place_attrs(Grid(LENGTH / PLACES, 0.0, LENGTH, ring=ring), "cm")
    place = (np.arange(PLACES) + 0.5) * LENGTH / PLACES
    shape = (1, sessions, units, PLACES)
    occupancy = rng.integers(5, 9, (1, sessions, PLACES)) * 1.0
    centre = rng.uniform(0, LENGTH, (1, sessions, units, 1))
    rate = (
        rng.poisson(6 * np.exp((np.cos(2 * np.pi * (place - centre) / LENGTH) - 1) * 5), shape)
        / occupancy[:, :, np.newaxis]
    )
    labels = ("subject", "session")
    coords = {"subject": ["m"], "session": np.arange(sessions), "unit": np.arange(units), "place": ("place", place, attrs),
              "elapsed": (labels, np.arange(sessions, dtype=float)[np.newaxis], {"units": "day"}),
              "environment": (labels, np.full((1, sessions), "A")), "unit_identity": (labels, np.full((1, sessions), "r"))}  # fmt: skip
    variables = {"rate": (("subject", "session", "unit", "place"), rate), "occupancy": (("subject", "session", "place"), occupancy),
                 "recorded": (("subject", "session", "unit"), np.ones(shape[:3], dtype="int8"))}  # fmt: skip
    about = {
        "bin_size": LENGTH / PLACES,
        "minimum_speed": 1.0,
        "geometry": "ring" if ring else "linear",
        "track_length": LENGTH,
    }
    return xr.Dataset(variables, coords=coords, attrs=about)


def turned(dataset, places):
    names = [name for name in dataset.data_vars if "place" in dataset[name].dims]
    return dataset.assign(
        {name: dataset[name].roll(place=places, roll_coords=False) for name in names}
    )


@pytest.mark.parametrize("turn", [1, 9, 19])
def test_sums_behind_an_estimate_do_not_know_the_seam(turn):
    tracked = np.ones((4, 4), dtype=bool)
    whole, other = (
        recorded_sums(one, 0, tracked, "poisson")
        for one in (recording(), turned(recording(), turn))
    )
    for name in ("counts", "neighbours", "products", "powers"):
        np.testing.assert_allclose(getattr(other, name), getattr(whole, name), rtol=1e-9, atol=1e-9)


def test_an_estimate_of_a_ring_that_is_turned():
    first, second = (
        drift.estimate(one, repetitions=5, simulations=0)
        for one in (recording(), turned(recording(), 7))
    )
    np.testing.assert_allclose(second.active_fraction, first.active_fraction, rtol=1e-9)
    np.testing.assert_allclose(second.weight_lifetime, first.weight_lifetime, rtol=1e-6)


def test_a_simulated_ring_is_alike_across_its_seam():
    """Similarity of the codes at the last and first place is that of any neighbours."""
    simulated = simulated_recording(
        recording(units=300), 0, 0.2, 100.0, 0.0, 0.1, np.random.default_rng(0)
    )
    rate = simulated["rate"].values[0].transpose(0, 2, 3, 1)[:, 0]  # (session, place, unit)
    unit = rate / np.linalg.norm(rate, axis=-1, keepdims=True)
    near = (unit * np.roll(unit, -1, axis=1)).sum(-1).mean(0)
    assert abs(near[-1] - near[:-1].mean()) < 4 * near[:-1].std()
    assert near[:-1].mean() > 3 * (unit[:, 0] * unit[:, PLACES // 2]).sum(-1).mean()


@pytest.mark.parametrize("width", [4.0, 10.0, 40.0])
def test_inputs_of_a_fitted_circuit_close(width):
    seen = lens(recording())
    root = input_root(seen, width)
    expected = (
        circuits.PlaceInput(places=PLACES, length=LENGTH, width=width, geometry="ring")
        .draw()["inputs"]
        .values
    )
    np.testing.assert_allclose(root @ root.T, expected @ expected.T, atol=1e-9)
    assert default_width(seen) == pytest.approx(10.0)


@pytest.mark.parametrize(("ring", "fields"), [(False, 3), (True, 2)])
def test_fields_across_the_seam(ring, fields):
    inside = np.array([1, 1, 0, 0, 1, 0, 1, 1], dtype=bool)
    assert (
        runs(inside, 0, 8, ring) == fields
        and runs(np.ones(4, dtype=bool), 0, 4, ring) == 1
        and runs(np.zeros(4, dtype=bool), 0, 4, ring) == 0
    )


def test_the_nearest_place_of_a_ring_lies_across_the_seam():
    centres = np.arange(0.0, 100.0, 5.0)[:, np.newaxis]  # the first one on the seam
    position = xr.DataArray([99.0, 1.0, np.nan, 97.4, 100.0, 51.0], dims="sample")
    assert nearest_places(position, centres, 100.0).tolist() == [0, 0, -1, 19, 0, 10]


def test_a_preference_on_a_ring_has_no_step_at_the_seam():
    changed = changed_behaviour(recording(), 1.0, preference=2.0)
    ratio = (changed.occupancy / recording().occupancy).values[0, -1]
    np.testing.assert_allclose(
        ratio[1:], ratio[:0:-1], rtol=1e-9
    )  # the same on either side of the first place
    np.testing.assert_allclose(ratio[PLACES // 2] / ratio[0], np.exp(2.0), rtol=1e-9)
    np.testing.assert_allclose(
        changed.occupancy.sum("place"), recording().occupancy.sum("place"), rtol=1e-9
    )


@pytest.mark.parametrize("edges", [None, (0.0, 100.0)])
def test_a_ring_observed_is_measured_as_a_ring(edges):
    seen = (
        recording()
        if edges is None
        else recording().assign_attrs(first_edge=edges[0], last_edge=edges[1])
    )
    circuit = circuits.LinearInterneuron(units=60).for_active_fraction(0.1)
    place = circuits.PlaceInput(places=24, length=LENGTH, width=10.0, geometry="ring")
    run = circuits.run_sessions(
        [circuit], place, None, elapsed=np.arange(4.0), engine="fixed_point", progress=False
    )
    measured = drift.measure(drift.observe(run, seen))
    assert measured.place.attrs == seen.place.attrs and measured.sizes["place"] == PLACES
    assert measured.attrs["geometry"] == "ring" and measured.attrs["track_length"] == LENGTH
    still = np.abs(drift.metrics.centroid_shift(measured).values)
    assert np.nanmedian(still) < 5 and np.nanmax(still) <= 50


def test_a_ring_circuit_labels_its_places():
    place = circuits.PlaceInput(places=24, length=LENGTH, width=10.0, geometry="ring")
    circuit = circuits.LinearInterneuron(units=200).for_active_fraction(0.1)
    run = circuits.run_sessions([circuit], place, circuits.WeightDrift(weight_lifetime=10.0), elapsed=np.arange(2.0), engine="fixed_point",
                                progress=False)  # fmt: skip
    assert (
        run.place.attrs["geometry"] == "ring"
        and run.place.attrs["length"] == LENGTH
        and run.place.attrs["bin_size"] == LENGTH / 24
    )
    rate, turn = run.rate.values[0].astype(float), np.exp(2j * np.pi * run.place.values / LENGTH)
    truth = np.angle((rate * turn).sum(-1)) / (2 * np.pi) * LENGTH % LENGTH
    off = np.abs(truth - centroid(run.rate).values[0])[:, (rate.sum(-1) > 0).all(0)]
    assert np.minimum(off, LENGTH - off).max() < 1e-6


def test_one_name_for_the_width_of_a_bin():
    run = drift.train([drift.Experiment(task=drift.CorridorTask(samples=20, rays=5), network=drift.Network(units=5), learner=drift.SGD(
        learning_rate=0.1), steps=2, sessions=2)], progress=False)  # fmt: skip
    assert "bin_width" not in run.place.attrs and run.place.attrs["bin_size"] == pytest.approx(
        float(np.diff(run.place)[0])
    )
    assert "geometry" not in run.place.attrs
