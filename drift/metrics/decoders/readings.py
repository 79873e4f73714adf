"""Which readout reads which windows: trained on another session, on the tested one, on the one
before, or on all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.metrics.decoders.training import Decoded, Decoder, Readout, Source, Track, Training
from drift.metrics.decoders.windows import Placed

Rows = slice | NDArray[np.int64]


class Reading(NamedTuple):
    """A session that is read by readouts, each of which saw none of the windows that it reads.

    Attributes
    ----------
    trained, tested : int
        Positions of both sessions among those of a subject.
    columns : numpy.ndarray of int
        (unit) positions of the units in the tested session, in the order of the trained one.
    readouts : list of (Readout, slice or numpy.ndarray of int)
        With the windows that each reads.
    columns_trained : numpy.ndarray of int
        (unit) positions of the units in the session that the readouts were trained on.
    change : float
        Of a constrained readout since the session before, see ``constrained.relative_changes``.
    """

    trained: int
    tested: int
    columns: NDArray[np.int64]
    readouts: list[tuple[Readout, Rows]]
    columns_trained: NDArray[np.int64]
    change: float = np.nan

    def decoded(self, session: Placed, columns: NDArray[np.int64] | None = None) -> Decoded:
        """Where the animal was in all windows.

        Parameters
        ----------
        session : Placed
            The tested session.
        columns : numpy.ndarray of int, optional
            (unit) other units in the place of those of the reading.
        """
        windows = session.windows
        result = Decoded.nowhere(*windows.position.shape)
        counts = windows.counts[:, self.columns if columns is None else columns]
        for readout, rows in self.readouts:
            estimate = readout.decoded(counts[rows], windows.seconds[rows])
            result.position[rows], result.place[rows] = estimate
        return result

    def squared_error(self, session: Placed) -> float:
        """Mean squared error of the outputs of a regression; NaN of any other decoder.

        Parameters
        ----------
        session : Placed
            The tested session.
        """
        windows, errors = session.windows, []
        for readout, rows in self.readouts:
            counts = windows.counts[rows][:, self.columns]
            errors.append(readout.squared_error(counts, windows.position[rows]))
        squares = [error for error in errors if error is not None]
        return float(np.concatenate(squares).mean()) if squares else np.nan


class Crew(NamedTuple):
    """The sessions of a subject and what decoding them takes.

    Attributes
    ----------
    sessions : list of Placed
        In the order of time.
    track : Track
        Places that they share.
    decoder : Decoder
    minimum_events : float
        That make a unit active in a session.
    """

    sessions: list[Placed]
    track: Track
    decoder: Decoder
    minimum_events: float

    def comparable(self, first: int, second: int) -> bool:
        """Tell whether two sessions were recorded in one room and know their units apart."""
        if first == second:
            return True
        labels, labels_other = (self.sessions[day].windows.labels for day in (first, second))
        identity = labels["unit_identity"]
        return bool(
            identity
            and identity == labels_other["unit_identity"]
            and labels["environment"] == labels_other["environment"]
        )

    def shared_units(self, *days: int) -> list[NDArray[np.int64]]:
        """For each of these sessions, the positions of the units that were observed in all and
        active in any, in the order of the first."""
        windows = [self.sessions[day].windows for day in days]
        numbers = windows[0].units
        for session in windows[1:]:
            numbers = numbers[np.isin(numbers, session.units)]
        columns = [_positions(session.units, numbers) for session in windows]
        active = np.any(
            [
                session.events[column] >= self.minimum_events
                for session, column in zip(windows, columns)
            ],
            axis=0,
        )
        return [column[active] for column in columns]

    def across(self, trained: int, tested: int, last: Reading | None = None) -> Reading:
        """Trained on one session, tested on another; on the session itself as ``within``. The
        reading before it is not trained again where it was trained on the same."""
        if trained == tested:
            return self.within(trained, tested)
        columns, columns_tested = self.shared_units(trained, tested)
        if last is not None and np.array_equal(columns, last.columns_trained):
            return last._replace(tested=tested, columns=columns_tested)
        readout = self._readout(Source(self.sessions[trained], columns))
        return Reading(trained, tested, columns_tested, [(readout, slice(None))], columns)

    def within(self, trained: int, tested: int, last: Reading | None = None) -> Reading:
        """Trained on the tested session without the trial that is read, on the units that it shares
        with another."""
        columns = self.shared_units(trained, tested)[1]
        if last is not None and np.array_equal(columns, last.columns):
            return last._replace(trained=trained)
        sources = Source(self.sessions[tested], columns)
        return Reading(trained, tested, columns, self._trial_by_trial(sources), columns)

    def pooled(self, tested: int, days: list[int]) -> Reading:
        """Trained on all these sessions without the trial that is read, on the units that all
        share."""
        columns = dict(zip(days, self.shared_units(*days)))
        remaining = [Source(self.sessions[day], columns[day]) for day in days if day != tested]
        source = Source(self.sessions[tested], columns[tested])
        readouts = self._trial_by_trial(source, *remaining)
        return Reading(tested, tested, columns[tested], readouts, columns[tested])

    def _trial_by_trial(self, source: Source, *remaining: Source) -> list[tuple[Readout, Rows]]:
        """A readout for each fold of a session, trained on its other folds. Windows without noise
        are all alike: those of a state that are left out would be those that are trained on."""
        if source.session.windows.visits == 1:
            return [(self._readout(source, *remaining), slice(None))]
        fold = source.session.windows.fold
        return [
            (self._readout(source._replace(without=number), *remaining), _rows(fold == number))
            for number in np.unique(fold).tolist()
        ]

    def _readout(self, *sources: Source) -> Readout:
        return self.decoder.trained(Training(sources, self.track))


def _rows(mask: NDArray[np.bool_]) -> Rows:
    """Windows of a fold; those that follow each other are not copied."""
    rows = np.flatnonzero(mask)
    together = rows[-1] - rows[0] + 1 == rows.size
    return slice(int(rows[0]), int(rows[-1]) + 1) if together else rows


def _positions(numbers: NDArray[np.int64], wanted_numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of these numbers stands among others."""
    order = np.argsort(numbers)
    return np.asarray(order[np.searchsorted(numbers, wanted_numbers, sorter=order)])


def readings(crew: Crew, readout: str) -> Iterator[Reading]:
    """Every session of a subject as it is read.

    Parameters
    ----------
    crew : Crew
        Sessions, units and decoder.
    readout : {"fixed", "refitted", "sliding", "pooled"}
        See ``drift.metrics.decoding``.

    Yields
    ------
    Reading
        Of pairs of sessions in one room whose units are tracked.
    """
    days = range(len(crew.sessions))
    for day in days:
        comparable = [other_day for other_day in days if crew.comparable(day, other_day)]
        if readout == "pooled":
            yield crew.pooled(day, comparable)
        elif readout == "sliding":
            earlier = [before for before in comparable if before < day]
            yield from (crew.across(before, day) for before in earlier[-1:])
        else:
            yield from _in_turn(crew, readout, day, comparable)


def _in_turn(crew: Crew, readout: str, day: int, days: list[int]) -> Iterator[Reading]:
    """A session that is trained on, or read by readouts of its own, beside each session."""
    last: Reading | None = None
    for beside in days:
        if readout == "fixed":
            last = crew.across(day, beside, last if last and last.tested != day else None)
        else:
            last = crew.within(beside, day, last)
        yield last
