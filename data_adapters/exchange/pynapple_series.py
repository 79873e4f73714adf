"""Series and spikes of pynapple, known by what they offer: the package itself is not needed.

Series may be lazy, with values that are still in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.exchange.epochs import Epochs
from data_adapters.exchange.lazy_series import loaded
from data_adapters.exchange.object_forms import PositionChoice, Positions, Units
from data_adapters.options import nearest
from data_adapters.tracks.track import Track
from drift.metrics.clocks import refuse_times
from drift.schema.labelled_form import RefusedInputError

SOURCE = "pynapple"


def is_group(thing: Any) -> bool:
    """Tell whether it is a TsGroup."""
    return hasattr(thing, "time_support") and hasattr(thing, "keys") and not is_series(thing)


def is_series(thing: Any) -> bool:
    """Tell whether it is a Tsd or a TsdFrame."""
    return all(hasattr(thing, name) for name in ("time_support", "times", "values"))


def series_values(series: Any) -> NDArray[np.float64]:
    """Values of a series, out of its file where it is lazy; one column is none."""
    values = loaded(series).astype(float)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def series_epochs(series: Any) -> Epochs:
    """Epochs of a series."""
    return Epochs(*(np.asarray(getattr(series.time_support, end)) for end in ("start", "end")))


def unit_names(source: Any) -> tuple[NDArray[Any], NDArray[np.int64], list[str]]:
    """Keys, numbers and labels of the units of a TsGroup, or of the columns of a TsdFrame."""
    keys = np.asarray(source.columns if is_series(source) else list(source.keys()))
    number = keys.astype(np.int64) if np.issubdtype(keys.dtype, np.number) else np.arange(keys.size)
    named = "unit_label" in source.metadata_columns
    labels = source["unit_label"] if named else (f"unit {key}" for key in keys)
    return keys, number, [str(label) for label in labels]


def unit_words(source: Any) -> dict[str, NDArray[Any]]:
    """Metadata of units by column."""
    return {name: np.asarray(source[name]) for name in source.metadata_columns}


def units_of(source: Any) -> Units:
    """Units of a TsGroup (spikes) or a TsdFrame (frame by frame)."""
    if is_series(source) and not hasattr(source, "columns"):
        raise RefusedInputError(
            f"events were expected as a TsGroup or a TsdFrame of pynapple, got a "
            f"{type(source).__name__}: give all units of the session."
        )
    keys, number, labels = unit_names(source)
    common = Units(SOURCE, "the metadata of the events", number, labels, unit_words(source))
    if is_series(source):
        values = np.asarray(source.values)
        return common._replace(frames=values, time=np.asarray(source.times()))
    return common._replace(trains=[np.asarray(source[key].times()) for key in keys])


def positions_of(series: Any, choice: PositionChoice) -> Positions:
    """Positions of a Tsd, or of a TsdFrame with one column or two."""
    values = np.asarray(series.values).astype(float)
    if hasattr(series, "columns"):
        values = values[:, _columns([str(name) for name in series.columns], choice.names())]
    position = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if position.ndim > 2:
        raise RefusedInputError(
            f"position was expected as a Tsd or a TsdFrame of pynapple, got shape {position.shape}"
            ": give one number or two per sample."
        )
    time = refuse_times(np.asarray(series.times()), "times of position")
    units = choice.position_units or "cm"
    track = Track(time, choice.without_lost(position), units=units, where="the position")
    return Positions(track, series_epochs(series))


def _columns(names: Sequence[str], chosen_names: Sequence[str]) -> list[int]:
    for name in chosen_names:
        if name not in names:
            raise RefusedInputError(
                f"position was expected to hold the column {name!r}, got {', '.join(names)}: "
                f"{nearest(name, names)}."
            )
    if not 0 < len(chosen_names or names) <= 2:
        raise RefusedInputError(
            f"position was expected to hold one column or two, got {', '.join(names)}: say "
            "columns= and their names, such as columns='x,y'."
        )
    return [list(names).index(name) for name in chosen_names or names]
