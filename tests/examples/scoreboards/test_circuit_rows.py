"""Every row of circuits holds."""

from __future__ import annotations

import pytest
from scoreboards.acceptance import Request
from scoreboards.theories.circuit_rows import ROWS


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_of_circuits_holds(row):
    checks = list(row.measure(Request(0, {})))
    assert checks
    for check in checks:
        print(row.id, check)
        assert check.passed, check
