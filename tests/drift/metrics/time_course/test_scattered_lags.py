"""Sessions whose intervals scatter a little have the drift rate of regular ones."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift import metrics


def test_a_rate_is_not_taken_over_the_scatter_of_intervals():
    """A similarity of 1 - .01 lag, n exact; intervals of 428 and 429 steps are one interval."""
    elapsed = np.array([[0, 429, 857, 1286, 1714, 2143, 2571]], dtype=float)
    lags = abs(elapsed[:, :, None] - elapsed[:, None])
    noise = np.random.default_rng(0).normal(0, 0.02, lags.shape)
    values = 1 - 1e-4 * lags + (noise + noise.swapaxes(1, 2)) / 2
    similarity = xr.DataArray(values, dims=("subject", "session", "session_other"))
    times = xr.DataArray(elapsed, dims=("subject", "session"), attrs={"units": "step"})
    rate = metrics.drift_rate(similarity, times)
    assert float(rate["longest_lag"].item()) == 857
    assert abs(rate["drift_rate"].item() - 1e-4) < 5e-5


def test_regular_sessions_keep_their_longest_lag():
    times = xr.DataArray(np.arange(6.0)[None], dims=("subject", "session"), attrs={"units": "day"})
    lags = abs(times.values[:, :, None] - times.values[:, None])
    similarity = xr.DataArray(1 - 0.1 * lags, dims=("subject", "session", "session_other"))
    rate = metrics.drift_rate(similarity, times)
    assert rate["longest_lag"].item() == 2 and np.isclose(rate["drift_rate"].item(), 0.1)
