"""The time scale of a comparison: its interval covers, and says whom it rests on."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from redrawn_fields import redrawn

from drift.comparison.table import scale_witnesses
from drift.comparison.time_scale import _fit, fitted_time_scale

RUN, DAY = 0.08, 0.1  # chance that a field is redrawn in four steps, and in a day
STUDIES = ((3, 5, 0.0), (3, 5, 0.04), (5, 3, 0.04), (1, 1, 0.0), (2, 2, 0.03))


def fields(
    rng: np.random.Generator, chances: np.ndarray, sessions: int, interval: float, unit: str
) -> xr.Dataset:
    measured = redrawn(rng, chances, 40, sessions)
    return measured.assign_coords(elapsed=(measured["elapsed"] * interval).assign_attrs(units=unit))


def truth(spread: float) -> float:
    """Scale of the curves of infinitely many subjects, each of which loses a share of its own."""
    drawn = np.random.default_rng(0).normal(DAY, spread, 200_000) if spread else np.array([DAY])
    days, steps = np.arange(1.0, 6), np.arange(1.0, 17)
    mean = ((1 - np.clip(drawn, 0.01, 0.4)[:, np.newaxis]) ** days).mean(axis=0)
    return _fit((4 * steps, (1 - RUN) ** steps, 17 - steps), (days, mean, 6 - days))[0]


def study(rng: np.random.Generator, networks: int, mice: int, spread: float, bootstraps: int):
    run = np.full(networks, RUN)
    days = np.clip(rng.normal(DAY, spread, mice), 0.01, 0.4) if spread else np.full(mice, DAY)
    return fitted_time_scale(
        fields(rng, run, 17, 4.0, "step"), fields(rng, days, 6, 1.0, "day"), 0, bootstraps
    )


@pytest.mark.slow
def test_intervals_of_the_time_scale_cover():
    """Twenty studies each of five designs, from one network and one mouse to five of them: 95 % of
    100, less three standard errors of 2.2 %. A limit that was not reached excludes nothing."""
    rng, covered = np.random.default_rng(5), []
    for networks, mice, spread in STUDIES:
        scale = truth(spread)
        for found in (study(rng, networks, mice, spread, 200) for _ in range(20)):
            covered.append(not (found.low > scale or found.high < scale))
    print(f"time scale covered {np.mean(covered):.2f}")
    assert np.mean(covered) >= 0.884


def test_who_is_behind_the_interval_is_said(rng: np.random.Generator):
    found = study(rng, 3, 2, 0.0, 20)
    assert (found.recorded_subjects, found.simulated_subjects) == (2, 3)
    numbers = {"time_scale_subjects": 1.0, "time_scale_simulated_subjects": 3.0}
    words = "; 1 independent subject recorded by its units, 3 simulated"
    assert scale_witnesses(xr.Dataset(numbers)) == words and not scale_witnesses(xr.Dataset())
