"""Inscopix: which cells count by their status, and files that do not fit one another."""

from __future__ import annotations

import numpy as np
import pytest
from rubbish import read, refused, written
from tool_files import CELLS, FRAMES, known

from data_adapters.tools import inscopix


@pytest.fixture
def folder(tmp_path):
    return written("inscopix", tmp_path)


def say(folder, words):
    file = folder / "traces.csv"
    names, _, *frames = file.read_text().splitlines()
    status = ", ".join(["Time(s)/Cell Status", *words])
    file.write_text("\n".join([names, status, *frames]) + "\n")


MIXED = ["accepted", "undecided", "rejected", "accepted", "undecided", "rejected", "undecided"]


@pytest.mark.parametrize(
    ("options", "cells", "note"),
    [
        ({}, [0, 3], "5 of 7 cells left out (3 undecided, 2 rejected)"),
        ({"status": "accepted,undecided"}, [0, 1, 3, 4, 6], "2 of 7 cells left out (2 rejected)"),
        ({"status": "undecided"}, [1, 4, 6], "4 of 7 cells left out (2 rejected, 2 accepted)"),
        ({"keep_rejected": True}, range(CELLS), ""),
    ],
)
def test_status(options, cells, note, folder):
    say(folder, MIXED)
    session = read("inscopix", folder, **options)
    assert list(session["unit_label"].values) == [f"C{cell}" for cell in cells]
    assert note in session.attrs["notes"]
    np.testing.assert_allclose(session["activity"], known().events[list(cells)].T, rtol=1e-12)


def test_all_cells_count_where_nobody_decided(folder):
    say(folder, ["undecided"] * CELLS)
    session = read("inscopix", folder)
    assert session.sizes["unit"] == CELLS
    assert "no cell was accepted or rejected: all of them count" in session.attrs["notes"]


def test_other_words(folder):
    refused("inscopix", folder, "status of Inscopix", status="good")
    say(folder, ["rejected"] * CELLS)
    refused("inscopix", folder, "traces.csv", "7 rejected", "keep_rejected")
    say(folder, ["good"] * CELLS)
    refused("inscopix", folder, "traces.csv", "'good'")


def test_an_empty_line_before_the_names_changes_nothing(folder):
    usual = read("inscopix", folder)
    file = folder / "traces.csv"
    file.write_text("\n\n" + file.read_text())
    assert read("inscopix", folder).identical(usual)


@pytest.mark.parametrize("at", [-0.5, -0.06, FRAMES / 20 + 1, "inf", "-inf", "", "nan"])
def test_events_outside_of_the_traces(at, folder):
    with (folder / "events.csv").open("a") as file:
        file.write(f"{at}, C0, 1.0\n")
    refused("inscopix", folder, "events.csv")


@pytest.mark.parametrize("name", ["", "NA", "nan", " "])
@pytest.mark.parametrize("alone", [True, False])
def test_events_of_no_cell(name, alone, folder):
    with (folder / "events.csv").open("a") as file:
        file.write(f"1.0, {name}, 1.0\n2.0, other, 1.0\n")
    if alone:
        (folder / "traces.csv").unlink()
    refused("inscopix", folder, "events.csv", "empty name")


def test_silence_ends_with_the_recording_where_events_are_alone(folder):
    (folder / "traces.csv").unlink()
    with (folder / "track.csv").open("a") as file:
        for number in range(2000):
            file.write(f"{70.5 + number / 20:.6f},60\n")
    session = read("inscopix", folder)
    assert session["time"].values[-1] < 72
    assert "samples of the track lie before or after the recording" in session.attrs["notes"]


def test_files_are_opened_once(folder, monkeypatch):
    for number in range(100):
        (folder / f"t{number}.csv").write_text(" ,C0\nTime(s)/Cell Status,accepted\n0,1\n1,2\n")
    opened, kind = [], inscopix._kind
    monkeypatch.setattr(inscopix, "_kind", lambda file: opened.append(file) or kind(file))
    refused("inscopix", folder, "one file of traces")
    assert len(opened) < 500
