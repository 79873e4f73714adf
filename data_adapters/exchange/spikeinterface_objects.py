"""Sortings of SpikeInterface (Buccino et al. 2020, doi 10.7554/eLife.61834), known by what they
offer: the package itself is not needed."""

from __future__ import annotations

from typing import Any

from data_adapters.exchange.object_forms import (
    Units,
    column_of_words,
    labels_apart,
    number_or_index,
    seconds,
    tells_acceptance,
)
from drift.schema.labelled_form import RefusedInputError

SOURCE = "SpikeInterface"


def is_sorting(thing: Any) -> bool:
    """Tell whether it is a BaseSorting."""
    return hasattr(thing, "get_unit_spike_train") and hasattr(thing, "unit_ids")


def units_of(sorting: Any, segment: int | None) -> Units:
    """Units of one segment of a sorting, on the clock of its recording where that is registered."""
    index = _segment(sorting, segment)
    names = list(sorting.unit_ids)
    if not names:
        raise RefusedInputError(
            "events were expected to hold units of SpikeInterface, got a sorting without units: "
            "give the one before they were removed."
        )
    trains = [
        seconds(
            sorting.get_unit_spike_train(name, segment_index=index, return_times=True),
            f"spike times of unit {name}",
        )
        for name in names
    ]
    properties = filter(tells_acceptance, sorting.get_property_keys())
    return Units(
        SOURCE,
        "the properties of the sorting",
        number_or_index(names),
        labels_apart([f"unit {name}" for name in names]),
        {key: column_of_words(list(sorting.get_property(key))) for key in properties},
        trains=trains,
        recorded=_recorded(sorting, index),
    )


def _segment(sorting: Any, segment: int | None) -> int:
    count = int(sorting.get_num_segments())
    if segment is None and count != 1:
        raise RefusedInputError(
            f"events were expected as a sorting with one segment, got {count}: say segment= (from "
            "0), each is a session."
        )
    if segment is not None and not 0 <= segment < count:
        raise RefusedInputError(f"segment was expected below {count}, got {segment}: count from 0.")
    return segment or 0


def _recorded(sorting: Any, segment: int) -> tuple[float, float] | None:
    """When the recording began and ended, s; a sorting alone says only when the last spike was."""
    if not (hasattr(sorting, "get_end_time") and sorting.has_recording()):
        return None
    last = float(sorting.get_end_time(segment))  # the beginning of its last sample
    sample = 1 / float(sorting.get_sampling_frequency())
    return float(sorting.get_start_time(segment)), last + sample
