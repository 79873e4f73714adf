"""Rate maps against counting by hand, and smoothing against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from drift.errors import RefusedInputError
from drift.metrics import (
    assign_places,
    bin_edges,
    published_rate_maps,
    rate_maps,
    signed_position,
    smoothed,
)


def by_sample(values) -> xr.DataArray:
    return xr.DataArray(np.asarray(values), dims="sample")


def test_places_are_half_open_and_the_last_is_closed():
    place = assign_places(by_sample([0.0, 0.99, 1.0, 3.0, 3.01, -0.1, np.nan]), bin_edges(0, 3, 3))
    assert place.values.tolist() == [0, 0, 1, 2, -1, -1, -1]


@given(st.integers(2, 60), st.integers(1, 5), st.integers(1, 6), st.integers(0, 10**6))
def test_rate_is_events_over_occupancy_counted_sample_by_sample(samples, units, places, seed):
    rng = np.random.default_rng(seed)
    activity = rng.poisson(1.0, (2, samples, units)).astype(float)
    place, direction = rng.integers(-1, places, samples), rng.integers(-1, 2, samples)
    keep = rng.random(samples) < 0.8
    maps = rate_maps(
        xr.DataArray(activity, dims=("subject", "sample", "unit")),
        by_sample(place),
        places,
        by_sample(direction),
        by_sample(keep),
        sample_duration=0.5,
        minimum_occupancy=0.5,
    )
    assert maps["rate"].dims == ("subject", "unit", "place", "direction")
    for x in range(places):
        for d in (1, -1):
            here = (place == x) & (direction == d) & keep
            assert maps["occupancy"].sel(direction=d)[x] == here.sum() * 0.5
            rate = maps["rate"].sel(direction=d)[..., x].values
            if here.sum() * 0.5 > 0.5:
                np.testing.assert_allclose(rate, activity[:, here].sum(axis=1) / (here.sum() * 0.5))
            else:
                assert np.isnan(rate).all()


def test_absent_units_stay_nan_and_silent_units_are_zero():
    activity = xr.DataArray(np.array([[np.nan, 0.0], [np.nan, 0.0]]), dims=("sample", "unit"))
    rate = rate_maps(activity, by_sample([0, 1]), 2)["rate"]
    assert np.isnan(rate[0]).all() and (rate[1] == 0).all()


def test_three_frames_at_thirty_hertz_do_not_exceed_a_tenth_of_a_second():
    for rate in (30.0, 29.97, 10.0, 70.0):
        samples = round(0.1 * rate)
        place = by_sample(np.zeros(samples, dtype=int))
        activity = xr.DataArray(np.ones((samples, 1)), dims=("sample", "unit"))
        assert np.isnan(
            rate_maps(activity, place, 1, sample_duration=0.1 / samples, minimum_occupancy=0.1)[
                "rate"
            ]
        ).all()


@pytest.mark.parametrize(
    ("activity", "place", "message"),
    [
        (np.ones((3, 2)), [0, 1], "one entry per sample"),
        (np.ones((2, 2)), [0, 7], "below places"),
        (-np.ones((2, 2)), [0, 1], "not negative"),
        (np.array([[np.nan, 1], [1, 1]]), [0, 1], "part of the samples"),
        (np.ones((0, 2)), [], "empty"),
    ],
)
def test_unusable_input_is_refused(activity, place, message):
    with pytest.raises(RefusedInputError, match=message):
        rate_maps(xr.DataArray(activity, dims=("sample", "unit")), by_sample(place), 2)


def test_signed_position_lays_the_directions_side_by_side():
    signed = signed_position(by_sample([2.0, 3.0, 5.0, 5.0, 4.0, 2.0]))
    np.testing.assert_allclose(signed, [0.0, 1.0, 3.0, 0.0, -2.0, 0.0], atol=1e-15)


def test_published_maps_have_zeros_where_nobody_went():
    position = by_sample([0.0, 1.0, 2.0, 10.0])
    maps = published_rate_maps(
        xr.DataArray(np.ones((4, 1)), dims=("sample", "unit")), position, bins=10
    )
    assert maps["rate"].values[0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    assert maps["occupancy"].sum() == 4


def test_reference_corridor_leaves_three_of_a_hundred_bins_empty(data_folder):
    stored = np.load(data_folder("corridor_reference") / "predictive_track_up.npz")
    maps = published_rate_maps(
        xr.DataArray(np.abs(stored["inputs"]), dims=("sample", "unit")),
        by_sample(stored["position"]),
    )
    assert int((maps["occupancy"] == 0).sum()) == 3


def test_smoothing_keeps_flat_maps_flat_around_gaps_and_leaves_its_input_alone():
    rate = xr.DataArray(np.full((2, 30), 3.0), dims=("unit", "place"))
    rate[:, 7:9] = np.nan
    before = rate.copy(deep=True)
    result = smoothed(rate, 2.0)
    np.testing.assert_allclose(result.values[:, 10:], 3.0)
    assert np.isnan(result.values[:, 7:9]).all()
    xr.testing.assert_identical(rate, before)


def test_smoothing_an_impulse_gives_the_gaussian():
    rate = xr.DataArray(np.eye(1, 101, 50), dims=("unit", "place"))
    kernel = np.exp(-(np.arange(-12, 13) ** 2) / 18)
    np.testing.assert_allclose(
        smoothed(rate, 3.0).values[0, 38:63], kernel / kernel.sum(), atol=1e-12
    )
    np.testing.assert_array_equal(smoothed(rate, 0.0), rate)


def test_smoothing_in_a_plane_follows_the_coordinates_of_the_places(rng):
    x, y = (a.ravel() for a in np.meshgrid(np.arange(12), np.arange(9), indexing="ij"))
    order = rng.permutation(x.size)
    rate = xr.DataArray(
        np.zeros(x.size),
        dims="place",
        coords={"place_x": ("place", x[order] * 4.0), "place_y": ("place", y[order] * 4.0)},
    )
    rate[np.flatnonzero((x[order] == 6) & (y[order] == 4))] = 1.0
    result = smoothed(rate, 0.7)
    distance = (x[order] - 6) ** 2 + (y[order] - 4) ** 2
    np.testing.assert_allclose(
        result, float(result.max()) * np.exp(-distance / (2 * 0.49)) * (distance < 100), atol=2e-4
    )
