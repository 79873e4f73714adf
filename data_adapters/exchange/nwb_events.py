"""Which numbers of an NWB file count: series of events before traces, units that were kept, epochs
in one environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.acceptance import accepted_units
from data_adapters.events import DECONVOLVE
from data_adapters.session import numbers
from drift.schema.labelled_form import RefusedInputError

EVENTS = re.compile(r"deconv|event|spike|spks", re.IGNORECASE)
TRACES = re.compile(
    r"^(roi)?(raw.*|fluorescence|.*neuropil.*|.*df.?over.?f.*|d?f_?f0?|dff.*|denoised.*"
    r"|baseline.*|f|fneu)$",
    re.IGNORECASE,
)


class Asked(NamedTuple):
    """What the caller says of a file: series of events and position, what the events are, whom and
    when to count."""

    events: str | None
    position: str | None
    events_are: str | None
    keep_rejected: bool
    epochs: str | None
    environment: str | None


def chosen_series(found: dict[str, Any], asked: Asked, path: Path) -> tuple[str, str]:
    """Name of the series that was asked for, the only one, or the only one named as events; and
    what was chosen.

    Raises
    ------
    RefusedInputError
        If names do not tell which one holds events, or it is a trace by its name and ``events_are``
        does not say so.
    """
    names = ", ".join(found) or "none"
    if asked.events is not None and asked.events not in found:
        raise RefusedInputError(
            f"{path} was expected to hold {asked.events!r} as RoiResponseSeries or Units, got "
            f"{names}: name one."
        )
    named = [name for name in found if name == "units" or EVENTS.search(name)]
    choice = (
        [asked.events] if asked.events is not None else list(found) if len(found) == 1 else named
    )
    if len(choice) != 1:
        raise RefusedInputError(
            f"{path} was expected to hold one RoiResponseSeries or Units, got {names}: say "
            "which by events=."
        )
    name = choice[0]
    if asked.events_are != "trace" and _is_trace(name, found[name]):
        raise RefusedInputError(
            f"{path} was expected to hold events, got {name}, which is a trace of "
            f"fluorescence by its name: {DECONVOLVE}, name another "
            "series by events=, or say events_are='trace'."
        )
    return name, "" if asked.events or len(
        found
    ) == 1 else f"events are those of {name}, chosen by its name among {names}"


def _is_trace(name: str, series: Any) -> bool:
    of_ratio = type(getattr(series, "parent", None)).__name__ == "DfOverF"
    return not EVENTS.search(name) and (bool(TRACES.match(name)) or of_ratio)


def kept_units(
    table: Any, rows: NDArray[np.int64], keep_rejected: bool, path: Path
) -> tuple[NDArray[np.bool_], str]:
    """Which of the units in these rows of a table were accepted, and what is left out; see
    ``accepted_units``."""
    if keep_rejected:
        return np.ones(rows.size, dtype=bool), ""
    columns = {
        name: table[name].data for name in table.colnames if not hasattr(table[name], "target")
    }
    whole = {name: np.asarray(data[:]) for name, data in columns.items() if len(data) == len(table)}
    return accepted_units(
        {name: data[rows] for name, data in whole.items()},
        rows.size,
        f"the table {table.name} in {path}",
    )


def epoch_samples(
    content: Any, time: NDArray[np.float64], tracked: NDArray[np.bool_], asked: Asked, path: Path
) -> NDArray[np.bool_]:
    """Which samples lie in the epochs that were asked for; all of them where the file has one
    environment.

    Parameters
    ----------
    content : pynwb.NWBFile
        The open file.
    time : numpy.ndarray
        (sample) s.
    tracked : numpy.ndarray of bool
        (sample) where the position is known.
    asked : Asked
        With tags of epochs, separated by commas; with an environment all epochs are taken to be
        there.
    path : pathlib.Path
        For messages.

    Returns
    -------
    numpy.ndarray of bool
        (sample,)

    Raises
    ------
    RefusedInputError
        If a tag is unknown, or epochs with tracked positions have tags that differ in more than a
        number.
    """
    held = _epochs(content, time, path)
    if asked.epochs is not None:
        tags = [tag.strip() for tag in asked.epochs.split(",")]
        if unknown := [tag for tag in tags if tag not in held]:
            raise RefusedInputError(
                f"{path} was expected to hold the epoch {unknown[0]!r}, got "
                f"{', '.join(held) or 'none'}: name one."
            )
        return np.any([held[tag] for tag in tags], axis=0)
    rooms = [tag for tag, inside in held.items() if (inside & tracked).any()]
    if asked.environment is None and len({tag.rstrip("0123456789 _-") for tag in rooms}) > 1:
        raise RefusedInputError(
            f"{path} was expected to hold one environment, got tracked positions in the "
            f"epochs {', '.join(rooms)}: take one by "
            f"epochs={rooms[0]}, or say environment= if all are the same room."
        )
    return np.ones(time.size, dtype=bool)


def _epochs(content: Any, time: NDArray[np.float64], path: Path) -> dict[str, NDArray[np.bool_]]:
    """(sample) by tag of the epochs of a file."""
    table = content.epochs
    held: dict[str, Any] = {}
    if table is None or "tags" not in table.colnames:
        return {}
    starts, stops = (
        numbers(table[name].data[:], f"{name} of epochs in {path}")
        for name in ("start_time", "stop_time")
    )
    for row, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        inside = (time >= start) & (time < stop)
        for tag in table["tags"][row]:
            held[str(tag)] = held.get(str(tag), False) | inside
    return held
