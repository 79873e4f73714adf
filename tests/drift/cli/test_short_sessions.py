"""A session much shorter than the others of its subject is told: what it lacks is no change."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.cli.lines.summaries import running_rows


def recorded(seconds: list[list[float]]) -> xr.Dataset:
    dims = ("subject", "session")
    coords = {"subject": ["A", "B"], "session": range(4)}
    times = xr.DataArray(np.array(seconds), dims=dims, coords=coords)
    return xr.Dataset({"running_time": times, "tracked_time": 2 * times}).assign_coords(place=[0.0])


def test_a_short_session_is_told_with_its_subject():
    rows = running_rows(recorded([[260, 270, 250, 265], [260, 270, 37, 265]]))
    (warning,) = [row for row in rows if "warning" in row]
    assert "B, session 2 counts 37 s" in warning and "usual (262 s)" in warning


def test_subjects_are_held_against_themselves_alone():
    assert "warning" not in " ".join(running_rows(recorded([[900.0] * 4, [100.0] * 4])))
    absent = running_rows(recorded([[260, np.nan, 250, 265], [260, 270, np.nan, 265]]))
    assert "warning" not in " ".join(absent)
