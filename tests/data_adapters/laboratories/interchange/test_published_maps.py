"""Published rate maps without samples become a longitudinal Dataset with numerators, and with a
denominator only where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from data_adapters.files.containers import write_fields
from data_adapters.laboratories.interchange.reader import longitudinal
from drift.errors import RefusedInputError
from drift.schema import check


def fields(rate, occupancy, session=1, **changes):
    common = {
        "track_length_cm": 40.0,
        "geometry": "square",
        "animal": "j1",
        "environment": "A",
        "time_unit": "day",
    }
    return {
        "rate_maps": rate,
        "occupancy": occupancy,
        "session": session,
        "time": 2.0 * session,
        **common,
        **changes,
    }


@pytest.mark.parametrize("kind", ["npz", "mat", "nc"])
def test_arena(kind, tmp_path):
    rate = np.zeros((3, 2, 4))
    rate[0, 1, 2] = 8.0
    rate[1] = 3.0
    rate[:, 0, 0] = np.nan
    occupancy = np.full((2, 4), 5.0)
    occupancy[0, 0] = 0
    write_fields(fields(rate, occupancy), tmp_path / f"j1_01.{kind}")
    write_fields(fields(rate[:2], occupancy, 3), tmp_path / f"j1_03.{kind}")
    found = check(
        longitudinal(tmp_path),
        "rate",
        "occupancy",
        "recorded",
        "active_units",
        "spatial_information",
    )
    assert dict(found.sizes) == {"subject": 1, "session": 2, "unit": 3, "place": 8} and found[
        "session"
    ].values.tolist() == [0, 2]
    np.testing.assert_array_equal(found["rate"][0, 0], rate.reshape(3, 8))
    # One of seven equally visited places says log2 7, a flat map nothing, a silent map is not
    # defined per event and 0 per second.
    np.testing.assert_allclose(
        found["spatial_information"][0, 0], [np.log2(7), 0, np.nan], atol=1e-12
    )
    np.testing.assert_allclose(
        found["spatial_information_rate"][0, 0], [8 / 7 * np.log2(7), 0, 0], atol=1e-12
    )
    assert found["active_units"].values.tolist() == [[2, 2]] and found["recorded"][
        0
    ].values.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert np.isnan(found["rate"][0, 1, 2]).all()
    assert found["elapsed"].values.tolist() == [[2, 6]] and found["elapsed"].attrs["units"] == "day"
    assert found["unit_identity"].values.tolist() == [["session 1", "session 3"]]
    assert (
        found["place_x"].values.tolist() == [5, 15, 25, 35] * 2
        and found["place_y"].values.tolist() == [10] * 4 + [30] * 4
    )


def test_no_fraction_without_a_denominator(tmp_path):
    write_fields(fields(np.ones((2, 3, 3)), np.ones((3, 3))), tmp_path / "j1_01.npz")
    published = longitudinal(tmp_path)
    assert "fraction_active_units" not in published
    for name in ("detected_units", "place_unit", "place_units", "fraction_place_units"):
        assert published[name].isnull().all(), name
    write_fields(
        fields(np.ones((2, 3, 3)), np.ones((3, 3)), 2, n_detected=9), tmp_path / "j1_02.npz"
    )
    np.testing.assert_array_equal(longitudinal(tmp_path)["detected_units"], [[np.nan, 9]])


def test_track_with_two_directions_and_registration(tmp_path, rng):
    rates, occupancy = rng.uniform(1, 2, (2, 2, 2, 5)), np.ones((2, 5))
    edges = np.arange(0, 24, 4.0)
    for session in (1, 2):
        content = fields(
            rates[session - 1], occupancy, session, geometry="linear", bin_edges_cm=edges
        )
        write_fields(content, tmp_path / f"j1_{session:02d}.npz")
    write_fields(
        {"cell_to_index_map": np.array([[1, 2], [2, 0], [0, 1]])}, tmp_path / "j1_registration.npz"
    )
    found = longitudinal(tmp_path)
    assert found["rate"].dims == ("subject", "session", "unit", "place", "direction") and found[
        "direction"
    ].values.tolist() == [1, -1]
    assert found["place"].values.tolist() == [2, 6, 10, 14, 18]
    np.testing.assert_array_equal(found["rate"][0, 0, 1], rates[0, 1].T)
    np.testing.assert_array_equal(found["rate"][0, 1, 2], rates[1, 0].T)
    assert found["recorded"][0].values.tolist() == [[1, 1, 0], [1, 0, 1]]
    assert set(found["unit_identity"].values.ravel()) == {"registered"}


def test_subjects_side_by_side(tmp_path):
    write_fields(fields(np.ones((2, 3, 3)), np.ones((3, 3))), tmp_path / "j1_01.npz")
    write_fields(
        fields(np.ones((1, 3, 3)), np.ones((3, 3)), 2, animal="j2"), tmp_path / "j2_02.npz"
    )
    found = longitudinal(tmp_path)
    assert found["subject"].values.tolist() == ["j1", "j2"]
    np.testing.assert_array_equal(found["active_units"], [[2, np.nan], [np.nan, 1]])
    np.testing.assert_array_equal(found["elapsed"], [[2, np.nan], [np.nan, 4]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_maps": np.ones((2, 3))}, "over occupancy"),
        ({"occupancy": np.ones((3, 4))}, "over occupancy"),
        ({"rate_maps": np.full((2, 3, 3), -1.0)}, "not negative"),
        ({"rate_maps": np.full((2, 3, 3), np.nan)}, "only NaN"),
        ({"geometry": "linear"}, "1 or 2 directions, got 3"),
        ({"geometry": "torus"}, "one of linear"),
        ({"bin_edges_cm": np.arange(3.0)}, "4 edges for 3 bins, got 3"),
        ({"time_unit": "hour"}, "one of day"),
    ],
)
def test_refused(change, message, tmp_path):
    path = write_fields(
        fields(np.ones((2, 3, 3)), np.ones((3, 3)), **{}) | change, tmp_path / "one.npz"
    )
    with pytest.raises(RefusedInputError, match=message):
        longitudinal(path)


def test_mixtures_are_refused(tmp_path):
    write_fields(fields(np.ones((2, 3, 3)), np.ones((3, 3))), tmp_path / "j1_01.npz")
    write_fields(fields(np.ones((2, 4, 4)), np.ones((4, 4)), 2), tmp_path / "j1_02.npz")
    with pytest.raises(RefusedInputError, match="to have the places of"):
        longitudinal(tmp_path)
