"""Parameters of a simulator from statistics: search, intervals, and what the statistics cannot tell
apart.

A simulator maps candidates (candidate, parameter) to statistics (candidate, statistic) with the
same chance for every candidate, so that the distance to the measured statistics is a smooth
function. It is minimised by CMA-ES in the coordinates of ``circuits.fitting.bounds``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cma
import numpy as np

from circuits.fitting.bounds import Bounds
from drift.metrics.intervals.limits import half_width
from drift.schema.labelled_form import RefusedInputError
from drift.streams import stream

Simulator = Callable[[np.ndarray], np.ndarray]
"""(candidate, parameter) -> (candidate, statistic)."""

# of the search range: half of the step of the central differences, wide enough for the chance of
# counts to average out
DIFFERENCE = 0.05
TOLERANCE = 2e-2  # of the search range, among candidates; Gauss-Newton steps go on from there
PENALTY = 1e12  # distance of a candidate whose statistics are not defined
WIDE = 0.5  # an interval that spans more of the search range tells little more than the bounds do


class Searched(NamedTuple):
    """What every restart found.

    Its best point ``unit (restart, parameter)`` and ``distance (restart,)``, whether it ``converged
    (restart,)`` before the last generation, how many candidates were ``simulated``, and the
    standard deviation of its last candidates, ``spread (restart, parameter)``.
    """

    unit: np.ndarray
    distance: np.ndarray
    converged: np.ndarray
    simulated: int
    spread: np.ndarray


class Law(NamedTuple):
    """How statistics depend on the parameters at one point: ``statistics (statistic,)``, ``jacobian
    (statistic, parameter)``, and its ``chance (statistic, parameter, parameter)``, the covariance
    of its rows by the chance of simulations; None where that is not known."""

    statistics: np.ndarray
    jacobian: np.ndarray
    chance: np.ndarray | None = None


def distances(statistics: np.ndarray, target: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Return (s - s*)^T P (s - s*) for each candidate, (candidate,).

    Parameters
    ----------
    statistics : numpy.ndarray
        s, (candidate, statistic).
    target : numpy.ndarray
        s*, (statistic,).
    precision : numpy.ndarray
        P, (statistic, statistic).
    """
    error = statistics - target
    squared_distances = np.einsum("ci,ij,cj->c", error, precision, error)
    return np.where(np.isfinite(squared_distances), squared_distances, PENALTY)


def search(
    simulator: Simulator,
    bounds: Bounds,
    target: np.ndarray,
    precision: np.ndarray,
    *,
    seed: int,
    restarts: int = 2,
    population: int = 8,
    generations: int = 30,
    tolerance: float = TOLERANCE,
    report: Callable[[float], None] = lambda distance: None,
) -> Searched:
    """Minimise the distance to the target from several random points at once.

    Each begins at the best of a generation of random points. All restarts share their generations,
    so that one simulation serves them all. A restart ends
    when its candidates differ by less than ``tolerance`` of the search range.

    Parameters
    ----------
    simulator : callable
        (candidate, parameter) to (candidate, statistic).
    bounds : Bounds
        Where to search.
    target, precision : numpy.ndarray
        As in ``distances``.
    seed : int
        Of the stream "search".
    restarts, population, generations : int
        Independent searches, candidates of each in a generation, and most generations.
    tolerance : float
        In parts of the search range.
    report : callable
        Gets the smallest distance after every generation.

    Returns
    -------
    Searched
    """
    chances = stream(seed, "search").spawn(restarts)
    # cma needs two coordinates; the second of a single parameter is not looked at
    tried = [rng.uniform(0.1, 0.9, (population, max(2, len(bounds.names)))) for rng in chances]
    first_costs = distances(
        simulator(bounds.values(np.concatenate(tried)[:, : len(bounds.names)])), target, precision
    )
    starts = [
        points[values.argmin()]
        for points, values in zip(tried, np.split(first_costs, restarts), strict=True)
    ]
    searches = [
        _strategy(start, rng, population, tolerance, idle=len(bounds.names) == 1)
        for start, rng in zip(starts, chances, strict=True)
    ]
    best = [(np.full(len(bounds.names), 0.5), np.inf)] * restarts
    simulated = first_costs.size
    for _generation in range(generations):
        live = [number for number, strategy in enumerate(searches) if not strategy.stop()]
        if not live:
            break
        candidates = {number: np.array(searches[number].ask()) for number in live}
        points = np.concatenate(list(candidates.values()))[:, : len(bounds.names)]
        costs = distances(simulator(bounds.values(points)), target, precision)
        simulated += costs.size
        for number, values in zip(live, np.split(costs, len(live)), strict=True):
            searches[number].tell(list(candidates[number]), values.tolist())
            if values.min() < best[number][1]:
                best[number] = (
                    candidates[number][values.argmin(), : len(bounds.names)],
                    float(values.min()),
                )
        report(min(distance for _, distance in best))
    points, found_distances = (np.array([optimum[column] for optimum in best]) for column in (0, 1))
    spread = np.array([strategy.result.stds[: len(bounds.names)] for strategy in searches])
    return Searched(
        points,
        found_distances,
        np.array([bool(strategy.stop()) for strategy in searches]),
        simulated,
        spread,
    )


