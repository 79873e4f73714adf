"""The posterior of the parameters of a circuit: neural posterior estimation from recordings
simulated within the bounds, with a neural spline flow of the package sbi.

The prior is even in the coordinates of the search. A flow learns from simulated pairs of parameters
and statistics how likely parameters are given statistics, and is asked about those of the
recording (Papamakarios & Murray 2016, arXiv:1605.06376; Greenberg et al. 2019, arXiv:1905.07488).
"""

from __future__ import annotations

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


class Posterior(NamedTuple):
    """What is told of one subject: ``quantiles (parameter, level)`` of ``LEVELS``, and which
    statistics of the recording lie beyond all simulated ones, ``beyond (statistic,)`` bool."""

    quantiles: np.ndarray
    beyond: np.ndarray


class Simulated(NamedTuple):
    """Recordings drawn from the prior: ``unit (simulation, parameter)`` in coordinates of the
    search and ``statistics (simulation, statistic)``."""

    unit: np.ndarray
    statistics: np.ndarray


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
    simulated = prior_recordings(model, bounds, usable, simulations)
    recorded = found.target[usable] + lens_effect(model, bounds, found.refined.unit, usable)
    told = np.isfinite(simulated.statistics).sum(axis=0) > 1  # the others say nothing
    simulated = simulated._replace(statistics=simulated.statistics[:, told])
    unit = posterior_draws(simulated, recorded[np.newaxis, told], model.seed)[0]
    low, high = np.nanmin(simulated.statistics, axis=0), np.nanmax(simulated.statistics, axis=0)
    beyond = np.zeros(usable.size, dtype=bool)
    beyond[np.flatnonzero(usable)[told]] = (recorded[told] < low) | (recorded[told] > high)
    # (level, parameter)
    quantiles = np.quantile(bounds.values(unit), LEVELS, axis=0)
    return Posterior(quantiles.T, beyond)


def prior_recordings(
    model: Model, bounds: Bounds, usable: np.ndarray, simulations: int
) -> Simulated:
    """Return recordings of circuits drawn within the bounds, each with chance of its own and as
    many units as were recorded.

    Parameters
    ----------
    model : Model
        That is fitted.
    bounds : Bounds
        Of the prior.
    usable : numpy.ndarray
        (all statistics,) bool.
    simulations : int
        How many.
    """
    large, seed = model.as_large_as_recorded(), model.seed + APART
    unit = stream(seed, "search").random((simulations, len(bounds.names)))
    seeds = seed + np.arange(simulations)
    statistics = [
        large(bounds.values(unit[rows]), seeds[rows].tolist())
        for rows in np.array_split(np.arange(simulations), -(-simulations // CHUNK))
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
    told, own_numbers = (_with_squares(numbers) for numbers in (simulated, recorded))
    fold = np.arange(len(told)) % HELD
    summaries, answers = np.empty(values.shape), []
    for number in range(HELD):
        own = fold == number
        weights = _ridge(told[~own], values[~own])
        summaries[own] = told[own] @ weights
        answers.append(own_numbers @ weights)
    centre, spread = summaries.mean(axis=0), summaries.std(axis=0)
    scaled = ((numbers - centre) / spread for numbers in (summaries, np.mean(answers, axis=0)))
    first, second = (np.clip(numbers, -FAR, FAR).astype(np.float32) for numbers in scaled)
    return first, second


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
