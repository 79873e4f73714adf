"""Counts are told from amplitudes: by what the reader says, and by what no neuron can fire."""

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics import activity_kind, event_counts, spatial_information
from drift.metrics.event_kinds import are_counts, possible_counts
from drift.metrics.information.mutual_information import response_classes


def activity(values, **attrs) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, dtype=float), dims=("sample", "unit"), attrs=attrs)


def sparse_amplitudes(rng, low, high, samples=4000, units=5) -> np.ndarray:
    return np.where(
        rng.random((samples, units)) < 0.03, rng.integers(low, high, (samples, units)), 0
    )


@pytest.mark.parametrize(("low", "high"), [(200, 900), (2, 10), (1, 8), (500, 501), (1, 30)])
def test_whole_amplitudes_count_one_event_each(rng, low, high):
    found = sparse_amplitudes(rng, low, high)
    assert event_counts(activity(found)).values.tolist() == (found > 0).sum(axis=0).tolist()


@pytest.mark.parametrize("rate", [0.01, 0.3, 3.0, 60.0])
def test_poisson_counts_are_counts_at_any_rate(rng, rate):
    spikes = rng.poisson(rate, (3000, 4))
    assert are_counts(spikes, 2.0)
    assert event_counts(activity(spikes)).values.tolist() == spikes.sum(axis=0).tolist()


def test_spikes_in_fields_are_counts(rng):
    place = rng.uniform(0, 100, 6000)
    spikes = rng.poisson(
        1.5 * np.exp(-((place[:, None] - [[20, 50, 80]]) ** 2) / 200)
    )  # 30 spikes/s at the peak, 20 Hz
    assert are_counts(spikes, 20.0)


def test_no_neuron_fires_so_fast(rng):
    dense = 100 + rng.poisson(60, (500, 3))
    assert are_counts(dense) and not are_counts(dense, 20.0)
    assert are_counts(rng.poisson(0.001, (5000, 2)), 30_000.0)


def test_what_is_said_wins(rng):
    found = sparse_amplitudes(rng, 200, 900)
    assert (
        event_counts(activity(found, kind="counts")).values.tolist() == found.sum(axis=0).tolist()
    )
    ones = np.eye(4)
    assert (
        activity_kind(activity(ones, kind="amplitudes")) == "amplitudes"
        and activity_kind(activity(ones)) == "counts"
    )
    with pytest.raises(RefusedInputError, match=r"kind of activity .* got 'spikes'"):
        event_counts(activity(ones, kind="spikes"))


def test_nothing_and_not_observed_are_counts():
    assert activity_kind(activity(np.zeros((5, 2)))) == "counts"
    assert event_counts(activity([[np.nan, 1], [np.nan, 2]])).fillna(-1).values.tolist() == [-1, 3]


def test_classes_of_mutual_information_follow_the_kind(rng):
    found = sparse_amplitudes(rng, 200, 900)
    assert response_classes(activity(found, kind="amplitudes")).max() == 10
    assert response_classes(activity(found, kind="counts")).max() == found.max()


@pytest.mark.parametrize("value", [np.inf, -np.inf, -0.1])
@pytest.mark.parametrize("name", ["rate", "occupancy"])
def test_maps_of_impossible_numbers_have_no_information(value, name):
    maps = {
        "rate": xr.DataArray([1.0, 2.0, 0.5], dims="place"),
        "occupancy": xr.DataArray([1.0, 1.0, 1.0], dims="place"),
    }
    maps[name][1] = value
    with pytest.raises(RefusedInputError, match=r"not be negative|must be finite"):
        spatial_information(**maps)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("place", [(0, 0), (-1, 0), (0, -1), (-1, -1), (1500, 31)])
def test_one_number_that_is_not_whole_is_found_wherever_it_is(order, place):
    values = np.zeros((3000, 64), order=order)
    assert possible_counts(values) and possible_counts(values[::2, ::3])
    values[place] = 2.5
    assert not possible_counts(values)
    values[place] = np.nan
    assert possible_counts(values)
    values[place] = np.inf
    assert possible_counts(values) and not possible_counts(values, 20.0)


def test_nothing_can_be_counts():
    assert possible_counts(np.zeros((0, 3)), 20.0) and possible_counts(
        np.full((2, 2), np.nan), 20.0
    )