def _strategy(
    start: np.ndarray, rng: np.random.Generator, population: int, tolerance: float, idle: bool
) -> cma.CMAEvolutionStrategy:
    options = {
        "bounds": [0.0, 1.0],
        "popsize": population,
        "verbose": -9,
        "verb_log": 0,
        "tolx": tolerance,
        "tolfun": 1e-14,
        "tolfunhist": 1e-14,
        "seed": np.nan,
        "randn": lambda *shape: rng.standard_normal(shape),
    }
    if idle:  # a search does not wait for the coordinate that is not looked at
        options["CMA_stds"] = [1.0, 1e-9]
    return cma.CMAEvolutionStrategy(start, 0.25, options)


def local_law(
    simulator: Simulator, bounds: Bounds, unit: np.ndarray, difference: float = DIFFERENCE
) -> Law:
    """Return statistics and their derivatives at a point, in coordinates of the search, by central
    differences.

    Parameters
    ----------
    simulator : callable
        (candidate, parameter) to (candidate, statistic).
    bounds : Bounds
        Of the search.
    unit : numpy.ndarray
        (parameter,) between 0 and 1; a point at a bound gets a one-sided difference.
    difference : float
        Half of the step.
    """
    steps = difference * np.eye(unit.size)
    # (1 + 2 parameters, parameter)
    points = np.clip(np.concatenate([unit[np.newaxis], unit + steps, unit - steps]), 0.0, 1.0)
    statistics = simulator(bounds.values(points))
    ahead, behind = np.split(np.arange(1, len(points)), 2)
    width = np.diagonal(points[ahead] - points[behind])
    return Law(statistics[0], ((statistics[ahead] - statistics[behind]) / width[:, np.newaxis]).T)


def regressed_law(
    simulator: Callable[..., np.ndarray],
    bounds: Bounds,
    unit: np.ndarray,
    seeds: Sequence[int],
    reach: np.ndarray,
) -> Law:
    """Return the straight line through statistics at a point and on both sides of it, mean over
    seeds: counts that jump by one do not move it as they move a single point.

    Parameters
    ----------
    simulator : callable
        Candidates (candidate, parameter) and seeds (candidate,) to (candidate, statistic).
    bounds : Bounds
        Of the search.
    unit : numpy.ndarray
        (parameter,) between 0 and 1; at a bound points lie on one side.
    seeds : sequence of int
        Of the simulations.
    reach : numpy.ndarray
        (parameter,) how far the points lie away.
    """
    steps = np.diag(reach)
    points = np.clip(np.concatenate([unit[np.newaxis], unit + steps, unit - steps]), 0.0, 1.0)
    values = bounds.values(points)
    simulated = [simulator(values, [seed] * len(points)) for seed in seeds]
    design = np.column_stack([np.ones(len(points)), points - unit])
    inverse = np.linalg.pinv(design)
    lines = np.array([inverse @ statistics for statistics in simulated])
    line, slopes = lines.mean(axis=0), lines[:, 1:] - lines[:, 1:].mean(axis=0)
    several = len(seeds) * max(1, len(seeds) - 1)
    return Law(line[0], line[1:].T, np.einsum("rps,rqs->spq", slopes, slopes) / several)


