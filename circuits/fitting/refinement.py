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

from circuits.fitting.bounds import Bounds
from circuits.fitting.search import (
    DIFFERENCE,
    Law,
    Searched,
    Uncertainty,
    distances,
    regressed_law,
    uncertainty,
)

ECHOES = 8  # simulations with other chance, over which the law is a mean
FEW_ECHOES = 5  # of them, on the way to the minimum
LOOKS = 8  # recordings simulated where the search ended
PRIOR = 4  # simulated recordings, as many as which the bootstrap weighs
ROUNDS = 6  # in which the law is taken anew, at most
LARGEST_STEP = 0.15  # of the search range, in a round
NEAR_ENOUGH = 0.02  # of the search range: a step as small ends the rounds
LEAST_KNOWN = 0.2  # of the information, where it is mostly noise
FARTHEST = 0.2  # of the search range: points of the law lie as far away as the estimate scatters
STEPS_BACK = (1.0, 0.3)  # parts of a step that are tried where it leads away

Simulator = Callable[..., np.ndarray]
"""(candidate, parameter), seeds -> (candidate, statistic)."""


class Refined(NamedTuple):
    """An estimate after the search.

    ``unit (parameter,)`` in coordinates of the search, its ``law``, the ``covariance`` of measured
    minus predicted statistics, what is ``known`` of the estimate, and where the law has its
    minimum, ``aimed (parameter,)``, be it beyond the bounds. ``precision`` of the statistics in
    the distance that it makes small, the simulated ``recordings (recording, statistic)`` that its
    weights and its level come from, and the covariance ``recorded`` of the bootstrap.
    """

    unit: np.ndarray
    law: Law
    covariance: np.ndarray
    known: Uncertainty
    aimed: np.ndarray
    precision: np.ndarray
    recordings: np.ndarray
    recorded: np.ndarray


class Sought(NamedTuple):
    """What is sought.

    Attributes
    ----------
    simulator : callable
        Candidates (candidate, parameter) and seeds to statistics (candidate, statistic).
    whole : callable
        A point (parameter,) and a number of recordings to statistics (recording, statistic) of as
        many that are simulated there, as ``looks`` returns them.
    bounds : Bounds
        Of the search.
    target, recorded : numpy.ndarray
        (statistic,) of the recording, and their covariance (statistic, statistic).
    """

    simulator: Simulator
    whole: Callable[[np.ndarray, int], np.ndarray]
    bounds: Bounds
    target: np.ndarray
    recorded: np.ndarray


def echo_seeds(seed: int) -> list[int]:
    """Return seeds of simulations that repeat a candidate with other chance."""
    return [seed + 1_000_003 * (1 + number) for number in range(ECHOES)]


def refine(sought: Sought, optima: Searched, seeds: list[int], calibrated: int) -> Refined:
    """Go from where the best search ended to the minimum of the mean of several simulations, which
    leaves a fraction of the chance of a single one.

    Statistics of few units differ in the mean from those of many, so that ``whole`` recordings, as
    large as the recorded one, tell the level, and the circuit tells how it changes. They also tell
    by how much each statistic scatters, which gives its weight.

    Parameters
    ----------
    sought : Sought
        Simulators, bounds and the statistics of the recording.
    optima : Searched
        Where searches ended.
    seeds : list of int
        Of the simulations.
    calibrated : int
        Recordings that are simulated nearer to the estimate, or 0.
    """
    unit, few = optima.unit[np.argmin(optima.distance)], seeds[:FEW_ECHOES]
    target, recorded = sought.target, sought.recorded
    reach = np.full(unit.size, DIFFERENCE)
    for count in (LOOKS, calibrated) if calibrated else (LOOKS,):
        looked, recordings = unit, sought.whole(unit, count)
        level = np.nanmean(recordings, axis=0)
        variance = scatter(recordings, np.diagonal(recorded))
        precision = np.diag(1 / variance)
        law_at = _levelled(sought, looked, level, few, reach)
        unit, reach = _near_minimum(unit, target, precision, law_at, reach)
    law = _levelled(sought, looked, level, seeds, reach)(unit, reach)
    unit, law, aimed = _minimum(unit, law, target, precision)
    covariance = difference_covariance(recorded, variance, len(recordings))
    own_uncertainty = _uncertainty(law, covariance, precision)
    return Refined(unit, law, covariance, own_uncertainty, aimed, precision, recordings, recorded)


def _levelled(
    sought: Sought,
    looked: np.ndarray,
    level: np.ndarray,
    seeds: list[int],
    reach: np.ndarray,
) -> Callable[[np.ndarray, np.ndarray], Law]:
    """Return the law at any point, whose level at one point is that of recordings simulated
    there."""

    first = regressed_law(sought.simulator, sought.bounds, looked, seeds, reach)
    offset = np.nan_to_num(level - first.statistics)

    def law_at(point: np.ndarray, width: np.ndarray) -> Law:
        same = np.array_equal(point, looked) and np.array_equal(width, reach)
        law = first if same else regressed_law(sought.simulator, sought.bounds, point, seeds, width)
        return law._replace(statistics=law.statistics + offset)

    return law_at


