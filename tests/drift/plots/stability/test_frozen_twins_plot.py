"""The picture of a recording beside its frozen twins shows the numbers that it is given."""

from __future__ import annotations

from collections.abc import Iterator

import counted_mice
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import drift
from drift import plots


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def noise() -> xr.Dataset:
    mice = [counted_mice.mouse(seed, units=15, sessions=4, events=60.0) for seed in (0, 1)]
    return drift.sampling_noise(counted_mice.crowd(*mice), draws=20)


def test_lines_are_recorded_and_frozen(noise: xr.Dataset):
    ax = plots.recorded_beside_frozen(noise, plt.figure().subplots(), subject="mouse 1")
    lines = {line.get_label(): line for line in ax.lines}
    own = noise.sel(subject="mouse 1", curve="rate_map_correlation")
    np.testing.assert_allclose(lines["mouse 1, recorded"].get_ydata(), own["recorded_by_lag"])
    np.testing.assert_allclose(
        lines["mouse 1, frozen, mean and 95 % of twins"].get_ydata(), own["frozen_by_lag"]
    )
    assert "days" in ax.get_xlabel() and ax.get_ylabel() == "rate-map correlation"
    assert len(ax.get_legend().get_texts()) == 2


def test_all_subjects_and_measures(noise: xr.Dataset):
    ax = plots.recorded_beside_frozen(noise, plt.figure().subplots(), "corrected_similarity")
    assert len(ax.lines) == 4 and ax.get_ylim()[0] == 0
    assert len({line.get_color() for line in ax.lines}) == 2
    with pytest.raises(drift.RefusedInputError, match="subject must be one of"):
        plots.recorded_beside_frozen(noise, ax, subject="nobody")
    with pytest.raises(drift.RefusedInputError, match="sampling_noise"):
        plots.recorded_beside_frozen(counted_mice.mouse(0, units=5), ax)
