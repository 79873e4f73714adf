"""A comparison as it is shown: text in a terminal, tables in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np
import xarray as xr

from drift.comparison.rows import Block, Row, blocks, checked
from drift.comparison.table import (
    NO_CHANGE,
    P_VALUES,
    comparison_table,
    explanation_text,
    is_shown,
    lens_text,
    own_lines,
    scale_text,
)
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
        # refuses what is no comparison at once, not when it is shown
        checked(self.comparison, self.convention)

    def __repr__(self) -> str:
        return comparison_table(self.comparison, self.convention)

    def _repr_html_(self) -> str:
        laid_out = filter(is_shown, blocks(checked(self.comparison, self.convention)))
        return block(
            _paragraph("\n".join(lens_text(self.comparison, self.convention))),
            *(fragment for of_measure in laid_out for fragment in _fragments(of_measure)),
            *map(_paragraph, filter(None, own_lines(self.comparison))),
            _paragraph(f"{scale_text(self.comparison)}\n{P_VALUES}"),
        )


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _fragments(of_measure: Block) -> Iterator[str]:
    yield table(HEAD, [_cells(row) for row in of_measure.rows], label_of(of_measure.measure))
    yield from map(_paragraph, filter(None, map(explanation_text, of_measure.explained)))
    for source, names in of_measure.undivided:
        yield _paragraph(f"{source}: the first value of {names} is 0, left out")


def _cells(row: Row) -> tuple[object, ...]:
    name = f"{row.source} (published)" if row.kind == "published" else row.source
    change = NO_CHANGE if row.constant else 100 * row.change
    numbers = (row.slope, row.standard_error, row.per, _p_value(row), change)
    return (name, *numbers, row.subject_range())


def _p_value(row: Row) -> float | str:
    """To the thousandth; a published p of .001 stands for a smaller one."""
    if not np.isfinite(row.p_value):
        return "-"
    small = row.p_value <= 0.001 if row.kind == "published" else row.p_value < 0.001
    return "< 0.001" if small else row.p_value
