"""Memberships in the order of time: sessions of one room, and how long a unit stays in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.metrics.fields.membership import membership
from drift.metrics.stability.pairs import comparable_pairs

IN, OUT = 1.0, 0.0


class Stay(NamedTuple):
    """Stretches of sessions in which a unit is in, one entry each.

    ``duration``: sessions from the first one to the loss, or to the last one known; ``lost``:
    whether the unit was observed out at the end, or is not known any more; ``born``: whether it was
    observed out before.
    """

    duration: np.ndarray
    lost: np.ndarray
    born: np.ndarray


def states(
    dataset: xr.Dataset, of: str, minimum_events: float
) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Memberships of each subject in the order of sessions, for each set of sessions that may be
    compared.

    Parameters
    ----------
    dataset, of, minimum_events
        As in ``membership``.

    Returns
    -------
    list of list of tuple of numpy.ndarray
        For each subject, for each environment and identity of units: positions of the sessions
        (session), and states (session, unit): 1 in, 0 out, NaN not observed. Sessions in which
        nothing was observed are left out.
    """
    pairs = comparable_pairs(dataset)
    observed, member = membership(dataset, of, minimum_events)
    state = np.where(observed, member.astype(float), np.nan)
    return [
        [
            (sessions, state[subject][sessions])
            for sessions in _sets(pairs[subject], observed[subject].any(axis=-1))
        ]
        for subject in range(len(state))
    ]


def _sets(pairs: np.ndarray, present: np.ndarray) -> Iterator[np.ndarray]:
    """Sessions that may be compared with each other; who may be compared with two, has these
    comparable, too."""
    left = present & np.diagonal(pairs)
    while left.any():
        sessions = np.flatnonzero(pairs[np.flatnonzero(left)[0]] & left)
        left[sessions] = False
        yield sessions


def stays(state: np.ndarray) -> Stay:
    """Stretches in which units are in: from a session in which a unit is in, and was not known to
    be before, to the first in which it is observed out.

    Parameters
    ----------
    state : numpy.ndarray
        (session, unit) 1 in, 0 out, NaN not observed: then the stretch before is not known to have
        ended, and one that follows not to have begun.

    Returns
    -------
    Stay
        By session of the beginning, then by unit.
    """
    inside = state == IN
    last = np.zeros(state.shape, dtype=int)
    for session in range(len(state))[::-1]:
        goes_on = inside[session + 1] if session + 1 < len(state) else False
        last[session] = np.where(goes_on, last[min(session + 1, len(state) - 1)], session)
    before = np.vstack([np.full((1, state.shape[1]), np.nan), state[:-1]])
    after = np.vstack([state, np.full((1, state.shape[1]), np.nan)])
    start, unit = np.nonzero(inside & (before != IN))
    end = last[start, unit]
    lost = after[end + 1, unit] == OUT
    return Stay(end - start + lost, lost, before[start, unit] == OUT)


def all_stays(
    sets: list[tuple[np.ndarray, np.ndarray]], born: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Durations and losses of the stretches of one subject in all of its rooms.

    Parameters
    ----------
    sets : list of tuple
        Of ``states``, for one subject.
    born : bool
        Only those whose beginning was observed.

    Returns
    -------
    duration, lost : numpy.ndarray
        (stay)
    """
    stretches = [stays(state) for _, state in sets]
    selections = [stay.born | (not born) for stay in stretches]
    empty = [np.zeros(0, dtype=int)]
    duration = [stay.duration[which] for stay, which in zip(stretches, selections)]
    lost = [stay.lost[which] for stay, which in zip(stretches, selections)]
    return np.concatenate(duration + empty), np.concatenate(lost + empty).astype(bool)


def counts_by_age(
    duration: np.ndarray, lost: np.ndarray, ages: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many stays are lost at each age, how many are known no longer, and how many were at risk.

    Parameters
    ----------
    duration, lost : numpy.ndarray
        (stay)
    ages : int
        Number of ages, from 0 on.

    Returns
    -------
    losses, censored, at_risk : numpy.ndarray
        (age); at risk of a loss at an age is who was in at the age before and is observed at this.
    """
    losses = np.bincount(duration[lost], minlength=ages)
    censored = np.bincount(duration[~lost], minlength=ages)
    leaving = losses + censored
    return losses, censored, leaving[::-1].cumsum()[::-1]
