"""A recording beside its frozen twins, by the time between sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.plots.drawn import refuse_other_labels, refuse_other_result
from drift.plots.labels import time_axis
from drift.plots.sessions import COLOURS, DASHES, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN = ("recorded_by_lag", "frozen_by_lag", "frozen_low_by_lag", "frozen_high_by_lag")
LABELS = {
    "rate_map_correlation": "rate-map correlation",
    "corrected_similarity": "similarity without noise",
    "place_units_kept": "place cells in common",
}


@opened
def recorded_beside_frozen(
    noise: xr.Dataset,
    ax: Axes,
    curve: Literal[
        "rate_map_correlation", "corrected_similarity", "place_units_kept"
    ] = "rate_map_correlation",
    subject: str | None = None,
) -> Axes:
    """Draw how alike sessions are by the time between them, as recorded and as they were if the
    code stood still.

    Lines with filled markers are recorded; broken lines with hollow ones are the mean of the frozen
    twins, and the bands their intervals of 95 %: where one recording of a code at rest would lie.

    Parameters
    ----------
    noise : xarray.Dataset
        Of ``drift.sampling_noise``.
    ax : matplotlib Axes
    curve : {"rate_map_correlation", "corrected_similarity", "place_units_kept"}
        What is drawn.
    subject : str, optional
        Label of one subject; all by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If it is another Dataset, or there is no such subject.
    """
    dims = ("subject", "lag", "curve")
    refuse_other_result(noise, "sampling_noise", **dict.fromkeys(DRAWN, dims))
    refuse_other_labels(noise, "curve", LABELS, "sampling_noise")
    labels = [str(label) for label in noise["subject"].values]
    if subject is not None and subject not in labels:
        raise RefusedInputError(
            f"subject must be one of {', '.join(labels)}, got {subject!r}: choose one."
        )
    for number, label in enumerate(labels):
        if subject in (None, label):
            name = f"{label}, " if len(labels) > 1 else ""
            _draw(noise.sel(curve=curve).isel(subject=number), ax, number, name)
    units = time_axis(str(noise["lag"].attrs.get("units", "")))
    ax.set(xlabel=f"time between sessions ({units})", ylabel=LABELS[curve])
    low, high = ax.get_ylim()
    ax.set_ylim(min(0.0, low) if low < 0 else 0.0, high + 0.02)
    ax.legend(loc="best", handlelength=2.2, borderaxespad=0.2)
    return ax


def _draw(own: xr.Dataset, ax: Axes, number: int, name: str) -> None:
    own = own.isel(lag=np.flatnonzero(own["recorded_by_lag"].notnull().values))
    lag = own["lag"].values
    style: dict[str, Any] = {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 3.5,
        "linewidth": 1.2,
    }
    ends = own["frozen_low_by_lag"].values, own["frozen_high_by_lag"].values
    ax.fill_between(lag, *ends, color=style["color"], alpha=0.2, linewidth=0)
    frozen = f"{name}frozen, mean and 95 % of twins"
    ax.plot(
        lag, own["frozen_by_lag"].values, label=frozen, mfc="white", linestyle=DASHES[1], **style
    )
    ax.plot(lag, own["recorded_by_lag"].values, label=f"{name}recorded", **style)
