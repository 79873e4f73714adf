"""Trials of a file: which row of its table of trials a sample lies in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.exchange.frames import stretches
from data_adapters.options import nearest
from data_adapters.session import numbers
from data_adapters.tracks.shown import Shown
from drift.schema.labelled_form import RefusedInputError


def trial_rows(content: Any, time: NDArray[np.float64], path: Path) -> NDArray[np.int64] | None:
    """Row of the table of trials that each sample lies in, by ``start_time`` and ``stop_time``.

    Whatever a trial says of its samples (a stimulus, a condition) stands in that row.

    Parameters
    ----------
    content : pynwb.NWBFile
        The open file.
    time : numpy.ndarray
        (sample) s, on the clock of the session.
    path : pathlib.Path
        For messages.

    Returns
    -------
    numpy.ndarray or None
        (sample) from 1, 0 outside of all trials; of trials that overlap the later one. None without
        trials.
    """
    if content.trials is None:
        return None
    starts, stops = (
        numbers(content.trials[name].data[:], f"{name} of trials in {path}")
        for name in ("start_time", "stop_time")
    )
    ended = np.isfinite(starts) & np.isfinite(stops)
    numbered = np.arange(1, starts.size + 1)
    rows = stretches(time, starts[ended], stops[ended], numbered[ended])
    return rows if rows.any() else None


def shown_in_trials(content: Any, stimulus: str, path: Path) -> Shown:
    """What was shown in the trials of a file, by a column of their table.

    Parameters
    ----------
    content : pynwb.NWBFile
        The open file.
    stimulus : str
        Column of the table of trials.
    path : pathlib.Path
        For messages.

    Returns
    -------
    Shown
        On the clock of the session.

    Raises
    ------
    RefusedInputError
        If there are no trials, or none with this column.
    """
    columns = () if content.trials is None else content.trials.colnames
    if stimulus not in columns:
        told = ", ".join(columns) or "no trials"
        remedy = nearest(stimulus, columns) if columns else "give a table by track="
        raise RefusedInputError(
            f"{path} was expected to hold a table of trials with the column {stimulus!r}, got "
            f"{told}: {remedy}."
        )
    starts, stops = (
        numbers(content.trials[name].data[:], f"{name} of trials in {path}")
        for name in ("start_time", "stop_time")
    )
    labels = np.asarray(content.trials[stimulus].data[:])
    if labels.dtype.kind in "OSU":
        labels = np.array(
            [word.decode() if isinstance(word, bytes) else str(word) for word in labels.tolist()]
        )
    ended = np.isfinite(starts) & np.isfinite(stops) & (stops > starts)
    if not ended.any():
        raise RefusedInputError(
            f"trials in {path} were expected to end after they begin, got none that does: correct "
            "their times."
        )
    return Shown(starts[ended], stops[ended], labels[ended], True, f"the trials in {path}")
