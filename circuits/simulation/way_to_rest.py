"""What the way of circuits to rest was like, from rates that were stored every ms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SETTLED = 0.01  # largest deviation from the last rate over the largest last rate


class WayToRest(NamedTuple):
    """Times in s and a number of units, each (copy,).

    ``settling_time``: first time after which every rate stays within 1 % of the largest last rate;
    ``final_set_time``: first after which the set of active units stays; NaN where there is none.
    ``peak_active_units``: most units active at one time.
    """

    settling_time: np.ndarray
    final_set_time: np.ndarray
    peak_active_units: np.ndarray


def way_to_rest(
    rates: np.ndarray, last_rate: np.ndarray, time: np.ndarray, active_rate: float
) -> WayToRest:
    """Return what stored rates say of the way to rest.

    Parameters
    ----------
    rates : numpy.ndarray
        (copy, unit, time).
    last_rate : numpy.ndarray
        (copy, unit).
    time : numpy.ndarray
        In s.
    active_rate : float
        Above it a unit is active.
    """
    last = last_rate[..., np.newaxis]
    # (copy, time)
    deviation = np.abs(rates - last).max(axis=1) / np.maximum(np.abs(last).max(axis=1), 1e-300)
    active = rates > active_rate
    return WayToRest(
        _last_time(deviation > SETTLED, time),
        _last_time((active != (last > active_rate)).any(axis=1), time),
        active.sum(axis=1).max(axis=1),
    )


def _last_time(outside: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return the first stored time after which a condition never holds again, (copy,); NaN where it
    holds at the end."""
    # one after the last time outside
    following = outside.shape[1] - np.argmax(outside[:, ::-1], axis=1)
    following = np.where(outside.any(axis=1), following, 0)
    return np.where(following < len(time), time[np.minimum(following, len(time) - 1)], np.nan)
