"""The scoreboard of theories of drift: its rows hold."""

from __future__ import annotations

import pytest
from scoreboards.acceptance import Request
from scoreboards.theories.reproduce import QUICK, ROWS


def test_rows_have_names_of_their_own():
    names = [row.id for row in ROWS]
    assert len(set(names)) == len(names) and set(QUICK) <= set(names)


@pytest.mark.slow
@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_theory_row(row):
    assert [check for check in row.measure(Request()) if not check.passed] == []
