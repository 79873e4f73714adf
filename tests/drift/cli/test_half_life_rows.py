"""What the command line says of a half-life: an estimate with its interval, why there is none, or
nothing where halves were not kept."""

from __future__ import annotations

import numpy as np
from redrawn_fields import redrawn

from drift.cli.lines.summaries import half_life_rows


def test_one_line_with_its_interval():
    measured = redrawn(np.random.default_rng(0), [0.15] * 4, units=100, sessions=9)
    (row,) = half_life_rows(measured)
    assert row.startswith("  half-life of the code: ") and " day (95 %: " in row
    assert row.endswith("; 4 independent subjects)")


def test_two_subjects_are_told_one_by_one():
    two = redrawn(np.random.default_rng(0), [0.1, 0.25], units=100, sessions=6)
    over_all, *alone = half_life_rows(two)  # Student's interval of two subjects holds nearly all
    assert "no certain decline" in over_all
    for row, subject in zip(alone, two["subject"].values, strict=True):
        assert row.startswith(f"    {subject} alone: ") and "1 independent subject" in row
    assert "95 %" in alone[1]  # the faster one has lost half within what was recorded


def test_a_sentence_or_nothing():
    frozen = redrawn(np.random.default_rng(0), [0.0] * 3)
    over_all, *alone = half_life_rows(frozen)
    assert over_all == (
        "  half-life of the code: at least 5 day (3 independent subjects): no certain decline over "
        "5 day"
    )
    assert len(alone) == 3 and all("alone: at least" in row for row in alone)
    assert half_life_rows(frozen.drop_vars("rate_half")) == []
    assert half_life_rows(frozen.isel(session=[0])) == []
