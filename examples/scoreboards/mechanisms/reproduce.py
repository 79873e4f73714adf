"""Scoreboard of repdrift infer: is it as certain as it says, on runs that nothing was learned from?

Needs a bank (repdrift infer --make-bank). Most rows simulate further runs, which are kept in --out; rows
of a real recording take --recording. Rows that an earlier call with the same --out has measured are
kept, --overwrite measures them anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

# A script finds its neighbours and the options of all examples from any folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import options
from scoreboards import scoreboard
from scoreboards.acceptance import Row
from scoreboards.mechanisms.rows import ROWS, Question

import data_adapters
import drift
from drift.inference.inferring import Bank, read_bank


def main() -> None:
    asked = _options()
    cache, board = options.results(asked.out, ["mechanisms.nc", "mechanisms.md"], overwrite=True)
    if asked.overwrite:
        cache.unlink(missing_ok=True)
    question = _question(asked)
    bank = question.bank
    lines = scoreboard.run(
        scoreboard.chosen(ROWS, asked.rows or (("N24",) if asked.quick else ())),
        question,
        cache,
        lambda _: f"bank {bank.sha256[:8]}",
        lambda row: scoreboard.too_long(row, asked) or _obstacle(row, question),
    )
    attrs = bank.dataset.attrs
    about = (
        f"Bank of {attrs['runs'] - attrs['left_out']} runs ({attrs['left_out']} diverged), "
        f"{bank.dataset.sizes['window']} windows, {attrs['core_seconds'] / 3600:.2f} core-hours, "
        f"sha256 {bank.sha256}."
    )
    text = "\n".join(lines)
    board.write_text(f"# Which mechanism?\n\n{about}\n\n{scoreboard.HEAD}{text}\n")
    print("results:", cache, board)


def _question(asked) -> Question:
    try:
        bank: Bank = read_bank(asked.bank, flows=True)
    except drift.RefusedInputError:  # without posteriors of parameters
        bank = read_bank(asked.bank, flows=False)
    recorded, given = None, asked.recording
    if given is not None:
        name, path, reader = options.recording(given)
        recorded = drift.measure(data_adapters.sessions(name, path, **reader), halves="trials")
    return Question(asked.bank, bank, recorded, asked.out, asked.seed)


def _obstacle(row: Row, question: Question) -> str:
    if row.needs == "sbi" and not question.bank.estimators.flows:
        return "needs a bank with posteriors of parameters"
    if row.needs == "recording" and question.recorded is None:
        return "needs --recording"
    return ""


def _options():
    parser = options.parser(__doc__, "mechanisms")
    scoreboard.add_choice(parser, "N21")
    parser.add_argument("--bank", type=Path, default=Path("results/bank.nc"), metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    options.run(main)
