"""Events and positions that are plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data_adapters.exchange.object_forms import (
    PositionChoice,
    Units,
    labels_apart,
    number_or_index,
    rescaled_lengths,
    seconds,
)
from data_adapters.session import numbers
from data_adapters.tracks.track import Track
from drift.metrics.clocks import refuse_times
from drift.schema.labelled_form import RefusedInputError

SOURCE = "arrays"
WHERE = "the events"


def units_of_trains(trains: Sequence[Any] | Mapping[Any, Any]) -> Units:
    """Units of arrays of spike times, s; of a mapping by their keys."""
    names = list(trains) if isinstance(trains, Mapping) else list(range(len(trains)))
    held = list(trains.values()) if isinstance(trains, Mapping) else list(trains)
    if not held:
        raise RefusedInputError(
            "events were expected to hold an array of seconds for each unit, got none: give at "
            "least one."
        )
    times = [
        seconds(train, f"the train of unit {name}") for name, train in zip(names, held, strict=True)
    ]
    labels = labels_apart([name if isinstance(name, str) else f"unit {name}" for name in names])
    return Units(SOURCE, WHERE, number_or_index(names), labels, {}, trains=times)


def units_of_frames(frames: Any, time: Any) -> Units:
    """Units of an array (frame, unit) of events."""
    events = numbers(frames, "events")
    if time is None:
        raise RefusedInputError(
            "events were expected to come with the time of each frame, got an array of shape "
            f"{events.shape} alone: say time= (s), or give a list of arrays of seconds."
        )
    if events.ndim != 2 or len(events) != np.size(time):
        raise RefusedInputError(
            f"events were expected as (frame, unit) with one row for each of time "
            f"({np.size(time)}), got shape {events.shape}: cut both alike, frames first."
        )
    number = np.arange(events.shape[1])
    labels = [f"unit {index}" for index in number]
    own = seconds(time, "time")
    return Units(SOURCE, WHERE, number, labels, {}, frames=events, time=own)


def track_of(time: Any, position: Any, choice: PositionChoice) -> Track:
    """Track of an array of times, s, and one of positions (sample[, axis])."""
    units = choice.position_units or "cm"
    if hasattr(position, "rescale"):
        raw = numbers(position.magnitude, "position")
        magnitudes, units = rescaled_lengths(position, choice, "position")
        converted = numbers(magnitudes, "position").copy()
        converted[np.isnan(choice.without_lost(raw))] = np.nan
    else:
        converted = choice.without_lost(numbers(position, "position"))
    own = refuse_times(seconds(time, "time of position"), "time of position")
    if converted.ndim not in (1, 2) or len(converted) != own.size:
        raise RefusedInputError(
            f"position was expected with one row for each of its times ({own.size}), got shape "
            f"{converted.shape}: cut both alike."
        )
    if converted.ndim == 2 and converted.shape[1] == 1:
        converted = converted[:, 0]
    return Track(own, converted, units=units, where="the position")
