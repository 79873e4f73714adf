"""Closed forms of the laws of weights in limits where they are known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import invgamma

from drift.errors import RefusedInputError
from drift.theory.code_drift import (
    active_set_overlap,
    increment_kurtosis,
    jump_overlap,
    multiplicative_moments,
    turnover_probabilities,
    weight_autocorrelation,
)


@pytest.mark.parametrize(("lifetime", "noise"), [(5.0, 0.05), (5.0, 0.2), (0.3, 1.0)])
def test_moments_are_those_of_an_inverse_gamma_distribution(lifetime: float, noise: float):
    q = lifetime * noise**2 / 2
    moments = multiplicative_moments(lifetime, noise)
    mean, variance, skewness, excess = invgamma.stats(1 + 1 / q, scale=1 / q, moments="mvsk")
    expected = (mean, variance, skewness, excess + 3)
    np.testing.assert_allclose(moments, expected, rtol=1e-9)


def test_moments_end_where_they_do_not_exist():
    assert multiplicative_moments(2.0, 1.0) == (1.0, np.inf, np.inf, np.inf)  # q = 1
    assert np.isfinite(multiplicative_moments(2.0, 0.7).variance)
    assert multiplicative_moments(1.0, 1.0).skewness == np.inf  # q = 1 / 2
    assert multiplicative_moments(2.0, np.sqrt(1 / 3)).kurtosis == np.inf
    assert multiplicative_moments(2.0, 0.0) == (1.0, 0.0, 0.0, 3.0)


def test_increments_at_once_and_at_last():
    """Long after, both weights are independent, so that increments have (k + 3) / 2; at once,
    increments are normal given the weight."""
    moments = multiplicative_moments(5.0, 0.2)
    laws = {"law": "multiplicative", "noise": 0.2}
    late = increment_kurtosis(1e3, 5.0, **laws)
    assert late == pytest.approx((moments.kurtosis + 3) / 2, rel=1e-9)
    q = 0.1
    at_once = 3 * (1 - q) ** 2 / ((1 - q) * (1 - 2 * q) * (1 - 3 * q))
    for elapsed in (0.0, 1e-12, 1e-9):
        assert increment_kurtosis(elapsed, 5.0, **laws) == pytest.approx(at_once, rel=1e-7)
    assert increment_kurtosis(1.0, 5.0, "multiplicative", noise=1e-5) == pytest.approx(3, abs=1e-8)
    assert increment_kurtosis(1e3, 5.0, "jump") == pytest.approx(3.0, abs=1e-9)
    assert increment_kurtosis(0.0, 5.0, "jump") == np.inf
    # two independent binary weights of one half: -1, 0, 0, 1
    turnover = increment_kurtosis(1e3, 5.0, "turnover", connected_share=0.5)
    assert turnover == pytest.approx(2.0, abs=1e-9)
    assert increment_kurtosis(1.0, 5.0) == 3.0
    assert increment_kurtosis(1.0, 5.0, "multiplicative", noise=0.6) == np.inf


def test_numbers_arrays_and_labels_are_answered_in_kind():
    lags = xr.DataArray([0.0, 1.0, 5.0], dims="lag")
    for law, more in (("jump", {}), ("multiplicative", {"noise": 0.2}), ("ornstein_uhlenbeck", {})):
        labelled = increment_kurtosis(lags, 5.0, law, **more)
        assert labelled.dims == ("lag",)
        assert np.array_equal(labelled.values, increment_kurtosis(lags.values, 5.0, law, **more))
    stays, appears = turnover_probabilities(np.exp(-lags), 0.1)
    assert stays[0] == 1.0 and appears[0] == 0.0 and float(stays[2]) > 0.1 > float(appears[2])
    assert jump_overlap(1.0, 0.1, lags * 0 + 0.5).dims == ("lag",)


def test_units_that_jump_lose_their_places_in_proportion():
    assert jump_overlap(1.0, 0.1, 1.0) == pytest.approx(1.0, abs=1e-12)
    assert jump_overlap(1.0, 0.1, 0.0) == pytest.approx(0.1, abs=1e-12)
    assert jump_overlap(0.4, 0.1, 1.0) == pytest.approx(active_set_overlap(0.4, 0.1), abs=1e-12)
    near = 1 - np.array([1e-2, 1e-4])
    lost = 1 - jump_overlap(1.0, 0.1, near)
    wandering = 1 - active_set_overlap(1.0, 0.1, near)
    assert lost[0] / lost[1] == pytest.approx(100.0)
    assert wandering[0] / wandering[1] == pytest.approx(10.0, rel=0.02)


@pytest.mark.parametrize("law", ["turnover", "multiplicative", "jump"])
def test_three_laws_share_one_autocorrelation(law: str):
    assert weight_autocorrelation(3.0, 5.0, law) == weight_autocorrelation(3.0, 5.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: increment_kurtosis(1.0, 5.0, "turnover"), "needs connected_share"),
        (lambda: increment_kurtosis(1.0, 5.0, "multiplicative"), "needs noise"),
        (lambda: increment_kurtosis(-1.0, 5.0, "jump"), "elapsed must lie"),
        (lambda: turnover_probabilities(1.2, 0.1), "autocorrelation"),
        (lambda: turnover_probabilities(0.5, -0.1), "connected_share"),
        (lambda: multiplicative_moments(0.0, 0.1), "lifetime"),
        (lambda: jump_overlap(1.0, 0.1, 1.5), "autocorrelation"),
    ],
)
def test_rubbish_is_refused(call, message):
    with pytest.raises(RefusedInputError, match=message):
        call()
