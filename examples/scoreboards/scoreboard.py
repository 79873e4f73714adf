"""A scoreboard: acceptance rows measured once, kept as netCDF, and shown as a Markdown table of
published and own numbers."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scoreboards.acceptance import Check, Row, worst

import drift

COLUMNS = ("published", "ours", "low", "high")
HEAD = (
    "| id | statistic | published | ours | allowed | verdict | seconds "
    "|\n|---|---|---|---|---|---|---|\n"
)


class Measured(NamedTuple):
    """What a row has given, the seconds it took, and what it was asked for."""

    checks: list[Check]
    seconds: float
    asked: str


def add_choice(parser: ArgumentParser, example: str) -> None:
    """Let a parser take ids of rows, and how long they may take."""
    parser.add_argument(
        "rows",
        nargs="*",
        metavar="ROW",
        help=f"ids of rows, such as {example}; all that time allows by default",
    )
    parser.add_argument("--minutes", action="store_true", help="also rows that take minutes")
    parser.add_argument("--hours", action="store_true", help="also rows that take minutes or hours")


def too_long(row: Row, asked: Namespace) -> str:
    """Why a row takes longer than was allowed; empty if it does not, or was named."""
    allowed_costs = {"seconds"} | ({"minutes"} if asked.minutes else set())
    if asked.rows or asked.hours or row.cost in allowed_costs:
        return ""
    return f"not run (needs --{row.cost})"


def chosen(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """Rows by name, in the order of the scoreboard; all without a name."""
    known = {row.id: row for row in rows}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise drift.RefusedInputError(
            f"row {', '.join(unknown)} is unknown: use ids from {min(known)} to {max(known)}."
        )
    return sorted((known[name] for name in names or known), key=lambda row: row.id)


def run(
    rows: Sequence[Row],
    request: Any,
    cache: Path,
    asked_of: Callable[[Row], str],
    obstacle: Callable[[Row], str],
) -> list[str]:
    """Measure rows that nothing stands in the way of and that are not kept yet; print and return a
    line for each."""
    kept = known(cache)
    lines = []
    for row in rows:
        found, reason = kept.get(row.id), obstacle(row)
        if (found is None or found.asked != asked_of(row)) and not reason:
            began = time.perf_counter()
            checks = list(row.measure(request))
            found = kept[row.id] = Measured(checks, time.perf_counter() - began, asked_of(row))
            drift.save(labelled(kept), cache, overwrite=True)
        lines.append(line(row, found, reason))
        print(lines[-1], flush=True)
    return lines


def labelled(measured: dict[str, Measured]) -> xr.Dataset:
    """Dataset of all checks (check), and of the time that rows took and what they were asked for
    (row)."""
    checks = [(name, check) for name, row in measured.items() for check in row.checks]
    columns = {
        column: ("check", [float(getattr(check, column)) for _, check in checks])
        for column in COLUMNS
    }
    seconds = (
        "row",
        [row.seconds for row in measured.values()],
        {"units": "s", "long_name": "time that the row took"},
    )
    names = {
        "of_row": ("check", [name for name, _ in checks]),
        "what": ("check", [check.what for _, check in checks]),
    }
    asked = ("row", [row.asked for row in measured.values()])
    return xr.Dataset(
        {**columns, "seconds": seconds}, coords={**names, "row": list(measured), "asked": asked}
    )


def known(cache: Path) -> dict[str, Measured]:
    """Rows that an earlier call has measured."""
    if not cache.exists():
        return {}
    dataset = drift.load(cache)
    rows = {
        str(name): Measured([], float(taken), str(asked))
        for name, taken, asked in zip(
            dataset["row"].values, dataset["seconds"].values, dataset["asked"].values
        )
    }
    for number, name in enumerate(dataset["of_row"].values):
        values = (float(dataset[column][number]) for column in COLUMNS)
        rows[str(name)].checks.append(Check(str(dataset["what"].values[number]), *values))
    return rows


def line(row: Row, found: Measured | None, reason: str) -> str:
    """One line of the table; of several checks the one that strains its interval most."""
    if found is None:
        return f"| {row.id} | {row.statistic} | | | | {reason} | |"
    shown, failed = worst(found.checks), sum(not check.passed for check in found.checks)
    what = f"{row.statistic}: {shown.what}" + (
        f" (1 of {len(found.checks)})" if len(found.checks) > 1 else ""
    )
    verdict = f"differs ({failed} of {len(found.checks)})" if failed else "holds"
    numbers = f"{shown.published:.4g} | {shown.ours:.4g} | {allowed(shown)}"
    return (
        f"| {row.id} | {what}{found.asked and f'; {found.asked}'} | {numbers} | {verdict} | "
        f"{found.seconds:.1f} |"
    )


def allowed(check: Check) -> str:
    """The interval that ours must lie in, in words."""
    if np.isinf(check.low):
        return f"at most {check.high:.4g}"
    if np.isinf(check.high):
        return f"at least {check.low:.4g}"
    above, below = check.high - check.published, check.published - check.low
    return (
        f"± {above:.2g}"
        if np.isclose(above, below, rtol=1e-3)
        else f"{check.low:.4g} to {check.high:.4g}"
    )
