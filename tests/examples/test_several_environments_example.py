"""The example of several environments: what it writes, and that its pictures are those that are
kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkout import EXAMPLES
from example_scripts import called, same_kind_of_picture

import drift

SCRIPT = EXAMPLES / "several_environments.py"


@pytest.mark.slow
def test_it_writes_datasets_figures_and_a_table(tmp_path: Path):
    done = called(tmp_path, SCRIPT, "--quick", "--out", "out")
    assert done.returncode == 0, done.stderr
    stopping = drift.load(tmp_path / "out" / "noise_that_stops.nc")
    active = stopping["label noise fraction_active_responses"]
    assert active.sizes == {"condition": 3, "network": 2, "session": 4}
    goes_on, stops = (active.sel(condition=name).values for name in ("goes on", "stops"))
    np.testing.assert_array_equal(goes_on[:, :2], stops[:, :2], "until noise stops they are one")
    assert (goes_on[:, 2:] != stops[:, 2:]).any()
    matrix = drift.load(tmp_path / "out" / "remapping_matrix.nc")["rate_map_correlation"]
    same = matrix["environment"].values[0] == matrix["environment"].values[0][:, np.newaxis]
    values = matrix.mean("subject").values
    assert np.nanmean(values[same]) > np.nanmean(values[~same])
    for name in ("noise_that_stops.png", "remapping_matrix.png"):
        kept = EXAMPLES / "figures" / name
        assert same_kind_of_picture(kept, tmp_path / "out" / name), "stale: keep a new one"
    assert "| spatial correlation |" in (tmp_path / "out" / "several_environments.md").read_text()
    assert called(tmp_path, SCRIPT, "--quick", "--out", "out").returncode == 2


def test_it_takes_no_recording(tmp_path: Path):
    refused = called(tmp_path, SCRIPT, "--quick", "--recording", "a", "b")
    assert refused.returncode == 2 and "no recording is measured here" in refused.stderr
