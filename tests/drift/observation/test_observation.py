"""What an experimenter would have recorded: behaviour, cells and event rates are the recording's,
the code is the run's."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import drift
from drift.observation.laps import to_and_fro
from drift.observation.lens import gains, matched_sessions, simulated_rate
from drift.observation.observing import calcium_events


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return drift.wandering_fields(sessions=5, movement=0.0)


@pytest.fixture(scope="module")
def design() -> xr.Dataset:
    return drift.published_design("Sheintuch 2023").isel(session=slice(0, 4))


@pytest.fixture(scope="module")
def sessions(run: xr.Dataset, design: xr.Dataset) -> list[xr.Dataset]:
    return list(drift.observe(run, design, sampling_rate=10))


@pytest.fixture(scope="module")
def observed(sessions: list[xr.Dataset]) -> xr.Dataset:
    return drift.measure(sessions)


def test_behaviour_is_the_recorded_one(observed: xr.Dataset, design: xr.Dataset):
    assert np.allclose(observed["place"], design["place"])
    assert (
        np.abs(observed["occupancy"].values - design["occupancy"].values).max() <= 0.5 / 10 + 1e-9
    )  # half a sample
    assert np.array_equal(observed["elapsed"], np.tile(design["elapsed"], (2, 1)))
    assert observed["elapsed"].attrs["units"] == "day"


def test_event_rates_are_the_recorded_ones(observed: xr.Dataset, design: xr.Dataset):
    seen = observed.isel(session=0)
    rates = (
        np.sort((seen["rate"] * seen["occupancy"]).sum(("place", "direction")).values, axis=-1)
        / 600
    )
    truth = design["rate"].isel(subject=0, session=0, place=0, direction=0).values
    error = np.sqrt(truth.sum() / 600) * 4  # Poisson, z = 4
    # A random half of the units is shown, whose quantiles scatter about those of all.
    assert (
        abs(rates.mean() / truth.mean() - 1)
        < 4 * truth.std() / truth.mean() / np.sqrt(50) + error / truth.sum()
    )
    assert np.corrcoef(np.log(rates[0] + 1e-3), np.log(truth))[0, 1] > 0.95


def test_the_code_is_that_of_the_run(run: xr.Dataset, sessions: list[xr.Dataset]):
    one = sessions[0]
    units = [int(label.split()[1]) for label in one["unit_label"].values]
    maps = drift.measure(sessions[:4])["rate"].isel(subject=0, session=0)
    truth = run["rate"].isel(subject=0, session=1).values[units]
    busiest = np.argsort(-one["activity"].sum("sample").values)[:10]
    for unit in busiest:
        assert np.corrcoef(maps.values[unit].ravel(), truth[unit].ravel())[0, 1] > 0.8


def test_counts_are_poisson(run: xr.Dataset, design: xr.Dataset):
    flat = run.assign(rate=xr.ones_like(run["rate"]))
    counts = np.concatenate(
        [one["activity"].values for one in drift.observe(flat, design, sampling_rate=10)]
    )
    mean, frames = counts.mean(axis=0), len(counts)
    fano = counts.var(axis=0) / mean
    assert np.allclose(
        fano, 1, atol=4.5 * np.sqrt((2 + 1 / mean.min()) / frames)
    )  # 50 units, z = 4.5


def test_a_subject_does_not_notice_its_company(
    run: xr.Dataset, design: xr.Dataset, sessions: list[xr.Dataset]
):
    alone = list(drift.observe(run.isel(subject=[1]), design, sampling_rate=10))
    assert all(one.identical(other) for one, other in zip(alone, sessions[4:], strict=True))
    assert not alone[0]["activity"].equals(sessions[0]["activity"])


def test_seeds_draw_anew_and_repeat(
    run: xr.Dataset, design: xr.Dataset, sessions: list[xr.Dataset]
):
    again, other = (
        next(drift.observe(run, design, sampling_rate=10, seed=seed)) for seed in (0, 1)
    )
    assert again.identical(sessions[0])
    assert not np.array_equal(again["unit_label"], other["unit_label"])


def test_positions_of_sessions_are_used_as_they_are(run: xr.Dataset, sessions: list[xr.Dataset]):
    lost = [
        one.assign(position=one["position"].where(np.arange(one.sizes["sample"]) > 50))
        for one in sessions[:4]
    ]
    seen = list(drift.observe(run, lost))
    assert all(
        one["position"].variable.equals(other["position"].variable)
        for one, other in zip(seen[:4], lost, strict=True)
    )
    assert not seen[0]["activity"][:51].any()
    assert seen[0]["sampling_rate"] == 10


def test_missing_units_are_missing_as_recorded(run: xr.Dataset, design: xr.Dataset):
    holes = design["recorded"].values.copy()
    holes[0, 1, :20], holes[0, 3, 40:] = 0, 0
    seen = list(
        drift.observe(
            run.isel(subject=[0]),
            design.assign(recorded=(design["recorded"].dims, holes)),
            sampling_rate=2,
        )
    )
    assert [one.sizes["unit"] for one in seen] == [50, 30, 50, 40]
    assert [int(one["detected_units"]) for one in seen] == [50, 30, 50, 40]
    assert np.array_equal(seen[1]["unit"], np.arange(20, 50))


def test_sessions_match_by_relative_time_and_say_so(sessions: list[xr.Dataset]):
    assert [one.attrs["run_session"] for one in sessions[:4]] == [1, 2, 3, 4]
    assert sessions[3].attrs["run_elapsed"] == 400
    assert np.array_equal(
        matched_sessions(np.array([0, 10, 20, 30.0]), np.array([5, 6, 15.0])), [1, 1, 3]
    )
    assert np.array_equal(
        matched_sessions(np.array([0, 10, 20, 30, 40.0]), np.array([5, 6, 7.0]), 10.0), [1, 2, 3]
    )


def test_untracked_units_are_drawn_anew(run: xr.Dataset):
    seen = list(
        drift.observe(
            run.isel(subject=[0]),
            drift.published_design("Karlsson 2015").isel(session=[0, 1]),
            sampling_rate=2,
        )
    )
    assert not np.array_equal(seen[0]["unit_label"], seen[1]["unit_label"])
    assert seen[0]["unit_identity"] != seen[1]["unit_identity"]


@given(st.lists(st.floats(0, 20), min_size=2, max_size=12), st.integers(0, 100))
def test_a_to_and_fro_run_spends_the_given_time_at_each_place(times: list[float], seed: int):
    occupancy = np.array([times, times[::-1]]).T
    frames = np.rint(occupancy.sum(axis=1) * 10)
    if not frames.any():
        return
    place, direction, within = to_and_fro(occupancy, 10.0, np.random.default_rng(seed))
    assert np.array_equal(
        np.bincount(place, minlength=len(times)), np.maximum(frames, np.rint(occupancy[:, 0] * 10))
    )
    assert set(np.unique(direction)) <= {-1, 1} and ((within > 0) & (within < 1)).all()


@given(st.integers(1, 40), st.integers(1, 40))
def test_laying_places_along_a_track_keeps_the_mean_rate(places: int, simulated: int):
    rate = np.random.default_rng(places).random((2, 3, simulated, 2))
    laid = simulated_rate(
        xr.DataArray(
            rate, dims=("session", "unit", "place", "direction"), coords={"direction": [1, -1]}
        ),
        places,
    )
    assert np.allclose(laid[..., :2].mean(axis=2), rate.mean(axis=2))
    assert np.allclose(laid[..., 2], laid[..., :2].mean(axis=-1))


def test_gains_give_quantiles_and_silent_units_the_median():
    found = gains(np.array([2.0, 0.0, 1.0]), np.array([10.0, 20.0, 30.0]))
    assert np.allclose(found, [25 / 2, (12.5 + 15) / 2, 15])  # quantiles 1/4 and 3/4 of 10, 20, 30
    waking = gains(np.array([1e-6, 1.0, 1.0, 1.0]), np.full(3, 2.0))
    assert np.allclose(waking, [6, 2, 2, 2])  # three times the median, not two million


@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0, 2.0])
def test_gains_keep_the_recorded_mean_rate_however_quiet_some_units_are(spread: float):
    rng = np.random.default_rng(7)
    simulated, recorded = (
        np.exp(spread * rng.standard_normal(400)),
        np.exp(0.3 * rng.standard_normal(60)),
    )
    found = gains(simulated, recorded)
    quantiles = np.quantile(recorded, (np.arange(400) + 0.5) / 400)
    heard = np.sort(simulated) > 0.01 * np.median(simulated)
    assert (found * simulated)[simulated > 0.01 * np.median(simulated)].sum() == pytest.approx(
        quantiles[heard].sum(), rel=1e-9
    )
    if spread == 0.1:  # no unit needs more than three times the median
        assert np.allclose(np.sort(found * simulated), quantiles)


def _one_way(run: xr.Dataset, sign: int) -> xr.Dataset:
    ways = run["rate"].expand_dims(direction=[1, -1], axis=-1)
    return run.assign(
        rate=ways.where(ways["direction"] != sign).transpose(*run["rate"].dims, "direction")
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_direction_that_the_run_never_takes_is_refused_or_not_needed(sign: int):
    run = drift.wandering_fields((0,), sessions=5, units=20, movement=0.0)
    one_way = _one_way(
        run.assign(rate=run["rate"].mean("direction")) if "direction" in run["rate"].dims else run,
        sign,
    )
    both = drift.published_design("Sheintuch 2023").isel(session=slice(0, 3), unit=slice(30, None))
    with pytest.raises(
        drift.RefusedInputError, match=f"runs in direction {sign}, in which the run has no rates"
    ):
        list(drift.observe(one_way, both, sampling_rate=2))
    pooled = both.assign(
        rate=both["rate"].isel(direction=0, drop=True), occupancy=both["occupancy"].sum("direction")
    ).drop_dims("direction", errors="ignore")
    seen, whole = (
        list(drift.observe(one, pooled, sampling_rate=2))
        for one in (one_way, _one_way(one_way.mean("direction"), 0))
    )
    assert all(
        one["activity"].equals(other["activity"]) for one, other in zip(seen, whole, strict=True)
    )


def test_the_frozen_code_of_a_recording_is_seen_through_it(
    run: xr.Dataset, sessions: list[xr.Dataset]
):
    recorded = drift.measure(sessions[:4])
    present = recorded["recorded"].copy()
    present[0, 1, :5] = 0  # cells that are missing in the session whose code is frozen
    gaps = recorded.assign(recorded=present, rate=recorded["rate"].where(present == 1))
    seen = list(drift.observe(drift.frozen_code(gaps, session=1), gaps))
    assert [one.sizes["unit"] for one in seen][::2] == [45, 45] and 40 <= seen[1].sizes[
        "unit"
    ] <= 45  # 45 units for 50 cells
    assert not {f"unit {number}" for number in range(5)} & set(
        seen[0]["unit_label"].values.tolist()
    )
    found = drift.measure(seen)
    correlation = drift.metrics.by_lag(
        drift.metrics.mean_rate_map_correlation(found), found["elapsed"]
    )["correlation"].values[0]
    assert np.ptp(correlation[1:]) < 0.1  # noise, but no decay


def test_transients_need_the_threshold_and_decay():
    spikes = np.zeros((1, 40))
    spikes[0, 3], spikes[0, 20:23] = 1, 1
    found = calcium_events(spikes, 10.0, 1.0, 2.0)
    keep = np.exp(-0.1)
    assert np.flatnonzero(found[0]).tolist() == [22]
    assert np.isclose(found[0, 22], 1 + keep + keep**2 + np.exp(-1.9), rtol=1e-12)


def test_calcium_sessions_can_be_measured(run: xr.Dataset, design: xr.Dataset):
    rates = design.assign(rate=20 * design["rate"])
    amplitudes = next(drift.observe(run, rates, events="calcium", sampling_rate=10))[
        "activity"
    ].values
    assert amplitudes.any() and (amplitudes[amplitudes > 0] >= 2).all()


def test_inputs_are_left_alone(run: xr.Dataset, design: xr.Dataset):
    before = run.copy(deep=True), design.copy(deep=True)
    list(drift.observe(run, design, sampling_rate=1))
    assert run.identical(before[0]) and design.identical(before[1])


def _refusals(run: xr.Dataset, design: xr.Dataset) -> dict[str, tuple]:
    unknown = design.assign_coords(elapsed=design["elapsed"].where(design["session"] > 0))
    nan = run.assign(rate=run["rate"].where(run["session"] < 4))
    return {
        "rate is missing": (run.drop_vars("rate"), design, {}),
        "no session to measure": (run, [], {}),
        "at least two sessions of subject design": (run, design.isel(session=[0]), {}),
        "at least two sessions after its first": (run.isel(session=[0, 1]), design, {}),
        "there is no overlap": (run, design, {"time_scale": 1e6}),
        "events 'bursts' is unknown: use one of poisson, calcium": (
            run,
            design,
            {"events": "bursts"},
        ),
        "must be finite, got NaN in session 0": (run, unknown, {}),
        "seed must be a whole number from 0, got -1": (run, design, {"seed": -1}),
        "sampling_rate must be one finite number above 0": (run, design, {"sampling_rate": 0}),
        "got NaN: leave it out": (nan, design, {}),
        "got 2: select one": (
            run.assign(rate=run["rate"].expand_dims(environment=2, axis=-1)),
            design,
            {},
        ),
        "no session in which a unit was recorded": (
            run,
            design.assign(recorded=design["recorded"] * 0),
            {},
        ),
    }


@pytest.mark.parametrize("number", range(12))
def test_refusals_are_one_sentence(run: xr.Dataset, design: xr.Dataset, number: int):
    sentence, (simulated, like, options) = list(_refusals(run, design).items())[number]
    with pytest.raises(drift.RefusedInputError, match=sentence) as refusal:
        list(drift.observe(simulated, like, **options))
    assert "\n" not in str(refusal.value)


def test_a_real_recording_is_a_lens(data_folder, run: xr.Dataset):
    import data_adapters

    path = data_folder("hc6_layout_wmaze") / "Nel"
    recorded = list(
        data_adapters.sessions("karlsson2015", str(path), area="any", position_units="pixel")
    )
    seen = drift.measure(drift.observe(run.isel(subject=[0]), recorded))
    assert seen["detected_units"].values.tolist() == [[17, 18]]
    assert np.allclose(
        seen["occupancy"].sum("place"), drift.measure(recorded)["occupancy"].sum("place")
    )
