"""From where a search ended to the estimate: Gauss-Newton steps along the local law of the
statistics.

Counts make the distance of one simulation rough on a small scale. The law is therefore a straight
line through simulations on both sides of a point, and its minimum the estimate, as that of the
simulated recordings with which an interval is calibrated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from circuits.fitting.search import (
    DIFFERENCE,
    Bounds,
    Law,
    Searched,
    Uncertainty,
    distances,
    regressed_law,
    uncertainty,
)

ECHOES = 8  # simulations with other chance, over which the law is a mean
FEW_ECHOES = 3  # of them, on the way to the minimum
ROUNDS = 6  # in which the law is taken anew, at most
LARGEST_STEP = 0.1  # of the search range, in a round
STEPS_BACK = (1.0, 0.3)  # parts of a step that are tried where it is too large for the law

Simulator = Callable[..., np.ndarray]
"""(candidate, parameter), seeds -> (candidate, statistic)."""


class Refined(NamedTuple):
    """An estimate after the search.

    ``unit (parameter,)`` in coordinates of the search, its ``law``, the ``covariance`` of measured
    minus predicted statistics, what is ``known`` of the estimate, and where the law has its
    minimum, ``aimed (parameter,)``, be it beyond the bounds. ``precision`` of the statistics in
    the distance that it makes small, and the ``offset`` of a population as large as the recorded
    one.
    """

    unit: np.ndarray
    law: Law
    covariance: np.ndarray
    known: Uncertainty
    aimed: np.ndarray
    precision: np.ndarray
    offset: np.ndarray


def echo_seeds(seed: int) -> list[int]:
    """Return seeds of simulations that repeat a candidate with other chance."""
    return [seed + 1_000_003 * (1 + number) for number in range(ECHOES)]


def refine(
    simulator: Simulator,
    whole: Callable[[np.ndarray], np.ndarray],
    bounds: Bounds,
    optima: Searched,
    target: np.ndarray,
    recorded: np.ndarray,
    precision: np.ndarray,
    seeds: list[int],
) -> Refined:
    """Go from where the best search ended to the minimum of the mean of several simulations, which
    leaves a fraction of the chance of a single one.

    Statistics of few units differ in the mean from those of many, so that ``whole`` populations, as
    large as the recorded one, tell the level, and the circuit tells how it changes.

    Parameters
    ----------
    simulator : callable
        Candidates (candidate, parameter) and seeds to statistics (candidate, statistic).
    whole : callable
        One candidate (parameter,) to statistics (seed, statistic) of populations as large as the
        recorded one.
    bounds : Bounds
        Of the search.
    optima : Searched
        Where searches ended.
    target, recorded, precision : numpy.ndarray
        (statistic,) of the recording, their covariance and precision (statistic, statistic).
    seeds : list of int
        Of the simulations.
    """
    unit = optima.unit[np.argmin(optima.distance)]
    large = whole(bounds.values(unit))
    echoes = simulator(np.tile(bounds.values(unit), (len(seeds), 1)), seeds)  # (seed, statistic)
    offset = np.nan_to_num(np.nanmean(large, axis=0) - echoes.mean(axis=0))
    covariance = recorded + np.cov(large, rowvar=False).reshape(recorded.shape) / len(seeds)

    def law_at(point: np.ndarray, some: list[int]) -> Law:
        law = regressed_law(simulator, bounds, point, some)
        return Law(law.statistics + offset, law.jacobian)

    unit = _near_minimum(unit, target, precision, lambda point: law_at(point, seeds[:FEW_ECHOES]))
    law = law_at(unit, seeds)
    unit, law, aimed = _minimum(unit, law, target, precision)
    known = uncertainty(law.jacobian, covariance, precision)
    return Refined(unit, law, covariance, known, aimed, precision, offset)


def _near_minimum(
    unit: np.ndarray, target: np.ndarray, precision: np.ndarray, law_at: Callable[..., Law]
) -> np.ndarray:
    """Step until the law that was taken at a point reaches as far as its minimum; a step that leads
    away is shortened."""
    law = law_at(unit)
    for _round in range(ROUNDS):
        step = newton_step(law, target, precision)
        if np.abs(step).max() <= DIFFERENCE:
            break
        length = np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        for part in STEPS_BACK:
            moved = np.clip(unit + part * length, 0.0, 1.0)
            moved_law = law_at(moved)
            both = np.stack([law.statistics, moved_law.statistics])
            if int(np.argmin(distances(both, target, precision))) == 1:
                break
        else:
            break
        unit, law = moved, moved_law
    return unit


def _minimum(
    unit: np.ndarray, law: Law, target: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, Law, np.ndarray]:
    """Where the law has its minimum, not farther than it reaches, the law there, and where the
    minimum would be."""
    step = newton_step(law, target, precision)
    reached = np.clip(unit + np.clip(step, -LARGEST_STEP, LARGEST_STEP), 0.0, 1.0)
    there = Law(law.statistics + law.jacobian @ (reached - unit), law.jacobian)
    return reached, there, unit + step


def newton_step(law: Law, target: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Return the step (..., parameter) to the minimum of the distance from targets (..., statistic)
    along a law, with a prior of one search range for what statistics do not see.

    Parameters
    ----------
    law : Law
        At a point.
    target : numpy.ndarray
        (..., statistic).
    precision : numpy.ndarray
        (statistic, statistic).
    """
    weighted = law.jacobian.T @ precision
    gain = np.linalg.solve(weighted @ law.jacobian + np.eye(len(weighted)), weighted)
    return np.asarray((target - law.statistics) @ gain.T)


def reweighted(refined: Refined, target: np.ndarray, precision: np.ndarray) -> Refined:
    """Return the estimate with other weights of the statistics.

    Parameters
    ----------
    refined : Refined
        With the weights it has.
    target : numpy.ndarray
        (statistic,) of the recording.
    precision : numpy.ndarray
        (statistic, statistic).
    """
    unit, law, aimed = _minimum(refined.unit, refined.law, target, precision)
    known = uncertainty(law.jacobian, refined.covariance, precision)
    return refined._replace(unit=unit, law=law, known=known, aimed=aimed, precision=precision)


def gone_on(
    optima: Searched,
    refined: Refined,
    simulator: Simulator,
    bounds: Bounds,
    target: np.ndarray,
    precision: np.ndarray,
) -> Searched:
    """Put the refined point in place of where the best search ended, if it is better than that for
    the simulation that was searched, too."""
    best = int(np.argmin(optima.distance))
    values = simulator(bounds.values(refined.unit[np.newaxis]))
    distance = float(distances(values, target, precision)[0])
    if distance >= optima.distance[best]:
        return optima
    unit, reached = optima.unit.copy(), optima.distance.copy()
    unit[best], reached[best] = refined.unit, distance
    return optima._replace(unit=unit, distance=reached)
