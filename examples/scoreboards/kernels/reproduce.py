"""Scoreboard of the theory of sparse networks: every acceptance row K01-K74, published against
ours.

By default the rows that take seconds are measured. Rows that an earlier call with the same --out
has measured are kept, so that --minutes and --hours only add to them; --overwrite measures
everything anew. Where a row has several numbers, the one that strains its tolerance most is shown.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

# A script finds its neighbours and the options of all examples from any folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import options
import xarray as xr
from scoreboards import scoreboard
from scoreboards.acceptance import Check, Request, Row, worst
from scoreboards.kernels import (
    code_drift_rows,
    generalisation_rows,
    image_rows,
    kernel_rows,
    width_rows,
)

import drift

ROWS: tuple[Row, ...] = (
    *kernel_rows.ROWS,
    *width_rows.ROWS,
    *generalisation_rows.ROWS,
    *code_drift_rows.ROWS,
    *image_rows.ROWS,
)
QUICK = ("K01", "K04", "K12", "K30", "K34", "K50")
IMAGE_SETS = {"mnist": "MNIST", "fashion": "Fashion-MNIST", "cifar10": "CIFAR10 (binary version)"}
COLUMNS = ("published", "ours", "low", "high")


def main() -> None:
    asked = _options()
    request = Request(
        asked.seed, {name: getattr(asked, name) for name in IMAGE_SETS if getattr(asked, name)}
    )
    asked.out.mkdir(parents=True, exist_ok=True)
    cache, board = asked.out / "kernels.nc", asked.out / "kernels.md"
    measured = {} if asked.overwrite or not cache.exists() else known(drift.load(cache), asked.seed)
    lines = []
    for row in _chosen(asked.rows, asked.quick):
        reason = _obstacle(row, asked, request)
        if row.id not in measured and not reason:
            started = time.perf_counter()
            measured[row.id] = (list(row.measure(request)), time.perf_counter() - started)
            drift.save(labelled(measured, asked.seed), cache, overwrite=True)
        lines.append(
            _line(row, *measured[row.id]) if row.id in measured else _line_of_absent(row, reason)
        )
        print(lines[-1], flush=True)
    board.write_text(_markdown(lines))
    print(f"results: {cache}, {board}")


def _options():
    parser = options.parser(__doc__, "kernels")
    scoreboard.add_choice(parser, "K32")
    for name, title in IMAGE_SETS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help=f"folder of {title}")
    asked = parser.parse_args()
    if asked.recording is not None:
        raise drift.RefusedInputError(
            f"--recording got {asked.recording[0]}, but theory takes no recording here: leave "
            "it out."
        )
    return asked


def _chosen(asked: list[str], quick: bool) -> list[Row]:
    """Rows in the order of the scoreboard."""
    named = {row.id: row for row in ROWS}
    unknown = [name for name in asked if name not in named]
    if unknown:
        raise drift.RefusedInputError(
            f"row {', '.join(unknown)} is unknown: use ids from {ROWS[0].id} to {ROWS[-1].id}."
        )
    chosen = asked or (QUICK if quick else named)
    return sorted((named[name] for name in chosen), key=lambda row: row.id)


def _obstacle(row: Row, asked, request: Request) -> str:
    """Why a row is not measured now; empty if it is."""
    if row.needs in IMAGE_SETS and row.needs not in request.folders:
        return f"not run (needs --{row.needs} DIR)"
    if row.needs == "digits":
        try:
            generalisation_rows.digits()
        except drift.RefusedInputError:
            return "not run (needs scikit-learn)"
    return scoreboard.too_long(row, asked)


def labelled(measured: dict[str, tuple[list[Check], float]], seed: int) -> xr.Dataset:
    """Dataset of all checks (check) and of the time that rows took (row)."""
    checks = [(name, check) for name, (found, _) in measured.items() for check in found]
    columns = {
        column: ("check", [getattr(check, column) for _, check in checks]) for column in COLUMNS
    }
    seconds = (
        "row",
        [taken for _, taken in measured.values()],
        {"units": "s", "long_name": "time that the row took"},
    )
    names = {
        "of_row": ("check", [name for name, _ in checks]),
        "what": ("check", [check.what for _, check in checks]),
    }
    return xr.Dataset(
        {**columns, "seconds": seconds},
        coords={**names, "row": list(measured)},
        attrs={"seed": seed},
    )


def known(dataset: xr.Dataset, seed: int) -> dict[str, tuple[list[Check], float]]:
    """Rows that an earlier call has measured."""
    if int(dataset.attrs["seed"]) != seed:
        raise drift.RefusedInputError(
            f"the results in --out are those of seed {dataset.attrs['seed']}, got {seed}: "
            "choose another folder."
        )
    rows: dict[str, tuple[list[Check], float]] = {
        str(name): ([], float(taken))
        for name, taken in zip(dataset["row"].values, dataset["seconds"].values)
    }
    for number, name in enumerate(dataset["of_row"].values):
        values = (float(dataset[column][number]) for column in COLUMNS)
        rows[str(name)][0].append(Check(str(dataset["what"].values[number]), *values))
    return rows


def _allowed(check: Check) -> str:
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


def _line(row: Row, checks: list[Check], seconds: float) -> str:
    shown, failed = worst(checks), sum(not check.passed for check in checks)
    what = f"{row.statistic}: {shown.what}" + (f" (1 of {len(checks)})" if len(checks) > 1 else "")
    verdict = f"differs ({failed} of {len(checks)})" if failed else "holds"
    return (
        f"| {row.id} | {what} | {shown.published:.8g} | {shown.ours:.8g} | {_allowed(shown)} | "
        f"{verdict} | {seconds:.1f} |"
    )


def _line_of_absent(row: Row, reason: str) -> str:
    return f"| {row.id} | {row.statistic} | | | | {reason} | |"


def _markdown(lines: list[str]) -> str:
    head = (
        "| id | statistic | published | ours | allowed | verdict | seconds "
        "|\n|---|---|---|---|---|---|---|\n"
    )
    return "# Theory of sparse networks: published and ours\n\n" + head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    options.run(main)
