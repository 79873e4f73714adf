"""Noise covariance of a code within a condition, from the trials of each session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import NotNegative
from drift.measurement.joining import ROOM, SPARSE
from drift.measurement.rules import Measurement
from drift.metrics.geometry.noise import FROM_TRIALS, labelled
from drift.metrics.geometry.trial_visits import SessionVisits, Visits, visits_of
from drift.metrics.geometry.vectors import Array


@opened
def trial_noise_covariance(
    sessions: xr.Dataset | Iterable[xr.Dataset],
    *,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    minimum_occupancy: NotNegative = 0.1,
    direction: Literal["auto", "split", "pooled"] = "auto",
    halves: Literal["trials", "time"] = "trials",
) -> xr.DataArray:
    """Covariance between units of the noise of the map of a session, mean over its places, from its
    trials.

    A condition c is a place in a running direction, or a stimulus. Trial l of one half spends the
    time T_l in c and has n_l events there; with r the rate of that half in c, the residual n_l -
    T_l r is what the trial has too many, and

        S = mean_c 1 / T^2 sum_halves L / (L - 1) sum_l (n_l - T_l r)(n_l - T_l r)',

    T all time in c, L the trials of a half that come to c, is the noise covariance of the map of
    the session. Trials are compared with those of their own half alone: so d_a' S d_b, of drift
    vectors of either half, holds no product of noise with itself, whatever the law of the noise,
    and S may be taken from the two sessions that are compared. Its rank is about the number of
    conditions times that of trials.

    Parameters
    ----------
    sessions : iterable of xarray.Dataset
        Session Datasets, as in ``drift.measure``, taken one at a time.
    bin_size, minimum_speed, minimum_occupancy, direction
        As in ``drift.measure``; use those of the Dataset whose drift is measured.
    halves : {"trials", "time"}
        What a trial is, and to which half it belongs, as in ``drift.measure``: laps or
        presentations, or blocks of 30 s.

    Returns
    -------
    xarray.DataArray
        (subject, session, unit, unit_other), squared units of the rate; units and sessions as in
        ``drift.measure``, NaN for units that were not recorded, and for a session in which no half
        comes to any place twice.

    Raises
    ------
    RefusedInputError
        If there is no session, or a session cannot be measured by halves.
    SchemaError
        If a session lacks a variable.
    """
    rules = Measurement(
        bin_size=bin_size,
        minimum_speed=minimum_speed,
        minimum_occupancy=minimum_occupancy,
        direction=direction,
        halves=halves,
    )
    measured = visits_of(sessions, rules)
    return _joined(measured, [_of_session(session, minimum_occupancy) for session in measured])


def _of_session(session: SessionVisits, minimum_occupancy: float) -> Array:
    """(unit, unit), NaN for units that were not observed."""
    covariance = _covariance(session.visits, minimum_occupancy)
    covariance[~session.observed] = np.nan
    covariance[:, ~session.observed] = np.nan
    return covariance


def _covariance(visits: Visits, minimum_occupancy: float) -> Array:
    """(unit, unit); a condition counts that either half visited twice, for long enough."""
    cells = 2 * (int(visits.condition.max(initial=0)) + 1)
    spent = np.bincount(visits.cell, visits.seconds, cells).astype(float)
    trials = np.bincount(visits.cell, minlength=cells)
    enough = (spent > minimum_occupancy) & (trials > 1)
    valid = enough[::2] & enough[1::2]
    if not valid.any():
        return np.full((visits.events.shape[1],) * 2, np.nan)
    counted = valid[visits.condition]
    whole = spent.reshape(-1, 2).sum(axis=1)[visits.condition]
    unbiased = np.sqrt(trials / np.maximum(trials - 1, 1))[visits.cell]
    residual = _residual(visits, spent)[counted] * (unbiased / whole)[counted, np.newaxis]
    return np.asarray(residual.T @ residual / np.count_nonzero(valid))


def _residual(visits: Visits, spent: Array) -> Array:
    """(visit, unit) events beyond what the rate of the half would have given."""
    total = np.zeros((spent.size, visits.events.shape[1]))
    np.add.at(total, visits.cell, visits.events)
    rate = total / np.where(spent > 0, spent, np.inf)[:, np.newaxis]
    return np.asarray(visits.events - visits.seconds[:, np.newaxis] * rate[visits.cell])


def _joined(measured: list[SessionVisits], covariances: list[Array]) -> xr.DataArray:
    """Covariances on the axes that ``drift.measure`` gives the same sessions."""
    numbers = np.unique(np.concatenate([session.units for session in measured]))
    ids = numbers[-1] >= SPARSE * numbers.size + ROOM
    subjects = list(dict.fromkeys(session.subject for session in measured))
    sessions = np.unique([session.number for session in measured])
    units = numbers.size if ids else int(numbers[-1]) + 1
    values = np.full((len(subjects), sessions.size, units, units), np.nan)
    for session, covariance in zip(measured, covariances, strict=True):
        rows = np.searchsorted(numbers, session.units) if ids else np.asarray(session.units)
        at = subjects.index(session.subject), int(np.searchsorted(sessions, session.number))
        values[at][np.ix_(rows, rows)] = covariance
    coords = xr.Dataset(coords={"subject": subjects, "session": sessions})
    return labelled(values, coords, FROM_TRIALS)
