"""A comparison as it is shown: text in a terminal, tables in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import xarray as xr

from drift.comparison.table import comparison_table
from drift.html import block, table
from drift.schema.variables import label_of

HEAD = ("source", "slope", "s.e.", "per", "p", "change (%)", "subjects")


@dataclass(frozen=True, repr=False)
class ComparisonTable:
    """What ``drift.compare`` found, for reading; ``drift.comparison_table`` gives the same as plain
    text.

    Parameters
    ----------
    comparison : xarray.Dataset
        What ``drift.compare`` returns.
    convention : str
        How curves were normalised, a name in ``drift.comparison.conventions.CONVENTIONS``.

    Raises
    ------
    RefusedInputError
        If the Dataset is no comparison or the convention is unknown.
    """

    comparison: xr.Dataset
    convention: str = "mean_of_ratios"

    def __post_init__(self) -> None:
        comparison_table(
            self.comparison, self.convention
        )  # refuses what is no comparison at once, not when it is shown

    def __repr__(self) -> str:
        return comparison_table(self.comparison, self.convention)

    def _repr_html_(self) -> str:
        lens, *blocks, scale = (
            comparison_table(self.comparison, self.convention).strip().split("\n\n")
        )
        comparison = self.comparison.sel(convention=self.convention)
        measures = {label_of(str(name)): str(name) for name in self.comparison["measure"].values}
        fragments = [f"<p>{escape(lens)}</p>"]
        for lines in (paragraph.splitlines() for paragraph in blocks):
            fragments.append(
                table(HEAD, _rows(comparison.sel(measure=measures[lines[0]])), lines[0])
            )
            fragments += [
                f"<p>{escape(line.strip())}</p>" for line in lines if "explained by:" in line
            ]
        return block(*fragments, f"<p>{escape(scale)}</p>")


def _rows(comparison: xr.Dataset) -> list[tuple[object, ...]]:
    """Sources with a curve, and the published lines of the measure."""
    sources = [
        comparison.sel(source=name)
        for name in comparison["source"].values
        if comparison["curve"].sel(source=name).notnull().sum() > 1
    ]
    names = ("slope", "standard_error", "elapsed_units", "p_value", "change", "subjects")
    rows = [
        (source["source"].item(), *_numbers([source[name] for name in names])) for source in sources
    ]
    panels = [comparison.sel(panel=name) for name in comparison["panel"].values]
    published = ("published_slope", "published_per", "published_p_value", "published_change")
    for panel in (panel for panel in panels if np.isfinite(panel["published_slope"])):
        slope, per, p_value, change = (panel[name].item() for name in published)
        rows.append(
            (
                f"{panel['panel'].item()} (published)",
                slope,
                np.nan,
                per,
                f"< {p_value:g}" if np.isfinite(p_value) else "-",
                100 * change,
                "-",
            )
        )
    return rows


def _numbers(variables: list[xr.DataArray]) -> tuple[object, ...]:
    slope, error, units, p_value, change, subjects = variables
    counts = subjects.values[subjects.values > 0].astype(int)
    shown = str(counts.min()) if counts.min() == counts.max() else f"{counts.min()}-{counts.max()}"
    value = float(p_value)
    return (
        float(slope),
        float(error),
        str(units.item()),
        "< 0.001" if value < 0.001 else value,
        100 * float(change),
        shown,
    )
