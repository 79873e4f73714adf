"""Amplitudes are no counts: where counts are drawn or tested they are counted, or refused with the
remedy."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from data_adapters.session import session_dataset
from drift.measurement.event_counting import counted_maps

SAMPLES = 3000


def sessions(
    sizes: tuple[float, float] | None, kind: str | None = None, seed: int = 0
) -> list[xr.Dataset]:
    """Three sessions of ten tuned cells; events of size 1 or of random sizes."""
    position = 50 + 49 * np.sin(np.arange(SAMPLES) / 60.0)
    field = np.exp(-((position[:, np.newaxis] - np.linspace(5, 95, 10)) ** 2) / 200)
    found = []
    for number in range(3):
        rng = np.random.default_rng([seed, number])
        events = (rng.random((SAMPLES, 10)) < 0.1 * field).astype(float)
        activity = (
            events
            if sizes is None
            else events * np.rint(rng.uniform(*sizes, events.shape) * 100) / 100
        )
        labels = {
            "subject": "m",
            "session": number,
            "elapsed": float(number),
            "elapsed_units": "day",
            "environment": "A",
        }
        one = session_dataset(
            **labels,
            unit_identity="r",
            activity=activity,
            position=position,
            sampling_rate=20.0,
            source="made up",
            minimum_speed=0.0,
        )
        if kind is not None:
            one["activity"].attrs["kind"] = kind
        found.append(one)
    return found


AMPLITUDES = {
    "small": ((0.01, 0.04), None),
    "whole": ((100.0, 900.0), "amplitudes"),
    "around one": ((0.5, 1.5), None),
}


def whole(kind: str) -> list[xr.Dataset]:
    sizes, label = AMPLITUDES[kind]
    made = sessions(sizes, label)
    return [
        one.assign(activity=one["activity"].round() if kind == "whole" else one["activity"])
        for one in made
    ]


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return drift.wandering_fields((0,), sessions=5, units=20, movement=0.0)


@pytest.mark.parametrize("kind", AMPLITUDES)
def test_counted_sessions_are_those_of_the_events(kind):
    plain, amplitudes = (
        drift.measure(sessions(None)),
        drift.measure(drift.counted_events(whole(kind))),
    )
    xr.testing.assert_equal(plain["rate"], amplitudes["rate"])
    xr.testing.assert_equal(plain["spatial_information"], amplitudes["spatial_information"])
    assert amplitudes.attrs["activity_kind"] == "counts"


def test_counts_stay_and_absent_units_stay_absent():
    one = sessions(None)[0]
    assert next(drift.counted_events(one)).identical(one)
    gap = sessions((0.1, 0.9))[0]
    gap["activity"] = gap["activity"].where(gap["unit"] != 3)
    found = next(drift.counted_events([gap]))["activity"]
    assert found.sel(unit=3).isnull().all() and set(np.unique(found.sel(unit=4))) == {0.0, 1.0}


@pytest.mark.parametrize("kind", AMPLITUDES)
def test_amplitudes_without_their_counts_are_refused_with_the_remedy(kind, run):
    measured = drift.measure(whole(kind)).drop_vars("event_count")
    calls = (
        lambda: drift.compare(run, measured),
        lambda: list(drift.observe(run, measured)),
        lambda: circuits.fit(
            circuits.LinearInterneuron(units=30),
            measured,
            {"gain": (1.0, 100.0)},
            engine="fixed_point",
            progress=False,
        ),
        lambda: drift.estimate(measured),
        lambda: list(drift.observe(drift.frozen_code(measured), drift.changed_behaviour(measured))),
    )
    for call in calls:
        with pytest.raises(drift.RefusedInputError, match=r"counts.*counted_events") as refusal:
            call()
        assert "\n" not in str(refusal.value)


def test_a_file_without_the_label_is_told_by_its_numbers(run):
    measured = drift.measure(whole("small")).drop_vars("event_count")
    del measured.attrs["activity_kind"]
    with pytest.raises(drift.RefusedInputError, match="counted_events"):
        list(drift.observe(run, measured))
    counts = drift.measure(sessions(None))
    del counts.attrs["activity_kind"]
    assert list(drift.observe(run, counts))


@pytest.mark.parametrize("kind", AMPLITUDES)
def test_sessions_of_amplitudes_are_seen_as_their_events(kind, run):
    found, plain = (
        list(drift.observe(run, like, seed=3)) for like in (whole(kind), sessions(None))
    )
    assert all(
        one["activity"].equals(other["activity"]) for one, other in zip(found, plain, strict=True)
    )


@pytest.mark.parametrize("kind", AMPLITUDES)
def test_events_are_counted_beside_their_amplitudes(kind):
    """In whole sessions and halves; rates stay those of amplitudes."""
    plain, sizes = (drift.measure(made, halves="time") for made in (sessions(None), whole(kind)))
    for name in ("event_count", "event_count_half"):
        np.testing.assert_array_equal(plain[name], sizes[name])
    np.testing.assert_allclose(plain["event_count"], plain["rate"] * plain["occupancy"])
    in_events = counted_maps(sizes, "a test")
    for name in ("rate", "rate_half", "spatial_information", "place_unit", "place_units"):
        np.testing.assert_allclose(in_events[name], plain[name], err_msg=name)
    assert counted_maps(plain, "a test") is plain


@pytest.mark.parametrize("kind", AMPLITUDES)
def test_longitudinal_amplitudes_are_seen_as_their_events(kind, run):
    plain, sizes = (drift.measure(made) for made in (sessions(None), whole(kind)))
    seen, beside = (list(drift.observe(run, like, seed=3)) for like in (sizes, plain))
    assert all(
        one["activity"].equals(other["activity"]) for one, other in zip(seen, beside, strict=True)
    )
    slower = [drift.changed_behaviour(recorded) for recorded in (sizes, plain)]
    seen, beside = (list(drift.observe(run, like, seed=3)) for like in slower)
    assert all(
        one["activity"].equals(other["activity"]) for one, other in zip(seen, beside, strict=True)
    )


def test_a_trace_has_no_count_of_events():
    measured = drift.measure(sessions((0.1, 0.9), "trace"))
    assert measured["event_count"].isnull().all()
    with pytest.raises(drift.RefusedInputError, match="a trace"):
        counted_maps(measured, "a test")


@pytest.mark.slow
def test_sessions_of_amplitudes_are_compared_as_counts(run):
    one, other = (
        drift.compare(run, made, shuffles=0, bootstraps=0, null_draws=0)
        for made in (whole("small"), sessions(None))
    )
    xr.testing.assert_equal(one["slope"], other["slope"])


def test_traces_hold_no_events():
    with pytest.raises(
        drift.RefusedInputError, match="subject m, session 0 cannot be counted in a trace"
    ):
        list(drift.counted_events(sessions((0.1, 0.9), "trace")))


@pytest.mark.slow
def test_a_real_recording_of_amplitudes_is_fitted_whole(data_folder):
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    made = list(data_adapters.sessions("sheintuch2023", str(path)))
    measured = drift.measure(drift.counted_events(made))
    circuit = circuits.LinearInterneuron(units=60)
    found = circuits.fit(
        circuit,
        measured,
        {"gain": (1.0, 1000.0)},
        engine="fixed_point",
        restarts=1,
        generations=1,
        progress=False,
    )
    assert (found.dataset["left_out"] == "").all() and np.isfinite(found.dataset["measured"]).all()
