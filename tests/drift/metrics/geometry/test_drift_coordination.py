"""Coordination: a factor common to all units comes back with its variance, independent units have
none."""

from __future__ import annotations

import numpy as np
from planted_drift import noisy, of_halves

from drift import metrics


def walked(rng, factors, deviation=0.3, units=60, conditions=30):
    """Sessions between which units change by their own amounts, scaled by a factor of the step."""
    amounts = rng.lognormal(0, 0.5, units)
    steps = rng.normal(size=(len(factors), conditions, units)) * amounts
    steps *= np.sqrt(factors)[:, np.newaxis, np.newaxis]
    maps = np.concatenate([np.zeros((1, conditions, units)), steps]).cumsum(axis=0)
    return of_halves(noisy(rng, maps, deviation))


def test_coordination_is_the_variance_of_the_common_factor():
    """n = 16 runs of 8 steps, z = 4, beside the variance of the drawn factors."""
    rng = np.random.default_rng(0)
    measured, planted, independent = [], [], []
    for _ in range(16):
        factors = rng.gamma(4, 0.25, 8)
        result = metrics.drift_coordination(walked(rng, factors), shuffles=20)
        measured.append(result["coordination"].values[0])
        planted.append(factors.var(ddof=1) / factors.mean() ** 2)
        still = metrics.drift_coordination(walked(rng, np.ones(8)), shuffles=0)
        independent.append(still["coordination"].values[0, 2])
        assert abs(float(result["shuffled"][0, 2])) < 0.2 * planted[-1] + 0.02
    difference = np.array(measured)[:, 2] - planted
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / 4
    assert abs(np.mean(independent)) < 4 * np.std(independent, ddof=1) / 4
    assert result["steps"].item() == 8 and result["units_compared"].item() == 60


def test_steps_that_last_longer_do_not_count():
    rng = np.random.default_rng(1)
    dataset = walked(rng, np.array([1.0, 1.0, 50.0, 1.0, 1.0]))
    apart = dataset["elapsed"].copy(data=[[0.0, 1.0, 2.0, 9.0, 10.0, 11.0]])
    result = metrics.drift_coordination(dataset.assign(elapsed=apart), shuffles=0)
    assert result["steps"].item() == 4 and abs(float(result["coordination"][0, 2])) < 0.1
    few = metrics.drift_coordination(dataset.isel(session=slice(0, 3)))
    assert few["coordination"].isnull().all() and few["steps"].item() == 2


def test_a_frozen_code_has_no_coordination_to_speak_of():
    rng = np.random.default_rng(2)
    result = metrics.drift_coordination(walked(rng, np.zeros(6)))
    assert np.isnan(float(result["coordination"][0, 2]))
    assert np.isfinite(result["coordination"].values[0, :2]).all()
