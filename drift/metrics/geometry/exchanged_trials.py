"""Would a code that stands still, with trials as different as these, look as different?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.door import opened
from drift.door.quantities import NotNegative, Range, Seed
from drift.measurement.rules import Measurement
from drift.metrics.geometry.tables import PAIRS
from drift.metrics.geometry.trial_visits import SessionVisits, visits_of
from drift.metrics.geometry.vectors import Array
from drift.streams import child_of, stream

MEMORY = 2**22  # numbers of the maps of as many exchanges as are made at once
FEWEST = 43  # exchanges, with which p can be below the .023 that makes a drift

Exchanges = Annotated[int, Range(FEWEST, 100_000)]
"""Number of exchanges of trials, enough to tell a drift."""


@opened
def exchanged_trial_p_values(
    sessions: xr.Dataset | Iterable[xr.Dataset],
    *,
    exchanges: Exchanges = 199,
    bin_size: float | None = None,
    minimum_speed: float | None = None,
    minimum_occupancy: NotNegative = 0.1,
    direction: Literal["auto", "split", "pooled"] = "auto",
    halves: Literal["trials", "time"] = "trials",
    seed: Seed = 0,
) -> xr.DataArray:
    """How often two sessions of a code that stands still, with trials like these, would differ as
    much: p by exchanging trials between the sessions.

    If nothing drifts, a trial of one session could be one of the other, whatever its trials have in
    common: laps on which all cells fire more, say. With d_a, d_b the drift vectors of independent
    halves,

        T = mean over conditions of sum over units d_a d_b,
        p = (1 + #(T* >= T)) / (1 + exchanges),

    T* that of trials dealt anew to the halves of both sessions, as many of each running direction
    (or stimulus) to each. The level is exact if trials of a session are independent of each other;
    slow changes within sessions, over many laps, count as drift, as they do between sessions.

    Two halves alone cannot tell such laps from a drift; with few sessions up to 18 % of the pairs
    of codes at rest are taken to drift. ``p_values`` of the measures of geometry takes this result.

    Parameters
    ----------
    sessions : iterable of xarray.Dataset
        Session Datasets, as in ``drift.measure``, taken one at a time.
    exchanges : int
        Draws for each pair of sessions, at least 43; p is not below 1 / (exchanges + 1).
    bin_size, minimum_speed, minimum_occupancy, direction
        As in ``drift.measure``; use those of the Dataset whose drift is measured.
    halves : {"trials", "time"}
        What a trial is, and to which half it belongs, as in ``drift.measure``: laps or
        presentations, or blocks of 30 s.
    seed : int
        Of the stream "shuffle"; each pair draws by its own labels, not by its company.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other), NaN where sessions share no unit or no condition, are of
        different environments or of units that are not the same, and of a session with itself.

    Raises
    ------
    RefusedInputError
        If there is no session, or a session cannot be measured by halves.
    SchemaError
        If a session lacks a variable.

    References
    ----------
    Exchangeable under the hypothesis, hence exact: Fisher 1935, The Design of Experiments, section
    21; Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9:39 (p is never 0). The statistic is derived
    in the documentation ("Where does it drift?").
    """
    rules = Measurement(
        bin_size=bin_size,
        minimum_speed=minimum_speed,
        minimum_occupancy=minimum_occupancy,
        direction=direction,
        halves=halves,
    )
    measured = visits_of(sessions, rules)
    subjects = list(dict.fromkeys(session.subject for session in measured))
    numbers = np.unique([session.number for session in measured])
    values = np.full((len(subjects), numbers.size, numbers.size), np.nan)
    for first, second in _pairs(measured):
        subject = subjects.index(first.subject)
        at = np.searchsorted(numbers, [first.number, second.number])
        p_value = _p_value(first, second, int(exchanges), minimum_occupancy, int(seed))
        values[subject, at, at[::-1]] = p_value
    text = "probability that a code that stands still looks as different, by exchanging trials"
    return xr.DataArray(
        values,
        dims=PAIRS,
        coords={"subject": subjects, "session": numbers, "session_other": numbers},
        name="p_value",
        attrs={"units": "1", "long_name": text},
    )


def _pairs(measured: list[SessionVisits]) -> Iterator[tuple[SessionVisits, SessionVisits]]:
    """Two sessions of one subject, environment and identity of units, by their numbers."""
    ordered = sorted(measured, key=lambda session: session.number)
    for place, first in enumerate(ordered):
        for second in ordered[place + 1 :]:
            if first.alike == second.alike and first.alike[2]:
                yield first, second


class _Trials(NamedTuple):
    """Trials of two sessions over the conditions and units of both.

    Attributes
    ----------
    events, seconds : numpy.ndarray
        (trial, condition * unit) and (trial, condition).
    cell : numpy.ndarray
        (trial) 0 and 1 for the halves of one session, 2 and 3 for those of the other.
    kind : numpy.ndarray
        (trial) running direction or stimulus, among which trials are exchanged.
    """

    events: Array
    seconds: Array
    cell: NDArray[np.int64]
    kind: NDArray[np.str_]


def _trials(first: SessionVisits, second: SessionVisits) -> _Trials | None:
    """None where the sessions share no unit or no condition."""
    units = np.intersect1d(first.observed_units, second.observed_units)
    conditions = np.intersect1d(first.names, second.names)
    if not (units.size and conditions.size):
        return None
    pieces = [
        _of_session(session, units, conditions, 2 * place)
        for place, session in enumerate((first, second))
    ]
    return _Trials(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))


def _of_session(
    session: SessionVisits, units: NDArray[np.int64], conditions: NDArray[np.str_], cell: int
) -> _Trials:
    """Of one session, whose halves are ``cell`` and the next."""
    visits = session.visits
    numbers, first, trial = np.unique(visits.trial, return_index=True, return_inverse=True)
    inside = np.isin(session.names, conditions)
    at = trial.reshape(-1)[inside], np.searchsorted(conditions, session.names[inside])
    events = np.zeros((numbers.size, conditions.size, units.size))
    order = np.argsort(session.units)
    columns = order[np.searchsorted(session.units, units, sorter=order)]
    np.add.at(events, at, visits.events[np.ix_(inside, columns)])
    seconds = np.zeros((numbers.size, conditions.size))
    np.add.at(seconds, at, visits.seconds[inside])
    flat = events.reshape(numbers.size, -1)
    return _Trials(flat, seconds, cell + visits.half[first], session.kinds[first])


def _p_value(
    first: SessionVisits, second: SessionVisits, exchanges: int, occupancy: float, seed: int
) -> float:
    trials = _trials(first, second)
    if trials is None:
        return np.nan
    names = first.subject, str(first.number), str(second.number)
    generator = stream(seed, "shuffle", child_of("\n".join(names)))
    observed = float(_statistic(trials, trials.cell[np.newaxis], occupancy)[0])
    if not np.isfinite(observed):
        return np.nan
    reached = 0
    most = max(1, MEMORY // trials.events.shape[1])
    for start in range(0, exchanges, most):
        cells = np.stack([_dealt(trials, generator) for _ in range(min(most, exchanges - start))])
        drawn = _statistic(trials, cells, occupancy)
        reached += int((drawn >= observed - 1e-9 * abs(observed)).sum())
    return (1 + reached) / (1 + exchanges)


def _dealt(trials: _Trials, generator: np.random.Generator) -> NDArray[np.int64]:
    """(trial) halves dealt anew among the trials of each kind."""
    cell = trials.cell.copy()
    for kind in np.unique(trials.kind):
        members = np.flatnonzero(trials.kind == kind)
        cell[members] = generator.permutation(cell[members])
    return cell


def _statistic(trials: _Trials, cells: NDArray[np.int64], occupancy: float) -> Array:
    """(draw) mean over valid conditions of d_a' d_b, over both pairings of halves."""
    conditions = trials.seconds.shape[1]
    maps, valid = [], np.ones((len(cells), conditions), dtype=bool)
    for cell in range(4):
        member = (cells == cell).astype(float)
        spent = member @ trials.seconds  # (draw, condition)
        events = (member @ trials.events).reshape(len(cells), conditions, -1)
        valid &= spent > occupancy
        maps.append(events / np.where(spent > 0, spent, np.inf)[..., np.newaxis])
    first, second, later, latest = maps
    products = ((later - first) * (latest - second) + (latest - first) * (later - second)) / 2
    total = np.where(valid, products.sum(axis=-1), 0.0).sum(axis=1)
    count = valid.sum(axis=1)
    return np.divide(total, count, out=np.full(len(cells), np.nan), where=count > 0)
