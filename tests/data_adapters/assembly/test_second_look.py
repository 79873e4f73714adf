"""Numbers that files as they are put to the test: cells in another order, intervals of recording,
missed pulses, trials shorter than frames."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from laboratory_mice import BEGIN as RECORDED
from laboratory_mice import mouse, write_phy
from tool_files import BEGIN, FRAMES, RATE, known, write_minian, write_suite2p

import data_adapters
from data_adapters.session import session_dataset
from drift.errors import RefusedInputError

OF_PHY = {
    "track": "*DLC*.csv", "bodypart": "body", "position": "x", "track_rate": 30.0, "scale": 0.25,
    "origin": (40.0,), "start": RECORDED,
}  # fmt: skip


def phy_days(folder, days=3):
    subject = mouse("m", 4, days=days, cells=8, seconds=60.0)
    for day in subject.days:
        write_phy(folder, day)
    return subject


def test_cells_in_no_row_are_strangers_on_every_day(tmp_path):
    subject = phy_days(tmp_path)
    ids = [np.sort(day.rows)[:2] * 3 + 2 for day in subject.days]
    np.savez(tmp_path / "m" / "some.npz", cell_to_index_map=np.stack(ids, axis=1))
    sessions = list(
        data_adapters.sessions(
            "phy", tmp_path, registration="some.npz", base=0, counted_by="numbers", **OF_PHY
        )
    )
    own = [set(session["unit"].values.tolist()) - {0, 1} for session in sessions]
    assert not own[0] & own[1] and not own[1] & own[2] and not own[0] & own[2]


def test_numbers_that_may_be_rows_are_asked_for(tmp_path):
    """Clusters 0, 1, 2, ... in a map from 1."""
    subject = phy_days(tmp_path)
    for day in subject.days:
        folder = tmp_path / "m" / day.on.isoformat() / "phy"
        cluster = np.load(folder / "spike_clusters.npy")
        np.save(folder / "spike_clusters.npy", ((cluster - 2) // 3).astype(np.int32))
        lines = (folder / "cluster_group.tsv").read_text().splitlines()[1:]
        rows = [f"{(int(number) - 2) // 3}\t{word}" for number, word in map(str.split, lines)]
        (folder / "cluster_group.tsv").write_text("\n".join(["cluster_id\tgroup", *rows]))
    index = np.stack([np.sort(day.rows)[:3] + 1 for day in subject.days], axis=1)
    np.savez(tmp_path / "m" / "map.npz", cell_to_index_map=index)
    options = {"registration": "map.npz", "base": 1, **OF_PHY}
    with pytest.raises(RefusedInputError, match="say counted_by=numbers or counted_by=rows"):
        list(data_adapters.sessions("phy", tmp_path, **options))
    sessions = list(data_adapters.sessions("phy", tmp_path, counted_by="rows", **options))
    for session, day in zip(sessions, subject.days, strict=True):
        rank = np.searchsorted(np.sort(day.rows), np.sort(day.rows)[:3])
        assert session["unit"].values[rank].tolist() == [0, 1, 2]


def test_units_that_are_listed_in_another_order_stay_themselves(tmp_path):
    zarr = pytest.importorskip("zarr")
    truth = known()
    write_minian(tmp_path, truth)
    ids = np.array([19, 10, 28, 13, 25, 16, 22])
    store = zarr.open_group(str(tmp_path / "minian" / "S.zarr"), mode="r+")
    store["unit_id"][:] = ids
    index = np.sort(ids)[:, np.newaxis]  # row of each unit is its rank
    np.savez(tmp_path / "map.npz", cell_to_index_map=index)
    session = next(
        data_adapters.sessions(
            "minian", tmp_path, track="track.csv", start=BEGIN, registration="map.npz", base=0
        )
    )
    for rank, number in enumerate(np.sort(ids)):
        events = session["activity"].sel(unit=rank).values
        np.testing.assert_allclose(events, truth.events[np.flatnonzero(ids == number)[0]])


def test_intervals_of_nwb_in_which_nothing_was_recorded_are_no_silence(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    content = pynwb.NWBFile("made", "1", datetime(2020, 1, 1, tzinfo=UTC))
    time = np.arange(0, 100, 0.05)
    place = pynwb.behavior.Position(name="Position")
    place.create_spatial_series(
        name="p", data=50 + 40 * np.sin(time), unit="cm", reference_frame="", timestamps=time
    )
    content.create_processing_module("behavior", "made").add(place)
    rng = np.random.default_rng(0)
    for _unit in range(3):
        content.add_unit(
            spike_times=np.sort(rng.uniform(20, 80, 600)), obs_intervals=[[20.0, 80.0]]
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "w") as file:
            file.write(content)
    session = next(data_adapters.sessions("nwb", tmp_path / "a.nwb"))
    assert float(session["duration"].sum()) == pytest.approx(60, abs=0.2)
    rate = session["activity"].sum("sample") / session["duration"].sum()
    np.testing.assert_allclose(rate, 10.0, rtol=0.01)


def signal_track(folder, missed=(), glitches=()):
    """A signal that rises with each frame, sampled at 500 Hz; some pulses are missed."""
    fine = np.arange(BEGIN - 1, BEGIN + FRAMES / RATE + 1, 1 / 500)
    phase = (fine - BEGIN) * RATE
    frame = np.floor(phase).astype(int)
    signal = (phase % 1 < 0.4) & (phase >= 0) & (phase < FRAMES) & ~np.isin(frame, missed)
    for glitch in glitches:
        signal |= np.abs(fine - BEGIN - (glitch + 0.7) / RATE) < 1 / 400
    pd.DataFrame(
        {"time": fine, "x": 60 + 50 * np.sin(fine - BEGIN), "ttl": signal.astype(int)}
    ).to_csv(folder / "track.csv", index=False)


@pytest.mark.parametrize(
    ("missed", "glitches"), [((), ()), ((57,), ()), ((57, 58, 200, 301), ()), ((), (100,))]
)
def test_missed_pulses_move_no_other_frame(missed, glitches, tmp_path):
    folder = write_suite2p(tmp_path, known())
    signal_track(folder, missed, glitches)
    session = next(data_adapters.sessions("suite2p", folder, track="track.csv", pulses="ttl"))
    right = BEGIN + np.arange(FRAMES) / RATE
    off = np.abs(session["time"].values - right)
    assert (off > 0.003).sum() <= len(glitches)  # a glitch may hide the pulse beside it


@pytest.mark.parametrize("rate", [13.7, 9.3, 33.7])
def test_frames_are_timed_without_bias_by_slow_tracks(rate, tmp_path):
    folder = write_suite2p(tmp_path, known())
    samples = np.arange(BEGIN - 2, BEGIN + FRAMES / RATE + 2, 1 / rate)
    frame = np.clip(np.floor((samples - BEGIN) * RATE + 1e-9), -1, FRAMES - 1) + 1
    pd.DataFrame(
        {"time": samples, "x": 60 + 50 * np.sin(samples - BEGIN), "frame_pulse": frame}
    ).to_csv(folder / "track.csv", index=False)
    session = next(data_adapters.sessions("suite2p", folder, track="track.csv"))
    right = BEGIN + np.arange(FRAMES) / RATE
    assert abs(np.mean(session["time"].values - right)) < 0.004


def test_short_times_between_trials_stay_nowhere(tmp_path):
    folder = write_suite2p(tmp_path, known())
    fine = np.arange(BEGIN - 1, BEGIN + FRAMES / RATE + 1, 1 / 50)
    between = ((fine - BEGIN) % 2 < 0.3).astype(int)
    pd.DataFrame({"time": fine, "x": 60 + 50 * np.sin(fine - BEGIN), "iti": between}).to_csv(
        folder / "track.csv", index=False
    )
    session = next(data_adapters.sessions("suite2p", folder, track="track.csv", start=BEGIN))
    phase = np.arange(FRAMES) / RATE % 2
    inside = (phase > 0.02) & (phase < 0.28)
    assert np.isnan(session["position"].values[inside]).all()
    assert np.isfinite(session["position"].values[phase > 0.35]).all()


def test_spikes_of_short_trials_are_counted_in_their_trials(tmp_path):
    """Cells fire in trials of 100 ms alone: the rate is that in the trials."""
    rng = np.random.default_rng(3)
    starts = BEGIN + np.cumsum(rng.uniform(0.4, 0.8, 60))
    spikes = np.concatenate([start + np.sort(rng.uniform(0, 0.1, 2)) for start in starts])
    folder = tmp_path / "phy"
    folder.mkdir()
    np.save(folder / "spike_times.npy", np.round((spikes - BEGIN) * 30_000).astype(np.uint64))
    np.save(folder / "spike_clusters.npy", np.zeros(spikes.size, dtype=np.int32))
    (folder / "params.py").write_text("sample_rate = 30000.\n")
    pd.DataFrame({"start": starts, "stop": starts + 0.1, "odour": "mint"}).to_csv(
        folder / "trials.csv", index=False
    )
    session = next(
        data_adapters.sessions(
            "phy", folder, track="trials.csv", stimulus="odour", start=BEGIN, fs=20.0
        )
    )
    shown = session["stimulus"].values == "mint"
    assert float(session["duration"].values[shown].sum()) == pytest.approx(6.0, abs=0.05)
    assert float(session["activity"].values[shown].sum()) >= 117  # of 120


def labelled(stimulus, **options):
    return session_dataset(
        subject="m", session=0, elapsed=0.0, elapsed_units="day", environment="A",
        unit_identity="s", activity=np.ones((len(stimulus), 1)), stimulus=stimulus,
        sampling_rate=10.0, source="made", events_are="counts", **options,
    )  # fmt: skip


def test_labels_are_the_numbers_that_they_stand_for():
    double, single = (
        labelled(np.array([0.1 + 0.2, 0.3] * 30)), labelled(np.full(60, 0.3, dtype=np.float32))
    )  # fmt: skip
    for session in (double, single):
        assert np.unique(session["stimulus"]).tolist() == [0.3]
    around = labelled(
        np.array([-1e-15, 0.0, 90.0] * 20), stimulus_metric="circular", stimulus_period=180.0
    )
    assert np.unique(around["stimulus"]).tolist() == [0.0, 90.0]


@pytest.mark.parametrize("codes", [[-1, 1], [-1, 0, 1]])
def test_left_and_right_are_not_taken_for_nothing(codes):
    with pytest.raises(RefusedInputError, match="write NaN for none"):
        labelled(np.array(codes * 30, dtype=float))
