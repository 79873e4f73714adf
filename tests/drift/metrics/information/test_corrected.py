"""Corrected information as measure gives it: the same recording with more columns, whatever else is
measured with it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.measurement.measuring import measure
from drift.schema import VARIABLES, check

ESTIMATES = ("", "_shuffle_reduced", "_scaled_shuffle_reduced", "_extrapolated")


def session(number=0, subject="mouse", samples=4000, units=8, seed=0):
    """Runs up and down 96 cm; the last unit is silent, the one before absent."""
    rng = np.random.default_rng([seed, number])
    position = 48 + 47.9 * np.sin(np.cumsum(rng.uniform(0.5, 1.5, samples)) / 40)
    activity = rng.poisson(
        0.2 * np.exp(-(((position[:, None] - np.linspace(5, 90, units)) / 8) ** 2))
    ).astype(float)
    activity[:, -1], activity[:, -2] = 0, np.nan
    ds = xr.Dataset({"activity": (("sample", "unit"), activity), "position": ("sample", position)})
    ds["direction"] = ("sample", np.sign(np.gradient(position)).astype(int))
    labels = {
        "subject": subject,
        "session": number,
        "environment": "A",
        "sampling_rate": 20.0,
        "unit_identity": "all",
    }
    ds = ds.assign_coords(
        {**labels, "unit": np.arange(units), "elapsed": ((), 2.0 * number, {"units": "day"})}
    )
    return ds.assign_attrs(bin_size=4.0, minimum_speed=1.0)


@pytest.fixture(scope="module")
def measured():
    sessions = [session(number) for number in range(2)]
    with pytest.warns(
        UserWarning, match=r"off \(up to 0.11 .* extrapolation in 2 sessions\)"
    ) as told:
        corrected = measure(sessions, shuffles=100, seed=3, corrected=True, repetitions=3)
    assert len(told) == 1
    return measure(sessions, shuffles=100, seed=3), corrected


def test_all_four_stand_side_by_side_and_nothing_else_changes(measured):
    plain, corrected = measured
    for name in plain.data_vars:
        xr.testing.assert_identical(plain[name], corrected[name])
    check(corrected, *corrected.data_vars)
    for suffix in ESTIMATES:
        assert corrected[f"spatial_information{suffix}"].dims == ("subject", "session", "unit")
        assert corrected[f"population_spatial_information{suffix}"].dims == ("subject", "session")
        assert corrected[f"population_spatial_information{suffix}"].attrs["units"] == "bits/event"
    added = set(corrected.data_vars) - set(plain.data_vars)
    assert len(added) == 12 and added <= set(VARIABLES)


def test_naive_population_is_the_mean_over_place_units_and_correction_lowers_it(measured):
    corrected = measured[1]
    of_place_units = (
        corrected["spatial_information"].where(corrected["place_unit"] == 1).mean("unit")
    )
    np.testing.assert_allclose(corrected["population_spatial_information"], of_place_units)
    naive, reduced, scaled, extrapolated = (
        corrected[f"population_spatial_information{suffix}"] for suffix in ESTIMATES
    )
    assert (reduced < scaled).all() and (scaled < naive).all() and (extrapolated < naive).all()
    assert (corrected["population_extrapolation_r_squared"] > 0.95).all()
    assert (corrected["population_scaled_shuffle_reduction_stability"] > 0.9).all()


def test_silent_and_absent_units_have_no_corrected_information(measured):
    for suffix in (*ESTIMATES[1:], "_standard_error"):
        values = measured[1][f"spatial_information{suffix}"]
        assert np.isnan(values[..., -2:]).all() and np.isfinite(values[..., :-2]).all()


@pytest.mark.filterwarnings("ignore:corrected information is expected")
def test_a_session_is_corrected_the_same_alone(measured):
    alone = measure(session(1), shuffles=100, seed=3, corrected=True, repetitions=3)
    for name in (
        "spatial_information_extrapolated",
        "population_spatial_information_scaled_shuffle_reduced",
    ):
        np.testing.assert_array_equal(
            alone[name].isel(session=0), measured[1][name].isel(session=1)
        )


def test_without_place_units_the_population_is_nan_and_short_sessions_are_refused():
    few = session()
    few["activity"] = xr.zeros_like(few["activity"])
    result = measure(few, corrected=True, repetitions=1)
    assert all(
        np.isnan(result[f"population_spatial_information{suffix}"]).all() for suffix in ESTIMATES
    )
    with pytest.raises(RefusedInputError, match=r"subject mouse, session 0: .*record longer"):
        measure(session(samples=12), corrected=True, minimum_occupancy=0)
    with pytest.raises(RefusedInputError, match="repetitions must be a whole number from 1, got 0"):
        measure(session(), corrected=True, repetitions=0)
