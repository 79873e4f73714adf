"""Speed of observed recordings: `python tests/benchmarks/bench_observing.py [--repetitions N]`.

A design of 50 cells and 8 sessions of 5 minutes at 10 Hz. Named limits: five recordings a second
with their frames (`measure(observe(...))`), twenty without (`observed_maps`). Named baseline: the
numbers alone, Poisson counts of every frame and their sums by place, without a label; rounds take
turns and ratios are medians over them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import xarray as xr

import circuits
import drift

CELLS, SESSIONS, PLACES, RATE = 50, 8, 24, 10.0
LIMITS = {"with frames": 5.0, "maps alone": 20.0}  # recordings a second


def numbers_alone(expected: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Poisson counts (session, frame, unit) of each frame, summed by place."""
    rng, sums = np.random.default_rng(0), np.zeros((SESSIONS, PLACES, CELLS))
    for session in range(SESSIONS):
        counts = rng.poisson(expected[session, place])
        for number in range(PLACES):
            sums[session, number] = counts[place == number].sum(axis=0)
    return sums


def world() -> tuple[xr.Dataset, xr.Dataset]:
    """A run and the design that it is observed like."""
    design = drift.recording_design(
        np.arange(float(SESSIONS)), CELLS, places=PLACES, bin_size=4.0, minutes=5.0
    )
    run = circuits.run_sessions(
        [circuits.LinearInterneuron(units=CELLS, gain=20.0)],
        circuits.PlaceInput(places=PLACES, length=4.0 * PLACES, width=8.0),
        [circuits.WeightDrift(weight_lifetime=10.0)],
        elapsed=design["elapsed"].values, elapsed_units="day", seeds=[0], engine="fixed_point",
        progress=False,
    )  # fmt: skip
    return run, design


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=7, help="rounds (default: %(default)s)")
    rounds = parser.parse_args().repetitions
    run, design = world()
    place = np.tile(np.arange(PLACES), round(5 * 60 * RATE / PLACES))
    expected = np.random.default_rng(1).random((SESSIONS, PLACES, CELLS)) / RATE
    ways: dict[str, Callable[[], object]] = {
        "numbers alone": lambda: numbers_alone(expected, place),
        "with frames": lambda: drift.measure(
            drift.observe(run, design, sampling_rate=RATE, time_scale=1.0)
        ),
        "maps alone": lambda: drift.observed_maps(run, design, time_scale=1.0),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            began = time.process_time()
            way()
            if turn:  # the first warms up
                seconds[name].append(time.process_time() - began)
    for name, limit in LIMITS.items():
        ratio = np.median(np.divide(seconds[name], seconds["numbers alone"]))
        print(
            f"observed recordings, {name:12}: {1 / np.median(seconds[name]):6.1f} a second of CPU "
            f"(at least {limit:g}), {ratio:5.1f} x the numbers alone with frames"
        )


if __name__ == "__main__":
    main()
