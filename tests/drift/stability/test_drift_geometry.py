"""From sessions, or their maps, to the table of geometry, in one call and on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from ring_days import days

import drift
from drift import metrics
from drift.cli.stability import main
from drift.stability import drift_geometry

FEW = {"groups": 0, "null": 1, "minimum_events": 3}
FIGURES = ["naive", "frozen", "estimate"]


@pytest.fixture(scope="module")
def sessions() -> list[xr.Dataset]:
    return days(2, 0.2, redrawn=0.4, rooms="AAAA")


def test_sessions_bring_noise_and_exchanges_of_their_own(sessions: list[xr.Dataset]):
    table = drift_geometry(iter(sessions), exchanges=59, **FEW)
    measured = drift.measure(sessions, halves="trials")
    events = (measured["rate"] * measured["occupancy"]).sum("place")
    by_hand = metrics.geometry_table(
        measured,
        keep=events >= 3,
        noise=metrics.trial_noise_covariance(sessions),
        p_values=metrics.exchanged_trial_p_values(sessions, exchanges=59),
        groups=0,
        null=1,
    )
    np.testing.assert_allclose(table[FIGURES], by_hand[FIGURES])
    assert (table["drifting_pairs"].dropna() > 3).all()


def test_maps_are_taken_as_they_are(sessions: list[xr.Dataset], tmp_path: Path, capsys):
    measured = drift.measure(sessions, halves="trials")
    table = drift_geometry(measured, **FEW)
    assert np.isfinite(table["naive"]).all()
    file = drift.save(measured, tmp_path / "recorded.nc")
    options = ["--out", str(tmp_path / "out"), "--geometry", "--twins", "0"]
    main([str(file), *options, "--minimum-events", "3"])
    written = pd.read_csv(tmp_path / "out" / "geometry.csv")
    np.testing.assert_allclose(written[FIGURES], table[FIGURES], rtol=1e-6)
    assert "alignment with noise" in capsys.readouterr().out