def scatter(seen: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Return the variance (statistic,) of recordings.

    A bootstrap of the recorded units and sessions knows neither that a circuit is seen through the
    event rates of the same recording, nor, of few sessions, their variance. The variance s^2 over n
    simulated recordings is taken together with that of the bootstrap, scaled by the median of their
    ratios: (n s^2 + 4 k b) / (n + 4).

    Parameters
    ----------
    seen : numpy.ndarray
        (simulation, statistic) of ``looks``.
    usual : numpy.ndarray
        (statistic,) variances of the bootstrap, b.
    """
    defined = np.isfinite(seen)
    few = defined.sum(axis=0) < 2  # which have no variance
    square = np.nanvar(np.where(few, 0.0, np.where(defined, seen, np.nan)), axis=0, ddof=1)
    square[few] = np.nan
    ratio = np.nanmedian(square / usual)
    square = np.where(np.isfinite(square), square, ratio * usual)
    count = len(seen)
    return np.asarray((count * square + PRIOR * ratio * usual) / (count + PRIOR))


def difference_covariance(recorded: np.ndarray, variance: np.ndarray, count: int) -> np.ndarray:
    """Return the covariance (statistic, statistic) of measured minus predicted statistics.

    Parameters
    ----------
    recorded : numpy.ndarray
        (statistic, statistic) of the bootstrap, which may miss what makes recordings of one circuit
        differ.
    variance : numpy.ndarray
        (statistic,) of ``scatter``.
    count : int
        Simulated recordings, whose mean is the level of the prediction.
    """
    unseen = np.maximum(variance - np.diagonal(recorded), 0.0)
    return recorded + np.diag(unseen + variance / count)


def _uncertainty(law: Law, covariance: np.ndarray, precision: np.ndarray) -> Uncertainty:
    """What statistics know of the parameters, where steps are those of ``newton_step``."""
    weighted = law.jacobian.T @ precision
    bread = np.linalg.inv(information(law, precision))
    spread = bread @ (weighted @ covariance @ weighted.T + np.eye(len(weighted))) @ bread
    return uncertainty(law.jacobian, covariance, precision)._replace(covariance=spread)


def _near_minimum(
    unit: np.ndarray,
    target: np.ndarray,
    precision: np.ndarray,
    law_at: Callable[[np.ndarray, np.ndarray], Law],
    reach: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Step until steps are small; return where, and how far estimates scatter. The chance of a law
    makes steps too short, so that one is not enough; one that leads away is shortened."""
    law = law_at(unit, reach)
    for _round in range(ROUNDS):
        step = newton_step(law, target, precision)
        reach = _reach(law, precision)
        length = np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        # what a bound does not allow is no step
        if np.abs(np.clip(unit + length, 0.0, 1.0) - unit).max() <= NEAR_ENOUGH:
            break
        for share in STEPS_BACK:
            moved = np.clip(unit + share * length, 0.0, 1.0)
            moved_law = law_at(moved, reach)
            both = np.stack([law.statistics, moved_law.statistics])
            if int(np.argmin(distances(both, target, precision))) == 1:
                break
        else:
            break
        unit, law = moved, moved_law
    return unit, reach


def _reach(law: Law, precision: np.ndarray) -> np.ndarray:
    """How far from a point its law is taken, (parameter,): as far as estimates scatter, twice, as
    less is hidden by chance."""
    error = np.sqrt(np.diagonal(np.linalg.inv(information(law, precision))))
    return np.clip(2 * error, DIFFERENCE / 2, FARTHEST)


def information(law: Law, precision: np.ndarray) -> np.ndarray:
    """What statistics of given precision tell of the parameters, (parameter, parameter), less what
    the chance of the derivatives adds to it, with a prior of one search range.

    Derivatives that are noise look as if the statistics knew more than they do, and make steps too
    short (errors in variables; Fuller 1987, Measurement Error Models). At least ``LEAST_KNOWN`` of
    it is left in any direction.

    Parameters
    ----------
    law : Law
        With the chance of its derivatives, where that is known.
    precision : numpy.ndarray
        (statistic, statistic).
    """
    apparent = law.jacobian.T @ precision @ law.jacobian + np.eye(law.jacobian.shape[1])
    if law.chance is None:
        return np.asarray(apparent)
    noise = np.einsum("s,spq->pq", np.diagonal(precision), law.chance)
    root = np.linalg.cholesky(apparent)
    inverse = np.linalg.inv(root)
    shares, directions = np.linalg.eigh(inverse @ noise @ inverse.T)
    left = root @ directions
    return np.asarray((left * np.maximum(1 - shares, LEAST_KNOWN)) @ left.T)


def _minimum(
    unit: np.ndarray, law: Law, target: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, Law, np.ndarray]:
    """Where the law has its minimum, not farther than it reaches, the law there, and where the
    minimum would be."""
    step = newton_step(law, target, precision)
    reached = np.clip(unit + np.clip(step, -LARGEST_STEP, LARGEST_STEP), 0.0, 1.0)
    local = law._replace(statistics=law.statistics + law.jacobian @ (reached - unit))
    return reached, local, unit + step


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
    gain = np.linalg.solve(information(law, precision), law.jacobian.T @ precision)
    return np.asarray((target - law.statistics) @ gain.T)


def gone_on(optima: Searched, refined: Refined, sought: Sought, precision: np.ndarray) -> Searched:
    """Put the refined point in place of where the best search ended, if it is better than that for
    the simulation that was searched, too."""
    best = int(np.argmin(optima.distance))
    values = sought.simulator(sought.bounds.values(refined.unit[np.newaxis]))
    distance = float(distances(values, sought.target, precision)[0])
    if distance >= optima.distance[best]:
        return optima
    unit, reached = optima.unit.copy(), optima.distance.copy()
    unit[best], reached[best] = refined.unit, distance
    return optima._replace(unit=unit, distance=reached)
