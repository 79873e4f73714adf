"""Session Datasets of what a tool wrote: cells on their clock, the track on its own, one session a
room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from data_adapters.alignment import ROUNDING
from data_adapters.assembly.cells import Cells
from data_adapters.assembly.clock import frame_times, said_start, times_of_file
from data_adapters.assembly.epochs import epoch_rooms
from data_adapters.assembly.folders import Place
from data_adapters.assembly.identity import Identities
from data_adapters.exchange.frames import frame_counts, outside_note
from data_adapters.files.limits import refuse_absurd
from data_adapters.files.wording import file_in_refusals
from data_adapters.session import session_dataset, tell_watcher
from data_adapters.statements import Statements
from data_adapters.tracks.choice import TrackChoice
from data_adapters.tracks.files import read_shown, read_track
from data_adapters.tracks.shown import Shown
from data_adapters.tracks.track import Track
from drift.metrics.clocks import frame_ends, usual_frame
from drift.metrics.places import RING
from drift.schema.labelled_form import RefusedInputError

UNLIKELY = 1e-3  # chance that all cells are silent as long as the track goes on after a recording
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
    refuse_shared(session_places, statements)
    identities = Identities(session_places, read_cells, statements)
    numbers: dict[str, int] = {}
    for place in session_places:
        for session in _sessions(place, read_cells(place), identities, statements):
            number = numbers.get(place.subject, 0)
            yield named_session(place, session=number, **session)
            numbers[place.subject] = number + 1
            session.clear()


def track_of(place: Place, statements: Statements) -> Track | Shown | None:
    """Track of a session, or what was shown in it, where one was named."""
    if statements.track is None:
        return None
    file = place.named(statements.track, "track")
    times = statements.track_times
    choice = TrackChoice(
        position=statements.position,
        bodypart=statements.bodypart,
        minimum_likelihood=statements.minimum_likelihood,
        rate=statements.track_rate,
        times=None if times is None else _times_of_track(place, times),
        pulses=statements.pulses,
        lost=statements.lost,
    )
    if statements.stimulus is not None:
        return read_shown(file, statements.stimulus, choice)
    track = read_track(file, choice)
    _refuse_plane(track, statements)
    return track if statements.origin is None else track.beginning_at(statements.origin)


def _times_of_track(place: Place, times: str | Path) -> NDArray[np.float64]:
    return times_of_file(place.named(times, "track_times"), None, "the track")


def _refuse_plane(track: Track, statements: Statements) -> None:
    """Refuse two axes of what is said to be a track."""
    if track.position.ndim == 2 and statements.track_length and statements.geometry is None:
        raise RefusedInputError(
            f"{track.where} was expected to hold one axis beside track_length="
            f"{statements.track_length:g}, got two ({track.notes}): say position= and the axis "
            "along the track, or geometry=square."
        )


def refuse_shared(places: Iterable[Place], statements: Statements) -> None:
    """Refuse one track for several recordings, which cannot all have happened in it.

    Raises
    ------
    RefusedInputError
        If two recordings have one track, or one has none.
    """
    if statements.track is None:
        return
    first: dict[Path, Place] = {}
    for place in places:
        file = place.named(statements.track, "track").resolve()
        before = first.setdefault(file, place)
        if before.folder != place.folder:
            raise RefusedInputError(
                f"a track for each session was expected, got {file} for {before.label} and "
                f"{place.label}: put one beside the files of each, or name it by {{folder}}, "
                "{date} or {session}."
            )


def named_session(place: Place, **arguments: Any) -> xr.Dataset:
    """Return the session Dataset of these arguments, or a refusal that names its files.

    Parameters
    ----------
    place : Place
        Where the files lie.
    **arguments
        Of ``session_dataset``.
    """
    with file_in_refusals(place.folder):
        return session_dataset(**arguments)


def _sessions(
    place: Place, cells: Cells, identities: Identities, statements: Statements
) -> Iterator[dict[str, Any]]:
    """Arguments of ``session_dataset``, the number of the session apart, for each room."""
    track = track_of(place, statements)
    if track is None:
        tell_watcher(_unplaced(place, cells, statements))
        raise RefusedInputError(
            f"positions were expected beside {place.folder}, which holds none: say track= and a "
            ".csv file with the columns time (s) and x (cm), or a file of DeepLabCut."
        )
    units = identities.units(place, cells)
    samples = samples_in_frames(cells, track, place, statements)
    held = track.at(
        samples.time,
        statements.max_gap,
        length_in_file(track, statements),
        statements.geometry == RING,
    )
    notes = [*cells.notes, samples.notes, held.pop("notes"), identities.note(place)]
    common = {
        "subject": place.subject,
        "elapsed": place.elapsed,
        "elapsed_units": "day",
        "sampling_rate": 1 / usual_frame(samples.time),
        "source": cells.source,
        "events_are": statements.events_are or cells.events_are,
        "threshold_sd": statements.threshold_sd,
        "attrs": _attrs(cells, notes) | _files(place, track),
        **units,
        **what_is_measured(track, statements),
    }
    arrays = {"activity": samples.activity, "time": samples.time, "duration": samples.duration}
    arrays |= held
    for environment, inside in in_rooms(samples.time, track, place, statements):
        yield {**common, "environment": environment, **_within(arrays, inside)}


def what_is_measured(track: Track | Shown, statements: Statements) -> dict[str, Any]:
    """Arguments of ``session_dataset`` that say what the places, or the stimuli, are."""
    if isinstance(track, Shown):
        return {
            "stimulus_metric": statements.stimulus_metric,
            "stimulus_period": statements.stimulus_period,
            "stimulus_units": statements.stimulus_units,
        }
    return {
        "position_units": track.units,
        "scale": statements.scale,
        "geometry": statements.geometry or ("linear" if track.position.ndim == 1 else "unknown"),
        "track_length": statements.track_length,
    }


def _unplaced(place: Place, cells: Cells, statements: Statements) -> dict[str, Any]:
    """What is known of a session without positions."""
    frames = cells.frames
    return {
        "subject": place.subject,
        "session": place.number - 1,
        "activity": None if frames is None else frames.T,
        "sampling_rate": statements.fs or cells.rate,
        "time": cells.time,
        "events_are": cells.events_are,
        "attrs": _attrs(cells, list(cells.notes)),
    }


def _attrs(cells: Cells, notes: list[str]) -> dict[str, str]:
    told = "; ".join(filter(None, notes))
    region = {} if cells.region is None else {"region": cells.region}
    return region | ({"notes": told} if told else {})


def _files(place: Place, track: Track | Shown) -> dict[str, str]:
    """Where the session comes from, below the folder that was given."""
    root = (place.root if place.root.is_dir() else place.root.parent).resolve()
    names = {"folder": place.folder, "track_file": Path(track.where)}
    return {
        name: str(file.resolve().relative_to(root) if root in file.resolve().parents else file.name)
        for name, file in names.items()
    }


def length_in_file(track: Track | Shown, statements: Statements) -> float | None:
    """Length of the track in units of the file."""
    if isinstance(track, Shown) or statements.track_length is None:
        return None
    if track.units != "cm" and statements.scale is None:
        return None
    return statements.track_length / (statements.scale or 1.0)


def samples_in_frames(
    cells: Cells, track: Track | Shown, place: Place, statements: Statements
) -> Samples:
    """Events in the frames of the microscope; spikes in the samples of the track."""
    if cells.trains is not None:
        return _counted(cells, track, place, statements)
    assert cells.frames is not None
    time, note = frame_times(cells, cells.frames.shape[1], track, place, statements)
    return Samples(cells.frames.T, time, None, note)


def _counted(cells: Cells, track: Track | Shown, place: Place, statements: Statements) -> Samples:
    assert cells.trains is not None
    if statements.frame_times is not None:
        raise RefusedInputError(
            f"spikes in {place.folder} were expected to come without times of frames, got "
            "frame_times: say track_times= for the times of the samples of the track, and start=."
        )
    start, what = said_start(statements, place, track), f"spike times in {place.folder}"
    trains = [train + start for train in cells.trains] if start else cells.trains
    every = track.samples(statements.fs)
    refuse_absurd((every.size, len(trains)), 8, f"counts of {what}")
    ends = frame_ends(every, usual_frame(every))
    recorded, note = _while_recorded(every, ends, start, cells, track.where)
    time, ends = every[recorded], ends[recorded]
    counts, outside = frame_counts(trains, time, ends, what, cells.amplitudes)
    notes = "; ".join(filter(None, (note, outside_note(outside))))
    return Samples(counts, time, ends - time, notes)


def _while_recorded(
    time: NDArray[np.float64],
    ends: NDArray[np.float64],
    start: float,
    cells: Cells,
    where: str,
) -> tuple[NDArray[np.bool_], str]:
    """Samples of the track in which spikes were recorded: elsewhere no spike is no silence.

    The recording began at ``start``. When it ended is not in the files: the time T after the last
    of n spikes is left out where silence would be too unlikely, exp(-n T / last) < 0.001.
    """
    inside = (
        time >= start - ROUNDING if cells.observed is None else _observed(time, ends, cells, start)
    )
    last = start + (np.inf if cells.last_spike is None else cells.last_spike)
    quiet = max(0.0, float(ends[-1]) - last)
    if cells.last_spike is not None and quiet * cells.spikes > -np.log(UNLIKELY) * max(
        cells.last_spike, ROUNDING
    ):
        inside &= ends <= last + usual_frame(time)
    if inside.sum() < 2:
        raise RefusedInputError(
            f"{where} was expected on the clock of the spikes ({start:.6g} to {last:.6g} s), "
            f"got {time[0]:.6g} to {time[-1]:.6g} s: say start= (time of the beginning "
            "of the recording on the clock of the track)."
        )
    left = int((~inside).sum())
    note = f"{left} samples of the track lie before or after the recording" if left else ""
    return inside, note


def _observed(
    time: NDArray[np.float64], ends: NDArray[np.float64], cells: Cells, start: float
) -> NDArray[np.bool_]:
    """Samples that lie in the intervals in which spikes were recorded."""
    assert cells.observed is not None
    inside = np.zeros(time.size, dtype=bool)
    for first, last in cells.observed + start:
        inside |= (time >= first - ROUNDING) & (ends <= last + ROUNDING)
    return inside


def in_rooms(
    time: NDArray[np.float64], track: Track | Shown | None, place: Place, statements: Statements
) -> Iterator[tuple[str, NDArray[np.bool_] | None]]:
    """Environments and the frames in them; None for all."""
    rooms = epoch_rooms(time, place, statements) or ({} if track is None else track.rooms(time))
    if not rooms:
        yield statements.environment or place.environment or "unknown", None
        return
    chosen_rooms = statements.environments or tuple(rooms)
    if unknown := [name for name in chosen_rooms if name not in rooms]:
        raise RefusedInputError(
            f"{place.folder} was expected to hold the environment {unknown[0]!r}, got "
            f"{', '.join(rooms)}: take one of these."
        )
    if len(rooms) == 1 and isinstance(track, Track) and track.is_in_one_room:
        yield next(iter(rooms)), None  # frames outside of the track lie nowhere else
        return
    for name, inside in rooms.items():
        if name in chosen_rooms and inside.sum() > 1:
            yield name, inside


def _within(arrays: dict[str, Any], inside: NDArray[np.bool_] | None) -> dict[str, Any]:
    if inside is None or inside.all():
        return arrays
    return {name: None if values is None else values[inside] for name, values in arrays.items()}
