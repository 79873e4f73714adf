"""Turnover by hand, its sums, its chance level, and the refusal of units that are not tracked."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.time_course.lags import by_lag
from drift.metrics.time_course.turnover import turnover


def dataset(flags, identity=None):
    """Longitudinal Dataset of (session, unit) flags; each place unit has events at the first place,
    absent units are NaN."""
    flags = np.asarray(flags, dtype=float)[np.newaxis]
    rate = np.stack([np.where(flags == 1, 2.0, flags), np.zeros_like(flags) + 0 * flags], axis=-1)
    ds = xr.Dataset(
        {
            "place_unit": (("subject", "session", "unit"), flags),
            "rate": (("subject", "session", "unit", "place"), rate),
        }
    )
    ds = ds.assign_coords(subject=["mouse"], session=np.arange(flags.shape[1]))
    return (
        ds
        if identity is None
        else ds.assign_coords(unit_identity=(("subject", "session"), [identity]))
    )


BY_HAND = [[1, 1, 0, 0, 1, np.nan], [1, 0, 1, 0, np.nan, 1]]


@pytest.mark.parametrize("of", ["place", "active"])
def test_counts_by_hand(of):
    result = turnover(dataset(BY_HAND), of).isel(subject=0)
    there = {name: float(result[name].sel(session=0, session_other=1)) for name in result.data_vars}
    assert there == {"kept": 1, "gained": 1, "lost": 1, "shared_units": 4, "kept_by_chance": 1}
    assert float(result["kept"].sel(session=0, session_other=0)) == 3
    assert result.attrs["of"] == of and result["kept"].attrs["units"] == "1"


def test_silent_units_are_outside_and_inactive_place_flags_do_not_matter_to_activity():
    ds = dataset([[1, 1], [0, 1]])
    ds["place_unit"][:] = 0
    assert float(turnover(ds, "active")["lost"][0, 0, 1]) == 1
    assert float(turnover(ds, "place")["lost"].sum()) == 0


def test_sums_and_symmetry(rng):
    flags = np.where(rng.random((5, 40)) < 0.2, np.nan, rng.random((5, 40)) < 0.4)
    result = turnover(dataset(flags)).isel(subject=0)
    np.testing.assert_array_equal(result["gained"].values, result["lost"].values.T)
    outside = result["shared_units"] - result["kept"] - result["gained"] - result["lost"]
    assert (outside >= 0).all()
    np.testing.assert_array_equal(np.diag(result["gained"]), 0)


def test_memberships_drawn_anew_are_kept_at_the_chance_level(rng):
    flags = rng.random((60, 400)) < 0.3
    result = turnover(dataset(flags)).isel(subject=0)
    off = ~np.eye(60, dtype=bool)
    excess = (result["kept"] - result["kept_by_chance"]).values[off]
    # Hypergeometric variance n p^2 (1 - p)^2 of each of 1770 pairs, which share sessions: z = 5.
    assert abs(excess.mean()) < 5 * np.sqrt(400 * 0.3**2 * 0.7**2 / 1770)


def test_pairs_without_identity_are_nan_and_without_any_refused():
    flags = [[1, 0, 1]] * 3
    result = turnover(dataset(flags, ["day 1", "day 1", "day 2"])).isel(subject=0)
    assert (
        float(result["kept"][0, 1]) == 2
        and np.isnan(result["kept"][0, 2])
        and np.isnan(result["shared_units"][1, 2])
    )
    with pytest.raises(RefusedInputError, match="units are not tracked"):
        turnover(dataset(flags, ["day 1", "day 2", "day 3"]))


def test_sessions_without_a_shared_unit_are_nan():
    result = turnover(dataset([[1, np.nan], [np.nan, 1], [1, 1]])).isel(subject=0)
    assert all(np.isnan(result[name][0, 1]) for name in result.data_vars)


def test_an_unknown_group_is_refused():
    with pytest.raises(RefusedInputError, match="of 'silent' is unknown: use one of active, place"):
        turnover(dataset(BY_HAND), "silent")


def test_counts_by_real_lag():
    ds = dataset([[1, 1, 0], [1, 0, 1], [0, 0, 1]])
    elapsed = xr.DataArray([0.0, 2.0, 7.0], dims="session", attrs={"units": "day"})
    lost = by_lag(turnover(ds)["lost"], elapsed)
    np.testing.assert_array_equal(lost["lag"], [2, 5, 7])
    np.testing.assert_array_equal(lost["correlation"][0], [1, 1, 2])
