"""Weights of two time scales: their sampled correlation is the closed form, and a share of 0 or 1
is one time scale again, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from circuits.wandering.weight_drift import WeightDrift, drifting_weights
from drift.schema import RefusedInputError

DAYS = np.array([0.0, 0.2, 1.0, 3.0, 9.0])
UNITS, INPUTS = 200, 60


def weights(**law: float) -> np.ndarray:
    return drifting_weights(WeightDrift(**law), UNITS, INPUTS, DAYS, seed=2)


def test_sampled_weights_correlate_as_the_closed_form_says():
    law = WeightDrift(weight_lifetime=20.0, fast_weight_lifetime=0.5, fast_share=0.4)
    sampled = drifting_weights(law, UNITS, INPUTS, DAYS, seed=2).reshape(len(DAYS), -1)
    expected = law.autocorrelation(np.abs(DAYS[:, np.newaxis] - DAYS))
    error = (1 - expected**2) / np.sqrt(sampled.shape[1])  # of a correlation of 12,000 pairs
    assert (np.abs(np.corrcoef(sampled) - expected) <= 4 * error + 1e-12).all()
    # a product of the mean square of normal numbers: relative error sqrt(2 / 12,000)
    assert sampled.var(axis=1) == pytest.approx(1.0, abs=4 * np.sqrt(2 / sampled.shape[1]))


def test_a_share_of_zero_or_one_is_one_time_scale():
    slow, fast = weights(weight_lifetime=20.0), weights(weight_lifetime=0.5)
    both = {"weight_lifetime": 20.0, "fast_weight_lifetime": 0.5}
    assert np.array_equal(weights(**both, fast_share=0.0), slow)
    assert np.array_equal(weights(**both, fast_share=1.0), fast)


def test_the_share_moves_weights_smoothly_and_leaves_the_first_ones():
    both = {"weight_lifetime": 20.0, "fast_weight_lifetime": 0.5}
    near, nearer = (weights(**both, fast_share=share) for share in (0.3, 0.3001))
    assert np.allclose(near[0], nearer[0], atol=1e-12)
    assert np.allclose(near[0], weights(weight_lifetime=20.0)[0], atol=1e-12)
    assert 0 < np.abs(near - nearer).max() < 0.01


def test_the_closed_form_at_known_lags():
    law = WeightDrift(weight_lifetime=20.0, fast_weight_lifetime=0.5, fast_share=0.4)
    assert law.autocorrelation(0.0) == 1.0
    assert law.autocorrelation(10.0) == pytest.approx(0.6 * np.exp(-0.5), abs=1e-8)
    assert WeightDrift(law="free_diffusion", weight_lifetime=5.0).autocorrelation(15.0) == 0.5


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ({"fast_share": 0.3}, "needs a fast_weight_lifetime"),
        (
            {"fast_share": 0.3, "fast_weight_lifetime": 1.0, "law": "free_diffusion"},
            "two time scales need",
        ),
        ({"fast_share": 1.3, "fast_weight_lifetime": 1.0}, "fast_share"),
    ],
)
def test_impossible_laws_are_refused(law, message):
    with pytest.raises(RefusedInputError, match=message):
        WeightDrift(**law)
