"""Windows of a session: events of every unit in a few frames that follow each other, and where the
animal was meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.errors import RefusedInputError
from drift.measurement.admission import checked_units, session_labels, timed
from drift.measurement.domains import Places, session_domain
from drift.measurement.recommended import bin_width, speed_limit
from drift.measurement.rules import Measurement
from drift.measurement.running_samples import (
    has_stimuli,
    is_directed,
    positions_by_axis,
    running_samples,
    session_name,
)
from drift.metrics.clocks import LONGEST_FRAME, ROUNDING, durations, sample_times
from drift.metrics.decoders.sums import StateSums
from drift.metrics.event_kinds import activity_kind
from drift.metrics.places import cells_of, refuse_absurd, shorter_way

TENTHS = 10  # parts of a session without trials that are left out one by one


@dataclass(frozen=True, eq=False)
class Windows:
    """What decoders see of a session.

    Attributes
    ----------
    name : str
        Of the session, in messages.
    labels : dict
        Its scalar coordinates; see ``drift.measurement.admission``.
    domain : Places
        Grid of the places.
    directed : bool
        Whether running directions are told apart.
    length : float or None
        Of the track.
    units : numpy.ndarray of int
        (unit) numbers of the units that were observed.
    events : numpy.ndarray
        (unit) events in the session.
    counts : numpy.ndarray
        (window, unit) events, or the sum of a trace.
    seconds : numpy.ndarray
        (window) how long each lasts, s.
    position : numpy.ndarray
        (window, axis) mean position.
    cells : numpy.ndarray of int
        (window, axis) bin that it lies in.
    downward : numpy.ndarray of int
        (window) 1 where the animal runs down, else 0.
    fold : numpy.ndarray of int
        (window) number of the trial, or of the tenth of a session without trials.
    """

    name: str
    labels: dict
    domain: Places
    directed: bool
    length: float | None
    units: NDArray[np.int64]
    events: NDArray[np.float64]
    counts: NDArray[np.float64]
    seconds: NDArray[np.float64]
    position: NDArray[np.float64]
    cells: NDArray[np.int64]
    downward: NDArray[np.int64]
    fold: NDArray[np.int64]


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


class Frames(NamedTuple):
    """Frames that count, in the order of time, and whether each begins a path of its own."""

    number: NDArray[np.int64]
    trial: NDArray[np.int64]
    downward: NDArray[np.int64]
    begins: NDArray[np.bool_]


def session_windows(session: xr.Dataset, rules: Measurement, window: float) -> Windows:
    """Cut a session into windows of frames that follow each other without a gap.

    All frames of a window count in ``drift.measure`` (position known, running, in a running
    direction), and lie in one trial and one direction; what is left at the end of such a path is
    dropped. Amplitudes count as one event each; traces are summed.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset with positions.
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
        If samples are labelled by stimuli, or no window is left.
    SchemaError
        If activity or position is missing.
    """
    if has_stimuli(session):
        raise RefusedInputError(
            f"{session_name(session)}: decoding needs positions, got samples that are labelled by "
            "stimuli: give session_dataset the position instead."
        )
    observed = checked_units(session).values
    labels, session = session_labels(session), timed(session)
    domain = session_domain(session, bin_width(session, rules))
    assert isinstance(domain, Places)
    refuse_absurd(positions_by_axis(session), domain.grid, session_name(session))
    directed = is_directed(session, rules.direction)
    frames = _frames(session, domain, speed_limit(session, rules), directed)
    length = max(1, int(np.ceil(window * labels["sampling_rate"] - ROUNDING)))
    members = _members(frames.begins, length)
    if not members.size:
        raise RefusedInputError(
            f"{session_name(session)}: no {length} frames follow each other that all count "
            f"({frames.number.size} frames do): give a shorter window or lower minimum_speed."
        )
    number, first = frames.number[members], members[:, 0]
    position = _mean_position(positions_by_axis(session), number, domain)
    cells, _ = cells_of(position, domain.grid, session_name(session))
    activity = _activity(session)[:, observed]
    return Windows(
        session_name(session),
        labels,
        domain,
        directed,
        session.attrs.get("track_length"),
        _unit_numbers(session)[observed],
        (activity > 0).sum(axis=0).astype(float),
        sum(activity[column].astype(float) for column in number.T),
        _seconds(session)[number].sum(axis=1),
        position,
        cells,
        frames.downward[first],
        _folds(frames.trial[first]),
    )


def _frames(session: xr.Dataset, domain: Places, minimum_speed: float, directed: bool) -> Frames:
    """Frames that count; a path ends where one is left out, time leaps, or trial or direction
    change."""
    numbered = session.assign(frame_number=("sample", np.arange(session.sizes["sample"])))
    running = running_samples(numbered[[*_read(session), "frame_number"]], minimum_speed, directed)
    if running.sizes["sample"]:
        running, _, _ = domain.visited(running)
    number = running["frame_number"].values
    trial = _trials(session)[number]
    if trial.any():  # 0 is outside of trials
        number, trial = number[trial != 0], trial[trial != 0]
    way = session["direction"].values[number] if directed else np.zeros(number.size)
    downward = (way == -1).astype(int)
    step = np.diff(sample_times(session)[number])
    longest = (LONGEST_FRAME + ROUNDING) / session["sampling_rate"].item()
    broken = (np.diff(number) != 1) | (step > longest)
    broken |= (np.diff(trial) != 0) | (np.diff(downward) != 0)
    return Frames(number, trial, downward, np.concatenate([[True], broken])[: number.size])


def _read(session: xr.Dataset) -> list[str]:
    """Variables that tell which samples count, and nothing as large as the activity."""
    return [name for name in ("position", "velocity", "direction") if name in session]


def _trials(session: xr.Dataset) -> NDArray[np.int64]:
    if "trial" not in session:
        return np.zeros(session.sizes["sample"], dtype=int)
    return np.asarray(np.nan_to_num(session["trial"].values.astype(float)).astype(int))


def _members(begins: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """(window, frame) frames of each window, counted among those that count."""
    starts = np.flatnonzero(begins)
    sizes = np.diff(np.append(starts, begins.size))
    within = np.arange(begins.size) - np.repeat(starts, sizes)
    whole = np.repeat(sizes // length * length, sizes)
    return np.flatnonzero(within < whole).reshape(-1, length)


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


def _folds(trial: NDArray[np.int64]) -> NDArray[np.int64]:
    """(window) trials, or tenths of a session that has none or one."""
    trials, fold = np.unique(trial, return_inverse=True)
    return fold if trials.size > 1 else np.arange(trial.size) * TENTHS // trial.size
