"""Days or laps? The mixed model of pairs of sessions, for pages."""

from __future__ import annotations

import warnings
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.experience.pair_model import time_and_experience
from drift.metrics.stability.corrected import corrected_similarity
from drift.plots.publication import INCH
from drift.plots.studies import similarity_by_clock
from drift.reporting.figures import WIDTH
from drift.reporting.panels import Panel, assembled
from drift.reporting.sections import figure_box
from drift.reporting.tables import Cell, table
from drift.reporting.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERMUTATIONS = 199
HEADS = ("term", "estimate", "interval of 95 %", "p", "per")
READING = (
    "Coefficients of log similarity (noise taken out) in a mixed model of all pairs of sessions of one "
    "subject in one environment: below 0 where the code is lost with the days that pass, or with the "
    "visits. Intervals and p rest on the agreement of subjects."
)
ONE_SUBJECT = "Of one subject there is no interval and no p."


def days_or_laps(recorded: xr.Dataset) -> str:
    """Return the section, as HTML, with a caution where the design cannot tell; empty where there
    are no halves.

    Parameters
    ----------
    recorded : xarray.Dataset
        Longitudinal Dataset without sessions before learning.
    """
    if not {"rate_half", "visits"} <= set(recorded.variables):
        return ""
    try:
        similarity = corrected_similarity(recorded)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = time_and_experience(
                recorded, similarity, behaviour=(), permutations=PERMUTATIONS
            )
    except RefusedInputError as refusal:
        text = f"Days and laps were not told apart: {refusal}"
        return f"<p>{escape(text)}</p>"
    cautions = [f"Caution: {warning.message}" for warning in told]
    single = int(model["independent_subjects"]) == 1
    texts = [*cautions, READING, *([ONE_SUBJECT] if single else [])]
    said = (f"<p>{escape(text)}</p>" for text in texts)
    return "".join([_rows(model), _figures(recorded, similarity), *said])


def _rows(model: xr.Dataset) -> str:
    rows: list[list[Cell | str]] = []
    for term in model["term"].values:
        row = model.sel(term=term)
        estimate, p_value = float(row["estimate"]), float(row["p_value"])
        ends = [float(row[end]) for end in ("lower", "upper")]
        interval = " to ".join(map(number, ends)) if np.isfinite(ends).all() else ""
        told = number(estimate) if np.isfinite(estimate) else "cannot be told"
        unit = str(row["term_units"].item()).removeprefix("1/")
        rows.append([
            str(term), Cell(told, estimate), interval,
            Cell(number(p_value) if np.isfinite(p_value) else "", p_value), unit if unit != "1" else "",
        ])  # fmt: skip
    return table("days-or-laps-numbers", "Days or laps?", HEADS, rows)


def _figures(recorded: xr.Dataset, similarity: xr.DataArray) -> str:
    def by(clock: str) -> Panel:
        def draw(ax: Axes) -> object:
            return similarity_by_clock(recorded, similarity, ax, clock=clock)

        title = "Similarity by days" if clock == "time" else "Similarity by visits"
        caption = (
            "Means over pairs, then over subjects, a line for each environment. Lines of "
            "environments that are visited at different intervals coincide over that by which the "
            "code drifts."
        )
        return Panel(f"similarity_by_{clock}", title, lambda: caption, draw)

    boxes = []
    for plate in assembled([by("time"), by("visits")], WIDTH * INCH):
        described = f"{plate.title}. {plate.caption.partition('. ')[0]}."
        name = f"clock-{plate.name.replace('_', '-')}"
        boxes.append(figure_box(plate.figure, name, f"{plate.title}.", plate.caption, described))
    return f'<div class="figures">{"".join(boxes)}</div>' if any(boxes) else ""
