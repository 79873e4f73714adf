"""Frozen twins know when a session was, not where it stands."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from ring_days import days

import drift
from drift.observation import frozen_twins

ORDER = [2, 0, 3, 1]


@pytest.fixture(scope="module")
def recorded() -> xr.Dataset:
    return drift.measure(days(0, 0.2, redrawn=0.2, rooms="ABAB"), halves="trials")


def test_twins_do_not_depend_on_the_order_of_sessions(recorded: xr.Dataset):
    first, second = (
        next(frozen_twins(each, seed=1)) for each in (recorded, recorded.isel(session=ORDER))
    )
    xr.testing.assert_identical(second.sortby("session"), first)


def test_nor_does_what_is_set_beside_them(recorded: xr.Dataset):
    first, second = (
        drift.sampling_noise(each, draws=20, minimum_events=2)
        for each in (recorded, recorded.isel(session=ORDER))
    )
    for name in ("recorded", "frozen", "p_value", "frozen_by_lag"):
        np.testing.assert_allclose(second[name], first[name], rtol=1e-9, err_msg=name)
