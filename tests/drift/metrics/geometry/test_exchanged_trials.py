"""Whether sessions differ by more than their trials do: p by exchanging trials."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from ring_days import days

import drift
from drift import metrics
from drift.errors import RefusedInputError

PAIRS = np.triu_indices(3, 1)


@pytest.mark.slow
def test_p_is_uniform_where_nothing_drifts():
    """120 codes at rest whose laps differ by a common gain: halves alone took 13 % for drifting."""
    p_values, halves = [], []
    for seed in range(120):
        sessions = days(seed, spread=0.8)
        p_values.append(metrics.exchanged_trial_p_values(sessions, exchanges=99).values[0][PAIRS])
        measured = drift.measure(sessions, halves="trials")
        told = metrics.drift_dimension(measured, shuffles=0)["defined"].values[0][PAIRS]
        halves.append(told)
    values, count = np.concatenate(p_values), 120 * 3
    print(f"at rest: {np.mean(values < 0.0228):.3f} by trials, {np.mean(halves):.3f} by halves")
    for level in (0.0228, 0.1, 0.5):  # pairs share sessions: errors of 120 studies, not of 360
        error = np.sqrt(level * (1 - level) / 120)
        assert abs(np.mean(values <= level) - level) < 3 * error
    assert np.mean(halves) > 0.05 and count == values.size


def test_laps_of_different_gain_are_no_drift_and_drift_is_seen():
    still = [metrics.exchanged_trial_p_values(days(seed, 0.8), exchanges=99) for seed in range(6)]
    moving = metrics.exchanged_trial_p_values(days(7, 0.4, redrawn=0.4), exchanges=199)
    assert np.mean([p.values[0][PAIRS] for p in still]) > 0.25
    assert (moving.values[0][PAIRS] < 0.0228).all()
    assert np.isnan(np.diagonal(moving.values[0])).all()
    np.testing.assert_array_equal(moving.values, moving.values.transpose(0, 2, 1))


def test_company_and_order_say_nothing():
    sessions = days(3, 0.5, redrawn=0.1)
    whole = metrics.exchanged_trial_p_values(sessions, exchanges=30)
    few = metrics.exchanged_trial_p_values([sessions[2], sessions[0]], exchanges=30)
    np.testing.assert_array_equal(few, whole.sel(session=[0, 2], session_other=[0, 2]))
    relabelled = [day.isel(unit=slice(None, None, -1)) for day in sessions]
    np.testing.assert_array_equal(metrics.exchanged_trial_p_values(relabelled, exchanges=30), whole)


def test_what_is_not_compared():
    rooms = metrics.exchanged_trial_p_values(days(1, 0.2, rooms="ABA"), exchanges=9)
    assert np.isfinite(rooms.values[0][0, 2]) and np.isnan(rooms.values[0][1]).all()
    untracked = metrics.exchanged_trial_p_values(days(1, 0.2, unit_identity=""), exchanges=9)
    assert untracked.isnull().all()
    with pytest.raises(RefusedInputError, match="no session"):
        metrics.exchanged_trial_p_values([])


def test_measures_take_p_values():
    sessions = days(5, 0.3, redrawn=0.4)
    measured = drift.measure(sessions, halves="trials")
    p_values = metrics.exchanged_trial_p_values(sessions, exchanges=199)
    noise = metrics.trial_noise_covariance(sessions)
    never, always = xr.ones_like(p_values), xr.zeros_like(p_values)
    for told, expected in ((p_values, 1.0), (always, 1.0), (never, 0.0)):
        results = [
            metrics.drift_alignment(measured, noise=noise, p_values=told, shuffles=0),
            metrics.drift_dimension(measured, p_values=told, shuffles=0),
            metrics.drift_transformations(measured, p_values=told, surrogates=0),
        ]
        for result in results:
            assert (result["defined"].values[0][PAIRS] == expected).all()
    coordination = metrics.drift_coordination(measured, p_values=never, shuffles=0)
    assert coordination["coordination"].sel(kind="cross_validated").isnull().all()
    for wrong in (never.isel(subject=0), never.assign_coords(subject=["b"])):
        with pytest.raises(RefusedInputError, match="p_values"):
            metrics.drift_dimension(measured, p_values=wrong)
