"""Draws of a nested bootstrap: who is drawn with whom, and that neither company nor labels matter."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.metrics.intervals.shares import drawn_shares, even_shares, shares_without


def numbers(rng: np.random.Generator, *shape: int) -> xr.DataArray:
    """(subject, unit, trial), of the second subject the last unit and of some units a trial not
    observed."""
    values = rng.normal(size=shape)
    values[1, -1] = np.nan
    values[0, 0, -1] = values[0, 2, 0] = np.nan
    return xr.DataArray(
        values, dims=("subject", "unit", "trial"), coords={"subject": ["a", "b", "c"]}
    )


def test_even_shares_make_a_mean_of_means(rng: np.random.Generator):
    values = numbers(rng, 3, 5, 4)
    shares = even_shares(values, ("unit", "trial"))
    mean = values.mean("trial").mean("unit")
    np.testing.assert_allclose((values.fillna(0.0) * shares).sum(("unit", "trial")), mean)


def test_each_draw_shares_out_what_was_observed(rng: np.random.Generator):
    values = numbers(rng, 3, 5, 4)
    shares = drawn_shares(values, ("unit", "trial"), 50, 0)
    np.testing.assert_allclose(shares.sum(("unit", "trial")), 1)
    assert not shares.where(values.isnull(), 0.0).values.any()
    units = shares.sum("trial").isel(subject=0) * 5  # whole times that a unit was drawn
    np.testing.assert_allclose(units, np.rint(units), atol=1e-12)


def test_draws_vary_as_means_of_drawn_units_do(rng: np.random.Generator):
    """Variance of a bootstrap mean of m is (m - 1) / m^2 of the sample variance; 20,000 draws:
    standard error of the ratio 1 %, 5 of these allowed."""
    values = xr.DataArray(rng.normal(size=(1, 12)), dims=("subject", "unit"))
    means = xr.dot(values, drawn_shares(values, ("unit",), 20_000, 0), dim="unit")
    expected = values.var("unit").item() / 12
    assert float(means.var("draw").item()) == pytest.approx(expected, rel=0.05)


def test_a_subject_in_a_crowd_is_drawn_as_alone(rng: np.random.Generator):
    values = numbers(rng, 3, 5, 4)
    crowd = drawn_shares(values, ("unit", "trial"), 20, 3).isel(subject=1)
    alone = drawn_shares(values.isel(subject=[1], unit=slice(0, 4)), ("unit", "trial"), 20, 3)
    np.testing.assert_array_equal(crowd.isel(unit=slice(0, 4)), alone.isel(subject=0))
    assert not crowd.isel(unit=4).values.any()


def test_labels_of_units_and_trials_do_not_matter(rng: np.random.Generator):
    values = numbers(rng, 3, 5, 4)
    order = {"unit": [3, 1, 4, 0, 2], "trial": [2, 0, 3, 1]}
    shares = drawn_shares(values, ("unit", "trial"), 20, 0)
    relabelled = drawn_shares(values.isel(order), ("unit", "trial"), 20, 0)
    np.testing.assert_array_equal(shares.isel(order), relabelled)


def test_seeds_differ_and_repeat(rng: np.random.Generator):
    values = numbers(rng, 3, 5, 4)
    first, again, other = (drawn_shares(values, ("unit",), 9, seed) for seed in (0, 0, 1))
    assert first.equals(again) and not first.equals(other)
    assert not (first.isel(subject=0).values == first.isel(subject=2).values).all()


def test_every_unit_is_left_out_once(rng: np.random.Generator):
    values = xr.DataArray(rng.normal(size=(1, 4, 3)), dims=("subject", "unit", "trial"))
    values[0, 1] = np.nan
    shares = shares_without(values, ("unit", "trial"))
    np.testing.assert_allclose(shares.sum(["unit", "trial"]), 1)
    units = [[0, 0, 0.5, 0.5], [0.5, 0, 0, 0.5], [0.5, 0, 0.5, 0]]
    np.testing.assert_allclose(shares.sum("trial")[:, 0], units)
    assert shares_without(values.isel(unit=[0]), ("unit",)).sizes["draw"] == 0
