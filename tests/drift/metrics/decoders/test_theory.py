"""The fixed linear readout of a drifting Top-K layer makes the error that theory says."""

from __future__ import annotations

import numpy as np
import pytest

from drift.metrics.decoders.linear import LinearReadout, ridge, targets
from drift.metrics.decoders.training import Track
from drift.metrics.places import ring_correlation
from drift.theory.code_drift import readout_error
from drift.theory.code_drift.sampled import drifting_preactivations
from drift.theory.kernels.finite_layers import top_k
from drift.theory.kernels.one_layer import mean_square_activity

FRACTION, RIDGE, UNITS, SEEDS, LENGTH = 0.1, 0.05, 1000, 16, 40.0


@pytest.mark.slow
@pytest.mark.parametrize("autocorrelation", [0.8, 0.6, 0.4])
def test_a_fixed_linear_readout_of_a_drifting_layer_is_that_of_theory(autocorrelation):
    """Cosine and sine of the angle around a ring, of which the offset has no share; 16 layers of
    1000 units, 3 standard errors. Nearer to r = 1 the finite width shows, as in the sampled
    twin."""
    place = np.arange(0.5, LENGTH)[:, np.newaxis]
    track = Track(place, 1, 0.0, LENGTH)
    correlation = ring_correlation(place - place.T, 4.0, LENGTH)
    desired = targets(place, track)
    scale = UNITS * float(mean_square_activity(FRACTION))
    errors = []
    for seed in range(SEEDS):
        first, later = (
            top_k(activity, FRACTION)
            for activity in drifting_preactivations(correlation, autocorrelation, UNITS, seed)
        )
        weights, offset, _ = ridge(first, desired, (RIDGE * scale,))
        readout = LinearReadout(track, weights, offset)
        output = later @ readout.weights + readout.offset
        errors.append(float(((output - desired) ** 2).mean()))
    expected = readout_error(correlation, desired, FRACTION, autocorrelation, RIDGE)
    deviation = np.std(errors, ddof=1) / np.sqrt(SEEDS)
    assert abs(np.mean(errors) - expected) < 3 * deviation, (np.mean(errors), expected)
