"""Which program an object is of, told by what it offers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data_adapters.exchange import (
    movement_objects,
    neo_objects,
    plain_arrays,
    pynapple_series,
    spikeinterface_objects,
)
from data_adapters.exchange.object_forms import PositionChoice, Positions, Units
from data_adapters.tracks.files import TrackChoice, read_track
from data_adapters.tracks.track import Track
from drift.door.wording import article
from drift.schema.labelled_form import RefusedInputError

EVENTS = (
    "a Block, a Segment or spike trains of neo, a sorting of SpikeInterface, a TsGroup or TsdFrame "
    "of pynapple, a list of arrays of seconds, or an array (frame, unit) with time="
)
POSITION = (
    "a Tsd or TsdFrame of pynapple, a Dataset of movement, a signal of neo, a tuple (time, "
    "position), a Track, or the path of a track"
)


def units_of(events: Any, time: Any, segment: int | None) -> Units:
    """What the events say of units, whatever they are.

    Raises
    ------
    RefusedInputError
        If they are none of ``EVENTS``, or ``time`` is missing or too much.
    """
    if _is_array(events):
        return plain_arrays.units_of_frames(events, time)
    if time is not None:
        raise RefusedInputError(
            f"time was expected with an array (frame, unit) of events, got "
            f"{_kind(events)}: leave time= out, or give an array."
        )
    if spikeinterface_objects.is_sorting(events):
        return spikeinterface_objects.units_of(events, segment)
    if neo_objects.is_holder(events):
        return neo_objects.units_of(neo_objects.segment_of(events, segment).spiketrains)
    if neo_objects.is_train(events):
        return neo_objects.units_of([events])
    if pynapple_series.is_group(events) or pynapple_series.is_series(events):
        return pynapple_series.units_of(events)
    return _units_of_several(events)


def _is_array(events: Any) -> bool:
    """Tell whether it is an array (frame, unit) and nothing that knows more of itself."""
    known_better = (
        pynapple_series.is_series(events)
        or neo_objects.is_signal(events)
        or movement_objects.is_poses(events)
    )
    return getattr(events, "ndim", 0) == 2 and not known_better


def _units_of_several(events: Any) -> Units:
    several = isinstance(events, list | tuple | Mapping) or "SpikeTrainList" in str(type(events))
    if not several and not (isinstance(events, np.ndarray) and events.dtype == object):
        raise RefusedInputError(
            f"events were expected as {EVENTS}, got {_kind(events)}: pass one of these."
        )
    if len(events) and not isinstance(events, Mapping) and all(map(neo_objects.is_train, events)):
        return neo_objects.units_of(list(events))
    return plain_arrays.units_of_trains(events)


def positions_of(
    position: Any, events: Any, segment: int | None, time: Any, choice: PositionChoice
) -> Positions:
    """Where the position says the subject was, whatever it is.

    Raises
    ------
    RefusedInputError
        If it is none of ``POSITION``.
    """
    if position is None and neo_objects.is_holder(events):
        signal = neo_objects.position_signal(neo_objects.segment_of(events, segment))
        track = neo_objects.track_of(signal, choice)
        return Positions(track._replace(notes=f"position is {track.where}"))
    if isinstance(position, Track):
        values = choice.without_lost(position.position)
        units = choice.position_units or position.units
        return Positions(position._replace(position=values, units=units))
    if isinstance(position, str | Path):
        file = TrackChoice(
            position=choice.columns,
            bodypart=choice.bodypart,
            minimum_likelihood=choice.minimum_likelihood,
            rate=choice.track_rate,
            lost=choice.lost,
        )
        track = read_track(position, file)
        return Positions(track._replace(units=choice.position_units or track.units))
    if pynapple_series.is_series(position):
        return pynapple_series.positions_of(position, choice)
    if movement_objects.is_poses(position):
        return Positions(movement_objects.track_of(position, choice))
    if neo_objects.is_signal(position):
        return Positions(neo_objects.track_of(position, choice))
    if isinstance(position, tuple) and len(position) == 2:
        return Positions(plain_arrays.track_of(*position, choice))
    if isinstance(position, np.ndarray) and time is not None:
        return Positions(plain_arrays.track_of(time, position, choice))
    got = "none" if position is None else _kind(position)
    raise RefusedInputError(
        f"position was expected as {POSITION}, got {got}: pass one of these as position=."
    )


def _kind(thing: Any) -> str:
    """Its class, for messages."""
    name = type(thing).__name__
    return f"{article(name)} {name}"
