"""Pairs of sessions of one subject in one environment: how alike, how far apart in time, in
experience and in behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.errors import RefusedInputError
from drift.metrics.rooms import environment_labels
from drift.schema.labelled_form import check

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
PAIR = ("subject", "session")
BEHAVIOUR = ("mean_speed", "running_time", "occupancy")
ALIKE = 1e-9  # share of its size by which a covariate must differ between sessions to enter


class PairRows(NamedTuple):
    """Pairs that enter, those of one subject behind those of another.

    Attributes
    ----------
    subject, room, first, second : numpy.ndarray
        (pair) positions of the subject, of its environment among all, and of both sessions.
    similarity : numpy.ndarray
        (pair) C.
    distances : dict of str to numpy.ndarray
        (pair) of time, experience and, where sessions differ in it, behaviour.
    """

    subject: Whole
    room: Whole
    first: Whole
    second: Whole
    similarity: Array
    distances: dict[str, Array]


def pair_rows(
    dataset: xr.Dataset, similarity: xr.DataArray, experience: str, behaviour: Sequence[str]
) -> PairRows:
    """Return the pairs of sessions in one environment whose similarity and distances are known.

    Parameters
    ----------
    dataset : xarray.Dataset
        With ``elapsed``.
    similarity : xarray.DataArray
        (subject, session, session_other).
    experience : str
        See ``time_and_experience``.
    behaviour : sequence of str
        Covariates of sessions.

    Raises
    ------
    RefusedInputError
        If there is none, or the Dataset has no such experience or behaviour.
    """
    alike = similarity.transpose(*PAIR, "session_other").values
    subjects, sessions = alike.shape[:2]
    first, second = np.triu_indices(sessions, k=1)
    rooms = environment_labels(dataset, subjects=subjects, sessions=sessions)
    room = np.unique(rooms, return_inverse=True)[1].reshape(rooms.shape)
    elapsed = check(dataset, "elapsed")["elapsed"].transpose(*PAIR).values.astype(float)
    distances = {
        "time": _apart(elapsed, first, second),
        "experience": _apart(experienced(dataset, experience, room), first, second),
    }
    same = room[:, first] == room[:, second]
    if behaviour:
        distances["behaviour"] = _behaviour(dataset, behaviour, first, second, same)
    columns = np.stack([alike[:, first, second], *distances.values()])
    subject, pair = np.nonzero(same & np.isfinite(columns).all(axis=0))
    if not subject.size:
        raise RefusedInputError(
            "no two sessions of one environment have a similarity, a time and an experience: give "
            "elapsed and visits for every session."
        )
    columns_of = {name: values[subject, pair] for name, values in distances.items()}
    if "behaviour" in columns_of and not columns_of["behaviour"].any():
        del columns_of["behaviour"]
    ends = first[pair], second[pair]
    return PairRows(
        subject, room[subject, ends[0]], *ends, alike[subject, ends[0], ends[1]], columns_of
    )


def experienced(dataset: xr.Dataset, name: str, room: Whole) -> Array:
    """(subject, session) what the subject has been through in this environment, that session
    included: laps summed over its sessions there, else what the Dataset holds by that name."""
    if name not in dataset.variables or not set(dataset[name].dims) <= set(PAIR):
        raise RefusedInputError(
            f"experience needs the coordinate {name} (subject, session), got none: measure the "
            "sessions with drift.measure, or add it with assign_coords, such as "
            'visits=(("subject", "session"), counts).'
        )
    values = dataset[name].broadcast_like(dataset["elapsed"]).transpose(*PAIR).values.astype(float)
    if name != "laps":
        return values
    sums = np.full(values.shape, np.nan)
    visited = np.isfinite(dataset["elapsed"].transpose(*PAIR).values)
    for label in np.unique(room):
        inside = (room == label) & visited
        total = np.cumsum(np.where(inside, values, 0.0), axis=1)
        sums[inside] = total[inside]
    return sums


def present_behaviour(dataset: xr.Dataset) -> tuple[str, ...]:
    """Covariates of sessions that a Dataset has, of those that ``measure`` gives."""
    return tuple(
        name for name in BEHAVIOUR if name in dataset and dataset[name].notnull().any().item()
    )


def _apart(values: Array, first: Whole, second: Whole) -> Array:
    return np.abs(values[:, second] - values[:, first])


def _behaviour(
    dataset: xr.Dataset, names: Sequence[str], first: Whole, second: Whole, same: NDArray[np.bool_]
) -> Array:
    """(subject, pair) root of the mean over covariates of squared distances, each in units of its
    root mean square over all pairs; covariates that do not differ do not enter."""
    squares = []
    for name in names:
        apart = np.where(same, _covariate(dataset, name, first, second), np.nan)
        size = np.sqrt(np.nanmean(apart**2)) if np.isfinite(apart).any() else 0.0
        if size > ALIKE * max(float(np.abs(dataset[name]).mean()), 1e-300):
            squares.append((apart / size) ** 2)
    return np.sqrt(np.mean(squares, axis=0)) if squares else np.zeros(same.shape)


def _covariate(dataset: xr.Dataset, name: str, first: Whole, second: Whole) -> Array:
    """(subject, pair) difference of a number, or half the summed difference of the shares of the
    time spent at each place."""
    if name not in dataset or not set(PAIR) <= set(dataset[name].dims):
        raise RefusedInputError(
            f"behaviour names {name}, which the Dataset does not hold over subject and session: "
            f"use some of {', '.join(present_behaviour(dataset)) or 'none'}."
        )
    values = dataset[name].transpose(*PAIR, ...).values.astype(float)
    if values.ndim == 2:
        return _apart(values, first, second)
    time = np.nan_to_num(values.reshape(*values.shape[:2], -1))
    total = time.sum(axis=-1, keepdims=True)
    share = np.divide(time, total, out=np.full(time.shape, np.nan), where=total > 0)
    return np.stack([np.abs(own[second] - own[first]).sum(axis=-1) / 2 for own in share])
