"""Decoders against closed forms and against other people's code."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest
import xarray as xr

from drift.measurement.rules import Measurement
from drift.metrics.decoders.bayes import Bayes, BayesReadout
from drift.metrics.decoders.linear import PENALTIES, Linear, positions, ridge, targets
from drift.metrics.decoders.placing import placed_sessions
from drift.metrics.decoders.sums import StateSums
from drift.metrics.decoders.template import Template, TemplateReadout
from drift.metrics.decoders.training import Source, Track, Training
from drift.metrics.decoders.windows import session_windows

TRACK = Track(np.array([[5.0], [15.0]]), 1, 0.0, None)


def placed(made, **rules):
    windows = [session_windows(session, Measurement(**rules), 0.3) for session in made]
    crews, _ = placed_sessions(windows)
    return next(iter(crews.values()))


def trained(decoder, session, track):
    columns = np.arange(session.windows.units.size)
    return decoder.trained(Training((Source(session, columns),), track))


def test_bayes_weighs_events_silence_and_prior():
    readout = BayesReadout(TRACK, np.array([0, 1]), np.array([[2.0, 1.0], [1.0, 4.0]]), np.array([0.75, 0.25]))  # fmt: skip
    counts, seconds = np.array([[3.0, 1.0]]), np.array([0.5])
    expected = [3 * np.log(2) - 1.5 + np.log(0.75), np.log(4) - 2.5 + np.log(0.25)]
    np.testing.assert_allclose(readout.log_posterior(counts, seconds), [expected], rtol=1e-14)
    decoded = readout.decoded(counts, seconds)
    assert decoded.place[0] == 0 and decoded.position[0, 0] == 5.0


def test_smoothing_spreads_events_and_time_over_places():
    track = Track(np.arange(5.0)[:, None], 2, 0.0, 5.0)
    sums = StateSums(np.zeros((10, 1)), np.ones(10), np.ones(10, dtype=int))
    sums.events[0] = 1.0
    spread = sums.smoothed(track.neighbours(1.0))
    weights = np.exp(-(np.array([0, 1, 2, 2, 1]) ** 2) / 2)  # around the ring
    np.testing.assert_allclose(spread.events[::2, 0], weights)
    np.testing.assert_allclose(spread.events[1::2], 0)  # the other direction
    np.testing.assert_allclose(spread.seconds, weights.sum())


def compared_with_pynapple(sessions, track):
    pynapple = pytest.importorskip("pynapple")
    first, second = sessions
    numbers, columns, columns_tested = np.intersect1d(
        first.windows.units, second.windows.units, return_indices=True
    )
    readout = Bayes(0.001, 4, "occupancy").trained(Training((Source(first, columns),), track))
    counts = second.windows.counts[:, columns_tested]
    curves = xr.DataArray(
        readout.rate.T,
        dims=("unit", "state"),
        coords={"unit": numbers, "state": np.arange(readout.states.size).astype(float)},
        attrs={"occupancy": readout.prior},
    )
    seconds = second.windows.seconds
    np.testing.assert_allclose(seconds, seconds[0])
    frame = pynapple.TsdFrame(t=np.arange(len(counts)) * seconds[0], d=counts, columns=numbers)
    oracle, _ = pynapple.decode_bayes(
        curves, frame, frame.time_support, bin_size=float(seconds[0]), uniform_prior=False
    )
    ours = readout.log_posterior(counts, seconds).argmax(axis=1)
    np.testing.assert_array_equal(ours, oracle.values.astype(int))
    return len(ours)


def test_bayes_decodes_every_window_as_pynapple_does():
    sessions, track = placed(decoded_days.days(2, 25, moved=0.3, frames=1600))
    assert compared_with_pynapple(sessions, track) > 300


@pytest.mark.slow
def test_bayes_decodes_a_mouse_as_pynapple_does(data_folder):
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    made = list(data_adapters.sessions("sheintuch2023", str(path)))
    for second in (1, 4, 7):
        sessions, track = placed([made[0], made[second]])
        assert compared_with_pynapple(sessions, track) > 400


def test_templates_are_correlations_over_units():
    sessions, track = placed(decoded_days.days(2, 25, frames=1600))
    readout = trained(Template(4), sessions[0], track)
    assert isinstance(readout, TemplateReadout)
    sums, counts = sessions[0].sums, sessions[1].windows.counts
    rate = (sums.events / sums.seconds[:, None])[readout.states]
    busy = counts.std(axis=1) > 0
    correlation = np.corrcoef(counts[busy], rate)[: busy.sum(), busy.sum() :]
    decoded = readout.decoded(counts, sessions[1].windows.seconds)
    np.testing.assert_array_equal(
        decoded.place[busy], readout.states[correlation.argmax(axis=1)] // track.ways
    )


def test_a_window_without_an_event_matches_no_template():
    readout = TemplateReadout(TRACK, np.array([0, 1]), np.array([[1.0, -1.0], [-1.0, 1.0]]))
    decoded = readout.decoded(np.array([[0.0, 0.0], [0.0, 2.0]]), np.ones(2))
    np.testing.assert_array_equal(decoded.place, [-1, 1])
    assert np.isnan(decoded.position[0, 0]) and decoded.position[1, 0] == 15.0


def test_ridge_equals_scikit_learn(rng):
    linear_model = pytest.importorskip("sklearn.linear_model")
    counts, target = rng.poisson(1.0, (200, 12)).astype(float), rng.normal(size=(200, 2))
    for penalty in (0.0, 0.5, 100.0):
        weights, offset, _ = ridge(counts, target, (penalty,))
        oracle = linear_model.Ridge(alpha=penalty).fit(counts, target)
        np.testing.assert_allclose(weights, oracle.coef_.T, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(offset, oracle.intercept_, rtol=1e-8)


@pytest.mark.parametrize("noise", [0.1, 3.0, 30.0])
def test_the_penalty_is_that_of_scikit_learn(rng, noise):
    linear_model = pytest.importorskip("sklearn.linear_model")
    counts = rng.poisson(1.0, (80, 20)).astype(float)
    target = counts @ rng.normal(size=(20, 1)) + noise * rng.normal(size=(80, 1))
    _, _, penalty = ridge(counts, target, PENALTIES)
    assert penalty == linear_model.RidgeCV(alphas=PENALTIES).fit(counts, target[:, 0]).alpha_


def test_leaving_windows_out_in_closed_form_is_leaving_them_out(rng):
    counts, target = rng.poisson(1.0, (30, 5)).astype(float), rng.normal(size=(30, 1))
    errors = {}
    for penalty in (0.1, 10.0, 1000.0):
        left_out = []
        for row in range(30):
            remaining = np.arange(30) != row
            weights, offset, _ = ridge(counts[remaining], target[remaining], (penalty,))
            left_out.append(target[row] - counts[row] @ weights - offset)
        errors[penalty] = np.sum(np.square(left_out))
    assert ridge(counts, target, tuple(errors))[2] == min(errors, key=errors.get)


def test_units_that_never_fire_have_no_weight(rng):
    counts = np.concatenate([rng.poisson(1.0, (50, 3)), np.zeros((50, 2))], axis=1)
    weights, _, _ = ridge(counts, rng.normal(size=(50, 1)), (0.0,))
    assert np.isfinite(weights).all() and (weights[3:] == 0).all()


def test_around_a_ring_positions_are_angles():
    track = Track(np.arange(2.0, 40, 4)[:, None], 1, 0.0, 40.0)
    position = np.array([[0.5], [13.0], [39.5]])
    np.testing.assert_allclose(positions(targets(position, track), track), position)
    np.testing.assert_allclose(track.distance(position[:1], position[2:]), 1.0)
    np.testing.assert_array_equal(track.nearest(np.array([[39.9], [4.1]])), [9, 1])


def test_the_linear_decoder_reads_a_linear_code():
    made = decoded_days.days(1, 3, frames=800)[0]
    position = made["position"].values
    made["activity"] = made["activity"].copy(
        data=np.stack([position, LENGTH - position, np.ones_like(position)], axis=1)
    )
    sessions, track = placed([made.assign(activity=made["activity"].assign_attrs(kind="trace"))])
    readout = trained(Linear((1e-6,)), sessions[0], track)
    windows = sessions[0].windows
    decoded = readout.decoded(windows.counts, windows.seconds)
    np.testing.assert_allclose(decoded.position, windows.position, atol=1e-5)


LENGTH = decoded_days.LENGTH
