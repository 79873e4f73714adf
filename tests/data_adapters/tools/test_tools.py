"""What each tool writes of a known session is read back as it was; what is spoiled is refused in one
sentence."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tool_files import (
    ACCEPTED,
    CELLS,
    FRAMES,
    OF_SPIKES,
    OPTIONS,
    RATE,
    TOOLS,
    known,
    write_suite2p,
)

import data_adapters
import drift
from drift.errors import RefusedInputError


def written(tool, folder, seed=0):
    if tool == "minian":
        pytest.importorskip("zarr")
    write, options, cells = TOOLS[tool]
    folder.mkdir(exist_ok=True, parents=True)
    return write(folder, known(seed)), options, cells


@pytest.mark.parametrize("tool", TOOLS)
def test_a_session_is_read_as_it_was_written(tool, tmp_path):
    folder, options, cells = written(tool, tmp_path / "m1" / "2024-05-01")
    session = next(data_adapters.sessions(tool, folder, **options))
    truth = known()
    events = truth.events[cells].T
    if tool in OF_SPIKES:
        frame = np.round((session["time"].values - OPTIONS["start"]) * RATE).astype(int)
        assert (np.diff(frame) == 1).all() and frame[0] == 0 and frame[-1] >= FRAMES - 30
        assert session["activity"].attrs["kind"] == "counts"
        np.testing.assert_array_equal(session["activity"], events[frame] > 0)
        np.testing.assert_allclose(session["position"], truth.place[frame], atol=1e-8)
    else:
        assert session.sizes == {"sample": FRAMES, "unit": len(cells)}
        assert session["activity"].attrs["kind"] == "amplitudes"
        np.testing.assert_allclose(session["activity"], events, rtol=1e-12)
        np.testing.assert_allclose(session["position"], truth.place, atol=1e-6)
    assert session["sampling_rate"].item() == pytest.approx(RATE)
    if len(cells) < CELLS and tool != "cellexplorer":
        assert f"{(~ACCEPTED).sum()} of {CELLS}" in session.attrs["notes"]


@pytest.mark.parametrize("tool", TOOLS)
def test_rejected_cells_are_kept_where_that_is_said(tool, tmp_path):
    folder, options, _ = written(tool, tmp_path / "m1")
    options = {**options, "area": "any"} if tool == "cellexplorer" else options
    session = next(data_adapters.sessions(tool, folder, keep_rejected=True, **options))
    assert session.sizes["unit"] == CELLS


@pytest.mark.parametrize("tool", TOOLS)
def test_days_and_animals_are_told_by_folders(tool, tmp_path):
    for subject in ("m1", "m2"):
        for day in ("2024-05-01", "2024-05-04"):
            _, options, _ = written(tool, tmp_path / subject / day)
    sessions = list(data_adapters.sessions(tool, tmp_path, **options))
    labels = [(s["subject"].item(), s["session"].item(), s["elapsed"].item()) for s in sessions]
    assert labels == [("m1", 0, 0.0), ("m1", 1, 3.0), ("m2", 0, 0.0), ("m2", 1, 3.0)]
    chosen = list(data_adapters.sessions(tool, tmp_path, animal="m2", **options))
    assert [session["subject"].item() for session in chosen] == ["m2", "m2"]


@pytest.mark.parametrize("tool", TOOLS)
def test_days_that_names_do_not_tell_are_asked_for(tool, tmp_path):
    for day in ("familiar", "novel"):
        _, options, _ = written(tool, tmp_path / "m1" / day)
    with pytest.raises(RefusedInputError, match="say elapsed="):
        next(data_adapters.sessions(tool, tmp_path / "m1", **options))
    sessions = data_adapters.sessions(tool, tmp_path / "m1", elapsed="2.5,7", **options)
    assert [session["elapsed"].item() for session in sessions] == [2.5, 7.0]


@pytest.mark.parametrize("tool", TOOLS)
def test_without_a_track_it_is_asked_for(tool, tmp_path):
    folder, _, _ = written(tool, tmp_path / "m1")
    with pytest.raises(RefusedInputError, match="say track="):
        next(data_adapters.sessions(tool, folder))


@pytest.mark.parametrize("tool", TOOLS)
def test_a_track_of_another_clock_is_refused(tool, tmp_path):
    folder, options, _ = written(tool, tmp_path / "m1")
    with pytest.raises(RefusedInputError, match="start="):
        next(data_adapters.sessions(tool, folder, **{**options, "start": 5000.0}))


@pytest.mark.parametrize("tool", TOOLS)
def test_an_unknown_option_is_refused(tool, tmp_path):
    folder, options, _ = written(tool, tmp_path / "m1")
    with pytest.raises(RefusedInputError, match="unknown to the reader"):
        next(data_adapters.sessions(tool, folder, trakc="a.csv", **options))


@pytest.mark.parametrize("tool", TOOLS)
def test_measures_take_what_is_read(tool, tmp_path):
    folder, options, cells = written(tool, tmp_path / "m1")
    measured = drift.measure(data_adapters.sessions(tool, folder, **options))
    assert measured.sizes["subject"] == 1
    assert int(measured["recorded"].sum()) == len(cells)


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool not in OF_SPIKES])
def test_traces_are_refused_as_events(tool, tmp_path):
    folder, options, _ = written(tool, tmp_path / "m1")
    if tool in ("suite2p", "caiman"):
        options = {**options, "events": "F" if tool == "suite2p" else "C"}
        with pytest.raises(RefusedInputError, match="traces of fluorescence"):
            next(data_adapters.sessions(tool, folder, **options))
        session = next(data_adapters.sessions(tool, folder, events_are="trace", **options))
        assert session["activity"].attrs["kind"] == "trace"


def test_a_recording_of_several_folders_is_split(tmp_path):
    folder, options, _ = written("suite2p", tmp_path / "m1")
    plane = folder / "suite2p" / "plane0"
    np.save(
        plane / "ops.npy",
        {"fs": RATE, "frames_per_folder": np.array([150, 250]), "data_path": ["a/day1", "a/day4"]},
    )
    with pytest.raises(RefusedInputError, match="split=true"):
        next(data_adapters.sessions("suite2p", folder, **options))
    whole = list(data_adapters.sessions("suite2p", folder, split="false", **options))
    pieces = list(data_adapters.sessions("suite2p", folder, split="true", **options))
    assert [piece.sizes["sample"] for piece in pieces] == [150, 250]
    assert [piece["elapsed"].item() for piece in pieces] == [1.0, 4.0]
    assert len({piece["unit_identity"].item() for piece in pieces}) == 1  # the same regions
    joined = np.concatenate([piece["activity"].values for piece in pieces])
    np.testing.assert_array_equal(joined, whole[0]["activity"])


def test_one_of_several_planes_is_asked_for(tmp_path):
    folder, options, _ = written("suite2p", tmp_path / "m1")
    write_suite2p(tmp_path / "other", known(4)) if (tmp_path / "other").mkdir() is None else None
    (tmp_path / "other" / "suite2p" / "plane0").rename(folder / "suite2p" / "plane1")
    with pytest.raises(RefusedInputError, match="plane0, plane1: say plane="):
        next(data_adapters.sessions("suite2p", folder, **options))
    session = next(data_adapters.sessions("suite2p", folder, plane=1, **options))
    np.testing.assert_allclose(session["activity"], known(4).events[ACCEPTED].T)


def test_clusters_that_nobody_judged_all_count(tmp_path):
    folder, options, _ = written("phy", tmp_path / "m1")
    (folder / "phy" / "cluster_group.tsv").unlink()
    session = next(data_adapters.sessions("phy", folder, **options))
    assert session.sizes["unit"] == CELLS
    assert "no cluster was judged" in session.attrs["notes"]


def test_the_sorter_is_heard_where_nobody_judged(tmp_path):
    folder, options, _ = written("phy", tmp_path / "m1")
    table = folder / "phy" / "cluster_group.tsv"
    words = table.read_text().replace("group", "KSLabel")
    table.unlink()
    (folder / "phy" / "cluster_KSLabel.tsv").write_text(words)
    session = next(data_adapters.sessions("phy", folder, **options))
    assert session.sizes["unit"] == ACCEPTED.sum()


def test_params_are_read_and_not_run(tmp_path):
    folder, options, _ = written("phy", tmp_path / "m1")
    (folder / "phy" / "params.py").write_text(
        "import pytest; pytest.fail('run')\nsample_rate = __import__('os').getpid()\n"
    )
    with pytest.raises(RefusedInputError, match="say sample_rate="):
        next(data_adapters.sessions("phy", folder, **options))
    session = next(data_adapters.sessions("phy", folder, sample_rate=30_000.0, **options))
    assert session.sizes["unit"] == ACCEPTED.sum()


def test_samples_outside_of_the_recording_are_no_silence(tmp_path):
    """The track goes on after the last spike and begins before the first sample of the
    electrodes."""
    folder, options, _ = written("phy", tmp_path / "m1")
    session = next(data_adapters.sessions("phy", folder, **options))
    assert session["time"].values.min() >= OPTIONS["start"] - 1e-6
    assert "before or after the recording" in session.attrs["notes"]


def test_a_cell_without_an_event_is_silent_not_absent(tmp_path):
    folder, options, _ = written("inscopix", tmp_path / "m1")
    lines = (folder / "events.csv").read_text().splitlines()
    (folder / "events.csv").write_text("\n".join(line for line in lines if ", C1," not in line))
    session = next(data_adapters.sessions("inscopix", folder, **options))
    silent = session["activity"].sel(unit=1)
    assert session["unit_label"].sel(unit=1).item() == "C1"
    assert float(silent.sum()) == 0.0


def test_real_files_are_read_by_one_command(data_folder):
    """Numbers of the files: 42 regions and 600 frames at 10 Hz of suite2p 1.1.0, of which 483 are
    timed; 15 components and 1,000 frames at 30 Hz of CaImAn, down to -3.7e-9."""
    files = data_folder("lab_files")
    track = str(files / "suite2p_1.1.0_day0" / "virmen.csv")
    session = next(data_adapters.sessions("suite2p", files, track="virmen.csv", track_length=150))
    assert session.sizes == {"sample": 600, "unit": 42}
    assert session["sampling_rate"].item() == pytest.approx(10.0, rel=1e-3)
    assert "483 pulses" in session.attrs["notes"]
    session = next(data_adapters.sessions("caiman", files, track=track, start=998.55, pulses="no"))
    assert session.sizes == {"sample": 1000, "unit": 15}
    assert "-3.7e-09" in session.attrs["notes"]
    assert float(session["activity"].min()) == 0.0
    with pytest.raises(RefusedInputError, match="not negative"):
        next(
            data_adapters.sessions(
                "inscopix", files, track=track, start=998.55, pulses="no", events_are="trace"
            )
        )


def test_registrations_of_real_files(data_folder):
    from data_adapters.registrations.files import read_registration

    registration = read_registration(data_folder("lab_files") / "track2p")
    there = registration.columns >= 0
    assert there.sum(axis=0).tolist() == [34, 34, 26] and there.all(axis=1).sum() == 26
    table = read_registration(data_folder("lab_files") / "track2p" / "plane0_suite2p_indices.csv")
    xr.testing.assert_equal(xr.DataArray(table.columns), xr.DataArray(registration.columns))
    with pytest.raises(RefusedInputError, match="match_mat"):
        read_registration(data_folder("lab_files") / "track2p" / "plane0_match_mat.npy")
