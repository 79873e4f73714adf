"""Natural movie 1 in three sessions, as the authors publish it: written in their layout and read
back equal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
from matlab_hdf5 import write_hdf5

import data_adapters
import drift
from data_adapters.files import matlab
from drift.errors import RefusedInputError

FRAMES, REPEATS, CELLS = 900, 10, 5


def read(path, **options):
    return list(data_adapters.sessions("deitch2021", path, **options))


def known(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Events (cell, frame, session) and running speeds (session, frame)."""
    rng = np.random.default_rng(seed)
    second = np.arange(FRAMES * REPEATS) % FRAMES // 30
    tuned = 0.02 + 0.3 * (second == 6 * np.arange(CELLS)[:, np.newaxis])
    events = (rng.random((CELLS, FRAMES * REPEATS, 3)) < tuned[..., np.newaxis]).astype(float)
    return events, rng.gamma(2.0, 3.0, (3, FRAMES * REPEATS))


def write(path: Path, events: np.ndarray, speed: np.ndarray | None, **fields) -> Path:
    """A mouse as the authors' script loads it; ``fields`` replace and add."""
    content = {
        "united_traces_days_events": events,
        "mouse_age": np.array([[97.0, 90.0, 94.0]]),
        "imaging_depth": 175.0,
        "cre_line": "Cux2-CreERT2",
        "raw_pop_vector_info_trials": np.zeros((len(events), 30, 30)),
    }
    if speed is not None:
        running = np.empty((3, 2), dtype=object)
        for session in range(3):
            running[session] = [speed[session][:, np.newaxis], np.zeros((0, 0))]
        content["natural_movie_running_sorted"] = running
    path.parent.mkdir(parents=True, exist_ok=True)
    content |= fields
    scipy.io.savemat(path, {name: value for name, value in content.items() if value is not None})
    return path


def test_a_mouse_reads_back_equal(tmp_path):
    events, speed = known()
    path = write(tmp_path / "VISp" / "511510670.mat", events, speed)
    sessions = read(tmp_path)
    assert [session["elapsed"].item() for session in sessions] == [0.0, 4.0, 7.0]
    for number, session in enumerate(sessions):
        np.testing.assert_array_equal(session["activity"], events[:, :, number].T)
        np.testing.assert_array_equal(session["velocity"], speed[number])
        frame = np.arange(FRAMES * REPEATS)
        np.testing.assert_array_equal(session["stimulus"], frame % FRAMES // 30 + 0.5)
        np.testing.assert_array_equal(session["trial"], frame // FRAMES + 1)
        assert session["stimulus"].attrs["metric"] == "linear"
        assert session["stimulus"].attrs["units"] == "s"
        assert session["subject"].item() == "511510670"
        assert session["session"].item() == number
        assert session["unit_identity"].item() == "registered"
        assert session.attrs["region"] == "VISp" and session.attrs["imaging_depth"] == 175.0
        assert session.attrs["cre_line"] == "Cux2-CreERT2"
        assert session["activity"].attrs["kind"] == "counts"
    assert [one["subject"].item() for one in read(path)] == ["511510670"] * 3


@pytest.mark.parametrize("with_speed", [True, False])
def test_a_file_is_unpacked_once(with_speed, tmp_path, monkeypatch):
    events, speed = known()
    path = write(tmp_path / "VISp" / "1.mat", events, speed if with_speed else None)
    unpacked, variables = [], matlab.variables
    monkeypatch.setattr(
        matlab, "variables", lambda file, needed: unpacked.append(file) or variables(file, needed)
    )
    assert len(read(path)) == 3
    assert unpacked == [path]


def test_rates_are_those_of_the_authors_bins(tmp_path):
    """Mean over the ten repeats of the mean of each second, times 30 Hz; resting frames count."""
    events, speed = known()
    write(tmp_path / "VISp" / "1.mat", events, speed)
    dataset = drift.measure(read(tmp_path))
    bins = events.reshape(CELLS, REPEATS, 30, 30, 3).mean(axis=(1, 3)) * 30
    np.testing.assert_allclose(dataset["rate"].isel(subject=0), np.moveaxis(bins, -1, 0))
    np.testing.assert_allclose(dataset["occupancy"], 10.0)
    peak = dataset["rate"].isel(subject=0).argmax("stimulus")
    assert (dataset["stimulus"].values[peak] == 6 * np.arange(CELLS) + 0.5).all()


def test_a_cell_that_is_nan_was_not_found_and_a_silent_one_by_choice(tmp_path):
    events, speed = known()
    events[1, :, 2], events[3, :, 0] = np.nan, 0.0
    path = write(tmp_path / "VISl" / "2.mat", events, speed)
    assert [one["unit"].values.tolist() for one in read(path)] == [
        [0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4],
        [0, 2, 3, 4],
    ]
    assert read(path, absent="silent")[0]["unit"].values.tolist() == [0, 1, 2, 4]


def test_bins_and_areas_are_chosen(tmp_path):
    events, speed = known()
    for area in ("VISp", "VISl"):
        write(tmp_path / "calcium_excitatory" / area / f"{area}.mat", events, speed)
    (session, *_) = read(tmp_path, area="VISl", bins="90")
    assert session["subject"].item() == "VISl"
    assert np.unique(session["stimulus"])[:3] == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    with pytest.raises(RefusedInputError, match="got VISl, VISp"):
        read(tmp_path, area="VISam")
    with pytest.raises(RefusedInputError, match="divide the 900 frames"):
        read(tmp_path, bins=31)


def test_running_may_lack(tmp_path):
    events, _ = known()
    assert "velocity" not in read(write(tmp_path / "a" / "3.mat", events, None))[0]


def test_a_file_of_version_7_3_reads_equal(tmp_path):
    events, _ = known()
    content = {"united_traces_days_events": events, "mouse_age": np.array([[90.0, 94.0, 97.0]])}
    write_hdf5(tmp_path / "4.mat", content)
    for number, session in enumerate(read(tmp_path / "4.mat")):
        np.testing.assert_array_equal(session["activity"], events[:, :, number].T)


@pytest.mark.parametrize(
    "fields, match",
    [
        ({"united_traces_days_events": np.zeros((4, 27000))}, "9000, session"),
        ({"mouse_age": np.array([[90.0, 94.0]])}, "the days of 3 sessions"),
        ({"mouse_age": None}, "mouse_age"),
    ],
)
def test_another_layout_is_refused(tmp_path, fields, match):
    events, speed = known()
    with pytest.raises(RefusedInputError, match=match):
        read(write(tmp_path / "VISp" / "5.mat", events, speed, **fields))
