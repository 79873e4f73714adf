"""How long units stay part of the code: Kaplan and Meier's curve, gains and losses."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import NotNegative
from drift.metrics.fields.membership import require_group
from drift.metrics.fields.sequences import (
    IN,
    OUT,
    Followed,
    Sequence,
    all_stays,
    counts_by_age,
    states,
)

Stays = Literal["all", "born"]
GROUPS = get_args(Followed)


@opened
def survival(
    dataset: xr.Dataset,
    of: Followed = "place",
    minimum_events: NotNegative = 0.0,
    *,
    stays: Stays = "all",
) -> xr.Dataset:
    """Share of the members of a group that are members still, so many sessions later, without a
    break.

    S(a) = product over ages k <= a of (1 - d_k / n_k), with d_k the units lost at age k and n_k
    those at risk (Kaplan & Meier). A stay begins in a session in which a unit is in, and is lost in
    the first one in which it is observed and out. Where a unit was not observed, or sessions end,
    its stay is censored: it counts up to there, and is not lost. Time counts sessions of one
    environment and one identity of units; stays in several environments of a subject are counted
    together, and none goes from one to another.

    Of the same field, a stay is that of the largest field of a unit, in each running direction: it
    ends where the unit has no field, or one farther away from that of the session before than their
    mean width; the one there begins a stay of its own. A field that wanders in small steps stays.

    A test that errs ends stays, too: set the losses beside ``recurrence_by_noise``.

    Parameters
    ----------
    dataset, minimum_events
        As in ``recurrence``.
    of : {"active", "place", "field", "same_field"}
        Active units, place units, units with a place field, or the same field; fields are those of
        ``place_fields`` where the Dataset has them, else by its usual rule.
    stays : {"all", "born"}
        All, counted from when a unit was first observed in, or only those that were observed to
        begin, whose age is known.

    Returns
    -------
    xarray.Dataset
        ``survival`` (subject, age) from 1 at age 0 on, NaN beyond the longest stay;
        ``standard_error`` (subject, age) by Greenwood, which takes the stays of a unit as
        independent; ``at_risk``, ``losses_at_age``, ``censored`` (subject, age) stays; ``gains``
        and ``losses`` (subject, session) units that joined and left since the session before in
        the same environment, ``out_before`` and ``in_before`` those that could have; NaN in first
        sessions. Coordinate ``age`` in sessions.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, the group is unknown, or events cannot be counted.
    SchemaError
        If a variable is missing.

    References
    ----------
    Kaplan & Meier 1958, J Am Stat Assoc 53:457; Greenwood 1926, Rep Public Health 33:1.
    """
    require_group(dataset, of, minimum_events, GROUPS)
    sets = states(dataset, of, minimum_events)
    table = [all_stays(own, stays == "born") for own in sets]
    ages = max((int(duration.max(initial=0)) for duration, _ in table), default=0) + 1
    rows = [_curve(*counts_by_age(*own, ages)) for own in table]
    names = ("survival", "standard_error", "at_risk", "losses_at_age", "censored")
    variables = {
        name: (("subject", "age"), np.stack([row[name] for row in rows]), {"units": "1"})
        for name in names
    }
    sessions = dataset.sizes["session"]
    changes = [_changes(own, sessions) for own in sets]
    variables |= {
        name: (
            ("subject", "session"),
            np.stack([change[name] for change in changes]),
            {"units": "1"},
        )
        for name in ("gains", "losses", "out_before", "in_before")
    }
    coords = {dim: dataset[dim].values for dim in ("subject", "session") if dim in dataset.coords}
    stated = {"of": of, "minimum_events": minimum_events, "stays": stays}
    age = ("age", np.arange(ages), {"units": "session"})
    return xr.Dataset(variables, coords={**coords, "age": age}, attrs=stated)


def _curve(losses: np.ndarray, censored: np.ndarray, at_risk: np.ndarray) -> dict[str, np.ndarray]:
    some = at_risk > 0
    stay = np.divide(at_risk - losses, at_risk, out=np.ones(losses.size), where=some)
    lasting = np.cumprod(stay)
    both = at_risk * (at_risk - losses)
    added = np.divide(losses, both, out=np.zeros(losses.size), where=both > 0)
    error = np.where(lasting > 0, lasting * np.sqrt(np.cumsum(added)), np.nan)
    return {
        "survival": np.where(some, lasting, np.nan),
        "standard_error": np.where(some, error, np.nan),
        "at_risk": at_risk,
        "losses_at_age": losses,
        "censored": censored,
    }


def _changes(sets: list[Sequence], sessions: int) -> dict[str, np.ndarray]:
    """Gains and losses of one subject, counted in the later session."""
    names = ("gains", "losses", "out_before", "in_before")
    counts = {name: np.full(sessions, np.nan) for name in names}
    for positions, state, linked in sets:
        before, after = state[:-1], state[1:]
        anew = (before == IN) & (after == IN) & ~linked[1:]
        both = np.isfinite(before) & np.isfinite(after)
        for name, who in {
            "gains": (before == OUT) & (after == IN) | anew,
            "losses": (before == IN) & (after == OUT) | anew,
            "out_before": both & (before == OUT),
            "in_before": both & (before == IN),
        }.items():
            counts[name][positions[1:]] = who.sum(axis=1)
    return counts
