"""Active fractions and dimensionality against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics import (
    active_units,
    event_counts,
    fraction_active_responses,
    fraction_active_units,
    participation_ratio,
)


def activity_of(values, *dims: str) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, dtype=float), dims=(*dims, "sample", "unit"))


MIXED = activity_of([[1, 0, 0, np.nan], [1, 2, 0, np.nan]])


def test_fractions_by_hand():
    assert fraction_active_units(MIXED).item() == pytest.approx(2 / 3)
    assert fraction_active_responses(MIXED).item() == pytest.approx(3 / 6)
    assert active_units(MIXED).item() == 2


def test_units_not_recorded_leave_numerator_and_denominator():
    recorded = xr.DataArray([0, 1, 1, 1], dims="unit")
    assert fraction_active_units(MIXED, recorded).item() == pytest.approx(1 / 2)
    assert fraction_active_responses(MIXED, recorded).item() == pytest.approx(1 / 4)


def test_nothing_observed_has_no_fraction():
    nothing = activity_of(np.full((3, 2), np.nan))
    assert (
        np.isnan(fraction_active_units(nothing))
        and np.isnan(fraction_active_responses(nothing))
        and np.isnan(participation_ratio(nothing))
    )


def test_leading_dims_are_independent(rng):
    values = rng.poisson(0.3, (2, 3, 40, 7)).astype(float)
    for measure in (fraction_active_units, fraction_active_responses, participation_ratio):
        together = measure(activity_of(values, "subject", "session"))
        assert together.dims == ("subject", "session")
        np.testing.assert_allclose(together[1, 2], measure(activity_of(values[1, 2])), rtol=1e-12)


def test_participation_of_orthogonal_units_is_their_number_and_of_copies_one():
    waves = 2 + np.stack(
        [f(2 * np.pi * k * np.arange(64) / 64) for k in (1, 2, 3) for f in (np.sin, np.cos)], axis=1
    )
    assert participation_ratio(activity_of(waves)).item() == pytest.approx(6)
    assert participation_ratio(
        activity_of(np.repeat(waves[:, :1], 200, axis=1))
    ).item() == pytest.approx(1)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_participation_equals_the_eigenvalues_of_the_covariance(rng, shape):
    values = rng.gamma(1.0, size=shape)
    eigenvalues = np.linalg.eigvalsh(np.cov(values.T))
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    with_absent = np.concatenate([values, np.full((shape[0], 3), np.nan)], axis=1)
    assert participation_ratio(activity_of(with_absent)).item() == pytest.approx(
        expected, rel=1e-10
    )


def test_events_are_spikes_or_samples_with_amplitude():
    assert event_counts(activity_of([[2, 0], [1, 0]])).values.tolist() == [3, 0]
    assert event_counts(activity_of([[2.5, 0], [1, 0]])).values.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((0, 3)), "empty"),
        ([[-1.0, 0]], "not negative"),
        ([[np.nan], [1.0]], "part of the samples"),
        ([[np.inf]], "finite"),
    ],
)
def test_unusable_activity_is_refused(values, message):
    for measure in (
        fraction_active_units,
        fraction_active_responses,
        participation_ratio,
        active_units,
    ):
        with pytest.raises(RefusedInputError, match=message):
            measure(activity_of(values))


def test_missing_dim_is_named():
    with pytest.raises(RefusedInputError, match="lacks the dim unit"):
        fraction_active_units(xr.DataArray(np.ones((2, 2)), dims=("sample", "cell")))
    with pytest.raises(RefusedInputError, match="must be an xarray DataArray"):
        fraction_active_units(np.ones((2, 2)))
