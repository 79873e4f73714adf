"""Halves of a session are alike but for noise; their similarity stands beside the prediction."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift.theory.code_drift.similarity import STATISTICS
from drift.theory.code_drift.within_sessions import within_sessions

UNITS, PLACES, SESSIONS = 200, 12, 3
DIMS = ("subject", "session", "half", "unit", "place")


def run_with_halves(noise: float) -> xr.Dataset:
    rng = np.random.default_rng(0)
    drive = rng.standard_normal((1, SESSIONS, UNITS, PLACES))
    rate = np.maximum(drive - 1.0, 0.0)
    lost = rng.random((1, SESSIONS, 2, UNITS, PLACES)) < noise
    halves = np.where(lost, 0.0, rate[:, :, np.newaxis])
    pair = ("subject", "session")
    weights = np.broadcast_to(np.exp(-np.abs(np.subtract.outer(*[np.arange(3.0)] * 2))), (1, 3, 3))
    return xr.Dataset(
        {
            "rate": ((*pair, "unit", "place"), rate),
            "rate_half": (DIMS, halves),
            "weight_autocorrelation": ((*pair, "session_other"), weights),
        },
        coords={
            "subject": ["a"], "session": np.arange(SESSIONS), "unit": np.arange(UNITS),
            "place": np.arange(PLACES) + 0.5,
            "elapsed": (pair, [[0.0, 1.0, 2.0]], {"units": "day"}),
        },
    )  # fmt: skip


def test_halves_without_noise_are_the_same_code():
    assert within_sessions(run_with_halves(0.0), 0) == pytest.approx(np.ones(len(STATISTICS)))


def test_losing_a_share_of_events_leaves_one_less_the_share():
    """Of responses lost by chance in either half 1 - p are common to both: cosine and units active
    in both are 1 - p in the mean, within 4 standard errors of 1150 responses."""
    found = within_sessions(run_with_halves(0.3), 0)
    assert found[[0, 2]] == pytest.approx([0.7, 0.7], abs=4 * np.sqrt(0.3 * 0.7 / 1150) + 0.005)
    assert found[1] < found[0]  # the Pearson correlation is less the mean


def test_a_prediction_shows_what_noise_takes_at_lag_zero():
    run = run_with_halves(0.3)
    found = drift.predict(run)
    assert found["within_sessions"].values[0, : len(STATISTICS)] == pytest.approx(
        within_sessions(run, 0)
    )
    assert "within_sessions" not in drift.predict(run.drop_vars("rate_half"))
