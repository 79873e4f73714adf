"""Spatial information against closed forms, pynapple, and the published golden file."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from drift.errors import RefusedInputError
from drift.metrics import (
    circular_shift_p_values,
    rate_maps,
    spatial_information,
    spatial_information_rate,
)

BIN = 0.05


def maps_of(rate) -> xr.DataArray:
    return xr.DataArray(np.asarray(rate, dtype=float), dims=("unit", "place"))


@given(st.integers(2, 400), st.floats(1e-6, 1e6))
def test_one_of_n_equally_visited_places_carries_log2_n_bits(places, peak):
    occupancy = xr.DataArray(np.full(places, 3.7), dims="place")
    rate = maps_of(peak * np.eye(1, places))
    assert abs(spatial_information(rate, occupancy).item() - np.log2(places)) < 1e-9
    assert np.isclose(
        spatial_information_rate(rate, occupancy).item(), np.log2(places) * peak / places
    )


@given(st.floats(1e-9, 1e9), st.integers(1, 50), st.integers(0, 10**6))
def test_a_flat_map_carries_nothing(rate, places, seed):
    occupancy = xr.DataArray(np.random.default_rng(seed).random(places) + 0.1, dims="place")
    assert abs(spatial_information(maps_of(np.full((1, places), rate)), occupancy).item()) < 1e-9


def test_silence_is_nan_per_event_zero_per_second_and_zero_where_asked():
    occupancy = xr.DataArray(np.ones(4), dims="place")
    rate = maps_of([[0, 0, 0, 0], [np.nan] * 4])
    assert np.isnan(spatial_information(rate, occupancy)).all()
    dead, absent = spatial_information(rate, occupancy, silent=0.0).values
    assert dead == 0 and np.isnan(absent)
    dead, absent = spatial_information_rate(rate, occupancy).values
    assert dead == 0 and np.isnan(absent)


def test_negative_terms_are_kept_and_places_not_visited_left_out():
    occupancy = xr.DataArray([1.0, 3.0, 5.0], dims="place")
    value = spatial_information(maps_of([[2.0, 1.0, np.nan]]), occupancy).item()
    p, r = np.array([0.25, 0.75]), np.array([2.0, 1.0])
    assert value == pytest.approx((p * r / 1.25 * np.log2(r / 1.25)).sum(), abs=1e-15)


def test_directions_enter_one_sum(rng):
    rate, time = rng.random((3, 5, 2)), rng.random((5, 2))
    split = spatial_information(
        xr.DataArray(rate, dims=("unit", "place", "direction")),
        xr.DataArray(time, dims=("place", "direction")),
    )
    flat = spatial_information(
        maps_of(rate.reshape(3, 10)), xr.DataArray(time.ravel(), dims="place")
    )
    np.testing.assert_allclose(split, flat, atol=1e-14)


def test_occupancy_without_direction_is_shared_by_both():
    rate = xr.DataArray(np.ones((1, 3, 2)), dims=("unit", "place", "direction"))
    assert abs(spatial_information(rate, xr.DataArray(np.ones(3), dims="place")).item()) < 1e-14


def test_negative_rates_are_refused():
    with pytest.raises(RefusedInputError, match="not be negative"):
        spatial_information(maps_of([[1, -1]]), xr.DataArray([1.0, 1.0], dims="place"))


def pynapple_information(activity: np.ndarray, place: np.ndarray, places: int):
    import pynapple

    time = np.arange(len(place)) * BIN
    frame, feature = (
        pynapple.TsdFrame(t=time, d=activity),
        pynapple.Tsd(t=time, d=place.astype(float)),
    )
    curves = pynapple.compute_tuning_curves(
        frame, feature, bins=places, range=[(-0.5, places - 0.5)]
    )
    information = pynapple.compute_mutual_information(curves, rates=activity.mean(axis=0))
    return information["bits/spike"].to_numpy(), information["bits/sec"].to_numpy() / BIN


def test_pynapple_agrees_on_random_data(rng):
    activity = rng.gamma(0.3, size=(3000, 20)) * (rng.random((3000, 20)) < 0.1)
    place = rng.integers(0, 25, 3000)
    maps = rate_maps(
        xr.DataArray(activity, dims=("sample", "unit")),
        xr.DataArray(place, dims="sample"),
        25,
        sample_duration=BIN,
    )
    per_event, per_second = pynapple_information(activity, place, 25)
    np.testing.assert_allclose(
        spatial_information(maps["rate"], maps["occupancy"]), per_event, atol=1e-12
    )
    np.testing.assert_allclose(
        spatial_information_rate(maps["rate"], maps["occupancy"]), per_second, atol=1e-12
    )


@pytest.fixture(scope="module")
def golden(data_folder):
    """Activity, place, the authors' 89 place cells and 146 active cells (from 0), and their
    results."""
    folder = data_folder("zivlab_sample")
    load = {
        name: scipy.io.loadmat(folder / f"{name}.mat", squeeze_me=True, struct_as_record=False)
        for name in NAMES
    }
    result = load["bias_correction_results"]["unbiased_information_estimation_results"]
    cells = result.firing_statistics
    activity = xr.DataArray(
        load["spike_train"]["spike_train"].astype(float), dims=("sample", "unit")
    )
    place = xr.DataArray(load["stimulus_trace"]["stimulus_trace"].astype(int) - 3, dims="sample")
    return (
        activity,
        place,
        cells.significant_active_cells_indexes - 1,
        cells.sufficiently_active_cells_indexes - 1,
        result.information,
    )


NAMES = ("spike_train", "stimulus_trace", "bias_correction_results")


def test_R01_R03_golden_information(golden):
    activity, place, selected, _, information = golden
    maps = rate_maps(activity.isel(unit=selected), place, 20, sample_duration=BIN)
    per_event = spatial_information(maps["rate"], maps["occupancy"])
    np.testing.assert_allclose(per_event, information.SI_naive_bit_spike, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        spatial_information_rate(maps["rate"], maps["occupancy"]),
        information.SI_naive_bit_sec,
        rtol=0,
        atol=1e-12,
    )
    mean_rate = activity.isel(unit=selected).mean("sample")
    assert abs(per_event.mean() - 1.929286) < 1e-6
    assert abs((per_event * mean_rate).sum() / mean_rate.sum() - 1.891971) < 1e-6


def test_R02_active_cells(golden):
    activity, _, _, active, _ = golden
    np.testing.assert_array_equal(np.flatnonzero((activity > 0).sum("sample") >= 10), active)


def test_R11_pynapple_on_the_golden_recording(golden):
    activity, place, selected, *_ = golden
    maps = rate_maps(activity.isel(unit=selected), place, 20, sample_duration=BIN)
    per_event, per_second = pynapple_information(activity.values[:, selected], place.values, 20)
    np.testing.assert_allclose(
        spatial_information(maps["rate"], maps["occupancy"]), per_event, atol=1e-12
    )
    np.testing.assert_allclose(
        spatial_information_rate(maps["rate"], maps["occupancy"]), per_second, atol=1e-12
    )


def test_R12_effects_of_conventions(golden):
    activity, place, selected, *_ = golden
    activity = activity.isel(unit=selected)
    maps = rate_maps(activity, place, 20, sample_duration=BIN)
    rate, time = maps["rate"], maps["occupancy"]
    reference = spatial_information(rate, time)
    binary = rate_maps((activity > 0).astype(float), place, 20, sample_duration=BIN)["rate"]
    means = [
        reference.mean(),
        spatial_information(binary, time).mean(),
        reference.mean() * np.log(2),
    ]
    for sigma in (1, 1.5, 2):
        smooth = [
            gaussian_filter1d(a, sigma, mode="nearest") for a in ((rate * time).values, time.values)
        ]
        means.append(spatial_information(rate.copy(data=smooth[0] / smooth[1]), time).mean())
    np.testing.assert_allclose(means, [1.929, 1.880, 1.337, 1.390, 1.200, 1.046], atol=0.002)
    p, mean = time / time.sum(), (rate * time).sum("place") / time.sum()
    clipped = (p * rate / mean * np.log2(np.maximum(rate / mean, 1))).sum("place") - reference
    np.testing.assert_allclose(
        [clipped.mean(), clipped.max(), (clipped / reference).mean()],
        [0.054, 0.247, 0.033],
        atol=0.002,
    )


@pytest.mark.parametrize(
    ("minimum_shift", "faithful", "expected", "overlap"),
    [(1, True, 89, 0.85), (200, False, 96, 0.85)],
)
def test_R09_R10_place_cells(golden, minimum_shift, faithful, expected, overlap):
    activity, place, selected, active, _ = golden
    p = circular_shift_p_values(
        activity.isel(unit=active),
        place,
        BIN,
        1000,
        minimum_shift,
        np.random.default_rng(4),
        faithful=faithful,
    )
    found = active[(p < 0.05).values]
    assert abs(found.size - expected) <= 3
    assert np.isin(selected, found).mean() >= overlap
