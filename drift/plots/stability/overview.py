"""Whether a code drifts, on one page: maps of tracked units over days, and the curves that decide
it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.plots.rate_maps import arena_maps
from drift.plots.stability.decoding_curves import decoding_by_lag
from drift.plots.stability.life_tables import recurrence_by_lag, shift_histogram, survival_curve
from drift.plots.stability.similarity_curves import jumps_by_lag, similarity_and_ceiling
from drift.plots.tracked_maps import tracked_rate_maps
from drift.schema.selection import position_of, session_title
from drift.stability.absent import reason_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

PANELS, ROWS = 6, 3  # sessions whose maps are shown at most; cells in a plane
WRAP = 38  # characters of a line of a reason
RECURRENCE = (
    "recurrence", "base_rate", "recurrence_of_halves", "recurrence_by_noise",
)  # fmt: skip


@opened
def stability_overview(
    stability: xr.Dataset,
    figure: Figure,
    *,
    subject: int | str = 0,
    sorted_by: int | str | None = None,
    group: Literal["active", "place"] = "active",
) -> Figure:
    """Draw whether a code drifts on one page: (a) maps of tracked units over days in the order of
    one day, (b) similarity by lag as seen, at best and without noise, (c) errors of a fixed, a
    refitted and a shuffled readout, (d) recurrence against its base rate and test noise, (e)
    survival, (f) shifts of fields and (g) jumps, each against chance.

    Curves are over all subjects, maps of one. What the source does not tell is said in the place of
    the panel.

    Parameters
    ----------
    stability : xarray.Dataset
        Of ``drift.code_stability``.
    figure : matplotlib Figure
        An empty one, such as ``plots.sheet(180, 165)``.
    subject : int or str
        Whose maps are shown: a position along the dim, or a label as text.
    sorted_by : int or str, optional
        Session whose units are shown in the order of their places in it: a label as text, or a
        position; the first one by default.
    group : {"active", "place"}
        Whose recurrence and survival are shown.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    RefusedInputError
        If the Dataset is of another kind, or there is no such subject or session.
    """
    if "absent" not in stability.attrs or "rate" not in stability:
        raise RefusedInputError(
            "what drift.code_stability returns was expected, got another Dataset: measure the "
            "stability of the code first."
        )
    who = position_of(stability, "subject", subject)
    day = 0 if sorted_by is None else position_of(stability, "session", sorted_by, who)
    above, below = np.ravel(figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 1.7]))
    _maps(stability, who, day, above)
    axes = below.subplots(2, 3).ravel()
    times = stability["elapsed"].transpose("subject", "session")
    panels = _panels(stability, times, group)
    for letter, ax, panel in zip("bcdefg", axes, panels, strict=True):
        _drawn_or_said(stability, panel, ax)
        ax.set_title(letter, loc="left", fontweight="bold")
        if letter in "bg" and stability.sizes["subject"] > 1:  # the others say it in their legends
            ax.set_title(f"mean \N{PLUS-MINUS SIGN} s.e. of {stability.sizes['subject']} subjects")
    return figure


Panel = tuple[str, str, Callable[["Axes"], object]]


def _panels(stability: xr.Dataset, times: xr.DataArray, group: str) -> list[Panel]:
    """What each panel needs, a measure and a variable of it that may be absent, and how it is
    drawn."""
    return [
        (
            "corrected similarity",
            "corrected_similarity",
            lambda ax: similarity_and_ceiling(
                stability["rate_map_correlation"],
                stability["corrected_similarity"],
                times,
                ax,
                stability.get("correlation_ceiling"),
            ),
        ),
        ("decoder triple", "decoding_error", lambda ax: decoding_by_lag(stability, ax)),
        (
            f"recurrence of {group} units",
            "recurrence",
            lambda ax: recurrence_by_lag(_of_group(stability, RECURRENCE, group), times, ax),
        ),
        (
            f"survival of {group} units",
            "survival",
            lambda ax: survival_curve(_survival(stability, group), ax),
        ),
        (
            "shifts and jumps of fields",
            "shift_share",
            lambda ax: shift_histogram(_shifts(stability), times, ax),
        ),
        ("shifts and jumps of fields", "jumps", lambda ax: jumps_by_lag(stability, times, ax)),
    ]


def _of_group(stability: xr.Dataset, names: tuple[str, ...], group: str) -> xr.Dataset:
    present = [name for name in names if name in stability]
    if not present or group not in stability[present[0]]["group"].values:
        raise RefusedInputError(f"{names[0]} of {group} units is not known.")
    return stability[present].sel(group=group).assign_attrs(of=group)


def _survival(stability: xr.Dataset, group: str) -> xr.Dataset:
    curve = _of_group(stability, ("survival", "survival_standard_error"), group)
    return curve.rename(survival_standard_error="standard_error")


def _shifts(stability: xr.Dataset) -> xr.Dataset:
    names = {"shift_share": "share", "shift_share_by_chance": "share_by_chance"}
    return stability[[name for name in names if name in stability]].rename(
        {name: new for name, new in names.items() if name in stability}
    )


def _drawn_or_said(stability: xr.Dataset, panel: Panel, ax: Axes) -> None:
    """Draw a panel, or say why it cannot be drawn."""
    measure, variable, draw = panel
    try:
        if reason := reason_for(stability, measure, variable):
            raise RefusedInputError(reason)
        draw(ax)
    except RefusedInputError as refusal:
        _say(f"no {measure}: {refusal}", ax)


def _say(text: str, ax: Axes) -> None:
    ax.clear()
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6, "color": "#595959"}
    ax.text(0.5, 0.5, textwrap.fill(text, WRAP), transform=ax.transAxes, **style)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _maps(stability: xr.Dataset, who: int, day: int, figure: SubFigure) -> None:
    """Maps of one subject in sessions spread from the first to the last."""
    own = stability.isel(subject=who)
    recorded = np.flatnonzero((own["recorded"] == 1).any("unit").values)
    places = np.linspace(0, recorded.size - 1, min(PANELS, recorded.size)).round().astype(int)
    sessions = sorted({*recorded[places].tolist()[: PANELS - (day not in recorded[places])], day})
    figure.suptitle("a", x=0.01, ha="left", fontweight="bold", fontsize=7)
    figure.text(0.04, 0.98, _whose(own, len(sessions), recorded.size), va="top", fontsize=6)
    if "place_x" in stability.coords:
        _arenas(own, sessions, figure)
        return
    axes = figure.subplots(1, len(sessions), squeeze=False)[0]
    try:
        image = tracked_rate_maps(stability, who, sessions, axes, day)
    except RefusedInputError as refusal:
        for ax in axes:
            ax.set_visible(False)
        _say(f"no maps: {refusal}", figure.add_subplot())
        return
    _share_labels(axes)
    if image is not None:
        bar = figure.colorbar(image, ax=list(axes), ticks=[0, 1], aspect=16, shrink=0.7)
        bar.set_label("rate / maximum")


def _whose(own: xr.Dataset, shown: int, recorded: int) -> str:
    """Whose maps, and of how many of the sessions."""
    label = own["subject"].item() if "subject" in own.coords else ""
    some = f"{shown} of {recorded} sessions" if shown < recorded else ""
    return ", ".join(filter(None, (f"subject {label}", some)))


def _share_labels(axes: np.ndarray) -> None:
    axes[0].set_ylabel("unit")
    for number, ax in enumerate(axes):
        if number != len(axes) // 2:
            ax.set_xlabel("")
        if number:
            ax.set_yticklabels([])


def _arenas(own: xr.Dataset, sessions: list[int], figure: SubFigure) -> None:
    axes = figure.subplots(ROWS, len(sessions), squeeze=False)
    arena_maps(own, sessions, axes)
    for ax, session in zip(axes[0], sessions, strict=True):
        ax.set_title(session_title(own.isel(session=session)))
