"""The figures of one recording, each with its caption, or with the reason why it cannot be
drawn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.places import require_track
from drift.metrics.stability.pairs import same_units
from drift.observation.lens import untrained_sessions
from drift.plots.examples import example_cells, example_units
from drift.plots.publication import COLUMN, sheet
from drift.plots.stimulus_axis import height_of_names
from drift.plots.tracked_maps import cells_by_place, tracked_rate_maps
from drift.reporting import captions
from drift.reporting.map_words import map_words
from drift.reporting.panels import (
    Plate,
    assembled,
    curve_panels,
    drawn_plate,
    enlargement,
    matrix_panel,
    remapping_panels,
)
from drift.schema.map_dims import STIMULUS, map_dim
from drift.schema.selection import position_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMOOTHING = 1.0  # bins, of maps over places that are shown
MOST_ROWS = 2  # of maps
MOST_EXAMPLES = 6  # sessions of example cells


def own_sessions(dataset: xr.Dataset, subject: int) -> xr.Dataset:
    """Return the sessions of one subject that were recorded, without those before learning.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    subject : int
        Position along the dim.

    Returns
    -------
    xarray.Dataset
        With the dim subject of size 1; without sessions where none was recorded.
    """
    own = dataset.isel(subject=[subject])
    own = own.isel(environment=0) if "environment" in own.dims else own
    recorded = np.isfinite(own["elapsed"].transpose("subject", "session").values[0])
    if "recorded" in own:
        recorded &= (own["recorded"] == 1).any(["subject", "unit"]).values
    recorded[: first_learned(own)] = False
    places = np.flatnonzero(recorded)
    transposed = {"session_other": places} if "session_other" in own.dims else {}
    return own.isel({"session": places, **transposed})


def first_learned(dataset: xr.Dataset) -> int:
    """Position of the first session after learning; of the first one where there is no other.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    """
    untrained = untrained_sessions(dataset)
    return untrained if dataset.sizes["session"] > untrained else 0


def subject_plates(own: xr.Dataset, sorted_by: str | None, width: float) -> Iterator[Plate]:
    """Draw the figures of one subject, one after the other.

    Parameters
    ----------
    own : xarray.Dataset
        Of ``own_sessions``.
    sorted_by : str or None
        Label of the session that cells are sorted by; the first by default, and where the subject
        has no session of this label.
    width : float
        In mm.
    """
    if own.sizes["session"] == 0:
        reason = "the subject was recorded in no session"
        yield Plate("rate_maps", "All figures", "", None, reason)
        return
    day = sorting_session(own, sorted_by)
    title = f"{map_words(own).maps.capitalize()} over sessions"
    yield drawn_plate("rate_maps", title, partial(_maps, own, day, width))
    yield drawn_plate("example_cells", "Example cells", partial(_examples, own, day, width))
    yield from assembled([matrix_panel(own), *curve_panels(own)], width)
    yield from assembled(remapping_panels(own), width)


def sorting_session(own: xr.Dataset, sorted_by: str | None) -> int:
    """Position of the session that cells are sorted by: of this label, else the first.

    Parameters
    ----------
    own : xarray.Dataset
        Of ``own_sessions``.
    sorted_by : str or None
        A label.
    """
    try:
        return 0 if sorted_by is None else position_of(own, "session", sorted_by, 0)
    except RefusedInputError:
        return 0


def shown_sessions(own: xr.Dataset, day: int, most: int) -> list[int]:
    """Positions of the sessions that are shown: all, or as many as fit, spread evenly from the
    first to the last, with the one that cells are sorted by.

    Parameters
    ----------
    own : xarray.Dataset
        Of ``own_sessions``.
    day : int
        Position of the session that cells are sorted by.
    most : int
        Sessions that fit.
    """
    sessions = own.sizes["session"]
    if sessions <= most:
        return list(range(sessions))
    spread = np.linspace(0, sessions - 1, most).round().astype(int)
    if day not in spread:
        spread[np.abs(spread[1:-1] - day).argmin() + 1 if most > 2 else -1] = day
    return sorted({int(place) for place in spread})


def _per_row(width: float) -> int:
    return 4 if width < 2 * COLUMN else 8


def _smoothing(own: xr.Dataset) -> float:
    """Of maps that are shown (bins); tuning curves are shown as they are."""
    return 0.0 if map_dim(own) == STIMULUS else SMOOTHING


def _maps(own: xr.Dataset, day: int, width: float) -> tuple[Figure, str]:
    require_track(own, "sorting cells by place", "example_cells shows maps as they lie")
    units = cells_by_place(own, 0, day, _smoothing(own))
    if units.size == 0:
        raise RefusedInputError(
            "sorted maps need a cell that fires in the session that they are sorted by, got none: "
            "sort by another session."
        )
    sessions = shown_sessions(own, day, MOST_ROWS * _per_row(width))
    rows = -(-len(sessions) // _per_row(width))
    columns = -(-len(sessions) // rows)
    height = 12 + rows * (48.0 + height_of_names(own["rate"]))
    figure = sheet(width, height * enlargement(width))
    axes = figure.subplots(rows, columns, squeeze=False)
    flat = list(axes.ravel())
    image = tracked_rate_maps(own, 0, sessions, flat[: len(sessions)], day, _smoothing(own))
    for ax in flat[len(sessions) :]:
        ax.set_visible(False)
    _share_labels(axes, len(sessions))
    same = same_units(own.isel(subject=0), day)[sessions].all() and len(sessions) > 1
    axes[0, 0].set_ylabel("cell (same in all panels)" if same else "cell")
    if image is not None:
        bar = figure.colorbar(image, ax=list(axes.ravel()), shrink=0.5, aspect=16, ticks=[0, 1])
        bar.set_label("rate / maximum")
    return figure, captions.maps(own, day, sessions, units.size, _smoothing(own))


def _share_labels(axes: np.ndarray, panels: int) -> None:
    """Name the axis of positions or stimuli once, below the middle of the last row, and cells on
    the left."""
    flat = axes.ravel()
    columns = axes.shape[1]
    last = (panels - 1) // columns * columns
    middle = last + (panels - 1 - last) // 2
    for number, ax in enumerate(flat[:panels]):
        if number != middle:
            ax.set_xlabel("")
        if number % columns:
            ax.set_yticklabels([])


def _examples(own: xr.Dataset, day: int, width: float) -> tuple[Figure, str]:
    units = example_units(own, 0, day, _per_row(width))
    if units.size == 0:
        raise RefusedInputError(
            "example cells need a cell that fires in the session that they are chosen by, got "
            "none: choose another session."
        )
    same = np.flatnonzero(same_units(own.isel(subject=0), day))
    tracked = own.isel(session=same)
    anchor = int(np.flatnonzero(same == day)[0])
    sessions = shown_sessions(tracked, anchor, MOST_EXAMPLES)
    line = width / (units.size + 1.2) if "place_x" in own.coords else 9.0 * enlargement(width)
    margin = (16 + height_of_names(own["rate"])) * enlargement(width)
    figure = sheet(width, margin + line * len(sessions))
    axes = figure.subplots(len(sessions), units.size, squeeze=False)
    example_cells(tracked, 0, sessions, units.tolist(), axes, _smoothing(own))
    return figure, captions.examples(tracked, anchor, sessions, units.size, _smoothing(own))


def all_subjects(dataset: xr.Dataset) -> xr.Dataset:
    """Return the sessions of all subjects, without those before learning.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    """
    dataset = dataset.isel(environment=0) if "environment" in dataset.dims else dataset
    later = np.arange(first_learned(dataset), dataset.sizes["session"])
    transposed = {"session_other": later} if "session_other" in dataset.dims else {}
    return dataset.isel({"session": later, **transposed})
