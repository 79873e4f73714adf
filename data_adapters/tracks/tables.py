"""Tables of a treadmill, a virtual reality or a camera: a line a sample, a column a quantity.

``time`` in seconds (``time_ms`` and the like in milliseconds; Bonsai's and other ISO 8601 times,
and times of day, count from the first), ``x`` and in a plane ``y`` in cm (``x (mm)`` in mm), and
optional ``trial``, ``direction``, ``environment`` (or ``world``, ``room``), ``iti`` (above 0
between trials, when the animal is nowhere on the track) and ``frame_pulse`` (number of the frame of
the microscope that runs, from 1, 0 before). Names are told without regard to case, and to units in
brackets or behind a blank or underscore.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.files.tables import column
from data_adapters.options import nearest
from data_adapters.positions import decimals
from data_adapters.session import integers
from data_adapters.tracks.choice import TrackChoice, sample_times
from data_adapters.tracks.headings import (
    BETWEEN,
    CENTIMETRES,
    FRAMES,
    POSITIONS,
    PULSES,
    ROOMS,
    SECONDS,
    TIMES,
    TRIALS,
    heading,
    named_columns,
    of_names,
)
from data_adapters.tracks.track import Track
from drift.metrics.clocks import refuse_times
from drift.schema.labelled_form import RefusedInputError

REPEATED = 0.05  # share of samples that may share a time with the one before
NOT_USED = "no"  # said of pulses that are not those of the frames


def track_of_columns(table: pd.DataFrame, path: Path, choice: TrackChoice) -> Track:
    """Track of a table whose columns are named.

    Parameters
    ----------
    table : pandas.DataFrame
        As the file has it.
    path : pathlib.Path
        For messages.
    choice : TrackChoice
        ``position``: column, or two separated by a comma; None: told by their names.

    Returns
    -------
    Track

    Raises
    ------
    RefusedInputError
        If names do not tell time and position, or a value cannot be what its name says.
    """
    named = named_columns(table)
    time, is_first = times_of(table, named, path, choice)
    names, note = _position_columns(table, named, choice.position, path)
    values, units = _positions(table, names, path, choice.lost)
    _refuse_repeated(time, is_first, values, path)
    between = _first(table, named, BETWEEN, path)
    if between is not None:
        values[between > 0] = np.nan
    trial = _first(table, named, TRIALS, path)
    room = of_names(named, ROOMS)
    pulses = pulses_of(table, named, time, path, choice.pulses)
    direction = named.get("direction")
    used = [*names, room, direction, pulses[0]]
    untimed = int(np.isnan(time).sum())
    notes = [f"{untimed} lines without a time left out"] if untimed else []
    notes += [note, _between_note(between), _unused(table, named, used, pulses[0] is None)]
    return Track(
        time=time[is_first],
        position=(values[:, 0] if values.shape[1] == 1 else values)[is_first],
        trial=None if trial is None else _trials(trial, between, path)[is_first],
        direction=None if direction is None else _codes(table[direction])[is_first],
        environment=None if room is None else _texts(table[room])[is_first],
        away=None if between is None else (between > 0)[is_first],
        frame=None if pulses[1] is None else pulses[1][is_first],
        units=units,
        notes="; ".join(filter(None, notes)),
        where=str(path),
    )


def track_of_fields(fields: dict[str, Any], path: Path, choice: TrackChoice) -> Track:
    """Track of named arrays; a position of two columns is x and y."""
    columns: dict[str, Any] = {}
    for name, values in fields.items():
        array = np.asarray(values)
        flat = array.ravel() if array.size == max(array.shape, default=0) else array
        if flat.ndim == 1 and flat.size > 1 and flat.dtype.kind in "biufUO":
            columns[name] = flat
    planes = [
        name
        for name, values in fields.items()
        if np.ndim(values) == 2 and np.shape(values)[1] == 2 and len(values) > 2
    ]
    planes = [name for name in planes if heading(name)[0] in POSITIONS] or planes
    if len(planes) == 1 and not {"x", "y"} & set(columns):
        columns |= {axis: np.asarray(fields[planes[0]])[:, row] for row, axis in enumerate("xy")}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1 or not columns:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "none"
        raise RefusedInputError(
            f"{path} was expected to hold arrays of one length, got {told}: cut them alike."
        )
    return track_of_columns(pd.DataFrame(columns), path, choice)


def times_of(
    table: pd.DataFrame, named: dict[str, str], path: Path, choice: TrackChoice
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Times of the samples, s, and which samples have one of their own; equal neighbours are one
    sample that was written twice."""
    name = of_names(named, TIMES)
    said = sample_times(len(table), choice, path)
    if said is not None:
        return said, np.ones(len(table), dtype=bool)
    if name is None:
        raise RefusedInputError(
            f"{path} was expected to hold a column time (s), got {', '.join(table.columns)}: "
            "rename it, or say track_rate= (Hz) or track_times=."
        )
    seconds = column_of_times(table, name, path)
    own = np.append(True, np.diff(seconds) != 0) & ~np.isnan(seconds)
    refuse_times(seconds[own], f"column {name!r} of {path}")
    return seconds, own


def _refuse_repeated(
    time: NDArray[np.float64],
    is_first: NDArray[np.bool_],
    values: NDArray[np.float64],
    path: Path,
) -> None:
    """Refuse times that stand still while the animal moves, as whole seconds do."""
    moved = np.append(False, (np.diff(values, axis=0) != 0).any(axis=1))
    repeated = int((moved & ~is_first & ~np.isnan(time)).sum())
    if repeated > REPEATED * len(time):
        raise RefusedInputError(
            f"times in {path} were expected to tell samples apart, got {repeated} of {len(time)} "
            "with the time of the sample before and another position: give fractions of a second."
        )


