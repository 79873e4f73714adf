"""Alignment of drift: what noise alone feigns, in closed form and sampled, and what is left without
it."""

from __future__ import annotations

import numpy as np
import pytest
from planted_drift import (
    fields,
    noisy,
    of_halves,
    one_strong_direction,
    sampled_covariance,
    with_trials,
)

from drift import metrics
from drift.errors import RefusedInputError
from drift.metrics.geometry.alignment import normalised

DEGREES = 36  # of freedom of the noise covariance: 20 trials in two sessions, by halves


def pair(result, name="alignment"):
    """By kind, from the first session to the second."""
    return result[name].values[0, 0, 1]


@pytest.mark.parametrize("seed", range(10))
def test_the_frozen_value_has_a_sampled_twin(seed: int):
    """Differences of means of trials of a code that stands still; n = 20,000 conditions, z = 5 of a
    ratio of means."""
    rng = np.random.default_rng(seed)
    units, samples = int(rng.integers(3, 40)), 20_000
    factors = rng.normal(size=(units, int(rng.integers(1, 6)))) * rng.exponential(2)
    noise = np.diag(rng.exponential(1, units)) + factors @ factors.T
    root = np.linalg.cholesky(noise) / np.sqrt(int(rng.integers(2, 50)))
    first, second = rng.normal(size=(2, samples, units)) @ root.T
    drift, largest = second - first, np.linalg.eigvalsh(noise)[-1]
    along, squared = ((drift @ noise) * drift).sum(axis=1) / largest, (drift**2).sum(axis=1)
    value = along.sum() / squared.sum()
    error = (along - value * squared).std() / squared.mean() / np.sqrt(samples)
    assert abs(value - metrics.frozen_alignment(noise)) < 5 * error


def test_limits_of_the_frozen_value():
    rng = np.random.default_rng(0)
    assert metrics.frozen_alignment(3 * np.eye(7)) == pytest.approx(1)
    line = rng.normal(size=(7, 1))
    assert metrics.frozen_alignment(line @ line.T) == pytest.approx(1)
    # of isotropic noise with any directions: the chance of a drift in no particular direction
    covariance = np.cov(rng.normal(size=(7, 30)))
    chance = np.trace(covariance) / 7 / np.linalg.eigvalsh(covariance)[-1]
    assert metrics.frozen_alignment(np.eye(7), covariance) == pytest.approx(chance)
    assert normalised(1, 0.3) == pytest.approx(1) and normalised(0.3, 0.3) == 0


def test_a_frozen_code_seems_aligned_with_its_noise():
    """D = 100, 20 trials, S = diag(mu) + 15 u u': rho about .3 in closed form (.31 +- .02 over draws
    of mu and u), .27 +- .03 as measured with a covariance of 36 degrees of freedom; n = 50 draws of
    one condition. The cross-validated value is told to be undefined, but for chance."""
    rng = np.random.default_rng(1)
    closed, naive, defined = [], [], []
    for _ in range(50):
        noise, _ = one_strong_direction(rng)
        chance = np.trace(noise) / 100 / np.linalg.eigvalsh(noise)[-1]
        closed.append(normalised(metrics.frozen_alignment(noise), chance))
        dataset = of_halves(with_trials(rng, np.zeros((20, 100)), noise))
        sampled = sampled_covariance(rng, noise, DEGREES)
        result = metrics.drift_alignment(dataset, noise=sampled, shuffles=0)
        naive.append(pair(result, "normalised_alignment")[0])
        defined.append(pair(result, "defined"))
        assert np.isfinite(pair(result)[2]) == bool(defined[-1])
    assert abs(np.mean(closed) - 0.31) < 0.02 and np.min(closed) < 0.29
    assert abs(np.mean(naive) - 0.27) < 0.03
    # 2.5 % of normal sums; n = 50, z = 3
    assert np.mean(defined) < 0.025 + 3 * np.sqrt(0.025 / 50)


@pytest.mark.parametrize(("along", "naive", "true"), [(False, 0.23, 0.0), (True, 0.40, 1.0)])
def test_noise_is_taken_out_of_the_alignment(along: bool, naive: float, true: float):
    """Drift of length 1.5 in all directions or along u, 2,000 conditions."""
    rng = np.random.default_rng(2)
    noise, direction = one_strong_direction(rng)
    size = (2000, 100)
    drift = rng.choice([-1.0, 1.0], size=(2000, 1)) * direction if along else rng.normal(size=size)
    drift *= 1.5 / np.linalg.norm(drift, axis=1, keepdims=True)
    dataset = of_halves(with_trials(rng, drift, noise))
    sampled = sampled_covariance(rng, noise, DEGREES)
    measured = metrics.drift_alignment(dataset, noise=sampled, shuffles=0)
    rho = pair(measured, "normalised_alignment")
    assert abs(rho[0] - naive) < 0.05
    assert abs(rho[2] - true) < 0.2  # a largest eigenvalue of 36 degrees is too large by a sixth
    exact = sampled_covariance(rng, noise, 20_000)
    rho = pair(metrics.drift_alignment(dataset, noise=exact, shuffles=0), "normalised_alignment")
    assert abs(rho[2] - true) < 0.1


