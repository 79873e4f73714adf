"""Visits of single trials to the conditions of a session: events and time of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.errors import RefusedInputError
from drift.measurement.admission import checked_units, session_labels, timed
from drift.measurement.domains import Places, session_domain
from drift.measurement.halves import LAP, half_of_samples, laps_of, with_laps
from drift.measurement.recommended import bin_width, speed_limit
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import (
    is_directed,
    positions_by_axis,
    session_name,
    some_running_samples,
)
from drift.metrics.clocks import durations
from drift.metrics.geometry.vectors import Array
from drift.metrics.maps import directed_places
from drift.metrics.places import refuse_absurd
from drift.schema.map_dims import PLACE

Whole = NDArray[np.int64]


class Visits(NamedTuple):
    """Visits of trials to conditions, a place in a running direction or a stimulus.

    Attributes
    ----------
    condition, half, trial : numpy.ndarray
        (visit) numbers of the condition in this session, of the half (0 or 1), of the trial.
    events : numpy.ndarray
        (visit, unit)
    seconds : numpy.ndarray
        (visit)
    """

    condition: Whole
    half: Whole
    trial: Whole
    events: Array
    seconds: Array

    @property
    def cell(self) -> Whole:
        """(visit) number of condition and half."""
        return np.asarray(2 * self.condition + self.half)


class SessionVisits(NamedTuple):
    """Visits of one session over the units with these numbers, of which some were observed.

    Attributes
    ----------
    names : numpy.ndarray of str
        (visit) what the condition is in any session.
    kinds : numpy.ndarray of str
        (visit) what the trial is in any session: a running direction or a stimulus.
    """

    subject: str
    number: int
    units: Whole
    observed: NDArray[np.bool_]
    visits: Visits
    names: NDArray[np.str_]
    kinds: NDArray[np.str_]
    name: str
    environment: str
    identity: str

    @property
    def alike(self) -> tuple[str, str, str]:
        """What two sessions must share to be compared: subject, environment, and the identity of
        their units, empty where these are not tracked."""
        return self.subject, self.environment, self.identity

    @property
    def observed_units(self) -> Whole:
        """Numbers of the units that were observed."""
        return np.asarray(self.units[self.observed])


def visits_of(
    sessions: xr.Dataset | Iterable[xr.Dataset], rules: Measurement
) -> list[SessionVisits]:
    """Visits of all sessions, each taken once.

    Parameters
    ----------
    sessions : iterable of xarray.Dataset
        Session Datasets.
    rules : Measurement
        With ``halves``, which say what a trial is.

    Raises
    ------
    RefusedInputError
        If there is no session, one occurs twice, or one cannot be measured by halves.
    SchemaError
        If a session lacks a variable.
    """
    listed = [sessions] if isinstance(sessions, xr.Dataset) else sessions
    measured: list[SessionVisits] = []
    for session in listed:
        own = session_visits(session, rules)
        if any(own[:2] == earlier[:2] for earlier in measured):
            raise RefusedInputError(
                f"{own.name} occurs twice, expected each session once: leave out the second."
            )
        measured.append(own)
    if not measured:
        raise RefusedInputError(
            "there is no session to measure: check the path and the filters of the reader."
        )
    return measured


def session_visits(session: xr.Dataset, rules: Measurement) -> SessionVisits:
    """Visits of one session, by the rules of ``drift.measure``.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    rules : Measurement
    """
    labels, observed = session_labels(session), checked_units(session).values
    numbers, title = session["unit"].values.astype(np.int64), session_name(session)
    bin_size, minimum_speed = bin_width(session, rules), speed_limit(session, rules)
    measured = timed(session)
    domain = session_domain(measured, bin_size)
    if isinstance(domain, Places):
        refuse_absurd(positions_by_axis(measured), domain.grid, title)
    laps = with_laps(measured, str(rules.halves), domain)
    directed = is_directed(laps, rules.direction)
    running, cells, place = domain.visited(some_running_samples(laps, minimum_speed, directed))
    stimulus = None if domain.dim == PLACE else place.values
    ways = running["direction"].reset_coords(drop=True) if directed else None
    condition = (place if ways is None else directed_places(place, ways)).values
    half, of_lap = half_of_samples(running, stimulus), laps_of(running, stimulus)
    rows = np.stack([condition, half, running[LAP].values, of_lap.kinds[of_lap.of_sample]])
    visits, kind = _visits(running, rows, observed)
    labelled = [" ".join(map(str, row)) for row in cells.tolist()]
    names = np.array(labelled if ways is None else _there_and_back(labelled))
    kinds = kind.astype(str) if stimulus is None else np.array(["several", *labelled])[kind]
    rooms = (str(labels.get(name) or "") for name in ("environment", "unit_identity"))
    subject, number = str(labels["subject"]), int(labels["session"])
    where = names[visits.condition]
    return SessionVisits(subject, number, numbers, observed, visits, where, kinds, title, *rooms)


def _there_and_back(names: list[str]) -> list[str]:
    """Names of the conditions that ``directed_places`` numbers."""
    return [f"{name} {way}" for name in names for way in ("up", "down")]


def _visits(
    running: xr.Dataset, labels: Whole, observed: NDArray[np.bool_]
) -> tuple[Visits, Whole]:
    """Sums over samples, and (visit) the kind of its trial; labels (4, sample) are condition, half
    (-1 for neither), trial and kind."""
    samples = np.flatnonzero((labels[:2] >= 0).all(axis=0))
    rows, visit = np.unique(labels[:, samples], axis=1, return_inverse=True)
    activity = running["activity"].transpose("sample", "unit").values
    events = np.zeros((rows.shape[1], observed.size))
    np.add.at(events, visit.reshape(-1), np.where(observed, activity[samples], 0.0))
    seconds = np.broadcast_to(durations(running), labels.shape[1])[samples]
    time = np.bincount(visit.reshape(-1), seconds, rows.shape[1]).astype(float)
    return Visits(rows[0], rows[1], rows[2], events, time), rows[3]
