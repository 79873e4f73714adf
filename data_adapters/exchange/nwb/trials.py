"""Trials of a file: which row of its table of trials a sample lies in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_adapters.exchange.frames import stretches
from data_adapters.session import numbers


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
