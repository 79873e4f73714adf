"""Windows of a session: activity of every unit in a few frames that follow each other, and where
the animal was, or what it was shown, meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.errors import RefusedInputError
from drift.measurement.admission import checked_units, session_labels, timed
from drift.measurement.domains import Domain, Places, session_domain
from drift.measurement.recommended import bin_width, speed_limit
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import is_directed, positions_by_axis, session_name
from drift.metrics.clocks import ROUNDING, durations
from drift.metrics.decoders.frames import (
    counting_frames,
    presentation_folds,
    trial_folds,
    window_members,
)
from drift.metrics.decoders.sums import StateSums
from drift.metrics.event_kinds import activity_kind
from drift.metrics.places import cells_of, refuse_absurd, shorter_way
from drift.schema.map_dims import STIMULUS


@dataclass(frozen=True, eq=False)
class Windows:
    """What decoders see of a session.

    Attributes
    ----------
    name : str
        Of the session, in messages.
    labels : dict
        Its scalar coordinates; see ``drift.measurement.admission``.
    domain : Places or Stimuli
        Of the session.
    directed : bool
        Whether running directions are told apart.
    length : float or None
        Of the track.
    units : numpy.ndarray of int
        (unit) numbers of the units that were observed.
    events : numpy.ndarray
        (unit) events in the session.
    kind : {"counts", "amplitudes", "trace"}
        What the numbers of its activity are; those of a run are a trace.
    counts : numpy.ndarray
        (window, unit) events, or the sum of a trace.
    seconds : numpy.ndarray
        (window) how long each lasts, s.
    position : numpy.ndarray
        (window, axis) mean position; of stimuli the label, NaN where these have no metric.
    cells : numpy.ndarray
        (window, axis) bin that it lies in, or label.
    downward : numpy.ndarray of int
        (window) 1 where the animal runs down, else 0.
    fold : numpy.ndarray of int
        (window) number of the trial, or of the tenth of a session without trials.
    visits : int
        Of a run: windows of each state, which have no time; 0 of a session. A single one is free
        of noise.
    """

    name: str
    labels: dict
    domain: Domain
    directed: bool
    length: float | None
    units: NDArray[np.int64]
    events: NDArray[np.float64]
    kind: str
    counts: NDArray[np.float64]
    seconds: NDArray[np.float64]
    position: NDArray[np.float64]
    cells: NDArray[np.int64]
    downward: NDArray[np.int64]
    fold: NDArray[np.int64]
    visits: int = 0


@dataclass(frozen=True, eq=False)
class Placed:
    """Windows of a session on places that sessions share.

    Attributes
    ----------
    windows : Windows
    place, state : numpy.ndarray of int
        (window) number of the place, and of the place and direction.
    states : int
        How many of these there are.
    """

    windows: Windows
    place: NDArray[np.int64]
    state: NDArray[np.int64]
    states: int

    @cached_property
    def sums(self) -> StateSums:
        """Events and time of all windows by state."""
        windows = self.windows
        return StateSums.of(windows.counts, windows.seconds, self.state, self.states)

    def sums_of(self, fold: int, columns: NDArray[np.int64]) -> StateSums:
        """Events of some units and time by state, of one fold."""
        windows, rows = self.windows, np.flatnonzero(self.windows.fold == fold)
        counts = windows.counts[rows[:, np.newaxis], columns]
        return StateSums.of(counts, windows.seconds[rows], self.state[rows], self.states)


def session_windows(session: xr.Dataset, rules: Measurement, window: float) -> Windows:
    """Cut a session into windows of frames that follow each other without a gap.

    All frames of a window count in ``drift.measure`` (position known, running, in a running
    direction; or a stimulus), and lie in one trial and one direction, or have one stimulus; what is
    left at the end of such a path is dropped. Amplitudes count as one event each; traces are
    summed.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    rules : Measurement
        Bins, speed and directions.
    window : float
        Length of a window, s: the fewest whole frames that last as long.

    Returns
    -------
    Windows

    Raises
    ------
    RefusedInputError
        If no window is left.
    SchemaError
        If activity, or a position or stimulus, is missing.
    """
    observed = checked_units(session).values
    labels, session = session_labels(session), timed(session)
    domain = session_domain(session, bin_width(session, rules))
    if isinstance(domain, Places):
        refuse_absurd(positions_by_axis(session), domain.grid, session_name(session))
    directed = is_directed(session, rules.direction)
    frames = counting_frames(session, domain, speed_limit(session, rules), directed)
    length = max(1, int(np.ceil(window * labels["sampling_rate"] - ROUNDING)))
    members = window_members(frames.begins, length)
    if not members.size:
        raise RefusedInputError(
            f"{session_name(session)}: no {length} frames follow each other that all count "
            f"({frames.number.size} frames do): give a shorter window or lower minimum_speed."
        )
    number, first = frames.number[members], members[:, 0]
    trial, path = frames.trial[first], frames.path[first]
    position, cells = _whereabouts(session, number, domain)
    activity = _activity(session)[:, observed]
    return Windows(
        session_name(session),
        labels,
        domain,
        directed,
        session.attrs.get("track_length"),
        _unit_numbers(session)[observed],
        (activity > 0).sum(axis=0).astype(float),
        activity_kind(session["activity"]),
        sum(activity[column].astype(float) for column in number.T),
        _seconds(session)[number].sum(axis=1),
        position,
        cells,
        frames.downward[first],
        trial_folds(trial)
        if isinstance(domain, Places)
        else presentation_folds(trial, path, cells[:, 0]),
    )


def _whereabouts(
    session: xr.Dataset, number: NDArray[np.int64], domain: Domain
) -> tuple[NDArray[np.float64], NDArray]:
    """(window, axis) positions and bins, or stimuli."""
    if isinstance(domain, Places):
        position = _mean_position(positions_by_axis(session), number, domain)
        return position, cells_of(position, domain.grid, session_name(session))[0]
    labels = session[STIMULUS].values[number[:, :1]]
    return domain.centres(labels), labels


def _mean_position(
    position: NDArray[np.float64], number: NDArray[np.int64], domain: Places
) -> NDArray[np.float64]:
    """(window, axis) mean position, around a ring the shorter way."""
    origin, around = domain.grid.origin, domain.around
    first = position[number[:, :1]]
    mean = first[:, 0] + shorter_way(position[number] - first, around).mean(axis=1)
    return mean if around is None else origin + (mean - origin) % around


def _activity(session: xr.Dataset) -> NDArray:
    """(sample, unit) what is summed in windows: counts, 1 for each amplitude, or a trace."""
    activity = session["activity"].transpose("sample", "unit").values
    return activity > 0 if activity_kind(session["activity"]) == "amplitudes" else activity


def _unit_numbers(session: xr.Dataset) -> NDArray[np.int64]:
    numbers = np.asarray(session["unit"].values).astype(int)  # from 0 without the coordinate
    if np.unique(numbers).size < numbers.size:
        raise RefusedInputError(
            f"{session_name(session)} numbers two units alike: give every unit its own number in "
            "the coordinate unit."
        )
    return numbers


def _seconds(session: xr.Dataset) -> NDArray[np.float64]:
    """(sample) how long each sample lasts, s."""
    duration = durations(session)
    if isinstance(duration, xr.DataArray):
        return np.asarray(duration.values, dtype=float)
    return np.full(session.sizes["sample"], duration)
