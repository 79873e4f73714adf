"""Studies, done and planned: similarity by days and by visits, and power by the number of
animals."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Probability
from drift.errors import RefusedInputError
from drift.metrics.experience.pair_rows import PairRows, pair_rows
from drift.metrics.intervals.limits import standard_error
from drift.metrics.rooms import environment_labels
from drift.plots.sessions import COLOURS, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = ("-", "--", "-.", ":")
OTHERS = ("units", "sessions", "minutes", "registration_loss")


def _style(number: int) -> dict[str, Any]:
    """Of the line of this number: told apart in grey, too."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": LINES[number % len(LINES)],
        "marker": MARKERS[number % len(MARKERS)],
        "capsize": 2,
    }


@opened
def similarity_by_clock(
    dataset: xr.Dataset, similarity: xr.DataArray, ax: Axes, *, clock: str = "time"
) -> Axes:
    """Draw the similarity of two sessions against the days, or against the visits, that lie between
    them, a line for each environment.

    Of a code that drifts with the days the lines of environments that are visited at different
    intervals coincide over days, of one that drifts with visits over visits. Points are means over
    the pairs of each subject, then over subjects; bars are one standard error over subjects.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``elapsed`` and ``environment``, and for visits ``visits``.
    similarity : xarray.DataArray
        (subject, session, session_other), as ``corrected_similarity`` returns it.
    ax : matplotlib.axes.Axes
        Panel to draw on.
    clock : str
        "time", or what ``experience`` of ``time_and_experience`` takes: "visits", "laps".

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RefusedInputError
        If no pairs can be compared, or the Dataset has no such clock.
    """
    pairs = pair_rows(dataset, similarity, "elapsed" if clock == "time" else clock, ())
    apart = pairs.distances["experience"]
    sizes = {"subjects": dataset.sizes["subject"], "sessions": dataset.sizes["session"]}
    names = np.unique(environment_labels(dataset, **sizes))
    for number, room in enumerate(np.unique(pairs.room)):
        lags, means, errors = _curve(pairs, apart, pairs.room == room)
        style = _style(number)
        label = f"environment {names[room]}" if names[room] else None
        ax.errorbar(lags, means, errors, label=label, **style)
    units = str(dataset["elapsed"].attrs.get("units", "1"))
    ax.set_xlabel(
        f"time between sessions ({units})" if clock == "time" else f"{clock} between them"
    )
    ax.set_ylabel(str(similarity.name or "similarity").replace("_", " "))
    ax.legend(frameon=False)
    return ax


def _curve(pairs: PairRows, apart: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Lags, means over subjects and their standard errors, 0 of a single subject."""
    lags, lag_of = np.unique(apart[rows].round(9), return_inverse=True)
    subjects, own = np.unique(pairs.subject[rows], return_inverse=True)
    shape = (lags.size, subjects.size)
    flat = lag_of * subjects.size + own
    count = np.bincount(flat, minlength=lags.size * subjects.size).reshape(shape)
    total = np.bincount(flat, pairs.similarity[rows], lags.size * subjects.size).reshape(shape)
    means = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return lags, np.nanmean(means, axis=1), np.nan_to_num(standard_error(means, axis=1))


@opened
def power_by_animals(power: xr.Dataset, ax: Axes, *, target: Probability = 0.8) -> Axes:
    """Draw the power of planned studies against the number of animals, a line for each other design
    of the grid.

    Bars are one Monte Carlo standard error; the dashed line is the target.

    Parameters
    ----------
    power : xarray.Dataset
        Of ``drift.power``.
    ax : matplotlib.axes.Axes
        Panel to draw on.
    target : float
        Power that is wanted.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RefusedInputError
        If the Dataset is none of ``drift.power``.
    """
    if not {"power", "standard_error"} <= set(power) or "animals" not in power.dims:
        raise RefusedInputError(
            "a picture of power needs power and standard_error over animals, got "
            f"{', '.join(map(str, power.data_vars)) or 'nothing'}: pass the result of drift.power."
        )
    varied = [name for name in OTHERS if power.sizes[name] > 1]
    cells = list(product(*(range(power.sizes[name]) for name in OTHERS)))
    for number, cell in enumerate(cells):
        own = power.isel(dict(zip(OTHERS, cell, strict=True)))
        label = ", ".join(_value(own, name) for name in varied) or None
        style = _style(number)
        error = own["standard_error"]
        ax.errorbar(own["animals"], own["power"], error, label=label, **style)
    ax.axhline(target, color="0.4", linestyle=(0, (4, 3)), linewidth=0.8)
    ax.set(xlabel="animals in each group", ylabel="power (share of studies)", ylim=(0, 1.03))
    if varied:
        ax.legend(frameon=False)
    return ax


def _value(cell: xr.Dataset, name: str) -> str:
    units = {"units": " units", "sessions": " sessions", "minutes": " min"}
    value = float(cell[name])
    return f"{value:g}{units[name]}" if name in units else f"{100 * value:g} % lost"
