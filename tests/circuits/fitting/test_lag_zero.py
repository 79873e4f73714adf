"""Similarity at lag 0, that of the halves of one session, tells what noise takes from what is lost
between sessions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fitted_recording import BIN, INPUTS, LIFETIME, PLACES, WIDTH, daily

import drift
from circuits import LinearInterneuron, WeightDrift, fit, recorded_circuit
from circuits.fitting.model import Model
from circuits.fitting.statistics import chosen_statistics, codes, statistics
from circuits.fitting.surroundings import Surroundings
from drift.observation.expected_maps import Lens, lens, observed_halves
from drift.schema import RefusedInputError
from drift.streams import stream

CIRCUIT = LinearInterneuron(units=300, gain=78.7277)
SHARE, FAST = 0.4, 0.1
SIMILARITIES = ["map_similarity", "population_similarity"]


@pytest.fixture(scope="module")
def recording() -> xr.Dataset:
    wandering = WeightDrift(weight_lifetime=30.0, fast_weight_lifetime=FAST, fast_share=SHARE)
    return recorded_circuit(CIRCUIT, INPUTS, wandering, daily(200, 6, 6.0), seed=1, halves="trials")


def values(seen: Lens) -> dict[str, float]:
    assert seen.halves is not None
    selection = chosen_statistics(seen, SIMILARITIES)
    measured = statistics(codes(seen.rate, seen, seen.halves.rate), selection)
    return dict(zip(selection.names, measured, strict=True))


def test_lag_zero_is_the_similarity_of_both_halves(recording):
    seen = lens(recording)
    halves = recording["rate_half"].isel(subject=0).transpose("session", "half", "unit", "place")
    counts = (recording["rate"] * recording["occupancy"]).sum("place").isel(subject=0)
    enough = (counts >= 5).transpose("session", "unit").values
    maps = halves.values
    own = [
        np.corrcoef(*maps[session, :, unit])[0, 1]
        for session, unit in np.argwhere(enough)
        if maps[session, :, unit].std(axis=-1).all()
    ]
    assert values(seen)["map_similarity, lag 0"] == pytest.approx(np.mean(own), abs=1e-9)
    vectors = [np.corrcoef(*session[:, :, place])[0, 1] for session in maps for place in range(24)]
    assert values(seen)["population_similarity, lag 0"] == pytest.approx(
        np.mean(np.reshape(vectors, (6, 24)).mean(axis=1)), abs=0.01
    )  # units without any event are left out there


def test_a_frozen_code_is_as_similar_at_lag_zero_as_at_any_other():
    few = drift.recording_design(
        np.arange(6.0), 200, places=PLACES, bin_size=BIN, minutes=6.0, event_rate=0.04
    )
    still = recorded_circuit(CIRCUIT, INPUTS, None, few, seed=3, halves="trials")
    found = values(lens(still))
    for group in SIMILARITIES:
        curve = np.array([value for name, value in found.items() if name.startswith(group)])
        assert np.ptp(curve) < 0.05, curve  # whole sessions lie above their halves
        assert 0.3 < curve[0] < 0.95


def test_halves_add_up_to_the_session_and_have_half_of_its_events(recording):
    seen = lens(recording)
    assert seen.halves is not None
    rate = stream(1, "world").random((6, 200, 24))
    whole, halves = observed_halves(rate, seen, stream(2, "observation"))
    counts = np.nan_to_num(halves) * seen.halves.occupancy[:, :, np.newaxis]
    events = np.nan_to_num(whole) * seen.occupancy[:, np.newaxis]
    assert (counts.sum(axis=1) <= events + 1e-9).all()
    held = seen.halves.occupancy.sum() / seen.occupancy.sum()
    total = events.sum()
    assert abs(counts.sum() / total - held) < 4 * np.sqrt(held * (1 - held) / total) + 0.01


def test_the_model_of_the_truth_predicts_lag_zero_and_the_loss_between_sessions(recording):
    seen = lens(recording)
    selection = chosen_statistics(seen, SIMILARITIES)
    around = Surroundings(input_width=WIDTH, weight_lifetime=30.0,
                          fast_weight_lifetime=FAST, fast_share=SHARE)  # fmt: skip
    model = Model(CIRCUIT, seen, selection, ["gain"], around, 7, "fixed_point")
    predicted = model(np.full((6, 1), CIRCUIT.gain), range(6))
    measured = np.array(list(values(seen).values()))
    error = predicted.std(axis=0, ddof=1) * np.sqrt(1 + 1 / 6)
    assert (np.abs(measured - predicted.mean(axis=0)) < 5 * error).all()  # t of 5 degrees, 12 lags
    one_scale = Model(
        CIRCUIT, seen, selection, ["gain"], around.replace(fast_share=0.0), 7, "fixed_point"
    )(np.array([[CIRCUIT.gain]]))[0]
    assert measured[1] < one_scale[1] - 0.1  # the loss within a day stands out


def test_a_fit_finds_the_share_that_is_lost_within_days(recording):
    bounds = {"weight_lifetime": (3.0, 300.0), "fast_share": (0.0, 0.9)}
    found = fit(
        CIRCUIT.replace(units=150), recording, bounds, statistics=SIMILARITIES,
        input_width=WIDTH, fast_weight_lifetime=FAST, bootstraps=60, generations=40, restarts=1,
        progress=False,
    )  # fmt: skip
    low, high = found.interval.isel(subject=0).sel(parameter="fast_share").values
    assert low < SHARE < high and low > 0.1
    assert "map_similarity, lag 0" in found.dataset["statistic"].values


@pytest.mark.parametrize(
    ("bounds", "options", "message"),
    [
        ({"fast_share": (0.0, 0.9)}, {}, "fast_share needs a fast_weight_lifetime"),
        ({"fast_weight_lifetime": (0.1, 1.0)}, {}, "has no effect at a fast_share of 0"),
        ({"fast_share": (0.0, 1.9)}, {"fast_weight_lifetime": FAST}, "bounds 0 to 1.9"),
    ],
)
def test_two_time_scales_that_say_nothing_are_refused(recording, bounds, options, message):
    with pytest.raises(RefusedInputError, match=message):
        fit(CIRCUIT, recording, bounds, input_width=WIDTH, weight_lifetime=LIFETIME, **options)
