"""Days of experience: numerators and denominators are summed before a ratio is formed; the W track
is unrolled on request."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hc6_layout import info, pos, row, spikes, write

import data_adapters
from data_adapters.laboratories.frank import karlsson2015, w_track
from data_adapters.laboratories.frank.pooling import pooled
from data_adapters.published.summaries import normalised
from drift import measure
from drift.errors import RefusedInputError
from drift.metrics import rate_map_correlation

EVERY = {"maximum_rate": None, "minimum_spikes": None}


def longitudinal(**values):
    """Two subjects, three sessions, two units."""
    session = ("subject", "session")
    counts = {name: (session, np.array(array, dtype=float)) for name, array in values.items()}
    information = np.array(
        [[[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]], [[1.0, 1.0], [2.0, 4.0], [np.nan, np.nan]]]
    )
    place_unit = np.array(
        [[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 1.0], [np.nan, np.nan]]]
    )
    maps = {
        "spatial_information": ((*session, "unit"), information),
        "place_unit": ((*session, "unit"), place_unit),
    }
    return xr.Dataset({**counts, **maps}, coords={"subject": ["a", "b"], "session": [0, 1, 2]})


@pytest.fixture
def measured():
    return longitudinal(
        detected_units=[[10, 20, 30], [5, 6, np.nan]],
        active_units=[[4, 5, 6], [5, 3, np.nan]],
        place_units=[[1, 1, 1], [0, 2, np.nan]],
    )


def days(values):
    return xr.DataArray(
        np.array(values, dtype=float),
        dims=("subject", "session"),
        coords={"subject": ["a", "b"], "session": [0, 1, 2]},
    )


def test_pooled_by_hand(measured):
    before = measured.copy(deep=True)
    found = pooled(measured, days([[4, 5, 4], [5, 6, np.nan]]))
    xr.testing.assert_identical(measured, before)
    assert (
        found["elapsed"][0].values.tolist() == [4, 5, 6]
        and found["elapsed"].attrs["units"] == "day"
    )
    np.testing.assert_array_equal(found["detected_units"], [[40, 20, np.nan], [np.nan, 5, 6]])
    np.testing.assert_array_equal(found["place_units"], [[2, 1, np.nan], [np.nan, 0, 2]])
    np.testing.assert_allclose(
        found["fraction_place_units"], [[2 / 40, 1 / 20, np.nan], [np.nan, 0, 2 / 6]]
    )
    np.testing.assert_allclose(
        found["fraction_active_units"], [[10 / 40, 5 / 20, np.nan], [np.nan, 1, 3 / 6]]
    )
    np.testing.assert_allclose(
        found["mean_spatial_information"], [[(1 + 6) / 2, 3, np.nan], [np.nan, np.nan, 3]]
    )
    np.testing.assert_allclose(
        found["mean_spatial_information_active"], [[14 / 4, 3, np.nan], [np.nan, 1, 3]]
    )
    assert found["pooled_sessions"].values.tolist() == [[2, 1, 0], [0, 1, 1]]
    only = pooled(
        measured, days([[4, 5, 4], [5, 6, np.nan]]), where=days([[1, 1, 0], [0, 1, 1]]) == 1
    )
    np.testing.assert_array_equal(only["detected_units"], [[10, 20, np.nan], [np.nan, np.nan, 6]])
    curve = normalised(
        "karlsson2015", pooled(measured, days([[4, 5, 4], [4, 5, np.nan]])).isel(subject=[0])
    )
    np.testing.assert_allclose(curve["activity"], [1, 1])


def test_pooling_refusals(measured):
    day = days([[4, 5, 4], [5, 6, np.nan]])
    with pytest.raises(
        RefusedInputError, match=r"every session that was measured, got none for \[2\]"
    ):
        pooled(measured, day.isel(session=[0, 1]))
    with pytest.raises(RefusedInputError, match="day of experience were expected, got none"):
        pooled(measured, day.where(day > 9))
    with pytest.raises(RefusedInputError, match="place_units is missing"):
        pooled(measured.drop_vars("place_units"), day)


def w_walk(rng, frames, begin):
    """Positions along the W: centre arm, left bar and arm, back, right bar and arm; and the
    distance that they have."""
    corners = np.array(
        [[35, 80], [35, 0], [0, 0], [0, 80], [0, 0], [35, 0], [70, 0], [70, 80]], dtype=float
    )
    lengths = np.append(0, np.cumsum(np.abs(np.diff(corners, axis=0)).sum(axis=1)))
    path = np.linspace(0, lengths[-1], frames)
    xy = np.stack([np.interp(path, lengths, corners[:, axis]) for axis in range(2)], axis=1)
    # From the centre well: 0 to 80, the left side 80 to 195, and the right side 195 to 310.
    along = np.interp(path, lengths, [0, 80, 115, 195, 115, 80, 115, 195])
    along = np.where(path > lengths[5], along + 115, along)
    return np.column_stack(
        [begin + np.arange(frames) / 30, xy, rng.uniform(0, 6, frames), rng.uniform(5, 30, frames)]
    ), along


def animal(folder, rng, tables, linearcoord=None):
    """Day 4: two epochs on track A and one on B, three cells each."""
    runs = [("TrackA", 4, 1), ("TrackA", 4, 2), ("TrackB", 1, 1)]
    extra = {} if linearcoord is None else {"linearcoord": row(linearcoord)}
    tasks = [
        {
            "type": "run",
            "environment": name,
            "exposure": 7,
            "exposureday": day,
            "dailyexposure": daily,
            **extra,
        }
        for name, day, daily in runs
    ]
    trains = [[rng.integers(1, len(table) + 1, 150) for _ in range(3)] for table in tables]
    spiking = [
        row([row([spikes(table, rows) for rows in cells])]) for table, cells in zip(tables, trains)
    ]
    cellinfo = [row([row([info(150, 3.0, "CA1") for _ in cells])]) for cells in trains]
    return write(
        folder,
        folder.name.casefold(),
        {4: {"pos": [pos(table) for table in tables], "spikes": spiking, "task": tasks}},
        {4: cellinfo},
    )


def test_experience_fits_the_sessions_and_pools(tmp_path, rng):
    folder = animal(
        tmp_path / "Con", rng, [w_walk(rng, 900, 1000.0 * epoch)[0] for epoch in range(3)]
    )
    measured = measure(data_adapters.sessions("karlsson2015", folder))
    experience = karlsson2015.experience(folder)
    assert (
        experience["exposureday"].values.tolist() == [[4, 4, 1]]
        and experience["environment"][0, 2].item() == "TrackB"
    )
    found = pooled(measured, experience["exposureday"], experience["dailyexposure"] == 1)
    assert found["detected_units"].values.tolist() == [[3, 3]] and found[
        "elapsed"
    ].values.tolist() == [[1, 4]]
    np.testing.assert_allclose(
        found["fraction_place_units"][0, 1], measured["place_units"][0, 0] / 3
    )
    whole = pooled(measured, experience["exposureday"])
    assert whole["detected_units"].values.tolist() == [[3, 6]]


def test_rate_map_correlation_across_days_is_refused(tmp_path, rng):
    first, second = (
        animal(tmp_path / name, rng, [w_walk(rng, 900, 1000.0 * epoch)[0] for epoch in range(3)])
        for name in ("Con", "Dud")
    )
    sessions = [
        *data_adapters.sessions("karlsson2015", first),
        *data_adapters.sessions("karlsson2015", second),
    ]
    # The second animal's files stand for another day of the first: the same unit numbers, another
    # identity.
    for index, one in enumerate(sessions[3:], start=3):
        sessions[index] = one.assign_coords(
            subject="con", session=index, unit_identity="day 5", elapsed=one["elapsed"] + 1
        )
    measured = measure(sessions)
    with pytest.raises(RefusedInputError):
        rate_map_correlation(measured.isel(session=[0, 3]))


@pytest.mark.parametrize("turn", range(4))
def test_w_track_unrolled(turn, tmp_path, rng):
    pytest.importorskip("track_linearization")
    tables, along = zip(*(w_walk(rng, 900, 1000.0 * epoch) for epoch in range(3)))
    tables = [table.copy() for table in tables]
    for table in tables:
        for _ in range(turn):
            table[:, 1:3] = np.stack([80 - table[:, 2], table[:, 1]], axis=1)
    nodes = np.array([[35, 80], [35, 0], [0, 0], [0, 80], [70, 0], [70, 80]], dtype=float)
    for _ in range(turn):
        nodes = np.stack([80 - nodes[:, 1], nodes[:, 0]], axis=1)
    paths = [
        np.repeat(part[:, :, np.newaxis], 2, axis=2) for part in (nodes[:4], nodes[[0, 1, 4, 5]])
    ]
    folder = animal(tmp_path / "Con", rng, tables, paths)
    found = list(data_adapters.sessions("karlsson2015", folder, geometry="W"))
    for one, truth in zip(found, along):
        assert one["position"].dims == ("sample",) and one.attrs["geometry"] == "W"
        wrong = np.abs(one["position"].values - truth) > 1e-6
        assert wrong.mean() < 0.01  # at the junctions a point lies on two segments
    guessed = w_track.linearised(tables[0][:, 1:3])
    same, mirrored = (
        np.median(np.abs(guessed - truth))
        for truth in (along[0], np.where(along[0] > 195, along[0] - 115, along[0] + 115))
    )
    arm = along[0] <= 79
    assert np.abs(guessed - along[0])[arm].max() < 1e-6 and min(same, mirrored) < 1e-6


def test_w_track_refusals(tmp_path, rng, monkeypatch):
    pytest.importorskip("track_linearization")
    tables = [w_walk(rng, 900, 1000.0 * epoch)[0] for epoch in range(3)]
    for linearcoord, message in (
        ([np.ones((4, 2))], "two paths"),
        ([np.ones((4, 2)), np.zeros((4, 2))], "share the centre arm"),
    ):
        folder = animal(tmp_path / f"Con{len(linearcoord)}", rng, tables, linearcoord)
        with pytest.raises(RefusedInputError, match=message):
            data_adapters.sessions("karlsson2015", folder, geometry="W")
    with pytest.raises(RefusedInputError, match="one of W"):
        data_adapters.sessions("karlsson2015", folder, geometry="L")
    lost = tables[0][:, 1:3].copy()
    lost[5] = np.nan
    assert np.isnan(w_track.linearised(lost)).sum() == 1
    with pytest.raises(RefusedInputError, match="NaN in every frame"):
        w_track.linearised(np.full((3, 2), np.nan))
    monkeypatch.setitem(__import__("sys").modules, "track_linearization", None)
    with pytest.raises(RefusedInputError, match="pip install track-linearization"):
        data_adapters.sessions("karlsson2015", folder, geometry="W")
