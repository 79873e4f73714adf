"""Geometry of drift: along what, in how many dimensions and how together a code moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Index
from drift.errors import RefusedInputError
from drift.metrics.geometry.fits import TRANSFORMATIONS
from drift.metrics.intervals.subjects import error_over_subjects
from drift.metrics.time_course.lag_classes import curve_by_lag
from drift.plots.drawn import PAIRS, refuse_other_labels, refuse_other_result
from drift.plots.labels import time_axis
from drift.plots.sessions import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NULL: dict[str, Any] = {"color": "#bbbbbb"}
STYLES: dict[str, tuple[str, dict[str, Any]]] = {
    "naive": ("naive", {"color": COLOURS[1], "marker": "s", "linestyle": "--"}),
    "frozen": ("frozen code", {"color": COLOURS[2], "marker": "^", "linestyle": ":"}),
    "cross_validated": ("cross-validated", {"color": COLOURS[0], "marker": "o", "linestyle": "-"}),
}
BY_PAIR = ["session", "session_other"]


def _with_values(result: xr.Dataset, name: str, what: str) -> xr.DataArray:
    if not bool(result[name].notnull().any()):
        raise RefusedInputError(
            f"a picture needs values of {name}, got none: pass the result of metrics.{what} for "
            "sessions that can be compared."
        )
    return result[name]


def _refuse_other_kinds(
    result: xr.Dataset, maker: str, *names: str, further: tuple[str, ...] = ()
) -> None:
    """Refuse another Dataset than that of a measure which is naive, frozen and cross-validated."""
    dims = (*PAIRS, *further, "kind")
    refuse_other_result(result, f"metrics.{maker}", **dict.fromkeys(names, dims))
    refuse_other_labels(result, "kind", STYLES, f"metrics.{maker}")


def _of_subjects(values: xr.DataArray) -> xr.DataArray:
    """Means over pairs of sessions of each subject that has any."""
    means = values.mean(BY_PAIR)
    return means.isel(subject=np.flatnonzero(means.notnull().any(set(means.dims) - {"subject"})))


def _spread(values: xr.DataArray, within: xr.DataArray) -> xr.DataArray:
    """Standard error over subjects; of a single subject what is known within it."""
    between = error_over_subjects(values)
    return between.fillna(within)


@opened
def alignment_with_null(alignment: xr.Dataset, ax: Axes) -> Axes:
    """Draw the alignment of drift with directions of the code: naive, what a frozen code has, and
    cross-validated, each on the band that shuffled units give.

    Points are means over pairs of sessions, then over subjects; bars are one standard error over
    subjects, of a single subject the mean of that over conditions. Bands are mean and two standard
    deviations over shuffles.

    Parameters
    ----------
    alignment : xarray.Dataset
        Of ``metrics.drift_alignment``.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no two sessions were compared.
    """
    _refuse_other_kinds(
        alignment, "drift_alignment", "alignment", "standard_error", "shuffled",
        "shuffled_deviation",
    )  # fmt: skip
    by_subject = _of_subjects(_with_values(alignment, "alignment", "drift_alignment"))
    error = _spread(by_subject, alignment["standard_error"].mean(["subject", *BY_PAIR]))
    null, deviation = (
        alignment[name].mean(["subject", *BY_PAIR]) for name in ("shuffled", "shuffled_deviation")
    )
    mean = by_subject.mean("subject")
    for row, (kind, (_, style)) in enumerate(STYLES.items()):
        middle, width = (float(values.sel(kind=kind)) for values in (null, deviation))
        label = "" if row else "shuffled units"
        edges = middle - 2 * width, middle + 2 * width
        ax.fill_between([row - 0.35, row + 0.35], *edges, label=label, linewidth=0, **NULL)
        ax.errorbar(
            row, float(mean.sel(kind=kind)), yerr=float(error.sel(kind=kind)),
            **{**style, "linestyle": "none"}, capsize=3,
        )  # fmt: skip
    names = [label.replace(" ", "\n").replace("-", "-\n") for label, _ in STYLES.values()]
    ax.set_xticks(range(len(STYLES)), names)
    ax.set(xlim=(-0.6, len(STYLES) - 0.4), ylabel="alignment of drift, $\\phi^2$")
    ax.legend(loc="best")
    return ax


@opened
def dimension_by_lag(dimension: xr.Dataset, elapsed: xr.DataArray, ax: Axes) -> Axes:
    """Draw the dimension of drift against the time between sessions: naive, of a frozen code, and
    cross-validated; means over pairs of sessions, then over subjects.

    Parameters
    ----------
    dimension : xarray.Dataset
        Of ``metrics.drift_dimension``.
    elapsed : xarray.DataArray
        (subject, session) with the attribute ``units``.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If no two sessions were compared.
    """
    _refuse_other_kinds(dimension, "drift_dimension", "dimension")
    values = _with_values(dimension, "dimension", "drift_dimension")
    for kind, (label, style) in STYLES.items():
        own = values.sel(kind=kind, drop=True)
        if not bool(own.notnull().any()):
            continue
        mean = curve_by_lag(own, elapsed).mean("subject").dropna("lag")
        ax.plot(mean["mean_lag"], mean, label=label, markersize=3, linewidth=1.2, **style)
    units = time_axis(str(elapsed.attrs.get("units", "")))
    ax.set(xlabel=f"time between sessions ({units})", ylabel="dimension of drift")
    ax.set_ylim(0, None)
    ax.legend(loc="best", handlelength=2.4)
    return ax


@opened
def transformation_shares(transformations: xr.Dataset, ax: Axes) -> Axes:
    """Draw the share of drift that a translation, a rotation and a linear map explain at conditions
    on which they were not fitted, on the band of surrogates whose units drift independently.

    Cross-validated, means over pairs of sessions, then over subjects; bars are one standard error
    over subjects (none of a single one), bands mean and two standard deviations over surrogates.

    Parameters
    ----------
    transformations : xarray.Dataset
        Of ``metrics.drift_transformations``.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is no drift between any two sessions.
    """
    _refuse_other_kinds(
        transformations, "drift_transformations", "share", "surrogate_share",
        "surrogate_deviation", further=("transformation",),
    )  # fmt: skip
    maker = "metrics.drift_transformations"
    refuse_other_labels(transformations, "transformation", TRANSFORMATIONS, maker)
    share = _with_values(transformations, "share", "drift_transformations")
    by_subject = _of_subjects(share.sel(kind="cross_validated"))
    null, deviation = (
        transformations[name].sel(kind="cross_validated").mean(["subject", *BY_PAIR])
        for name in ("surrogate_share", "surrogate_deviation")
    )
    error = _spread(by_subject, 0 * null)
    colour, marker = (STYLES["cross_validated"][1][name] for name in ("color", "marker"))
    names = [str(name) for name in share["transformation"].values]
    for row, name in enumerate(names):
        middle, width = (float(values.sel(transformation=name)) for values in (null, deviation))
        edges = middle - 2 * width, middle + 2 * width
        label = "" if row else "units drift independently"
        ax.fill_between([row - 0.35, row + 0.35], *edges, label=label, linewidth=0.8, **NULL)
        mean = float(by_subject.sel(transformation=name).mean("subject"))
        bar = float(error.sel(transformation=name).fillna(0.0))
        ax.errorbar(row, mean, yerr=bar, color=colour, marker=marker, linestyle="none", capsize=3)
    ax.axhline(0.0, color="#999999", linewidth=0.7)
    ax.set_xticks(range(len(names)), [name.replace("linear", "linear map") for name in names])
    ax.set(xlim=(-0.6, len(names) - 0.4), ylabel="share of drift explained")
    ax.legend(loc="best")
    return ax


@opened
def dissimilarity_matrix(
    distances: xr.DataArray, ax: Axes, *, subject: Index = 0, session: Index = 0
) -> Axes:
    """Draw the distances of the population between every two conditions of a session, white where
    they are not known.

    Parameters
    ----------
    distances : xarray.DataArray
        Of ``metrics.crossnobis``.
    ax : matplotlib Axes
    subject, session : int
        Positions.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    RefusedInputError
        If there is no such session, or nothing is known of it.
    """
    wanted_dims = {"subject", "session", "condition", "condition_other"}
    if set(distances.dims) != wanted_dims or subject >= distances.sizes["subject"] or (
        session >= distances.sizes["session"]
    ):  # fmt: skip
        raise RefusedInputError(
            f"distances of subject {subject}, session {session} were expected, got "
            f"{dict(distances.sizes)}: pass the result of metrics.crossnobis and a position in it."
        )
    values = distances.isel(subject=subject, session=session).transpose(..., "condition_other")
    if not bool(values.notnull().any()):
        raise RefusedInputError(
            f"no distance is known in session {session} of subject {subject}: choose another one."
        )
    image = ax.imshow(values.values, cmap="cividis", interpolation="nearest")
    units = str(distances.attrs.get("units", "1"))
    name = "squared distance per unit" + ("" if units == "1" else f" ({units})")
    ax.figure.colorbar(image, ax=ax, label=name)
    ax.set(xlabel="condition", ylabel="condition")
    return ax
