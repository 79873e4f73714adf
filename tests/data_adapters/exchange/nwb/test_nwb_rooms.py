"""Epochs and trials of NWB files: one session a room, and the trial of each sample."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("pynwb")
from nwb_layout import START, TIME, TRACK, events, write

import data_adapters
from drift.errors import RefusedInputError

EPOCHS = [(0.0, 10.0, ["familiar"]), (10.0, 20.0, ["sleep"]), (20.0, 30.0, ["novel"])]


def read(path, **options):
    return list(data_adapters.sessions("nwb", path, **options))


def rooms(sessions):
    return [(one["session"].item(), one["environment"].item()) for one in sessions]


def test_each_tag_that_is_named_becomes_a_session(tmp_path):
    for day in (1, 2):
        write(tmp_path / f"{day}.nwb", epochs=EPOCHS, start=START + timedelta(days=day),
              trials={"start_time": [0.0, 5.0, 20.0], "stop_time": [5.0, 20.0, 30.0]})  # fmt: skip
    sessions = read(tmp_path, epochs="novel,familiar")
    assert rooms(sessions) == [(0, "novel"), (1, "familiar"), (2, "novel"), (3, "familiar")]
    assert [one["elapsed"].item() for one in sessions] == [0, 0, 1, 1]
    for one, frames in zip(sessions, [slice(400, 600), slice(0, 200)] * 2):
        np.testing.assert_array_equal(one["activity"], events()[frames])
        np.testing.assert_array_equal(one["position"], TRACK[frames])
        np.testing.assert_array_equal(one["time"], TIME[frames])
    np.testing.assert_array_equal(np.unique(sessions[1]["trial"]), [1, 2])
    assert sessions[0]["unit_identity"].item() == sessions[1]["unit_identity"].item()
    assert sessions[0]["unit_identity"].item() != sessions[2]["unit_identity"].item()


def test_an_environment_makes_one_session_of_tags(tmp_path):
    path = write(tmp_path / "a.nwb", epochs=EPOCHS)
    (one,) = read(path, epochs="familiar, novel", environment="W")
    assert one["environment"].item() == "W" and one.sizes["sample"] == 400


def test_a_table_beside_the_file_tells_rooms(tmp_path):
    path = write(tmp_path / "a.nwb", epochs=EPOCHS)
    table = "start,stop,environment\n0,5,A\n5,10,B\n25,30,A"
    (tmp_path / "rooms.csv").write_text(table)
    sessions = read(path, epochs="rooms.csv")
    assert rooms(sessions) == [(0, "A"), (1, "B")]
    assert [one.sizes["sample"] for one in sessions] == [200, 100]
    assert rooms(read(path, epochs="rooms.csv", environment="B")) == [(0, "B")]
    with pytest.raises(RefusedInputError, match="the environment 'C', got A, B"):
        read(path, epochs="rooms.csv", environment="C")


def test_rooms_of_a_track_beside_the_file(tmp_path):
    path = write(tmp_path / "a.nwb", positions=[])
    lines = [f"{t},{x},{'A' if t < 12 else 'B'}" for t, x in zip(TIME, TRACK)]
    (tmp_path / "t.csv").write_text("\n".join(["time,x,environment", *lines]))
    sessions = read(path, track="t.csv", start="0")
    assert rooms(sessions) == [(0, "A"), (1, "B")]
    assert [one.sizes["sample"] for one in sessions] == [240, 360]


def table(*names, column="environment"):
    edges = np.linspace(0, 30, len(names) + 1)
    return {"start_time": edges[:-1], "stop_time": edges[1:], column: list(names)}


@pytest.mark.parametrize("home", ["trials", "intervals"])
def test_a_column_that_names_environments_tells_rooms(home, tmp_path):
    parts = {"trials": table("A", "B", "A")} if home == "trials" else {
        "intervals": {"behaviour_epochs": table("A", "B", "A")}
    }  # fmt: skip
    path = write(tmp_path / "a.nwb", **parts)
    with pytest.raises(RefusedInputError, match="in the epochs A, B: take one by epochs=A"):
        read(path)
    sessions = read(path, epochs="A,B")
    assert [one.sizes["sample"] for one in sessions] == [400, 200]
    assert rooms(read(path, environment="one")) == [(0, "one")]


def test_labels_of_other_intervals_are_read_when_they_are_named(tmp_path):
    intervals = {"sleep_states": table("NREM", "REM", "WAKE", column="label")}
    path = write(tmp_path / "a.nwb", intervals=intervals)
    assert read(path)[0].sizes["sample"] == 600  # states are no rooms
    assert rooms(read(path, epochs="WAKE")) == [(0, "WAKE")]
    with pytest.raises(RefusedInputError, match="the epoch 'wake', got NREM, REM, WAKE: name one"):
        read(path, epochs="wake")


def test_environments_come_before_tags(tmp_path):
    epochs = [(0.0, 15.0, ["run1", "light"]), (15.0, 30.0, ["run2", "dark"])]
    path = write(tmp_path / "a.nwb", epochs=epochs, trials=table("A", "A"))
    with pytest.raises(RefusedInputError, match="in the epochs run1, light, run2, dark"):
        read(path)
    assert rooms(read(path, epochs="dark")) == [(0, "dark")]


def test_an_epoch_without_samples_is_refused(tmp_path):
    path = write(tmp_path / "a.nwb", epochs=[*EPOCHS, (40.0, 50.0, ["late"])])
    with pytest.raises(RefusedInputError, match=r"the epoch 'late' .* to hold samples, got 0"):
        read(path, epochs="late")


def test_trials_are_rows_of_their_table(tmp_path):
    starts, stops = np.array([1.0, 4.0, 20.0]), np.array([4.0, 10.0, 29.5])
    path = write(tmp_path / "a.nwb", trials={"start_time": starts, "stop_time": stops})
    expected = np.zeros(600, dtype=int)
    for number, (start, stop) in enumerate(zip(starts, stops), start=1):
        expected[(start <= TIME) & (stop > TIME)] = number
    (one,) = read(path)
    np.testing.assert_array_equal(one["trial"], expected)
    starts[1], stops[2] = np.nan, np.nan  # trials that never began, or never ended
    path = write(tmp_path / "c.nwb", trials={"start_time": starts, "stop_time": stops})
    np.testing.assert_array_equal(read(path)[0]["trial"], np.where(expected == 1, 1, 0))
    late = write(tmp_path / "b.nwb", trials={"start_time": [50.0], "stop_time": [60.0]})
    assert "trial" not in read(late)[0]


def test_trials_beside_spikes(tmp_path):
    trains = [np.array([0.01, 3.0]), np.array([2.0, 7.0])]
    trials = {"start_time": [1.0], "stop_time": [5.0]}
    path = write(tmp_path / "a.nwb", responses=None, trains=trains, trials=trials)
    np.testing.assert_array_equal(read(path)[0]["trial"], (TIME >= 1) & (TIME < 5))
