"""Tables of the report as HTML: every text from a file is escaped, every number carries its value
for sorting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from drift import fit_words
from drift.comparison.explained_verdicts import CHANGE_NAMES
from drift.comparison.rows import blocks
from drift.comparison.shares import OWN
from drift.reporting.wording import MINUS, UNKNOWN, measure_name, number, p_value, source_name


class Cell(NamedTuple):
    """Text of a cell, and the number that it is sorted by."""

    text: str
    value: float | None = None


def table(
    name: str,
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell | str]],
    labels: int = 1,
) -> str:
    """Return a table that can be sorted by its headings, in a box of its own that scrolls.

    Parameters
    ----------
    name : str
        Id of the table.
    caption : str
        Plain text.
    heads : sequence of str
        Of the columns.
    rows : sequence of sequence of Cell or str
        Text without a value is sorted by its letters.
    labels : int
        Columns at the start that name the row.

    Returns
    -------
    str
    """
    numeric = [bool(rows) and not isinstance(rows[0][place], str) for place in range(len(heads))]
    head = "".join(
        f'<th scope="col"{" class=number" if of_numbers else ""}><button type="button" '
        f'class="sort">{escape(heading)}</button></th>'
        for heading, of_numbers in zip(heads, numeric, strict=True)
    )
    body = "".join(_row(row, labels) for row in rows)
    return (
        '<div class="scroll" role="region" tabindex="0" '
        f'aria-label="{escape(caption)}"><table id="{name}" class="sortable">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def plain_table(caption: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return a table of names and texts."""
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in rows
    )
    return (
        '<div class="scroll" role="region" tabindex="0" '
        f'aria-label="{escape(caption)}"><table class="plain"><caption>{escape(caption)}'
        f"</caption><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[Cell | str], labels: int) -> str:
    return f"<tr>{''.join(_cell(cell, place < labels) for place, cell in enumerate(cells))}</tr>"


def _cell(cell: Cell | str, label: bool) -> str:
    text, value = (cell, None) if isinstance(cell, str) else cell
    if label:
        return f'<th scope="row">{escape(text)}</th>'
    if value is None:
        return f"<td>{escape(text)}</td>"
    data = f' data-value="{value!r}"' if math.isfinite(value) else ' data-value=""'
    return f'<td class="number"{data}>{escape(text)}</td>'


def _number(value: float, text: str | None = None) -> Cell:
    value = float(value)
    return Cell(number(value, 3) if text is None else text, value)


SUMMARY = (
    "measure",
    "source",
    "change ± s.e.",
    "slope",
    "± s.e.",
    "per",
    "p",
    "r",
    "sessions",
    "subjects",
)


def summary(frame: pd.DataFrame) -> str:
    """Return the summary of a comparison, one row for each measure and source.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of ``comparison_frame``.

    Returns
    -------
    str
    """
    rows: list[list[Cell | str]] = []
    for row in frame.to_dict("records"):
        published = row["kind"] == "published"
        counts = [
            Cell(UNKNOWN, math.nan) if pd.isna(row[name]) else _number(row[name])
            for name in ("sessions", "subjects")
        ]
        rows.append(
            [
                measure_name(row["measure"]),
                f"published: {row['source']}" if published else source_name(row["source"]),
                _change(row),
                _number(row["slope"], number(row["slope"], 2, signed=True)),
                _number(row["standard_error"], number(row["standard_error"], 2)),
                str(row["per"]),
                _number(row["p_value"], p_value(row["p_value"], published)),
                _number(row["effect_size"], number(row["effect_size"], 2, signed=True)),
                *counts,
            ]
        )
    return table(
        "summary",
        "Change of each measure over the study, the straight line through it, and its "
        "correlation r with time",
        SUMMARY,
        rows,
        labels=2,
    )


def _change(row: dict[str, Any]) -> Cell:
    """Change over the study in percent; what stays at its first value has none."""
    if row["kind"] != "published" and row["change"] == 0 and not row["standard_error"] > 0:
        return Cell("no change", 0.0)
    return _with_error(100 * row["change"], 100 * row["change_standard_error"], signed=True)


def explained(chosen: xr.Dataset) -> str:
    """Return what null models explain, one row for each measure and source, one column a null
    model; empty where nothing is known.

    Parameters
    ----------
    chosen : xarray.Dataset
        A comparison in one convention.

    Returns
    -------
    str
    """
    names = [str(name) for name in chosen["null"].values] if "null" in chosen.dims else []
    rows: list[list[Cell | str]] = []
    for block in blocks(chosen):
        for explanation in block.explained:
            cells = [
                _with_error(100 * share, 100 * error) for _, share, error in explanation.shares
            ]
            if any(cell.text != UNKNOWN for cell in cells):
                rows.append([measure_name(block.measure), source_name(explanation.source), *cells])
    heads = ("measure", "of the change in the", *names)
    caption = "What null models show of each change, with standard errors: 100 % is all of it"
    return table("explained", caption, heads, rows, labels=2) if rows else ""


def own_nulls(chosen: xr.Dataset) -> str:
    """Return the changes of the recording beside null models of its own, one row a measure; empty
    where there are none.

    Parameters
    ----------
    chosen : xarray.Dataset
        A comparison in one convention.

    Returns
    -------
    str
    """
    if f"{OWN}change" not in chosen:
        return ""
    causes = [str(cause) for cause in chosen["cause"].values[1:]]
    rows: list[list[Cell | str]] = []
    for name in map(str, chosen[f"{OWN}measure"].values):
        row = chosen.sel({f"{OWN}measure": name})
        change = _between(row, "change", 1.0)
        shares = [_between(row.sel(cause=cause), "share_explained", 100.0) for cause in causes]
        rows.append([CHANGE_NAMES[name], change, *shares, str(row[f"{OWN}verdict"].item())])
    heads = ("measure", "beside counting noise", *(f"{cause}, %" for cause in causes), "verdict")
    caption = (
        "Changes of the recording beside codes of its own that stand still, and the share of each "
        "certain change that one cause makes alone, with intervals of 95 %: "
        f"{chosen.attrs.get('recorded_changes_speak_of', '')}"
    )
    return table("own-nulls", caption, heads, rows)


def _between(row: xr.Dataset, name: str, scale: float) -> Cell:
    """A number with the ends of its interval."""
    middle, low, high = (scale * float(row[f"{OWN}{name}{end}"]) for end in ("", "_low", "_high"))
    if not math.isfinite(middle):
        return Cell(UNKNOWN, math.nan)
    digits = (number(value, 2, signed=True) for value in (middle, low, high))
    return Cell("{} ({} to {})".format(*digits), middle)


def _with_error(value: float, error: float, signed: bool = False) -> Cell:
    """Percent with its standard error, sorted by the value."""
    if not math.isfinite(value):
        return Cell(UNKNOWN, math.nan)
    whole = f"{round(value):{'+' if signed and round(value) else ''}d}"
    spread = f" ± {error:.0f}" if math.isfinite(error) else ""
    return Cell(
        f"{whole}{spread} %".replace("-", MINUS).replace(" ", "\N{NO-BREAK SPACE}"), float(value)
    )


def estimates(one: xr.Dataset, name: str, caption: str) -> str:
    """Return the parameters of a fit of one subject.

    Parameters
    ----------
    one : xarray.Dataset
        One subject of the Dataset of a fit.
    name : str
        Id of the table.
    caption : str

    Returns
    -------
    str
    """
    rows: list[list[Cell | str]] = []
    for parameter in map(str, one["parameter"].values):
        of_parameter = one.sel(parameter=parameter)
        units = (
            str(of_parameter["parameter_units"].item())
            if "parameter_units" in of_parameter.coords
            else "1"
        )
        low, high = (number(float(of_parameter[f"search_{end}"])) for end in ("low", "high"))
        cells = [_estimate(one, parameter), *_limits(one, parameter)]
        rows.append(
            [
                parameter.replace("_", " "),
                *cells,
                "" if units == "1" else units,
                f"{low} to {high}",
                _known(one, parameter),
            ]
        )
    heads = ("parameter", "estimate", "95 % from", "to", "unit", "searched", "identified")
    return table(name, caption, heads, rows)


def _estimate(of_subject: xr.Dataset, parameter: str) -> Cell:
    """Estimate of a parameter; a bound of the search is none."""
    if end := fit_words.at_bound(of_subject, parameter):
        return Cell(f"none: {end} bound", math.nan)
    value = float(of_subject["estimate"].sel(parameter=parameter))
    return _number(
        value, number(value) if fit_words.settled(of_subject) else f"not converged: {number(value)}"
    )


def _limits(of_subject: xr.Dataset, parameter: str) -> list[Cell]:
    """Both ends of the interval, as far as they are limits."""
    if not fit_words.interval_words(of_subject, parameter):
        return [Cell(UNKNOWN, math.nan)] * 2
    low, high = (float(value) for value in of_subject["interval"].sel(parameter=parameter).values)
    below, above = fit_words.open_ends(of_subject, parameter)
    return [
        _number(low, f"{number(low)}{' or less' if below else ''}"),
        _number(high, f"{number(high)}{' or more' if above else ''}"),
    ]


def _known(of_subject: xr.Dataset, parameter: str) -> str:
    certain = of_subject["identified"].sel(parameter=parameter).item() and fit_words.interval_words(
        of_subject, parameter
    )
    return "yes" if certain else "no"
