"""Every source gives the whole set of measures in one call, and what it does not tell is absent with
a reason."""

from __future__ import annotations

import json
from pathlib import Path

import decoded_days
import numpy as np
import pytest
import xarray as xr

import circuits
import data_adapters
import drift
from drift import metrics
from drift.errors import RefusedInputError, SchemaError
from drift.stability import StabilityRules, absent_measures, stability_tables

OF_MAPS = {
    "rate_map_correlation",
    "population_vector_correlation",
    "ensemble_rate_correlation",
    "correlation_ceiling",
    "corrected_similarity",
    "corrected_population_vector_similarity",
    "corrected_ensemble_rate_similarity",
    "mean_drift_index",
    "recurrence",
    "base_rate",
    "recurrence_by_noise",
    "jumps",
    "jumps_by_chance",
    "jumps_by_noise",
    "shift_share",
}
OF_SESSIONS = {"reliability", "gains", "losses", "survival", "mean_squared_displacement"}
OF_FRAMES = {"decoding_error", "refitted_decoding_error", "shuffled_decoding_error"}
RECIPE = drift.Experiment(
    task=drift.CorridorTask(samples=60, rays=5), network=drift.Network(units=20), steps=60, sessions=5
)  # fmt: skip


def reasons(stability: xr.Dataset) -> dict[str, str]:
    return json.loads(stability.attrs["absent"])


def assert_whole(stability: xr.Dataset, frames: bool) -> None:
    expected = OF_MAPS | OF_SESSIONS | (OF_FRAMES if frames else set())
    assert expected <= set(stability.data_vars)
    pairs = OF_MAPS | (OF_FRAMES if frames else set())
    for name in pairs:
        assert {"subject", "session", "session_other"} <= set(stability[name].dims)
        assert {"subject", "room", "lag"} <= set(stability[f"{name}_by_lag"].dims)
        assert bool(stability[f"{name}_by_lag"].notnull().any()), name
    for name, values in stability.data_vars.items():
        assert "units" in values.attrs or values.dtype.kind == "U", name
    assert all(reason.endswith(".") for reason in reasons(stability).values())


@pytest.fixture(scope="module")
def network() -> xr.Dataset:
    return drift.train([RECIPE, RECIPE.replace(seed=1)], progress=False)


@pytest.fixture(scope="module")
def days() -> list[xr.Dataset]:
    return decoded_days.days(4, 30, moved=0.3, frames=1600)


@pytest.fixture(scope="module")
def stability(days: list[xr.Dataset]) -> xr.Dataset:
    return drift.code_stability(days)


def test_a_network_of_the_main_job(network: xr.Dataset):
    stability = drift.code_stability(network)
    assert_whole(stability, frames=True)
    assert stability.attrs["halves"] == "exact" and stability.sizes["session"] == 4
    assert "drift.observe" in reasons(stability)["sampling noise"]
    for name in ("corrected_similarity", "corrected_ensemble_rate_similarity"):
        plain = {"corrected_similarity": "rate_map_correlation"}.get(
            name, "ensemble_rate_correlation"
        )
        np.testing.assert_allclose(stability[name], stability[plain], atol=1e-12)


def test_an_observed_network(network: xr.Dataset):
    lens = drift.recording_design(np.arange(3.0), 20, minutes=5.0)
    seen = drift.observe(network, like=lens, sampling_rate=5.0)
    stability = drift.code_stability(seen, minimum_events=5, twins=0)
    assert_whole(stability, frames=True)
    assert stability.attrs["halves"] == "trials"


def test_a_drifting_circuit():
    run = circuits.run_sessions(
        [circuits.LinearInterneuron(units=30, gain=20.0)],
        circuits.PlaceInput(places=12),
        circuits.WeightDrift(weight_lifetime=5.0),
        elapsed=np.arange(4.0),
        engine="fixed_point",
        progress=False,
    )
    assert_whole(drift.code_stability(run), frames=True)


