"""Where recordings for a posterior are simulated: in rounds, each in the box in which a regression
on those before leaves parameters possible.

Within a box the prior is as even as before, and is resolved more finely; what lies outside of the
last one gets no probability. Deistler, Goncalves & Macke (2022, arXiv:2210.04815) truncate by the
posterior itself; a regression and what it is off by take no flow in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

ROUNDS, FEWEST_A_ROUND = 4, 100  # of simulations, and fewer rounds where each would have less
# These three leave the truth out of the last box in less than one of a hundred recordings of 200
# simulations with statistics that saturate, mix parameters and are missing.
MARGIN = 0.75  # of the range of what is possible, by which a box reaches beyond it on either side
NEAR, FEWEST_NEAR = 3, 40  # the nearest third of simulations, or so many, tell what is possible
NARROWEST = 0.02  # of a box, which the next is at least
FOLDS = 5  # of simulations, each of which is judged by a regression on the others
FAR = 5.0  # standard deviations: what lies beyond counts as this


class Box(NamedTuple):
    """Where parameters are drawn, evenly: from ``low`` to ``high``, (parameter,), in coordinates of
    the search."""

    low: np.ndarray
    high: np.ndarray

    def placed(self, share: np.ndarray) -> np.ndarray:
        """Return coordinates of the search (..., parameter) of ones from 0 to 1 in the box."""
        return np.asarray(self.low + (self.high - self.low) * share)

    def around(self, share: np.ndarray) -> Box:
        """Return the part of the box in which points (point, parameter) from 0 to 1 lie, and a
        margin."""
        low, high = share.min(axis=0), share.max(axis=0)
        margin = MARGIN * (high - low)
        first = np.clip(low - margin, 0.0, 1.0 - NARROWEST)
        last = np.clip(high + margin, first + NARROWEST, 1.0)
        return Box(self.placed(first), self.placed(last))


class Simulated(NamedTuple):
    """Recordings simulated in a box: ``unit (simulation, parameter)``, in coordinates of the search
    or from 0 to 1 in the box, and ``statistics (simulation, statistic)``."""

    unit: np.ndarray
    statistics: np.ndarray

    def within(self, box: Box) -> Simulated:
        """Return those in a box, in coordinates that go from 0 to 1 there."""
        share = (self.unit - box.low) / (box.high - box.low)
        inside = ((share >= 0) & (share <= 1)).all(axis=1)
        return Simulated(share[inside], self.statistics[inside])

    def informative(self) -> np.ndarray:
        """Return which statistics some simulations have, (statistic,): the others say nothing."""
        return np.asarray(np.isfinite(self.statistics).sum(axis=0) > 1)

    def informing(self, recorded: np.ndarray) -> tuple[Simulated, np.ndarray]:
        """Return these and a recording (statistic,) with the statistics that say something."""
        informative = self.informative()
        return self._replace(statistics=self.statistics[:, informative]), recorded[informative]


def in_rounds(
    drawn: Callable[[Box, np.ndarray], Simulated],
    recorded: np.ndarray,
    parameters: int,
    seeds: np.ndarray,
) -> tuple[Simulated, Box]:
    """Return simulated recordings of all rounds, in coordinates of the search, and the box of the
    last one.

    Parameters
    ----------
    drawn : callable
        Simulates recordings in a box, one for each seed.
    recorded : numpy.ndarray
        (statistic,).
    parameters : int
        How many.
    seeds : numpy.ndarray
        (simulation,).
    """
    box = Box(np.zeros(parameters), np.ones(parameters))
    rounds = int(np.clip(len(seeds) // FEWEST_A_ROUND, 1, ROUNDS))
    first, *later = np.array_split(seeds, rounds)
    simulated = drawn(box, first)
    for further in later:
        box = box.around(_possible(simulated.within(box), recorded))
        both = zip(simulated, drawn(box, further), strict=True)
        simulated = Simulated(*map(np.concatenate, both))
    return simulated, box


def _possible(simulated: Simulated, recorded: np.ndarray) -> np.ndarray:
    """Parameters (point, parameter) that the recording could have, in the coordinates of the
    simulated ones: what a regression says, off by as much as it is for the simulations of which it
    says most nearly the same (Beaumont, Zhang & Balding 2002, Genetics 162:2025)."""
    simulated, recorded = simulated.informing(recorded)
    numbers = scaled_numbers(simulated.statistics, recorded[np.newaxis])
    said, answer = regressed(*numbers, simulated.unit)
    answer = np.clip(answer, 0.0, 1.0)
    distance = (np.square(said - answer) / said.var(axis=0)).sum(axis=1)
    near = np.argsort(distance)[: max(FEWEST_NEAR, len(said) // NEAR)]
    return np.asarray(answer + (simulated.unit - said)[near])


def scaled_numbers(simulated: np.ndarray, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return statistics (row, number) in standard deviations of the simulated ones, 0 where not
    defined, and whether they are defined where some are not.

    Parameters
    ----------
    simulated, recorded : numpy.ndarray
        (row, statistic).
    """
    centre, spread = np.nanmean(simulated, axis=0), np.nanstd(simulated, axis=0)
    partly = ~np.isfinite(simulated).all(axis=0)

    def scaled(statistics: np.ndarray) -> np.ndarray:
        defined = np.isfinite(statistics)
        deviation = (statistics - centre) / np.where(spread > 0, spread, 1.0)
        numbers = np.where(defined, deviation, 0.0)
        return np.concatenate([numbers, defined[:, partly]], axis=1)

    return scaled(simulated), scaled(recorded)


def regressed(
    simulated: np.ndarray, recorded: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what regressions, linear and in squares, say of simulations that they have not seen,
    and all of them together of recordings, each (row, parameter).

    Parameters
    ----------
    simulated, recorded : numpy.ndarray
        (row, number).
    values : numpy.ndarray
        (simulation, parameter) of what they speak.
    """
    design, own_design = (_with_squares(numbers) for numbers in (simulated, recorded))
    fold = np.arange(len(design)) % FOLDS
    said, answers = np.empty(values.shape), []
    for number in range(FOLDS):
        aside = fold == number
        weights = _ridge(design[~aside], values[~aside])
        said[aside] = design[aside] @ weights
        answers.append(own_design @ weights)
    return said, np.mean(answers, axis=0)


def _with_squares(numbers: np.ndarray) -> np.ndarray:
    near = np.clip(numbers, -FAR, FAR)
    return np.concatenate([np.ones((len(near), 1)), near, near**2], axis=1)


def _ridge(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weights (number, parameter) of a regression, with a prior as strong as one simulation."""
    product = numbers.T @ numbers + np.eye(numbers.shape[1])
    return np.asarray(np.linalg.solve(product, numbers.T @ values))
