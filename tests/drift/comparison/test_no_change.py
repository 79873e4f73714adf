"""A measure that does not change has no change, and no percentage of rounding is printed."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.comparison.rows import comparison_frame
from drift.comparison.sources import described_source
from drift.comparison.table import comparison_table
from drift.errors import RefusedInputError
from drift.reporting.sentences import headline

EPS = float(np.finfo(float).eps)


def dataset(values: list[list[float]]) -> xr.Dataset:
    """One number per subject and session, which stands for the fraction of place units."""
    array = np.array(values)
    return xr.Dataset(
        {"fraction_place_units": (("subject", "session"), array, {"units": "1"})},
        coords={
            "subject": [f"m{number}" for number in range(len(array))],
            "elapsed": (
                ("subject", "session"),
                np.tile(np.arange(array.shape[1], dtype=float), (len(array), 1)),
                {"units": "day"},
            ),
        },
    )


@pytest.mark.parametrize("start", [0.0, 1e-17, -3e-16])
def test_a_start_within_rounding_of_0_is_no_start(start: float):
    found = described_source(dataset([[start, 0.3, 0.4, 0.5]]), ["fraction_place_units"])
    assert found["change"].isnull().all() and found["undivided"].item() == "m0"


def test_all_values_within_rounding_of_0_have_no_ratio():
    found = described_source(dataset([[1e-17, -3e-16, 2e-16]]), ["fraction_place_units"])
    assert found["change"].isnull().all()


def test_a_constant_but_for_rounding_is_constant():
    values = [[0.3, 0.3 * (1 + EPS), 0.3 * (1 + 2 * EPS), 0.3 * (1 + 3 * EPS)]]
    found = described_source(dataset(values), ["fraction_place_units"])
    assert (found["change"] == 0).all() and (found["change_standard_error"] == 0).all()
    assert (found["p_value"] == 1).all() and (found["intercept"] == 1).all()


def test_a_small_change_is_kept():
    found = described_source(dataset([[0.3, 0.3 + 1e-9, 0.3 + 2e-9]]), ["fraction_place_units"])
    np.testing.assert_allclose(found["change"], 2e-9 / 0.3, rtol=1e-6)


def test_values_are_not_divided_by_rounding():
    values = xr.DataArray([1e-17, 0.2, 0.3], dims="session", attrs={"units": "1"})
    elapsed = xr.DataArray([0.0, 1.0, 2.0], dims="session", attrs={"units": "day"})
    with pytest.raises(RefusedInputError, match="first session of 0"):
        metrics.slope(values, elapsed)


def test_a_code_that_stands_still_is_said_not_to_change():
    still = drift.wandering_fields(seeds=(0, 1), sessions=5, units=20, movement=0.0)
    comparison = drift.compare(still)
    told = comparison_table(comparison)
    assert "no change" in told and "e+" not in told
    frame = comparison_frame(comparison)
    sentences = " ".join(headline(comparison.sel(convention="mean_of_ratios"), frame))
    assert "does not change" in sentences
