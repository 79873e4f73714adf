"""Pearson correlations between all sessions at once, and the pairs of sessions that may be compared
at all."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.rooms import same_environment

# Below these shares of its power a vector counts as flat: what is left of it is rounding.
FLAT_NORM = 1e-12
FLAT_VARIANCE = 1e-12


def centred_vectors(vectors: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Vectors with mean 0 over their valid features and 0 elsewhere; flat ones are exactly 0."""
    count = np.maximum(valid.sum(axis=-1, keepdims=True), 1)
    filled = np.where(valid, vectors, 0.0)
    centred = np.where(valid, filled - filled.sum(axis=-1, keepdims=True) / count, 0.0)
    flat = (centred**2).sum(axis=-1, keepdims=True) <= FLAT_NORM**2 * (filled**2).sum(
        axis=-1, keepdims=True
    )
    return np.where(flat, 0.0, centred)


def _same_features(centred: np.ndarray) -> np.ndarray:
    norm = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    varies = norm > 0
    unit = np.divide(centred, norm, out=np.zeros_like(centred), where=varies)
    defined = varies & np.swapaxes(varies, -1, -2)
    return np.where(defined, unit @ np.swapaxes(unit, -1, -2), np.nan)


def _shared_features(centred: np.ndarray, valid: np.ndarray) -> np.ndarray:
    mask = np.swapaxes(valid.astype(float), -1, -2)
    count = valid.astype(float) @ mask
    total = np.divide(centred @ mask, np.sqrt(count), out=np.zeros_like(count), where=count > 0)
    power = centred**2 @ mask
    variance = power - total**2
    varies = (variance > FLAT_VARIANCE * power) & (count > 1)
    defined = varies & np.swapaxes(varies, -1, -2)
    covariance = centred @ np.swapaxes(centred, -1, -2) - total * np.swapaxes(total, -1, -2)
    scale = np.sqrt(np.where(defined, variance * np.swapaxes(variance, -1, -2), 1.0))
    return np.where(defined, covariance / scale, np.nan)


def pairwise_pearson(vectors: np.ndarray) -> np.ndarray:
    """Pearson correlation of every session with every other over the features that are finite in
    both.

    Parameters
    ----------
    vectors : numpy.ndarray
        (batch, session, feature), NaN where not observed.

    Returns
    -------
    numpy.ndarray
        (batch, session, session); NaN where fewer than two features are shared or one of the two
        does not vary over them.
    """
    valid = np.isfinite(vectors)
    centred = centred_vectors(vectors, valid)
    present = valid.any(axis=-1, keepdims=True)
    same = bool(((valid == valid.any(axis=-2, keepdims=True)) | ~present).all())
    result = _same_features(centred) if same else _shared_features(centred, valid)
    return np.clip(result, -1.0, 1.0)


def tracked_pairs(dataset: xr.Dataset) -> np.ndarray:
    """Tell which pairs of sessions know their units apart: those with the same ``unit_identity``.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset; without the coordinate ``unit_identity`` all units of a subject are
        tracked.

    Returns
    -------
    numpy.ndarray
        (subject, session, session) bool.

    Raises
    ------
    RefusedInputError
        If there is one session only, or if no two different sessions share the identity of their
        units.
    """
    subjects, sessions = dataset.sizes["subject"], dataset.sizes["session"]
    if sessions < 2:
        raise RefusedInputError(
            "stability is measured between sessions, but the Dataset holds a single one: pass "
            "at least two sessions."
        )
    if "unit_identity" not in dataset.variables:
        return np.ones((subjects, sessions, sessions), dtype=bool)
    identity = dataset["unit_identity"].transpose("subject", "session").values
    labelled = np.array(
        [[isinstance(label, str) and label != "" for label in row] for row in identity]
    )
    same = (identity[:, :, np.newaxis] == identity[:, np.newaxis, :]) & labelled[:, :, np.newaxis]
    if not (same & ~np.eye(sessions, dtype=bool)).any():
        raise RefusedInputError(
            "units are not tracked: no two sessions of a subject share the same "
            "unit_identity, so a unit of one session is another cell "
            "in the next; register the cells (a file <animal>_registration with "
            "cell_to_index_map beside interchange files, a column "
            "global_roi_id in NWB files), compare epochs of one day, or use measures that "
            "need no identity."
        )
    return same


def comparable_pairs(dataset: xr.Dataset, across_environments: bool = False) -> np.ndarray:
    """Tell which pairs of sessions may be compared: those that know their units apart and were
    recorded in one environment.

    Another room has another code (remapping), however little either of them drifts.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset; without the coordinate ``environment`` (subject, session) all sessions
        are in one.
    across_environments : bool
        Compare sessions of different environments, too: for questions about remapping.

    Returns
    -------
    numpy.ndarray
        (subject, session, session) bool.

    Raises
    ------
    RefusedInputError
        If there is one session only, or if no two different sessions may be compared.
    """
    tracked = tracked_pairs(dataset)
    if across_environments:
        return tracked
    sizes = {"subjects": tracked.shape[0], "sessions": tracked.shape[1]}
    comparable = tracked & same_environment(dataset, **sizes)
    if not (comparable & ~np.eye(tracked.shape[1], dtype=bool)).any():
        raise RefusedInputError(
            "no two sessions of a subject with tracked units share an environment, and "
            "another room is not drift: record a room twice, "
            "or pass across_environments=True to measure remapping."
        )
    return comparable


def same_units(own: xr.Dataset, day: int) -> np.ndarray:
    """(session) bool, the sessions of one subject in which a unit is the same cell as in a
    session.

    Parameters
    ----------
    own : xarray.Dataset
        Longitudinal Dataset without the dim subject.
    day : int
        Position of the session.
    """
    if "unit_identity" not in own.coords:
        return np.ones(own.sizes["session"], dtype=bool)
    labels = own["unit_identity"].values.astype(str)
    same = (labels == labels[day]) & (labels != "")
    same[day] = True
    return np.asarray(same)
