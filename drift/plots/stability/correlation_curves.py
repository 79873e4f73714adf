"""Correlation between sessions against the time between them, with its interval over subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError, did_you_mean
from drift.metrics.intervals.nested import nested_interval
from drift.metrics.intervals.subjects import error_over_subjects
from drift.metrics.time_course.interval_measures import CORRELATION
from drift.metrics.time_course.lags import by_lag
from drift.plots.labels import least_correlation
from drift.plots.sessions import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS = ("all sessions", "first half", "second half")
CONFIDENCE = 0.95
Bars = Literal["interval", "standard_error"]
STYLES: dict[str, dict[str, Any]] = {
    "all sessions": {"color": COLOURS[3], "marker": "D", "linestyle": ":"},
    "first half": {"color": COLOURS[0], "marker": "o", "linestyle": "-"},
    "second half": {"color": COLOURS[1], "marker": "s", "linestyle": "-"},
    "corrected similarity": {"color": COLOURS[2], "marker": "^", "linestyle": "-"},
    "noise ceiling": {"color": "0.5", "marker": "", "linestyle": "--"},
}


@opened
def correlation_by_lag(
    dataset: xr.Dataset,
    correlation: xr.DataArray,
    ax: Axes,
    parts: Sequence[str] = PARTS,
    *,
    corrected: xr.DataArray | None = None,
    ceiling: xr.DataArray | None = None,
    bars: Bars = "interval",
) -> Axes:
    """Draw the correlation between sessions against the time between them, at every lag: of all
    pairs, and of early pairs apart from late ones.

    Curves are means over subjects; error bars are 95 % intervals over subjects (Student's, see
    ``metrics.nested_interval``; those of plain correlations lie between -1 and 1), the legend says
    what they are and of how many. One subject has none. Pairs of sessions in different environments
    do not enter. Bars that leave the axis are cut off.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``elapsed``.
    correlation : xarray.DataArray
        (subject, session, session_other).
    ax : matplotlib Axes
    parts : sequence of str
        Which curves, of "all sessions", "first half" and "second half"; long lags are in the first
        alone. Halves are drawn where they have two sessions that can be compared.
    corrected : xarray.DataArray, optional
        (subject, session, session_other) similarity without noise, to stand beside;
        ``metrics.corrected_similarity``.
    ceiling : xarray.DataArray, optional
        (subject, session, session_other) what the correlation could be at best,
        ``metrics.correlation_ceiling``; drawn without interval.
    bars : {"interval", "standard_error"}
        Of 95 %, or one standard error over subjects, as in the panel beside it.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is one session only, a part is unknown, or no elapsed time is known.
    """
    counts = [
        _draw_part(dataset, correlation, label, ax, bars)
        for label in parts
        if label == "all sessions" or dataset.sizes["session"] > 2
    ]
    if corrected is not None:
        counts.append(
            _draw(_curve(corrected, dataset["elapsed"]), "corrected similarity", ax, bars)
        )
    if ceiling is not None:
        curve = _curve(ceiling, dataset["elapsed"]).mean("subject")
        ax.plot(curve["lag"], curve, label="noise ceiling", **STYLES["noise ceiling"])
    units = str(dataset["elapsed"].attrs.get("units", ""))
    lows = [least_correlation(pairs) for pairs in (correlation, corrected) if pairs is not None]
    ax.set(
        xlabel=f"lag ({units if units == 'min' else units + 's'})",
        ylabel="rate-map correlation" if corrected is None else "similarity of rate maps",
        ylim=(min(lows), max(1.02, ax.get_ylim()[1] if corrected is not None else 0.0)),
    )
    ax.legend(frameon=False, title=_title(np.concatenate(counts), bars), title_fontsize="small")
    return ax


def _title(counts: np.ndarray, bars: Bars) -> str:
    """What the bars are, and of how many subjects."""
    if counts.size == 0 or counts.max() < 2:
        return f"1 subject: no {bars.replace('_', ' ')} over subjects"
    least, most = counts.min(), counts.max()
    subjects = f"{most}" if least == most else f"{least} to {most}"
    if bars == "standard_error":
        return f"mean \N{PLUS-MINUS SIGN} s.e.\nover {subjects} subjects"
    return f"mean and {100 * CONFIDENCE:g} % interval\nover {subjects} subjects"


def _draw_part(
    dataset: xr.Dataset, correlation: xr.DataArray, label: str, ax: Axes, bars: Bars
) -> np.ndarray:
    """(lag) subjects of the curve of all sessions, or of a half of them."""
    half = dataset.sizes["session"] // 2
    slices = {
        "all sessions": slice(None),
        "first half": slice(0, half + 1),
        "second half": slice(half, None),
    }
    if label not in slices:
        raise RefusedInputError(
            f"parts must be of {', '.join(PARTS)}, got {label!r}: {did_you_mean(label, PARTS)}"
        )
    sessions = slices[label]
    pairs = correlation.isel(session=sessions, session_other=sessions)
    try:
        curve = _curve(pairs, dataset["elapsed"].isel(session=sessions))
    except RefusedInputError:
        if label == "all sessions":
            raise
        return np.array([], dtype=int)  # a half in which no two sessions lie in one environment
    return _draw(curve, label, ax, bars)


def _curve(pairs: xr.DataArray, elapsed: xr.DataArray) -> xr.DataArray:
    """(subject, lag) where any subject has a pair."""
    means = by_lag(pairs, elapsed)["correlation"]
    return means.isel(lag=np.flatnonzero(means.notnull().any("subject").values))


def _draw(curve: xr.DataArray, label: str, ax: Axes, bars: Bars) -> np.ndarray:
    """Mean and interval over subjects; returns (lag) how many these are."""
    style: dict[str, Any] = {"markersize": 3, "capsize": 2, "linewidth": 1, **STYLES[label]}
    count = curve.notnull().sum("subject").values
    error = None
    if curve.notnull().any("lag").sum() > 1:
        error = _reach(curve, None if label == "corrected similarity" else CORRELATION)
        if bars == "standard_error":
            error = error_over_subjects(curve).values
    ax.errorbar(curve["lag"], curve.mean("subject"), yerr=error, label=label, **style)
    return np.asarray(count)


def _reach(curve: xr.DataArray, within: tuple[float, float] | None) -> np.ndarray:
    """(end, lag) from the mean to the ends of its interval over subjects."""
    interval = nested_interval(curve, ("subject",), confidence=CONFIDENCE, within=within)
    ends = interval["estimate"] - interval["lower"], interval["upper"] - interval["estimate"]
    return np.stack([end.values for end in ends])
