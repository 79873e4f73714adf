"""Search, intervals and identifiability on simulators whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from circuits.drives import normal_quantiles
from circuits.fitting.refinement import newton_step
from circuits.fitting.search import (
    Bounds,
    Law,
    intervals,
    local_law,
    profile,
    regressed_law,
    search,
    uncertainty,
)
from circuits.rest.fixed_points import threshold_linear_level
from drift.schema import RefusedInputError

UNITS = 200
TRUTH = np.array([6.0, 0.3])  # w and theta of the threshold interneuron, circuits 4.11
BOUNDS = Bounds.checked({"gain": (0.5, 5000.0), "threshold": (-2.0, 1.0)})


def threshold_statistics(
    candidates: np.ndarray, conditions: list[tuple[float, float]]
) -> np.ndarray:
    """Active fraction and mean rate of C2 on normal quantiles under input gains and offsets,
    (candidate, statistic)."""
    columns = []
    for gain, offset in conditions:
        drive = np.broadcast_to(gain * normal_quantiles(UNITS) + offset, (len(candidates), UNITS))
        level, winners = threshold_linear_level(drive, candidates[:, 0], candidates[:, 1])
        columns += [winners / UNITS, np.maximum(drive - level[:, np.newaxis], 0).mean(axis=1)]
    return np.stack(columns, axis=1)


def restarts_at(conditions: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    target = threshold_statistics(TRUTH[np.newaxis], conditions)[0]
    found = search(
        lambda candidates: threshold_statistics(candidates, conditions), BOUNDS, target, np.eye(target.size), seed=1, restarts=40,
        population=12, generations=250, tolerance=1e-12,
    )  # fmt: skip
    return BOUNDS.values(found.unit), found.distance


@pytest.mark.slow
def test_C40_active_fraction_and_mean_rate_do_not_identify_gain_and_threshold():
    values, distance = restarts_at([(1.0, 0.0)])
    converged = distance < 1e-10
    assert converged.sum() >= 30
    assert values[converged, 0].max() / values[converged, 0].min() > 10


@pytest.mark.slow
def test_C41_responses_to_gain_and_offset_identify_both():
    values, distance = restarts_at(
        [(gain, offset) for gain in (0.5, 1.0, 2.0) for offset in (0.0, 0.5)]
    )
    converged = distance < 1e-10
    assert converged.sum() >= 30
    assert np.abs(values[converged] - TRUTH).max() < 1e-4


def test_search_is_repeated_by_its_seed_and_by_nothing_else():
    target = np.array([0.3, 0.7])
    simulator = lambda candidates: candidates**2  # noqa: E731
    bounds = Bounds.checked({"a": (-1.0, 1.0), "b": (0.1, 10.0)})
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    once, again, other = (
        search(simulator, bounds, target, np.eye(2), seed=seed, generations=5).unit
        for seed in (3, 3, 4)
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_bounds_map_both_ways_and_in_logarithms_where_positive():
    bounds = Bounds.checked({"a": (0.01, 100.0), "b": (-2.0, 3.0)})
    assert np.allclose(bounds.values(np.array([0.5, 0.5])), [1.0, 0.5])
    unit = np.random.default_rng(0).random((7, 2))
    assert np.allclose(bounds.coordinates(bounds.values(unit)), unit)


def test_lifetimes_are_searched_by_what_they_leave_of_the_weights():
    names = {"weight_lifetime": (3.0, 300.0), "gain": (1.0, 100.0)}
    bounds = Bounds.checked(names)._replace(lag=5.0)
    left = (np.exp(-5 / 3) + np.exp(-5 / 300)) / 2
    assert np.allclose(bounds.values(np.array([0.5, 0.5])), [-5 / np.log(left), 10.0])
    unit = np.random.default_rng(0).random((7, 2))
    assert np.allclose(bounds.coordinates(bounds.values(unit)), unit)
    assert np.allclose(bounds.values(np.array([[0.0, 0.0], [1.0, 1.0]])), [[3, 1], [300, 100]])


def test_chance_of_derivatives_makes_no_step_shorter():
    """Mean step to a known minimum with derivatives that are half noise, within 4 standard errors
    of the whole way; without the correction it falls far short."""
    rng = np.random.default_rng(1)
    statistics, error = 200, 1.0
    truth = np.column_stack([np.ones(statistics), np.linspace(-1, 1, statistics)])
    precision, aim = np.eye(statistics), truth @ np.array([0.3, -0.2])
    steps, short = [], []
    for _repetition in range(200):
        noise = error * rng.standard_normal(truth.shape)
        chance = np.broadcast_to(error**2 * np.eye(2), (statistics, 2, 2))
        law = Law(np.zeros(statistics), truth + noise, chance)
        steps.append(newton_step(law, aim, precision))
        short.append(newton_step(law._replace(chance=None), aim, precision))
    spread = np.std(steps, axis=0) / np.sqrt(200)
    # the correction is by the mean noise, which leaves a bias of second order
    assert (np.abs(np.mean(steps, axis=0) - [0.3, -0.2]) < 4 * spread + 0.02).all()
    assert np.mean(short, axis=0)[0] < 0.2 and np.mean(short, axis=0)[1] > -0.1


def test_a_regressed_law_is_exact_for_a_linear_simulator_also_at_a_bound():
    bounds = Bounds.checked({"a": (-2.0, 2.0), "b": (-1.0, 1.0)})
    slopes = np.array([[1.0, 0.5, 0.0, 0.2], [0.2, 1.0, 0.3, 0.0]]) * np.array([[4.0], [2.0]])
    for unit in (np.array([0.4, 0.6]), np.array([0.0, 1.0])):
        law = regressed_law(
            lambda points, seeds: linear(points) + np.array(seeds)[:, np.newaxis],
            bounds, unit, [0, 2], np.array([0.05, 0.1]),
        )  # fmt: skip
        assert np.allclose(law.jacobian, slopes.T) and np.allclose(law.chance, 0.0)
        assert np.allclose(law.statistics, linear(bounds.values(unit)[np.newaxis])[0] + 1.0)


@pytest.mark.parametrize("pair", [(1.0, 1.0), (2.0, 1.0), (np.nan, 1.0), (0.0, np.inf), (1.0,)])
def test_unusable_bounds_are_refused(pair):
    with pytest.raises(RefusedInputError, match="bounds of gain"):
        Bounds.checked({"gain": pair})


def linear(candidates: np.ndarray) -> np.ndarray:
    return candidates @ np.array([[1.0, 0.5, 0.0, 0.2], [0.2, 1.0, 0.3, 0.0]]) + 0.1


def test_local_law_is_exact_for_a_linear_simulator_also_at_a_bound():
    bounds = Bounds.checked({"a": (-2.0, 2.0), "b": (-1.0, 1.0)})
    for unit in (np.array([0.4, 0.6]), np.array([0.0, 1.0])):
        law = local_law(linear, bounds, unit)
        assert np.allclose(
            law.jacobian,
            (np.array([[1.0, 0.5, 0.0, 0.2], [0.2, 1.0, 0.3, 0.0]]) * np.array([[4.0], [2.0]])).T,
        )
        assert np.allclose(law.statistics, linear(bounds.values(unit)[np.newaxis])[0])


def test_claimed_covariance_is_that_of_repeated_estimates(rng):
    jacobian = rng.standard_normal((6, 2)) * 3
    factor = rng.standard_normal((6, 6)) * 0.05 + 0.1 * np.eye(6)
    covariance, precision = (
        factor @ factor.T,
        np.diag(rng.uniform(50, 100, 6)),
    )  # a precision that is not the inverse covariance
    claimed = uncertainty(jacobian, covariance, precision).covariance
    noise = rng.multivariate_normal(np.zeros(6), covariance, 4000)
    weighted = jacobian.T @ precision
    estimates = noise @ np.linalg.solve(weighted @ jacobian, weighted).T  # (repetition, parameter)
    # the sampling error of a variance is sqrt(2/n): 4 standard errors, and one more per cent for
    # the weak prior
    assert np.allclose(
        np.diagonal(np.cov(estimates.T)), np.diagonal(claimed), rtol=4 * np.sqrt(2 / 4000) + 0.01
    )


def test_an_unseen_parameter_gets_its_whole_search_range():
    bounds = Bounds.checked({"seen": (0.0, 1.0), "unseen": (0.0, 1.0)})
    jacobian = np.array([[10.0, 0.0], [5.0, 0.0], [3.0, 0.0]])
    known = uncertainty(jacobian, 0.01 * np.eye(3), 100 * np.eye(3))
    interval = intervals(bounds, np.array([0.5, 0.5]), known.covariance, 0.95, 30)
    assert known.condition_number == np.inf or known.condition_number > 1e12
    assert np.ptp(interval[0]) < 0.1
    assert np.ptp(interval[1]) == pytest.approx(1.0, rel=1e-15)


def test_profile_is_the_minimum_over_the_other_parameters(rng):
    jacobian, error = rng.standard_normal((5, 3)), rng.standard_normal(5)
    precision = np.diag(rng.uniform(0.5, 2.0, 5))
    unit, grid = np.array([0.4, 0.5, 0.6]), np.array([0.1, 0.45, 0.9])
    found = profile(Law(error, jacobian), np.zeros(5), precision, unit, 1, grid)
    for value, distance in zip(grid, found, strict=True):

        def total(free, value=value):
            residual = error + jacobian @ np.array([free[0], value - unit[1], free[1]])
            return residual @ precision @ residual

        assert distance == pytest.approx(minimize(total, [0.0, 0.0], tol=1e-12).fun, rel=1e-6)
