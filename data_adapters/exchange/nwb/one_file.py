"""One file: its events in frames, the position at them, and the rooms that these lie in."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_adapters.alignment import positions_at
from data_adapters.assembly.assembling import (
    in_rooms,
    length_in_file,
    samples_in_frames,
    track_of,
    what_is_measured,
)
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place
from data_adapters.assembly.identity import Identities
from data_adapters.exchange.nwb.epochs import is_table, tagged_rooms
from data_adapters.exchange.nwb.events import EventChoice, read_events
from data_adapters.exchange.nwb.files import Recording, opened_content
from data_adapters.exchange.nwb.identity import Who, across_files
from data_adapters.exchange.nwb.positions import PositionChoice, read_position
from data_adapters.exchange.nwb.trials import shown_in_trials, trial_rows
from data_adapters.exchange.nwb.written import written_samples
from data_adapters.exchange.nwb_format import lengths
from data_adapters.statements import Statements
from data_adapters.tracks.shown import Shown
from data_adapters.tracks.track import Track
from drift.metrics.clocks import sample_durations, usual_frame

SOURCE = "NWB file"
IMPLAUSIBLE = 3000.0  # cm; no track or arena of a rodent is so long
OF_EVENTS = ("environment", "threshold_sd", "events_are")
SAID = ("environment", "geometry", "track_length", "threshold_sd", "events_are")
SAMPLED = ("activity", "position", "stimulus", "time", "duration", "velocity", "direction", "trial")
Room = tuple[str | None, NDArray[np.bool_] | None]


class Request(NamedTuple):
    """What the caller says: of events, of positions, and what every reader is told."""

    events: EventChoice
    position: PositionChoice
    statements: Statements


class Clocks(NamedTuple):
    """Times of samples: on the clock of the position, and on that of the file."""

    time: NDArray[np.float64]
    of_file: NDArray[np.float64]


def rooms_of_file(
    recording: Recording,
    place: Place,
    own: Sequence[Recording],
    registered: Identities,
    request: Request,
) -> list[dict[str, Any]]:
    """Arguments of ``session_dataset`` for each room of a file that is to be read.

    Parameters
    ----------
    recording : Recording
        The file.
    place : Place
        Where it lies; files that options name are looked for beside it.
    own : sequence of Recording
        Files of the subject.
    registered : Identities
        Units of a registration, where one was named.
    request : Request
        What the caller says.

    Returns
    -------
    list of dict
        Without the number of the session, unless ``to_nwb`` wrote it.

    Raises
    ------
    RefusedInputError
        If the file cannot be used.
    """
    said, path = request.statements, recording.path
    outer = _outer_track(place, request.position, said)
    with opened_content(path) as content:
        if outer is None and said.stimulus is not None:
            outer = shown_in_trials(content, said.stimulus, path)
            said = said._replace(start=said.start or 0.0)  # the clock of the file
        track = read_position(content, request.position, path) if outer is None else outer
        cells, who = read_events(content, request.events, path)
        arrays, clocks, notes = _samples(cells, track, outer, place, said)
        rows = None if "trial" in arrays else trial_rows(content, clocks.of_file, path)
        arrays |= {} if rows is None else {"trial": rows}
        labels = _labels(cells, track, [*notes, registered.note(place)], place, said)
        if recording.labels:
            written = written_samples(content, recording.labels, clocks.of_file, path)
            arrays |= labels | _still_true(written, labels, clocks, outer, cells)
        else:
            arrays |= labels
        is_known = _is_known(arrays["stimulus" if "stimulus" in arrays else "position"])
        rooms = list(_rooms(content, clocks, is_known, outer, place, request, recording))
    if (
        isinstance(track, Track) and outer is None and track.units == "cm"
    ):  # outside of the block above, which silences pynwb
        _tell_length(track.position, path)
    names = OF_EVENTS if isinstance(track, Shown) else SAID
    arrays |= {name: value for name in names if (value := getattr(said, name)) is not None}
    arrays |= _units(cells, who, recording, place, own, registered, request)
    return [_within(arrays, room, clocks.time, said) for room in rooms]


def _is_known(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Samples with a position, or with a stimulus."""
    first = values.reshape(len(values), -1)[:, 0]
    return first != "" if first.dtype.kind == "U" else ~np.isnan(first)


def _outer_track(place: Place, choice: PositionChoice, said: Statements) -> Track | Shown | None:
    """Track, or stimuli, beside the file, in the units that were said."""
    track = track_of(place, said)
    if not isinstance(track, Track) or choice.position_units is None or choice.scale is not None:
        return track
    values, units = lengths(track.position, choice.position_units)
    return track._replace(position=values, units=units)