class Uncertainty(NamedTuple):
    """What the statistics know about the parameters, in coordinates of the search.

    ``covariance (parameter, parameter)`` of the estimate; ``information`` likewise, J^T C^-1 J for
    statistics of covariance C; ``condition_number`` of the information.
    """

    covariance: np.ndarray
    information: np.ndarray
    condition_number: float


def uncertainty(jacobian: np.ndarray, covariance: np.ndarray, precision: np.ndarray) -> Uncertainty:
    """Return the covariance of an estimate that minimises a distance of given precision.

    (J^T P J)^-1 J^T P C P J (J^T P J)^-1 with a prior of one search range for directions that the
    statistics do not see, so that an unidentified parameter gets an interval as wide as its bounds
    and not an infinite one.

    Parameters
    ----------
    jacobian : numpy.ndarray
        J, (statistic, parameter).
    covariance : numpy.ndarray
        C, (statistic, statistic), of measured and simulated statistics together.
    precision : numpy.ndarray
        P, (statistic, statistic).
    """
    if not (np.isfinite(jacobian).all() and np.isfinite(covariance).all()):
        raise RefusedInputError(
            "statistics were expected to be known near the estimate, got NaN or infinity: "
            "narrow the bounds, or name statistics that exist."
        )
    # statistics may say the same twice
    information = jacobian.T @ np.linalg.lstsq(covariance, jacobian, rcond=None)[0]
    weighted = jacobian.T @ precision
    bread = np.linalg.inv(weighted @ jacobian + np.eye(jacobian.shape[1]))
    spread = bread @ (weighted @ covariance @ weighted.T + np.eye(jacobian.shape[1])) @ bread
    values = np.linalg.eigvalsh(information)
    condition = float(values[-1] / values[0]) if values[0] > 0 else np.inf
    return Uncertainty(spread, information, condition)


def half_widths(covariance: np.ndarray, confidence: float, freedom: int) -> np.ndarray:
    """Return half of the interval of every parameter in coordinates of the search, (parameter,).

    Quantiles are those of Student's t, since the covariance is itself estimated with some degrees
    of freedom.
    """
    return half_width(np.sqrt(np.diagonal(covariance)), freedom, confidence)


def intervals(
    bounds: Bounds, unit: np.ndarray, covariance: np.ndarray, confidence: float, freedom: int
) -> np.ndarray:
    """Return the interval of every parameter in its own units, (parameter, 2), clipped to its
    bounds; see ``half_widths``."""
    half = half_widths(covariance, confidence, freedom)
    return np.stack([bounds.values(unit - half), bounds.values(unit + half)], axis=-1)


def profile(
    law: Law,
    target: np.ndarray,
    precision: np.ndarray,
    unit: np.ndarray,
    parameter: int,
    grid: np.ndarray,
) -> np.ndarray:
    """Return the distance at fixed values of one parameter, the others being free, for statistics
    that are linear around the fit.

    Parameters
    ----------
    law : Law
        At ``unit``.
    target, precision : numpy.ndarray
        As in ``distances``.
    unit : numpy.ndarray
        (parameter,).
    parameter : int
        The one that is held.
    grid : numpy.ndarray
        (value,) its coordinates between 0 and 1.

    Returns
    -------
    numpy.ndarray
        (value,).
    """
    free = np.delete(law.jacobian, parameter, axis=1)  # (statistic, other parameter)
    # (value, statistic)
    error = law.statistics - target + np.outer(grid - unit[parameter], law.jacobian[:, parameter])
    root = np.linalg.cholesky(precision).T  # P = root^T root
    if free.shape[1]:
        # (other parameter, value)
        shift = np.linalg.lstsq(root @ free, -(root @ error.T), rcond=1e-10)[0]
        error = error + (free @ shift).T
    return distances(error, np.zeros(target.size), precision)
