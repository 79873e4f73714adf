"""Acceptance rows of the drift paper: what the scoreboard measures must hold.

The rows are those of ``examples/scoreboards/drift/reproduce.py``; runs are shared between rows.
Rows of hours belong to the scoreboard alone. D48 compares speeds and is left to the benchmarks; D49
needs more sessions than the recording at hand has.
"""

from __future__ import annotations

import pytest
from scoreboards.drift.reproduce import ROWS
from scoreboards.drift.runs import Lengths

CHECKED = [row for row in ROWS if row.cost != "hours" and row.id not in ("D48", "D49")]
LONG = (
    "D01",
    "D41",
    "D42",
)  # seconds for the scoreboard, but more of them than the quick tests have
PUBLISHED_DATA = ("D22", "D23", "D24", "D25", "D26", "D27", "D28")


@pytest.fixture(scope="module")
def lengths(tmp_path_factory: pytest.TempPathFactory) -> Lengths:
    return Lengths(runs=tmp_path_factory.mktemp("runs"))


@pytest.mark.filterwarnings("ignore:resource_tracker")
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            id=row.id,
            marks=pytest.mark.slow if row.cost != "seconds" or row.id in LONG else (),
        )
        for row in CHECKED
    ],
)
def test_row(row, lengths: Lengths, request: pytest.FixtureRequest):
    if row.id in PUBLISHED_DATA:
        request.getfixturevalue("data_folder")("corridor_reference")
    missed = [check for check in row.measure(lengths) if not check.passed]
    assert not missed
