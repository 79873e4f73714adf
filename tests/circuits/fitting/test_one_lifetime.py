"""One lifetime in place of two lies between them, and is the one where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from circuits import WeightDrift
from circuits.fitting.one_lifetime import one_lifetime

DAYS = np.arange(8.0) * 2


def test_one_time_scale_has_its_own_lifetime():
    assert one_lifetime(WeightDrift(weight_lifetime=7.0), DAYS) == 7.0
    same = WeightDrift(weight_lifetime=7.0, fast_weight_lifetime=7.0, fast_share=0.4)
    assert one_lifetime(same, DAYS) == pytest.approx(7.0, rel=1e-4)


def test_a_fast_part_shortens_it_and_no_other_is_closer():
    drift = WeightDrift(weight_lifetime=30.0, fast_weight_lifetime=0.2, fast_share=0.3)
    found = one_lifetime(drift, DAYS)
    assert 0.2 < found < 30.0
    lag = np.abs(DAYS[:, np.newaxis] - DAYS)[np.triu_indices(8, k=1)]
    apart = [
        np.square(drift.autocorrelation(lag) - np.exp(-lag / (found * factor))).sum()
        for factor in (0.99, 1.0, 1.01)
    ]
    assert apart[1] < apart[0] and apart[1] < apart[2]
    assert one_lifetime(drift.replace(fast_share=0.5), DAYS) < found
