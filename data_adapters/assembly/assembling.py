"""Session Datasets of what a tool wrote: cells on their clock, the track on its own, one session a
room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.assembly.cells import Cells
from data_adapters.assembly.clock import frame_times
from data_adapters.assembly.epochs import epoch_rooms
from data_adapters.assembly.folders import Place
from data_adapters.assembly.identity import Identities
from data_adapters.exchange.frames import frame_counts, outside_note
from data_adapters.files.limits import refuse_absurd
from data_adapters.session import session_dataset
from data_adapters.statements import Statements
from data_adapters.tracks.files import TrackChoice, read_track
from data_adapters.tracks.track import Track
from drift.metrics.clocks import frame_ends, usual_frame
from drift.schema.labelled_form import RefusedInputError

ReadCells = Callable[[Place], Cells]


class Samples(NamedTuple):
    """Events of a session in its frames, (frame, cell), and how long they were counted, s."""

    activity: NDArray[np.float64]
    time: NDArray[np.float64]
    duration: NDArray[np.float64] | None
    notes: str


def assembled(
    session_places: Iterable[Place], read_cells: ReadCells, statements: Statements
) -> Iterator[xr.Dataset]:
    """Session Datasets of the sessions of a tool.

    Parameters
    ----------
    found : iterable of Place
        By subject and day.
    read_cells : callable
        Cells of a place.
    statements : Statements
        What the caller says.

    Yields
    ------
    xarray.Dataset
        By subject and day, within a day by the order of rooms; numbered from 0 for each subject.
    """
    session_places = list(session_places)
    identities = Identities(session_places, read_cells, statements)
    numbers: dict[str, int] = {}
    for place in session_places:
        for session in _sessions(place, read_cells(place), identities, statements):
            number = numbers.get(place.subject, 0)
            yield session_dataset(session=number, **session)
            numbers[place.subject] = number + 1
            session.clear()


def track_of(place: Place, statements: Statements) -> Track | None:
    """Track of a session, where one was named."""
    if statements.track is None:
        return None
    chosen_columns = TrackChoice(
        statements.position,
        statements.bodypart,
        statements.minimum_likelihood,
        statements.track_rate,
        statements.lost,
    )
    return read_track(place.named(statements.track, "track"), chosen_columns)


def _sessions(
    place: Place, cells: Cells, identities: Identities, statements: Statements
) -> Iterator[dict[str, Any]]:
    """Arguments of ``session_dataset``, the number of the session apart, for each room."""
    track = track_of(place, statements)
    if track is None:
        raise RefusedInputError(
            f"positions were expected beside {place.folder}, which holds none: say track= and a "
            ".csv file with the columns time (s) and x (cm), or a file of DeepLabCut."
        )
    samples = samples_in_frames(cells, track, place, statements)
    held = track.at(samples.time, statements.max_gap, length_in_file(track, statements))
    notes = [*cells.notes, samples.notes, held.pop("notes"), identities.note(place)]
    common = {
        "subject": place.subject,
        "elapsed": place.elapsed,
        "elapsed_units": "day",
        "sampling_rate": 1 / usual_frame(samples.time),
        "source": cells.source,
        "position_units": track.units,
        "scale": statements.scale,
        "geometry": statements.geometry or ("linear" if track.position.ndim == 1 else "unknown"),
        "track_length": statements.track_length,
        "events_are": statements.events_are or cells.events_are,
        "threshold_sd": statements.threshold_sd,
        "attrs": _attrs(cells, notes),
        **identities.units(place, cells),
    }
    arrays = {"activity": samples.activity, "time": samples.time, "duration": samples.duration}
    arrays |= held
    for environment, inside in in_rooms(samples.time, track, place, statements):
        yield {**common, "environment": environment, **_within(arrays, inside)}


def _attrs(cells: Cells, notes: list[str]) -> dict[str, str]:
    told = "; ".join(filter(None, notes))
    region = {} if cells.region is None else {"region": cells.region}
    return region | ({"notes": told} if told else {})


def length_in_file(track: Track, statements: Statements) -> float | None:
    """Length of the track in units of the file."""
    if statements.track_length is None or (track.units != "cm" and statements.scale is None):
        return None
    return statements.track_length / (statements.scale or 1.0)


def samples_in_frames(cells: Cells, track: Track, place: Place, statements: Statements) -> Samples:
    """Events in the frames of the microscope; spikes in the samples of the track."""
    if cells.trains is not None:
        return _counted(cells, track, place, statements)
    assert cells.frames is not None
    time, note = frame_times(cells, cells.frames.shape[1], track, place, statements)
    return Samples(cells.frames.T, time, None, note)


def _counted(cells: Cells, track: Track, place: Place, statements: Statements) -> Samples:
    assert cells.trains is not None
    start, what = statements.start or 0.0, f"spike times in {place.folder}"
    trains = [train + start for train in cells.trains] if start else cells.trains
    refuse_absurd((track.time.size, len(trains)), 8, f"counts of {what}")
    ends = frame_ends(track.time, usual_frame(track.time))
    counts, outside = frame_counts(trains, track.time, ends, what, cells.amplitudes)
    return Samples(counts, track.time, ends - track.time, outside_note(outside))


def in_rooms(
    time: NDArray[np.float64], track: Track | None, place: Place, statements: Statements
) -> Iterator[tuple[str, NDArray[np.bool_] | None]]:
    """Environments and the frames in them; None for all."""
    rooms = epoch_rooms(time, place, statements) or ({} if track is None else track.rooms(time))
    if len(rooms) <= 1 and statements.epochs is None:
        yield statements.environment or next(iter(rooms), "unknown"), None
        return
    chosen_columns = statements.environments
    if unknown := [name for name in chosen_columns if name not in rooms]:
        raise RefusedInputError(
            f"{place.folder} was expected to hold the environment {unknown[0]!r}, got "
            f"{', '.join(rooms)}: take one of these."
        )
    for name, inside in rooms.items():
        if (not chosen_columns or name in chosen_columns) and inside.sum() > 1:
            yield name, inside


def _within(arrays: dict[str, Any], inside: NDArray[np.bool_] | None) -> dict[str, Any]:
    if inside is None or inside.all():
        return arrays
    return {name: None if values is None else values[inside] for name, values in arrays.items()}
