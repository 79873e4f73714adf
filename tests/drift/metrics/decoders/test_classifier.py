"""The linear classifier against scikit-learn's, and what it does with rare states."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest

from drift.measurement.rules import Measurement
from drift.metrics import decoding
from drift.metrics.decoders.classifier import Classifier, ClassifierReadout
from drift.metrics.decoders.linear import PENALTIES, ridge
from drift.metrics.decoders.placing import placed_sessions
from drift.metrics.decoders.training import Source, Training
from drift.metrics.decoders.windows import session_windows


def two_days(**changes):
    made = decoded_days.days(2, 25, frames=1600, **changes)
    windows = [session_windows(session, Measurement(), 0.3) for session in made]
    sessions, track = next(iter(placed_sessions(windows)[0].values()))
    return sessions, track


def trained(session, track, minimum_windows=4):
    source = Source(session, np.arange(session.windows.units.size))
    readout = Classifier(minimum_windows).trained(Training((source,), track))
    assert isinstance(readout, ClassifierReadout)
    return readout


@pytest.mark.parametrize("geometry", ["linear", "ring", "plane"])
def test_it_decodes_every_window_as_scikit_learn_does(geometry):
    linear_model = pytest.importorskip("sklearn.linear_model")
    (first, second), track = two_days(geometry=geometry)
    readout = trained(first, track)
    rows = np.isin(first.state, readout.states)
    oracle = linear_model.RidgeClassifierCV(alphas=PENALTIES)
    oracle.fit(first.windows.counts[rows], first.state[rows])
    decoded = readout.decoded(second.windows.counts, second.windows.seconds)
    np.testing.assert_array_equal(
        decoded.place, oracle.predict(second.windows.counts) // track.ways
    )
    np.testing.assert_allclose(readout.weights, oracle.coef_.T, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(decoded.position, track.centres[decoded.place])


def test_rare_states_are_neither_learned_nor_decoded():
    (first, second), track = two_days()
    least = int(first.sums.windows.max())  # some places are visited half as often
    readout = trained(first, track, least)
    assert (first.sums.windows[readout.states] >= least).all()
    assert readout.states.size < np.count_nonzero(first.sums.windows)
    decoded = readout.decoded(second.windows.counts, second.windows.seconds)
    assert np.isin(decoded.place, readout.states // track.ways).all()


def test_without_a_state_nothing_is_decoded():
    scores = decoding(decoded_days.days(2, 20), "classifier", minimum_windows=1000)
    assert (scores["decoded_windows"] == 0).all() and scores["decoding_error"].isnull().all()


@pytest.mark.parametrize("windows", [5, 20, 60])
def test_of_fewer_windows_than_units_the_same_regression_is_solved(rng, windows):
    """Both ways give the weights of scikit-learn, and the errors of windows left out one by one."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    counts, target = rng.poisson(1.0, (windows, 20)).astype(float), rng.normal(size=(windows, 2))
    weights, offset, penalty = ridge(counts, target, PENALTIES)
    oracle = linear_model.RidgeCV(alphas=PENALTIES).fit(counts, target)
    assert penalty == oracle.alpha_
    np.testing.assert_allclose(weights, oracle.coef_.T, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(offset, oracle.intercept_, rtol=1e-7, atol=1e-10)


def test_a_stated_penalty_is_taken():
    """So large a penalty that a regression tells the mean position alone."""
    made = decoded_days.days(2, 20, frames=1600)
    heavy = decoding(made, "linear", shuffles=0, penalty=1e12)["decoding_error"].values
    np.testing.assert_allclose(heavy, decoded_days.LENGTH / 4, rtol=0.05)
    usual, stated = (
        decoding(made, "classifier", shuffles=0, penalty=penalty)["decoding_error"].values
        for penalty in (None, 1e6)
    )
    assert (usual != stated).any()
