"""Which units join and leave the code between sessions of one subject."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.stability.pairs import comparable_pairs
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dims

PAIRS = ("subject", "session", "session_other")


def _observed_and_member(dataset: xr.Dataset, of: str) -> tuple[np.ndarray, np.ndarray]:
    """(subject, session, unit) bool each: observed at all, and part of the group."""
    if of == "place":
        flags = (
            check(dataset, "place_unit")["place_unit"]
            .transpose("subject", "session", "unit")
            .values.astype(float)
        )
        return np.isfinite(flags), flags == 1
    rate = check(dataset, "rate")["rate"]
    cells = map_dims(rate)
    order = ("subject", "session", "unit")
    return tuple(  # type: ignore[return-value]
        array.any(cells).transpose(*order).values for array in (rate.notnull(), rate > 0)
    )


def _pair_counts(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(subject, session, session) number of units that are in ``first`` in the one and in
    ``second`` in the other session."""
    return first.astype(float) @ np.swapaxes(second.astype(float), -1, -2)


@opened
def turnover(
    dataset: xr.Dataset,
    of: Literal["active", "place"] = "place",
    *,
    across_environments: bool = False,
) -> xr.Dataset:
    """Units that are kept, gained and lost from each session to every other, counted among the
    units observed in both.

    With A the group in ``session`` and B the group in ``session_other``: kept = |A and B|, gained =
    |B without A|, lost = |A without B|. Were membership drawn anew each time, |A| |B| / shared
    units would be kept by chance.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` or ``place_unit`` and, if units are not tracked
        throughout, ``unit_identity``.
    of : {"active", "place"}
        The group: units with any event at a valid place, or place units.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.Dataset
        ``kept``, ``gained``, ``lost``, ``shared_units`` (the denominator) and ``kept_by_chance``,
        each (subject, session, session_other) in units; NaN for sessions that share no observed
        unit or may not be compared (other identities of units, other environments). Counts only:
        the share of a group that is kept is kept / (kept + lost), its overlap kept / (kept + gained
        + lost).

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, or the group is unknown.
    SchemaError
        If the variable of the group is missing.

    References
    ----------
    Ziv et al. 2013, Nat Neurosci 16:264 (overlap of coding ensembles between sessions).
    """
    if of not in ("active", "place"):
        raise RefusedInputError(
            f'of must be "active" or "place" units, got {of!r}: name the group whose turnover '
            "is counted."
        )
    observed, member = _observed_and_member(dataset, of)
    outside = observed & ~member
    shared = _pair_counts(observed, observed)
    defined = comparable_pairs(dataset, across_environments) & (shared > 0)
    by_chance = np.divide(
        _pair_counts(member, observed) * _pair_counts(observed, member),
        shared,
        out=np.zeros_like(shared),
        where=defined,
    )
    counts = {
        "kept": (_pair_counts(member, member), "in both sessions"),
        "gained": (_pair_counts(outside, member), "in the other session only"),
        "lost": (_pair_counts(member, outside), "in the session only"),
        "shared_units": (shared, "observed in both sessions"),
        "kept_by_chance": (by_chance, "in both sessions if membership were drawn anew"),
    }
    coords = {dim: dataset[dim].values for dim in ("subject", "session") if dim in dataset.coords}
    other_coords = (
        {"session_other": dataset["session"].values} if "session" in dataset.coords else {}
    )
    variables = {
        name: (
            PAIRS,
            np.where(defined, values, np.nan),
            {"units": "1", "long_name": f"{of} units {meaning}"},
        )
        for name, (values, meaning) in counts.items()
    }
    return xr.Dataset(variables, coords={**coords, **other_coords}, attrs={"of": of})
