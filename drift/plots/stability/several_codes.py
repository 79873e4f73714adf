"""Similarity over time of several codes on one pair of axes: recorded, frozen, of a network, of a
circuit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.plots.drawn import refuse_other_result
from drift.plots.labels import time_axis
from drift.plots.sessions import COLOURS, DASHES, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {
    "rate_map_correlation": "rate-map correlation",
    "corrected_similarity": "similarity without noise",
}
DIMS = dict.fromkeys(("estimate", "lower", "upper"), ("lag",))


@opened
def similarity_of_codes(codes: Mapping[str, xr.Dataset], ax: Axes) -> Axes:
    """Draw how alike sessions are by the time between them, one curve a code.

    Bars are the intervals that come with the curves. Of similarity with its noise taken out the
    curve of every code begins at 1: what halves of one session share. The first curve has filled
    markers and a whole line, the others hollow ones and broken lines.

    Parameters
    ----------
    codes : mapping of str to xarray.Dataset
        By what the legend says, ``metrics.by_lag_interval`` of each code; all of one measure.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is none, or one is of another kind or of another measure.
    """
    if not codes:
        raise RefusedInputError("codes must hold at least one curve, got none: give one.")
    for curve in codes.values():
        refuse_other_result(curve, "metrics.by_lag_interval", **DIMS)
    measures = list(dict.fromkeys(str(curve.attrs.get("of", "")) for curve in codes.values()))
    if len(measures) > 1 or measures[0] not in LABELS:
        raise RefusedInputError(
            f"codes must all be of one measure, {' or '.join(LABELS)}, got {', '.join(measures)}: "
            "draw each measure on axes of its own."
        )
    for number, (name, curve) in enumerate(codes.items()):
        _draw(curve, ax, number, name, measures[0] == "corrected_similarity")
    units = str(next(iter(codes.values()))["lag"].attrs.get("units", ""))
    ax.set(xlabel=f"time between sessions ({time_axis(units)})", ylabel=LABELS[measures[0]])
    ax.set_ylim(min(0.0, ax.get_ylim()[0]), max(1.02, ax.get_ylim()[1]))
    ax.legend(loc="best", handlelength=2.6)
    return ax


def _draw(curve: xr.Dataset, ax: Axes, number: int, name: str, from_one: bool) -> None:
    lag, middle, low, high = (curve[key].values for key in ("lag", "estimate", "lower", "upper"))
    bars = np.nan_to_num(np.stack([middle - low, high - middle]))
    if from_one:
        lag, middle = np.append(0.0, lag), np.append(1.0, middle)
        bars = np.concatenate([np.zeros((2, 1)), bars], axis=1)
    ax.errorbar(
        lag,
        middle,
        yerr=bars,
        label=name,
        color=COLOURS[number % len(COLOURS)],
        marker=MARKERS[number % len(MARKERS)],
        linestyle=DASHES[number % len(DASHES)],
        mfc=COLOURS[0] if number == 0 else "white",
        markersize=4,
        linewidth=1.2,
        capsize=2,
        elinewidth=0.8,
    )
