"""A drifting Brian2 circuit follows the theory without a fitted parameter; the theory reads
sparsity and lifetime."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fitted_recording import daily

import drift
from circuits import LinearInterneuron, PlaceInput, WeightDrift, run_sessions

UNITS, PLACES, BIN = 2000, 24, 4.0
FRACTION, LIFETIME = 0.1, 6.0


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    circuit = LinearInterneuron(units=UNITS).for_active_fraction(FRACTION)
    inputs = PlaceInput(places=PLACES, length=PLACES * BIN, width=10.0)
    wandering = WeightDrift(weight_lifetime=LIFETIME)
    return run_sessions(
        [circuit], inputs, wandering, elapsed=np.arange(10.0), engine="brian2", progress=False
    )


@pytest.mark.slow
def test_prediction_of_a_brian2_circuit_without_a_fitted_parameter(run):
    predicted = drift.predict(run)
    rms = {
        str(name): float(value)
        for name, value in zip(
            predicted["statistic"].values, predicted["rms_structure"].values.ravel()
        )
    }
    print(rms)
    assert rms["population_vector_cosine"] < 0.02 and rms["pooled_rate_map_correlation"] < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_estimate_recovers_sparsity_and_lifetime_from_observed_sessions(run, seed):
    observed = drift.measure(
        drift.observe(run, daily(UNITS, 10, 20.0), seed=seed, sampling_rate=4.0, time_scale=1.0)
    )
    found = drift.estimate(observed, repetitions=20)
    fraction = float(run["fraction_active_responses"].mean())
    print(
        seed,
        float(found["active_fraction"].mean()) / fraction,
        float(found["weight_lifetime"].mean()) / LIFETIME,
    )
    assert float(found["active_fraction"].mean()) == pytest.approx(fraction, rel=0.10)
    assert float(found["weight_lifetime"].mean()) == pytest.approx(LIFETIME, rel=0.15)
