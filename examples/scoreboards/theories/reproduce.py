"""Scoreboard of theories of drift as switches of one simulator: the number that checks each,
published or derived, against ours, and its figure.

By default the rows that take seconds are measured; --minutes adds the others. Rows that an earlier
call with the same --out has measured are kept, --overwrite measures them anew. Where a row has
several numbers, the one that strains its tolerance most is shown.
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
from scoreboards.acceptance import Request, Row
from scoreboards.theories import circuit_rows, dropout_rows, excitability_rows, sampling_rows
from scoreboards.theories.figures import drawn

import drift

MODULES = (sampling_rows, dropout_rows, excitability_rows, circuit_rows)
ROWS: tuple[Row, ...] = tuple(row for module in MODULES for row in module.ROWS)
QUICK = ("N04",)


def main() -> None:
    asked = _options()
    cache, board = options.results(asked.out, ["theories.nc", "theories.md"], overwrite=True)
    if asked.overwrite:
        cache.unlink(missing_ok=True)
    rows = scoreboard.chosen(ROWS, asked.rows or (QUICK if asked.quick else ()))
    seed = f"seed {asked.seed}" if asked.seed else ""
    lines = scoreboard.run(
        rows,
        Request(asked.seed),
        cache,
        lambda _: seed,
        lambda row: scoreboard.too_long(row, asked),
    )
    figures = [] if asked.quick else drawn(scoreboard.known(cache), asked.out)
    board.write_text(
        "# Theories of drift: published or derived, and ours\n\n"
        + scoreboard.HEAD
        + "\n".join(lines)
        + "\n"
    )
    print("results:", ", ".join(map(str, [cache, board, *figures])))


def _options():
    parser = options.parser(__doc__, "theories")
    scoreboard.add_choice(parser, "N01")
    asked = parser.parse_args()
    if asked.recording is not None:
        raise drift.RefusedInputError(
            f"--recording got {asked.recording[0]}, but these theories take no recording here: "
            "leave it out."
        )
    return asked


if __name__ == "__main__":
    options.run(main)
