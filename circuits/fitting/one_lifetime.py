"""The one lifetime that weights of two time scales seem to have: what ``drift.estimate``, which knows
one, finds in the same recording."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from circuits.wandering.weight_drift import WeightDrift


def one_lifetime(drift: WeightDrift, elapsed: np.ndarray) -> float:
    """Return T_1 of the one exponential that is closest to the correlation of the weights.

    sum over pairs of sessions of (r(t) - exp(-t / T_1))^2 is least. With one time scale T_1 = T.

    Parameters
    ----------
    drift : WeightDrift
        With its autocorrelation r.
    elapsed : numpy.ndarray
        (session,) in units of elapsed.

    Returns
    -------
    float
        In units of elapsed.
    """
    if not drift.fast_share:
        return float(drift.weight_lifetime)
    lag = np.abs(elapsed[:, np.newaxis] - elapsed)[np.triu_indices(elapsed.size, k=1)]
    left = drift.autocorrelation(lag)

    def apart(logarithm: float) -> float:
        return float(((left - np.exp(-lag / np.exp(logarithm))) ** 2).sum())

    shortest, longest = np.log(lag.min() / 20), np.log(20 * lag.max() + drift.weight_lifetime)
    grid = np.linspace(shortest, longest, 200)
    best = grid[int(np.argmin([apart(place) for place in grid]))]
    step = grid[1] - grid[0]
    found = minimize_scalar(apart, bounds=(best - step, best + step), method="bounded")
    return float(np.exp(found.x))
