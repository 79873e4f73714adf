"""Time and memory of all measures of stability together: `python
tests/benchmarks/bench_stability.py [--quick]`.

Nine sessions of 300 units and 20 000 frames on a track with directions, by `drift.code_stability`:
halves, corrected similarities, three readouts of every pair, life tables. Named limit: a minute and
1 GB on one core.
"""

from __future__ import annotations

import argparse
import resource
import time

from bench_halves import session

import drift

SECONDS, BYTES = 60.0, 1e9


def main(quick: bool) -> None:
    days, units, samples = (3, 60, 4_000) if quick else (9, 300, 20_000)
    sessions = [session(number, units, samples) for number in range(days)]
    drift.code_stability([session(number, 20, 2_000) for number in range(2)])  # what is compiled
    began = time.perf_counter()
    stability = drift.code_stability(sessions)
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{days} sessions, {units} units, {samples} frames: {len(stability)} variables")
    print(f"time   {seconds:6.1f} s   limit {SECONDS:.0f} s")
    print(f"memory {memory / 1e9:6.2f} GB  limit {BYTES / 1e9:.0f} GB")
    if not quick and (seconds > SECONDS or memory > BYTES):
        raise SystemExit("above the limit")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small recording, no limit")
    main(parser.parse_args().quick)