def _samples(
    cells: Cells,
    track: Track | Shown,
    outer: Track | Shown | None,
    place: Place,
    said: Statements,
) -> tuple[dict[str, Any], Clocks, list[str]]:
    """Samples of the session, their times, and what is told of them."""
    start = said.start or 0.0
    clock = said._replace(start=0.0) if outer is None else said
    samples = samples_in_frames(cells, track, place, clock)
    of_file = cells.time if cells.time is not None else samples.time - (clock.start or 0.0)
    if outer is None:
        assert isinstance(track, Track)
        position = positions_at(track.position, track.time, samples.time, said.max_gap)
        held: dict[str, Any] = {"position": position, "notes": track.notes}
        time, duration = samples.time, samples.duration
        if start:  # as long as before, to the last bit
            frame = usual_frame(time)
            duration = sample_durations(time, frame) if duration is None else duration
            time = time + start
    else:
        held = outer.at(samples.time, said.max_gap, length_in_file(outer, said))
        time, duration = samples.time, samples.duration
        held |= {"scale": said.scale} if isinstance(outer, Track) else {}
    notes = [*cells.notes, samples.notes, held.pop("notes")]
    arrays = {
        "activity": samples.activity,
        "duration": duration,
        "time": time,
        "sampling_rate": 1 / usual_frame(samples.time),
        **held,
    }
    return arrays, Clocks(time, of_file), notes


def _labels(
    cells: Cells, track: Track | Shown, notes: list[str], place: Place, said: Statements
) -> dict[str, Any]:
    measured = (
        what_is_measured(track, said)
        if isinstance(track, Shown)
        else {"position_units": track.units, "geometry": "unknown"}
    )
    return {
        **measured,
        "subject": place.subject,
        "elapsed": place.elapsed,
        "elapsed_units": "day",
        "environment": "unknown",
        "source": SOURCE,
        "events_are": cells.events_are,
        "attrs": {"notes": "; ".join(filter(None, notes))},
    }


def _still_true(
    written: dict[str, Any],
    labels: dict[str, Any],
    clocks: Clocks,
    outer: Track | Shown | None,
    cells: Cells,
) -> dict[str, Any]:
    """What ``to_nwb`` wrote, less what another track takes the place of."""
    if outer is None:
        return written
    gone = {"velocity", "direction", "trial", "position_units"}
    if isinstance(outer, Shown):
        gone |= {"position", "geometry", "bin_size", "minimum_speed"}
    if cells.time is None or not np.array_equal(clocks.time, clocks.of_file):
        gone |= {"time", "duration"}
    attrs = {name: value for name, value in written["attrs"].items() if name != "track_length"}
    notes = (str(attrs.get("notes", "")), labels["attrs"]["notes"])
    attrs["notes"] = "; ".join(filter(None, notes))
    return {name: value for name, value in written.items() if name not in gone} | {"attrs": attrs}


def _rooms(
    content: Any,
    clocks: Clocks,
    is_known: NDArray[np.bool_],
    outer: Track | Shown | None,
    place: Place,
    request: Request,
    recording: Recording,
) -> Iterator[Room]:
    """Rooms that are to be read: those of a table, of tags, of the track beside the file, or
    one."""
    said = request.statements
    has_rooms = isinstance(outer, Track) and outer.environment is not None
    if is_table(said.epochs) or (has_rooms and said.epochs is None):
        for name, inside in in_rooms(clocks.time, outer, place, said):
            yield (None if name == "unknown" else name), inside
    elif recording.labels and said.epochs is None:
        yield None, None
    else:
        yield from tagged_rooms(content, clocks.of_file, is_known, said, recording.path)


def _units(
    cells: Cells,
    who: Who,
    recording: Recording,
    place: Place,
    own: Sequence[Recording],
    registered: Identities,
    request: Request,
) -> dict[str, Any]:
    """Who the units are: by a registration, by what ``to_nwb`` wrote, or by a column of the
    files."""
    if request.statements.registration is not None:
        return {"unit_label": None, **registered.units(place, cells)}
    if recording.labels and request.events.identity is None:
        return {"unit": who.numbers, "unit_label": who.labels, "unit_confidence": who.certainty}
    column = who.column or ""
    everyone = frozenset().union(*(sibling.identities.get(column, frozenset()) for sibling in own))
    named = across_files(who, everyone, f"session {place.number - 1}", recording.path)
    return {**named, "unit_confidence": who.certainty}


def _within(
    arrays: dict[str, Any], room: Room, time: NDArray[np.float64], said: Statements
) -> dict[str, Any]:
    """Arguments of one room."""
    name, inside = room
    arguments = dict(arrays) if name is None else {**arrays, "environment": name}
    if said.epochs is not None or inside is not None:
        arguments.pop("session", None)
    if inside is None or inside.all():
        return arguments
    arguments["time"] = time
    return arguments | {
        name: arguments[name][inside] for name in SAMPLED if arguments.get(name) is not None
    }


def _tell_length(position: NDArray[np.float64], path: Path) -> None:
    """Warn of a track of which no rodent sees the end: cm under the unit metres."""
    tracked = position[np.isfinite(position)]
    if tracked.size and np.ptp(tracked) > IMPLAUSIBLE:
        length = f"{np.ptp(tracked) / 100:.0f} m"
        warnings.warn(
            f"position in {path} goes over {length}: if its numbers are cm, say scale=1.",
            stacklevel=2,
        )
