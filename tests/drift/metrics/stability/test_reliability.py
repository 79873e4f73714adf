"""Correlation within sessions and reliability: by hand, against a sampled twin, without noise."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from test_ceiling import recorded

import drift
from drift import metrics
from drift.errors import RefusedInputError


def by_hand(halves: np.ndarray) -> xr.Dataset:
    """One subject; ``halves`` (session, unit, half, place)."""
    dims = ("subject", "session", "unit", "half", "place")
    return xr.Dataset(
        {
            "rate": (("subject", "session", "unit", "place"), halves.mean(axis=2)[np.newaxis]),
            "rate_half": (dims, halves[np.newaxis]),
            "place_unit": (dims[:3], np.ones((1, *halves.shape[:2]))),
        }
    )


def test_by_hand():
    first, second = [0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 1.0, 3.0]
    silent = [0.0, 0.0, 0.0, 0.0]
    made = by_hand(np.array([[[first, second], [first, first], [first, silent]]]))
    within = metrics.within_session_correlation(made).values[0, 0]
    np.testing.assert_allclose(within, [0.8, 1.0, np.nan])
    assert metrics.reliability(made).item() == pytest.approx(0.9)
    brown = metrics.reliability(made, correction="spearman_brown").item()
    assert brown == pytest.approx(1.8 / 1.9)
    only = metrics.reliability(made, keep=xr.DataArray([True, False, False], dims="unit")).item()
    assert only == pytest.approx(0.8)


def test_units_that_are_no_place_units_count_on_request():
    made = by_hand(np.array([[[[0.0, 1, 2, 3], [0, 2, 1, 3]], [[0.0, 1, 2, 3], [0, 1, 2, 3]]]]))
    made["place_unit"].values[0, 0, 0] = 0
    assert metrics.reliability(made).item() == pytest.approx(1.0)
    assert metrics.reliability(made, select="all").item() == pytest.approx(0.9)


def test_spearman_and_brown_foretell_whole_sessions():
    """Two sessions of a code that stands still are as alike as the formula says of their halves."""
    seen = recorded(40, sessions=8)
    foretold = metrics.reliability(seen, correction="spearman_brown").mean()
    pairs = np.triu_indices(8, k=1)
    naive = metrics.mean_rate_map_correlation(seen).values[0][pairs].mean()
    assert float(foretold) == pytest.approx(naive, abs=0.02)  # 8 x 150 units: s.e. .005


def test_smoothing_joins_halves_as_it_joins_maps():
    seen = recorded(15, sessions=2)
    rough = metrics.reliability(seen)
    smooth = metrics.reliability(seen, 2.0)
    assert (smooth > rough + 0.1).all()
    half = seen["rate_half"].isel(half=0, drop=True)
    by_map = metrics.smoothed(half, 2.0)
    other = metrics.smoothed(seen["rate_half"].isel(half=1, drop=True), 2.0)
    expected = xr.corr(by_map, other, "place").mean("unit")
    np.testing.assert_allclose(smooth, expected)


def test_noise_free_networks_are_reliable():
    run = drift.wandering_fields(seeds=(0, 1), sessions=3, units=12)
    within = metrics.within_session_correlation(run).isel(session=slice(1, None))
    np.testing.assert_allclose(within, 1.0, atol=1e-12)
    np.testing.assert_allclose(metrics.reliability(run).isel(session=slice(1, None)), 1.0)


def test_noisy_rates_need_halves():
    for measure in (metrics.reliability, metrics.corrected_similarity, metrics.drift_index):
        with pytest.raises(RefusedInputError, match=r"rate_half.*halves="):
            measure(recorded(15).drop_vars("rate_half"))


def test_stimuli_stand_in_the_place_of_places():
    seen = recorded(40, sessions=3)
    shown = seen.rename(place="stimulus")
    np.testing.assert_array_equal(metrics.reliability(shown), metrics.reliability(seen))
    for measure in (metrics.corrected_similarity, metrics.drift_index, metrics.correlation_ceiling):
        np.testing.assert_array_equal(measure(shown), measure(seen))
    vectors = metrics.corrected_similarity(shown, "population_vector")
    np.testing.assert_array_equal(vectors, metrics.corrected_similarity(seen, "population_vector"))
