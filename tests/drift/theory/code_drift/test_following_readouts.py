"""A readout that goes on learning: linear theory, its sampled twin, and limits that are known."""

from __future__ import annotations

import numpy as np
import pytest

from drift.errors import RefusedInputError
from drift.theory.code_drift import (
    following_readout_error,
    readout_error,
    sampled_following_readout_error,
)
from drift.theory.code_drift.following import followed

PLACES, SESSIONS = 10, 5
DISTANCE = np.abs(np.subtract.outer(np.arange(PLACES), np.arange(PLACES)))
MATRIX = np.exp(-(DISTANCE**2) / (2 * 1.5**2))
TARGETS = np.exp(-(DISTANCE**2) / (2 * 1.0**2))
LAGS = np.exp(-np.abs(np.subtract.outer(np.arange(SESSIONS), np.arange(SESSIONS))) / 8.0)


@pytest.mark.parametrize(("learning_rate", "laps"), [(0.5, 1), (0.2, 4)])
def test_a_sampled_readout_has_the_error_of_the_linear_theory(learning_rate: float, laps: int):
    """Twelve layers, 3 standard errors at sessions 1 to 4. What is left after learning is so little
    that the width counts, as 1 / N: it is taken from 2000 and 4000 units to infinitely many."""
    expected = following_readout_error(MATRIX, TARGETS, 0.1, LAGS, 0.01, learning_rate, laps)
    half, full = (
        sampled_following_readout_error(
            MATRIX, TARGETS, 0.1, LAGS, 0.01, learning_rate, laps, units=units, seeds=seeds
        )
        for units, seeds in ((2000, range(12, 24)), (4000, range(12)))
    )
    before, error = full["error_before"], full["error_before_standard_error"]
    assert (np.abs(before - expected["error_before"])[1:] < 3 * error[1:]).all()
    after = 2 * full["error_after"] - half["error_after"]
    error = np.hypot(2 * full["error_after_standard_error"], half["error_after_standard_error"])
    assert (np.abs(after - expected["error_after"])[1:] < 3 * error[1:]).all()


def test_without_learning_it_is_the_fixed_readout():
    followed_error = following_readout_error(MATRIX, TARGETS, 0.1, LAGS, 0.01, 0.0)
    fixed = readout_error(MATRIX, TARGETS, 0.1, LAGS[0], 0.01)
    assert np.allclose(followed_error["error_before"], fixed, rtol=1e-10)
    assert np.array_equal(followed_error["error_before"], followed_error["error_after"])


def test_without_drift_nothing_is_lost():
    still = following_readout_error(MATRIX, TARGETS, 0.1, np.ones((4, 4)), 0.01, 0.5)
    assert (np.diff(still["error_before"]) <= 0).all()  # and laps go on to teach


@pytest.mark.parametrize("rho", [0.95, 0.6])
@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_unrelated_places_that_forget_exponentially_settle_where_known(rho: float, rate: float):
    days = 400
    forgetting = rho ** np.abs(np.subtract.outer(np.arange(days), np.arange(days)))
    kernel = forgetting[..., np.newaxis, np.newaxis] * np.eye(2)
    errors = followed(kernel, np.ones((2, 1)), np.ones((2, 1)), rate, 1)
    settled = (1 - rho) / (1 - rho * (1 - rate))
    assert errors.before[0] == pytest.approx(0.0, abs=1e-12)
    assert errors.before[-1] == pytest.approx(settled**2, rel=1e-9)
    assert errors.after[-1] == pytest.approx(((1 - rate) * settled) ** 2, rel=1e-9, abs=1e-15)


def test_a_readout_that_learns_beats_a_fixed_one_and_fails_under_fast_drift():
    fixed = readout_error(MATRIX, TARGETS, 0.1, LAGS[0, -1], 0.01)
    slow = following_readout_error(MATRIX, TARGETS, 0.1, LAGS, 0.01, 0.7, 3)["error_before"]
    fast = following_readout_error(MATRIX, TARGETS, 0.1, LAGS**8, 0.01, 0.7, 3)["error_before"]
    assert float(slow[-1]) < 0.5 * fixed and float(fast[-1]) > 2 * float(slow[-1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"autocorrelation": LAGS[0]}, "autocorrelation must be"),
        ({"autocorrelation": LAGS * 0.5}, "1 on its diagonal"),
        ({"learning_rate": 2.5}, "learning_rate"),
        ({"targets": TARGETS[:4]}, "targets must be"),
        ({"laps": 0}, "laps"),
    ],
)
def test_readouts_that_cannot_be_are_refused(changes, message):
    arguments = {
        "position_correlation": MATRIX, "targets": TARGETS, "active_fraction": 0.1,
        "autocorrelation": LAGS, "ridge": 0.01, "learning_rate": 0.5, "laps": 1,
    }  # fmt: skip
    with pytest.raises(RefusedInputError, match=message):
        following_readout_error(**{**arguments, **changes})
