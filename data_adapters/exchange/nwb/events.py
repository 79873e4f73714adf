"""Events of a file: series of events before traces, spike times, and the units that were kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.acceptance import accepted_units
from data_adapters.assembly.cells import Cells
from data_adapters.events import DECONVOLVE
from data_adapters.exchange.nwb.identity import Who, who_they_are
from data_adapters.exchange.nwb.series import by_name, converted, series_numbers, series_times
from data_adapters.exchange.nwb_format import package
from data_adapters.session import integers, numbers
from drift.schema.labelled_form import RefusedInputError

EVENTS = re.compile(r"deconv|event|spike|spks", re.IGNORECASE)
TRACES = re.compile(
    r"^(roi)?(raw.*|fluorescence|.*neuropil.*|.*df.?over.?f.*|d?f_?f0?|dff.*|denoised.*"
    r"|baseline.*|f|fneu)$",
    re.IGNORECASE,
)


class EventChoice(NamedTuple):
    """What the caller says of events: which series, what its numbers are, whom to count, and the
    column that names units across files."""

    events: str | None = None
    events_are: str | None = None
    keep_rejected: bool = False
    identity: str | None = None


def read_events(content: Any, choice: EventChoice, path: Path) -> tuple[Cells, Who]:
    """Units that count, with their events frame by frame or their spike times, and who they are.

    Parameters
    ----------
    content : pynwb.NWBFile
        The open file.
    choice : EventChoice
        What the caller says.
    path : pathlib.Path
        For messages.

    Returns
    -------
    cells : Cells
        Rows are those of the table of regions or units.
    who : Who

    Raises
    ------
    RefusedInputError
        If names do not tell which series holds events, or it cannot be used.
    """
    responses = package().ophys.RoiResponseSeries
    candidates = by_name(
        [series for series in content.objects.values() if isinstance(series, responses)]
    )
    if content.units is not None and "spike_times" in content.units.colnames:
        candidates["units"] = content.units
    name, note = chosen_series(candidates, choice, path)
    read = _spikes if name == "units" else _responses
    return read(candidates[name], choice, note, path)


def _responses(series: Any, choice: EventChoice, note: str, path: Path) -> tuple[Cells, Who]:
    what = f"{series.name} in {path}"
    values = converted(series_numbers(series.data, what), series)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    table, rows = series.rois.table, integers(series.rois.data[:], f"rois of {what}")
    if rows.size != values.shape[1] or not ((rows >= 0) & (rows < len(table))).all():
        raise RefusedInputError(
            f"rows of {what} were expected to name a region for each column of "
            f"{values.shape}, got {rows.size}: correct them."
        )
    accepted, left = kept_units(table, rows, choice.keep_rejected, path)
    who = who_they_are(table, rows[accepted], "roi", choice.identity, path)
    cells = Cells(
        rows=rows[accepted],
        counted=len(table),
        word="roi",
        frames=(values if accepted.all() else values[:, accepted]).T,
        time=series_times(series, len(values), path),
        labels=who.labels,
        events_are=choice.events_are,
        notes=(note, left),
    )
    return cells, who


def _spikes(units: Any, choice: EventChoice, note: str, path: Path) -> tuple[Cells, Who]:
    accepted, left = kept_units(units, np.arange(len(units)), choice.keep_rejected, path)
    rows = np.flatnonzero(accepted)
    trains = [
        numbers(units.get_unit_spike_times(row), f"spike_times in {path}") for row in rows.tolist()
    ]
    who = who_they_are(units, rows, "unit", choice.identity, path)
    cells = Cells(
        rows=rows,
        counted=len(units),
        word="unit",
        trains=trains,
        labels=who.labels,
        events_are="counts",
        observed=_observed(units, rows, path),
        notes=(note, left),
    )
    return cells, who


def _observed(units: Any, rows: NDArray[np.int64], path: Path) -> NDArray[np.float64] | None:
    """Intervals (interval, 2) in which all of these units were recorded, s; None: not told."""
    if "obs_intervals" not in units.colnames:
        return None
    shared: NDArray[np.float64] | None = None
    for row in rows.tolist():
        own = numbers(units.get_unit_obs_intervals(row), f"obs_intervals in {path}").reshape(-1, 2)
        if shared is None:
            shared = own
            continue
        begins = np.maximum(shared[:, np.newaxis, 0], own[:, 0])
        ends = np.minimum(shared[:, np.newaxis, 1], own[:, 1])
        shared = np.stack([begins[ends > begins], ends[ends > begins]], axis=1)
    return None if shared is None or not shared.size else shared


def chosen_series(candidates: dict[str, Any], choice: EventChoice, path: Path) -> tuple[str, str]:
    """Name of the series that was asked for, the only one, or the only one named as events; and
    what was chosen.

    Raises
    ------
    RefusedInputError
        If names do not tell which one holds events, or it is a trace by its name and ``events_are``
        does not say so.
    """
    names = ", ".join(candidates) or "none"
    if choice.events is not None and choice.events not in candidates:
        raise RefusedInputError(
            f"{path} was expected to hold {choice.events!r} as RoiResponseSeries or Units, got "
            f"{names}: name one."
        )
    like_events = [name for name in candidates if name == "units" or EVENTS.search(name)]
    possible = list(candidates) if len(candidates) == 1 else like_events
    possible = possible if choice.events is None else [choice.events]
    if len(possible) != 1:
        raise RefusedInputError(
            f"{path} was expected to hold one RoiResponseSeries or Units, got {names}: say "
            "which by events=."
        )
    name = possible[0]
    if choice.events_are != "trace" and _is_trace(name, candidates[name]):
        raise RefusedInputError(
            f"{path} was expected to hold events, got {name}, which is a trace of "
            f"fluorescence by its name: {DECONVOLVE}, name another "
            "series by events=, or say events_are='trace'."
        )
    only = choice.events is not None or len(candidates) == 1
    return name, "" if only else f"events are those of {name}, chosen by its name among {names}"


def _is_trace(name: str, series: Any) -> bool:
    of_ratio = type(getattr(series, "parent", None)).__name__ == "DfOverF"
    return not EVENTS.search(name) and (bool(TRACES.match(series.name)) or of_ratio)


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
        {name: values[rows] for name, values in whole.items()},
        rows.size,
        f"the table {table.name} in {path}",
    )
