"""Time that halves of sessions add to `measure`: `python tests/benchmarks/bench_halves.py
[--quick]`.

Four sessions of 300 units and 20 000 frames on a track with directions, measured without halves, by
laps and by blocks of 30 s, the fastest of five each in turn; then, on maps of eight sessions, the
similarity with the noise taken out beside the plain correlation. Named limit: halves add 60 % to
the time of `measure`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import xarray as xr

import drift
from drift import metrics

LIMIT = 0.6
RATE = 20.0  # Hz


def session(number: int, units: int, samples: int) -> xr.Dataset:
    """Laps of 20 s over 96 cm; fields of units seen through Poisson events."""
    rng = np.random.default_rng(number)
    phase = np.arange(samples) / RATE / 20 % 1
    position = 96 * np.abs(2 * phase - 1)
    centre = np.random.default_rng(0).uniform(0, 96, units)
    rate = 0.05 + 2 * np.exp(-((position[:, np.newaxis] - centre) ** 2) / 200)
    activity = rng.poisson(rate / RATE).astype(float)
    labels = {"subject": "m", "session": number, "environment": "A", "unit_identity": "m"}
    made = xr.Dataset(
        {
            "activity": (("sample", "unit"), activity, {"units": "events", "kind": "counts"}),
            "position": ("sample", position, {"units": "cm"}),
            "velocity": ("sample", np.full(samples, 9.6)),
            "direction": ("sample", np.where(phase < 0.5, -1, 1)),
        },
        coords={"unit": np.arange(units), "sampling_rate": RATE, **labels},
        attrs={"bin_size": 4.0, "minimum_speed": 1.0, "geometry": "linear", "track_length": 96.0},
    )
    return made.assign_coords(elapsed=((), float(number), {"units": "day"}))


def fastest(calls: dict[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Shortest time of each call, in s; calls take turns, so that a busy machine is busy for all."""
    seconds = dict.fromkeys(calls, np.inf)
    for _ in range(repetitions):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    return seconds


def main(quick: bool) -> None:
    units, samples, repetitions = (60, 4_000, 3) if quick else (300, 20_000, 5)
    made = [session(number, units, samples) for number in range(4)]
    calls = {
        name: lambda halves=halves: drift.measure(made, halves=halves)
        for name, halves in (("none", None), ("trials", "trials"), ("time", "time"))
    }
    seconds = fastest(calls, repetitions)
    print(f"measure, 4 sessions x {units} units x {samples} frames: {seconds['none']:.3f} s")
    for name in ("trials", "time"):
        more = seconds[name] / seconds["none"] - 1
        verdict = "ok" if more <= LIMIT else "ABOVE THE LIMIT"
        print(
            f'  halves="{name}": {seconds[name]:.3f} s, {more:+.0%} (limit +{LIMIT:.0%}) {verdict}'
        )
    run = drift.measure([session(number, units, samples) for number in range(8)], halves="trials")
    similar = {
        "mean_rate_map_correlation": lambda: metrics.mean_rate_map_correlation(run),
        "corrected_similarity": lambda: metrics.corrected_similarity(run),
        'corrected_similarity(form="pooled")': lambda: metrics.corrected_similarity(
            run, form="pooled"
        ),
        "drift_index": lambda: metrics.drift_index(run),
    }
    for name, taken in fastest(similar, repetitions).items():
        print(f"  {name}, 8 sessions: {taken:.3f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller recording")
    main(parser.parse_args().quick)
