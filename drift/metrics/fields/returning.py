"""Whether units that are part of the code are so again: against what chance gives, and what test
noise alone takes."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import NotNegative, Range
from drift.metrics.fields.membership import Group, half_membership, membership, require_group
from drift.metrics.stability.pairs import comparable_pairs

PAIRS = ("subject", "session", "session_other")
MEANING = {
    "recurrence": "share of the members that are members again",
    "base_rate": "share of all units observed in both that are members in the other session",
    "shared_members": "members in the session that are observed in the other",
    "recurrence_of_halves": "recurrence between halves of both sessions",
    "base_rate_of_halves": "base rate of halves",
    "recurrence_by_noise": "recurrence between the halves of one session: test noise alone",
    "recurrence_corrected": "share of the members that did not turn over, noise removed",
}

WrongMatches = Annotated[float, Range(0, 1, below=True)]
"""Rate of units that are another cell in the other session: not below 0, and below 1."""


@opened
def recurrence(
    dataset: xr.Dataset,
    of: Group = "place",
    minimum_events: NotNegative = 0.0,
    *,
    wrong_matches: WrongMatches = 0.0,
    across_environments: bool = False,
) -> xr.Dataset:
    """Share of the members of a group that are members again in another session.

    R_st = P(in at t | in at s), over the units observed in both; the base rate B_st = P(in at t) is
    what R would be if membership were drawn anew, and 1 what it would be if nothing changed and
    every test were right. No test is: a unit near the limit is in by one half of a session and out
    by the other. With maps of halves, H_st is the same share from one half of s to one half of t,
    the mean over the four pairs, b_t the base rate of halves, and N_s that from one half of s to
    the other half, so that a code at rest has H = N, however noisy. The corrected recurrence is
    (H_st - b_t) / (N_st - b_t), with N_st the mean of N_s and N_t: (1 - p)^lag if a share p of the
    units is drawn anew from session to session.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset; for what halves give with ``rate_half`` and ``occupancy_half``, see
        ``thinned_halves``; of place units with ``place_unit_half``.
    of : {"active", "place", "field"}
        Active units, place units, or units with a place field (variable ``fields`` of
        ``place_fields``, else by its usual rule).
    minimum_events : float
        Events at valid places that make a unit active; 0 takes any activity.
    wrong_matches : float
        q, rate at which a unit is another cell in the other session, for all pairs of sessions:
        what was seen is (1 - q) R + q B', with B' the base rate of the other units, which is undone
        for recurrences, whole and of halves.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.Dataset
        (subject, session, session_other) each: ``recurrence``, ``base_rate``, ``shared_members``
        (units that the share is over) and, NaN where there are no halves, ``recurrence_of_halves``,
        ``base_rate_of_halves``, ``recurrence_by_noise`` and ``recurrence_corrected``. NaN where no
        member is observed again. Take the mean by lag with ``curve_by_lag``.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, the group is unknown, or events cannot be counted.
    SchemaError
        If a variable is missing.

    References
    ----------
    Ziv et al. 2013, Nat Neurosci 16:264 (recurrence); the correction for test noise is derived
    here.
    """
    require_group(dataset, of, minimum_events)
    pairs = comparable_pairs(dataset, across_environments)
    whole = membership(dataset, of, minimum_events)
    counts = _counts(whole.observed, whole.member, whole.observed, whole.member)
    numbers = {
        "recurrence": _matched(counts, wrong_matches),
        "base_rate": counts.base,
        "shared_members": np.where(pairs, counts.members, np.nan),
        **_of_halves(dataset, of, minimum_events, wrong_matches),
    }
    coords = {dim: dataset[dim].values for dim in PAIRS[:2] if dim in dataset.coords}
    if "session" in coords:
        coords["session_other"] = coords["session"]
    variables = {
        name: (
            PAIRS,
            np.where(pairs, numbers.get(name, np.nan), np.nan),
            {"units": "1", "long_name": meaning},
        )
        for name, meaning in MEANING.items()
    }
    stated = {"of": of, "minimum_events": minimum_events, "wrong_matches": wrong_matches}
    return xr.Dataset(variables, coords=coords, attrs=stated)


class _Counts(NamedTuple):
    """Units observed in two tests, members of the first among them, the share of these that are
    members in the second, and the share of all; (subject, session, session) each."""

    shared: np.ndarray
    members: np.ndarray
    again: np.ndarray
    base: np.ndarray


def _counts(
    seen: np.ndarray, member: np.ndarray, seen_other: np.ndarray, other: np.ndarray
) -> _Counts:
    """Of two tests of all sessions, (subject, session, unit) bool each."""
    members = _common(member, seen_other)
    again = _share(_common(member, other), members)
    shared = _common(seen, seen_other)
    return _Counts(shared, members, again, _share(_common(seen, other), shared))


def _common(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first.astype(float) @ np.swapaxes(second.astype(float), -1, -2)


def _share(count: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.divide(count, total, out=np.full(count.shape, np.nan), where=total > 0)


def _matched(counts: _Counts, wrong: float) -> np.ndarray:
    """Recurrence of cells from that of units, a share of which are other cells; a session is no
    wrong match of itself."""
    if wrong == 0:
        return counts.again
    same = np.eye(counts.again.shape[-1], dtype=bool)
    base = _share(counts.shared * counts.base - counts.again, counts.shared - 1)
    return np.where(same, counts.again, (counts.again - wrong * base) / (1 - wrong))


def _of_halves(
    dataset: xr.Dataset, of: str, minimum_events: float, wrong: float
) -> dict[str, np.ndarray]:
    halves = half_membership(dataset, of, minimum_events)
    if halves is None:
        return {}
    tests = [(halves.observed[..., half], halves.member[..., half]) for half in (0, 1)]
    between = [_counts(*first, *second) for first in tests for second in tests]
    base = _mean([counts.base for counts in between])
    apart = _mean([_diagonal(between[number].again) for number in (1, 2)])
    noise = np.broadcast_to(apart[..., np.newaxis], base.shape)
    noise = _mean([noise, np.swapaxes(noise, -1, -2)])
    again = _mean([_matched(counts, wrong) for counts in between])
    # A half compared with itself says nothing: within a session there is noise alone.
    again = np.where(np.eye(base.shape[-1], dtype=bool), noise, again)
    return {
        "recurrence_of_halves": again,
        "base_rate_of_halves": base,
        "recurrence_by_noise": noise,
        "recurrence_corrected": _share(again - base, np.where(noise > base, noise - base, 0.0)),
    }


def _mean(parts: list[np.ndarray]) -> np.ndarray:
    return np.mean(parts, axis=0)


def _diagonal(values: np.ndarray) -> np.ndarray:
    return np.diagonal(values, axis1=-2, axis2=-1)
