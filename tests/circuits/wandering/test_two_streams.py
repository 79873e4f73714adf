"""Two input streams: rates and tuning of a circuit lose their likeness each with the lifetime of its
stream, as the closed form says, and nothing of the place stream is moved by the context."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from circuits.wandering.context import of_context
from circuits.wandering.wandering_weights import drifting_weights
from drift.schema import RefusedInputError
from drift.theory import code_drift

INPUTS = circuits.PlaceContextInput(places=16, length=160.0, width=12.0, context_share=0.3)
PLACE_MATRIX = INPUTS.place_input.correlation(
    np.abs(INPUTS.positions[:, np.newaxis] - INPUTS.positions)
)
DRIFT = circuits.WeightDrift(weight_lifetime=12.0, context_lifetime=4.0)
DAYS = np.array([0.0, 1.0, 2.0, 4.0, 6.0])
OPTIONS = {"engine": "fixed_point", "progress": False}


def run(units: int, seeds: list[int], wandering=DRIFT, inputs=INPUTS, days=DAYS) -> xr.Dataset:
    circuit = circuits.LinearInterneuron(units=units).for_active_fraction(0.2)
    return circuits.run_sessions(
        [circuit] * len(seeds), inputs, wandering, elapsed=days, seeds=seeds, **OPTIONS
    )


def lifetime(lags: np.ndarray, autocorrelation: np.ndarray) -> float:
    """Of exp(-t / T), by least squares of its logarithm through 1 at no lag, pairs of sessions
    weighted by what they tell (the square of r)."""
    weights = autocorrelation**2
    return -float((weights * lags**2).sum() / (weights * lags * np.log(autocorrelation)).sum())


def test_inputs_correlate_as_promised():
    experience = INPUTS.draw()
    patterns = experience["inputs"].values
    expected = INPUTS.correlation(np.abs(INPUTS.positions[:, np.newaxis] - INPUTS.positions))
    assert np.allclose(patterns @ patterns.T, expected, atol=1e-12)
    assert of_context(experience).sum() == 20
    assert np.ptp(patterns[:, of_context(experience)], axis=0).max() == 0


@pytest.mark.slow
def test_rates_and_tuning_decay_with_their_own_lifetimes():
    """Four circuits of 4000 units: lifetimes of both streams within 5 %, from rates alone."""
    sessions = run(4000, [0, 1, 2, 3])
    rates = drift.metrics.ensemble_rate_correlation(sessions).mean("subject").values
    maps = sessions["rate"].transpose("subject", "session", "place", "unit").values.astype(float)
    own = maps - maps.mean(axis=2, keepdims=True)
    products = np.einsum("aipu,ajpu->ij", own, own)
    tuning = products / np.sqrt(np.outer(products.diagonal(), products.diagonal()))
    first, later = np.triu_indices(len(DAYS), 1)
    found = code_drift.stream_autocorrelations(
        rates[first, later], tuning[first, later], PLACE_MATRIX, 0.2, 0.3
    )
    lags = DAYS[later] - DAYS[first]
    place = lifetime(lags, found["autocorrelation"].values)
    context = lifetime(lags, found["context_autocorrelation"].values)
    assert place == pytest.approx(12.0, rel=0.05)
    assert context == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("seed", range(2))
def test_similarities_of_a_circuit_are_those_of_the_closed_form(seed: int):
    """Eight circuits, 5.4 standard errors (Student's t of 7 degrees of freedom, p = .001)."""
    sessions = run(400, list(range(8 * seed, 8 * seed + 8)), days=np.array([0.0, 3.0]))
    expected = code_drift.two_stream_similarity(
        PLACE_MATRIX, 0.2, 0.3, np.exp(-3.0 / 12.0), np.exp(-3.0 / 4.0)
    )
    rates = drift.metrics.ensemble_rate_correlation(sessions).values[:, 0, 1]
    maps = sessions["rate"].transpose("subject", "session", "place", "unit").values.astype(float)
    own = maps - maps.mean(axis=2, keepdims=True)
    both = (own[:, 0] * own[:, 1]).sum(axis=(1, 2))
    tuning = both / np.sqrt((own[:, 0] ** 2).sum(axis=(1, 2)) * (own[:, 1] ** 2).sum(axis=(1, 2)))
    for measured, name in ((rates, "rate_correlation"), (tuning, "tuning_correlation")):
        error = measured.std(ddof=1) / np.sqrt(len(measured))
        assert abs(measured.mean() - float(expected[name])) < 5.4 * error, name


def test_linear_units_keep_both_streams_apart():
    """Without a threshold, and with inputs that sum to nothing over places: r_c and r themselves."""
    places = 40
    centred = np.eye(places) * (1 + 1 / (places - 1)) - 1 / (places - 1)
    similarity = code_drift.two_stream_similarity(centred, 1 - 1e-9, 0.4, 0.7, 0.3)
    assert float(similarity["rate_correlation"]) == pytest.approx(0.3, abs=1e-4)
    assert float(similarity["tuning_correlation"]) == pytest.approx(0.7, abs=1e-4)


def test_autocorrelations_are_found_again():
    lags = xr.DataArray([0.5, 3.0, 9.0], dims="lag")
    similarity = code_drift.two_stream_similarity(
        PLACE_MATRIX, 0.1, 0.5, np.exp(-lags / 12), np.exp(-lags / 4)
    )
    found = code_drift.stream_autocorrelations(
        similarity["rate_correlation"], similarity["tuning_correlation"], PLACE_MATRIX, 0.1, 0.5
    )
    assert np.allclose(found["autocorrelation"], np.exp(-lags / 12), atol=1e-5)
    assert np.allclose(found["context_autocorrelation"], np.exp(-lags / 4), atol=1e-5)
    none = code_drift.stream_autocorrelations(
        np.array([np.nan, 0.01]), np.array([0.5, 0.99]), PLACE_MATRIX, 0.1, 0.5
    )
    assert none["autocorrelation"].isnull().all()


@pytest.mark.parametrize("law", ["ornstein_uhlenbeck", "jump"])
def test_a_context_moves_no_weight_of_the_places(law: str):
    wandering = circuits.WeightDrift(law=law, weight_lifetime=12.0)
    both = wandering.replace(context_lifetime=4.0)
    context = np.array([False] * 7 + [True] * 5)
    alone = drifting_weights(wandering, 30, 7, DAYS, 3)
    joint = drifting_weights(both, 30, 12, DAYS, 3, context)
    assert np.array_equal(joint[..., :7], alone)
    longer = drifting_weights(both.replace(weight_lifetime=50.0), 30, 12, DAYS, 3, context)
    assert np.array_equal(longer[..., 7:], joint[..., 7:])
    assert not np.array_equal(longer[..., :7], joint[..., :7])


def test_it_rides_in_recordings_and_a_crowd_is_alone():
    few = INPUTS.replace(places=8)
    wandering = circuits.WeightDrift.from_toml(DRIFT.to_toml())
    assert circuits.PlaceContextInput.from_toml(few.to_toml()) == few
    crowd = run(30, [4, 5], [DRIFT, circuits.WeightDrift()], [few, few.place_input], DAYS[:3])
    alone = run(30, [4], wandering, few, DAYS[:3])
    assert np.array_equal(crowd["rate"][0], alone["rate"][0])
    assert "context_weight_autocorrelation" in alone
    with pytest.raises(RefusedInputError, match="moves with more than its weights"):
        drift.predict(alone)
    design = drift.recording_design([0, 1], 12, places=8, minutes=0.5)
    kind = circuits.LinearInterneuron(units=20, gain=40.0)
    recorded = circuits.recorded_circuit(kind, few, DRIFT, design)
    assert np.isfinite(recorded["rate"]).any()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (INPUTS.place_input, "context_lifetime needs inputs that tell the context"),
        (INPUTS.draw().assign(stream=("input", ["room"] * 36)), "'place' or 'context', got 'room'"),
        (INPUTS.draw().assign(stream=("sample", ["place"] * 16)), "stream must have the dim input"),
    ],
)
def test_streams_that_are_not_told_are_refused(inputs, message):
    with pytest.raises(RefusedInputError, match=message):
        run(20, [0], inputs=inputs)
