"""Scoreboard of the drift paper and of similarity matching: every acceptance row D01-D49, published
against ours, and the figures.

By default the rows that take seconds are measured; --minutes and --hours add the others. Runs are
kept under --out as netCDF, one file a network, and rows with them, so that later calls only add
what is missing; --overwrite measures the rows anew from the runs that are kept. The families of
runs (D30-D39) take --runs networks of --steps steps, a part of the published number and length,
which the table states; --processes runs them side by side, and drift.run_sweep takes them to a
cluster. Where a row has several numbers, the one that strains its tolerance most is shown. Figures
are drawn from the runs that are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
# A script finds its neighbours and the options of all examples from any folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import options
from scoreboards import scoreboard
from scoreboards.acceptance import Row
from scoreboards.drift import basic_rows, corridor_rows, family_rows, matching_rows, reference_rows
from scoreboards.drift.figures import drawn
from scoreboards.drift.runs import PUBLISHED_STEPS, Lengths

import drift
from drift.sweeps.executors import processes

MODULES = (
    basic_rows,
    reference_rows,
    corridor_rows,
    family_rows,
    matching_rows,
)
ROWS: tuple[Row, ...] = tuple(row for module in MODULES for row in module.ROWS)
QUICK = ("D01", "D04", "D05", "D09", "D10", "D13")


def main() -> None:
    asked = _options()
    cache, board = options.results(asked.out, ["drift.nc", "drift.md"], overwrite=True)
    if asked.overwrite:
        cache.unlink(missing_ok=True)
    rows = scoreboard.chosen(ROWS, asked.rows or (QUICK if asked.quick else ()))
    with processes(asked.processes) as pool:
        lengths = Lengths(
            asked.seed,
            asked.out / "runs",
            pool if asked.processes > 1 else "serial",
            asked.steps,
            asked.short_steps,
            asked.runs,
        )
        lines = scoreboard.run(
            rows,
            lengths,
            cache,
            lambda row: _asked_of(row, lengths),
            lambda row: _obstacle(row, asked),
        )
        figures = [] if asked.quick else drawn(lengths, asked.out)
    board.write_text(
        "# Drift by noisy learning: published and ours\n\n"
        + scoreboard.HEAD
        + "\n".join(lines)
        + "\n"
    )
    print("results:", ", ".join(map(str, [cache, board, *figures])))


def _options():
    parser = options.parser(__doc__, "drift")
    scoreboard.add_choice(parser, "D17")
    parser.add_argument(
        "--steps",
        type=int,
        default=PUBLISHED_STEPS,
        help="of the families of runs (default: %(default)s, as published)",
    )
    parser.add_argument(
        "--short-steps",
        type=int,
        default=1_000_000,
        help="of the comparison of noises (default: %(default)s)",
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=60,
        help="with update noise; half as many in other families (default: %(default)s)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="networks that learn side by side (default: %(default)s)",
    )
    asked = parser.parse_args()
    if asked.recording is not None:
        raise drift.RefusedInputError(
            f"--recording got {asked.recording[0]}, but D49 takes the recording in "
            "REPDRIFT_DATA: leave it out."
        )
    for name, least in (("steps", 100), ("short_steps", 100), ("runs", 4), ("processes", 1)):
        if getattr(asked, name) < least:
            raise drift.RefusedInputError(
                f"--{name.replace('_', '-')} must be at least {least}, got {getattr(asked, name)}."
            )
    return asked


def _asked_of(row: Row, lengths: Lengths) -> str:
    """What a row was asked for beyond the defaults: kept rows that were asked for something else
    are measured anew."""
    seed = f"seed {lengths.seed}" if lengths.seed else ""
    if row.cost != "hours":
        return seed
    runs = 60 if row.id == "D30" else lengths.family
    steps = lengths.comparison_steps if row.id in ("D35", "D37") else lengths.steps
    return ", ".join(filter(None, (f"{runs} runs of {steps:.3g} steps", seed)))


def _obstacle(row: Row, asked) -> str:
    """Why a row is not measured now; empty if it is."""
    if row.needs == "recording" and options.recording(None) is None:
        return "not run (needs the recording in REPDRIFT_DATA)"
    return scoreboard.too_long(row, asked)


if __name__ == "__main__":
    options.run(main)