def test_cross_validated_moments_are_naive_ones_without_those_of_noise():
    rng = np.random.default_rng(3)
    noise, _ = one_strong_direction(rng, 20)
    halves = with_trials(rng, rng.normal(size=(30, 20)), noise)
    covariance = sampled_covariance(rng, noise, 50)
    result = metrics.drift_alignment(of_halves(halves), noise=covariance, shuffles=0)
    matrix = covariance.values[0].mean(axis=0)
    largest = np.linalg.eigvalsh(matrix)[-1]
    (first, second), (later, latest) = halves
    pairings = [(later - first, latest - second), (latest - first, later - second)]
    along = sum(((a @ matrix) * b).sum() for a, b in pairings)
    squared = sum((a * b).sum() for a, b in pairings)
    assert pair(result)[2] == pytest.approx(along / largest / squared)
    assert pair(result, "squared_drift")[2] == pytest.approx(squared / 2 / 30)


def test_shuffled_units_have_a_known_mean():
    """Mean over all orders of tr(M P K P'); n = 2,000 shuffles, z = 4."""
    rng = np.random.default_rng(4)
    noise, direction = one_strong_direction(rng, 12)
    dataset = of_halves(with_trials(rng, rng.normal(size=(40, 1)) * direction, noise))
    covariance = sampled_covariance(rng, noise, 60)
    result = metrics.drift_alignment(dataset, noise=covariance, shuffles=2000)
    matrix, drift = covariance.values[0].mean(axis=0), np.diff(dataset["rate"].values[0], axis=0)[0]
    moment, largest = drift.T @ drift, np.linalg.eigvalsh(matrix)[-1]
    trace, off = np.trace(matrix), matrix.sum() - np.trace(matrix)
    others = moment.sum() - np.trace(moment)
    mean = (trace * np.trace(moment) / 12 + off * others / (12 * 11)) / largest / np.trace(moment)
    error = pair(result, "shuffled_deviation")[0] / np.sqrt(2000)
    assert abs(pair(result, "shuffled")[0] - mean) < 4 * error


def test_components_take_the_share_of_drift_in_their_space():
    rng = np.random.default_rng(5)
    root = np.zeros((10, 10))
    root[:, :3] = np.linalg.qr(rng.normal(size=(10, 3)))[0]
    noise = root @ root.T + 1e-9 * np.eye(10)  # participation ratio 3
    drift = rng.normal(size=(50, 10))
    dataset = of_halves(with_trials(rng, drift, 1e-6 * np.eye(10)))
    covariance = sampled_covariance(rng, noise, 4)
    covariance.values[:] = noise
    share = ((drift @ root) ** 2).sum() / (drift**2).sum()
    result = metrics.drift_alignment(dataset, "components", noise=covariance, shuffles=0)
    assert pair(result)[2] == pytest.approx(share, abs=1e-3)
    assert pair(result, "chance")[2] == pytest.approx(0.3)
    every = metrics.drift_alignment(dataset, "components", noise=covariance, components=10)
    np.testing.assert_allclose(pair(every)[[0, 2]], 1)


def test_alignment_with_coding_directions_is_without_bias():
    """In multiples of chance, against the same maps without noise, over 60 draws of the noise, z = 4;
    the naive one loses half of it, as noise has no direction of the code. The alignment itself
    comes out too small, by as much as noise makes the largest eigenvalue too large."""
    rng = np.random.default_rng(6)
    first = fields(rng, 40)
    second = np.roll(first, 1, axis=0) * rng.lognormal(0, 0.2, 40)  # along the code, and not
    maps = np.stack([first, second])

    def measured(deviation: float) -> tuple[np.ndarray, np.ndarray]:
        dataset = of_halves(noisy(rng, maps, deviation), "place")
        result = metrics.drift_alignment(dataset, "coding", shuffles=0)
        return pair(result), pair(result) / pair(result, "chance")

    exact, times = (values[2] for values in measured(0.0))
    assert times > 2
    alignments, multiples = np.moveaxis([measured(0.15) for _ in range(60)], 0, 1)
    mean, error = multiples.mean(axis=0), multiples.std(axis=0) / np.sqrt(60)
    assert abs(mean[2] - times) < 4 * error[2] and mean[0] < 0.6 * times
    assert 0.75 * exact < alignments[:, 2].mean() < exact


def test_noise_of_two_sessions_needs_trials():
    rng = np.random.default_rng(7)
    noise, _ = one_strong_direction(rng, 10)
    dataset = of_halves(with_trials(rng, np.ones((5, 10)), noise))
    with pytest.raises(RefusedInputError, match="trial_noise_covariance"):
        metrics.drift_alignment(dataset)
    with pytest.raises(RefusedInputError, match="noise was expected over"):
        metrics.drift_alignment(dataset, noise=sampled_covariance(rng, noise, 9)[0])
    fewer = sampled_covariance(rng, noise, 9).isel(unit_other=slice(0, 9))
    with pytest.raises(RefusedInputError, match="of the 10 units"):
        metrics.drift_alignment(dataset, noise=fewer)
    with pytest.raises(RefusedInputError, match="for each of the 10"):
        metrics.frozen_alignment(noise, np.eye(3))
    with pytest.raises(RefusedInputError, match="needs variance"):
        metrics.frozen_alignment(np.zeros((3, 3)))
