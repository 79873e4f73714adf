"""Variation from lap to lap is no drift: halves of sessions tell it from what the weights lose."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from circuits import LinearInterneuron, PlaceInput, WeightDrift, recorded_circuit
from drift.streams import stream

PLACES, BIN, LIFETIME = 24, 4.0, 10.0


@pytest.fixture(scope="module")
def recording() -> xr.Dataset:
    design = drift.recording_design(np.arange(8.0), 400, places=PLACES, bin_size=BIN, minutes=8.0)
    circuit = LinearInterneuron(units=400).for_active_fraction(0.1)
    return recorded_circuit(
        circuit, PlaceInput(places=PLACES, length=PLACES * BIN, width=8.0),
        WeightDrift(weight_lifetime=LIFETIME), design, seed=1, halves="trials",
    )  # fmt: skip


def varied(recording: xr.Dataset) -> xr.Dataset:
    """Counts of every half, unit and place drawn anew with a gain of their own, of variance 1."""
    rng = stream(3, "observation")
    order = recording["rate_half"].dims
    time = recording["occupancy_half"].broadcast_like(recording["rate_half"]).transpose(*order)
    gain = rng.gamma(1.0, 1.0, recording["rate_half"].shape)
    mean = recording["rate"].broadcast_like(recording["rate_half"]).transpose(*order)
    counts = rng.poisson(np.nan_to_num((gain * mean * time).values)) * xr.ones_like(time)
    whole = counts.sum("half") / time.sum("half")
    rates = {
        "rate": whole.transpose(*recording["rate"].dims),
        "occupancy": recording["occupancy_half"]
        .sum("half")
        .transpose(*recording["occupancy"].dims),
        "rate_half": counts / time,
    }
    return recording.assign(
        {
            name: (values.dims, values.values, recording[name].attrs)
            for name, values in rates.items()
        }
    )


def without_halves(recording: xr.Dataset) -> xr.Dataset:
    return recording.drop_vars([name for name in recording if "half" in str(name)])


def test_counts_alone_leave_no_loss_at_lag_zero(recording):
    found = drift.estimate(recording, repetitions=2, simulations=0)
    assert found["attenuation"].item() == pytest.approx(1.0, abs=0.03)
    assert found["lag"].values[0] == 0.0
    plain = drift.estimate(without_halves(recording), repetitions=2, simulations=0)
    assert found["weight_lifetime"].item() == pytest.approx(
        plain["weight_lifetime"].item(), rel=0.1
    )


def test_variation_from_lap_to_lap_is_not_taken_for_drift(recording):
    truth = drift.estimate(recording, repetitions=2, simulations=0)["weight_lifetime"].item()
    noisy = varied(recording)
    found, blind = (
        drift.estimate(one, repetitions=2, simulations=0) for one in (noisy, without_halves(noisy))
    )
    assert found["attenuation"].item() < 0.9
    assert blind["weight_lifetime"].item() < 0.7 * truth
    assert found["weight_lifetime"].item() == pytest.approx(truth, rel=0.2)
