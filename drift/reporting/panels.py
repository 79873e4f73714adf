"""Panels of curves and matrices of a recording, alone or side by side, each with its caption, or
with the reason why it cannot be drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import xarray as xr

from drift.comparison.sources import of_subjects
from drift.errors import RefusedInputError
from drift.metrics.rooms import environment_labels, environments
from drift.metrics.stability.ceiling import correlation_ceiling
from drift.metrics.stability.corrected import corrected_similarity
from drift.metrics.stability.correlations import mean_rate_map_correlation
from drift.metrics.time_course.turnover import turnover
from drift.plots.elapsed_matrix import correlation_by_environment, correlation_over_elapsed
from drift.plots.lag_curves import similarity_by_lag
from drift.plots.publication import COLUMN, sheet
from drift.plots.session_curves import measure_over_elapsed
from drift.reporting import captions
from drift.reporting.map_words import map_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVE = 62.0  # mm, height of a panel with axes
SQUARE = 66.0  # mm, height of a matrix


class Plate(NamedTuple):
    """A figure with its caption, or the reason why there is none.

    Attributes
    ----------
    name : str
        Of its file, without an ending.
    title, caption : str
        What is to be seen, what error bars are, and what was left out.
    figure : matplotlib Figure or None
    reason : str
        Why there is no figure; empty where there is one.
    """

    name: str
    title: str
    caption: str
    figure: Figure | None
    reason: str = ""


class Panel(NamedTuple):
    """What is drawn on one pair of axes."""

    name: str
    title: str
    caption: Callable[[], str]
    draw: Callable[[Axes], object]


def drawn_plate(name: str, title: str, draw: Callable[[], tuple[Figure, str]]) -> Plate:
    """Draw a figure, or keep the reason why it cannot be drawn.

    Parameters
    ----------
    name, title : str
        See ``Plate``.
    draw : callable
        Returns the figure and its caption.
    """
    try:
        figure, caption = draw()
    except RefusedInputError as refusal:
        return Plate(name, title, "", None, str(refusal))
    return Plate(name, title, caption, figure)


def curve_panels(dataset: xr.Dataset) -> list[Panel]:
    """Curves over elapsed time and over lags, of one subject or of several together.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset without sessions before learning.
    """
    halved = [_without_noise(dataset)] if "rate_half" in dataset else []
    return [_by_lag(dataset), *halved, _fraction(dataset), _turnover(dataset)]


def assembled(panels: Sequence[Panel], width: float) -> Iterator[Plate]:
    """Draw panels, each as a figure of its own in one column, side by side in two.

    Parameters
    ----------
    panels : sequence of Panel
    width : float
        In mm.
    """
    if width < 2 * COLUMN:
        for panel in panels:
            yield drawn_plate(panel.name, panel.title, partial(_single, panel, width))
        return
    reasons = {panel.name: _refusal(panel) for panel in panels}
    for panel in panels:
        if reason := reasons[panel.name]:
            yield Plate(panel.name, panel.title, "", None, reason)
    drawable = [panel for panel in panels if not reasons[panel.name]]
    if drawable:
        yield _joined(drawable, width)


def _joined(panels: Sequence[Panel], width: float) -> Plate:
    """Panels side by side; one alone is a figure of its own."""
    if len(panels) == 1:
        return drawn_plate(panels[0].name, panels[0].title, partial(_single, panels[0], width))
    return drawn_plate("stability", "Stability", partial(_side_by_side, panels, width))


def _refusal(panel: Panel) -> str:
    """Why a panel cannot be drawn; empty where it can."""
    try:
        panel.draw(sheet(COLUMN, CURVE).add_subplot())
    except RefusedInputError as refusal:
        return str(refusal)
    return ""


def enlargement(width: float) -> float:
    """How much higher panels are on a page whose columns, and letters, are larger than in print.

    Parameters
    ----------
    width : float
        In mm.
    """
    return max(1.0, width / COLUMN) if width < 2 * COLUMN else 1.0


def _single(panel: Panel, width: float) -> tuple[Figure, str]:
    height = SQUARE if panel.name.endswith("_matrix") else CURVE
    figure = sheet(width, height * enlargement(width))
    panel.draw(figure.add_subplot())
    return figure, panel.caption()


def _side_by_side(panels: Sequence[Panel], width: float) -> tuple[Figure, str]:
    """Two panels a row, or three alone, with letters."""
    columns = 3 if len(panels) == 3 else 2
    rows = -(-len(panels) // columns)
    figure = sheet(width, CURVE * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    told = []
    for letter, ax, panel in zip("abcdefgh", axes, panels, strict=False):
        panel.draw(ax)
        ax.set_title(letter, loc="left", fontweight="bold")
        told.append(f"({letter}) {panel.title}. {panel.caption()}")
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    return figure, " ".join(told)


def matrix_panel(own: xr.Dataset) -> Panel:
    """Correlation between every two sessions of one subject.

    Parameters
    ----------
    own : xarray.Dataset
        Longitudinal Dataset of one subject.
    """

    def draw(ax: Axes) -> object:
        correlation = mean_rate_map_correlation(own).isel(subject=0)
        return correlation_over_elapsed(correlation, _times_and_rooms(own), ax, name)

    name = map_words(own).correlation
    title = f"{name.capitalize()} between sessions"
    return Panel("correlation_matrix", title, partial(captions.matrix, own), draw)


def remapping_panels(own: xr.Dataset) -> list[Panel]:
    """Correlation between every two sessions of one subject, between rooms, too; none where the
    subject was in one.

    Parameters
    ----------
    own : xarray.Dataset
        Longitudinal Dataset of one subject.
    """

    def draw(ax: Axes) -> object:
        correlation = mean_rate_map_correlation(own, across_environments=True).isel(subject=0)
        return correlation_by_environment(correlation, _times_and_rooms(own), ax, name)

    if len(environments(own)) < 2:
        return []
    name = map_words(own).correlation
    caption = partial(captions.remapping, own)
    return [
        Panel("remapping_matrix", f"{name.capitalize()} within and between rooms", caption, draw)
    ]


def _times_and_rooms(own: xr.Dataset) -> xr.DataArray:
    """(session) elapsed time of one subject, with the room of each session."""
    elapsed = own["elapsed"].isel(subject=0).reset_coords(drop=True)
    rooms = environment_labels(own, subjects=1, sessions=own.sizes["session"])[0]
    return elapsed.assign_coords(environment=("session", rooms))


def ceiling_or_reason(dataset: xr.Dataset) -> tuple[xr.DataArray | None, str]:
    """Return the noise ceiling of the correlation between sessions, or why it is not known.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    """
    try:
        return correlation_ceiling(dataset), ""
    except RefusedInputError:
        maps = f"{map_words(dataset).short}s"
        return None, (
            f"No noise ceiling is drawn: it needs {maps} of two halves of each session, which this "
            f"file does not hold, so that noise of the {maps} alone may keep the correlation below "
            "1."
        )


def _by_lag(dataset: xr.Dataset) -> Panel:
    ceiling, reason = ceiling_or_reason(dataset)

    def draw(ax: Axes) -> object:
        correlation, limit = mean_rate_map_correlation(dataset), "noise ceiling (split halves)"
        return similarity_by_lag(correlation, _times(dataset), ax, name, ceiling, limit)

    name = map_words(dataset).correlation
    title = f"{name.capitalize()} by the time between sessions"
    return Panel(
        "correlation_by_lag", title, partial(captions.by_lag, dataset, ceiling, reason), draw
    )


def _without_noise(dataset: xr.Dataset) -> Panel:
    def draw(ax: Axes) -> object:
        return similarity_by_lag(corrected_similarity(dataset), _times(dataset), ax, name)

    name = f"{map_words(dataset).short} similarity without noise"
    title = f"{name.capitalize()} by the time between sessions"
    caption = partial(captions.without_noise, dataset)
    return Panel("corrected_similarity_by_lag", title, caption, draw)


def _times(dataset: xr.Dataset) -> xr.DataArray:
    return dataset["elapsed"].transpose("subject", "session")


def _fraction(dataset: xr.Dataset) -> Panel:
    values = xr.DataArray(of_subjects(dataset, "fraction_place_units"), dims=("subject", "session"))

    def draw(ax: Axes) -> object:
        return measure_over_elapsed(values, _times(dataset), ax, f"{cells} / recorded cells")

    cells = map_words(dataset).cells
    title = f"Fraction of {cells}"
    return Panel("fraction_place_cells", title, partial(captions.fraction, dataset), draw)


def _turnover(dataset: xr.Dataset) -> Panel:
    def draw(ax: Axes) -> object:
        counts = turnover(dataset, "place")
        group = (counts["kept"] + counts["lost"]).where(lambda size: size > 0)
        shares = (counts[name] / group for name in ("kept", "kept_by_chance"))
        return similarity_by_lag(
            next(shares), _times(dataset), ax, f"{cells} kept", next(shares), "by chance"
        )

    cells = map_words(dataset).cells
    caption = partial(captions.turnover_by_lag, dataset)
    return Panel("turnover_by_lag", f"Turnover of {cells}", caption, draw)
