"""What readouts of other days read: errors against the time between, and which places are taken for
which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.intervals.subjects import error_over_subjects
from drift.metrics.labels import require_dims
from drift.metrics.time_course.lag_classes import curve_by_lag
from drift.plots.labels import time_axis
from drift.plots.sessions import COLOURS
from drift.schema.labelled_form import check
from drift.schema.map_dims import PLACE, map_dim

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES: dict[str, dict[str, Any]] = {
    "fixed": {"color": COLOURS[1], "marker": "o"},
    "refitted (ceiling)": {"color": COLOURS[0], "marker": "s", "mfc": "white"},
    "shuffled (chance)": {"color": "#7f7f7f", "marker": "^", "linestyle": "--"},
}
SHUFFLED = "shuffled_{}"


@opened
def decoding_by_lag(
    fixed: xr.Dataset,
    ax: Axes,
    refitted: xr.Dataset | None = None,
    measure: Literal["decoding_error", "decoding_accuracy"] | None = None,
) -> Axes:
    """Draw the mean decoding error against the time between training and test.

    Three curves say what drift costs: a readout that is kept, one that is trained anew on the same
    units, which is the ceiling, and the kept one with the units in disorder, which is chance. Pairs
    count whose session trained is the earlier. Of several subjects each has a thin line; thick is
    their mean, with one standard error over subjects, at the lags that all of them have. Of one
    subject the line is the mean of its pairs, without an error, as pairs share sessions. The legend
    says which.

    Parameters
    ----------
    fixed : xarray.Dataset
        Of ``drift.metrics.decoding`` with ``readout="fixed"``; or of ``decoder_triple`` or
        ``drift.code_stability``, which hold ``refitted_decoding_error``, too.
    ax : matplotlib Axes
    refitted : xarray.Dataset, optional
        Of the same sessions with ``readout="refitted"``.
    measure : {"decoding_error", "decoding_accuracy"}, optional
        What is drawn; by default the error, or the accuracy where stimuli have no metric.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is one session only, or no two sessions are compared.
    SchemaError
        If what is drawn is missing.
    """
    if measure is None:
        measure = "decoding_error" if "decoding_error" in fixed else "decoding_accuracy"
    for scores in (fixed, *([] if refitted is None else [refitted])):
        check(scores, measure)
    curves = {"fixed": fixed[measure]}
    if refitted is not None:
        curves["refitted (ceiling)"] = refitted[measure]
    elif f"refitted_{measure}" in fixed:
        curves["refitted (ceiling)"] = fixed[f"refitted_{measure}"]
    if SHUFFLED.format(measure) in fixed:
        curves["shuffled (chance)"] = fixed[SHUFFLED.format(measure)]
    subjects = 0
    for name, values in curves.items():
        subjects = max(subjects, _draw(curve_by_lag(values, fixed["elapsed"]), ax, name))
    times = time_axis(str(fixed["elapsed"].attrs.get("units", "")))
    ax.set(xlabel=f"time between sessions ({times})", ylabel=_label(fixed[measure]))
    ax.set_ylim(0, 1.7 * ax.get_ylim()[1])  # room for the legend above all curves
    ax.set_xlim(0, None)
    style: dict[str, Any] = {"handlelength": 1.8, "handletextpad": 0.4, "alignment": "left"}
    ax.legend(title=_meaning(subjects), loc="upper left", borderaxespad=0.2, **style)
    return ax


def _label(scores: xr.DataArray) -> str:
    if scores.name == "decoding_accuracy":
        return "decoding accuracy (share of windows)"
    return f"decoding error ({scores.attrs.get('units', '1')})"


def _meaning(subjects: int) -> str:
    """What the lines and their errors are."""
    if subjects < 2:
        return "mean of the pairs"
    return f"mean \N{PLUS-MINUS SIGN} s.e. of {subjects} subjects"


def _draw(curve: xr.DataArray, ax: Axes, name: str) -> int:
    """Subjects and their mean; how many there are."""
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
    deviation = error_over_subjects(curve).values if subjects > 1 else None
    ax.errorbar(
        curve["mean_lag"].values, curve.mean("subject").values, deviation,
        label=name, linewidth=1.3, markersize=3.5, capsize=1.5, elinewidth=0.7, **style,
    )  # fmt: skip
    return subjects


@opened
def confusion_matrix(confusion: xr.DataArray, ax: Axes) -> Axes:
    """Draw in which share of the windows at each place each place was decoded.

    Parameters
    ----------
    confusion : xarray.DataArray
        (place, place_decoded), or (stimulus, stimulus_decoded), of one pair of sessions; see
        ``drift.metrics.decoding``. In a plane places are numbers; stimuli without even steps stand
        side by side.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        What was true runs to the right, what was decoded upward; places without a window are left
        white.

    Raises
    ------
    RefusedInputError
        If dims are missing or others stand beside them.
    """
    dim = map_dim(confusion)
    require_dims(confusion, "confusion", dim, f"{dim}_decoded")
    if confusion.ndim != 2:
        raise RefusedInputError(
            f"confusion was expected over {dim} and {dim}_decoded, got {confusion.dims}: choose "
            "one subject and one pair of sessions."
        )
    values = np.ma.masked_invalid(confusion.transpose(f"{dim}_decoded", dim).values)
    low, high = _ends(confusion[dim])
    image = ax.imshow(values, cmap="cividis", vmin=0, origin="lower", extent=(low, high, low, high))
    what = _what(confusion)
    ax.set(xlabel=f"true {what}", ylabel=f"decoded {what}")
    if _width(confusion[dim]) is None and dim != PLACE:
        ticks, labels = np.arange(confusion.sizes[dim]), confusion[dim].values.astype(str)
        ax.set_xticks(ticks, labels, rotation=90)
        ax.set_yticks(ticks, labels)
    bar = ax.inset_axes((1.04, 0, 0.05, 1))
    ax.figure.colorbar(image, cax=bar, label="share of windows")
    return ax


def _what(confusion: xr.DataArray) -> str:
    """What is decoded, with its units."""
    dim = map_dim(confusion)
    if "place_x" in confusion.coords:
        return "number of the place"
    name = "position" if dim == PLACE else "stimulus"
    units = str(confusion[dim].attrs.get("units", "cm" if dim == PLACE else ""))
    return f"{name} ({units})" if units else name


def _width(centres: xr.DataArray) -> float | None:
    """From a place or stimulus to the next, None where they are but numbered."""
    width = centres.attrs.get("bin_size")
    if width is None or "place_x" in centres.coords or centres.dtype.kind not in "biuf":
        return None
    even = np.allclose(np.diff(centres.values), width, rtol=1e-6)
    return float(width) if even else None


def _ends(centres: xr.DataArray) -> tuple[float, float]:
    """Where the first place begins and the last one ends."""
    width = _width(centres)
    if width is None:
        return -0.5, centres.size - 0.5
    values = centres.values.astype(float)
    return float(values[0] - width / 2), float(values[-1] + width / 2)
