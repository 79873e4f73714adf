"""Formulas of mechanisms agree with their sampled twins and with limits in which they are known."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest

import drift
from drift.theory import mechanisms
from drift.theory.mechanisms import sampled

TWINS = {
    "sampling_drift_rate": "sampled_drift_rate",
    "dropout_loss": "sampled_dropout_loss",
    "excitable_overlap": "sampled_excitable_overlap",
}
# four stimuli of length 2, shown with either sign, and how often
STIMULI = np.concatenate([2 * np.eye(4), -2 * np.eye(4)])
SHARES = np.tile([0.1, 0.2, 0.3, 0.4], 2) / 2
NUMBERS = {"units": 4, "learning_rate": 0.1, "weight_decay": 0.15, "probabilities": SHARES}


@pytest.mark.parametrize("name", TWINS)
def test_twins_take_the_same_arguments(name: str):
    shared = list(inspect.signature(getattr(mechanisms, name)).parameters)
    twin = getattr(mechanisms, TWINS[name])
    assert list(inspect.signature(twin).parameters)[: len(shared)] == shared


def layer(samples: int = 5, units: int = 4) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    return tuple(
        rng.standard_normal(shape) for shape in ((samples, units), (samples, 3), (units, 3))
    )


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.5])
def test_dropout_is_a_ridge_to_rounding_over_all_masks(probability: float):
    """All 16 masks of four units and one sample, each with its probability."""
    hidden, targets, weights = layer(samples=1)
    expected = 0.0
    for mask in itertools.product((0.0, 1.0), repeat=4):
        chance = np.prod([1 - probability if present else probability for present in mask])
        output = (hidden * mask / (1 - probability)) @ weights
        expected += chance * np.square(output - targets).mean()
    found = mechanisms.dropout_loss(hidden, targets, weights, probability)
    assert found == pytest.approx(expected, rel=1e-12)


def test_sampled_dropout_agrees():
    """2000 masks, 5 standard errors."""
    hidden, targets, weights = layer()
    twin = mechanisms.sampled_dropout_loss(hidden, targets, weights, 0.3)
    assert abs(twin.mean - mechanisms.dropout_loss(hidden, targets, weights, 0.3)) < 5 * twin.error
    assert twin.error < 0.05 * twin.mean


def test_the_readout_has_the_least_loss():
    hidden, targets, _ = layer()
    best = mechanisms.dropout_readout(hidden, targets, 0.3)
    least = mechanisms.dropout_loss(hidden, targets, best, 0.3)
    for unit, output in itertools.product(range(4), range(3)):
        moved = best.copy()
        moved[unit, output] += 1e-3
        assert mechanisms.dropout_loss(hidden, targets, moved, 0.3) > least
    known = np.linalg.lstsq(hidden, targets, rcond=None)[0]
    np.testing.assert_allclose(mechanisms.dropout_readout(hidden, targets, 0.0), known, rtol=1e-9)
    hidden[:, 2] = 0
    assert (mechanisms.dropout_readout(hidden, targets, 0.3)[2] == 0).all()
    with pytest.raises(drift.RefusedInputError, match="do not determine a readout of 2 samples"):
        mechanisms.dropout_readout(np.ones((2, 3)), np.ones((2, 1)), 0.0)


@pytest.mark.parametrize("autocorrelation", [0.0, 0.6, 0.95])
def test_sampled_excitability_agrees(autocorrelation: float):
    """16 repetitions of 20,000 units, 5 standard errors."""
    numbers = (0.8, 0.6, autocorrelation, 0.2)
    twin = mechanisms.sampled_excitable_overlap(*numbers)
    assert abs(twin.mean - mechanisms.excitable_overlap(*numbers)) < 5 * twin.error
    assert twin.error < 0.01


def test_limits_of_excitability():
    assert mechanisms.excitable_overlap(1.0, 0.5, 1.0, 0.3) == pytest.approx(1.0, abs=1e-12)
    assert mechanisms.excitable_overlap(0.0, 0.5, 0.0, 0.3) == pytest.approx(0.3, abs=1e-12)


def test_frequent_stimuli_drift_less_and_the_rate_is_of_third_order():
    rates = mechanisms.sampling_drift_rate(STIMULI, STIMULI, **NUMBERS)
    assert (np.diff(rates[:4]) < 0).all() and np.allclose(rates[:4], rates[4:])
    slower = mechanisms.sampling_drift_rate(STIMULI, STIMULI, **{**NUMBERS, "learning_rate": 0.05})
    np.testing.assert_allclose(rates / slower, 8.0, rtol=1e-6)


def test_without_anything_in_common_nothing_turns():
    """Stimuli that share no sample and no bias push along their own axes alone: as long inputs and
    a bias that decays to nothing, turned so that inputs with the 1 for the bias are orthogonal."""
    simplex = np.eye(4) - 0.25
    simplex *= np.sqrt(3) / np.linalg.norm(simplex[0])  # products -1, which the bias makes up for
    rates = mechanisms.sampling_drift_rate(simplex, np.eye(4), 4, 0.05, 0.1)
    common = mechanisms.sampling_drift_rate(2 * np.eye(4), np.eye(4), 4, 0.05, 0.1)
    assert rates.max() < 1e-6 * common.max()


@pytest.mark.slow
def test_sampled_networks_drift_as_fast_as_predicted():
    """400 networks of 60,000 steps: within a tenth and 4 standard errors of 4 to 5 %. Decay leaves a
    quarter of the rarest stimulus, whose size fluctuates too much to tell."""
    twin = sampled.sampled_drift_rate(STIMULI, STIMULI, networks=400, steps=60_000, **NUMBERS)
    expected = mechanisms.sampling_drift_rate(STIMULI, STIMULI, **NUMBERS)
    ratio, error = (values[1:4] / expected[1:4] for values in twin)
    assert (error < 0.1).all()
    assert (abs(ratio - 1) < 0.1 + 4 * error).all()


@pytest.mark.slow
def test_simulated_subspaces_turn_as_fast_as_predicted():
    """Four networks of 100,000 steps, three relevant inputs: within four standard errors and 5 %,
    which the learning rate of 0.05 takes."""
    from drift import similarity_matching as matching

    inputs = matching.GaussianInputs(eigenvalues=(1.0, 1.0, 1.0) + (0.1,) * 8)
    recipe = matching.PrincipalSubspace(
        inputs=inputs, feedforward_noise=0.0, lateral_noise=0.0, steps=100_000, sessions=401,
        stride=5000,
    )  # fmt: skip
    run = matching.simulate([recipe.replace(seed=seed) for seed in range(4)], progress=False)
    filters = run["neural_filters"].transpose("subject", "session", "unit", "input").values
    constants = []
    for own, covariance in zip(filters[:, 1:], run["input_covariance"].values, strict=True):
        left, _, right = np.linalg.svd(own @ np.linalg.eigh(covariance)[1][:, -3:])
        turned, lags = left @ right, np.arange(2, 20)
        cosines = [(np.einsum("tij,tij->t", turned[lag:], turned[:-lag]) - 1) / 2 for lag in lags]
        angles = [np.mean(np.arccos(np.clip(cosine, -1, 1)) ** 2) for cosine in cosines]
        constants.append(np.polyfit(lags * 250, angles, 1)[0] / 6)
    expected = mechanisms.irrelevant_input_diffusion(0.05, 0.1, 8)
    error = np.std(constants, ddof=1) / 2
    assert abs(np.mean(constants) - expected) < 4 * error + 0.05 * expected
    assert error < 0.1 * expected


def test_powers_of_irrelevant_inputs():
    rate = mechanisms.irrelevant_input_diffusion
    assert rate(0.02, 0.002, 8) / rate(0.02, 0.001, 8) == pytest.approx(4, rel=2e-3)
    assert rate(0.02, 0.1, 16) == pytest.approx(2 * rate(0.02, 0.1, 8))
    slope = np.log(rate(0.02, 0.6006, 8) / rate(0.02, 0.5994, 8)) / np.log(0.6006 / 0.5994)
    assert slope == pytest.approx(3.5, rel=1e-3)
    with pytest.raises(drift.RefusedInputError, match=r"must lie in \[0, 1\), got 1.5"):
        rate(0.02, 1.5, 8)


def test_refused_in_one_sentence():
    with pytest.raises(drift.RefusedInputError, match="numbers, none negative, of sum 1, got 8"):
        mechanisms.sampling_drift_rate(STIMULI, STIMULI, **{**NUMBERS, "probabilities": 2 * SHARES})
    with pytest.raises(drift.RefusedInputError, match="beyond the edge of stability"):
        mechanisms.sampling_drift_rate(STIMULI, STIMULI, **{**NUMBERS, "learning_rate": 5.0})
