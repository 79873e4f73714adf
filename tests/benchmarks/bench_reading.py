"""Reading of a mouse's sessions against reading of its files alone: `python
tests/benchmarks/bench_reading.py [--folder FOLDER] [--rounds N]`.

Named baseline: `scipy.io.loadmat` of the very files that `data_adapters.sessions("sheintuch2023",
FOLDER)` opens, which neither checks them nor makes sessions of them. Named limit: 1.5 times its
time. Rounds take turns, since a machine changes its speed, and the ratio is the median over rounds.
The peak of memory that Python and numpy take is measured apart, since this slows them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import scipy.io

import data_adapters

LIMIT = 1.5
FOLDER = Path(os.environ.get("REPDRIFT_DATA", "../shared/data")) / "zivlab_multiday"


def read_sessions(folder: Path) -> int:
    """Read one session after the other, keep none, and return how many there are."""
    return sum(1 for _session in data_adapters.sessions("sheintuch2023", folder))


def load_alone(files: list[str]) -> None:
    """Read the variables of the files and make nothing of them."""
    for file in files:
        scipy.io.loadmat(file)


def opened_files(folder: Path) -> list[str]:
    """Return the MATLAB files that the reader opens."""
    opened: dict[str, None] = {}

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(".mat"):
            opened[str(arguments[0])] = None

    sys.addaudithook(note)
    read_sessions(folder)
    return list(opened)


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def peak(action: Callable[[], object]) -> float:
    """Return the most memory that an action holds at a time, in MB."""
    tracemalloc.start()
    action()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: %(default)s)")
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        print(f"no recordings in {asked.folder}: give --folder or set REPDRIFT_DATA")
        return
    files = opened_files(asked.folder)
    actions = {
        "scipy.io.loadmat": lambda: load_alone(files),
        "sessions": lambda: read_sessions(asked.folder),
    }
    times: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(asked.rounds + 1):
        for name, action in actions.items():
            taken = seconds(action)
            if number:  # the first warms up
                times[name].append(taken)
    for name, action in actions.items():
        print(
            f"{name:17} {statistics.median(times[name]):7.2f} s of {len(files)} files, peak "
            f"{peak(action):6.0f} MB"
        )
    ratios = [ours / alone for alone, ours in zip(times["scipy.io.loadmat"], times["sessions"])]
    print(
        f"sessions / scipy.io.loadmat: median {statistics.median(ratios):.2f}, worst "
        f"{max(ratios):.2f} (limit {LIMIT})"
    )


if __name__ == "__main__":
    main()