def column_of_times(table: pd.DataFrame, name: str, path: Path) -> NDArray[np.float64]:
    """Times of a column, s, by the unit in its name; times of day count from the first."""
    entries = table[name]
    if pd.api.types.is_numeric_dtype(entries):
        return column(table, name, path) * SECONDS.get(heading(name)[1], 1.0)
    parsed = pd.to_datetime(entries, format="ISO8601", errors="coerce", utc=True)
    if parsed.isna().any():
        parsed = pd.to_timedelta(entries.astype(str), errors="coerce")
    if parsed.isna().any():
        row = int(np.flatnonzero(parsed.isna())[0])
        raise RefusedInputError(
            f"column {name!r} of {path} was expected to hold seconds or times of day, got "
            f"{entries.iloc[row]!r} in row {row + 1}: correct it."
        )
    return (parsed - parsed.iloc[0]).dt.total_seconds().to_numpy(dtype=float)


def _position_columns(
    table: pd.DataFrame, named: dict[str, str], position: str | None, path: Path
) -> tuple[list[str], str]:
    """Names of one column or two, and what was chosen."""
    if position is not None:
        return [_asked(named, name.strip(), path) for name in position.split(",")[:2]], ""
    candidates = [named[key] for key in POSITIONS if key in named]
    pair = [named[key] for key in ("x", "y") if key in named]
    if len(pair) == 2:
        moving = [name for name in pair if np.nanstd(column(table, name, path)) > 0]
        if len(moving) == 1:
            return moving, f"position is {moving[0]!r}, since the other axis never changes"
        if len(moving) == 2 and len(candidates) == 2:
            return pair, f"position is {pair[0]!r} and {pair[1]!r}"
    if len(candidates) != 1:
        got = ", ".join(candidates or table.columns)
        raise RefusedInputError(
            f"{path} was expected to hold one column of positions (x, in a plane x and y), got "
            f"{got}: say position= and its name."
        )
    return candidates, f"position is {candidates[0]!r}"


def _positions(
    table: pd.DataFrame, names: list[str], path: Path, lost: float | None
) -> tuple[NDArray[np.float64], str]:
    """(sample, axis) in cm where names say the unit, and the unit; lost samples are NaN."""
    values = np.stack([column(table, name, path) for name in names], axis=1)
    if lost is not None:
        values[np.isclose(values, lost, rtol=1e-6, atol=0.0).any(axis=1)] = np.nan
    units = {heading(name)[1] for name in names}
    if units & {"px", "pixel", "pixels"}:
        return values, "pixel"
    factor = CENTIMETRES.get(next(iter(units)), 1.0)
    return (values if factor == 1 else decimals(values) * factor), "cm"


def _asked(named: dict[str, str], name: str, path: Path) -> str:
    plain = heading(name)[0]
    if plain in named:
        return named[plain]
    raise RefusedInputError(
        f"{path} was expected to hold a column {name!r}, got {', '.join(named.values())}: "
        f"{nearest(name, named.values())}."
    )


def _first(
    table: pd.DataFrame, named: dict[str, str], names: tuple[str, ...], path: Path
) -> NDArray[np.float64] | None:
    name = of_names(named, names)
    return None if name is None else column(table, name, path)


def pulses_of(
    table: pd.DataFrame,
    named: dict[str, str],
    time: NDArray[np.float64],
    path: Path,
    asked: str | None,
) -> tuple[str | None, NDArray[np.float64] | None]:
    """Column of pulses, and the number of the frame that runs, from 1, 0 before."""
    if asked is not None and asked.casefold() == NOT_USED:
        return None, None
    name = of_names(named, PULSES) if asked is None else _asked(named, asked, path)
    if name is None:
        return None, None
    numbers = np.nan_to_num(column(table, name, path))
    if set(np.unique(numbers)) <= {0.0, 1.0}:  # a signal that rises with each frame
        return name, _rising(numbers, time)
    return name, numbers + 1 if numbers.min() == -1 else numbers


def _rising(signal: NDArray[np.float64], time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Number of the frame that runs, of a signal that rises with each: pulses that were missed are
    counted where the time between two is a multiple of the usual one, and such as come too soon are
    none."""
    rises = np.flatnonzero(np.diff(signal, prepend=0.0) > 0)
    if rises.size > 2:
        usual = float(np.median(np.diff(time[rises])))
        rises = rises[np.append(True, np.diff(time[rises]) > usual / 2)]
        frames = np.append(1, np.maximum(1, np.round(np.diff(time[rises]) / usual)))
    else:
        frames = np.ones(rises.size)
    number = np.zeros(signal.size)
    number[rises] = np.cumsum(frames)
    return np.maximum.accumulate(number)


def _between_note(between: NDArray[np.float64] | None) -> str:
    if between is None:
        return ""
    return f"{int((between > 0).sum())} samples between trials count as nowhere"


def _unused(
    table: pd.DataFrame, named: dict[str, str], used: list[str | None], no_pulses: bool
) -> str:
    """Columns that may matter and were not used: texts that change, and numbers of frames."""
    texts = [
        name
        for key, name in named.items()
        if name not in used
        and key not in TIMES
        and not pd.api.types.is_numeric_dtype(table[name])
        and table[name].nunique() > 1
    ]
    frames = [named[key] for key in FRAMES if key in named and no_pulses]
    told = [f"columns not used: {', '.join(texts)}"] if texts else []
    told += [f"column {frames[0]!r} was not used (pulses={frames[0]})"] if frames else []
    return "; ".join(told)


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
