"""When the frames of a microscope were, on the clock of the track."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_adapters.assembly.cells import Cells
from data_adapters.assembly.folders import Place
from data_adapters.files.arrays import read_npy
from data_adapters.files.tables import column, read_table
from data_adapters.session import numbers
from data_adapters.statements import Statements
from data_adapters.tracks.shown import Shown
from data_adapters.tracks.track import Track
from drift.metrics.clocks import TOLERANCE, refuse_times, usual_frame
from drift.schema.labelled_form import RefusedInputError

LATE = 1.0  # samples of the track; how far from even a pulse may be seen


def frame_times(
    cells: Cells, frames: int, track: Track | Shown | None, place: Place, statements: Statements
) -> tuple[NDArray[np.float64], str]:
    """Time of each frame, s, and how it was told.

    In this order: what was said by ``frame_times``, the pulses of the frames in the track, the
    tool's own times, the sampling rate; the last two begin at ``start``.

    Raises
    ------
    RefusedInputError
        If nothing tells it, or pulses and the sampling rate contradict each other.
    """
    rate = statements.fs or cells.rate
    if statements.frame_times is not None:
        return _given(place, statements, frames), ""
    if track is not None and track.frame is not None and statements.start is None:
        return _pulsed(track, frames, rate)
    start = statements.start or 0.0
    if cells.time is not None and statements.fs is None:
        return cells.time + start, ""
    if rate is None:
        raise RefusedInputError(
            f"{place.folder} was expected to say frames per second, got no rate: say fs= (Hz) or "
            "frame_times=."
        )
    return start + np.arange(frames) / rate, ""


def _given(place: Place, statements: Statements, frames: int) -> NDArray[np.float64]:
    file = place.named(str(statements.frame_times), "frame_times")
    if file.suffix == ".npy":
        time = numbers(read_npy(file), str(file)).ravel()
    else:
        table = read_table(file)
        time = column(table, "time" if "time" in table.columns else str(table.columns[0]), file)
    if time.size != frames:
        raise RefusedInputError(
            f"{file} was expected to hold the times of {frames} frames, got {time.size}: cut both "
            "alike."
        )
    return refuse_times(time, f"times of frames in {file}")


def _pulsed(
    track: Track | Shown, frames: int, rate: float | None
) -> tuple[NDArray[np.float64], str]:
    """Times by the number of the frame that ran in each sample of the track.

    Frames of a microscope are even: where all pulses lie within a sample of the track of even
    times, these are taken, since the samples of the track may be longer than frames. Else times
    are those of the pulses, and frames before the first and after the last follow evenly.
    """
    numbered = np.nan_to_num(np.asarray(track.frame))
    change = np.flatnonzero(np.diff(numbered, prepend=0.0) > 0)
    number = numbered[change].astype(np.int64) - 1
    if number.size < 2 or (np.diff(numbered[numbered > 0]) < 0).any():
        raise RefusedInputError(
            f"pulses of frames in {track.where} were expected to count frames upwards from 1, got "
            f"{number.size} of them: say start= (s) or frame_times= instead."
        )
    onset = _onsets(track.time, change)
    step, begin = np.polyfit(number, onset, 1)
    _refuse_other_rate(1 / step, rate, track)
    every = np.arange(frames)
    even = begin + step * every
    regular = np.abs(onset - even[np.clip(number, 0, frames - 1)])[number < frames].max(initial=0.0)
    if regular <= LATE * usual_frame(track.time):
        time = even
    else:
        time = np.interp(every, number, onset)
        before, after = every < number[0], every > number[-1]
        time[before] = onset[0] - step * (number[0] - every[before])
        time[after] = onset[-1] + step * (every[after] - number[-1])
    outside = int(((every < number[0]) | (every > number[-1])).sum())
    told = f", {outside} of {frames} frames lie outside of them" if outside else ""
    return time, f"frames are timed by {number.size} pulses in the track{told}"


def _onsets(time: NDArray[np.float64], change: NDArray[np.int64]) -> NDArray[np.float64]:
    """When frames began: midway between the first sample that saw them and the one before, in gaps
    a usual sample before."""
    before = np.minimum(usual_frame(time), time[change] - time[np.maximum(change - 1, 0)])
    return time[change] - before / 2


def _refuse_other_rate(pulsed: float, rate: float | None, track: Track | Shown) -> None:
    if rate is None or abs(pulsed / rate - 1) <= TOLERANCE:
        return
    planes = pulsed / rate
    likely = (
        f"each of {planes:.0f} planes seems to pulse, so leave the column out and say start="
        if planes > 1.5 and abs(planes - round(planes)) < TOLERANCE * planes
        else "say fs= (Hz) or frame_times="
    )
    raise RefusedInputError(
        f"pulses of frames in {track.where} were expected at {rate:g} Hz, got {pulsed:.4g} Hz: "
        f"{likely}."
    )
