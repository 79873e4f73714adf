"""Means, errors and slopes against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import linregress

from drift.errors import RefusedInputError, SchemaError
from drift.metrics import of_subject, slope, summary


def test_spatial_information_is_averaged_over_place_units_first():
    ds = xr.Dataset(
        {
            "spatial_information": (
                ("subject", "session", "unit"),
                [[[1.0, 3.0, 9.0, np.nan]], [[2.0, np.nan, 8.0, np.nan]]],
            ),
            "place_unit": (
                ("subject", "session", "unit"),
                [[[1.0, 1.0, 0.0, 0.0]], [[1.0, np.nan, 1.0, np.nan]]],
            ),
        }
    )
    np.testing.assert_allclose(of_subject(ds, "spatial_information"), [[2.0], [5.0]], rtol=1e-15)
    result = summary(ds, "spatial_information")
    assert result["spatial_information"].item() == pytest.approx(3.5, rel=1e-15)
    assert result["spatial_information_standard_error"].item() == pytest.approx(
        np.std([2, 5], ddof=1) / np.sqrt(2)
    )


def test_only_subjects_present_are_counted():
    ds = xr.Dataset(
        {
            "fraction_active_units": (
                ("subject", "session"),
                [[0.2, 0.4], [0.6, np.nan], [0.1, np.nan]],
            )
        }
    )
    result = summary(ds, "fraction_active_units")
    assert result["fraction_active_units_subjects"].values.tolist() == [3, 1]
    assert result["fraction_active_units_standard_error"][0].item() == pytest.approx(
        np.std([0.2, 0.6, 0.1], ddof=1) / np.sqrt(3)
    )
    assert result["fraction_active_units"][1].item() == pytest.approx(0.4, rel=1e-15)
    assert np.isnan(result["fraction_active_units_standard_error"][1])


def test_missing_names_are_refused():
    with pytest.raises(RefusedInputError, match="at least one variable"):
        summary(xr.Dataset())
    with pytest.raises(SchemaError, match="loss is missing"):
        summary(xr.Dataset(), "loss")


def test_slope_equals_scipy_and_is_normalised_to_the_first_session_seen(rng):
    time, values = np.array([0.0, 2, 3, 7, 8, 11]), rng.random((2, 6)) + 1
    values[1, 0] = np.nan
    data = xr.DataArray(values, dims=("subject", "session"), attrs={"units": "bits/event"})
    elapsed = xr.DataArray(time, dims="session", attrs={"units": "day"})
    found = slope(data, elapsed)
    for i, first in enumerate((0, 1)):
        expected = linregress(time[first:], values[i, first:] / values[i, first])
        got = [
            found[name][i].item() for name in ("slope", "standard_error", "p_value", "intercept")
        ]
        np.testing.assert_allclose(
            got, [expected.slope, expected.stderr, expected.pvalue, expected.intercept], rtol=1e-9
        )
    assert found["sessions"].values.tolist() == [6, 5] and found["slope"].attrs["units"] == "1/day"
    assert slope(data, elapsed, normalise=False)["slope"].attrs["units"] == "bits/event/day"


def test_two_sessions_have_a_slope_without_error_and_one_has_none():
    elapsed = xr.DataArray([0.0, 2.0, 4.0], dims="session")
    two = slope(xr.DataArray([1.0, 2.0, np.nan], dims="session"), elapsed)
    assert two["slope"].item() == pytest.approx(0.5, rel=1e-14) and np.isnan(two["p_value"])
    assert np.isnan(slope(xr.DataArray([1.0, np.nan, np.nan], dims="session"), elapsed)["slope"])


def test_a_first_session_of_zero_cannot_normalise():
    elapsed = xr.DataArray([0.0, 2.0, 4.0], dims="session")
    with pytest.raises(RefusedInputError, match="first session of 0"):
        slope(xr.DataArray([0.0, 2.0, 1.0], dims="session"), elapsed)
    assert slope(xr.DataArray([0.0, 2.0, 4.0], dims="session"), elapsed, normalise=False)[
        "slope"
    ].item() == pytest.approx(1, rel=1e-14)
