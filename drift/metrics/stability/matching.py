"""How likely it is that a unit is the same cell in two sessions."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

from drift.door import opened
from drift.door.quantities import Range
from drift.errors import RefusedInputError
from drift.metrics.labels import described
from drift.metrics.stability.pairs import tracked_pairs
from drift.schema.labelled_form import check

DIMS = ("subject", "session", "session_other", "unit")
CONFIDENCE = "registration_confidence"
FIELD_OF_VIEW = ("unit_x", "unit_y")
NEAREST = 10  # units that one may be taken for, where the field of view is known
Registered = Literal["in_chain", "at_once"]

RateOfWrongMatches = Annotated[float, Range(0, 1)]
"""Share of the units that are another cell from one session to the next."""


@opened
def match_probability(
    dataset: xr.Dataset,
    wrong_matches: RateOfWrongMatches | None = None,
    *,
    registered: Registered = "in_chain",
) -> xr.DataArray:
    """Probability that a unit is the same cell in two sessions: as the program that followed the
    cells tells, or by one rate of wrong matches.

    Programs tell how certain they are of each registered cell (``registration_confidence``); of two
    sessions the less certain one counts, p_st,i = min(c_s,i, c_t,i). A rate q of wrong matches
    gives p_st = (1 - q)^n over n steps from session to session, where each was registered to the
    one before, so that mistakes add up; 1 - q where all were registered at once.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and, without a rate of wrong matches, the coordinate
        ``registration_confidence`` (subject, session, unit).
    wrong_matches : float, optional
        q, from 0 to 1; by default what the program tells.
    registered : {"in_chain", "at_once"}
        Whether wrong matches add up over the sessions in which a subject was recorded.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other, unit), 1 for a session with itself; NaN where a unit was
        not observed in both, sessions do not share the identity of units, or nothing is told.

    Raises
    ------
    RefusedInputError
        If neither a rate nor the certainty of a program is there, or units are not tracked.

    References
    ----------
    Sheintuch et al. 2017, Cell Rep 21:1102 (probability that neighbours are the same cell).
    """
    check(dataset, "rate")
    tracked, observed = tracked_pairs(dataset), observed_sessions(dataset)
    pair = tracked[..., np.newaxis] & observed[:, :, np.newaxis] & observed[:, np.newaxis]
    certain = _told(dataset) if wrong_matches is None else None
    if certain is None:
        steps = registration_steps(dataset, registered)[..., np.newaxis]
        probability = np.broadcast_to((1 - float(wrong_matches or 0)) ** steps, pair.shape)
    else:
        probability = np.minimum(certain[:, :, np.newaxis], certain[:, np.newaxis])
    same = np.eye(tracked.shape[1], dtype=bool)[:, :, np.newaxis]
    coords = {
        dim: dataset[dim].values for dim in ("subject", "session", "unit") if dim in dataset.coords
    }
    coords |= {"session_other": coords["session"]} if "session" in coords else {}
    values = np.where(pair, np.where(same, 1.0, probability), np.nan)
    return described(xr.DataArray(values, dims=DIMS, coords=coords), "match_probability")


def observed_sessions(dataset: xr.Dataset) -> np.ndarray:
    """(subject, session, unit) bool, units with a rate anywhere.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``.
    """
    order = ("subject", "session", "unit")
    rate = dataset["rate"]
    observed = rate.notnull().any([dim for dim in rate.dims if dim not in order])
    return np.asarray(observed.transpose(*order).values)


def _told(dataset: xr.Dataset) -> np.ndarray:
    """(subject, session, unit) certainty of the program that followed the cells."""
    if CONFIDENCE not in dataset.coords:
        raise RefusedInputError(
            f"the probability of matches needs the coordinate {CONFIDENCE} of a program that "
            "followed the cells, got none: state wrong_matches=, one rate from session to session."
        )
    return np.asarray(dataset[CONFIDENCE].transpose("subject", "session", "unit").values)


def registration_steps(dataset: xr.Dataset, registered: str) -> np.ndarray:
    """How many registrations lie between two sessions, among those in which a subject was recorded,
    in the order of ``elapsed`` where that is known.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``.
    registered : {"in_chain", "at_once"}
        Each session to the one before, or all at once.

    Returns
    -------
    numpy.ndarray
        (subject, session, session) int.
    """
    recorded = observed_sessions(dataset).any(axis=-1)
    order = np.broadcast_to(np.arange(recorded.shape[1]), recorded.shape)
    if "elapsed" in dataset:
        elapsed = dataset["elapsed"].transpose("subject", "session").values
        order = np.argsort(elapsed, axis=1, kind="stable")
    number = np.empty(recorded.shape, dtype=int)
    in_order = np.cumsum(np.take_along_axis(recorded, order, axis=1), axis=1)
    np.put_along_axis(number, order, in_order, axis=1)
    steps = np.abs(number[:, :, np.newaxis] - number[:, np.newaxis])
    return np.asarray(steps if registered == "in_chain" else np.minimum(steps, 1))


def checked_matches(dataset: xr.Dataset, probability: xr.DataArray) -> np.ndarray:
    """Probabilities of matches in the order of a Dataset.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    probability : xarray.DataArray
        See ``match_probability``.

    Returns
    -------
    numpy.ndarray
        (subject, session, session_other, unit).

    Raises
    ------
    RefusedInputError
        If dims or sizes do not fit, or a number is no probability.
    """
    sizes = {dim: dataset.sizes[dim.removesuffix("_other")] for dim in DIMS}
    if dict(probability.sizes) != sizes:
        raise RefusedInputError(
            f"match_probability was expected over {sizes}, got {dict(probability.sizes)}: take "
            "that of metrics.match_probability of the same Dataset."
        )
    values = probability.transpose(*DIMS).values.astype(float)
    if ((values < 0) | (values > 1)).any():
        raise RefusedInputError(
            f"match_probability was expected from 0 to 1, got {np.nanmin(values):g} to "
            f"{np.nanmax(values):g}: give probabilities, NaN where none is known."
        )
    return values


def candidates(dataset: xr.Dataset) -> str:
    """Which units may be taken for which, in words.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    """
    near = set(FIELD_OF_VIEW) <= set(dataset.coords)
    return f"the {NEAREST} nearest units" if near else "all units of both sessions"


def neighbours(dataset: xr.Dataset, subject: int) -> np.ndarray | None:
    """Which units lie so near in the field of view that one may be taken for the other.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset; ``unit_x`` and ``unit_y`` over unit and any of subject and session say
        where units lie, the mean over sessions counts.
    subject : int
        Its position.

    Returns
    -------
    numpy.ndarray or None
        (unit, unit) bool, the ``NEAREST`` of each unit; None where the field of view is not known.
    """
    if not set(FIELD_OF_VIEW) <= set(dataset.coords):
        return None
    centres = np.stack([_centres(dataset[name], subject) for name in FIELD_OF_VIEW], axis=-1)
    placed = np.flatnonzero(np.isfinite(centres).all(axis=1))
    near = np.zeros((len(centres), len(centres)), dtype=bool)
    if placed.size > 1:
        count = min(NEAREST + 1, placed.size)
        nearest = cKDTree(centres[placed]).query(centres[placed], count)[1]
        near[placed[:, np.newaxis], placed[nearest]] = True
    np.fill_diagonal(near, False)
    return near


def _centres(axis: xr.DataArray, subject: int) -> np.ndarray:
    """(unit) along one axis, the mean over sessions."""
    own = axis.isel(subject=subject) if "subject" in axis.dims else axis
    return np.asarray(own.mean([dim for dim in own.dims if dim != "unit"]).values, dtype=float)
