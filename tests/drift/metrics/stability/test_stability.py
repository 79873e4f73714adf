"""Map and population correlations against numpy one pair at a time, and in limits where they are
known."""

from __future__ import annotations

import time

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError, SchemaError
from drift.metrics import (
    centroid,
    centroid_shift,
    ensemble_rate_correlation,
    mean_rate_map_correlation,
    population_vector_correlation,
    rate_map_correlation,
    shuffled_identity,
    smoothed,
)


def longitudinal(
    rate, place_unit=None, dims=("subject", "session", "unit", "place"), **coords
) -> xr.Dataset:
    rate = np.asarray(rate, dtype=float)
    flags = np.ones(rate.shape[:3]) if place_unit is None else np.asarray(place_unit, dtype=float)
    ds = xr.Dataset({"rate": (dims, rate), "place_unit": (dims[:3], flags)})
    ds["occupancy"] = (
        ("subject", "session", *dims[3:]),
        np.ones((*rate.shape[:2], *rate.shape[3:])),
    )
    ds = ds.assign_coords(session=np.arange(rate.shape[1]), place=np.arange(rate.shape[3]) + 0.5)
    return ds.assign_coords(
        {name: (("subject", "session"), np.asarray(value)) for name, value in coords.items()}
    )


def pearson(a, b):
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    return (
        np.corrcoef(a, b)[0, 1]
        if a.size > 1 and min(np.ptp(a) / (a.max() or 1), np.ptp(b) / (b.max() or 1)) > 1e-12
        else np.nan
    )


@pytest.mark.parametrize("gaps", ["none", "same", "different"])
@pytest.mark.parametrize("smoothing", [0.0, 1.5])
def test_correlation_equals_numpy_pair_by_pair(rng, gaps, smoothing):
    rate = rng.gamma(0.7, size=(2, 4, 5, 12))
    rate[0, 1, 2], rate[1, 2, 3], rate[1, 0, 0] = 0.0, np.nan, 2.5
    if gaps == "same":
        rate[..., 3] = np.nan
    if gaps == "different":
        rate[np.broadcast_to(rng.random((2, 4, 1, 12)) < 0.2, rate.shape)] = np.nan
    ds = longitudinal(rate)
    maps = smoothed(ds["rate"], smoothing).values
    found = rate_map_correlation(ds, smoothing)
    assert found.dims == ("subject", "session", "session_other", "unit")
    for s in range(2):
        for a in range(4):
            for b in range(4):
                expected = [pearson(maps[s, a, u], maps[s, b, u]) for u in range(5)]
                np.testing.assert_allclose(found[s, a, b], expected, atol=1e-10)
                vectors = [pearson(rate[s, a, :, p], rate[s, b, :, p]) for p in range(12)]
                np.testing.assert_allclose(
                    population_vector_correlation(ds)[s, a, b], np.nanmean(vectors), atol=1e-10
                )


def test_silent_flat_and_absent_units_have_no_correlation(rng):
    rate = rng.random((1, 2, 4, 9))
    rate[0, 1, 0], rate[0, 1, 1], rate[0, 1, 2] = 0.0, 0.1, np.nan
    found = rate_map_correlation(longitudinal(rate))[0, 0, 1]
    assert np.isnan(found[:3]).all() and np.isfinite(found[3])


def test_a_map_that_varies_only_where_the_other_was_not_seen_has_none(rng):
    rate = rng.random((1, 2, 1, 10))
    rate[0, 0, 0] = [7, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    rate[0, 1, 0, 0] = np.nan
    assert np.isnan(rate_map_correlation(longitudinal(rate))[0, 0, 1]).all()


def test_mean_over_units_that_are_place_units_in_both_or_in_either(rng):
    rate, flags = rng.random((1, 2, 4, 20)), np.array([[[1, 1, 0, np.nan], [1, 0, 1, 0]]])
    ds = longitudinal(rate, flags)
    each = rate_map_correlation(ds)[0, 0, 1].values
    assert mean_rate_map_correlation(ds)[0, 0, 1] == pytest.approx(each[0])
    assert mean_rate_map_correlation(ds, select="either")[0, 0, 1] == pytest.approx(each[:3].mean())
    keep = xr.DataArray([True, False, True, True], dims="unit")
    assert mean_rate_map_correlation(ds, select="either", keep=keep)[0, 0, 1] == pytest.approx(
        each[[0, 2]].mean()
    )
    with pytest.raises(RefusedInputError, match="select 'any' is unknown: use one of both, either"):
        mean_rate_map_correlation(ds, select="any")


def test_directions_lie_side_by_side(rng):
    rate = rng.random((1, 3, 4, 6, 2))
    split = longitudinal(rate, dims=("subject", "session", "unit", "place", "direction"))
    flat = longitudinal(rate.reshape(1, 3, 4, 12))
    np.testing.assert_allclose(rate_map_correlation(split), rate_map_correlation(flat), atol=1e-12)
    np.testing.assert_allclose(
        population_vector_correlation(split), population_vector_correlation(flat), atol=1e-12
    )


def test_correlation_does_not_care_about_gain_and_is_minus_one_for_the_inverse(rng):
    one = rng.random((6, 15))
    ds = longitudinal(np.stack([one, 3 * one + 2, 5 - one])[np.newaxis])
    found = mean_rate_map_correlation(ds)[0].values
    np.testing.assert_allclose(found, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], atol=1e-12)


