"""``repdrift check`` and ``repdrift convert``: faults of files are seen before anything is measured."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from laboratory_mice import mouse, write_suite2p, write_track2p

import data_adapters
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.session import session_dataset
from drift.cli import main

FRAMES, RATE, LENGTH = 3000, 20.0, 100.0


def session(rng, **changes):
    time = np.arange(FRAMES) / RATE
    place = 50 - 48 * np.cos(time / 3)
    place[(time > 40) & (time < 60)] = place[800]  # a rest
    arguments = {
        "subject": "m1",
        "session": 0,
        "elapsed": 1.0,
        "elapsed_units": "day",
        "environment": "A",
        "unit_identity": "registered",
        "activity": rng.poisson(0.05, (FRAMES, 6)).astype(float),
        "position": place,
        "sampling_rate": RATE,
        "track_length": LENGTH,
        "geometry": "linear",
        "source": "made",
        **changes,
    }
    return session_dataset(**arguments)


def written(folder, rng, **fields):
    """One file; ``fields`` replace what the session has, whatever they hold."""
    file = write_interchange(session(rng), folder)
    content = dict(np.load(file))
    np.savez(file, **{**content, **fields})
    return file


def checked(path, capsys, *options):
    status = main(["check", str(path), *options])
    return status, capsys.readouterr().out


def test_a_good_session_has_no_marks(rng, tmp_path, capsys):
    written(tmp_path, rng)
    status, text = checked(tmp_path, capsys)
    assert status == 0 and "format: interchange" in text
    assert "!" not in text and "REFUSED" not in text
    row = next(line for line in text.splitlines() if line.startswith("m1, 0"))
    assert row.split()[:7] == ["m1,", "0", "A", "1", "3000", "20", "2.0"]


# What is wrong with a file, and the word that must stand beside the mark.
PLACE = np.arange(FRAMES) % 100 * 1.0
FAULTS = {
    "millimetres": ({"position": PLACE * 10}, "scale=0.1"),
    "lost": ({"position": np.where(np.arange(FRAMES) % 7, PLACE, 1023.0)}, "lost=1023"),
    "metres": ({"position": PLACE / 100}, "scale=100"),
    "trace": ({"events": np.full((FRAMES, 6), 3.3) + PLACE[:, None] / 50}, "traces"),
    "negative": ({"events": np.where(PLACE[:, None] < 50, -3.0, 1.0) * np.ones(6)}, "down to -3"),
    "resting": ({"position": np.where(np.arange(FRAMES) < 30, PLACE / 2, 15.0)}, "hardly runs"),
    "gap": ({"t": np.arange(FRAMES) / RATE + 500 * (np.arange(FRAMES) > 999)}, "500"),
    "burst": (
        {"events": np.where(np.arange(FRAMES)[:, None] == 7, 400.0, 0) * np.ones(6) + 1e-3},
        "traces",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_marked_and_named(fault, rng, tmp_path, capsys):
    fields, word = FAULTS[fault]
    written(tmp_path, rng, **fields)
    _, text = checked(tmp_path, capsys)
    assert "!" in text and word in text


def test_one_file_that_is_refused_does_not_hide_the_others(rng, tmp_path, capsys):
    written(tmp_path, rng, position=PLACE * 10)
    write_interchange(session(rng, session=1), tmp_path)
    status, text = checked(tmp_path, capsys)
    assert status == 1
    assert text.count("\nm1, ") == 2 and "REFUSED m1, 0" in text and "REFUSED m1, 1" not in text


@pytest.fixture
def suite2p(tmp_path):
    subject = mouse("m7", 1, days=3, cells=10, seconds=60.0)
    for day in subject.days:
        write_suite2p(tmp_path, day)
    write_track2p(tmp_path, subject)
    return tmp_path


def test_cells_are_seen_without_positions(suite2p, capsys):
    status, text = checked(suite2p / "m7", capsys)
    assert status == 1 and "format: suite2p" in text
    assert "no position is known: say track=" in text


def test_a_registration_is_seen(suite2p, capsys):
    _, text = checked(suite2p / "m7" / "track2p", capsys)
    assert "14 registered cells, 3 sessions" in text
    assert "no cell appears after the first session" in text


def test_what_is_not_known_is_refused(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("nothing")
    assert main(["check", str(tmp_path)]) == 2
    assert "files of a known program were expected" in capsys.readouterr().err


def test_converted_sessions_are_read_back_equal(suite2p, tmp_path, capsys):
    options = ["track=virmen.csv", "registration=track2p", "track_length=160"]
    out = tmp_path / "converted"
    words = ["convert", "suite2p", str(suite2p / "m7"), "--out", str(out), "--option", *options]
    assert main(words) == 0
    told = dict(option.split("=") for option in options)
    before = list(data_adapters.sessions("suite2p", suite2p / "m7", **told))
    after = list(data_adapters.sessions("interchange", out))
    assert len(before) == len(after) == 3
    for one, other in zip(before, after, strict=True):
        xr.testing.assert_identical(one, other)
    assert main(words) == 2  # nothing is overwritten unasked
    assert main([*words, "--overwrite"]) == 0


def test_real_files_show_their_faults(data_folder, capsys):
    files = data_folder("lab_files")
    for name, word in {
        "interchange": "lost=1023",
        "track2p": "no cell appears after the first session",
        "caiman_S_negative_rounding.hdf5": "-3.7e-09",
        "inscopix_traces.csv": "as traces of fluorescence are",
        "suite2p_1.1.0_day0": "say track=",
        "pause_with_rest.nwb": "600 s lie between two samples",
        "only_raw_fluorescence.nwb": "as traces of fluorescence are",
        "iscell_half_rejected.nwb": "rejected",
        "two_environments_epochs_trials.nwb": "familiar, sleep, novel",
        "unit_centimeter.nwb": "200.0",
    }.items():
        _, text = checked(files / name, capsys)
        assert word in text, name
