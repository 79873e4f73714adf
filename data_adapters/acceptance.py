"""Which units the experimenter kept: rejected regions, noise and multi-unit activity do not count,
and are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drift.schema.labelled_form import RefusedInputError

FLAGS = {
    "iscell": True,
    "is_cell": True,
    "is_accepted": True,
    "accepted": True,
    "rejected": False,
    "is_rejected": False,
}
JUDGED = ("quality", "group", "cluster_group")  # by hand
SORTED = ("kslabel", "ks_label")  # by the sorter, where nobody judged
GOOD = (
    "good",
    "sua",
    "su",
    "single",
    "single unit",
    "single-unit",
    "accepted",
    "accept",
    "cell",
    "yes",
    "true",
    "1",
)
BAD = (
    "mua",
    "mu",
    "multi",
    "multi unit",
    "multi-unit",
    "multiunit",
    "noise",
    "artifact",
    "artefact",
    "bad",
    "rejected",
    "reject",
)
UNDECIDED = (
    "",
    "unsorted",
    "undecided",
    "unlabelled",
    "unlabeled",
    "unknown",
    "nan",
    "none",
    "ambiguous",
    "no",
    "false",
    "0",
)


def accepted_units(
    columns: Mapping[str, ArrayLike], units: int, where: str
) -> tuple[NDArray[np.bool_], str]:
    """Tell which units were accepted, by the columns of a table that say it.

    Flags (``iscell``, ``is_accepted``, ``accepted``, ``rejected``; of two columns the first) are
    true above 0. Labels (``quality``, ``group``, and ``KSLabel`` where nobody judged by hand) keep
    "good" units; a column that has none of the usual words says nothing.

    Parameters
    ----------
    columns : mapping
        Values of each unit by the name of the column, any case of letters.
    units : int
        Number of units.
    where : str
        Of which table, for messages.

    Returns
    -------
    accepted : numpy.ndarray of bool
        (unit,)
    notes : str
        How many were left out and why; empty if none was.

    Raises
    ------
    RefusedInputError
        If none is left.
    """
    named = {name.casefold(): (name, np.asarray(values)) for name, values in columns.items()}
    told = {
        name: flag
        for key, (name, values) in named.items()
        if key in FLAGS and (flag := _flags(values, FLAGS[key])) is not None
    }
    judged = {
        named[key][0]: label
        for key in JUDGED
        if key in named and (label := _labels(named[key][1])) is not None
    }
    if not judged:
        judged = {
            named[key][0]: label
            for key in SORTED
            if key in named and (label := _labels(named[key][1])) is not None
        }
    accepted = np.ones(units, dtype=bool)
    reasons = []
    for name, good in (told | judged).items():
        accepted &= good
        if not good.all():
            reasons.append(f"{name}: {_counted(named[name.casefold()][1], good)}")
    if not accepted.any():
        got = f"none of {units} ({'; '.join(reasons)})"
        raise RefusedInputError(
            f"{where} was expected to hold a unit that was accepted, got {got}: say {ASK}."
        )
    left = units - int(accepted.sum())
    return (
        accepted,
        f"{left} of {units} units left out because they were rejected ({'; '.join(reasons)})"
        if left
        else "",
    )


ASK = "keep_rejected=true if all are to count"


def _flags(values: NDArray[Any], meaning: bool) -> NDArray[np.bool_] | None:
    """Whether each unit is accepted; None where the column is no flag."""
    first = values[:, 0] if values.ndim == 2 else values
    if first.dtype.kind in "OUS":
        words = _words(first)
        if not set(words) & {*GOOD, *BAD}:
            return None
        return np.array(
            [(word in GOOD) == meaning and word not in UNDECIDED[:-3] for word in words]
        )
    return (np.nan_to_num(first.astype(float), nan=0.0 if meaning else 1.0) > 0) == meaning


def _labels(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Whether each label is good; None where the words are not those of sorting, or nothing was
    judged."""
    if values.dtype.kind == "b":
        return values.astype(bool)
    if values.ndim != 1 or values.dtype.kind not in "OUS":
        return None
    words = _words(values)
    return np.array([word in GOOD for word in words]) if set(words) & {*GOOD[:8], *BAD} else None


def _words(values: NDArray[Any]) -> list[str]:
    return [
        (value.decode(errors="replace") if isinstance(value, bytes) else str(value))
        .strip()
        .casefold()
        for value in values.tolist()
    ]


def _counted(values: NDArray[Any], good: NDArray[np.bool_]) -> str:
    """How many units each label left out."""
    if values.ndim != 1 or values.dtype.kind not in "OUS":
        return f"{(~good).sum()} not accepted"
    counts = Counter(
        word or "unlabelled"
        for word, accepted in zip(_words(values), good.tolist())
        if not accepted
    )
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
