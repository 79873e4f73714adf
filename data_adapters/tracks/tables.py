"""Tables of a treadmill, a virtual reality or a camera: a line a sample, a column a quantity.

``time`` in seconds (``time_ms`` and the like in milliseconds; Bonsai's and other ISO 8601 times
count from the first), ``x`` and in a plane ``y``, and optional ``trial``, ``direction``,
``environment`` (or ``world``), ``iti`` (above 0 between trials, when the animal is nowhere on the
track) and ``frame_pulse`` (number of the frame of the microscope that runs, from 1, 0 before).
Names are told without regard to case, and to units in brackets.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.files.tables import column
from data_adapters.options import nearest
from data_adapters.session import integers
from data_adapters.tracks.track import Track
from drift.metrics.clocks import refuse_times
from drift.schema.labelled_form import RefusedInputError

TIMES = ("time", "t", "times", "timestamp", "timestamps", "seconds", "sec")
POSITIONS = ("x", "position", "pos", "distance", "location", "y")
BETWEEN, ROOMS = ("iti", "inter_trial_interval"), ("environment", "world", "room", "context")
PULSES = ("frame_pulse", "imaging_frame", "microscope_frame")
SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
UNIT = re.compile(r"^(?P<name>.*?)[ _]*[(\[]?(?P<unit>s|sec|seconds|ms|us|ns|cm|mm|m|px)[)\]]?$")


def track_of_columns(
    table: pd.DataFrame,
    path: Path,
    position: str | None,
    lost: float | None,
    rate: float | None,
) -> Track:
    """Track of a table whose columns are named.

    Parameters
    ----------
    table : pandas.DataFrame
        As the file has it.
    path : pathlib.Path
        For messages.
    position : str or None
        Column of the position, or two separated by a comma; None: told by their names.
    lost : float or None
        Value of lost positions.
    rate : float or None
        Samples per second, Hz, of a table without times.

    Returns
    -------
    Track

    Raises
    ------
    RefusedInputError
        If names do not tell time and position, or a value cannot be what its name says.
    """
    named = {_plain(name): name for name in reversed(table.columns)}
    time, is_first = _time(table, named, path, rate)
    names, note = _position_columns(table, named, position, path)
    values = np.stack([column(table, name, path) for name in names], axis=1)
    if lost is not None:
        values[np.isclose(values, lost, rtol=1e-6, atol=0.0).any(axis=1)] = np.nan
    between = _first(table, named, BETWEEN, path)
    notes = [note]
    if between is not None:
        values[between > 0] = np.nan
        notes.append(f"{int((between > 0).sum())} samples between trials count as nowhere")
    trial = _first(table, named, ("trial", "trial_number", "lap"), path)
    room = next((named[name] for name in ROOMS if name in named), None)
    direction = named.get("direction")
    return Track(
        time=time[is_first],
        position=(values[:, 0] if values.shape[1] == 1 else values)[is_first],
        trial=None if trial is None else _trials(trial, between, path)[is_first],
        direction=None if direction is None else _codes(table[direction])[is_first],
        environment=None if room is None else _texts(table[room])[is_first],
        frame=None if (pulse := _first(table, named, PULSES, path)) is None else pulse[is_first],
        notes="; ".join(filter(None, notes)),
        where=str(path),
    )


def track_of_fields(
    fields: dict[str, Any],
    path: Path,
    position: str | None,
    lost: float | None,
    rate: float | None,
) -> Track:
    """Track of named arrays; a position of two columns is x and y."""
    columns: dict[str, Any] = {}
    for name, values in fields.items():
        array = np.asarray(values)
        flat = array.ravel() if array.size == max(array.shape, default=0) else array
        if flat.ndim == 2 and flat.shape[1] == 2:
            columns |= {"x": flat[:, 0], "y": flat[:, 1]}
        elif flat.ndim == 1 and flat.size > 1:
            columns[name] = flat
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1 or not columns:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "none"
        raise RefusedInputError(
            f"{path} was expected to hold arrays of one length, got {told}: cut them alike."
        )
    return track_of_columns(pd.DataFrame(columns), path, position, lost, rate)


def _plain(name: str) -> str:
    """Name of a column without case, unit and blanks."""
    text = str(name).strip().casefold().replace(" ", "_")
    match = UNIT.match(text)
    return match["name"] if match and match["name"] else text


def _unit(name: str) -> str:
    match = UNIT.match(str(name).strip().casefold().replace(" ", "_"))
    return match["unit"] if match and match["name"] else ""


def _time(
    table: pd.DataFrame, named: dict[str, str], path: Path, rate: float | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Times of the samples, s, and which samples have one of their own; equal neighbours are one
    sample that was written twice."""
    name = next((named[key] for key in TIMES if key in named), None)
    if name is None:
        if rate is None:
            raise RefusedInputError(
                f"{path} was expected to hold a column time (s), got {', '.join(table.columns)}: "
                "rename it, or say track_rate= (Hz)."
            )
        return np.arange(len(table)) / rate, np.ones(len(table), dtype=bool)
    entries = table[name]
    if not pd.api.types.is_numeric_dtype(entries):
        seconds = _clock_times(entries, name, path)
    else:
        seconds = column(table, name, path) * SECONDS.get(_unit(name), 1.0)
    own = np.append(True, np.diff(seconds) != 0) & ~np.isnan(seconds)
    refuse_times(seconds[own], f"column {name!r} of {path}")
    return seconds, own


