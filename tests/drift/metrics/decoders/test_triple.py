"""Three curves of readouts in one call, and beside the maps of the same sessions."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.errors import RefusedInputError


@pytest.fixture(scope="module")
def days() -> list[xr.Dataset]:
    return decoded_days.days(3, 20, moved=0.3, frames=800)


def test_it_is_what_each_readout_gives(days: list[xr.Dataset]):
    triple = metrics.decoder_triple(iter(days), window=0.5)
    fixed = metrics.decoding(days, window=0.5)
    refitted = metrics.decoding(days, readout="refitted", window=0.5, shuffles=0)
    xr.testing.assert_identical(triple["decoding_error"], fixed["decoding_error"])
    np.testing.assert_array_equal(triple["refitted_decoding_error"], refitted["decoding_error"])
    assert triple["refitted_decoding_error"].attrs["units"] == "cm"
    off = ~np.eye(3, dtype=bool)
    errors = [triple[name].values[0][off] for name in metrics.decoders.triple.TRIPLE]
    assert errors[1].mean() < errors[0].mean() < errors[2].mean()


def test_it_stands_beside_maps_by_its_labels(days: list[xr.Dataset]):
    measured = drift.measure([*days, *decoded_days.days(2, 20, frames=800, subject="other")])
    beside = metrics.with_decoding(measured, metrics.decoder_triple(days[:2]))
    assert bool(beside["decoding_error"].sel(subject="other").isnull().all())
    assert bool(beside["decoding_error"].sel(session=2).isnull().all())
    own = metrics.decoder_triple(days[:2])["decoding_error"].values
    np.testing.assert_array_equal(beside["decoding_error"].sel(subject=["mouse"])[:, :2, :2], own)
    assert "bayes" in beside.attrs["decoding"]


def test_errors_of_other_sessions_are_refused(days: list[xr.Dataset]):
    triple = metrics.decoder_triple(decoded_days.days(2, 20, frames=800, subject="other"))
    with pytest.raises(RefusedInputError, match="those of others"):
        metrics.with_decoding(drift.measure(days), triple)
