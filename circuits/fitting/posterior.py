"""The posterior of the parameters of a circuit: neural posterior estimation from simulated
recordings, with a neural spline flow of the package sbi.

The prior is even in the coordinates of the search. A flow learns from pairs of parameters and
statistics, simulated in rounds, how likely parameters are given statistics, and is asked about
those of the recording (Papamakarios & Murray 2016, arXiv:1605.06376; Greenberg et al. 2019,
arXiv:1905.07488). It takes the circuit for true.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from circuits.fitting.bounds import Bounds
from circuits.fitting.calibration import FIRST_SEED, looks
from circuits.fitting.model import Model
from circuits.fitting.rounds import (
    FAR,
    FOLDS,
    Box,
    Simulated,
    in_rounds,
    regressed,
    scaled_numbers,
)
from circuits.fitting.subject import Found
from drift.errors import RefusedInputError
from drift.streams import stream

LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
DRAWS = 4000  # of a posterior, whose quantiles are told
CHUNK = 16  # recordings simulated at once
LOOKED = 8  # recordings that tell what their own lenses change
APART = 900_000_001  # added to the seed of a fit for simulations that have no part in it
EDGE = 1e-4  # coordinates closer to a bound count as this
ROWS = 4096  # that a flow sees before it is asked how well it does: simulations, again and again
NEAR_END = 0.03  # of the last box, within which a posterior reaches its end


class Posterior(NamedTuple):
    """What is told of one subject: ``quantiles (parameter, level)`` of ``LEVELS``; which statistics
    of the recording lie beyond all simulated ones, ``beyond (statistic,)`` bool; for which
    parameters it reaches an end of where simulations were drawn last, but for the bounds,
    ``cut_off (parameter,)`` bool; and how many simulations lie there, which it was learned
    from."""

    quantiles: np.ndarray
    beyond: np.ndarray
    cut_off: np.ndarray
    learned: int


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
    # of their own, since those of another fit may begin one later
    seeds = stream(model.seed + APART, "search").integers(2**48, size=simulations)
    drawn = partial(prior_recordings, model, bounds, usable)
    simulated, box = in_rounds(drawn, recorded, len(bounds.names), seeds)
    inside, told = simulated.within(box).informing(recorded)
    share = posterior_draws(inside, told[np.newaxis], model.seed)[0]
    levels = np.quantile(share, LEVELS, axis=0)  # (level, parameter), and so through rising maps
    beyond = np.zeros(usable.size, dtype=bool)
    beyond[usable] = _beyond(simulated, recorded)
    quantiles = bounds.values(box.placed(levels)).T
    return Posterior(quantiles, beyond, _cut_off(levels, box), len(inside.unit))


def _cut_off(levels: np.ndarray, box: Box) -> np.ndarray:
    """For which parameters quantiles (level, parameter) from 0 to 1 in a box reach an end of it
    that is no bound of the search."""
    below = (levels[0] < NEAR_END) & (box.low > 0)
    return np.asarray(below | ((levels[-1] > 1 - NEAR_END) & (box.high < 1)))


def _beyond(simulated: Simulated, recorded: np.ndarray) -> np.ndarray:
    """Which statistics of a recording (statistic,) lie beyond all simulated ones; not those that
    hardly any simulation has."""
    defined = np.isfinite(simulated.statistics)
    low = np.where(defined, simulated.statistics, np.inf).min(axis=0)
    high = np.where(defined, simulated.statistics, -np.inf).max(axis=0)
    return np.asarray(simulated.informative() & ((recorded < low) | (recorded > high)))


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
    """Return draws (recording, draw, parameter) from the posterior, from 0 to 1 as the prior is.

    Parameters
    ----------
    simulated : Simulated
        From an even prior, parameters from 0 to 1.
    recorded : numpy.ndarray
        (recording, statistic).
    seed : int
        Of the flow and of the draws.
    """
    share = np.clip(simulated.unit, EDGE, 1 - EDGE)
    values = np.log(share / (1 - share))
    inputs, own_inputs = _summaries(*scaled_numbers(simulated.statistics, recorded), values)
    flow = _learned(inputs, values, seed + APART)
    odds = flow.draws(own_inputs, DRAWS, stream(seed + APART, "perturbation"))
    return np.asarray(1 / (1 + np.exp(-odds)))


def _summaries(
    simulated: np.ndarray, recorded: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What statistics say of each parameter: their regression, linear and in squares (Fearnhead &
    Prangle 2012, J. R. Stat. Soc. B 74:419). From a thousand simulations a flow learns little of
    thirty numbers and much of as many as there are parameters.

    Each simulation is judged by a regression that has not seen it, as the recording is.
    """
    summaries, answers = regressed(simulated, recorded, values)
    centre, spread = summaries.mean(axis=0), summaries.std(axis=0)
    scaled = ((numbers - centre) / spread for numbers in (summaries, answers))
    first, second = (np.clip(numbers, -FAR, FAR).astype(np.float32) for numbers in scaled)
    return first, second


def _learned(inputs: np.ndarray, values: np.ndarray, seed: int) -> Any:
    """A flow that has learned values (row, parameter) from inputs (row, input)."""
    import torch

    from drift.inference.posterior import Flow, trained_estimator

    centre, spread = values.mean(axis=0), values.std(axis=0)
    aside = np.arange(len(values)) % FOLDS == 0  # which say when to stop
    passes = -(-ROWS // int((~aside).sum()))
    rows = np.concatenate([np.flatnonzero(aside), np.tile(np.flatnonzero(~aside), passes)])
    scaled = torch.as_tensor(((values - centre) / spread)[rows], dtype=torch.float32)
    data = scaled, torch.as_tensor(inputs[rows])
    chance = stream(seed, "weights"), stream(seed, "order")
    estimator = trained_estimator(data, aside[rows], *chance)
    names = tuple(f"coordinate {number}" for number in range(values.shape[1]))
    return Flow(names, centre, spread, estimator)
