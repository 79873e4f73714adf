"""Memberships in the order of time: sessions of one room, and how long a unit stays in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from drift.metrics.fields.detection import place_fields
from drift.metrics.fields.membership import Membership, membership, recorded_only
from drift.metrics.fields.shifts import Largest, largest_fields
from drift.metrics.places import shorter_way
from drift.metrics.stability.pairs import comparable_pairs
from drift.schema.labelled_form import check

Followed = Literal["active", "place", "field", "same_field"]
IN, OUT = 1.0, 0.0


class Sequence(NamedTuple):
    """Sessions of one environment in the order of time: ``positions`` (session), ``state``
    (session, unit) 1 in, 0 out, NaN not observed, and ``linked`` (session, unit), whether what is
    in is what was in the session before."""

    positions: np.ndarray
    state: np.ndarray
    linked: np.ndarray


class Stay(NamedTuple):
    """Stretches of sessions in which a unit is in, one entry each.

    ``duration``: sessions from the first one to the loss, or to the last one known; ``lost``:
    whether the unit was observed out at the end, or is not known any more; ``born``: whether it was
    observed out before.
    """

    duration: np.ndarray
    lost: np.ndarray
    born: np.ndarray


def states(dataset: xr.Dataset, of: str, minimum_events: float) -> list[list[Sequence]]:
    """Memberships of each subject in the order of sessions, for each set of sessions that may be
    compared.

    Parameters
    ----------
    dataset, of, minimum_events
        As in ``membership``; or "same_field", the largest field of a unit, in each direction, as
        long as it does not jump from session to session.

    Returns
    -------
    list of list of Sequence
        For each subject, for each environment and identity of units. Sessions in which nothing was
        observed are left out.
    """
    pairs = comparable_pairs(dataset)
    if of == "same_field":
        fields = dataset if "field_place" in dataset else _usual_fields(dataset)
        largest = largest_fields(fields)
        observed, member = _with_field(fields, largest, dataset)
    else:
        largest = None
        observed, member = membership(dataset, of, minimum_events)
    state = np.where(observed, member.astype(float), np.nan)
    return [
        [
            Sequence(sessions, own[sessions], _linked(largest, subject, sessions, own.shape[1]))
            for sessions in _sets(pairs[subject], observed[subject].any(axis=-1))
        ]
        for subject, own in enumerate(state)
    ]


def _usual_fields(dataset: xr.Dataset) -> xr.Dataset:
    return place_fields(check(dataset, "rate")["rate"])


def _with_field(fields: xr.Dataset, largest: Largest, dataset: xr.Dataset) -> Membership:
    """(subject, session, series) which units have a field in a direction."""
    observed = recorded_only(fields["fields"].notnull(), dataset)
    ordered = observed.transpose("subject", "session", "unit", ...)
    present = ordered.values.reshape(*ordered.shape[:2], -1)
    member = np.isfinite(largest.place[..., 0]).reshape(present.shape)
    return Membership(present, member & present)


def _linked(largest: Largest | None, subject: int, sessions: np.ndarray, units: int) -> np.ndarray:
    """Which fields lie where they were in the session before, to within their width."""
    if largest is None:
        return np.ones((sessions.size, units), dtype=bool)
    place, width = largest.place[subject][sessions], largest.width[subject][sessions]
    moved = shorter_way(np.diff(place, axis=0), largest.length)
    near = np.sqrt((moved**2).sum(axis=-1)) <= (width[1:] + width[:-1]) / 2
    first = np.ones((1, *near.shape[1:]), dtype=bool)
    return np.concatenate([first, near]).reshape(sessions.size, units)


def _sets(pairs: np.ndarray, present: np.ndarray) -> Iterator[np.ndarray]:
    """Sessions that may be compared with each other; who may be compared with two, has these
    comparable, too."""
    left = present & np.diagonal(pairs)
    while left.any():
        sessions = np.flatnonzero(pairs[np.flatnonzero(left)[0]] & left)
        left[sessions] = False
        yield sessions


def stays(state: np.ndarray, linked: np.ndarray | None = None) -> Stay:
    """Stretches in which units are in: from a session in which a unit is in, and was not known to
    be before, to the first in which it is observed out, or something else in its stead.

    Parameters
    ----------
    state : numpy.ndarray
        (session, unit) 1 in, 0 out, NaN not observed: then the stretch before is not known to have
        ended, and one that follows not to have begun.
    linked : numpy.ndarray, optional
        (session, unit) bool, see ``Sequence``.

    Returns
    -------
    Stay
        By session of the beginning, then by unit.
    """
    linked = np.ones(state.shape, dtype=bool) if linked is None else linked
    none = np.full((1, state.shape[1]), np.nan)
    before, after = np.vstack([none, state[:-1]]), np.vstack([state[1:], none])
    goes_on = np.vstack([linked[1:], np.zeros_like(none, dtype=bool)]) & (after == IN)
    last = np.zeros(state.shape, dtype=int)
    for session in range(len(state))[::-1]:
        following = last[min(session + 1, len(state) - 1)]
        last[session] = np.where(goes_on[session], following, session)
    start, unit = np.nonzero((state == IN) & ~((before == IN) & linked))
    end = last[start, unit]
    lost = np.isfinite(after[end, unit])
    return Stay(end - start + lost, lost, np.isfinite(before[start, unit]))


def all_stays(sets: list[Sequence], born: bool) -> tuple[np.ndarray, np.ndarray]:
    """Durations and losses of the stretches of one subject in all of its rooms.

    Parameters
    ----------
    sets : list of Sequence
        Of ``states``, for one subject.
    born : bool
        Only those whose beginning was observed.

    Returns
    -------
    duration, lost : numpy.ndarray
        (stay)
    """
    stretches = [stays(own.state, own.linked) for own in sets]
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
