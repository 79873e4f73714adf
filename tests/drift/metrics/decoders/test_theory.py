"""The fixed linear readout of a drifting Top-K layer makes the error that theory says, decoded as any
run is."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from drift.metrics import decoding
from drift.metrics.decoders.linear import targets
from drift.metrics.decoders.training import Track
from drift.metrics.places import Grid, place_attrs, ring_correlation
from drift.schema.longitudinal import longitudinal_dataset
from drift.theory.code_drift import readout_error
from drift.theory.code_drift.sampled import drifting_preactivations
from drift.theory.kernels.finite_layers import top_k

FRACTION, RIDGE, LENGTH = 0.1, 0.05, 40.0
PLACE = np.arange(0.5, LENGTH)


def layers(autocorrelation: float, units: int, seeds: int) -> xr.Dataset:
    """Top-K layers around a ring, on the first day and later, as one longitudinal Dataset."""
    correlation = ring_correlation(np.subtract.outer(PLACE, PLACE), 4.0, LENGTH)
    rate = [
        [
            top_k(activity, FRACTION).T  # (unit, place)
            for activity in drifting_preactivations(correlation, autocorrelation, units, seed)
        ]
        for seed in range(seeds)
    ]
    attrs = place_attrs(Grid(1.0, 0.0, LENGTH, ring=True), "cm")
    return longitudinal_dataset(
        {"rate": (("subject", "session", "unit", "place"), np.array(rate))},
        {
            "subject": [str(seed) for seed in range(seeds)],
            "session": [0, 1],
            "unit": np.arange(units),
            "place": ("place", PLACE, attrs),
        },
        elapsed=np.tile([0.0, 1.0], (seeds, 1)),
        elapsed_units="day",
    )


def predicted(autocorrelation: float) -> float:
    """Of cosine and sine of the angle, of which the offset has no share around a ring."""
    correlation = ring_correlation(np.subtract.outer(PLACE, PLACE), 4.0, LENGTH)
    track = Track(PLACE[:, np.newaxis], 1, 0.0, LENGTH)
    desired = targets(PLACE[:, np.newaxis], track)
    return readout_error(correlation, desired, FRACTION, autocorrelation, RIDGE)


@pytest.mark.parametrize("autocorrelation", [0.8, 0.6, 0.4])
def test_a_fixed_linear_readout_of_a_drifting_layer_is_that_of_theory(autocorrelation):
    """Sixteen layers of 1000 units, three standard errors. Activity counts in units of its root mean square,
    which for N units is sqrt(k1), so that a ridge of lambda N k1 is a penalty of lambda N. Nearer
    to r = 1 the finite width shows, as in the sampled twin."""
    scores = decoding(layers(autocorrelation, 1000, 16), "linear", penalty=RIDGE * 1000, shuffles=0)
    errors = scores["readout_error"].sel(session=0, session_other=1).values
    deviation = errors.std(ddof=1) / np.sqrt(16)
    expected = predicted(autocorrelation)
    assert abs(errors.mean() - expected) < 3 * deviation, (errors.mean(), expected, deviation)


def test_the_readout_of_the_day_itself_is_that_of_no_drift():
    """The largest error that a finite width adds on the day of training, one per mille."""
    scores = decoding(layers(0.5, 4000, 2), "linear", penalty=RIDGE * 4000, shuffles=0)
    errors = scores["readout_error"].sel(session=0, session_other=0).values
    np.testing.assert_allclose(errors, predicted(1.0), atol=1e-3)


def test_errors_of_a_readout_are_squared_outputs():
    """Along a track the output is the position itself; a fixed readout far off is off by metres."""
    run = layers(0.5, 200, 1)
    track = run.assign_coords(place=("place", PLACE, place_attrs(Grid(1.0, 0.0, LENGTH), "cm")))
    scores = decoding(track, "linear", shuffles=0)
    squared, error = (scores[name].values[0] for name in ("readout_error", "decoding_error"))
    assert (squared >= error**2 - 1e-12).all()  # the mean of squares and the square of the mean
    assert "readout_error" not in decoding(track, shuffles=0)
