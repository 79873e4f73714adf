"""Whose a session is, and of which day, by the names of folders as laboratories have them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from data_adapters.assembly.folders import dated, named_places
from data_adapters.assembly.names import dates_in, names_of
from data_adapters.tools import suite2p
from drift.errors import RefusedInputError


def sessions(root: Path, folders: list[str], pattern: str | None = None, elapsed=None):
    """(subject, elapsed) of sessions in folders that are named so."""
    for folder in folders:
        plane = root / folder / "suite2p" / "plane0"
        plane.mkdir(parents=True)
        (plane / "spks.npy").write_bytes(b"")
    holds = lambda path: (path / "spks.npy").is_file()  # noqa: E731
    places = named_places(root, holds, suite2p.STRUCTURAL, "folders", pattern)
    return [(place.subject, place.elapsed) for place in dated(places, elapsed)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-05-01", date(2024, 5, 1)),
        ("2024_5_1", date(2024, 5, 1)),
        ("M12_20240501_s1", date(2024, 5, 1)),
        ("20240501123000", date(2024, 5, 1)),
        ("240531", date(2024, 5, 31)),
        ("240501", date(2024, 5, 1)),
        ("20240532", None),
        ("210521", None),  # 21 May 2021 or 21 May 2021 by other rules: two years are possible
        ("session_12", None),
        ("05012024", None),
    ],
)
def test_dates(text, day):
    told = dates_in(text)
    assert (told[0] if told else None) == day


# How folders lie in laboratories, and whose sessions they must be.
LAYOUTS = {
    "one animal, dates": (["2024-05-01", "2024-05-04"], {"root": [0, 3]}),
    "one animal, days": (["day1", "day2", "day10"], {"root": [1, 2, 10]}),
    "animals above": (
        ["m1/20240501", "m1/20240502", "m2/20240501"],
        {"m1": [0, 1], "m2": [0]},
    ),
    "animals in one name": (
        ["M12_20240501_s1", "M12_20240502_s2", "M13_20240501_s1", "M13_20240502_s1"],
        {"M12": [0, 1], "M13": [0, 1]},
    ),
    "one animal in names": (["M12_20240501_s1", "M12_20240502_s2"], {"root": [0, 1]}),
    "dates above animals": (
        ["2024_05_01/M12", "2024_05_01/M13", "2024_05_02/M12"],
        {"M12": [0, 1], "M13": [0]},
    ),
    "a folder too many": (
        ["data/M12/20240501", "data/M12/20240503", "data/M13/20240501"],
        {"data_M12": [0, 2], "data_M13": [0]},
    ),
    "mice called as days": (["D1/20240501", "D1/20240502", "D2/20240501"], {"D1": [0, 1], "D2": [0]}),
    "fields of view": (["FOV1/20240501", "FOV2/20240501"], {"FOV1": [0], "FOV2": [0]}),
    "runs": (["2024-05-01/TSeries-001", "2024-05-02/TSeries-004"], {"root": [0, 1]}),
    "times": (["2024_05_01/10_32_15", "2024_05_02/11_02_44"], {"root": [0, 1]}),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sessions_of_strangers_are_never_one_animal(layout, tmp_path):
    folders, expected = LAYOUTS[layout]
    root = tmp_path / "root"
    found: dict[str, list[float]] = {}
    for subject, elapsed in sessions(root, folders):
        found.setdefault(subject, []).append(elapsed)
    assert found == expected


def test_a_pattern_says_what_names_mean(tmp_path):
    folders = ["roomA/x12/3", "roomA/x12/5", "roomB/x12/3"]
    pattern = "{environment}/{animal}/{day}"
    assert sessions(tmp_path / "root", folders, pattern) == [
        ("x12", 3.0),
        ("x12", 3.0),
        ("x12", 5.0),
    ]
    with pytest.raises(RefusedInputError, match="correct the pattern"):
        sessions(tmp_path / "root", [], "{animal}_{date}")
    with pytest.raises(RefusedInputError, match="once each"):
        sessions(tmp_path / "root", [], "{animal}/{anmial}/{day}")


def test_two_dates_are_asked_for(tmp_path):
    with pytest.raises(RefusedInputError, match="2024-05-01 and 2024-06-10"):
        sessions(tmp_path, ["M12/20240501/analysis_20240610", "M12/20240503/analysis_20240610"])


def test_names_without_days_are_asked_for(tmp_path):
    with pytest.raises(RefusedInputError, match="say elapsed="):
        sessions(tmp_path / "a", ["familiar", "novel"])
    assert sessions(tmp_path / "b", ["familiar", "novel"], elapsed=(4, 9)) == [
        ("b", 4.0),
        ("b", 9.0),
    ]
    with pytest.raises(RefusedInputError, match="to name 2 days"):
        sessions(tmp_path / "c", ["familiar", "novel"], elapsed=(4,))


def test_a_name_of_no_day_is_a_label():
    assert names_of(["familiar"], "m1", None)[:2] == ("m1", "familiar")
    assert names_of([], "m1", None)[:2] == ("m1", "m1")
