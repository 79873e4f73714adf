"""A recorded circuit is the circuit, seen through the design and measured; what is known of it is
found."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
import drift

CIRCUIT = circuits.LinearInterneuron(units=80, gain=40.0)
INPUTS = circuits.PlaceInput(places=16, length=64.0, width=8.0)
WANDERING = circuits.WeightDrift(weight_lifetime=5.0)


@pytest.fixture(scope="module")
def design() -> xr.Dataset:
    return drift.recording_design([0, 1, 3], 40, places=16, minutes=2.0)


def test_it_is_the_same_as_its_three_steps(design: xr.Dataset):
    run = circuits.run_sessions(
        [CIRCUIT],
        INPUTS,
        WANDERING,
        elapsed=[0, 1, 3],
        seeds=[4],
        engine="fixed_point",
        progress=False,
    )
    steps = drift.measure(drift.observe(run, design, seed=4, sampling_rate=10.0, time_scale=1.0))
    recorded = circuits.recorded_circuit(CIRCUIT, INPUTS, WANDERING, design, seed=4)
    truth = {"circuit": CIRCUIT.to_json(), "weight_drift": WANDERING.to_json()}
    xr.testing.assert_identical(recorded, steps.assign_attrs(truth))
    mapping = circuits.recorded_circuit(CIRCUIT, INPUTS, {"weight_lifetime": 5.0}, design, seed=4)
    xr.testing.assert_identical(mapping, recorded)
    assert recorded["elapsed"].attrs["units"] == "day"


def test_the_lifetime_of_its_weights_is_found():
    design = drift.recording_design(np.arange(8.0), 400, places=16, minutes=20.0, event_rate=2.0)
    circuit = circuits.LinearInterneuron(units=400).for_active_fraction(0.1)
    estimate = drift.estimate(
        circuits.recorded_circuit(circuit, INPUTS, WANDERING, design), repetitions=20
    )
    low, high = np.log(estimate["weight_lifetime_interval"].values[0])
    # 95 % of one draw are two standard errors on either side; three of them are tested
    assert abs(np.log(5.0) - (low + high) / 2) < 1.5 * (high - low) / 2 and np.exp(high - low) < 3


def test_weights_that_stay_leave_the_code_where_it_was(design: xr.Dataset):
    still = circuits.recorded_circuit(CIRCUIT, INPUTS, None, design)
    moved = circuits.recorded_circuit(CIRCUIT, INPUTS, WANDERING, design)
    alike = [float(drift.metrics.mean_rate_map_correlation(one)[0, 0, 2]) for one in (still, moved)]
    assert alike[0] > alike[1] + 0.1


def test_refusals(design: xr.Dataset):
    two = xr.concat([design, design.assign_coords(subject=["other"])], "subject")
    with pytest.raises(drift.RefusedInputError, match="a design of one animal is needed, got 2"):
        circuits.recorded_circuit(CIRCUIT, INPUTS, WANDERING, two)
    with pytest.raises(drift.RefusedInputError, match="the inputs have no places"):
        circuits.recorded_circuit(
            CIRCUIT, xr.Dataset({"inputs": (("sample", "input"), np.ones((3, 2)))}), None, design
        )
    with pytest.raises(drift.SchemaError, match="rate is missing"):
        circuits.recorded_circuit(CIRCUIT, INPUTS, WANDERING, design.drop_vars("rate"))
