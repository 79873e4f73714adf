"""The code of one run: rates of all units at log-spaced sessions, under one mechanism."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.errors import RefusedInputError
from drift.inference.prior import MECHANISMS, Prior
from drift.inference.simulation.layers import layer_rates
from drift.inference.simulation.worlds import WORLDS, World
from drift.streams import stream


class Code(NamedTuple):
    """Rates of a run, and what is true of it.

    Attributes
    ----------
    rates : numpy.ndarray
        (session, unit, way, place) noise-free.
    steps : numpy.ndarray
        (session,) steps of learning.
    mechanism : str
    log_noise, lifetime, excitability : float
        log10 of the noise, lifetime in steps, standard deviation; NaN where there is none.
    """

    rates: np.ndarray
    steps: np.ndarray
    mechanism: str
    log_noise: float = np.nan
    lifetime: float = np.nan
    excitability: float = np.nan


def session_steps(prior: Prior) -> np.ndarray:
    """Return the log-spaced steps (session,) at which a run is seen, without repetition."""
    steps = np.geomspace(prior.first_step, prior.steps, prior.sessions).round().astype(int)
    return np.unique(steps)


def drawn_code(prior: Prior, mechanism: str, seed: int) -> Code:
    """Return the code of one run.

    Parameters
    ----------
    prior : Prior
    mechanism : str
    seed : int
        Of the run; its numbers come from the stream "world" of its own child, so that the task has
        draws of its own.

    Raises
    ------
    RefusedInputError
        If the run diverged.
    """
    rng = stream(seed, "world", 1)
    world = WORLDS[prior.worlds[int(rng.integers(len(prior.worlds)))]]
    units = prior.units[int(rng.integers(len(prior.units)))]
    if mechanism == "frozen code":
        moving = [name for name in MECHANISMS if name != "frozen code"]
        source = moving[int(rng.integers(len(moving)))]
        code = _code(prior, source, seed, world, units, rng)
        still = code.rates[[int(rng.integers(len(code.steps)))]]
        return Code(np.repeat(still, len(code.steps), axis=0), code.steps, mechanism)
    return _code(prior, mechanism, seed, world, units, rng)


def _code(
    prior: Prior, mechanism: str, seed: int, world: World, units: int, rng: np.random.Generator
) -> Code:
    low, high = MECHANISMS[mechanism].exponents
    log_noise, steps = float(rng.uniform(low, high)), session_steps(prior)
    if mechanism in ("wandering weights", "excitability", "jumps"):
        layer = layer_rates(mechanism, units, steps, world.width, seed, rng)
        return Code(layer.rates, steps, mechanism, np.nan, layer.lifetime, layer.excitability)
    from drift.inference.simulation.learning import matching_rates, network_rates

    make = matching_rates if mechanism == "similarity matching" else network_rates
    rates = make(mechanism, 10**log_noise, units, steps, world, seed, rng)
    if not np.isfinite(rates).all():
        raise RefusedInputError(
            f"a run of {mechanism} (seed {seed}) was expected to stay finite, got weights that "
            "diverged: it is left out of the bank."
        )
    return Code(rates, steps, mechanism, log_noise)
