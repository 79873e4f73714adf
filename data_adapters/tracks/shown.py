"""What was shown instead of where an animal was: a stimulus in each sample, or in each trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_adapters.options import nearest
from data_adapters.stimuli import labels_by_interval
from data_adapters.tracks.choice import TrackChoice
from data_adapters.tracks.headings import (
    STARTS,
    STOPS,
    heading,
    named_columns,
    of_names,
)
from data_adapters.tracks.intervals import intervals_of
from data_adapters.tracks.tables import pulses_of, times_of
from drift.metrics.clocks import frame_ends, usual_frame
from drift.schema.labelled_form import RefusedInputError

SHORTEST = 1e-4  # s between samples


class Shown(NamedTuple):
    """Stimuli and when they were shown, s; (interval) each."""

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    label: NDArray[Any]  # numbers or texts; NaN or "" where nothing was shown
    by_trial: bool  # otherwise samples that follow each other
    where: str
    frame: NDArray[np.float64] | None = None  # as of a ``Track``
    notes: str = ""

    @property
    def time(self) -> NDArray[np.float64]:
        """Beginnings of the samples, or of the trials, s."""
        return self.start

    def samples(self, rate: float | None) -> NDArray[np.float64]:
        """Times of samples that spikes are counted in, s.

        Parameters
        ----------
        rate : float or None
            Samples per second, Hz, where the table has a line a trial.

        Raises
        ------
        RefusedInputError
            If it is needed and not given.
        """
        if not self.by_trial:
            return self.start
        if rate is None:
            raise RefusedInputError(
                f"spikes beside the trials in {self.where} were expected to be counted in samples, "
                "got no rate: say fs= (Hz), e.g. 20."
            )
        begin, end = float(self.start.min()), float(self.stop.max())
        even = begin + np.arange(int((end - begin) * rate) + 1) / rate
        # samples are cut where trials begin and end, so that each lies in one trial alone
        times = np.unique(np.concatenate([even, self.start, self.stop]))
        return times[np.append(True, np.diff(times) > SHORTEST) & (times < end)]

    def at(self, time: NDArray[np.float64], *_how: float | bool | None) -> dict[str, Any]:
        """Arguments of ``session_dataset`` at the times of frames, and ``notes``."""
        if time[-1] < self.start.min() or time[0] > self.stop.max():
            raise RefusedInputError(
                f"{self.where} was expected on the clock of the frames ({time[0]:.6g} to "
                f"{time[-1]:.6g} s), got {self.start.min():.6g} to {self.stop.max():.6g} s: say "
                "start= (time of the first frame on the clock of the stimuli), or frame_times=."
            )
        labels = labels_by_interval(time, self.start, self.stop, self.label)
        return {"stimulus": labels, "notes": self.notes}

    def rooms(self, time: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
        """Stimuli are shown in one room."""
        return {}


def shown_of_columns(table: pd.DataFrame, path: Path, stimulus: str, choice: TrackChoice) -> Shown:
    """Stimuli of a table with a line a trial (``start``, ``stop``) or a line a sample (``time``).

    Parameters
    ----------
    table : pandas.DataFrame
        As the file has it.
    path : pathlib.Path
        For messages.
    stimulus : str
        Column of the stimulus.
    choice : TrackChoice
        See ``read_shown``.

    Returns
    -------
    Shown

    Raises
    ------
    RefusedInputError
        If a column is missing, or times are none.
    """
    named = named_columns(table)
    quantity = heading(stimulus)[0]
    if quantity not in named:
        raise RefusedInputError(
            f"{path} was expected to hold a column {stimulus!r}, got {', '.join(table.columns)}: "
            f"{nearest(stimulus, table.columns)}."
        )
    label = _labels(table[named[quantity]])
    start, stop = of_names(named, STARTS), of_names(named, STOPS)
    if start is not None and stop is not None:
        begins, ends = intervals_of(table, start, stop, "trials", path)
        return Shown(begins, ends, label, True, str(path))
    times, is_first = times_of(table, named, path, choice)
    _name, frame = pulses_of(table, named, times, path, choice.pulses)
    times, label = times[is_first], label[is_first]
    ends = frame_ends(times, usual_frame(times))
    return Shown(times, ends, label, False, str(path), None if frame is None else frame[is_first])


def _labels(entries: pd.Series) -> NDArray[Any]:
    """Numbers, or texts with "" where nothing was shown."""
    if pd.api.types.is_numeric_dtype(entries):
        return entries.to_numpy(dtype=float)
    return entries.fillna("").astype(str).str.strip().to_numpy(dtype=object).astype(np.str_)
