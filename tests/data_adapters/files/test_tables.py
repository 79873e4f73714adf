"""Tables of text: columns keep their names, and what is no table is refused in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from rubbish import refuses, written

import data_adapters
import drift
from data_adapters.files.containers import write_fields
from data_adapters.files.regular import regular
from data_adapters.files.tables import column, read_table
from data_adapters.files.wording import LONGEST, brief, cut, listed
from data_adapters.tracks.files import TrackChoice, read_track
from drift.door import opened
from drift.errors import RefusedInputError


@pytest.fixture
def table(tmp_path):
    def write(text):
        (tmp_path / "a.csv").write_text(text)
        return tmp_path / "a.csv"

    return write


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "a;b\n1;2\n", "a\tb\r\n1\t2\r\n", " a , b\n1, 2,\n"]
)
def test_columns(text, table):
    read = read_table(table(text))
    assert list(read.columns) == ["a", "b"] and read.values.tolist() == [[1, 2]]


@pytest.mark.parametrize("text", ["a,b\n1,2,3\n4,5,6\n", "a,b\n1,2,3,4\n", "a,b\n1,2\n3,4,5\n"])
def test_entries_without_a_name(text, table):
    refuses(lambda: read_table(table(text)), "a.csv")


@pytest.mark.parametrize("head", ["a,a", "a,A", "a, a", "Value,Value"])
def test_names_given_twice(head, table):
    refuses(lambda: read_table(table(f"{head}\n1,2\n")), "a.csv", "once")


def test_a_header_alone(table):
    refuses(lambda: read_table(table("a,b\n")), "lines below")
    assert not len(read_table(table("a,b\n"), may_be_empty=True))


def test_long_entries_are_cut(table):
    path = table("a,b\n1,2\n3," + "x" * 100_000 + "\n")
    refuses(lambda: column(read_table(path), "b", path), "row 2")


DEEPLABCUT = "scorer,n,n,n\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n"
ROWS = "".join(f"{frame},{frame},2,1\n" for frame in range(30))
CHOICE = TrackChoice(rate=30.0)


def test_deeplabcut(table):
    track = read_track(table(DEEPLABCUT + ROWS), CHOICE)
    np.testing.assert_array_equal(track.position, [(frame, 2) for frame in range(30)])


@pytest.mark.parametrize(
    "text",
    [
        DEEPLABCUT.replace("likelihood", "y") + ROWS,
        DEEPLABCUT + ROWS.replace("\n", ",5\n"),
        DEEPLABCUT + ROWS + "30,1,2,1,5\n",
        DEEPLABCUT + "0,1,2,1\n",
        DEEPLABCUT,
        DEEPLABCUT[:30],
        DEEPLABCUT + ROWS.replace(",2,", ",x,"),
    ],
)
def test_spoiled_deeplabcut(text, table):
    path = table(text)
    refuses(lambda: read_track(path, CHOICE), "a.csv")


def test_values_are_shown_on_a_short_line():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    shown = [brief(entry) for entry in (deep, "x" * 10**7, "a\nb", 10**5000, np.zeros(10**6))]
    assert all(len(text) <= LONGEST + 4 and "\n" not in text for text in shown)
    assert cut("a\nb\x1b[31m") == "a b [31m"
    assert listed(range(15)).endswith("10, 11 and 3 more")


def test_closed_files(table, monkeypatch):
    path = table("a\n1\n")
    monkeypatch.setattr(os, "access", lambda file, how, effective_ids: False)
    refuses(lambda: regular(path), "a.csv", "closed")
    refuses(lambda: read_table(path), "a.csv", "closed")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
@pytest.mark.parametrize("tool", ["suite2p", "phy", "minian", "inscopix"])
def test_closed_folders(tool, tmp_path):
    folder = written(tool, tmp_path)
    folder.chmod(0)
    try:
        refuses(lambda: data_adapters.sessions(tool, tmp_path, track="track.csv"), str(folder))
    finally:
        folder.chmod(0o700)


ERRORS = {
    "PermissionError(13, 'Permission denied', 'a/b')": "a/b was expected to be open to you, got P",
    "RecursionError('deep')": "RecursionError: deep",
}


@pytest.mark.parametrize("error", ERRORS)
def test_what_the_door_refuses_too(error):
    namespace = {"__name__": "drift.metrics.rooms"}
    source = f"def drift_of(rate):\n    raise {error}"
    home = Path(drift.__file__).with_name("metrics") / "rooms.py"
    exec(compile(source, str(home), "exec"), namespace)
    with pytest.raises(RefusedInputError, match=ERRORS[error]):
        opened(namespace["drift_of"])([1.0])


@pytest.mark.parametrize("suffix", ["nc", "mat"])
def test_names_that_are_no_unicode(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    refuses(lambda: write_fields({"animal": "m\udcff"}, path), "animal", "m\\udcff")
    assert not path.exists()
