"""``repdrift reproduce``: the scoreboards, which live beside the package in a checkout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from drift.cli.lines.arguments import told
from drift.errors import RefusedInputError

FOLDERS = {
    "drift": "drift",
    "sparse-coding": "sparse_coding",
    "kernels": "kernels",
    "theories": "theories",
    "mechanisms": "mechanisms",
}
HELP = """usage: repdrift reproduce BOARD [ROW ...] [--minutes] [--hours] [--out DIR] [options of the scoreboard]

Print a scoreboard: published number, ours, tolerance, verdict and cost of every row. Rows that take seconds by default.

boards: drift (Ratzon et al. 2024, similarity matching), sparse-coding (Bricken et al. 2023),
        kernels (Chun & Lee 2024), theories (single samples, dropout, excitability),
        mechanisms (is the answer of repdrift infer what it says?)

examples:
  repdrift reproduce kernels
  repdrift reproduce theories --minutes
  repdrift reproduce drift D01 D12 D13
  repdrift reproduce mechanisms --bank bank.nc       takes a bank of repdrift infer
  repdrift reproduce sparse-coding --help            all options of one scoreboard"""


def main(arguments: Sequence[str]) -> int:
    """Run the scoreboard with the words behind its name."""
    board, *words = arguments or ["--help"]
    if board in ("-h", "--help"):
        told(HELP)
        return 0
    if board not in FOLDERS:
        raise RefusedInputError(
            f"there is no scoreboard {board!r}: use one of {', '.join(FOLDERS)}."
        )
    scoreboards = Path(__file__).resolve().parents[2] / "examples" / "scoreboards"
    script = scoreboards / FOLDERS[board] / "reproduce.py"
    if not script.is_file():
        raise RefusedInputError(
            f"the scoreboard {board} belongs to a checkout, got an installed package: clone "
            "the repository and run it there."
        )
    return subprocess.run([sys.executable, str(script), *words], check=False).returncode
