"""The posterior of the parameters of a circuit: neural posterior estimation from recordings
simulated within the bounds, with a neural spline flow of the package sbi.

The prior is even in the coordinates of the search. A flow learns from simulated pairs of parameters
and statistics how likely parameters are given statistics, and is asked about those of the
recording (Papamakarios & Murray 2016, arXiv:1605.06376; Greenberg et al. 2019, arXiv:1905.07488).
Simulations are drawn in rounds, each where the posterior of the one before leaves parameters
possible: within there the prior is as even as before, and is resolved more finely (Deistler,
Goncalves & Macke 2022, arXiv:2210.04815).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from circuits.fitting.calibration import FIRST_SEED, looks
from circuits.fitting.model import Model
from circuits.fitting.search import Bounds
from circuits.fitting.subject import Found
from drift.errors import RefusedInputError
from drift.streams import stream

LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
DRAWS = 4000  # of a posterior, whose quantiles are told
CHUNK = 16  # recordings simulated at once
LOOKED = 8  # recordings that tell what their own lenses change
APART = 900_000_001  # added to the seed of a fit for simulations that have no part in it
EDGE = 1e-4  # coordinates closer to a bound count as this
FAR = 5.0  # standard deviations: what lies beyond counts as this
ROWS = 4096  # that a flow sees before it is asked how well it does: simulations, again and again
HELD = 5  # of the simulations, every fifth says when to stop
ROUNDS = 4  # of simulations
MARGIN = 0.75  # of the range of what seems possible, by which the next round reaches beyond it
NARROWEST = 0.02  # of a box, which the next is at least
NEAR, FEWEST_NEAR = 3, 40  # every third simulation tells what regressions are off by, or so many


class Posterior(NamedTuple):
    """What is told of one subject: ``quantiles (parameter, level)`` of ``LEVELS``, and which
    statistics of the recording lie beyond all simulated ones, ``beyond (statistic,)`` bool."""

    quantiles: np.ndarray
    beyond: np.ndarray


class Box(NamedTuple):
    """Where parameters are drawn, evenly: from ``low`` to ``high``, (parameter,), in coordinates of
    the search."""

    low: np.ndarray
    high: np.ndarray

    def placed(self, own: np.ndarray) -> np.ndarray:
        """Return coordinates of the search (..., parameter) of ones from 0 to 1 in the box."""
        return np.asarray(self.low + (self.high - self.low) * own)

    def around(self, own: np.ndarray) -> Box:
        """Return the part of the box in which points (point, parameter) from 0 to 1 lie, and a
        margin."""
        low, high = own.min(axis=0), own.max(axis=0)
        margin = MARGIN * (high - low)
        first = np.clip(low - margin, 0.0, 1.0 - NARROWEST)
        last = np.clip(high + margin, first + NARROWEST, 1.0)
        return Box(self.placed(first), self.placed(last))


class Simulated(NamedTuple):
    """Recordings drawn from the prior: ``unit (simulation, parameter)`` in coordinates of the
    search and ``statistics (simulation, statistic)``."""

    unit: np.ndarray
    statistics: np.ndarray

    def within(self, box: Box) -> Simulated:
        """Return those in a box, in coordinates that go from 0 to 1 there."""
        own = (self.unit - box.low) / (box.high - box.low)
        inside = ((own >= 0) & (own <= 1)).all(axis=1)
        return Simulated(own[inside], self.statistics[inside])


def require_flows() -> None:
    """Refuse a posterior where the package sbi is not installed."""
    from drift.inference.posterior import require_sbi

    try:
        require_sbi()
    except RefusedInputError:
        raise RefusedInputError(
            "a posterior needs the package sbi, got none: pip install 'repdrift[posterior]', or "
            "leave posterior out."
        ) from None


def posterior(found: Found, simulations: int) -> Posterior:
    """Return the posterior of the parameters of a circuit, given one recording.

    Parameters
    ----------
    found : Found
        The subject after the search: the effect of the lens is looked at where it ended.
    simulations : int
        How many recordings are simulated.
    """
    model, bounds, usable = found.model, found.bounds, found.usable
    recorded = found.target[usable] + lens_effect(model, bounds, found.refined.unit, usable)
    seeds = model.seed + APART + np.arange(simulations)
    simulated, box = in_rounds(
        partial(prior_recordings, model, bounds, usable), recorded, len(bounds.names), seeds
    )
    inside, told = _told(simulated.within(box), recorded)
    unit = box.placed(posterior_draws(inside, told[np.newaxis], model.seed)[0])
    # (level, parameter)
    quantiles = np.quantile(bounds.values(unit), LEVELS, axis=0)
    beyond = np.zeros(usable.size, dtype=bool)
    beyond[usable] = _beyond(simulated.statistics, recorded)
    return Posterior(quantiles.T, beyond)


def in_rounds(
    drawn: Callable[[Box, np.ndarray], Simulated],
    recorded: np.ndarray,
    parameters: int,
    seeds: np.ndarray,
) -> tuple[Simulated, Box]:
    """Return simulated recordings of all rounds, and the box of the last one.

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
    first, *later = np.array_split(seeds, ROUNDS)
    simulated = drawn(box, first)
    for own in later:
        box = box.around(_possible(*_told(simulated.within(box), recorded)))
        simulated = Simulated(*map(np.concatenate, zip(simulated, drawn(box, own), strict=True)))
    return simulated, box


