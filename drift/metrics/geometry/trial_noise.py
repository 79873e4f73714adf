"""Noise covariance of a code within a condition, from the trials of each session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.door import opened
from drift.door.quantities import NotNegative
from drift.errors import RefusedInputError
from drift.measurement.admission import checked_units, session_labels, timed
from drift.measurement.domains import Places, session_domain
from drift.measurement.halves import LAP, half_of_samples, with_laps
from drift.measurement.joining import ROOM, SPARSE
from drift.measurement.recommended import bin_width, speed_limit
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import (
    is_directed,
    positions_by_axis,
    session_name,
    some_running_samples,
)
from drift.metrics.clocks import durations
from drift.metrics.geometry.noise import FROM_TRIALS, labelled
from drift.metrics.geometry.vectors import Array
from drift.metrics.maps import directed_places
from drift.metrics.places import refuse_absurd
from drift.schema.map_dims import PLACE


class _Session(NamedTuple):
    """Noise covariance of one session over the units with these numbers."""

    subject: str
    number: int
    units: list[int]
    covariance: Array
    name: str


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
    listed = [sessions] if isinstance(sessions, xr.Dataset) else sessions
    measured = [_session(session, rules) for session in listed]
    if not measured:
        raise RefusedInputError(
            "there is no session to measure: check the path and the filters of the reader."
        )
    return _joined(measured)


def _session(session: xr.Dataset, rules: Measurement) -> _Session:
    labels, observed = session_labels(session), checked_units(session).values
    numbers, name = [int(unit) for unit in session["unit"].values], session_name(session)
    bin_size, minimum_speed = bin_width(session, rules), speed_limit(session, rules)
    measured = timed(session)
    domain = session_domain(measured, bin_size)
    if isinstance(domain, Places):
        refuse_absurd(positions_by_axis(measured), domain.grid, name)
    laps = with_laps(measured, str(rules.halves), domain)
    directed = is_directed(laps, rules.direction)
    running, _, place = domain.visited(some_running_samples(laps, minimum_speed, directed))
    half = half_of_samples(running, None if domain.dim == PLACE else place.values)
    ways = running["direction"].reset_coords(drop=True) if directed else None
    condition = (place if ways is None else directed_places(place, ways)).values
    visits = _visits(running, np.stack([condition, half, running[LAP].values]), observed)
    covariance = _covariance(visits, rules.minimum_occupancy)
    covariance[~observed] = np.nan
    covariance[:, ~observed] = np.nan
    return _Session(str(labels["subject"]), int(labels["session"]), numbers, covariance, name)


class _Visits(NamedTuple):
    """Visits of a trial to a condition: numbers of the condition and of condition and half,
    ``events`` (visit, unit), ``seconds`` (visit)."""

    condition: NDArray[np.int64]
    cell: NDArray[np.int64]
    events: Array
    seconds: Array


def _visits(running: xr.Dataset, labels: NDArray[np.int64], observed: Array) -> _Visits:
    """Sums over samples; labels (3, sample) are condition, half (-1 for neither) and lap."""
    samples = np.flatnonzero((labels[:2] >= 0).all(axis=0))
    rows, visit = np.unique(labels[:, samples], axis=1, return_inverse=True)
    activity = running["activity"].transpose("sample", "unit").values
    events = np.zeros((rows.shape[1], observed.size))
    np.add.at(events, visit.reshape(-1), np.where(observed, activity[samples], 0.0))
    seconds = np.broadcast_to(durations(running), labels.shape[1])[samples]
    time = np.bincount(visit.reshape(-1), seconds, rows.shape[1]).astype(float)
    return _Visits(rows[0], 2 * rows[0] + rows[1], events, time)


def _covariance(visits: _Visits, minimum_occupancy: float) -> Array:
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


def _residual(visits: _Visits, spent: Array) -> Array:
    """(visit, unit) events beyond what the rate of the half would have given."""
    total = np.zeros((spent.size, visits.events.shape[1]))
    np.add.at(total, visits.cell, visits.events)
    rate = total / np.where(spent > 0, spent, np.inf)[:, np.newaxis]
    return np.asarray(visits.events - visits.seconds[:, np.newaxis] * rate[visits.cell])


def _joined(measured: list[_Session]) -> xr.DataArray:
    """Covariances on the axes that ``drift.measure`` gives the same sessions."""
    numbers = np.unique(np.concatenate([session.units for session in measured]))
    ids = numbers[-1] >= SPARSE * numbers.size + ROOM
    subjects = list(dict.fromkeys(session.subject for session in measured))
    sessions = np.unique([session.number for session in measured])
    units = numbers.size if ids else int(numbers[-1]) + 1
    values = np.full((len(subjects), sessions.size, units, units), np.nan)
    for session in measured:
        rows = np.searchsorted(numbers, session.units) if ids else np.asarray(session.units)
        at = subjects.index(session.subject), int(np.searchsorted(sessions, session.number))
        if np.isfinite(values[at]).any():
            raise RefusedInputError(
                f"{session.name} occurs twice, expected each session once: leave out the second."
            )
        values[at][np.ix_(rows, rows)] = session.covariance
    coords = xr.Dataset(coords={"subject": subjects, "session": sessions})
    return labelled(values, coords, FROM_TRIALS)
