"""Readouts of a drifting code: the fixed one and the one that is told its error are as the linear
theory says, the Hebbian one stands between them, and no readout loses a code that stands still."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from circuits.wandering.hebbian import responses, trained
from circuits.wandering.readouts import place_bumps
from drift.schema import RefusedInputError
from drift.theory import code_drift

INPUTS = circuits.PlaceInput(places=10, length=100.0, width=12.0)
MATRIX = INPUTS.correlation(np.abs(np.subtract.outer(INPUTS.positions, INPUTS.positions)))
DAYS = np.arange(5.0)
READOUTS = [
    circuits.FixedReadout(),
    circuits.LeastMeanSquares(learning_rate=0.5, laps=2),
    circuits.HebbianHomeostasis(steps=30),
]


def run(units: int, seeds: list[int], lifetime: float | None, days=DAYS) -> xr.Dataset:
    circuit = circuits.LinearInterneuron(units=units).for_active_fraction(0.1)
    wandering = None if lifetime is None else circuits.WeightDrift(weight_lifetime=lifetime)
    return circuits.run_sessions(
        [circuit] * len(seeds), INPUTS, wandering, elapsed=days, seeds=seeds,
        engine="fixed_point", progress=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def drifting() -> xr.Dataset:
    return run(1500, list(range(10)), 10.0)


@pytest.mark.parametrize("readout", READOUTS[:2], ids=lambda readout: readout.kind)
def test_a_circuit_is_read_with_the_error_of_the_linear_theory(drifting, readout):
    """Ten circuits: errors in later sessions within 4.8 standard errors (Student's t of 9 degrees of
    freedom, p = .001), taken from 750 and 1500 units to infinitely many, as width counts by 1 / N."""
    full, half = (
        circuits.read_out(sessions, readout)["readout_error"].values[:, 1:]
        for sessions in (drifting, drifting.isel(unit=slice(750)))
    )
    errors = 2 * full - half
    lags = np.exp(-np.abs(np.subtract.outer(DAYS, DAYS)) / 10.0)
    learning = (0.5, 2) if readout.kind == "least_mean_squares" else (0.0, 1)
    fraction = float(drifting["fraction_active_responses"].mean())
    expected = code_drift.following_readout_error(
        MATRIX, place_bumps(10), fraction, lags, readout.ridge, *learning
    )["error_before"].values[1:]
    error = errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
    assert (np.abs(errors.mean(axis=0) - expected) < 4.8 * error).all()
    if readout.kind == "fixed":
        fixed = code_drift.readout_error(MATRIX, place_bumps(10), fraction, lags[0, 1:], 0.01)
        assert np.allclose(fixed, expected, rtol=1e-9)


@pytest.mark.parametrize("readout", READOUTS, ids=lambda readout: readout.kind)
def test_a_code_that_stands_still_is_not_lost(readout):
    errors = circuits.read_out(run(100, [0, 1], None), readout)
    values = errors["relative_readout_error"].values
    assert (values < 0.1).all()
    assert np.allclose(values[:, 1:], values[:, :1], atol=5e-3)


def test_hebbian_cells_follow_better_than_cells_that_only_compete():
    """And worse than those that are told their error; in each of seven circuits (p = .008 by sign)."""
    sessions = run(200, list(range(7)), 15.0, np.arange(9.0))
    learning, competing, told = (
        circuits.read_out(sessions, readout)["relative_readout_error"].values[:, -1]
        for readout in (
            circuits.HebbianHomeostasis(steps=30),
            circuits.HebbianHomeostasis(steps=1, rate=1e-12, threshold_rate=1e-12),
            circuits.LeastMeanSquares(),
        )
    )
    assert (told < learning).all()
    assert (learning < competing).all()


def test_training_ends_where_the_gradient_does():
    rng = np.random.default_rng(0)
    code, shares = rng.standard_normal((6, 30)), place_bumps(6)
    shares = shares / shares.sum(axis=1, keepdims=True)
    weights, bias = trained(code, shares, 1e-2)
    surplus = responses(code, weights, bias, np.ones((6, 1))) - shares
    assert np.abs(surplus.mean(axis=0)).max() < 1e-4
    assert np.abs(code.T @ surplus / 6 + 1e-2 * weights).max() < 1e-3
    assert np.allclose(responses(code, weights, bias, np.ones((6, 1))).sum(axis=1), 1)


@pytest.mark.parametrize("readout", READOUTS, ids=lambda readout: readout.kind)
def test_a_subject_in_a_crowd_is_that_subject_alone(drifting, readout):
    crowd = drifting.isel(subject=slice(3), unit=slice(60))
    together = circuits.read_out(crowd, readout)
    alone = circuits.read_out(crowd.isel(subject=[2]), dict(readout))
    assert np.array_equal(together["readout_error"][2], alone["readout_error"][0])
    assert alone.attrs["readout"] == readout.to_json()


def test_units_and_places_that_were_not_recorded_do_not_count(drifting):
    some = drifting.isel(subject=[0], unit=slice(100))
    partly = some.copy(deep=True)
    partly["rate"][{"unit": slice(60, 100), "session": 2}] = np.nan
    fewer = circuits.read_out(some.isel(unit=slice(60)), READOUTS[1])
    assert np.array_equal(
        circuits.read_out(partly, READOUTS[1])["readout_error"], fewer["readout_error"]
    )
    design = drift.recording_design([0, 1, 2], 40, places=10, minutes=2.0)
    recorded = drift.measure(drift.observe(some, design, seed=0, sampling_rate=4.0, time_scale=1.0))
    read = circuits.read_out(recorded, READOUTS[1])
    assert np.isfinite(read["readout_error"]).all()
    assert "elapsed" in read.coords


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("oracle",), "readout must be a FixedReadout or a LeastMeanSquares"),
        (({"kind": "least_mean_squares", "learning_rate": 3.0},), "learning_rate"),
        ((READOUTS[0], np.ones((10, 2))), "nothing to read"),
        ((READOUTS[0], np.ones((4, 2))), "for 10 places"),
        ((READOUTS[0], [["a"]]), "finite numbers"),
        ((READOUTS[2], -place_bumps(10)), "not negative"),
    ],
)
def test_readouts_of_nothing_are_refused(drifting, arguments, message):
    with pytest.raises(RefusedInputError, match=message):
        circuits.read_out(drifting.isel(subject=[0], unit=slice(20)), *arguments)


def test_sessions_without_common_units_are_refused(drifting):
    apart = drifting.isel(subject=[0], unit=slice(20)).copy(deep=True)
    apart["rate"][{"unit": slice(10), "session": 0}] = np.nan
    apart["rate"][{"unit": slice(10, 20), "session": 1}] = np.nan
    with pytest.raises(RefusedInputError, match="no unit is recorded at the same places"):
        circuits.read_out(apart, READOUTS[0])


@pytest.mark.parametrize("name", ["environment", "unit_identity"])
def test_rooms_and_units_that_are_not_the_same_are_refused(drifting, name):
    own = drifting.isel(subject=[0], unit=slice(20))
    words = np.array([["a", "a", "b", "a", "a"]], dtype=object)
    with pytest.raises(RefusedInputError, match=f"must share one {name}, got a, b"):
        circuits.read_out(own.assign_coords({name: (("subject", "session"), words)}), READOUTS[0])
    one = own.assign_coords({name: (("subject", "session"), np.full((1, 5), "a", dtype=object))})
    assert np.isfinite(circuits.read_out(one, READOUTS[0])["readout_error"]).all()
