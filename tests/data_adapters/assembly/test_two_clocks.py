"""When frames were: what was said, pulses, a tool's own times; contradictions are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tool_files import (
    BEGIN,
    FRAMES,
    OPTIONS,
    RATE,
    TOOLS,
    known,
    write_caiman,
    write_phy,
    write_suite2p,
)

import data_adapters
from drift.errors import RefusedInputError

SAMPLES = np.arange(BEGIN - 2, BEGIN + FRAMES / RATE + 2, 1 / 33)  # s, of the track


def track(folder, **columns):
    place = 60 + 50 * np.sin(SAMPLES - BEGIN)
    pd.DataFrame({"time": SAMPLES, "x": place, **columns}).to_csv(folder / "track.csv", index=False)


def running_frame(first: int = 1) -> np.ndarray:
    """Number of the frame that runs, ``first`` - 1 before; the last one goes on."""
    frame = np.floor((SAMPLES - BEGIN) * RATE + 1e-9)
    return np.clip(frame, -1, FRAMES - 1) + first


def read(folder, tool="suite2p", **options):
    return next(data_adapters.sessions(tool, folder, track="track.csv", **options))


def off(session) -> float:
    """Largest distance from where the animal was, cm."""
    return float(np.abs(session["position"].values - known().place).max())


@pytest.fixture
def folder(tmp_path):
    return write_suite2p(tmp_path, known())


@pytest.mark.parametrize("tool", TOOLS)
def test_two_clocks_do_not_begin_together_unless_somebody_says_so(tool, tmp_path):
    TOOLS[tool][0](tmp_path, known())
    with pytest.raises(RefusedInputError, match="say start="):
        read(tmp_path, tool)


def test_pulses_tell_the_frames(folder):
    track(folder, frame_pulse=running_frame())
    assert off(read(folder)) < 2.0  # a sample of the track is 3 cm at most
    track(folder, Frame=running_frame())
    with pytest.raises(RefusedInputError, match="pulses=Frame"):
        read(folder)
    assert off(read(folder, pulses="Frame")) < 2.0


def test_pulses_that_count_from_zero_say_so(folder):
    track(folder, frame_pulse=running_frame(0))
    assert off(read(folder)) < 2.0


def test_a_signal_that_rises_with_each_frame(tmp_path):
    """0 and 1, twice a frame: the track is sampled often enough here."""
    folder = write_suite2p(tmp_path, known())
    fine = np.arange(BEGIN - 1, BEGIN + FRAMES / RATE + 1, 1 / 200)
    phase = (fine - BEGIN) * RATE
    signal = (np.floor(2 * phase) % 2 == 0) & (phase >= 0) & (phase < FRAMES)
    pd.DataFrame(
        {"time": fine, "x": 60 + 50 * np.sin(fine - BEGIN), "ttl": signal.astype(int)}
    ).to_csv(folder / "track.csv", index=False)
    assert off(read(folder, pulses="ttl")) < 0.5


def test_pulses_that_do_not_fit_are_refused(folder):
    track(folder, frame_pulse=np.floor(running_frame() / 2))
    with pytest.raises(RefusedInputError, match="at 20 Hz, got 10 Hz"):
        read(folder)
    surplus = np.clip(np.floor((SAMPLES - BEGIN + 1) * RATE), 0, None)
    track(folder, frame_pulse=surplus)
    with pytest.raises(RefusedInputError, match="expected to be 400, got 4"):
        read(folder)
    track(folder, frame_pulse=running_frame())
    with pytest.raises(RefusedInputError, match=r"begin at 49\.999 s, got 47 s"):
        read(folder, start=BEGIN - 3)
    assert off(read(folder, start=BEGIN - 0.01)) < 2.0


def test_times_of_frames_are_held_against_the_rate(folder):
    track(folder)
    times = BEGIN + np.arange(FRAMES) / RATE
    np.save(folder / "frames.npy", times)
    assert off(read(folder, frame_times="frames.npy")) < 0.1
    pd.DataFrame({"frame": np.arange(FRAMES), "Time (ms)": 1000 * times}).to_csv(
        folder / "frames.csv", index=False
    )
    assert off(read(folder, frame_times="frames.csv")) < 0.1
    np.save(folder / "frames.npy", BEGIN + np.arange(FRAMES) / (2 * RATE))
    with pytest.raises(RefusedInputError, match="at 20 Hz, got 40 Hz"):
        read(folder, frame_times="frames.npy")
    np.save(folder / "frames.npy", times[1:])
    with pytest.raises(RefusedInputError, match="400 frames, got 399"):
        read(folder, frame_times="frames.npy")
    with pytest.raises(RefusedInputError, match="one at a time"):
        read(folder, frame_times="frames.npy", start=BEGIN)


def test_times_of_the_track_are_said(tmp_path):
    folder = write_phy(tmp_path, known())
    track(folder)
    right = read(folder, "phy", start=BEGIN)
    table = pd.read_csv(folder / "track.csv")
    table[["x"]].to_csv(folder / "track.csv", index=False)
    np.save(folder / "camera.npy", SAMPLES)
    said = read(folder, "phy", start=BEGIN, track_times="camera.npy")
    assert said.identical(right.assign_attrs(said.attrs)) or np.array_equal(
        said["activity"], right["activity"]
    )
    with pytest.raises(RefusedInputError, match="say track_times= for the times"):
        read(folder, "phy", frame_times="camera.npy", track_times="camera.npy")


def test_parts_of_a_recording_have_one_track(folder):
    """The second part goes on where the first ended."""
    plane = folder / "suite2p" / "plane0"
    settings = {"fs": RATE, "frames_per_folder": [150, 250], "data_path": ["day1", "day2"]}
    np.save(plane / "ops.npy", settings)
    for columns, options in (({}, OPTIONS), ({"frame_pulse": running_frame()}, {})):
        track(folder, **columns)
        options = {**options, "track": "track.csv"}
        pieces = list(data_adapters.sessions("suite2p", folder, split="true", **options))
        place = np.concatenate([piece["position"].values for piece in pieces])
        assert np.abs(place - known().place).max() < 2.0


def test_one_track_for_two_days_is_refused(tmp_path):
    for day in ("2024-05-01", "2024-05-02"):
        folder = tmp_path / day
        folder.mkdir()
        write_caiman(folder, known())
        (folder / "track.csv").rename(tmp_path / "track.csv")
    with pytest.raises(RefusedInputError, match="a track for each session"):
        read(tmp_path, "caiman", start=BEGIN)


def test_a_file_of_the_working_folder_is_not_beside_the_recording(folder, monkeypatch, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "track.csv").rename(elsewhere / "track.csv")
    monkeypatch.chdir(elsewhere)
    with pytest.raises(RefusedInputError, match="check the name"):
        data_adapters.sessions("suite2p", folder / "suite2p", track="track.csv", start=BEGIN)
    named = str(elsewhere / "track.csv")
    session = next(data_adapters.sessions("suite2p", folder / "suite2p", track=named, start=BEGIN))
    assert off(session) < 1e-6


def test_lost_samples_are_as_missing_ones(folder):
    """Every seventh sample lost: as good as not written, since neighbours are near."""
    track(folder)
    table = pd.read_csv(folder / "track.csv")
    table.loc[::7, "x"] = np.nan
    table.to_csv(folder / "track.csv", index=False)
    session = read(folder, start=BEGIN)
    assert np.isfinite(session["position"]).all() and off(session) < 0.5
