"""Intervals cover the truth in recordings simulated with the counts, places and dates of a mouse,
halves of one recording agree, and a frozen code needs no drift.

COVERAGE_RECORDINGS in the environment says how many; a hundred take forty minutes on one core for
coverage, as long for halves and twenty minutes for frozen codes.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom
from simulated_mouse import CIRCUITS, FAST, TRUTH, simulated_mouse

import data_adapters
import drift
from circuits import Fit, fit
from drift.fit_words import need_of_drift

COUNT = int(os.environ.get("COVERAGE_RECORDINGS", "3"))


@pytest.fixture(scope="module")
def mouse(data_folder) -> xr.Dataset:
    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    return drift.measure(data_adapters.sessions("sheintuch2023", str(path)), halves="trials")


def fitted(recording: xr.Dataset, seed: int, calibrated: int = 20, kind: str = "linear") -> Fit:
    circuit, _, bounds = CIRCUITS[kind]
    return fit(
        circuit, recording, bounds, fast_weight_lifetime=FAST, restarts=1,
        bootstraps=60, calibrated=calibrated, seed=seed, progress=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", CIRCUITS)
def test_intervals_cover_the_truth_with_the_counts_of_a_mouse(mouse, kind):
    named = CIRCUITS[kind][1]
    intervals = np.full((COUNT, 2, len(named), 2), np.nan)
    for number in range(COUNT):
        recording = simulated_mouse(mouse, 100 + number, named, kind)
        for row, sessions in enumerate((8, 4)):
            found = fitted(recording.isel(session=slice(0, sessions)), number, kind=kind)
            intervals[number, row] = found.interval.isel(subject=0).values
    truth, known = np.array(list(named.values())), np.isfinite(intervals).all(axis=-1)
    covered = (intervals[..., 0] <= truth) & (truth <= intervals[..., 1])
    for row, sessions in enumerate((8, 4)):
        print(
            f"{kind}, {sessions} sessions: covered {dict(zip(named, covered[:, row].sum(0).tolist()))} of "
            f"{known[:, row].sum(0).tolist()} with an interval"
        )
    # so few would be covered by intervals of 95 % in less than one of a thousand runs
    assert (covered.sum(0) >= binom.ppf(1e-3, known.sum(0), 0.95)).all()
    assert known.mean() > 0.8
    width = np.nanmedian(np.ptp(intervals, axis=-1), axis=0)
    assert (width[1] > width[0]).mean() > 0.5


@pytest.mark.slow
def test_both_halves_of_the_cells_of_a_mouse_give_intervals_that_overlap(mouse):
    overlaps = []
    for number in range(COUNT):
        recording = simulated_mouse(mouse, 100 + number)
        halves = [fitted(recording.isel(unit=slice(start, None, 2)), number) for start in (0, 1)]
        first, second = (half.interval.isel(subject=0).values for half in halves)
        known = np.isfinite(first).all(axis=-1) & np.isfinite(second).all(axis=-1)
        apart = (first[:, 0] > second[:, 1]) | (second[:, 0] > first[:, 1])
        overlaps.append(not (apart & known).any())
    print(f"all intervals overlap in {sum(overlaps)} of {COUNT}")
    assert sum(overlaps) >= binom.ppf(1e-3, COUNT, 0.9)


@pytest.mark.slow
def test_a_frozen_code_with_the_losses_of_a_mouse_needs_no_drift(mouse):
    still = {name: TRUTH[name] for name in ("gain", "input_width")}
    said = [
        need_of_drift(
            fitted(simulated_mouse(mouse, 100 + number, still), number, 0).dataset.isel(subject=0)
        )
        for number in range(COUNT)
    ]
    print({sentence: said.count(sentence) for sentence in set(said)})
    assert said.count("drift is needed") <= binom.ppf(0.999, COUNT, 0.05)