@pytest.mark.slow
def test_a_real_mouse(data_folder):
    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    stability = drift.code_stability(data_adapters.sessions("sheintuch2023", str(path)))
    assert_whole(stability, frames=True)
    similarity = stability["corrected_similarity_by_lag"].values.ravel()
    naive = stability["rate_map_correlation_by_lag"].values.ravel()
    assert similarity[0] == pytest.approx(0.81, abs=0.03) and naive[0] == pytest.approx(
        0.69, abs=0.03
    )
    assert (np.nan_to_num(similarity - naive, nan=1.0) > 0.03).all()
    cost = stability["decoding_error_by_lag"] - stability["refitted_decoding_error_by_lag"]
    assert (cost > 2).all()


def test_a_recording_on_a_w_maze(data_folder):
    path = data_folder("hc6_layout_wmaze") / "Nel"
    options = {"area": "any", "position_units": "pixel"}
    stability = drift.code_stability(
        data_adapters.sessions("karlsson2015", str(path), **options), twins=0
    )
    assert_whole(stability, frames=True)
    assert stability.attrs["halves"] == "time"  # a plane has no laps
    assert "third session" in reasons(stability)["drift rate"]


def test_what_it_gives_is_what_each_measure_gives(days: list[xr.Dataset], stability: xr.Dataset):
    measured = drift.measure(days, halves="trials", half_place_units=True)
    events = (measured["rate"] * measured["occupancy"]).sum(["place", "direction"])
    keep = events >= 10 * (1 - 1e-9)
    similarity = metrics.corrected_similarity(measured, smoothing=1.0, select="all", keep=keep)
    np.testing.assert_allclose(stability["corrected_similarity"], similarity, atol=1e-12)
    triple = metrics.decoder_triple(days)
    for name in OF_FRAMES:
        np.testing.assert_array_equal(stability[name], triple[name])
    again = metrics.recurrence(measured, "active", minimum_events=10)
    np.testing.assert_array_equal(stability["recurrence"].sel(group="active"), again["recurrence"])
    curve = metrics.by_lag(similarity, measured["elapsed"])["correlation"]
    np.testing.assert_allclose(stability["corrected_similarity_by_lag"].isel(room=0), curve)


def test_rooms_have_curves_of_their_own():
    days = decoded_days.days(4, 20, frames=800, environments="ABAB")
    stability = drift.code_stability(days, twins=0)
    curves = stability["rate_map_correlation_by_lag"]
    assert list(curves["room"].values) == ["A", "B"] and list(curves["lag"].values) == [2.0]
    assert bool(curves.notnull().all())


def test_maps_that_hold_readouts_are_as_good_as_sessions(
    days: list[xr.Dataset], stability: xr.Dataset
):
    measured = drift.measure(days, halves="trials", half_place_units=True)
    decoded = metrics.with_decoding(measured, metrics.decoder_triple(days))
    xr.testing.assert_allclose(
        drift.code_stability(decoded).drop_attrs(), stability.drop_attrs(), rtol=1e-12
    )


def test_maps_without_halves_are_thinned(days: list[xr.Dataset]):
    stability = drift.code_stability(drift.measure(days), twins=0)
    assert_whole(stability, frames=False)
    assert stability.attrs["halves"] == "coin"


@pytest.fixture(scope="module")
def amplitudes(days: list[xr.Dataset]) -> list[xr.Dataset]:
    sizes = np.random.default_rng(0).lognormal(0.0, 0.5, days[0]["activity"].shape)
    bright = [day.assign(activity=day["activity"].clip(max=1) * sizes) for day in days]
    for day in bright:
        day["activity"].attrs.update(units="dF/F", kind="amplitudes")
    return bright


