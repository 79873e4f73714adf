"""Excitability of the units of a circuit in its sessions: that of networks, at any times."""

from __future__ import annotations

import numpy as np

from drift.networks.excitability import Excitability
from drift.streams import stream

__all__ = ["Excitability", "excitabilities", "excited"]


def excitabilities(
    excitability: Excitability, units: int, elapsed: np.ndarray, seed: int
) -> np.ndarray:
    """Return e of every session, exact for sessions of any spacing.

    Parameters
    ----------
    excitability : Excitability
        Lifetime in units of elapsed; the standard deviation beside drives whose mean square is 1.
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
    state[0] = excitability.first(units, seed)
    for session, lifetimes in enumerate(np.diff(elapsed) / excitability.lifetime):
        spread = excitability.std * np.sqrt(-np.expm1(-2 * lifetimes))
        state[session + 1] = np.exp(-lifetimes) * state[session] + spread * noise.standard_normal(
            units
        )
    return state


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
    return np.asarray(excitability.applied(drive, state[:, np.newaxis]))
