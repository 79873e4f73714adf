"""Lags that are the same, and edges of classes of lags one usual interval wide, for sessions
recorded at real times."""

from __future__ import annotations

import numpy as np

from drift.errors import RefusedInputError

MOST = 200  # classes
# Lags that differ by less than this share of the longest one are the same lag: times may be stored
# with seven digits.
SAME_LAG = 1e-6


def class_edges(steps: np.ndarray, lags: np.ndarray, sessions: int) -> np.ndarray | None:
    """Edges of classes centred on the usual interval m, 2 m, 3 m and so on.

    Parameters
    ----------
    steps : numpy.ndarray
        Intervals between a session and the next one, of which m is the median.
    lags : numpy.ndarray
        Of all pairs of sessions.
    sessions : int
        In how many sessions a subject was recorded at most.

    Returns
    -------
    numpy.ndarray or None
        0, m / 2, 3 m / 2, ...; None where the sessions are so regular that no more lags differ than
        there are sessions, 0 among them.
    """
    if steps.size == 0 or distinct_lags(lags).size <= sessions:
        return None
    width = max(float(np.median(steps)), float(lags.max()) / MOST)
    classes = int(np.floor(lags.max() / width + 0.5))
    return np.concatenate([[0.0], width * (np.arange(classes + 1) + 0.5)])


def own_edges(lags: np.ndarray) -> np.ndarray | None:
    """Edges of classes of the lags between sessions, where these were recorded at real times.

    Parameters
    ----------
    lags : numpy.ndarray
        (subject, pair) of the pairs of sessions (0, 1), (0, 2), ..., (1, 2), ...; NaN where two are
        not compared.

    Returns
    -------
    numpy.ndarray or None
        As ``class_edges``; None also where all lags are whole numbers (of days, of steps): then
        each of them is a class.
    """
    finite = lags[np.isfinite(lags)]
    if finite.size == 0 or np.abs(finite - np.rint(finite)).max() <= SAME_LAG * finite.max():
        return None
    sessions = round((1 + np.sqrt(1 + 8 * lags.shape[-1])) / 2)
    first = np.triu_indices(sessions, k=1)[0]
    later = np.where(lags > 0, lags, np.inf)
    steps = np.minimum.reduceat(later, np.unique(first, return_index=True)[1], axis=-1)
    return class_edges(steps[np.isfinite(steps)], np.append(finite, 0.0), sessions)


def distinct_lags(lags: np.ndarray) -> np.ndarray:
    """Lags that differ by more than rounding, in order; NaN does not count."""
    finite = np.sort(lags[np.isfinite(lags)])
    if finite.size == 0:
        raise RefusedInputError(
            "no pair of sessions of one environment has a known elapsed time: give elapsed "
            "(subject, session) in real time or steps."
        )
    new = np.concatenate(
        [[True], np.diff(finite) > SAME_LAG * max(finite[-1], np.finfo(float).tiny)]
    )
    return finite[new]
