"""Estimators tell what they were taught, and know how certain they are, where the truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import drift
from drift.inference.calibration import certainty, coverage, novelty_p_values
from drift.inference.classifier import trained_classifier
from drift.inference.estimators import (
    load_estimators,
    save_estimators,
    trained,
)
from drift.inference.novelty import novelty_of
from drift.inference.posterior import bounded, trained_posterior, unbounded


def test_probabilities_are_those_of_bayes_where_they_are_known():
    """Two normal classes a distance 2 apart: p = 1 / (1 + exp(-2 x))."""
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=6000)
    inputs = (rng.standard_normal(6000) + 2 * classes - 1)[:, np.newaxis].astype(np.float32)
    runs = np.arange(6000) // 4
    learn, others = slice(0, 4000), slice(4000, 6000)
    model = trained_classifier(
        inputs[learn], classes[learn], runs[learn], (inputs[others], classes[others]), 2, 0
    )
    told = model.probabilities(inputs[others])
    truth = 1 / (1 + np.exp(-2 * inputs[others, 0]))
    assert np.abs(told[:, 1] - truth).mean() < 0.03  # 4,000 windows: about 1 / sqrt(4000) x 2
    measured = certainty(told, classes[others])
    assert measured.calibration_error < 0.05 and measured.log_score > measured.log_score_of_prior


def test_certainty_knows_the_overconfident():
    chances = np.tile([0.99, 0.01], (1000, 1))
    measured = certainty(chances, (np.arange(1000) % 2).astype(int))
    assert measured.calibration_error == pytest.approx(0.49) and measured.named_right == 0.5


def test_novelty_is_uniform_for_the_same_and_small_for_others():
    rng = np.random.default_rng(1)
    known = novelty_of(rng.standard_normal((2000, 6)), rng.standard_normal((500, 6)))
    same = known.p_values(rng.standard_normal((1000, 6)))
    # 500 windows of reference and 1,000 of test: standard error .012 of a share of .05
    assert abs((same < 0.05).mean() - 0.05) < 0.036
    assert (known.p_values(rng.standard_normal((200, 6)) + 3) < 0.05).mean() > 0.9


def test_the_fifth_neighbour_is_that_of_all_distances():
    rng = np.random.default_rng(4)
    numbers = rng.standard_normal((300, 4))
    known = novelty_of(numbers, rng.standard_normal((20, 4)))
    new = rng.standard_normal((600, 4))
    white = (new - known.centre) @ known.whitening
    apart = np.sqrt(((white[:, np.newaxis] - known.reference) ** 2).sum(axis=-1))
    np.testing.assert_allclose(known.of(new)[:, 1], np.sort(apart, axis=1)[:, 4], rtol=1e-6)


def test_shares_come_back():
    names = ("log_noise", "active_fraction")
    values = np.array([[-2.0, 0.2], [0.5, 0.9]])
    np.testing.assert_allclose(bounded(unbounded(values, names), names), values, rtol=1e-12)


def test_a_flow_finds_the_posterior_of_a_normal_mean():
    """x = theta + noise, both standard normal: theta given x is normal, x / 2, variance 1 / 2."""
    pytest.importorskip("sbi")
    rng = np.random.default_rng(2)
    truth = np.full((4000, 8), np.nan)
    truth[:, [0, 7]] = rng.standard_normal((4000, 2))
    inputs = (truth[:, [0, 7]] + rng.standard_normal((4000, 2))).astype(np.float32)
    posterior = trained_posterior(inputs, truth, np.arange(4000), ("log_noise", "rate_trend"), 0)
    at = np.array([[1.0, -1.0]], dtype=np.float32)
    draws = posterior.draws(at, 4000, np.random.default_rng(3))[0]
    np.testing.assert_allclose(draws.mean(axis=0), [0.5, -0.5], atol=0.15)
    np.testing.assert_allclose(draws.std(axis=0), np.sqrt(0.5), atol=0.12)


def test_posteriors_of_a_bank_are_written_and_read(bank_path: Path, tmp_path: Path):
    pytest.importorskip("sbi")
    bank = drift.load(bank_path)
    estimators = trained(bank, flows=True)
    save_estimators(estimators, tmp_path / "e.pt")
    again = load_estimators(tmp_path / "e.pt", flows=True)
    values = bank["value"].values.astype(float)[:3]
    np.testing.assert_array_equal(estimators.probabilities(values), again.probabilities(values))
    inputs = estimators.scaling.inputs(values)
    for name, flow in estimators.flows.items():
        draws = [
            own.draws(inputs, 5, np.random.default_rng(0)) for own in (flow, again.flows[name])
        ]
        np.testing.assert_array_equal(*draws)
    told = coverage(bank, estimators, draws=50)
    assert 0 <= told.covered <= 1 and (told.p_values <= 1).all() and len(told.names) == 13
    p_values, first = novelty_p_values(bank, estimators)
    assert ((p_values > 0) & (p_values <= 1)).all() and len(told.ranks[0]) <= len(first)
