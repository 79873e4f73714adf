"""Spikes count where the subject was tracked, in every format: gaps, lost frames, two clocks, there
and back."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import data_adapters
import drift
from data_adapters.exchange.frames import frame_counts, interval_bounds, runs, spike_times
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.session import session_dataset
from drift.errors import RefusedInputError
from drift.metrics.clocks import frame_ends, largest_gap

LABELS = {
    "subject": "m",
    "session": 0,
    "elapsed": 0.0,
    "elapsed_units": "day",
    "environment": "A",
    "unit_identity": "x",
}


def pieces(rng, rate=20.0, count=4):
    """Frames of tracked pieces of 10 to 40 s with rests of 2 to 500 s between them; begin and end
    of each piece, s."""
    lengths = rng.integers(int(10 * rate), int(40 * rate), count)
    starts = np.cumsum(
        np.append(rng.uniform(0, 50), lengths[:-1] / rate + rng.uniform(2, 500, count - 1))
    )
    return (
        np.concatenate(
            [start + np.arange(length) / rate for start, length in zip(starts, lengths)]
        ),
        starts,
        starts + lengths / rate,
    )


def to_and_fro(time):
    return 50 + 40 * np.sin(time / 3)


def trains(rng, last, units=3):
    return [np.sort(rng.uniform(0, last, rng.integers(50, 2000))) for _ in range(units)]


def made(rng, rate=20.0, units=3):
    time, *_ = pieces(rng, rate)
    trial = np.repeat([1, 2, 0, 2], -(-time.size // 4))[: time.size]
    return session_dataset(
        **LABELS, activity=rng.poisson(0.2, (time.size, units)), position=to_and_fro(time), sampling_rate=rate, source="x", time=time,
        trial=trial, direction=np.sign(np.cos(time / 3)).astype(int),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_spikes_inside_frames_are_those_inside_epochs(seed):
    nap = pytest.importorskip("pynapple")
    rng = np.random.default_rng(seed)
    time, starts, ends = pieces(rng)
    spikes = trains(rng, ends[-1] + 20)
    closes = frame_ends(time, 1 / 20)
    counts, outside = frame_counts(spikes, time, closes)
    # Before a rest a frame lasts 1.5 frames.
    last = np.append(np.flatnonzero(np.diff(time) > 1), time.size - 1)
    epochs = nap.IntervalSet(starts, closes[last])
    expected = [len(nap.Ts(train).restrict(epochs)) for train in spikes]
    assert counts.sum(axis=0).tolist() == expected and outside == sum(map(len, spikes)) - sum(
        expected
    )


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("rate", [10.0, 30.0])
def test_spikes_that_are_written_lie_in_their_own_frame(seed, rate):
    rng = np.random.default_rng(seed)
    time, starts, ends = pieces(rng, rate)
    time = time[rng.random(time.size) < 0.8]
    counts = rng.poisson(1.0, (time.size, 2)).astype(float)
    written = spike_times(counts, time)
    back, outside = frame_counts(written, time, frame_ends(time, float(np.median(np.diff(time)))))
    assert outside == 0
    np.testing.assert_array_equal(back, counts)
    epoch = np.searchsorted(starts, np.concatenate(written) + 1e-9, side="right") - 1
    assert (np.concatenate(written) < ends[epoch]).all()


def test_intervals_do_not_reach_across_gaps(rng):
    time, starts, ends = pieces(rng)
    start, end = interval_bounds(time, *runs(np.ones(time.size, dtype=np.int64), time))
    np.testing.assert_allclose(start, starts)
    np.testing.assert_allclose(end, ends)


def interchange(folder, rng):
    time, _, ends = pieces(rng)
    train = np.sort(rng.uniform(0, ends[-1], 3000))
    save(
        folder,
        position=to_and_fro(time),
        t=time,
        spike_times=train,
        spike_times_index=[train.size],
        t_start=0.0,
        t_stop=ends[-1],
    )
    return next(data_adapters.sessions("interchange", folder)), time, train


KNOWN = {
    "n_detected": 2,
    "track_length_cm": 100.0,
    "geometry": "linear",
    "animal": "m",
    "region": "CA1",
    "environment": "A",
}


def save(folder, **fields):
    np.savez(
        folder / "m_01.npz", **{**KNOWN, "session": 1, "time": 1.0, "time_unit": "day", **fields}
    )


def nwb(folder, rng):
    pynwb = pytest.importorskip("pynwb")
    from datetime import UTC, datetime

    time, _, ends = pieces(rng)
    train = np.sort(rng.uniform(0, ends[-1], 3000))
    content = pynwb.NWBFile(
        session_description="d",
        identifier="one",
        session_start_time=datetime(2020, 1, 1, tzinfo=UTC),
    )
    content.subject = pynwb.file.Subject(subject_id="m")
    place = pynwb.behavior.SpatialSeries(
        name="p",
        data=to_and_fro(time) / 100,
        unit="meters",
        reference_frame="track",
        timestamps=time,
    )
    content.create_processing_module("behavior", "b").add(
        pynwb.behavior.Position(spatial_series=place)
    )
    content.add_unit(spike_times=train, id=0)
    with pynwb.NWBHDF5IO(str(folder / "m.nwb"), "w") as file:
        file.write(content)
    return next(data_adapters.sessions("nwb", folder)), time, train


def pynapple(folder, rng):
    nap = pytest.importorskip("pynapple")
    time, _, ends = pieces(rng)
    train = np.sort(rng.uniform(0, ends[-1], 3000))
    objects = {
        "spikes": nap.TsGroup({0: nap.Ts(train)}),
        "position": nap.Tsd(time, to_and_fro(time)),
    }
    return (
        data_adapters.from_pynapple(
            objects, **{k: v for k, v in LABELS.items() if k != "unit_identity"}
        ),
        time,
        train,
    )


@pytest.mark.parametrize("reader", [interchange, nwb, pynapple])
@pytest.mark.parametrize("seed", range(3))
def test_every_reader_leaves_out_what_happened_in_rests_and_says_so(tmp_path, reader, seed):
    session, time, train = reader(tmp_path, np.random.default_rng(seed))
    ends = frame_ends(time, 1 / 20)
    row = np.searchsorted(time, train, side="right") - 1
    inside = (row >= 0) & (train < ends[row] - 1e-6)
    assert (
        abs(session["activity"].sum().item() - inside.sum()) <= 1
    )  # a spike may fall onto the rounded end of a frame
    assert session.attrs["notes"].startswith(
        f"{train.size - int(session['activity'].sum())} spikes left out"
    )
    measured = drift.measure(session, minimum_speed=0.0)
    np.testing.assert_allclose(session["duration"].values, ends - time, atol=1e-6)
    mean = session["activity"].sum().item() / measured["occupancy"].sum().item()
    assert mean == pytest.approx(
        train.size / train[-1], rel=0.2
    )  # Poisson: 3000 spikes, of which a tenth or more lies in frames


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("way", ["npz", "mat", "nc", "responses", "spike_times", "pynapple"])
def test_a_session_with_gaps_there_and_back(tmp_path, way, seed):
    session = made(np.random.default_rng(seed))
    if way in ("npz", "mat", "nc"):
        write_interchange(session, tmp_path, way)
        back = next(data_adapters.sessions("interchange", tmp_path))
    elif way == "pynapple":
        pytest.importorskip("pynapple")
        objects = data_adapters.to_pynapple(session, spikes=True)
        del objects["activity"]
        back = data_adapters.from_pynapple(objects)
    else:
        pytest.importorskip("pynwb")
        data_adapters.to_nwb(session, tmp_path, events=way)
        back = next(data_adapters.sessions("nwb", tmp_path))
    for name in ("activity", "position", "duration", "trial", "direction", "time"):
        np.testing.assert_allclose(
            back[name].values, session[name].values, rtol=0, atol=1e-9, err_msg=name
        )


def test_trials_and_epochs_are_not_stretched_over_rests(tmp_path, rng):
    pynwb, nap = pytest.importorskip("pynwb"), pytest.importorskip("pynapple")
    session = made(rng)
    time = session["time"].values
    [path] = data_adapters.to_nwb(session, tmp_path, events="spike_times")
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        rows = file.read().trials
        bounds = np.stack([rows["start_time"][:], rows["stop_time"][:]], axis=1)
    epochs = data_adapters.to_pynapple(session, spikes=True)
    outside = np.flatnonzero(np.diff(time) > largest_gap(1 / 20))
    for start, stop in (
        *bounds,
        *epochs["running"].values,
        *epochs["activity"].time_support.values,
    ):
        assert not ((start <= time[outside]) & (stop > time[outside] + 0.051)).any()
    assert (
        isinstance(epochs["spikes"], nap.TsGroup)
        and (epochs["spikes"].restrict(epochs["position"].time_support).rates > 0).all()
    )


@pytest.mark.parametrize("events", [True, False])
@pytest.mark.parametrize("axes", [1, 2])
def test_positions_have_a_clock_of_their_own(tmp_path, rng, events, axes):
    own, _, ends = pieces(rng, 30.0)
    frames = np.arange(0, ends[-1], 1 / 11)
    place = np.stack([to_and_fro(own), 50 + 30 * np.cos(own)], axis=1)[:, :axes]
    known = np.stack([to_and_fro(frames), 50 + 30 * np.cos(frames)], axis=1)[:, :axes]
    fields = {
        "position": place,
        "position_t": own,
        "t": frames,
        "velocity": np.full(own.size, 5.0),
        "trial": np.ones(own.size),
    }
    fields["geometry"] = "unknown"
    if events:
        fields["events"] = rng.poisson(0.3, (frames.size, 2))
    else:
        fields |= {
            "spike_times": np.sort(rng.uniform(0, ends[-1], 500)),
            "spike_times_index": [500],
            "t_start": 0.0,
            "t_stop": ends[-1],
        }
    save(tmp_path, **fields)
    session = next(data_adapters.sessions("interchange", tmp_path))
    position = session["position"].values.reshape(frames.size, axes)
    expected = data_adapters.align(frames, own, place)
    np.testing.assert_array_equal(position, expected)
    there = np.isfinite(position).all(axis=1)
    np.testing.assert_allclose(position[there], known[there], atol=0.1)
    np.testing.assert_array_equal(there, np.isfinite(session["velocity"].values))
    assert (session["trial"].values[there] == 1).all() and 0 < there.mean() < 1


def test_spikes_alone_are_counted_in_the_frames_of_the_positions(tmp_path, rng):
    own, _, ends = pieces(rng)
    train = np.sort(rng.uniform(0, ends[-1], 500))
    save(
        tmp_path,
        position=to_and_fro(own),
        position_t=own,
        spike_times=train,
        spike_times_index=[500],
        t_start=0.0,
        t_stop=ends[-1],
    )
    session = next(data_adapters.sessions("interchange", tmp_path))
    np.testing.assert_array_equal(session["time"].values, own)
    np.testing.assert_array_equal(
        session["activity"].values, frame_counts([train], own, frame_ends(own, 1 / 20))[0]
    )


@pytest.mark.parametrize("seconds", [60.0, 600.0, 3600.0])
def test_spikes_in_milliseconds(rng, seconds):
    time = np.arange(int(seconds * 20)) / 20
    spikes = [np.sort(rng.uniform(0, seconds, 300)) * 1000]
    with pytest.raises(RefusedInputError, match="divide milliseconds by 1000"):
        frame_counts(spikes, time, frame_ends(time, 1 / 20))


def test_a_recording_of_random_spikes_with_a_rest_says_nothing_of_place(data_folder):
    pytest.importorskip("pynwb")
    folder = data_folder("lab_files")
    session = next(data_adapters.sessions("nwb", folder / "pause_with_rest.nwb"))
    measured = drift.measure(session)
    assert float(measured["spatial_information"].mean()) == pytest.approx(0.064, abs=0.01)
    assert "spikes left out" in session.attrs["notes"]
    assert isinstance(session, xr.Dataset)
