"""Excitability of units, which comes and goes whatever their weights do."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from drift.recipe import Recipe
from drift.streams import stream

LARGEST_STD = 1e3


class Excitability(Recipe):
    """A slow Ornstein-Uhlenbeck variable e of each unit, which begins stationary.

    Its autocorrelation after a time t is exp(-t / lifetime). Sessions see the circuit with the
    excitability of that time (Delamare et al. 2024; Climer et al. 2025).

    Parameters
    ----------
    std : float
        Standard deviation over time and units: in units of drive, whose mean square is 1 without it,
        for "threshold"; of the logarithm of the gain for "drive".
    lifetime : float
        Time in which the autocorrelation falls to 1/e, in units of elapsed.
    acts_on : {"threshold", "drive"}
        Add e to the drive of the unit, as a lower threshold does, or multiply the drive by exp(e).
    """

    kind: Literal["excitability"] = "excitability"
    std: float = Field(ge=0, le=LARGEST_STD)
    lifetime: float = Field(gt=0, le=1e15)
    acts_on: Literal["threshold", "drive"] = "threshold"


def excitabilities(
    excitability: Excitability, units: int, elapsed: np.ndarray, seed: int
) -> np.ndarray:
    """Return e of every session, exact for sessions of any spacing.

    Parameters
    ----------
    excitability : Excitability
    units : int
    elapsed : numpy.ndarray
        (session,), rising.
    seed : int
        The first e and its steps come from the stream "excitability".

    Returns
    -------
    numpy.ndarray
        (session, unit).
    """
    noise = stream(seed, "excitability")
    state = np.empty((len(elapsed), units))
    state[0] = stream(seed, "excitability", 0).standard_normal(units)
    for session, lifetimes in enumerate(np.diff(elapsed) / excitability.lifetime):
        fresh = np.sqrt(-np.expm1(-2 * lifetimes)) * noise.standard_normal(units)
        state[session + 1] = np.exp(-lifetimes) * state[session] + fresh
    return excitability.std * state


def excited(excitability: Excitability, drive: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Return the drive of units with their excitability.

    Parameters
    ----------
    excitability : Excitability
    drive : numpy.ndarray
        (session, sample, unit).
    state : numpy.ndarray
        e, (session, unit).
    """
    shift = state[:, np.newaxis]
    return drive + shift if excitability.acts_on == "threshold" else drive * np.exp(shift)
