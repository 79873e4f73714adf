"""Compiled Poisson quantiles are those of scipy."""

from __future__ import annotations

import numpy as np
from scipy.stats import poisson

from drift.observation.poisson_counts import poisson_counts


def test_counts_are_the_quantiles_of_scipy_also_where_means_are_large_or_not_known():
    rng = np.random.default_rng(0)
    mean = np.concatenate([rng.exponential(3.0, 2000), rng.uniform(30, 499, 300), [600.0, 1e5]])
    uniform = rng.random(mean.size)
    assert np.array_equal(poisson_counts(uniform, mean), poisson.ppf(uniform, mean))
    edges = poisson_counts(np.array([0.0, 0.5, 0.5]), np.array([2.0, 0.0, np.nan]))
    assert edges[0] == 0 and edges[1] == 0 and np.isnan(edges[2])


def test_counts_end_where_the_sum_of_chances_ends():
    nearly = np.nextafter(1.0, 0.0)
    found = poisson_counts(np.full(200, nearly), np.linspace(0.1, 400.0, 200))
    assert np.isfinite(found).all() and (found < 1000).all()


def test_shapes_stay_and_orders_of_memory_do_not_matter():
    rng = np.random.default_rng(1)
    uniform, mean = rng.random((4, 5, 6)), rng.exponential(2.0, (6, 5, 4)).T
    assert np.array_equal(poisson_counts(uniform, mean), poisson.ppf(uniform, mean))
