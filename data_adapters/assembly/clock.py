"""When the frames of a microscope were, on the clock of the track."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place
from data_adapters.files.arrays import read_npy
from data_adapters.files.tables import read_table
from data_adapters.session import numbers
from data_adapters.statements import Statements
from data_adapters.tracks.headings import TIMES, named_columns, of_names
from data_adapters.tracks.shown import Shown
from data_adapters.tracks.tables import column_of_times
from data_adapters.tracks.track import Track
from drift.metrics.clocks import TOLERANCE, refuse_times, usual_frame
from drift.schema.labelled_form import RefusedInputError

SURPLUS = 2  # pulses beyond the last frame
LATE = 1.0  # samples of the track; how far from even a pulse may be seen


def frame_times(
    cells: Cells, frames: int, track: Track | Shown | None, place: Place, statements: Statements
) -> tuple[NDArray[np.float64], str]:
    """Time of each frame, s, and how it was told.

    In this order: what was said by ``frame_times``, the pulses of the frames in the track, the
    tool's own times, the sampling rate; the last two begin at ``start``. Two that contradict each
    other are refused.

    Raises
    ------
    RefusedInputError
        If nothing tells it, or two of them contradict each other.
    """
    rate = statements.fs or cells.rate
    if statements.frame_times is not None:
        return _given(place, statements, frames, rate), ""
    if track is not None and track.frame is not None:
        before = cells.before if _shared(statements) else 0
        if not place.piece:
            _refuse_surplus(track, frames)
        time, note = _pulsed(track, before, frames, rate)
        _refuse_other_start(time, track, before, statements.start)
        return time, note
    start = said_start(statements, place, track)
    if cells.time is not None and statements.fs is None:
        return cells.time + start, ""
    if rate is None:
        raise RefusedInputError(
            f"{place.folder} was expected to say frames per second, got no rate: say fs= (Hz) or "
            "frame_times=."
        )
    before = cells.before if _shared(statements) else 0
    number = np.arange(frames) + before if cells.frame is None else cells.frame
    note = "parts are taken to follow without a pause" if before else ""
    return start + number / rate, note


def _shared(statements: Statements) -> bool:
    """Tell whether the parts of a recording have one track."""
    return "{" not in str(statements.track)


def _refuse_surplus(track: Track | Shown, frames: int) -> None:
    pulses = int(np.nanmax(np.asarray(track.frame)))
    if pulses > frames + SURPLUS:
        raise RefusedInputError(
            f"pulses of frames in {track.where} were expected to be {frames}, got {pulses}: frames "
            "were cut, so say frame_times=, or start= (s) with pulses=no."
        )


def said_start(statements: Statements, place: Place, track: Track | Shown | None) -> float:
    """What the clock of the track shows when the recording begins, s.

    Raises
    ------
    RefusedInputError
        If it was not said: two clocks do not begin together unless somebody knows it.
    """
    if statements.start is not None:
        return statements.start
    frames = (
        next((note for note in track.notes.split("; ") if "pulses=" in note), "") if track else ""
    )
    hint = f" ({frames})" if frames else ""
    raise RefusedInputError(
        f"{place.folder} was expected to come with what tells the two clocks apart, got "
        f"neither{hint}: say start= (the clock of the track when the recording begins, s; "
        "start=0 if they begin together), frame_times= or pulses=."
    )


def _refuse_other_start(
    time: NDArray[np.float64], track: Track | Shown, before: int, start: float | None
) -> None:
    step = float(np.median(np.diff(time)))
    first = float(time[0]) - before * step
    if start is not None and abs(start - first) > step + usual_frame(track.time):
        raise RefusedInputError(
            f"start was expected to agree with the pulses of frames in {track.where}, which begin "
            f"at {first:.6g} s, got {start:g} s: leave one of them out."
        )


def _given(
    place: Place, statements: Statements, frames: int, rate: float | None
) -> NDArray[np.float64]:
    file = place.named(str(statements.frame_times), "frame_times")
    time = times_of_file(file, frames, f"{frames} frames")
    shown = 1 / usual_frame(time)
    if rate is not None and abs(shown / rate - 1) > TOLERANCE:
        raise RefusedInputError(
            f"times of frames in {file} were expected at {rate:g} Hz, got {shown:.4g} Hz: give the "
            "file of this recording, or say fs= (Hz)."
        )
    return time


def times_of_file(file: Path, count: int | None, what: str) -> NDArray[np.float64]:
    """Times of a file, s: an array, or the column of a table that is called so.

    Parameters
    ----------
    file : pathlib.Path
        ``.npy``, or a table with a header.
    count : int or None
        How many there must be.
    what : str
        Of what, for the message.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    RefusedInputError
        If it has no such column, another number of times, or they are no times.
    """
    if file.suffix == ".npy":
        time = numbers(read_npy(file), str(file)).ravel()
    else:
        table = read_table(file)
        name = of_names(named_columns(table), TIMES)
        if name is None and len(table.columns) > 1:
            raise RefusedInputError(
                f"{file} was expected to hold a column time (s), got {', '.join(table.columns)}: "
                "rename it."
            )
        time = column_of_times(table, name or str(table.columns[0]), file)
    if count is not None and time.size != count:
        raise RefusedInputError(
            f"{file} was expected to hold the times of {what}, got {time.size}: cut both alike."
        )
    return refuse_times(time, f"times in {file}")


def _pulsed(
    track: Track | Shown, before: int, frames: int, rate: float | None
) -> tuple[NDArray[np.float64], str]:
    """Times by the number of the frame that ran in each sample of the track.

    Frames of a microscope are even: where all pulses lie within a sample of the track of even
    times, these are taken, since the samples of the track may be longer than frames. Else times
    are those of the pulses, and frames before the first and after the last follow evenly.
    """
    numbered = np.nan_to_num(np.asarray(track.frame))
    change = np.flatnonzero(np.diff(numbered, prepend=0.0) > 0)
    number = numbered[change].astype(np.int64) - 1 - before
    if number.size < 2 or (np.diff(numbered[numbered > 0]) < 0).any():
        raise RefusedInputError(
            f"pulses of frames in {track.where} were expected to count frames upwards from 1, got "
            f"{number.size} of them: say start= (s) or frame_times= instead."
        )
    mine = (number >= 0) & (number < frames)  # of this part of the recording
    change, number = change[mine], number[mine]
    if number.size < 2:
        raise RefusedInputError(
            f"pulses of frames in {track.where} were expected for {frames} frames, got "
            f"{number.size}: say start= (s) or frame_times= instead."
        )
    onset = _onsets(track.time, change, number)
    step, begin = np.polyfit(number, onset, 1)
    _refuse_other_rate(1 / step, rate, track)
    every = np.arange(frames)
    even = begin + step * every
    regular = np.abs(onset - (begin + step * number)).max(initial=0.0)
    if regular <= LATE * usual_frame(track.time):
        time = even
    else:
        time = np.interp(every, number, onset)
        early, late = every < number[0], every > number[-1]
        time[early] = onset[0] - step * (number[0] - every[early])
        time[late] = onset[-1] + step * (every[late] - number[-1])
    outside = int(((every < number[0]) | (every > number[-1])).sum())
    told = f", {outside} of {frames} frames lie outside of them" if outside else ""
    return time, f"frames are timed by {number.size} pulses in the track{told}"


def _onsets(
    time: NDArray[np.float64], change: NDArray[np.int64], number: NDArray[np.int64]
) -> NDArray[np.float64]:
    """When frames began: at most a sample of the track, and at most a frame, before the sample that
    saw them; half of that on average."""
    frame = float((time[change[-1]] - time[change[0]]) / (number[-1] - number[0]))
    before = np.minimum(usual_frame(time), time[change] - time[np.maximum(change - 1, 0)])
    return time[change] - np.minimum(before, frame) / 2


def _refuse_other_rate(pulsed: float, rate: float | None, track: Track | Shown) -> None:
    if rate is None or abs(pulsed / rate - 1) <= TOLERANCE:
        return
    planes = pulsed / rate
    likely = (
        f"each of {planes:.0f} planes seems to pulse, so leave the column out and say start="
        if planes > 1.5 and abs(planes - round(planes)) < TOLERANCE * planes
        else "say fs= (Hz), frame_times= or pulses=no"
    )
    raise RefusedInputError(
        f"pulses of frames in {track.where} were expected at {rate:g} Hz, got {pulsed:.4g} Hz: "
        f"{likely}."
    )
