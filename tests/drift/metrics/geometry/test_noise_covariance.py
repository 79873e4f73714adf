"""Noise covariance from trials and from halves, of recordings whose noise is known."""

from __future__ import annotations

import numpy as np
import pytest
import shown_stimuli
import xarray as xr
from planted_drift import of_halves

import drift
from drift import metrics
from drift.errors import RefusedInputError

RATES = np.array([1.0, 4.0, 2.0, 0.5])  # events/s of four units, the same for all stimuli
FRAMES, STIMULI, TRIALS, SPREAD = 20, 6, 40, 0.5
SECONDS = FRAMES / shown_stimuli.RATE


def session(seed: int, number: int = 0, unit: tuple[int, ...] = (0, 1, 2, 3)) -> xr.Dataset:
    """Poisson counts in presentations of 2 s, with a gain that is common to units 0 and 1."""
    rng = np.random.default_rng([seed, number])
    gain = rng.gamma(1 / SPREAD, SPREAD, STIMULI * TRIALS)
    stimulus = np.repeat(np.tile(np.arange(STIMULI), TRIALS), FRAMES)
    common = np.where(np.arange(4) < 2, np.repeat(gain, FRAMES)[:, np.newaxis], 1.0)
    counts = rng.poisson(common * RATES / shown_stimuli.RATE)[:, list(unit)]
    trial = np.repeat(1 + np.arange(STIMULI * TRIALS), FRAMES)
    return shown_stimuli.session(counts, stimulus, number, trial=trial, unit=list(unit))


def expected() -> np.ndarray:
    """Covariance of mean rates over all presentations of a stimulus: Poisson, and the gain."""
    common = np.where(np.arange(4) < 2, RATES, 0.0)
    return (np.diag(RATES / SECONDS) + SPREAD * np.outer(common, common)) / TRIALS


def test_trials_and_halves_tell_the_covariance_of_a_map():
    """Mean over 16 sessions, z = 4; the trials tell it more precisely."""
    trials, halves = [], []
    for seed in range(16):
        recorded = session(seed)
        trials.append(metrics.trial_noise_covariance(recorded).values[0, 0])
        measured = drift.measure(recorded, halves="trials")
        halves.append(metrics.noise_covariance(measured).values[0, 0])
    for draws in (trials, halves):
        error = np.std(draws, axis=0) / np.sqrt(len(draws))
        assert (np.abs(np.mean(draws, axis=0) - expected()) < 4 * error + 1e-12).all()
    assert (np.std(trials, axis=0) < np.std(halves, axis=0)).all()


def test_covariances_stand_where_measure_puts_the_units():
    ids = (3, 7, 5000, 90_000)
    few = (session(0, 0), session(0, 1, (0, 2, 3)))
    many = [made.assign_coords(unit=[ids[row] for row in made["unit"].values]) for made in few]
    for sessions in (few, many):
        covariance = metrics.trial_noise_covariance(sessions)
        measured = drift.measure(sessions, halves="trials")
        assert covariance.sizes["unit"] == measured.sizes["unit"]
        assert covariance.attrs["units"] == "(events/s)^2" or covariance.attrs["units"]
        present = measured["recorded"].values == 1
        diagonal = np.diagonal(covariance.values, axis1=2, axis2=3)
        np.testing.assert_array_equal(np.isfinite(diagonal), present)
    alone = metrics.trial_noise_covariance(few[1])
    np.testing.assert_allclose(
        covariance.values[0, 1][np.ix_(present[0, 1], present[0, 1])],
        alone.values[0, 0][np.ix_([0, 2, 3], [0, 2, 3])],
    )


def test_what_tells_no_noise():
    with pytest.raises(RefusedInputError, match="no session"):
        metrics.trial_noise_covariance([])
    with pytest.raises(RefusedInputError, match="occurs twice"):
        metrics.trial_noise_covariance([session(0), session(0)])
    single = session(0).isel(sample=slice(0, 2 * STIMULI * FRAMES))  # a trial in each half
    assert metrics.trial_noise_covariance(single).isnull().all()
    still = of_halves(np.ones((2, 2, 3, 4)))
    assert (metrics.noise_covariance(still) == 0).all()
