"""A readout that may change only so much lies between one for each session and one for all."""

from __future__ import annotations

import decoded_days
import numpy as np
import pytest

from drift.errors import RefusedInputError
from drift.metrics import decoding
from drift.metrics.decoders.constrained import constrained_weights, relative_changes
from drift.metrics.decoders.linear import ridge


@pytest.fixture
def recorded(rng):
    counts = [rng.poisson(1.0, (60 + 10 * day, 8)).astype(float) for day in range(4)]
    truth = rng.normal(size=(8, 2))
    target = [
        events @ (truth + 0.3 * day) + rng.normal(size=(len(events), 2))
        for day, events in enumerate(counts)
    ]
    return counts, target


def alone(counts, target, penalty):
    weights, offset, _ = ridge(counts, target, (penalty,))
    return np.concatenate([weights, offset[np.newaxis]])


@pytest.mark.parametrize("coupling", [0.0, 1e-10])
@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_without_coupling_every_session_has_its_own_regression(recorded, penalty, coupling):
    weights = constrained_weights(*recorded, coupling, penalty)
    expected = [alone(*session, penalty) for session in zip(*recorded)]
    np.testing.assert_allclose(weights, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("coupling", [1e13, np.inf])
@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_with_an_infinite_coupling_all_sessions_share_it(recorded, penalty, coupling):
    weights = constrained_weights(*recorded, coupling, penalty)
    expected = alone(*map(np.concatenate, recorded), 4 * penalty)
    np.testing.assert_allclose(weights, np.stack([expected] * 4), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("coupling", [0.3, 30.0])
def test_in_between_no_other_weights_cost_less(recorded, rng, coupling):
    counts, target = recorded

    def cost(weights):
        errors = [
            events @ own[:-1] + own[-1] - response
            for events, own, response in zip(counts, weights, target)
        ]
        squares = sum((error**2).sum() for error in errors)
        return squares + (weights[:, :-1] ** 2).sum() + coupling * (np.diff(weights, axis=0) ** 2).sum()  # fmt: skip

    weights = constrained_weights(counts, target, coupling, 1.0)
    for _ in range(20):
        step = 1e-3 * rng.normal(size=weights.shape)
        # at the minimum the cost is even to first order: both ways cost more, and as much
        up, down, least = cost(weights + step), cost(weights - step), cost(weights)
        assert up > least and down > least
        assert abs(up - down) < 1e-3 * (up + down - 2 * least)


def test_coupling_holds_the_weights(recorded):
    changes = [
        np.nanmean(relative_changes(constrained_weights(*recorded, coupling)))
        for coupling in (0.0, 1.0, 100.0, 1e4)
    ]
    assert (np.diff(changes) < 0).all() and changes[-1] < 0.05


def test_one_session_is_a_regression(recorded):
    counts, target = (sessions[:1] for sessions in recorded)
    np.testing.assert_allclose(
        constrained_weights(counts, target, 5.0)[0], alone(counts[0], target[0], 0.0), rtol=1e-8
    )


def test_a_drifting_code_needs_a_readout_that_follows():
    made = decoded_days.days(5, 30, moved=0.3, frames=2400)
    errors, changes = [], []
    for coupling in (0.0, 30.0, np.inf):
        scores = decoding(made, "linear", "constrained", coupling=coupling, shuffles=0)
        errors.append(np.nanmean(scores["decoding_error"]))
        changes.append(np.nanmean(scores["weight_change"]))
        assert np.isfinite(np.diag(scores["decoding_error"].values[0])).all()
    assert errors[1] < 1.1 * errors[0] and errors[2] > 1.2 * errors[0]
    assert changes[0] > changes[1] > changes[2] and changes[2] < 1e-10
    pooled = np.nanmean(decoding(made, "linear", "pooled", shuffles=0)["decoding_error"])
    assert errors[2] == pytest.approx(pooled, rel=0.03)


def test_rooms_have_readouts_of_their_own():
    made = decoded_days.days(4, 20, environments="ABAB", frames=1600)
    scores = decoding(made, "linear", "constrained", shuffles=0)
    alone_scores = decoding([made[0], made[2]], "linear", "constrained", shuffles=0)
    np.testing.assert_array_equal(
        np.diag(scores["decoding_error"].values[0])[[0, 2]],
        np.diag(alone_scores["decoding_error"].values[0]),
    )


def test_only_the_linear_decoder_is_constrained():
    with pytest.raises(RefusedInputError, match="changes the weights"):
        decoding(decoded_days.days(2, 5), readout="constrained")
