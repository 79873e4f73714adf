"""Dimension of drift: planted ranks come back, whatever the noise."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from planted_drift import noisy, of_halves

from drift import metrics

UNITS, CONDITIONS = 150, 80


def planted(rng: np.random.Generator, rank: int, deviation: float) -> xr.Dataset:
    """Drift of mean square 4 at each condition, in ``rank`` directions by equal amounts."""
    directions = np.linalg.qr(rng.normal(size=(UNITS, rank)))[0]
    amounts = np.linalg.qr(rng.normal(size=(CONDITIONS, rank)))[0]
    drift = 2 * np.sqrt(CONDITIONS / rank) * amounts @ directions.T
    first = rng.normal(size=drift.shape)
    return of_halves(noisy(rng, np.stack([first, first + drift]), deviation))


@pytest.mark.parametrize("rank", [5, 20])
def test_planted_ranks_are_recovered(rank: int):
    """Within 10 % in noise of once to twice the squared drift (n = 6), and exactly without; the
    naive dimension is that of noise."""
    rng = np.random.default_rng(rank)
    exact = metrics.drift_dimension(planted(rng, rank, 0.0), shuffles=0)["dimension"].values[
        0, 0, 1
    ]
    np.testing.assert_allclose(exact[[0, 2]], rank)
    assert np.isnan(exact[1])
    for deviation in (0.1, 0.15):
        results = [
            metrics.drift_dimension(planted(rng, rank, deviation), shuffles=2) for _ in range(6)
        ]
        numbers = np.array([result["dimension"].values[0, 0, 1] for result in results])
        naive, frozen, crossed = numbers.mean(axis=0)
        assert abs(crossed - rank) < 0.1 * rank
        assert naive > 1.25 * rank and frozen > naive
        errors = [result["standard_error"].values[0, 0, 1] for result in results]
        assert 0.2 < np.mean(errors) / numbers[:, 2].std(ddof=1) < 5
        # conditions that move in unrelated directions: (1 / (D - 1) + 1 / C)^-1 for these few units
        assert np.mean([result["shuffled"].values[0, 0, 1] for result in results]) > 2 * rank


def test_the_frozen_value_is_that_of_a_code_that_stands_still():
    """n = 40, z = 4 of the difference of the naive from the frozen value; the cross-validated one is
    not defined."""
    rng = np.random.default_rng(0)
    differences, defined = [], []
    for _ in range(40):
        maps = np.repeat(rng.normal(size=(1, 30, 60)), 2, axis=0)
        result = metrics.drift_dimension(of_halves(noisy(rng, maps, 0.5)), shuffles=0)
        naive, frozen, _ = result["dimension"].values[0, 0, 1]
        differences.append(naive - frozen)
        defined.append(float(result["defined"].values[0, 0, 1]))
    error = np.std(differences, ddof=1) / np.sqrt(40)
    assert abs(np.mean(differences)) < 4 * error
    assert np.mean(defined) < 0.025 + 3 * np.sqrt(0.025 / 40)
