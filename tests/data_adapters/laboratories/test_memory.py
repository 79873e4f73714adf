"""A recording of 9 animals x 11 sessions x 36,000 frames x 50 cells is streamed: read and measured
in less than 2 GB."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

ANIMALS, SESSIONS, FRAMES, CELLS = 9, 11, 36_000, 50
MEASURE = """
import resource, sys
import data_adapters, drift
found = drift.measure(data_adapters.sessions("interchange", sys.argv[1]))
print(*found["rate"].sizes.values(), *found["active_units"].shape, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_sessions_are_streamed(tmp_path, rng):
    walk = np.cumsum(rng.normal(0, 1, (FRAMES, 2)), axis=0) % 80
    events = rng.poisson(0.05, (FRAMES, CELLS)).astype(float)
    for animal in range(ANIMALS):
        for session in range(1, SESSIONS + 1):
            np.savez(
                tmp_path / f"r{animal}_{session:02d}.npz",
                events=np.roll(events, (animal, session), axis=(1, 0)),
                position=walk,
                fs=30.0,
                bin_edges_cm=np.arange(0, 81, 4.0),
                geometry="square",
                animal=f"r{animal}",
                environment="A",
                session=session,
                time=float(session),
                time_unit="day",
                n_detected=CELLS,
            )
    found = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    *sizes, peak = map(int, found.stdout.split())
    print(f"peak {peak / 1e6:.2f} GB")
    assert sizes == [ANIMALS, SESSIONS, CELLS, 400, ANIMALS, SESSIONS] and peak < 2e6