def _clock_times(entries: pd.Series, name: str, path: Path) -> NDArray[np.float64]:
    """Seconds since the first of ISO 8601 times, such as Bonsai writes them."""
    parsed = pd.to_datetime(entries, format="ISO8601", errors="coerce", utc=True)
    if parsed.isna().any():
        row = int(np.flatnonzero(parsed.isna())[0])
        raise RefusedInputError(
            f"column {name!r} of {path} was expected to hold seconds or ISO 8601 times, got "
            f"{entries.iloc[row]!r} in row {row + 1}: correct it."
        )
    return (parsed - parsed.iloc[0]).dt.total_seconds().to_numpy(dtype=float)


def _position_columns(
    table: pd.DataFrame, named: dict[str, str], position: str | None, path: Path
) -> tuple[list[str], str]:
    """Names of one column or two, and what was chosen."""
    if position is not None:
        return [_asked(named, name.strip(), path) for name in position.split(",")[:2]], ""
    if "x" in named and "y" in named:
        pair = [named["x"], named["y"]]
        moving = [name for name in pair if np.nanstd(column(table, name, path)) > 0]
        if len(moving) == 1:
            return moving, f"position is {moving[0]!r}, since the other axis never changes"
        return pair, ""
    name = next((named[key] for key in POSITIONS if key in named), None)
    if name is None:
        raise RefusedInputError(
            f"{path} was expected to hold a column x (cm), got {', '.join(table.columns)}: say "
            "position= and its name."
        )
    return [name], ""


def _asked(named: dict[str, str], name: str, path: Path) -> str:
    if _plain(name) in named:
        return named[_plain(name)]
    raise RefusedInputError(
        f"{path} was expected to hold a column {name!r}, got {', '.join(named.values())}: "
        f"{nearest(name, named.values())}."
    )


def _first(
    table: pd.DataFrame, named: dict[str, str], names: tuple[str, ...], path: Path
) -> NDArray[np.float64] | None:
    name = next((named[key] for key in names if key in named), None)
    return None if name is None else column(table, name, path)


def _trials(
    trial: NDArray[np.float64], between: NDArray[np.float64] | None, path: Path
) -> NDArray[np.int64]:
    """Number of the trial of each sample, 0 outside."""
    inside = np.nan_to_num(trial) if between is None else np.where(between > 0, 0, trial)
    return integers(np.nan_to_num(inside), f"column trial of {path}")


def _codes(entries: pd.Series) -> NDArray[Any]:
    values = pd.to_numeric(entries, errors="coerce")
    return _texts(entries) if values.isna().any() else values.to_numpy(dtype=float)


def _texts(entries: pd.Series) -> NDArray[Any]:
    return np.array(
        ["" if pd.isna(entry) else _text(entry) for entry in entries.tolist()], dtype=object
    )


def _text(entry: Any) -> str:
    """A label as it was meant: 1, not 1.0, where a column of whole numbers has empty cells."""
    return (
        str(int(entry)) if isinstance(entry, float) and entry.is_integer() else str(entry).strip()
    )
