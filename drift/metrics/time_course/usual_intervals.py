"""Edges of classes of lags one usual interval wide, for sessions recorded at real times."""

from __future__ import annotations

import numpy as np

MOST = 200  # classes
WHOLE = 1e-6  # of the longest lag: rounding of times with seven digits


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
    if steps.size == 0 or _distinct(lags) <= sessions:
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
    if finite.size == 0 or np.abs(finite - np.rint(finite)).max() <= WHOLE * finite.max():
        return None
    sessions = round((1 + np.sqrt(1 + 8 * lags.shape[-1])) / 2)
    first = np.triu_indices(sessions, k=1)[0]
    later = np.where(lags > 0, lags, np.inf)
    steps = np.minimum.reduceat(later, np.unique(first, return_index=True)[1], axis=-1)
    return class_edges(steps[np.isfinite(steps)], np.append(finite, 0.0), sessions)


def _distinct(lags: np.ndarray) -> int:
    """How many lags differ by more than rounding, 0 among them."""
    ordered = np.sort(lags)
    return 1 + int((np.diff(ordered) > WHOLE * ordered[-1]).sum())
