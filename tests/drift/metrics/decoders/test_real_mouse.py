"""The mouse whose readouts were published: a fixed one fails with days, a refitted one does not."""

from __future__ import annotations

import numpy as np
import pytest

from drift.metrics import decoding

pytestmark = pytest.mark.slow


def by_lag(scores, name="decoding_error"):
    """Mean over pairs whose trained session is the earlier."""
    values = scores[name].values[0]
    return np.array([np.diagonal(values, lag).mean() for lag in range(1, len(values))])


@pytest.fixture(scope="module")
def mouse(data_folder):
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    return list(data_adapters.sessions("sheintuch2023", str(path)))


@pytest.mark.parametrize("decoder", ["bayes", "template", "linear", "classifier"])
def test_drift_costs_the_fixed_readout_alone(mouse, decoder):
    """Whatever the options, by every decoder."""
    fixed = by_lag(decoding(mouse, decoder))
    refitted = by_lag(decoding(mouse, decoder, "refitted", shuffles=0))
    assert (fixed > refitted).all() and np.ptp(refitted) < 2
    assert fixed[2:].mean() > fixed[0] + 1
    assert (by_lag(decoding(mouse, decoder), "shuffled_decoding_error") > fixed + 4).all()
