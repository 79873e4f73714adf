"""One number of each session against the days of the sessions, subject by subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.intervals.limits import standard_error
from drift.metrics.intervals.subjects import bars_text
from drift.metrics.rooms import environment_labels
from drift.plots.labels import shared_times, time_axis
from drift.plots.lag_curves import MEAN, SUBJECT, room_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@opened
def measure_over_elapsed(values: xr.DataArray, elapsed: xr.DataArray, ax: Axes, label: str) -> Axes:
    """Draw one number of each session against elapsed time.

    One subject is a line with a marker a session; in another room colour and marker are others, and
    no line joins two rooms. Of several subjects each has a thin line; thick is their mean with one
    standard error over subjects, where all were recorded at the same times.

    Parameters
    ----------
    values : xarray.DataArray
        (subject, session); NaN where not known.
    elapsed : xarray.DataArray
        (subject, session) with the attribute ``units`` and, where known, the coordinate
        ``environment``.
    ax : matplotlib Axes
    label : str
        Of the axis of the numbers.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no number is known.
    """
    numbers = values.transpose("subject", "session").values.astype(float)
    times = elapsed.transpose("subject", "session").values.astype(float)
    if not (np.isfinite(numbers) & np.isfinite(times)).any():
        raise RefusedInputError(
            f"{label} was expected for a session at least, got none: measure the recording with "
            "this measure."
        )
    if len(numbers) == 1:
        rooms = environment_labels(elapsed, values, subjects=1, sessions=times.shape[1])[0]
        _draw_rooms(numbers[0], times[0], rooms, ax)
    else:
        _draw_subjects(numbers, times, ax)
    units = time_axis(str(elapsed.attrs.get("units", "")))
    ax.set(xlabel=f"time ({units})", ylabel=label, ylim=(0, None))
    ax.margins(x=0.04)
    ax.locator_params(axis="both", nbins=5)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    return ax


def _draw_rooms(numbers: np.ndarray, times: np.ndarray, rooms: np.ndarray, ax: Axes) -> None:
    labels = [str(room) for room in dict.fromkeys(rooms[np.isfinite(numbers)].tolist())]
    for place, room in enumerate(labels):
        at = (rooms == room) & np.isfinite(numbers)
        ax.errorbar(times[at], numbers[at], label=f"room {room}", **room_style(place))
    if len(labels) > 1:
        ax.legend(loc="lower left", handlelength=1.8, borderaxespad=0.2)
    ax.set_ylim(0, 1.15 * float(np.nanmax(numbers)) or 1.0)


def _draw_subjects(numbers: np.ndarray, times: np.ndarray, ax: Axes) -> None:
    for number, (row, when) in enumerate(zip(numbers, times, strict=True)):
        at = np.isfinite(row) & np.isfinite(when)
        ax.plot(when[at], row[at], label="" if number else "one subject", **SUBJECT)
    if shared_times(times) and np.isfinite(numbers).all():
        label = bars_text(len(numbers))
        ax.errorbar(times[0], numbers.mean(axis=0), standard_error(numbers), label=label, **MEAN)
    ax.set_ylim(0, 1.15 * float(np.nanmax(numbers)) or 1.0)
    ax.legend(loc="lower left", handlelength=1.8, borderaxespad=0.2)
