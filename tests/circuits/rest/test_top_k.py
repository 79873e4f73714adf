"""Exact Top-K, sparsemax and single steps of inhibition, in numpy and torch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from circuits.drives import normal_quantiles
from circuits.rest.fixed_points import threshold_linear_level
from circuits.rest.winners import (
    VARIANTS,
    Variant,
    explaining_away_step,
    interneuron_step,
    sparsemax,
    top_k,
    top_k_winners,
)
from drift.schema import RefusedInputError

FEW_VALUES = st.sampled_from([-2.0, -0.5, 0.0, 0.0, 0.25, 1.0, 3.0])  # so that ties are common


@settings(max_examples=100, deadline=None)
@given(arrays(float, (3, 7), elements=FEW_VALUES), st.integers(1, 7))
def test_winners_are_the_first_k_of_a_stable_sort(drive: np.ndarray, winners: int):
    expected = np.zeros(drive.shape, dtype=bool)
    np.put_along_axis(
        expected, np.argsort(-drive, axis=-1, kind="stable")[:, :winners], True, axis=-1
    )
    np.testing.assert_array_equal(top_k_winners(drive, winners), expected)
    np.testing.assert_array_equal(top_k_winners(torch.from_numpy(drive), winners).numpy(), expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_numpy_and_torch_agree(variant: Variant):
    drive = np.random.default_rng(0).standard_normal((4, 5, 30))
    np.testing.assert_array_equal(
        top_k(drive, 6, variant), top_k(torch.from_numpy(drive), 6, variant).numpy()
    )


def test_variants_on_a_worked_example_with_ties_at_the_threshold():
    drive = [3.0, 1.0, -1.0, 1.0, 2.0]
    np.testing.assert_array_equal(
        top_k(drive, 3), [3, 1, 0, 0, 2]
    )  # of the two units at 1 the first wins
    np.testing.assert_array_equal(top_k(drive, 3, "binary"), [1, 1, 0, 0, 1])
    np.testing.assert_array_equal(
        top_k(drive, 3, "subtract"), [2, 0, 0, 0, 1]
    )  # the k-th largest falls silent itself
    np.testing.assert_array_equal(top_k(drive, 5), drive)
    assert top_k_winners(np.zeros(5), 2).tolist() == [True, True, False, False, False]


def test_gradients_pass_to_the_winners_and_not_through_the_threshold():
    drive = torch.tensor([3.0, 1.0, -1.0, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], dtype=torch.float64)
    (keep,) = torch.autograd.grad(top_k(drive, 3) @ weights, drive)
    (subtract,) = torch.autograd.grad(top_k(drive, 3, "subtract") @ weights, drive)
    assert keep.tolist() == [1, 2, 0, 0, 5] and subtract.tolist() == [1, 0, 0, 0, 5]
    assert not top_k(drive, 3, "binary").requires_grad


def projected_by_enumeration(drive: np.ndarray, total: float) -> np.ndarray:
    """Nearest point of the simplex, by solving the equality-constrained problem on every
    support."""
    best, least = drive, np.inf
    for size in range(1, drive.size + 1):
        for support in itertools.combinations(range(drive.size), size):
            point = np.zeros(drive.size)
            point[list(support)] = (
                drive[list(support)] - (drive[list(support)].sum() - total) / size
            )
            distance = np.sum((point - drive) ** 2)
            if point.min() >= 0 and distance < least:
                best, least = point, distance
    return best


@pytest.mark.parametrize("total", [0.3, 1.0, 20.0])
def test_sparsemax_is_the_projection_on_the_simplex(total: float):
    """C12, against a quadratic program solved on every support."""
    for drive in np.random.default_rng(1).normal(0, 2, (10, 7)):
        rate = sparsemax(drive, total)
        np.testing.assert_allclose(rate, projected_by_enumeration(drive, total), rtol=0, atol=1e-9)
        np.testing.assert_allclose(
            sparsemax(torch.from_numpy(drive), total).numpy(), rate, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_sparsemax_holds_the_sum_and_ignores_offsets(scale: float):
    """C12: sum E = theta, E >= 0, offset invariance, and the conditions of optimality."""
    drive = scale * np.random.default_rng(2).standard_normal((50, 1000))
    total = np.full(50, 20.0)
    rate = sparsemax(drive, total)
    np.testing.assert_allclose(rate.sum(-1), total, rtol=0, atol=1e-9)
    np.testing.assert_allclose(sparsemax(drive + 7.5, total), rate, rtol=0, atol=1e-9)
    level = np.where(rate > 0, drive - rate, -np.inf).max(-1, keepdims=True)
    assert (rate >= 0).all() and (drive <= level + rate + 1e-9).all()
    np.testing.assert_allclose(
        np.where(rate > 0, drive - rate, level),
        np.broadcast_to(level, rate.shape),
        rtol=0,
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("gain", "winners", "inhibition"),
    [
        (np.inf, 48, 1.661215),
        (1, 52, 1.628644),
        (10, 49, 1.657798),
        (100, 48, 1.660869),
        (1000, 48, 1.661181),
    ],
)
def test_threshold_interneuron_approaches_sparsemax_on_the_grid(
    gain: float, winners: int, inhibition: float
):
    """C11, with the sorting algorithm of Martins & Astudillo as oracle of the limit."""
    drive = normal_quantiles(1000)
    level, count = threshold_linear_level(drive, gain, 20.0)
    assert count == winners and level == pytest.approx(inhibition, abs=1e-6)
    if gain == np.inf:
        relative, count = drive / 20, np.arange(1, 1001)
        support = int(count[1 + count * relative > np.cumsum(relative)].max())
        oracle = np.maximum(relative - (relative[:support].sum() - 1) / support, 0.0) * 20
        np.testing.assert_allclose(sparsemax(drive, 20.0), oracle, rtol=0, atol=1e-12)


def published_example() -> tuple[np.ndarray, np.ndarray]:
    """Dictionary (input, unit) and drive (unit) of circuits, 4.9."""
    row, column = np.arange(8)[:, np.newaxis], np.arange(16)
    dictionary = np.cos(0.7 * column + 1.3 * row + 0.2 * row * column) + 0.3 * np.sin(
        0.5 * row**2 + 0.9 * column
    )
    dictionary /= np.linalg.norm(dictionary, axis=0)
    return dictionary, dictionary.T @ np.sin(1.1 + 0.8 * np.arange(8)) - 0.1


def test_one_step_of_explaining_away_is_not_its_fixed_point():
    """Section 4.9: the rectified drive leaves 4 units active, one step 6, the fixed point 5."""
    dictionary, drive = published_example()
    gram = dictionary.T @ dictionary - np.eye(16)
    assert (drive > 0).sum() == 4
    assert (explaining_away_step(drive, gram) > 0).sum() == 6
    states = explaining_away_step(torch.from_numpy(drive), torch.from_numpy(gram))
    np.testing.assert_allclose(states.numpy(), explaining_away_step(drive, gram), atol=1e-14)


def test_one_step_of_an_interneuron_is_explaining_away_of_rank_one():
    rng = np.random.default_rng(3)
    drive, read_in, read_out = (
        rng.standard_normal((6, 9)),
        rng.uniform(0, 1, 9),
        rng.standard_normal(9),
    )
    one = interneuron_step(drive, read_in, read_out)
    np.testing.assert_allclose(
        one, explaining_away_step(drive, np.outer(read_out, read_in)), atol=1e-14
    )
    np.testing.assert_array_equal(
        interneuron_step(drive, read_in, read_out, bias=-1e3), drive
    )  # an interneuron below its threshold
    tensors = interneuron_step(*(torch.from_numpy(array) for array in (drive, read_in, read_out)))
    np.testing.assert_allclose(tensors.numpy(), one, atol=1e-14)


@pytest.mark.parametrize("winners", [0, 6, -1, 2.0, True])
def test_impossible_numbers_of_winners_are_refused(winners: Any):
    with pytest.raises(
        RefusedInputError, match="winners must be a whole number from 1 to the 5 units"
    ):
        top_k(np.arange(5.0), winners)
    with pytest.raises(
        RefusedInputError, match="winners must be a whole number from 1 to the 5 units"
    ):
        top_k(torch.arange(5.0), winners, "subtract")


def test_bad_drives_and_variants_are_refused():
    with pytest.raises(RefusedInputError, match="holds 1 values that are NaN"):
        top_k([0.0, np.nan], 1)
    with pytest.raises(RefusedInputError, match="holds 1 values that are NaN"):
        top_k_winners(torch.tensor([0.0, torch.nan]), 1)
    with pytest.raises(RefusedInputError, match="no units along its last dim"):
        top_k(1.0, 1)
    with pytest.raises(RefusedInputError, match="variant 'soft' of Top-K is unknown"):
        top_k([1.0, 2.0], 1, "soft")  # type: ignore[arg-type]
    with pytest.raises(RefusedInputError, match="total must be above 0"):
        sparsemax([1.0, 2.0], 0.0)
