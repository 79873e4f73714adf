"""The mouse whose readouts were published: a fixed one fails with days, a refitted one does not."""

from __future__ import annotations

import numpy as np
import pytest

from drift.metrics import decoding

pytestmark = pytest.mark.slow
FIXED = [9.7, 11.3, 13.2, 13.4, 11.7, 12.1, 14.2]  # cm, at 1 to 7 sessions of lag
REFITTED = [6.5, 6.6, 6.8, 6.9, 6.8, 6.4, 6.9]


def by_lag(scores, name="decoding_error"):
    """Mean over pairs whose trained session is the earlier."""
    values = scores[name].values[0]
    return np.array([np.diagonal(values, lag).mean() for lag in range(1, len(values))])


@pytest.fixture(scope="module")
def mouse(data_folder):
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    return list(data_adapters.sessions("sheintuch2023", str(path)))


def test_the_decoder_triple_has_its_known_values(mouse):
    """Windows of 5 frames, 24 places x 2 directions, states with 4 windows or more. The numbers
    come without their speed limit, prior and smoothing: those below are the ones that give them."""
    options = {"minimum_speed": 2.8, "prior": "flat", "smoothing": 0.8}
    fixed = decoding(mouse, **options)
    refitted = decoding(mouse, readout="refitted", **options)
    np.testing.assert_allclose(by_lag(fixed), FIXED, atol=0.5)
    np.testing.assert_allclose(by_lag(refitted), REFITTED, atol=0.5)
    chance = by_lag(fixed, "shuffled_decoding_error")
    assert (chance > 29).all() and (chance < 35).all(), chance


@pytest.mark.parametrize("decoder", ["bayes", "template", "linear"])
def test_drift_costs_the_fixed_readout_alone(mouse, decoder):
    """Whatever the options, by every decoder."""
    fixed = by_lag(decoding(mouse, decoder))
    refitted = by_lag(decoding(mouse, decoder, "refitted", shuffles=0))
    assert (fixed > refitted).all() and np.ptp(refitted) < 2
    assert fixed[2:].mean() > fixed[0] + 1
    assert (by_lag(decoding(mouse, decoder), "shuffled_decoding_error") > fixed + 4).all()
