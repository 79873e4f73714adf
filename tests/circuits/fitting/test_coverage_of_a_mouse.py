"""Intervals cover the truth in recordings simulated with the counts, places and dates of a mouse.

COVERAGE_RECORDINGS in the environment says how many; a hundred take two hours on one core.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy.stats import binom
from simulated_mouse import BOUNDS, FAST, TRUTH, simulated_mouse

import data_adapters
import drift
from circuits import LinearInterneuron, fit


@pytest.mark.slow
def test_intervals_cover_the_truth_with_the_counts_of_a_mouse(data_folder):
    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    mouse = drift.measure(data_adapters.sessions("sheintuch2023", str(path)), halves="trials")
    count = int(os.environ.get("COVERAGE_RECORDINGS", "3"))
    covered, widths = np.zeros((2, len(TRUTH))), np.full((count, 2, len(TRUTH)), np.nan)
    for number in range(count):
        recording = simulated_mouse(mouse, 100 + number)
        for row, sessions in enumerate((8, 4)):
            found = fit(
                LinearInterneuron(units=150), recording.isel(session=slice(0, sessions)), BOUNDS,
                fast_weight_lifetime=FAST, restarts=1, bootstraps=60, calibrated=20, seed=number,
                progress=False,
            ).interval.isel(subject=0)  # fmt: skip
            for column, (name, truth) in enumerate(TRUTH.items()):
                low, high = found.sel(parameter=name).values
                covered[row, column] += bool(low <= truth <= high)
                widths[number, row, column] = high - low
    print(f"covered of {count}, from 8 and from 4 sessions: {dict(zip(TRUTH, covered.T.tolist()))}")
    # so few would be covered by intervals of 95 % in less than one of a thousand runs
    assert (covered >= binom.ppf(1e-3, count, 0.95)).all()
    width = np.nanmedian(widths, axis=0)
    assert (width[1] > width[0]).mean() > 0.5
