"""What the numbers of one session look like, as they come to the door, refused or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.session import MINIMUM_SPEED
from data_adapters.stimuli import stimulus_coordinate
from drift.errors import RefusedInputError
from drift.measurement.speeds import speeds
from drift.metrics.clocks import frame_ends, largest_gap, usual_frame

NOTHING = float("nan")


class Impression(NamedTuple):
    """One session as it was understood; NaN where nothing is known."""

    session: str
    environment: str = ""
    day: float = NOTHING  # elapsed, as the session says it
    folder: str = ""
    track: str = ""  # file
    frames: int = 0
    rate: float = NOTHING  # Hz
    lowest: float = NOTHING  # position, cm or pixel, along the longest axis
    highest: float = NOTHING
    track_length: float = NOTHING
    position_units: str = ""
    stimuli: int = 0  # different ones, where samples are labelled by what was shown
    tracked: float = NOTHING  # s, with a position or a stimulus
    recorded: float = NOTHING  # s, with positions or without
    longest_gap: float = NOTHING  # s between two samples
    running: float = NOTHING  # s
    cells: int = 0
    events: float = NOTHING  # per second and cell; samples above 0 count once for amplitudes
    above: float = NOTHING  # share of samples above 0 of the median cell
    lowest_event: float = NOTHING
    fullest: float = NOTHING  # share of all events that fall into the fullest frame
    registered: int = 0  # cells that are in another session of the subject too
    notes: str = ""
    refusal: str = ""


def impression(arguments: Mapping[str, Any]) -> Impression:
    """What the arguments of ``session_dataset`` look like; they need not be acceptable.

    Parameters
    ----------
    arguments : mapping
        Of ``data_adapters.session.session_dataset``.

    Returns
    -------
    Impression
    """
    name = f"{arguments.get('subject', '?')}, {arguments.get('session', '?')}"
    attrs = arguments.get("attrs") or {}
    named = Impression(
        name,
        str(arguments.get("environment", "")),
        float(arguments.get("elapsed", NOTHING)),
        str(attrs.get("folder", "")),
        str(attrs.get("track_file", "")),
        notes=str(attrs.get("notes", "")),
    )
    activity = np.asarray(arguments.get("activity"), dtype=float)
    if activity.ndim != 2 or activity.size == 0:
        return named
    time = _times(arguments, len(activity))
    session = named._replace(
        frames=len(activity),
        cells=activity.shape[1],
        **_clock(time),
        **_events(activity, time, arguments.get("events_are")),
    )
    if arguments.get("stimulus") is not None:
        return session._replace(**_stimuli(arguments, time))
    position = np.asarray(arguments.get("position"), dtype=float)
    if position.shape[:1] != activity.shape[:1] or not np.isfinite(position).any():
        return session
    return session._replace(**_places(position.reshape(len(position), -1), time, arguments))


def _times(arguments: Mapping[str, Any], frames: int) -> NDArray[np.float64]:
    time = arguments.get("time")
    if time is not None and np.shape(time) == (frames,):
        return np.asarray(time, dtype=float)
    return np.arange(frames) / float(arguments.get("sampling_rate") or np.nan)


def _clock(time: NDArray[np.float64]) -> dict[str, Any]:
    if time.size < 2:
        return {}
    frame = usual_frame(time)
    return {
        "rate": 1 / frame if frame > 0 else NOTHING,
        "recorded": float(time[-1] - time[0] + frame),
        "longest_gap": float(np.diff(time).max()),
    }


def _events(
    activity: NDArray[np.float64], time: NDArray[np.float64], events_are: str | None
) -> dict[str, Any]:
    """Numbers of events, cell by cell, so that nothing large is held twice."""
    above = np.array([np.count_nonzero(cell > 0) for cell in activity.T]) / len(activity)
    counts = events_are == "counts"
    number = activity.sum() if counts else above.sum() * len(activity)
    seconds = (time[-1] - time[0]) * len(activity) / max(1, len(activity) - 1)
    by_frame = np.zeros(len(activity))
    for cell in activity.T:
        by_frame += cell if counts else cell > 0
    total = by_frame.sum()
    return {
        "above": float(np.median(above)),
        "events": float(number / seconds / activity.shape[1]) if seconds > 0 else NOTHING,
        "lowest_event": float(np.nanmin(activity)) if np.isfinite(activity).any() else NOTHING,
        "fullest": float(by_frame.max() / total) if total > 0 else NOTHING,
    }


def _stimuli(arguments: Mapping[str, Any], time: NDArray[np.float64]) -> dict[str, Any]:
    """How many stimuli were shown, and for how long; nothing where labels are refused."""
    named = {name: arguments.get(f"stimulus_{name}") for name in ("metric", "period")}
    try:
        _dim, labels, _attrs = stimulus_coordinate(
            arguments["stimulus"], time.size, **named, units="", where=""
        )
    except RefusedInputError:
        return {}
    shown = labels != "" if labels.dtype.kind == "U" else np.isfinite(labels)
    return {"stimuli": np.unique(labels[shown]).size, "tracked": float(_lasts(time)[shown].sum())}


def _lasts(time: NDArray[np.float64]) -> NDArray[np.float64]:
    """How long samples last (s)."""
    frame = usual_frame(time)
    return np.minimum(frame_ends(time, frame) - time, largest_gap(frame))


def _places(
    position: NDArray[np.float64], time: NDArray[np.float64], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    scale, lost = arguments.get("scale"), arguments.get("lost")
    rows = np.where(np.isclose(position, lost), np.nan, position) if lost is not None else position
    units = "cm" if scale is not None else str(arguments.get("position_units", "cm"))
    rows = rows * (1.0 if scale is None else scale)
    if not np.isfinite(rows).any():
        return {}
    axis = int(np.argmax(np.nanmax(rows, axis=0) - np.nanmin(rows, axis=0)))
    length = arguments.get("track_length") or (arguments.get("attrs") or {}).get("track_length")
    frame = usual_frame(time)
    lasts = _lasts(time)
    tracked = np.isfinite(rows).all(axis=1)
    least = arguments.get("minimum_speed") or MINIMUM_SPEED.get(units, 1.0)
    moving = np.zeros(len(rows), dtype=bool)
    if frame > 0 and (np.diff(time) > 0).all():
        moving = speeds(rows, time, frame, float(least), length) > least
    return {
        "lowest": float(np.nanmin(rows[:, axis])),
        "highest": float(np.nanmax(rows[:, axis])),
        "position_units": units,
        "track_length": NOTHING if length is None else float(length),
        "tracked": float(lasts[tracked].sum()),
        "running": float(lasts[tracked & moving].sum()),
    }
