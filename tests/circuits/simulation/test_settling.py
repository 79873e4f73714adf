"""Simulated circuits come to rest where the closed forms say (circuits, sections 3 and 4)."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import xarray as xr

import circuits
from circuits import (
    CountControl,
    LinearInterneuron,
    RandomInterneurons,
    SaturatingUnits,
    ThresholdInterneuron,
    cartesian,
)
from circuits.drives import normal_quantiles
from circuits.simulation.brian import brian2
from circuits.simulation.euler import euler

SMALL = (
    LinearInterneuron(units=50),
    ThresholdInterneuron(units=50),
    SaturatingUnits(units=50, gain=100.0),
    CountControl(units=50, steepness=20.0),
)


@pytest.mark.parametrize("units", [10, 100, 1000, 10_000])
def test_c04_plain_loop_rests_at_the_closed_form(units):
    drive, circuit = (
        normal_quantiles(units),
        LinearInterneuron(units=units).for_active_fraction(0.1),
    )
    _, inhibition = euler(circuit, drive, duration=0.3 if units > 1000 else 0.6)
    rest = circuit.fixed_point(drive)
    assert inhibition[-1] == pytest.approx(float(rest["inhibition"]), abs=1e-9)
    assert np.sum(drive > inhibition[-1]) == rest["active_units"]


def test_c04_saturating_units_rest_at_the_root():
    drive, circuit = normal_quantiles(1000), SaturatingUnits()
    _, inhibition = euler(circuit, drive, duration=0.4)
    assert inhibition[-1] == pytest.approx(1.344013, abs=1e-6)


def test_c20_count_control_reaches_its_level():
    drive, circuit = normal_quantiles(1000), CountControl()
    rest = float(circuit.fixed_point(drive)["inhibition"])
    _, inhibition = euler(circuit, drive, duration=0.4)
    assert abs(inhibition[-1] - rest) < 1e-3
    within = np.flatnonzero(np.abs(inhibition - rest) >= 0.01)[-1] * 0.1
    assert within == pytest.approx(232, abs=5)


@pytest.mark.parametrize("update", ["staggered", "simultaneous"])
@pytest.mark.parametrize("circuit", SMALL, ids=lambda circuit: circuit.kind)
def test_brian2_and_the_plain_loop_agree_at_every_step(circuit, update, rng):
    drive = rng.normal(size=(3, 50))
    found = circuit.settle(drive, duration=0.02, update=update, trajectory=True)
    rate, inhibition = euler(circuit, drive, duration=0.02, update=update)
    np.testing.assert_allclose(found["rate"], rate, atol=1e-12)
    before = np.concatenate([np.zeros((1, 3)), inhibition[:-1]])  # Brian2 records before each step
    np.testing.assert_allclose(found["inhibition_trajectory"].T, before, atol=1e-12)


@pytest.mark.parametrize("circuit", SMALL, ids=lambda circuit: circuit.kind)
def test_it_says_that_it_rests_at_the_fixed_point(circuit):
    drive = normal_quantiles(50)
    found, rest = circuit.settle(drive), circuit.fixed_point(drive)
    assert found["converged"]
    np.testing.assert_allclose(found["rate"], rest["rate"], atol=2e-4)
    np.testing.assert_array_equal(found["winner"], rest["winner"])
    assert found["active_units"] == rest["active_units"]
    assert 0.02 < found["settling_time"] < 0.5


@pytest.mark.parametrize("kind", [ThresholdInterneuron, SaturatingUnits, CountControl])
def test_batch_gives_what_each_gives_alone(kind, rng):
    few = (
        cartesian(kind(units=30), gain=(0.4, 30.0))
        if kind is not CountControl
        else cartesian(kind(units=30), gain=(0.4, 1.0))
    )
    drive = xr.DataArray(rng.normal(size=(2, 30, 3)), dims=("place", "unit", "subject"))
    together = circuits.settle(few, drive, duration=0.05)
    assert together["rate"].dims == ("circuit", "place", "subject", "unit")
    alone = few[1].settle(drive.isel(place=1, subject=2), duration=0.05)
    xr.testing.assert_identical(together["rate"].isel(circuit=1, place=1, subject=2), alone["rate"])
    assert together["recipe"].values.tolist() == [one.to_json() for one in few]


def test_a_circuit_that_still_moves_is_flagged():
    assert not CountControl(units=100).settle(normal_quantiles(100), duration=0.02)["converged"]


def test_a_step_beyond_the_limit_oscillates_where_it_is_only_flagged():
    drive, circuit = normal_quantiles(1000), ThresholdInterneuron(gain=1000.0, threshold=0.02)
    found = circuit.settle(drive, dt=0.5e-3, update="simultaneous", unstable="flag")
    assert not found["converged"]
    assert int((found["rate"] > 1e-3).sum()) == pytest.approx(178, abs=5)


@pytest.mark.parametrize("units", [10, 1000])
def test_c33_count_control_with_steep_units(units, rng):
    circuit = CountControl(
        units=units, active_fraction=0.2 if units == 10 else 0.05, steepness=1000.0
    )
    drive = rng.normal(size=units)
    found = circuit.settle(drive)
    winners = int(found["active_units"])
    assert winners == pytest.approx(circuit.active_fraction * units, abs=1)
    assert set(np.flatnonzero(found["winner"])) == set(np.argsort(-drive)[:winners])


def test_settling_leaves_the_users_brian2_and_garbage_as_they_were():
    preferences = brian2().prefs.codegen
    before, preferences.target = preferences.target, "cython"
    gc.freeze()
    frozen = gc.get_freeze_count()
    try:
        SMALL[0].settle(normal_quantiles(SMALL[0].units), duration=0.01)
        assert preferences.target == "cython"
        assert gc.get_freeze_count() > frozen / 2
    finally:
        gc.unfreeze()
        preferences.target = before


def test_interneurons_that_nothing_connects_stay_silent():
    circuit = RandomInterneurons(units=10, interneurons=2, connection_probability=1e-9)
    drive = np.linspace(-1, 1, 10)
    found = circuit.settle(drive)
    assert found["converged"]
    np.testing.assert_allclose(
        found["rate"], np.tanh(np.maximum(drive, 0) / circuit.width), atol=1e-6
    )
    np.testing.assert_allclose(circuit.fixed_point(drive)["rate"], found["rate"], atol=1e-6)
