"""What could be told at best: classifiers that are judged on runs that they have not learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.stats import norm

import drift
from drift.inference.estimators import class_numbers
from drift.inference.held_out_runs import (
    attainable_power,
    attainable_power_left_out,
    cross_validated,
    power_of,
)


def test_the_best_power_is_that_of_neyman_and_pearson():
    """A normal mean that moves by 2 is noticed at .05 with Phi(2 - 1.645)."""
    rng = np.random.default_rng(0)
    values, runs = rng.standard_normal((800, 2)), np.arange(800)
    new = rng.normal([2.0, 0.0], size=(800, 2))
    power = attainable_power(values, runs, new, runs)
    expected = norm.cdf(2 - norm.ppf(0.95))
    # 800 windows of either: standard error .017 of the power, .0077 of the level times a slope of
    # 3.7, and what classifiers lose that have learned from 960 windows
    assert abs(power - expected) < 4 * np.hypot(0.017, 0.028)
    assert attainable_power(values, runs, rng.standard_normal((800, 2)), runs) < 0.1


def test_a_mechanism_left_out_is_noticed_as_the_ratio_of_densities_says():
    rng = np.random.default_rng(1)
    classes = rng.integers(3, size=30_000)
    at = rng.standard_normal(30_000) + 2.0 * (classes == 2)
    density = np.exp(-0.5 * (at[:, np.newaxis] - [0.0, 0.0, 2.0]) ** 2)
    power = attainable_power_left_out(density / density.sum(axis=1, keepdims=True), classes, 2)
    assert abs(power - norm.cdf(2 - norm.ppf(0.95))) < 4 * 0.011
    still = power_of(rng.standard_normal(30_000), classes == 2)
    assert abs(still - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 10_000)


def test_windows_are_judged_by_classifiers_of_other_runs(bank_path: Path):
    bank = drift.load(bank_path)
    names = ("wandering weights", "excitability", "jumps")
    told = cross_validated(bank, names)
    np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-6)
    right = told.argmax(axis=1) == class_numbers(bank, names)
    assert right.mean() > 1 / 3
    bent = bank.copy()
    first = bank["run"].values == bank["run"].values[0]
    bent["value"] = (
        bank["value"] * np.where(first, -1, 1)[:, np.newaxis]
    )  # nothing of a run is learned ...
    others = bank["run"].values // 3 % 5 == bank["run"].values[0] // 3 % 5
    again = cross_validated(bent, names)
    same = others & ~first  # ... that windows of its own fold are judged by
    np.testing.assert_array_equal(again[same], told[same])
