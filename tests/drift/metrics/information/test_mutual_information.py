"""Mutual information: entropies by hand, limits, response classes, and the golden values."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import loadmat

from drift.errors import RefusedInputError
from drift.metrics.information.mutual_information import mutual_information, response_classes


def labelled(activity, place):
    return xr.DataArray(np.asarray(activity, dtype=float), dims=("sample", "unit")), xr.DataArray(
        np.asarray(place), dims="sample"
    )


def entropy(values):
    _, count = np.unique(values, return_counts=True)
    p = count / count.sum()
    return -(p * np.log2(p)).sum()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.floats(0.05, 3))
def test_entropies_one_by_one(seed, places, rate):
    rng = np.random.default_rng(seed)
    activity, place = rng.poisson(rate, (60, 3)), rng.integers(-1, places, 60)
    place[0] = places - 1
    ours = mutual_information(*labelled(activity, place))
    kept, counts = place[place >= 0], activity[place >= 0]
    for unit in range(3):
        conditional = sum(
            np.mean(kept == x) * entropy(counts[kept == x, unit]) for x in np.unique(kept)
        )
        assert float(ours[unit]) == pytest.approx(entropy(counts[:, unit]) - conditional, abs=1e-12)


def test_a_unit_that_names_the_place_tells_all_of_it_and_a_steady_one_nothing():
    place = np.arange(80) % 8
    activity = np.stack([place, (place < 4).astype(int), np.ones(80)], axis=1)
    np.testing.assert_allclose(
        mutual_information(*labelled(activity, place)), [3, 1, 0], atol=1e-12
    )


def test_silent_is_zero_and_absent_is_nan():
    activity = np.zeros((10, 2))
    activity[:, 1] = np.nan
    np.testing.assert_array_equal(
        mutual_information(*labelled(activity, np.arange(10) % 2)), [0, np.nan]
    )


def classes(*values):
    return (
        response_classes(xr.DataArray([list(values)], dims=("sample", "unit"))).values[0].tolist()
    )


def test_whole_numbers_stay_amplitudes_are_rounded_up_at_halves_or_sorted_into_ten():
    assert classes(0.0, 3.0, 40.0) == [0, 3, 40]
    assert classes(0.0, 0.4, 0.5, 2.5, 7.3) == [0, 0, 1, 3, 7]
    assert classes(0.0, 0.1, 100.5) == [0, 1, 10]
    edges = np.geomspace(0.1, 4.9, 11)  # the largest value is below 5
    centres = (edges[1:] + edges[:-1]) / 2
    probe = np.array([0.1, 0.13, 0.5, 1.234, 4.9])
    assert classes(*probe) == [1 + int(np.abs(centres - v).argmin()) for v in probe]


def test_company_can_change_the_classes_of_a_unit():
    assert classes(0.3, 1.2, 3.0)[:2] != classes(0.3, 1.2, 6.5)[:2]


def test_one_amplitude_is_one_class_and_nothing_is_changed():
    activity = xr.DataArray([[0.0, 0.25], [0.25, 0.0]], dims=("sample", "unit"))
    before = activity.copy(deep=True)
    np.testing.assert_allclose(
        mutual_information(activity, xr.DataArray([0, 1], dims="sample")), [1, 1]
    )
    xr.testing.assert_identical(activity, before)


def test_refusals(rng):
    activity, place = labelled(rng.poisson(1.0, (10, 2)), np.full(10, -1))
    with pytest.raises(RefusedInputError, match="no sample has a place"):
        mutual_information(activity, place)
    with pytest.raises(RefusedInputError, match="one entry per sample"):
        mutual_information(activity, place[:5])


def test_R04_golden_mutual_information(data_folder):
    folder = data_folder("zivlab_sample")
    results = loadmat(
        folder / "bias_correction_results.mat", squeeze_me=True, struct_as_record=False
    )
    results = results["unbiased_information_estimation_results"]
    cells = results.firing_statistics.significant_active_cells_indexes - 1
    place = loadmat(folder / "stimulus_trace.mat")["stimulus_trace"].ravel().astype(int) - 3
    ours = mutual_information(
        *labelled(loadmat(folder / "spike_train.mat")["spike_train"][:, cells], place)
    )
    np.testing.assert_allclose(ours, results.information.MI_naive, atol=1e-12, rtol=0)


def test_R14_simulated_mutual_information(data_folder):
    folder = data_folder("zivlab_simulated")
    events = loadmat(folder / "simulated_spike_train.mat")["simulated_spike_train"].astype(float)
    place = loadmat(folder / "stimulus_trace.mat")["stimulus_trace"].ravel().astype(int) - 3
    ours = mutual_information(*labelled(events, place))
    assert float(ours[0]) == pytest.approx(0.00690028, abs=1e-8)
    assert float(ours[(events > 0).sum(axis=0) >= 10].mean()) == pytest.approx(0.03860, abs=1e-5)
