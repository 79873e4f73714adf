"""Linear readouts that follow a code from session to session, and may change only so much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from drift.door.memory import refuse_beyond_memory
from drift.metrics.decoders.linear import Linear, LinearReadout, ridge, targets
from drift.metrics.decoders.readings import Crew, Reading, Rows
from drift.metrics.decoders.training import Readout

FOLDS = 5  # parts of all sessions that are left out together, trial by trial in turn


def constrained_weights(
    counts: Sequence[NDArray[np.float64]],
    target: Sequence[NDArray[np.float64]],
    coupling: float,
    penalty: float = 0.0,
) -> NDArray[np.float64]:
    """Weights of all sessions that minimise sum_d |X_d M_d - y_d|^2 + penalty sum_d |m_d|^2 +
    coupling sum_d |M_d - M_(d-1)|^2.

    M_d holds the weights m_d and an offset, X_d the counts and a 1. The sum over neighbouring
    sessions is that of the Laplacian of a path, Q diag(l) Q', so that it is solved for
    sqrt(1 + coupling l_k) sum_d Q_dk M_d, which stays well posed up to an infinite coupling.
    Without coupling each session has its own regression, with an infinite one all share it.

    Parameters
    ----------
    counts : list of numpy.ndarray
        (window, unit) of each session.
    target : list of numpy.ndarray
        (window, output)
    coupling : float
        From 0 to infinity, in squared events.
    penalty : float
        Of the weights, without the offsets.

    Returns
    -------
    numpy.ndarray
        (session, unit and offset, output)

    References
    ----------
    Rule, Loback, Raman, Driscoll, Harvey & O'Leary 2020, eLife 9:51121, Methods.
    """
    sessions, units = len(counts), counts[0].shape[1] + 1
    laplacian = np.diag(np.r_[1.0, np.full(max(sessions - 2, 0), 2.0), 1.0][:sessions])
    laplacian -= np.eye(sessions, k=1) + np.eye(sessions, k=-1)
    stiffness, modes = np.linalg.eigh(laplacian if sessions > 1 else np.zeros((1, 1)))
    # exactly, so that an infinite coupling leaves the mean alone
    stiffness[0], modes[:, 0] = 0.0, 1 / np.sqrt(sessions)
    load = np.zeros(sessions)
    load[1:] = coupling * stiffness[1:]
    basis = modes / np.sqrt(1 + load)  # (session, mode)
    held = np.where(np.isinf(load), 1.0, np.divide(load, 1 + load, where=np.isfinite(load)))
    shrunk = np.r_[np.full(units - 1, penalty), 0.0]
    matrix = np.zeros((sessions, units, sessions, units))
    vector = np.zeros((sessions, units, target[0].shape[1]))
    for session, (events, response) in enumerate(zip(counts, target)):
        design = np.concatenate([events, np.ones((len(events), 1))], axis=1)
        scatter, weight = design.T @ design + np.diag(shrunk), basis[session]
        matrix += weight[:, None, None, None] * scatter[None, :, None, :] * weight[:, None]
        vector += weight[:, np.newaxis, np.newaxis] * (design.T @ response)
    flat = matrix.reshape(sessions * units, -1)
    flat[np.diag_indices_from(flat)] += np.repeat(held, units)
    solution = solve(flat, vector.reshape(sessions * units, -1), assume_a="pos")
    return np.asarray(np.tensordot(basis, solution.reshape(vector.shape), 1))


def constrained_readings(crew: Crew, coupling: float) -> Iterator[Reading]:
    """Sessions read by readouts that follow the code.

    Parameters
    ----------
    crew : Crew
        Sessions of a subject; its decoder is linear.
    coupling : float
        See ``constrained_weights``.

    Yields
    ------
    Reading
        Of each session by itself, on the units observed in all sessions of its room, with the
        change of the weights since the session before.
    """
    waiting = list(range(len(crew.sessions)))
    while waiting:
        days = [day for day in waiting if crew.comparable(waiting[0], day)]
        waiting = [day for day in waiting if day not in days]
        yield from _chain(crew, days, coupling)


def _chain(crew: Crew, days: list[int], coupling: float) -> list[Reading]:
    """Readouts of sessions that follow each other in one room, by folds that none of them saw."""
    columns = crew.shared_units(*days)
    size = len(days) * (1 + columns[0].size)
    refuse_beyond_memory("weights that follow the code", size, size, remedy="leave out sessions")
    if not columns[0].size:
        return [Reading(day, day, units, [], units) for day, units in zip(days, columns)]
    readouts: list[list[tuple[Readout, Rows]]] = [[] for _ in days]
    changes = np.zeros((FOLDS, len(days)))
    for fold in range(FOLDS):
        weights = _weights(crew, days, columns, coupling, fold)
        for number, day in enumerate(days):
            rows = np.flatnonzero(crew.sessions[day].windows.fold % FOLDS == fold)
            readout = LinearReadout(crew.track, weights[number, :-1], weights[number, -1])
            readouts[number].append((readout, rows))
        changes[fold] = relative_changes(weights)
    return [
        Reading(day, day, units, own_readouts, units, float(change))
        for day, units, own_readouts, change in zip(days, columns, readouts, changes.mean(axis=0))
    ]


def relative_changes(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(session) length of the change of the weights since the session before, over the mean length
    of both; NaN for the first.

    Parameters
    ----------
    weights : numpy.ndarray
        (session, unit and offset, output)
    """
    length = np.sqrt((weights[:, :-1] ** 2).sum(axis=(1, 2)))
    change = np.sqrt((np.diff(weights[:, :-1], axis=0) ** 2).sum(axis=(1, 2)))
    return np.concatenate([[np.nan], change / ((length[1:] + length[:-1]) / 2)])


def _weights(
    crew: Crew, days: list[int], columns: list[NDArray[np.int64]], coupling: float, fold: int
) -> NDArray[np.float64]:
    """Weights of all sessions without one fold of each; the penalty is that of a pooled readout."""
    assert isinstance(crew.decoder, Linear)
    counts, response = [], []
    for day, units in zip(days, columns):
        windows = crew.sessions[day].windows
        rows = (windows.fold % FOLDS != fold) | (windows.visits == 1)  # alike without noise
        counts.append(windows.counts[rows][:, units])
        response.append(targets(windows.position[rows], crew.track))
    pooled = np.concatenate(counts), np.concatenate(response)
    _, _, penalty = ridge(*pooled, crew.decoder.penalties)
    return constrained_weights(counts, response, coupling, penalty / len(days))
