"""One animal or environment of a folder, with every reader; files and sessions are named in
refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recorded_rooms import sessions

import data_adapters
import drift
from data_adapters.laboratories.interchange.reader import write_interchange
from data_adapters.options import filters, kept
from drift.errors import RefusedInputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files")
    for one in sessions({"mouse1": "AAB", "mouse2": "BA"}, units=4):
        write_interchange(one, path)
    return path


def labels(found) -> list[tuple[str, int, str]]:
    return [
        (one["subject"].item(), one["session"].item(), one["environment"].item()) for one in found
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"environment": "A"}, [("mouse1", 0, "A"), ("mouse1", 1, "A"), ("mouse2", 1, "A")]),
        ({"animal": "mouse2"}, [("mouse2", 0, "B"), ("mouse2", 1, "A")]),
        ({"animal": "mouse1", "environment": "B"}, [("mouse1", 2, "B")]),
        (
            {"animal": "mouse1, mouse2", "environment": ["B"]},
            [("mouse1", 2, "B"), ("mouse2", 0, "B")],
        ),
    ],
)
def test_sessions_are_chosen_by_their_labels(folder: Path, options: dict, expected: list):
    assert labels(data_adapters.sessions("interchange", folder, **options)) == expected


def test_labels_that_do_not_occur_are_refused(folder: Path):
    with pytest.raises(
        RefusedInputError, match=r"animal 'mouse3' were expected, got mouse1, mouse2: use mouse"
    ):
        list(data_adapters.sessions("interchange", folder, animal="mouse3"))
    with pytest.raises(RefusedInputError, match="environment 'C'"):
        list(data_adapters.sessions("interchange", folder, environment="A,C"))
    with pytest.raises(RefusedInputError, match=r"'enviroment' is unknown.*use environment"):
        data_adapters.sessions("interchange", folder, enviroment="A")
    for wrong in ("", 3, [], [1]):
        with pytest.raises(RefusedInputError, match="takes a label"):
            data_adapters.sessions("interchange", folder, animal=wrong)


@pytest.mark.parametrize("name", data_adapters.READERS)
def test_every_reader_takes_both(name: str):
    from importlib import import_module

    own, wanted = filters(
        import_module(data_adapters.READERS[name]).sessions, {"animal": "x", "environment": "y"}
    )
    assert wanted["subject"] == ("x",) and (wanted.get("environment") == ("y",)) != (
        own == {"environment": "y"}
    )


def test_what_is_not_asked_for_passes():
    made = sessions({"m": "AB"}, units=4)
    assert list(kept(made, {})) == made


def test_readers_name_the_file_that_does_not_fit(tmp_path: Path):
    """Sessions count from 0, files from 1: the number alone would lead to another file."""
    for one in sessions({"m": "AA"}, units=4):
        path = write_interchange(one, tmp_path)
    fields = dict(np.load(path))
    fields["events"][0, 0] = -1.0
    np.savez(path, **fields)
    read = data_adapters.sessions("interchange", tmp_path)
    next(read)
    with pytest.raises(RefusedInputError, match=r"m_02\.npz: activity of session 1 of m was"):
        next(read)


def test_refusals_name_the_file(folder: Path):
    silent = [
        one.assign(activity=np.nan * one["activity"])
        for one in data_adapters.sessions("interchange", folder, animal="mouse2")
    ]
    silent[0].encoding["source"] = str(folder / "mouse2_01.npz")
    with pytest.raises(
        RefusedInputError, match=r"subject mouse2, session 0 \(file mouse2_01.npz\)"
    ):
        drift.measure(silent)