def test_R22_units_not_tracked_are_refused_and_mixtures_are_nan(rng):
    rate = rng.random((1, 3, 4, 10))
    apart = longitudinal(rate, unit_identity=[["day 1", "day 2", "day 3"]])
    for measure in (
        rate_map_correlation,
        mean_rate_map_correlation,
        population_vector_correlation,
        ensemble_rate_correlation,
        centroid_shift,
    ):
        with pytest.raises(RefusedInputError, match="units are not tracked"):
            measure(apart)
        found = measure(longitudinal(rate, unit_identity=[["day 1", "day 1", "day 2"]]))
        assert (
            np.isfinite(found[0, 0, 1]).all()
            and np.isnan(found[0, 0, 2]).all()
            and np.isnan(found[0, 1, 2]).all()
        )
        with pytest.raises(RefusedInputError, match="at least two sessions"):
            measure(longitudinal(rate[:, :1]))
    with pytest.raises(SchemaError, match="rate is missing"):
        rate_map_correlation(apart.drop_vars("rate"))


def test_R31_shuffled_identity_destroys_a_fixed_map_and_nothing_else(rng):
    units, places = 200, 40
    field = np.exp(-(((np.arange(places) - rng.uniform(0, places, (units, 1))) / 3) ** 2))
    ds = longitudinal(rng.poisson(50 * np.stack([field] * 4))[np.newaxis])
    shuffled = shuffled_identity(ds, rng)
    off = ~np.eye(4, dtype=bool)
    assert mean_rate_map_correlation(ds).values[0][off].min() > 0.9
    each = rate_map_correlation(shuffled).values[0, 0, 1]
    assert abs(each.mean()) < 4 * each.std(ddof=1) / np.sqrt(units)
    assert np.sort(ds["rate"].sum("place").values, axis=-1) == pytest.approx(
        np.sort(shuffled["rate"].sum("place").values, axis=-1)
    )
    assert np.abs(population_vector_correlation(shuffled).values[0][off]).max() < 0.3
    assert ds.equals(longitudinal(ds["rate"].values))


def test_shuffled_identity_leaves_absent_units_absent(rng):
    rate = rng.random((2, 3, 10, 5))
    rate[0, 1, [2, 5]] = np.nan
    ds = longitudinal(rate)
    np.testing.assert_array_equal(shuffled_identity(ds, rng)["rate"].isnull(), ds["rate"].isnull())


def test_ensemble_rates_by_hand(rng):
    rate = rng.random((1, 2, 6, 4))
    rate[0, 1, 2] = np.nan
    expected = pearson(rate[0, 0].mean(-1), rate[0, 1].mean(-1))
    assert ensemble_rate_correlation(longitudinal(rate))[0, 0, 1] == pytest.approx(expected)


def test_centroid_moves_with_the_field():
    places = np.arange(100) + 0.5
    rate = [[np.exp(-(((places - centre) / 3) ** 2))] for centre in (30.0, 42.0)]
    rate = np.concatenate([rate, [[np.zeros(100)], [np.zeros(100)]]], axis=1)[np.newaxis]
    ds = longitudinal(rate)
    np.testing.assert_allclose(centroid(ds["rate"])[0, :, 0], [30, 42], atol=1e-6)
    shift = centroid_shift(ds)
    np.testing.assert_allclose(shift[0, :, :, 0], [[0, 12], [-12, 0]], atol=1e-6)
    assert np.isnan(shift[..., 1]).all()


def test_centroid_in_a_plane_has_two_axes():
    rate = xr.DataArray(
        [[1.0, 3.0, np.nan]],
        dims=("unit", "place"),
        coords={f"place_{a}": ("place", [0.0, 4.0, 9.0]) for a in "xy"},
    )
    assert centroid(rate).dims == ("unit", "axis")
    np.testing.assert_allclose(centroid(rate), [[3.0, 3.0]], rtol=1e-15)
    with pytest.raises(RefusedInputError, match="where the places are"):
        centroid(rate.drop_vars(["place_x", "place_y"]))


def test_a_long_run_is_measured_in_seconds(rng):
    ds = longitudinal(rng.random((1, 51, 500, 100), dtype=np.float32))
    start = time.perf_counter()
    mean_rate_map_correlation(ds)
    assert time.perf_counter() - start < 5


def test_absent_units_count_as_silent_in_the_ensemble_on_request(rng):
    rate = rng.random((1, 2, 6, 5))
    rate[0, 1, 0] = np.nan
    dims = ("subject", "session", "unit", "place")
    dataset = xr.Dataset(
        {"rate": (dims, rate), "occupancy": (("subject", "session", "place"), np.ones((1, 2, 5)))}
    )
    first, second = rate[0].mean(-1)
    left_out = np.corrcoef(first[1:], second[1:])[0, 1]
    counted = np.corrcoef(first, np.nan_to_num(second))[0, 1]
    assert ensemble_rate_correlation(dataset)[0, 0, 1] == pytest.approx(left_out)
    assert ensemble_rate_correlation(dataset, absent=0.0)[0, 0, 1] == pytest.approx(counted)


def test_environments_are_compared_one_by_one(rng):
    dims = ("subject", "session", "unit", "place", "environment")
    dataset = xr.Dataset(
        {
            "rate": (dims, rng.random((2, 3, 5, 8, 2))),
            "occupancy": (dims[:2] + dims[3:], np.ones((2, 3, 8, 2))),
            "place_unit": (dims[:3] + dims[4:], np.ones((2, 3, 5, 2))),
        }
    )
    for measure in (
        rate_map_correlation,
        mean_rate_map_correlation,
        population_vector_correlation,
        ensemble_rate_correlation,
    ):
        both = measure(dataset)
        assert both.dims[-1] == "environment"
        for one in range(2):
            alone = measure(dataset.isel(environment=one))  # sums of 40 products, in another order
            np.testing.assert_allclose(both.isel(environment=one), alone, rtol=0, atol=1e-14)
