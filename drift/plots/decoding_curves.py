"""What readouts of other days read: errors against the time between, and which places are taken for
which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.labels import require_dims
from drift.metrics.time_course.lag_classes import curve_by_lag
from drift.plots.labels import time_axis
from drift.plots.sessions import COLOURS
from drift.schema.labelled_form import check

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES: dict[str, dict[str, Any]] = {
    "fixed": {"color": COLOURS[1], "marker": "o"},
    "refitted": {"color": COLOURS[0], "marker": "s", "mfc": "white"},
    "shuffled": {"color": "#7f7f7f", "marker": "^", "linestyle": "--"},
}


@opened
def decoding_by_lag(fixed: xr.Dataset, ax: Axes, refitted: xr.Dataset | None = None) -> Axes:
    """Draw the mean decoding error against the time between training and test.

    Three curves say what drift costs: a readout that is kept, one that is trained anew on the same
    units, and the kept one with the units in disorder. Pairs count whose session trained is the
    earlier. Of several subjects each has a thin line; thick is their mean, with one standard error
    over subjects, at the lags that all of them have. Of one subject the line is the mean of its
    pairs, without an error, as pairs share sessions.

    Parameters
    ----------
    fixed : xarray.Dataset
        Of ``drift.metrics.decoding`` with ``readout="fixed"``; or of ``decoder_triple`` or
        ``drift.code_stability``, which hold ``refitted_decoding_error``, too.
    ax : matplotlib Axes
    refitted : xarray.Dataset, optional
        Of the same sessions with ``readout="refitted"``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is one session only, or no two sessions are compared.
    SchemaError
        If ``decoding_error`` is missing.
    """
    for scores in (fixed, *([] if refitted is None else [refitted])):
        check(scores, "decoding_error")
    curves = {"fixed": fixed["decoding_error"]}
    if refitted is not None:
        curves["refitted"] = refitted["decoding_error"]
    elif "refitted_decoding_error" in fixed:
        curves["refitted"] = fixed["refitted_decoding_error"]
    if "shuffled_decoding_error" in fixed:
        curves["shuffled"] = fixed["shuffled_decoding_error"]
    for name, errors in curves.items():
        _draw(curve_by_lag(errors, fixed["elapsed"]), ax, name)
    times = time_axis(str(fixed["elapsed"].attrs.get("units", "")))
    units = fixed["decoding_error"].attrs["units"]
    ax.set(xlabel=f"time between sessions ({times})", ylabel=f"decoding error ({units})")
    ax.set_ylim(0, 1.22 * ax.get_ylim()[1])  # room for the legend above all curves
    ax.set_xlim(0, None)
    style = {"columnspacing": 0.9, "handlelength": 1.8, "handletextpad": 0.4}
    ax.legend(loc="upper center", ncols=3, borderaxespad=0.2, **style)
    return ax


def _draw(curve: xr.DataArray, ax: Axes, name: str) -> None:
    """Subjects and their mean."""
    if curve.sizes["lag"] == 0:
        raise RefusedInputError(
            "a curve over lags needs two sessions that are compared, got none with units in "
            "common: register the units, or record a room twice."
        )
    style, lag = STYLES[name], curve["mean_lag"].values
    if curve.sizes["subject"] > 1:
        ax.plot(lag, curve.transpose("lag", "subject").values, color=style["color"], lw=0.5)
    curve = curve.isel(subject=np.flatnonzero(curve.notnull().any("lag").values))
    curve = curve.isel(lag=np.flatnonzero(curve.notnull().all("subject").values))
    subjects = curve.sizes["subject"]
    deviation = curve.std("subject", ddof=1).values / np.sqrt(subjects) if subjects > 1 else None
    ax.errorbar(
        curve["mean_lag"].values, curve.mean("subject").values, deviation,
        label=name, linewidth=1.3, markersize=3.5, capsize=1.5, elinewidth=0.7, **style,
    )  # fmt: skip


@opened
def confusion_matrix(confusion: xr.DataArray, ax: Axes) -> Axes:
    """Draw in which share of the windows at each place each place was decoded.

    Parameters
    ----------
    confusion : xarray.DataArray
        (place, place_decoded) of one pair of sessions; see ``drift.metrics.decoding``. In a plane
        places are numbers.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        True places run to the right, decoded ones upward; places without a window are left white.

    Raises
    ------
    RefusedInputError
        If dims are missing or others stand beside them.
    """
    require_dims(confusion, "confusion", "place", "place_decoded")
    if confusion.ndim != 2:
        raise RefusedInputError(
            f"confusion was expected over place and place_decoded, got {confusion.dims}: choose "
            "one subject and one pair of sessions."
        )
    values = np.ma.masked_invalid(confusion.transpose("place_decoded", "place").values)
    low, high = _ends(confusion)
    image = ax.imshow(values, cmap="cividis", vmin=0, origin="lower", extent=(low, high, low, high))
    plane = "place_x" in confusion.coords
    units = "" if plane else f" ({confusion['place'].attrs.get('units', 'cm')})"
    what = "number of the place" if plane else "position"
    ax.set(xlabel=f"true {what}{units}", ylabel=f"decoded {what}{units}")
    bar = ax.inset_axes((1.04, 0, 0.05, 1))
    ax.figure.colorbar(image, cax=bar, label="share of windows")
    return ax


def _ends(confusion: xr.DataArray) -> tuple[float, float]:
    """Where the first place begins and the last one ends."""
    place = confusion["place"].values.astype(float)
    width = (
        confusion["place"].attrs.get("bin_size", 1.0) if "place_x" not in confusion.coords else 1
    )
    return float(place[0] - width / 2), float(place[-1] + width / 2)
