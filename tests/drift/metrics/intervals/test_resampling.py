"""Draws with replacement and jackknives: moments by hand, and variances that are known."""

from __future__ import annotations

import numpy as np
import pytest

from drift.metrics.intervals.limits import of_sources, standard_error
from drift.metrics.intervals.resampling import (
    corrected_jackknife_variance,
    drawn_positions,
    drawn_times,
    jackknife_variance,
)


def test_draws_are_as_many_as_there_are_and_vary_as_multinomial_numbers(rng: np.random.Generator):
    """Times of one entry of 8 have mean 1 and variance 7/8; 20,000 draws, 5 standard errors."""
    times = drawn_times(8, 20_000, rng)
    assert (times.sum(axis=1) == 8).all() and times.min() == 0
    np.testing.assert_allclose(times.mean(axis=0), 1, atol=5 * np.sqrt(7 / 8 / 20_000))
    np.testing.assert_allclose(times.var(axis=0), 7 / 8, rtol=0.08)
    covariance = np.cov(times, rowvar=False)[np.triu_indices(8, 1)]
    np.testing.assert_allclose(covariance, -1 / 8, atol=0.04)


def test_positions_are_those_that_were_drawn():
    times = drawn_times(5, 30, np.random.default_rng(1))
    positions = drawn_positions(5, 30, np.random.default_rng(1))
    counted = [np.bincount(row, minlength=5) for row in positions]
    np.testing.assert_array_equal(counted, times)
    assert (drawn_times(1, 4, np.random.default_rng(1)) == 1).all()


def test_the_jackknife_of_a_mean_is_its_squared_standard_error(rng: np.random.Generator):
    values = rng.normal(size=(9, 3))
    left_out = (values.sum(axis=0) - values) / 8
    np.testing.assert_allclose(jackknife_variance(left_out), standard_error(values) ** 2)
    two = (values.sum(axis=0) - values - np.roll(values, -1, axis=0)) / 7
    corrected = corrected_jackknife_variance(values.mean(axis=0), left_out, two)
    np.testing.assert_allclose(corrected, standard_error(values) ** 2)  # nothing is done together


@pytest.mark.parametrize(
    ("signal", "plain", "mended"), [(0.0, (2.0, 2.5), (1.0, 1.6)), (3.0, (0.9, 1.1), (0.9, 1.1))]
)
def test_products_of_noise_are_counted_less(
    signal: float, plain: tuple[float, float], mended: tuple[float, float]
):
    """The product of two means of ten numbers each, of expectation 0 or 9: where it is noise times
    noise the jackknife tells 2 n / (n - 1) = 2.2 times its variance, and 1.5 times when corrected,
    as what is taken off is known roughly and at most a half; where signal leads both tell it. 4000
    samples: standard error of the ratio 3 to 4 %."""
    rng, count = np.random.default_rng(4), 10
    first, second = signal + rng.normal(size=(2, 4000, count))
    product = first.mean(axis=1) * second.mean(axis=1)

    def without(*entries: int) -> np.ndarray:
        kept = np.delete(np.arange(count), entries)
        return np.asarray(first[:, kept].mean(axis=1) * second[:, kept].mean(axis=1))

    left_out = np.stack([without(entry) for entry in range(count)])
    two = np.stack([without(entry, (entry + 1) % count) for entry in range(count)])
    jackknife = jackknife_variance(left_out).mean() / product.var()
    corrected = corrected_jackknife_variance(product, left_out, two).mean() / product.var()
    assert plain[0] < jackknife < plain[1] and mended[0] < corrected < mended[1]


def test_sources_add_up_with_their_degrees_of_freedom():
    one = of_sources(np.array(1.0), np.array([0.04, 0.0]), np.array([4, 9]), 0.95)
    assert float(one.upper) == pytest.approx(1 + 2.776445 * 0.2)
    both = of_sources(np.array(0.0), np.array([0.5, 0.5]), np.array([5, 5]), 0.95)
    assert float(both.upper) == pytest.approx(2.228139)  # ten degrees of freedom
    none = of_sources(np.array(2.0), np.array([0.0, 0.0]), np.array([4, 4]), 0.95)
    assert none.lower == none.upper == 2
