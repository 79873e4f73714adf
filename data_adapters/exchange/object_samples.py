"""Events of an object in the samples of a session, and the samples that are left out because
nothing was recorded in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.exchange.frames import frame_counts, outside_note
from data_adapters.exchange.object_forms import Positions, Units
from data_adapters.files.limits import refuse_absurd
from data_adapters.tracks.track import Track
from drift.schema.labelled_form import RefusedInputError

SLACK = 1e-7  # s


class Samples(NamedTuple):
    """Events of accepted units, (sample, unit), and which samples of the position are left."""

    activity: NDArray[np.float64]
    time: NDArray[np.float64]
    inside: NDArray[np.bool_]  # (sample) of the clock before any was left out
    duration: NDArray[np.float64] | None = None
    notes: str = ""


def samples_of(
    units: Units, accepted: NDArray[np.bool_], placed: Positions, start: float
) -> Samples:
    """Events in their own frames; spikes in the samples of the position.

    Parameters
    ----------
    units : Units
        Of the object.
    accepted : numpy.ndarray of bool
        (unit) that count.
    placed : Positions
        Their samples hold the spikes.
    start : float
        Time 0 of the events on the clock of the position, s.

    Raises
    ------
    RefusedInputError
        If spikes and position, or recording and position, share no time.
    """
    if units.frames is not None:
        assert units.time is not None
        time = units.time + start if start else units.time
        return Samples(units.frames[:, accepted], time, np.ones(time.size, dtype=bool))
    assert units.trains is not None
    trains = [train + start if start else train for train in units.trains]
    trains = [train for train, good in zip(trains, accepted, strict=True) if good]
    time, ends = placed.track.time, placed.frame_ends()
    refuse_absurd((time.size, len(trains)), 8, "counts of spikes")
    _refuse_apart(trains, time, ends)
    inside, note = _recorded(units, start, time, ends)
    time, ends = time[inside], ends[inside]
    counts, outside = frame_counts(trains, time, ends)
    notes = "; ".join(filter(None, (outside_note(outside), note)))
    return Samples(counts, time, inside, ends - time, notes)


def _refuse_apart(
    trains: list[NDArray[np.float64]], time: NDArray[np.float64], ends: NDArray[np.float64]
) -> None:
    """Refuse spikes that all lie before or after the position; milliseconds have a refusal of their
    own."""
    first, last = (
        min((train.min() for train in trains if train.size), default=time[0]),
        max((train.max() for train in trains if train.size), default=time[0]),
    )
    if last < time[0] or first > ends[-1]:
        frame_counts(trains, time, ends)
        raise RefusedInputError(
            f"spikes were expected on the clock of the position ({time[0]:.6g} to {ends[-1]:.6g} "
            f"s), got {first:.6g} to {last:.6g} s: say start= (time 0 of the events on the clock "
            "of the position)."
        )


def _recorded(
    units: Units, start: float, time: NDArray[np.float64], ends: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], str]:
    """Samples that lie in the recording as a whole, and what is said of the others."""
    if units.recorded is None:
        return np.ones(time.size, dtype=bool), ""
    began, ended = (bound + start for bound in units.recorded)
    inside = (time >= began - SLACK) & (ends <= ended + SLACK)
    if inside.sum() < 2:
        raise RefusedInputError(
            f"position was expected while events were recorded ({began:.6g} to {ended:.6g} s), got "
            f"{time[0]:.6g} to {ends[-1]:.6g} s: say start= (time 0 of the events on the clock of "
            "the position)."
        )
    left = int((~inside).sum())
    note = (
        f"{left} samples of the position left out because events were recorded from {began:.6g} to "
        f"{ended:.6g} s"
    )
    return inside, note if left else ""


def room_of(track: Track, time: NDArray[np.float64], environment: str) -> NDArray[np.bool_]:
    """Samples in the environment, where the track tells several."""
    rooms = track.rooms(time)
    if len(rooms) > 1 and environment not in rooms:
        raise RefusedInputError(
            f"{track.where} was expected to hold the environment {environment!r}, got "
            f"{', '.join(rooms)}: take one of these."
        )
    inside = rooms.get(environment, np.ones(time.size, dtype=bool))
    if inside.sum() < 2:
        raise RefusedInputError(
            f"{track.where} was expected to hold two samples or more in the environment "
            f"{environment!r}, got {inside.sum()}: check the clock of the track."
        )
    return inside


def cut(
    said: Mapping[str, Any], names: tuple[str, ...], inside: NDArray[np.bool_]
) -> dict[str, Any]:
    """What was said of each sample or unit, without those that were left out; arrays of another
    length stay as they are, for the door that refuses them."""
    arrays = {name: np.asarray(said[name]) for name in names if said.get(name) is not None}
    return {
        name: values[inside] if len(np.atleast_1d(values)) == inside.size else values
        for name, values in arrays.items()
    }
