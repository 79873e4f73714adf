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


def test_a_sentence_or_nothing():
    frozen = redrawn(np.random.default_rng(0), [0.0] * 3)
    assert half_life_rows(frozen) == [
        "  half-life of the code: at least 5 day (3 independent subjects): no certain decline over "
        "5 day"
    ]
    assert half_life_rows(frozen.drop_vars("rate_half")) == []
    assert half_life_rows(frozen.isel(session=[0])) == []
