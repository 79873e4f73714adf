"""Frames of a session that count, the paths that they make, and windows of frames along these."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.measurement.domains import Domain
from drift.measurement.running_samples import has_stimuli, running_samples
from drift.metrics.clocks import LONGEST_FRAME, ROUNDING, sample_times
from drift.schema.map_dims import STIMULUS

TENTHS = 10  # parts of a session without trials that are left out one by one


class Frames(NamedTuple):
    """Frames that count, in the order of time, and whether each begins a path of its own.

    Attributes
    ----------
    number : numpy.ndarray of int
        (frame) among the samples of the session.
    trial : numpy.ndarray of int
        (frame) 0 throughout where the session has none.
    downward : numpy.ndarray of int
        (frame) 1 where the animal runs down, else 0.
    begins : numpy.ndarray of bool
        (frame)
    """

    number: NDArray[np.int64]
    trial: NDArray[np.int64]
    downward: NDArray[np.int64]
    begins: NDArray[np.bool_]

    @property
    def path(self) -> NDArray[np.int64]:
        """(frame) number of the path that each lies on."""
        return np.asarray(np.cumsum(self.begins))


def counting_frames(
    session: xr.Dataset, domain: Domain, minimum_speed: float, directed: bool
) -> Frames:
    """Frames that count in ``drift.measure`` and lie in a trial; a path ends where one is left out,
    time leaps, or trial, direction or stimulus change.

    Parameters
    ----------
    session : xarray.Dataset
        Session Dataset.
    domain : Places or Stimuli
        Of the session.
    minimum_speed : float
        In units of position per second.
    directed : bool
        Whether running directions are told apart.

    Returns
    -------
    Frames
    """
    numbered = session.assign(frame_number=("sample", np.arange(session.sizes["sample"])))
    running = running_samples(numbered[[*_read(session), "frame_number"]], minimum_speed, directed)
    if running.sizes["sample"]:
        running, _, _ = domain.visited(running)
    number = running["frame_number"].values
    trial = _trials(session)[number]
    if trial.any():  # 0 is outside of trials
        number, trial = number[trial != 0], trial[trial != 0]
    way = session["direction"].values[number] if directed else np.zeros(number.size)
    downward = (way == -1).astype(int)
    step = np.diff(sample_times(session)[number])
    longest = (LONGEST_FRAME + ROUNDING) / session["sampling_rate"].item()
    broken = (np.diff(number) != 1) | (step > longest)
    broken |= (np.diff(trial) != 0) | (np.diff(downward) != 0)
    if has_stimuli(session):
        label = session[STIMULUS].values[number]
        broken |= label[1:] != label[:-1]
    return Frames(number, trial, downward, np.concatenate([[True], broken])[: number.size])


def _read(session: xr.Dataset) -> list[str]:
    """Variables that tell which samples count, and nothing as large as the activity."""
    return [name for name in ("position", "velocity", "direction") if name in session]


def _trials(session: xr.Dataset) -> NDArray[np.int64]:
    if "trial" not in session:
        return np.zeros(session.sizes["sample"], dtype=int)
    return np.asarray(np.nan_to_num(session["trial"].values.astype(float)).astype(int))


def window_members(begins: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """Frames of windows that follow each other on each path; what is left at its end is dropped.

    Parameters
    ----------
    begins : numpy.ndarray of bool
        (frame) whether a path begins.
    length : int
        Frames in a window.

    Returns
    -------
    numpy.ndarray of int
        (window, frame) counted among the frames.
    """
    starts = np.flatnonzero(begins)
    sizes = np.diff(np.append(starts, begins.size))
    within = np.arange(begins.size) - np.repeat(starts, sizes)
    whole = np.repeat(sizes // length * length, sizes)
    return np.flatnonzero(within < whole).reshape(-1, length)


def trial_folds(trial: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which windows are left out together: those of a trial, or of a tenth of a session that has
    none or one.

    Parameters
    ----------
    trial : numpy.ndarray of int
        (window)
    """
    trials, fold = np.unique(trial, return_inverse=True)
    return fold if trials.size > 1 else np.arange(trial.size) * TENTHS // trial.size


def presentation_folds(
    trial: NDArray[np.int64], path: NDArray[np.int64], label: NDArray
) -> NDArray[np.int64]:
    """Which windows of stimuli are left out together: those of a trial, or without trials those of
    the first, second, ... presentation of each stimulus.

    Parameters
    ----------
    trial, path : numpy.ndarray of int
        (window)
    label : numpy.ndarray
        (window) stimulus.
    """
    if np.unique(trial).size > 1:
        return trial_folds(trial)
    paths, first, presentation = np.unique(path, return_index=True, return_inverse=True)
    rank = np.zeros(paths.size, dtype=int)
    for stimulus in np.unique(label):
        own = label[first] == stimulus
        rank[own] = np.arange(own.sum())
    return rank[presentation] if rank.any() else trial_folds(trial)
