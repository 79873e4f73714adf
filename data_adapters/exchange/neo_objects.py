"""Spike trains and signals of neo (Garcia et al. 2014, doi 10.3389/fninf.2014.00010), known by what
they offer: the package itself is not needed. Proxies of lazy reading are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_adapters.exchange.object_forms import (
    PositionChoice,
    Units,
    column_of_words,
    is_length,
    labels_apart,
    rescaled_lengths,
    seconds,
    tells_acceptance,
)
from data_adapters.session import numbers
from data_adapters.tracks.track import Track
from drift.metrics.clocks import refuse_times
from drift.schema.labelled_form import RefusedInputError

SOURCE = "neo"
WHERE = "the annotations of the spike trains"
SAME = 1e-9  # of a time; a stop so close to the last spike is that spike
OF_PHY = {"cluster_id", "templates"}  # annotations of neo.io.PhyIO


def is_train(thing: Any) -> bool:
    """Tell whether it is a SpikeTrain, or the proxy of one."""
    return _is(thing, "SpikeTrain", "SpikeTrainProxy")


def is_signal(thing: Any) -> bool:
    """Tell whether it is an AnalogSignal or an IrregularlySampledSignal, or the proxy of one."""
    return _is(thing, "AnalogSignal", "IrregularlySampledSignal", "AnalogSignalProxy")


def is_holder(thing: Any) -> bool:
    """Tell whether it is a Block or a Segment."""
    return _is(thing, "Block", "Segment") and hasattr(thing, "annotations")


def _is(thing: Any, *kinds: str) -> bool:
    """Tell it by the name of the class: these arrays with units offer much the same."""
    return not {kind.__name__ for kind in type(thing).__mro__}.isdisjoint(kinds)


def segment_of(holder: Any, segment: int | None) -> Any:
    """The Segment itself, or the one of a Block that was named or that is alone in it."""
    if hasattr(holder, "spiketrains"):
        return holder
    held_segments = list(holder.segments)
    if segment is None and len(held_segments) != 1:
        raise RefusedInputError(
            f"events were expected as a neo.Block with one segment, got {len(held_segments)}: say "
            "segment= (from 0), each is a session."
        )
    if segment is not None and not 0 <= segment < len(held_segments):
        raise RefusedInputError(
            f"segment was expected below {len(held_segments)}, got {segment}: count from 0."
        )
    return held_segments[segment or 0]


def units_of(trains: Sequence[Any]) -> Units:
    """Units of spike trains, one each."""
    loaded = [_loaded(train) for train in trains]
    if not loaded:
        raise RefusedInputError(
            "events were expected to hold spike trains of neo, got none: give a segment that was "
            "sorted."
        )
    times = [
        seconds(train, f"spike train {index} of neo").astype(np.float64)
        for index, train in enumerate(loaded)
    ]
    return Units(
        SOURCE,
        WHERE,
        np.arange(len(loaded)),
        labels_apart([train.name for train in loaded]),
        _words(loaded),
        trains=times,
        recorded=_recorded(loaded, times),
    )


def position_signal(segment: Any) -> Any:
    """The signal of a Segment that has a unit of length."""
    signals = [*segment.analogsignals, *segment.irregularlysampledsignals]
    lengths = [signal for signal in signals if is_length(signal)]
    if len(lengths) != 1:
        raise RefusedInputError(
            f"the segment of neo was expected to hold one signal in a unit of length, got "
            f"{len(lengths)} of {len(signals)} signals: pass position=."
        )
    return lengths[0]


def track_of(signal: Any, choice: PositionChoice) -> Track:
    """Track of a signal with one channel or two, in cm or pixel."""
    loaded = _loaded(signal)
    what = f"the signal {loaded.name!r} of neo" if loaded.name else "the signal of neo"
    magnitudes, units = rescaled_lengths(loaded, choice, what)
    raw = numbers(loaded.magnitude, what).reshape(len(loaded), -1)
    position = numbers(magnitudes, what).reshape(len(loaded), -1).copy()
    if choice.lost is not None:
        position[(raw == choice.lost).any(axis=1)] = np.nan
    position = position[:, _channels(position.shape[1], choice, what)]
    time = refuse_times(seconds(loaded.times, f"times of {what}"), f"times of {what}")
    position = position[:, 0] if position.shape[1] == 1 else position
    return Track(time, position, units=units, where=what)


def _channels(count: int, choice: PositionChoice, what: str) -> list[int]:
    numbers_of_channels = choice.names() or [str(channel) for channel in range(count)]
    known_channels = [str(channel) for channel in range(count)]
    unknown = [name for name in numbers_of_channels if name not in known_channels]
    if unknown or len(numbers_of_channels) > 2:
        raise RefusedInputError(
            f"{what} was expected to hold one channel or two, got {count}: say columns= and their "
            "numbers, such as columns='0,1'."
        )
    return [int(name) for name in numbers_of_channels]


def _loaded(thing: Any) -> Any:
    return thing if hasattr(thing, "magnitude") else thing.load()


def _words(trains: Sequence[Any]) -> dict[str, Any]:
    """What was said of the trains; the label of the sorter, which PhyIO calls quality, by its own
    name, so that it does not stand beside what was judged by hand."""
    annotations = [dict(train.annotations) for train in trains]
    names = filter(tells_acceptance, dict.fromkeys(name for said in annotations for name in said))
    words = {name: column_of_words([said.get(name) for said in annotations]) for name in names}
    if "quality" in words and all(said.keys() >= OF_PHY for said in annotations):
        words["KSLabel"] = words.pop("quality")
    return words


def _recorded(trains: Sequence[Any], times: Sequence[Any]) -> tuple[float, float] | None:
    """When all trains were recorded, s. A stop that is a last spike says nothing: readers of files
    without an end write it so."""
    spikes = [train.max() for train in times if train.size]
    starts = [float(train.t_start.rescale("s").magnitude) for train in trains]
    stops = [float(train.t_stop.rescale("s").magnitude) for train in trains]
    latest = max(spikes, default=np.inf)
    told_stops = [
        stop
        for stop, train in zip(stops, times, strict=True)
        if not np.isclose(stop, latest, rtol=SAME, atol=0)
        and not (train.size and np.isclose(stop, train.max(), rtol=SAME, atol=0))
    ]
    return max(starts), min(told_stops, default=np.inf)
