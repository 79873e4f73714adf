"""At which steps Brian2's clocks stop, and which steps come before what is recorded."""

from __future__ import annotations

import math

import numpy as np

EPSILON = 1e-4  # of a step, within which Brian2 takes two times for one


def steps_until(time: float, dt: float) -> int:
    """Return the number of steps from 0 until a time, rounded up as Brian2's clocks do.

    Parameters
    ----------
    time, dt : float
        In s.
    """
    nearest = round(time / dt)
    if abs(nearest * dt - time) / dt <= EPSILON:
        return nearest
    return math.ceil(time / dt)


def steps_before(times: np.ndarray, dt: float, other_dt: float) -> np.ndarray:
    """Return how many steps are taken before something that happens by another clock, which comes
    first where both tick at one time.

    Parameters
    ----------
    times : numpy.ndarray
        Of the other clock, in s.
    dt, other_dt : float
        Of the steps and of the other clock, in s.
    """
    nearest = np.round(times / dt)
    same = np.abs(nearest * dt - times) / min(dt, other_dt) < EPSILON
    return np.where(same, nearest, np.ceil(times / dt)).astype(np.int64)
