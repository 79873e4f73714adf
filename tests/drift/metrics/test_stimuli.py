"""Stimuli in the place of places: what the coordinate says, smoothing and centroids around the
circle, and refusals where stimuli have no neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics import centroid, smoothed, spatial_information
from drift.metrics.places import closes, kind_of_places, of_ring
from drift.metrics.stimuli import metric_of, require_places, stimulus_attrs


def tuning(values, labels, metric, period=None):
    labels = np.asarray(labels)
    attrs = stimulus_attrs(labels, metric, period, "deg")
    return xr.DataArray(
        np.atleast_2d(values),
        dims=("unit", "stimulus"),
        coords={"stimulus": ("stimulus", labels, attrs)},
    )


def test_an_even_grid_is_told_also_where_some_of_it_are_left_out():
    assert stimulus_attrs(np.array([0.0, 45, 90, 225]), "circular", 360.0, "deg") == {
        "long_name": "stimulus",
        "metric": "circular",
        "units": "deg",
        "period": 360.0,
        "bin_size": 45.0,
        "origin": -22.5,
    }
    assert "bin_size" not in stimulus_attrs(np.array([0.0, 30, 45, 90]), "circular", 100.0, "")
    assert "bin_size" not in stimulus_attrs(np.array([1.0, 2.0, 4.5]), "linear", None, "")
    assert "bin_size" not in stimulus_attrs(np.array([1.0, 2.0, 3.0]), "none", None, "")
    assert "bin_size" not in stimulus_attrs(np.array([1.0]), "linear", None, "")


def test_smoothing_goes_around_circular_stimuli_only():
    impulse = np.zeros(8)
    impulse[0] = 1.0
    angles = 45.0 * np.arange(8)
    around = smoothed(tuning(impulse, angles, "circular", 360.0), 1.0).values[0]
    along = smoothed(tuning(impulse, angles, "linear"), 1.0).values[0]
    np.testing.assert_allclose(around[1:4], around[:4:-1], rtol=1e-12)
    assert around.sum() == pytest.approx(1.0) and along[7] < 1e-3 < around[7]
    turned = smoothed(tuning(np.roll(impulse, 3), angles, "circular", 360.0), 1.0).values[0]
    np.testing.assert_allclose(turned, np.roll(around, 3), rtol=1e-12)


def test_a_stimulus_that_was_left_out_keeps_its_distance():
    whole = tuning([1.0, np.nan, 0.0, 0.0], 45.0 * np.arange(4), "circular", 180.0)
    some = tuning([1.0, 0.0, 0.0], [0.0, 90.0, 135.0], "circular", 180.0)
    np.testing.assert_allclose(
        smoothed(some, 1.0).values[0], smoothed(whole, 1.0).values[0][[0, 2, 3]], rtol=1e-12
    )


def test_centroid_is_the_circular_mean():
    curve = tuning([1.0, 1.0, 0, 0, 0, 0], [0.0, 150, 30, 60, 90, 120], "circular", 180.0)
    assert centroid(curve).item() == pytest.approx(165.0)
    assert centroid(tuning([1.0, 3.0], [0.0, 4.0], "linear")).item() == pytest.approx(3.0)
    assert of_ring(curve) == 180.0 and kind_of_places(curve.to_dataset(name="rate")) == "stimulus"


def test_a_closed_circle_is_told():
    assert closes(tuning(np.ones(4), 90.0 * np.arange(4), "circular", 360.0))
    assert not closes(tuning(np.ones(3), 90.0 * np.arange(3), "circular", 360.0))
    assert not closes(tuning(np.ones(3), 90.0 * np.arange(3), "linear"))


@pytest.mark.parametrize("measure", [lambda curve: smoothed(curve, 1.0), centroid])
def test_what_needs_neighbours_refuses_unordered_stimuli_in_one_sentence(measure):
    odours = xr.DataArray(
        np.ones((1, 3)),
        dims=("unit", "stimulus"),
        coords={"stimulus": ("stimulus", ["a", "b", "c"], {"metric": "none"})},
    )
    for curve in (odours, odours.drop_vars("stimulus")):
        with pytest.raises(RefusedInputError, match="needs distances between stimuli") as refusal:
            measure(curve)
        assert str(refusal.value).count(". ") == 0
    assert metric_of(odours) == "none"


def test_smoothing_refuses_an_uneven_grid_and_nothing_is_smoothed_by_0():
    uneven = tuning(np.arange(3.0), [0.0, 1.0, 2.5], "linear")
    with pytest.raises(RefusedInputError, match="not evenly spaced"):
        smoothed(uneven, 1.0)
    xr.testing.assert_equal(smoothed(uneven, 0.0), uneven)
    assert centroid(uneven).item() == pytest.approx((1.0 + 5.0) / 3)


def test_information_needs_no_metric():
    rate = tuning([4.0, 0, 0, 0], np.arange(4.0), "none")
    time = xr.DataArray(np.ones(4), dims="stimulus")
    assert spatial_information(rate, time).item() == pytest.approx(2.0, abs=1e-12)


def test_places_are_required_where_no_stimulus_will_do():
    with pytest.raises(RefusedInputError, match="a lens needs maps over places"):
        require_places(tuning(np.ones(3), np.arange(3.0), "linear"), "a lens")
    require_places(xr.DataArray(np.ones(3), dims="place"), "a lens")
