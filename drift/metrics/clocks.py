"""What the times of samples say: how long each of them lasts, where nobody was tracked, and which
times cannot be.

Between two samples closer than the largest gap the subject is known to have been where they say. A
longer step is a gap: whatever happened in it happened at no place.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.errors import RefusedInputError

GAP = 0.5  # s
GAP_FRAMES = 3.0  # usual frames; the larger of the two is the largest step that is no gap
LONGEST_FRAME = 1.5  # usual frames, before a gap
TOLERANCE = 0.05  # of the sampling rate, and of its reciprocal
ROUNDING = 1e-6  # of a frame
SLOWEST = (
    2.0  # s between samples; a position that is seen more rarely says nothing of a running animal
)
LONGEST_SESSION = 2 * 86_400.0  # s
SMALLER_UNITS = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
FEWEST = 0.1  # share of steps that show the sampling rate where the others lost frames


def largest_gap(frame: float) -> float:
    """Longest step between two samples that is no gap, s: max(0.5 s, 3 frames).

    Parameters
    ----------
    frame : float
        Usual time from sample to sample, s.
    """
    return max(GAP, GAP_FRAMES * frame)


def usual_frame(time: NDArray[np.float64], sampling_rate: float | None = None) -> float:
    """Usual time from sample to sample, s: one over the sampling rate, or the median step where no
    rate is known."""
    return float(np.median(np.diff(time))) if sampling_rate is None else 1 / sampling_rate


def sample_durations(time: NDArray[np.float64], frame: float) -> NDArray[np.float64]:
    """How long each sample lasts whose activity was given with it: until the next one, or a usual
    frame where frames were lost.

    A lost frame took its events with it, so the sample before it lasts no longer than any other.

    Parameters
    ----------
    time : numpy.ndarray
        (sample) increasing times, s.
    frame : float
        Usual time from sample to sample, s.

    Returns
    -------
    numpy.ndarray
        (sample) s.
    """
    step = np.diff(time, append=time[-1] + frame)
    return np.where(step <= (LONGEST_FRAME + ROUNDING) * frame, step, frame)


def frame_ends(time: NDArray[np.float64], frame: float) -> NDArray[np.float64]:
    """Where each frame ends in which events are counted by their times: at the next one, or after
    1.5 frames where a gap follows.

    Frames that were lost in between belong to the frame before them, as long as they are no gap:
    nothing that happened in them is lost. Counts and durations of these frames are of one interval,
    so that their ratio is a rate, whatever was lost. The last frame is as long as a usual one.

    Parameters
    ----------
    time : numpy.ndarray
        (frame) increasing beginnings, s.
    frame : float
        Usual time from frame to frame, s.

    Returns
    -------
    numpy.ndarray
        (frame) s.
    """
    following = np.append(time[1:], time[-1] + frame)
    bridged = following - time <= largest_gap(frame) * (1 + ROUNDING)
    return np.where(bridged, following, time + LONGEST_FRAME * frame)


def sample_times(session: xr.Dataset) -> NDArray[np.float64]:
    """Time of each sample, s: as recorded, else counted from 0 at the sampling rate."""
    if "time" in session.coords:
        return session["time"].values.astype(float)
    return np.arange(session.sizes["sample"]) / session["sampling_rate"].item()


def durations(session: xr.Dataset) -> float | xr.DataArray:
    """How long samples of a session last, s: each its own where the session has ``duration`` or
    ``time``, else all alike.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset with ``sampling_rate``.

    Returns
    -------
    float or xarray.DataArray
        One number, or (sample).
    """
    frame = 1 / session["sampling_rate"].item()
    if "duration" in session:
        return session["duration"].reset_coords(drop=True).astype(float)
    if "time" not in session.coords:
        return frame
    return xr.DataArray(sample_durations(sample_times(session), frame), dims="sample")


def refuse_times(
    time: NDArray[np.float64], what: str, sampling_rate: float | None = None
) -> NDArray[np.float64]:
    """Return the times if they can be times of samples in seconds.

    Parameters
    ----------
    time : numpy.ndarray
        (sample) s.
    what : str
        What they are and where they stand, for the message.
    sampling_rate : float, optional
        What is said of them, Hz.

    Returns
    -------
    numpy.ndarray
        The same times.

    Raises
    ------
    RefusedInputError
        If there are fewer than two, they do not increase, they are milliseconds, or the sampling
        rate is another by more than 5 %.
    """
    if time.size < 2:
        raise RefusedInputError(
            f"{what} was expected for two samples or more, got {time.size}: give one time per "
            "sample."
        )
    step = np.diff(time)
    if not (step > 0).all():
        first = int(np.flatnonzero(~(step > 0))[0])
        fault = (
            "a repeated time"
            if step[first] == 0
            else "a step back"
            if step[first] < 0
            else "no number"
        )
        raise RefusedInputError(
            f"{what} was expected to increase, got {time[first + 1]} after {time[first]} s at "
            f"sample {first + 1}, {fault}: correct it, or "
            "leave the sample out."
        )
    _refuse_units(time, float(np.median(step)), what)
    if sampling_rate is not None:
        _refuse_rate(step, sampling_rate, what)
    return time


def _refuse_units(time: NDArray[np.float64], step: float, what: str) -> None:
    """Refuse times that are too far apart, or too many, to be seconds of one session."""
    span = float(time[-1] - time[0])
    if step <= SLOWEST and span <= LONGEST_SESSION:
        return
    fits = [
        unit
        for unit, size in SMALLER_UNITS.items()
        if step / size <= SLOWEST and span / size <= LONGEST_SESSION
    ]
    unit = fits[0] if fits else "another unit"
    remedy = (
        f"they look like {unit}, divide by {SMALLER_UNITS[unit]:g}"
        if fits
        else "give seconds within the session"
    )
    raise RefusedInputError(
        f"{what} was expected in seconds, got samples {step:g} apart over {span:g}: {remedy}."
    )


def _refuse_rate(step: NDArray[np.float64], sampling_rate: float, what: str) -> None:
    """Refuse a rate that neither the usual step shows nor, where frames were lost, the shortest
    ones."""
    shown = [1 / float(np.quantile(step, share)) for share in (0.5, FEWEST)]
    if not any(abs(rate / sampling_rate - 1) <= TOLERANCE for rate in shown):
        raise RefusedInputError(
            f"{what} was expected to fit the sampling rate of {sampling_rate:g} Hz to 5 %, "
            f"got {shown[0]:g} samples per second: leave the "
            "rate out, or correct one of them."
        )
