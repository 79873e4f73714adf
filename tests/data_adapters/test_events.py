"""What may enter as events: sparse, not negative, and of a kind that is said or seen."""

import warnings

import numpy as np
import pytest

import data_adapters
import drift
from data_adapters.events import checked_events
from data_adapters.files.containers import write_fields
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.session import session_dataset
from drift.errors import RefusedInputError
from drift.metrics import event_counts

SAMPLES = 2000


def session(activity, **changes):
    given = {
        "subject": "m", "session": 0, "elapsed": 0.0, "elapsed_units": "day", "environment": "A", "unit_identity": "x", "source": "made",
        "activity": activity, "position": 50 + 45 * np.sin(np.arange(len(activity)) / 50), "sampling_rate": 20.0,
    }  # fmt: skip
    return session_dataset(**{**given, **changes})


def fluorescence(rng, units=6):
    spikes = rng.poisson(0.02, (SAMPLES, units))
    kernel = np.exp(-np.arange(40) / 12)
    calcium = np.stack([np.convolve(one, kernel)[:SAMPLES] for one in spikes.T], axis=1)
    return 100 + 50 * calcium + rng.normal(0, 5, calcium.shape)


def deconvolved(rng, units=6):
    return np.where(rng.random((SAMPLES, units)) < 0.05, rng.lognormal(3, 1, (SAMPLES, units)), 0.0)


@pytest.mark.parametrize(
    "shape", [lambda f: f, np.round, lambda f: f - f.min() + 0.01, lambda f: f / 100 - 0.8]
)
def test_fluorescence_is_no_event(rng, shape):
    trace = shape(fluorescence(rng))
    with pytest.raises(
        RefusedInputError,
        match=r"sparse, got 6 of 6 units above 0 .* events_are='trace'|not negative",
    ):
        session(trace)


def test_a_trace_enters_where_it_is_said(rng):
    measured = drift.measure([session(fluorescence(rng), events_are="trace")])
    assert measured.attrs["activity_kind"] == "trace"


def test_half_of_the_units_may_be_dense(rng):
    mixed = np.concatenate([fluorescence(rng, 3), deconvolved(rng, 3)], axis=1)
    assert session(mixed)["activity"].attrs["kind"] == "amplitudes"


def test_counts_and_constants_may_be_dense(rng):
    assert session(rng.poisson(5, (SAMPLES, 3)))["activity"].attrs["kind"] == "counts"
    assert session(np.ones((SAMPLES, 3)))["activity"].attrs["kind"] == "counts"
    assert session(np.full((SAMPLES, 3), 0.5))["activity"].attrs["kind"] == "amplitudes"


def test_traces_cut_at_zero_are_told(rng):
    cut = np.clip(rng.normal(0.03, 0.25, (SAMPLES, 6)), 0, None)
    with pytest.warns(UserWarning, match=r"above 0 in 5\d% of the samples .* threshold_sd=3"):
        session(cut)
    assert float((session(cut, threshold_sd=3)["activity"] > 0).mean()) < 0.1


def test_threshold_is_of_each_unit(rng):
    events = deconvolved(rng) * [1, 10, 100, 1, 1, 1]
    kept = session(events, threshold_sd=2.5)["activity"].values
    np.testing.assert_array_equal(
        kept,
        np.where(
            events >= 2.5 * np.sqrt(np.mean((events - events.mean(0)) ** 2, axis=0)), events, 0
        ),
    )
    with pytest.raises(
        RefusedInputError, match="threshold_sd of session 0 of m was expected above 0, got -1"
    ):
        session(events, threshold_sd=-1)


def test_rounding_below_zero_is_cut(rng):
    events = deconvolved(rng)
    dips = np.where(events == 0, -1e-7 * events.max() * rng.random(events.shape), events)
    np.testing.assert_array_equal(session(dips)["activity"], events)
    dips[7, 3] = -2e-6 * events.max()
    with pytest.raises(
        RefusedInputError, match="at sample 7, unit 3: 0 means no event, deconvolve"
    ):
        session(dips)


def test_what_is_said_must_fit(rng):
    with pytest.raises(RefusedInputError, match="to hold counts, got"):
        session(deconvolved(rng), events_are="counts")
    with pytest.raises(RefusedInputError, match="one of counts, amplitudes, trace, got 'spikes'"):
        session(deconvolved(rng), events_are="spikes")


@pytest.mark.parametrize("kind", ["npz", "mat", "nc"])
def test_the_kind_is_kept_by_files(rng, kind, tmp_path):
    whole = np.floor(deconvolved(rng)) * 20
    for said in ("counts", "amplitudes", "trace"):
        write_interchange(session(whole, events_are=said), tmp_path, kind, overwrite=True)
        found = next(data_adapters.sessions("interchange", tmp_path))
        assert found["activity"].attrs["kind"] == said
    assert (
        next(data_adapters.sessions("interchange", tmp_path, events_are="counts"))[
            "activity"
        ].attrs["kind"]
        == "counts"
    )


def test_readers_that_know_say_so(rng, tmp_path):
    fields = {
        "spike_times": np.sort(rng.uniform(0, 100, 400)), "spike_times_index": np.array([400]), "t_start": 0.0, "t_stop": 100.0,
        "position": 50 + 45 * np.sin(np.arange(SAMPLES) / 50), "fs": 20.0, "track_length_cm": 100.0, "geometry": "linear", "animal": "m",
        "environment": "A", "session": 1, "time": 0.0, "time_unit": "day", "n_detected": 1,
    }  # fmt: skip
    write_fields(fields, tmp_path / "m_01.npz")
    assert (
        next(data_adapters.sessions("interchange", tmp_path))["activity"].attrs["kind"] == "counts"
    )


def test_place_units_need_events_and_not_amplitude(rng):
    position = 50 + 49.9 * np.sin(np.cumsum(rng.uniform(0.005, 0.015, 6000)))
    centre = np.flatnonzero(np.abs(position - 50) < 2)
    for size in (500, 3, 0.5):
        events = np.where(rng.random((6000, 2)) < 0.05, 7.0 * size, 0.0)
        events[:, 0] = 0
        events[centre[:: len(centre) // 3][:3], 0] = size
        made = session(events, position=position)
        assert event_counts(made["activity"]).values[0] == 3
        assert drift.measure([made], shuffles=200)["place_unit"].values.ravel()[0] == 0


@pytest.mark.parametrize(("rate", "peak"), [(4.0, 20.0), (5.0, 40.0), (10.0, 40.0)])
def test_spikes_in_long_samples_are_asked_for(rng, rate, peak):
    position = np.abs(np.arange(int(600 * rate)) / rate * 25 % 240 - 120)
    spikes = rng.poisson(
        peak / rate * np.exp(-((position[:, np.newaxis] - [30, 60, 90]) ** 2) / 128)
    )
    with pytest.warns(UserWarning, match="if they are spikes, say events_are='counts'"):
        assert (
            checked_events(spikes.astype(float), "session 0 of a", rate, None, None)[1]
            == "amplitudes"
        )
    with warnings.catch_warnings(action="error"):
        assert (
            checked_events(spikes.astype(float), "session 0 of a", rate, "counts", None)[1]
            == "counts"
        )
