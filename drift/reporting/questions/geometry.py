"""Where does it drift? Figures and a table of geometry, for pages."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.geometry.alignment import drift_alignment
from drift.metrics.geometry.geometry_table import geometry_table
from drift.metrics.geometry.transformations import drift_transformations
from drift.plots.publication import INCH
from drift.plots.stability.geometry import alignment_with_null, transformation_shares
from drift.reporting.figures import WIDTH
from drift.reporting.panels import Panel, assembled
from drift.reporting.sections import figure_box
from drift.reporting.tables import Cell, table
from drift.reporting.wording import number
from drift.stability.material import material_of_maps
from drift.stability.rules import StabilityRules
from drift.stability.similarity import active_flags

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SESSIONS = 10  # that are compared with each other
NULLS = 5  # draws of each null; a page is no place to wait for more
HEADS = (
    "figure", "naive", "frozen code", "cross-validated", "interval of 95 %", "null", "pairs that drift",
)  # fmt: skip
READING = (
    "Naive: as published, from maps of whole sessions, which hold noise. Frozen code: what the naive "
    "figure is of a code that stands still, with the noise of these sessions. Cross-validated: from "
    "halves of sessions that share no noise; undefined where at most pairs of sessions no drift is "
    "told from 0. Null: shuffled cells, or cells that drift each for itself."
)
CAUTION = (
    "Halves alone cannot tell laps on which all cells fire more from a drift; "
    "metrics.exchanged_trial_p_values tells it by single laps."
)
NO_INTERVAL = (
    "One subject has no interval here: metrics.geometry_table gives that of its cells and sessions."
)
NO_HALVES = (
    "Where a code drifts was not told: it takes the noise of maps. Measure the recording with two "
    "halves of each session, repdrift measure --halves trials."
)


def where_it_drifts(recorded: xr.Dataset) -> str:
    """Return the section, as HTML; what cannot be told is said.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset without sessions before learning.
    """
    if "rate_half" not in recorded:
        return f"<p>{NO_HALVES}</p>" if "rate" in recorded else ""
    few, said = _few_sessions(recorded)
    material = material_of_maps(few, StabilityRules())
    compared, keep = material.maps, active_flags(material)
    try:
        figures = geometry_table(compared, keep=keep, groups=0, null=NULLS)
    except RefusedInputError as refusal:
        return f"<p>{escape(_sentence(str(refusal)))}</p>"
    single = recorded.sizes["subject"] == 1
    texts = [READING, CAUTION, *([NO_INTERVAL] if single else []), *said, *_reasons(figures)]
    boxes = _figures(compared, keep)
    return "".join(
        [_rows(figures), *boxes, *(f"<p>{escape(_sentence(text))}</p>" for text in texts)]
    )


def _few_sessions(recorded: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """Sessions from the first to the last, and what is said of those that are left out."""
    sessions = recorded.sizes["session"]
    if sessions <= MOST_SESSIONS:
        return recorded, []
    chosen = np.linspace(0, sessions - 1, MOST_SESSIONS).round().astype(int)
    said = f"Of {sessions} sessions {MOST_SESSIONS} are compared, from the first to the last."
    dims = [dim for dim in ("session", "session_other") if dim in recorded.dims]
    return recorded.isel(dict.fromkeys(dims, chosen)), [said]


def _rows(figures: pd.DataFrame) -> str:
    rows: list[list[Cell | str]] = []
    for row in figures.to_dict("records"):
        ends = [number(row[end]) for end in ("lower", "upper") if np.isfinite(row[end])]
        of_pairs = np.isfinite(row["pairs"])
        share = f"{row['drifting_pairs']:.0f} of {row['pairs']:.0f}" if of_pairs else ""
        numbers = [_cell(row[name]) for name in ("naive", "frozen")]
        estimate = _cell(row["estimate"], "undefined")
        rows.append([
            row["measure"], *numbers, estimate, " to ".join(ends), _cell(row["null"]), share,
        ])  # fmt: skip
    return table("geometry", "Where does it drift?", HEADS, rows)


def _cell(value: float, otherwise: str = "") -> Cell:
    known = np.isfinite(value)
    return Cell(number(float(value)) if known else otherwise, float(value))


def _reasons(figures: pd.DataFrame) -> list[str]:
    """Why figures are absent altogether."""
    absent = figures[figures["naive"].isna()]
    return [f"{row.measure}: {row.reason}" for row in absent.itertuples() if row.reason]


def _figures(compared: xr.Dataset, keep: xr.DataArray) -> list[str]:
    def along(ax: Axes) -> object:
        return alignment_with_null(drift_alignment(compared, keep=keep, shuffles=20), ax)

    def together(ax: Axes) -> object:
        return transformation_shares(
            drift_transformations(compared, keep=keep, surrogates=NULLS), ax
        )

    bars = "Points: means over pairs of sessions, then over subjects; bars: one standard error"
    panels = [
        Panel(
            "alignment_of_drift",
            "Drift along the noise",
            lambda: f"Share of the largest possible. {bars}. Bands: shuffled cells.",
            along,
        ),
        Panel(
            "transformation_shares",
            "Drift that a transformation of all cells explains",
            lambda: f"{bars} over subjects. Bands: cells that drift each for itself.",
            together,
        ),
    ]
    boxes = []
    for plate in assembled(panels, WIDTH * INCH):
        described = f"{plate.title}. {plate.caption.partition('. ')[0]}."
        name = f"geometry-{plate.name.replace('_', '-')}"
        boxes.append(figure_box(plate.figure, name, f"{plate.title}.", plate.caption, described))
    return [f'<div class="figures">{"".join(boxes)}</div>' if any(boxes) else ""]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