def test_measured_amplitudes_are_counted_as_those_of_sessions(amplitudes: list[xr.Dataset]):
    of_sessions = drift.code_stability(amplitudes, twins=0)
    measured = drift.measure(amplitudes, halves="trials")
    of_maps = drift.code_stability(measured, twins=0)
    for name in ("rate_map_correlation", "corrected_similarity", "survival", "jumps"):
        xr.testing.assert_allclose(of_maps[name].drop_attrs(), of_sessions[name].drop_attrs())
    assert of_maps.attrs["activity_kind"] == "counts"
    naive = metrics.mean_rate_map_correlation(measured, smoothing=1.0)
    assert (abs(naive - of_maps["rate_map_correlation"]) > 0.005).any()  # sizes would differ
    thinned = drift.code_stability(drift.measure(amplitudes), twins=0)
    assert thinned.attrs["halves"] == "coin"


def test_amplitudes_without_events_have_no_noise(amplitudes: list[xr.Dataset]):
    stability = drift.code_stability(drift.measure(amplitudes).drop_vars("event_count"), twins=0)
    assert stability.attrs["halves"] == "none"
    assert "amplitudes" in reasons(stability)["corrected similarity"]
    assert "corrected_similarity" not in stability and "rate_map_correlation" in stability
    assert drift.code_stability(amplitudes, twins=0).attrs["activity_kind"] == "counts"


def test_a_trace_has_no_bayesian_readout(days: list[xr.Dataset]):
    traces = [day.assign(activity=day["activity"] + 0.25) for day in days]
    for day in traces:
        day["activity"].attrs.update(units="dF/F", kind="trace")
    stability = drift.code_stability(traces, decoder="bayes", twins=0)
    assert "got a trace" in reasons(stability)["decoder triple"]
    assert "corrected_similarity" in stability
    assert "decoding_error" in drift.code_stability(traces, twins=0)  # by templates


def test_units_that_are_not_tracked_are_not_compared(days: list[xr.Dataset]):
    strangers = [
        day.assign_coords(unit_identity=str(number)) for number, day in enumerate(days[:2])
    ]
    stability = drift.code_stability(strangers, twins=0)
    assert "not tracked" in reasons(stability)["correlations"]
    assert "field_density" in stability


def test_it_is_saved_and_its_options_with_it(stability: xr.Dataset, tmp_path: Path):
    drift.save(stability, tmp_path / "s.nc")
    back = drift.load(tmp_path / "s.nc")
    xr.testing.assert_equal(back["recurrence_by_lag"], stability["recurrence_by_lag"])
    assert StabilityRules.from_json(back.attrs["code_stability"]) == StabilityRules()


def test_tables_hold_all_measures(stability: xr.Dataset):
    frames = stability_tables(stability)
    pairs = frames["stability_subject_session_session_other"]
    assert set(pairs.columns) >= OF_FRAMES and len(pairs) == 16
    assert "rate" not in {column for frame in frames.values() for column in frame.columns}
    meanings = frames["stability_units"].set_index("column")["meaning"]
    columns = {
        column
        for name, frame in frames.items()
        if name[-5:] not in ("units", "bsent")
        for column in frame
    }
    assert columns <= set(meanings.index)
    for name in ("rate_map_correlation", "corrected_similarity"):
        assert "units active in both" in meanings[name]
    assert meanings["session"] == ""
    assert set(frames["stability_absent"]["measure"]) == set(reasons(stability))
    assert list(absent_measures(stability).columns) == ["measure", "reason"]


@pytest.mark.parametrize(
    ("source", "options", "error", "sentence"),
    [
        ([], {}, RefusedInputError, "no session to measure"),
        (xr.Dataset(), {}, SchemaError, "rate is missing"),
        (None, {"smoothing": -1.0}, RefusedInputError, "smoothing"),
        (None, {"halves": "thirds"}, RefusedInputError, "halves"),
        (None, {"window": 0.0}, RefusedInputError, "window"),
        (None, {"shuffles": 3}, RefusedInputError, "shuffles"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    days: list[xr.Dataset], source, options: dict, error: type, sentence: str
):
    with pytest.raises(error, match=sentence):
        drift.code_stability(days if source is None else source, **options)


def test_absences_are_those_of_a_result(days: list[xr.Dataset]):
    with pytest.raises(RefusedInputError, match="code_stability"):
        absent_measures(drift.measure(days))
