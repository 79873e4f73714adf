"""What columns of a table are called: the quantity and its unit."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

TIMES = ("time", "t", "times", "timestamp", "timestamps", "seconds", "sec")
POSITIONS = ("x", "position", "pos", "distance", "location", "y")
BETWEEN = ("iti", "inter_trial_interval")
ROOMS = ("environment", "env", "world", "room", "context", "maze", "arena")
TRIALS = ("trial", "trial_number", "lap")
PULSES = ("frame_pulse", "imaging_frame", "microscope_frame")
FRAMES = ("frame", "frames", "frame_number", "frame_index", "scanimage_frame", "2p_frame", "ttl")
STARTS = ("start", "start_time", "onset")
STOPS = ("stop", "stop_time", "end", "end_time", "offset")
SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "usec", "microseconds"), 1e-6),
    "ns": 1e-9,
}
CENTIMETRES = {"cm": 1.0, "mm": 0.1, "m": 100.0}
UNITS = "|".join(sorted([*SECONDS, *CENTIMETRES, "px", "pixel", "pixels"], key=len, reverse=True))
BRACKETED = re.compile(rf"^(?P<name>.+?)[ _]*[(\[](?P<unit>{UNITS})[)\]]$")
BEHIND = re.compile(rf"^(?P<name>.+?)[ _]+(?P<unit>{UNITS})$")


def heading(name: object) -> tuple[str, str]:
    """Quantity and unit of a column, without case and blanks; no unit is "".

    Parameters
    ----------
    name : object
        ``Time (s)``, ``time_ms``, ``Position``.
    """
    text = str(name).strip().casefold()
    match = BRACKETED.match(text) or BEHIND.match(text)
    quantity, unit = (match["name"], match["unit"]) if match else (text, "")
    return re.sub(r"[ _]+", "_", quantity.strip(" _")), unit


def named_columns(table: pd.DataFrame) -> dict[str, str]:
    """Columns of a table by their quantity; of two for one quantity the first."""
    return {heading(name)[0]: str(name) for name in reversed(list(table.columns))}


def of_names(named: dict[str, str], names: Sequence[str]) -> str | None:
    """The column that is called by the first of these names."""
    return next((named[name] for name in names if name in named), None)
