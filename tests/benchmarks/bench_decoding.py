"""Decoding of all pairs of sessions: `python tests/benchmarks/bench_decoding.py`.

Nine sessions of 300 units and 20,000 frames of running, read one at a time, all pairs, by the
Bayesian decoder with a fixed and with a refitted readout. Named limits: 20 s each, and 1 GB as the
largest memory of the process, libraries included, on one core.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import resource
import time
from collections.abc import Iterator

import numpy as np
import xarray as xr

from data_adapters.session import session_dataset
from drift.metrics import decoding

SECONDS, BYTES = 20.0, 1e9
SESSIONS, UNITS, FRAMES, LENGTH, LAP = 9, 300, 20_000, 96.0, 200


def sessions() -> Iterator[xr.Dataset]:
    """A code that turns over by a ninth each day, on a track that is run up and down."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(0, LENGTH, UNITS)
    lap, phase = np.divmod(np.arange(FRAMES), LAP)
    way = np.where(lap % 2 == 0, 1, -1)
    along = (phase + 0.5) / LAP * LENGTH
    position = np.where(way == 1, along, LENGTH - along)
    for day in range(SESSIONS):
        moved = rng.random(UNITS) < 1 / SESSIONS
        centres[moved] = rng.uniform(0, LENGTH, moved.sum())
        rate = 0.1 * np.exp(-((position[:, np.newaxis] - centres) ** 2) / 50)
        yield session_dataset(
            subject="mouse", session=day, elapsed=float(day), elapsed_units="day", environment="A",
            unit_identity="tracked", activity=rng.poisson(rate), position=position, direction=way,
            trial=lap + 1, sampling_rate=20.0, source="a benchmark", events_are="counts",
            geometry="linear", bin_size=4.0, minimum_speed=0.0,
        )  # fmt: skip


def main() -> None:
    for readout in ("fixed", "refitted"):
        began, used = time.perf_counter(), time.process_time()
        scores = decoding(sessions(), readout=readout)
        seconds, processor = time.perf_counter() - began, time.process_time() - used
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        error = scores["decoding_error"].values[0]
        print(
            f"{readout}: {seconds:.1f} s (limit {SECONDS:g}; {processor:.1f} s of processor), {memory / 1e9:.2f} GB (limit "
            f"{BYTES / 1e9:g}), {np.isfinite(error).sum()} pairs, error "
            f"{np.diag(error).mean():.1f} cm within, {error[0, -1]:.1f} cm after eight days",
            flush=True,
        )


if __name__ == "__main__":
    main()
