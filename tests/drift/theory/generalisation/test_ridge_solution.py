"""Kernel regression where the kernel is singular: the limit of a small ridge, or a refusal, never
rounding."""

from __future__ import annotations

import numpy as np
import pytest

from drift.errors import RefusedInputError
from drift.theory import kernels
from drift.theory.code_drift.readout import readout_error
from drift.theory.generalisation.measurement import input_correlation, regression_errors
from drift.theory.kernels import depth


def kernel_of(inputs, layers=1, fraction=0.1):
    return depth.deep_kernel(input_correlation(inputs), fraction, 0.0, layers)


def limit_error(kernel, targets, training):
    """Mean squared error of the minimum-norm interpolant, which a vanishing ridge gives."""
    readout = np.linalg.lstsq(kernel[:training, :training], targets[:training], rcond=1e-10)[0]
    return ((kernel[:, :training] @ readout - targets) ** 2).mean()


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("copies", [2, 3, 5])
def test_equal_inputs_of_other_targets_give_the_limit_of_a_small_ridge(layers, copies):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        inputs, targets = rng.normal(size=(60, 10)), rng.normal(size=(60, 2))
        same = rng.choice(40, copies, replace=False)
        inputs[same] = inputs[same[0]] * rng.uniform(
            0.5, 2.0, (copies, 1)
        )  # kernels see directions alone
        kernel = kernel_of(inputs, layers)
        found = regression_errors(kernel, targets, np.arange(60)[np.newaxis], 40)["error"].item()
        assert found == pytest.approx(limit_error(kernel, targets, 40), rel=1e-6)
        small = regression_errors(kernel, targets, np.arange(60)[np.newaxis], 40, ridge=1e-7)[
            "error"
        ].item()
        assert found == pytest.approx(small, rel=1e-3)


@pytest.mark.parametrize("ridge", [0.0, 1e-14, 1e-12])
def test_a_ridge_below_rounding_is_no_other_answer(ridge):
    rng = np.random.default_rng(3)
    inputs, targets = rng.normal(size=(60, 10)), rng.normal(size=(60, 1))
    inputs[7] = inputs[31]
    kernel = kernel_of(inputs)
    found = regression_errors(kernel, targets, np.arange(60)[np.newaxis], 40, ridge)["error"].item()
    assert found == pytest.approx(limit_error(kernel, targets, 40), rel=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_dependent_points_are_refused_wherever_they_stand(seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(40, 39))  # one dimension short, no two points alike
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    kernel = np.pad(features @ features.T, ((0, 1), (0, 1)))  # the last point is held out
    with pytest.raises(RefusedInputError, match=r"singular in float64 at ridge 0\.0: add a ridge"):
        regression_errors(kernel, rng.normal(size=41), np.arange(41)[np.newaxis], 40)


@pytest.mark.parametrize("seed", range(12))
def test_equal_places_of_a_drifting_readout_count_as_one(seed):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(20, 10))
    first, second = rng.choice(20, 2, replace=False)
    inputs[second] = inputs[first]
    correlation, targets = input_correlation(inputs), rng.normal(size=(20, 1))
    found = readout_error(correlation, targets, 0.1, 1.0, 0.0)
    lost = targets[first] - targets[second]  # both are read as their mean
    assert found == pytest.approx(2 * float(lost[0] / 2) ** 2 / 20, rel=1e-6)


@pytest.mark.parametrize("excess", [1.2e-6, -1.2e-6, 3e-8, 1e-3, 0.5])
def test_a_correlation_just_beyond_1_is_shown_with_its_digits(excess):
    value = np.sign(excess) * (1 + abs(excess))
    calls = (
        lambda: kernels.kappa(np.array([0.3, value]), 0.1),
        lambda: kernels.joint_activation(value, 0.1),
        lambda: depth.deep_kernel(np.array([[1.0, value], [value, 1.0]]), 0.1, 0.0, 1),
        lambda: readout_error(
            np.array([[1.0, value], [value, 1.0]]), np.ones((2, 1)), 0.1, 0.9, 0.1
        ),
    )
    for call in calls:
        with pytest.raises(RefusedInputError) as refusal:
            call()
        shown = [
            float(word.strip(",:;"))
            for word in str(refusal.value).split("got ")[1].split()
            if word[0] in "-0123456789"
        ]
        assert any(abs(one) > 1 for one in shown), str(refusal.value)
        assert "double precision" in str(refusal.value)
