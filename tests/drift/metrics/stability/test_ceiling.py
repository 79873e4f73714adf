"""The noise ceiling is the correlation of a code that stands still, and 1 without noise."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift import metrics
from drift.errors import RefusedInputError

DIMS = ("subject", "session", "unit", "place")


def recorded(events: float, sessions: int = 4, units: int = 150, noise: bool = True) -> xr.Dataset:
    """Fields on a ring of 40 places that stand still, seen through Poisson events, half by half."""
    rng = np.random.default_rng(1)
    centre, width = rng.uniform(0, 40, (units, 1)), rng.uniform(1.5, 4, (units, 1))
    apart = np.abs(np.arange(40) - centre)
    field = np.exp(-(np.minimum(apart, 40 - apart) ** 2) / (2 * width**2)) + 0.03
    expected = events / 2 * field / field.sum(axis=1, keepdims=True)  # in one half
    shape = (1, sessions, units, 40, 2)
    halves = np.broadcast_to(expected[np.newaxis, np.newaxis, ..., np.newaxis], shape)
    halves = rng.poisson(halves).astype(float) if noise else halves
    return xr.Dataset(
        {
            "rate": (DIMS, halves.mean(axis=-1), {"units": "events/s"}),
            "rate_half": ((*DIMS, "half"), halves),
            "place_unit": (DIMS[:3], np.ones((1, sessions, units))),
        }
    )


@pytest.mark.parametrize("events", [15, 40, 120])
def test_a_code_that_stands_still_reaches_its_ceiling(events: float):
    seen = recorded(events)
    pairs = np.triu_indices(4, k=1)
    naive = metrics.mean_rate_map_correlation(seen).values[0][pairs]
    ceiling = metrics.correlation_ceiling(seen).values[0][pairs]
    # Pairs of 150 units each: standard error of a mean correlation about .02.
    np.testing.assert_allclose(ceiling.mean(), naive.mean(), atol=0.03)
    assert ceiling.mean() < 0.95


def test_without_noise_the_ceiling_is_1():
    ceiling = metrics.correlation_ceiling(recorded(40, noise=False))
    np.testing.assert_allclose(ceiling, 1, atol=1e-12)


def test_half_of_the_units_that_move_leave_half_of_the_ceiling():
    seen = recorded(120)
    moved = seen.copy(deep=True)
    for name in ("rate", "rate_half"):
        values = moved[name].values
        values[:, 1, :75] = np.roll(values[:, 1, :75], 20, axis=2)  # to the other side of the ring
    share = (metrics.mean_rate_map_correlation(moved) / metrics.correlation_ceiling(moved)).values
    assert 0.25 < share[0, 0, 1] < 0.5  # maps on opposite sides are anticorrelated a little
    assert share[0, 0, 2] == pytest.approx(1, abs=0.05)


def test_halves_are_needed():
    with pytest.raises(RefusedInputError, match="two halves of each session"):
        metrics.correlation_ceiling(recorded(15).drop_vars("rate_half"))