def _told(simulated: Simulated, recorded: np.ndarray) -> tuple[Simulated, np.ndarray]:
    """Simulated recordings and the recording (statistic,) with the statistics that simulations
    have: the others say nothing."""
    told = np.isfinite(simulated.statistics).sum(axis=0) > 1
    return simulated._replace(statistics=simulated.statistics[:, told]), recorded[told]


def _possible(simulated: Simulated, recorded: np.ndarray) -> np.ndarray:
    """Parameters (point, parameter) that the recording could have, where nothing is more precise
    yet: what a regression says, off by as much as it is for simulations of which it says nearly the
    same (Beaumont, Zhang & Balding 2002, Genetics 162:2025)."""
    inputs, own_inputs = _inputs(simulated.statistics, recorded[np.newaxis])
    said, own = _regressed(inputs, own_inputs, simulated.unit)
    distance = (np.square(said - own) / said.var(axis=0)).sum(axis=1)
    near = np.argsort(distance)[: max(FEWEST_NEAR, len(said) // NEAR)]
    return np.asarray(np.clip(own, 0.0, 1.0) + (simulated.unit - said)[near])


def _beyond(simulated: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """Which statistics of a recording (statistic,) lie beyond all simulated ones (simulation,
    statistic); not those that hardly any simulation has."""
    told = np.isfinite(simulated).sum(axis=0) > 1
    low = np.where(np.isfinite(simulated), simulated, np.inf).min(axis=0)
    high = np.where(np.isfinite(simulated), simulated, -np.inf).max(axis=0)
    return np.asarray(told & ((recorded < low) | (recorded > high)))


def prior_recordings(
    model: Model, bounds: Bounds, usable: np.ndarray, box: Box, seeds: np.ndarray
) -> Simulated:
    """Return recordings of circuits drawn within a box, each with chance of its own and as many
    units as were recorded.

    Parameters
    ----------
    model : Model
        That is fitted.
    bounds : Bounds
        Of the prior.
    usable : numpy.ndarray
        (all statistics,) bool.
    box : Box
        Within the bounds.
    seeds : numpy.ndarray
        (simulation,); the first is that of the draws from the box, too.
    """
    large = model.as_large_as_recorded()
    chance = stream(int(seeds[0]), "search")
    unit = box.placed(chance.random((seeds.size, len(bounds.names))))
    statistics = [
        large(bounds.values(unit[rows]), seeds[rows].tolist())
        for rows in np.array_split(np.arange(seeds.size), -(-seeds.size // CHUNK))
    ]
    return Simulated(unit, np.concatenate(statistics)[:, usable])


def lens_effect(
    model: Model, bounds: Bounds, estimate: np.ndarray, usable: np.ndarray
) -> np.ndarray:
    """Return what statistics of simulated recordings differ by from those of a recording with the
    same circuit, (statistic,): they are seen through the lens of the recording, not their own.

    Parameters
    ----------
    model, bounds, usable
        As in ``prior_recordings``.
    estimate : numpy.ndarray
        (parameter,) in coordinates of the search.
    """
    seeds = [model.seed + FIRST_SEED + number for number in range(LOOKED)]
    candidates = np.tile(bounds.values(estimate), (LOOKED, 1))
    plain = model.as_large_as_recorded()(candidates, seeds)[:, usable]
    moved = plain - looks(model, bounds, estimate, usable, LOOKED)
    defined = np.isfinite(moved)
    total = np.where(defined, moved, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(defined.sum(axis=0), 1))


def posterior_draws(simulated: Simulated, recorded: np.ndarray, seed: int) -> np.ndarray:
    """Return draws (recording, draw, parameter) from the posterior, in coordinates of the search.

    Parameters
    ----------
    simulated : Simulated
        From the prior.
    recorded : numpy.ndarray
        (recording, statistic).
    seed : int
        Of the flow and of the draws.
    """
    share = np.clip(simulated.unit, EDGE, 1 - EDGE)
    values = np.log(share / (1 - share))
    inputs, own_inputs = _summaries(*_inputs(simulated.statistics, recorded), values)
    flow = _learned(inputs, values, seed + APART)
    odds = flow.draws(own_inputs, DRAWS, stream(seed + APART, "perturbation"))
    return np.asarray(1 / (1 + np.exp(-odds)))


def _inputs(simulated: np.ndarray, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a flow is given (row, input): statistics in standard deviations of the simulated ones, 0
    where not defined, and whether they are defined where some are not."""
    centre, spread = np.nanmean(simulated, axis=0), np.nanstd(simulated, axis=0)
    partly = ~np.isfinite(simulated).all(axis=0)

    def scaled(statistics: np.ndarray) -> np.ndarray:
        defined = np.isfinite(statistics)
        deviation = (statistics - centre) / np.where(spread > 0, spread, 1.0)
        numbers = np.where(defined, deviation, 0.0)
        return np.concatenate([numbers, defined[:, partly]], axis=1)

    return scaled(simulated), scaled(recorded)


def _summaries(
    simulated: np.ndarray, recorded: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What statistics say of each parameter: their regression, linear and in squares (Fearnhead &
    Prangle 2012, J. R. Stat. Soc. B 74:419). From a thousand simulations a flow learns little of
    thirty numbers and much of as many as there are parameters.

    Each simulation is judged by a regression that has not seen it, as the recording is.
    """
    summaries, answers = _regressed(simulated, recorded, values)
    centre, spread = summaries.mean(axis=0), summaries.std(axis=0)
    scaled = ((numbers - centre) / spread for numbers in (summaries, answers))
    first, second = (np.clip(numbers, -FAR, FAR).astype(np.float32) for numbers in scaled)
    return first, second


def _regressed(
    simulated: np.ndarray, recorded: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What regressions say of simulations that they have not seen, and all of them together of
    recordings, each (row, parameter)."""
    told, own_numbers = (_with_squares(numbers) for numbers in (simulated, recorded))
    fold = np.arange(len(told)) % HELD
    said, answers = np.empty(values.shape), []
    for number in range(HELD):
        own = fold == number
        weights = _ridge(told[~own], values[~own])
        said[own] = told[own] @ weights
        answers.append(own_numbers @ weights)
    return said, np.mean(answers, axis=0)


def _with_squares(numbers: np.ndarray) -> np.ndarray:
    near = np.clip(numbers, -FAR, FAR)
    return np.concatenate([np.ones((len(near), 1)), near, near**2], axis=1)


def _ridge(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weights (number, parameter) of a regression, with a prior as strong as one simulation."""
    product = numbers.T @ numbers + np.eye(numbers.shape[1])
    return np.asarray(np.linalg.solve(product, numbers.T @ values))


def _learned(inputs: np.ndarray, values: np.ndarray, seed: int) -> Any:
    """A flow that has learned values (row, parameter) from inputs (row, input)."""
    import torch

    from drift.inference.posterior import Flow, trained_estimator

    centre, spread = values.mean(axis=0), values.std(axis=0)
    aside = np.arange(len(values)) % HELD == 0
    passes = -(-ROWS // int((~aside).sum()))
    rows = np.concatenate([np.flatnonzero(aside), np.tile(np.flatnonzero(~aside), passes)])
    scaled = torch.as_tensor(((values - centre) / spread)[rows], dtype=torch.float32)
    data = scaled, torch.as_tensor(inputs[rows])
    chance = stream(seed, "weights"), stream(seed, "order")
    estimator = trained_estimator(data, aside[rows], *chance)
    names = tuple(f"coordinate {number}" for number in range(values.shape[1]))
    return Flow(names, centre, spread, estimator)
