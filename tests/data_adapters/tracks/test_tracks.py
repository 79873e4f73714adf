"""Tracks of trackers and virtual realities: what was, where and when, on a clock of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from laboratory_mice import CORNER, PIXEL, mouse, write_behaviour, write_deeplabcut

from data_adapters.tracks.files import TrackChoice, read_track
from data_adapters.tracks.tables import track_of_columns
from drift.errors import RefusedInputError


def saved(folder, separator=",", **columns):
    pd.DataFrame(columns).to_csv(folder / "track.csv", index=False, sep=separator)
    return folder / "track.csv"


TIME = np.arange(200) / 20
PLACE = 50 + 40 * np.sin(TIME)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("time_name", "factor"),
    [("time", 1.0), ("Time (s)", 1.0), ("time_ms", 1e3), ("Timestamp (ms)", 1e3), ("T", 1.0)],
)
@pytest.mark.parametrize("place_name", ["x", "X", "position", "pos_cm", "x (cm)"])
def test_columns_are_told_by_their_names(separator, time_name, factor, place_name, tmp_path):
    path = saved(tmp_path, separator, **{time_name: TIME * factor, place_name: PLACE})
    track = read_track(path)
    np.testing.assert_allclose(track.time, TIME)
    np.testing.assert_allclose(track.position, PLACE)


def test_decimal_commas_and_text_of_excel(tmp_path):
    lines = ["time;x", *(f"{t:.3f};{x:.5f}".replace(".", ",") for t, x in zip(TIME, PLACE))]
    (tmp_path / "commas.csv").write_text("\r\n".join(lines), newline="")
    np.testing.assert_allclose(read_track(tmp_path / "commas.csv").position, PLACE, atol=1e-5)
    lines = ["time\tx", *(f"{t:.3f}\t{x:.5f}" for t, x in zip(TIME, PLACE))]
    (tmp_path / "excel.txt").write_text("\n".join(lines), encoding="utf-16")
    np.testing.assert_allclose(read_track(tmp_path / "excel.txt").position, PLACE, atol=1e-5)


def test_times_of_day_count_from_the_first(tmp_path):
    stamps = [f"2024-05-01T12:00:{second:09.6f}+02:00" for second in TIME]
    track = read_track(saved(tmp_path, Timestamp=stamps, x=PLACE))
    np.testing.assert_allclose(track.time, TIME, atol=1e-6)


def test_a_plane_has_two_axes_and_an_axis_that_never_changes_is_none(tmp_path):
    track = read_track(saved(tmp_path, time=TIME, x=PLACE, y=PLACE[::-1]))
    np.testing.assert_allclose(track.position, np.stack([PLACE, PLACE[::-1]], axis=1))
    track = read_track(saved(tmp_path, time=TIME, x=0 * PLACE, y=PLACE))
    np.testing.assert_allclose(track.position, PLACE)
    assert "never changes" in track.notes
    track = read_track(saved(tmp_path, time=TIME, x=PLACE, y=PLACE), TrackChoice(position="y"))
    assert track.position.ndim == 1


def test_lost_samples_and_samples_between_trials_are_nowhere(tmp_path):
    place = np.where(np.arange(200) < 20, 1023.0, PLACE)
    between = (np.arange(200) >= 150).astype(int)
    path = saved(tmp_path, time=TIME, x=place, iti=between, trial=np.full(200, 3))
    track = read_track(path, TrackChoice(lost=1023.0))
    assert np.isnan(track.position[:20]).all() and np.isnan(track.position[150:]).all()
    assert np.isfinite(track.position[20:150]).all()
    assert (track.trial[:150] == 3).all() and (track.trial[150:] == 0).all()


def test_a_sample_that_was_written_twice_is_one(tmp_path):
    time = np.repeat(TIME, 2)
    track = read_track(saved(tmp_path, time=time, x=np.repeat(PLACE, 2)))
    np.testing.assert_allclose(track.time, TIME)


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_arrays_are_columns(suffix, tmp_path):
    import scipy.io

    path = tmp_path / f"track{suffix}"
    if suffix == ".npz":
        np.savez(path, time=TIME, x=PLACE)
    else:
        scipy.io.savemat(path, {"time": TIME, "x": PLACE[:, np.newaxis]})
    track = read_track(path)
    np.testing.assert_allclose(track.position, PLACE)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": PLACE}, "column time"),
        ({"time": TIME, "heading": PLACE}, "say position="),
        ({"time": TIME[::-1], "x": PLACE}, "increase"),
        ({"time": TIME * 1e6, "x": PLACE}, "microseconds"),
        ({"time": TIME, "x": ["a"] * 200}, "'a' in row 1"),
        ({"0.0": TIME, "1.0": PLACE}, "header line"),
        ({"time": TIME, "x": PLACE, "trial": PLACE}, "whole numbers"),
    ],
)
def test_what_does_not_tell_is_refused(columns, message, tmp_path):
    with pytest.raises(RefusedInputError, match=message):
        read_track(saved(tmp_path, **columns))


def test_a_misspelt_column_is_named(tmp_path):
    with pytest.raises(RefusedInputError, match="use forward"):
        read_track(saved(tmp_path, time=TIME, forward=PLACE), TrackChoice(position="foward"))


@pytest.fixture
def day():
    return mouse("m", 1, days=1, cells=2, seconds=20.0).days[0]


def test_a_table_of_the_virtual_reality(day, tmp_path):
    track = read_track(write_behaviour(day, tmp_path / "virmen.csv"))
    known = np.isfinite(track.position)
    np.testing.assert_array_equal(known, day.tracked)
    np.testing.assert_allclose(track.position[known], day.place[known], atol=1e-4)
    assert set(track.environment) == {"A"} and track.frame.max() == 20.0 * 20


def test_a_body_part_of_deeplabcut(day, tmp_path):
    path = write_deeplabcut(day, tmp_path / "m.csv")
    track = read_track(path, TrackChoice(bodypart="body", rate=30.0))
    assert track.units == "pixel" and "body" in track.notes
    where = (track.position[:, 0] - CORNER[0]) * PIXEL
    known = np.isfinite(where)
    np.testing.assert_array_equal(known, day.tracked)
    np.testing.assert_allclose(where[known], day.place[known], atol=1e-9)
    mean = read_track(path, TrackChoice(bodypart="nose,body", rate=30.0))
    np.testing.assert_allclose(
        mean.position[known, 0] - track.position[known, 0], 2.0, atol=1e-9
    )  # the nose is 4 pixels ahead
    with pytest.raises(RefusedInputError, match="say bodypart="):
        read_track(path, TrackChoice(rate=30.0))
    with pytest.raises(RefusedInputError, match="use nose"):
        read_track(path, TrackChoice(bodypart="nos", rate=30.0))
    with pytest.raises(RefusedInputError, match="track_rate="):
        read_track(path, TrackChoice(bodypart="body"))


def test_deeplabcut_with_individuals(day, tmp_path):
    table = pd.read_csv(write_deeplabcut(day, tmp_path / "m.csv"), header=[0, 1, 2], index_col=0)
    table.columns = pd.MultiIndex.from_tuples(
        [(scorer, "mouse1", *name) for scorer, *name in table.columns],
        names=["scorer", "individuals", "bodyparts", "coords"],
    )
    table.to_csv(tmp_path / "many.csv")
    track = read_track(tmp_path / "many.csv", TrackChoice(bodypart="mouse1 body", rate=30.0))
    where = (track.position[day.tracked, 0] - CORNER[0]) * PIXEL
    np.testing.assert_allclose(where, day.place[day.tracked], atol=1e-9)


def test_the_hdf5_file_of_deeplabcut_is_the_same(day, tmp_path):
    pytest.importorskip("tables")
    path = write_deeplabcut(day, tmp_path / "m.csv")
    table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    table.to_hdf(tmp_path / "m.h5", key="df_with_missing", format="table", mode="w")
    choice = TrackChoice(bodypart="body", rate=30.0)
    text, hdf5 = read_track(path, choice), read_track(tmp_path / "m.h5", choice)
    np.testing.assert_array_equal(text.position, hdf5.position)


def test_positions_at_frames_keep_gaps_and_hold_trials():
    table = pd.DataFrame({"time": TIME, "x": PLACE, "trial": (TIME > 5).astype(int)})
    table = table[(table["time"] < 2) | (table["time"] > 4)]  # two seconds were not tracked
    track = track_of_columns(table, Path("made.csv"), TrackChoice())
    frames = np.arange(0.02, 9.9, 0.1)
    held = track.at(frames, None, None)
    gap = (frames > 1.96) & (frames < 4.04)
    np.testing.assert_array_equal(np.isnan(held["position"]), gap)
    known = ~gap
    np.testing.assert_allclose(held["position"][known], 50 + 40 * np.sin(frames[known]), atol=0.05)
    assert (held["trial"][frames > 5.1] == 1).all() and (held["trial"][frames < 2] == 0).all()
