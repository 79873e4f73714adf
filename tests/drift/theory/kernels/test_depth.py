"""Depth and correlated weights: printed tables, identities at the optimal pooling, tabulated fast
path, what is refused."""

from __future__ import annotations

from itertools import pairwise

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scoreboards.kernels.kernel_rows import TABLE_M as TABLE

from drift.errors import RefusedInputError
from drift.theory.kernels import depth as d
from drift.theory.kernels import (
    joint_activation,
    kappa,
    mean_activity,
    mean_square_activity,
    threshold,
)
from drift.theory.kernels.finite_layers import weight_rows

FRACTIONS = (0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01, 0.001)


def last_digit(word: str) -> float:
    mantissa, _, exponent = word.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def lines() -> list[list[str]]:
    return [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize("words", lines(), ids=lambda words: words[0])
def test_k01_k13_table(words: list[str]):
    """tau, mu, k1, sigma*(0), chi_0, m*, sigma*(m*), c*(0), B: one unit of the last digit
    printed."""
    f = float(words[0])
    best = d.optimal_pooling(f)
    found = (
        *(
            threshold(f),
            mean_activity(f),
            mean_square_activity(f),
            d.weight_variance(f) ** 0.5,
            d.amplification(f),
        ),
        *(best, d.weight_variance(f, best) ** 0.5, d.fixed_point(f), d.approach_rate(f)),
    )
    for word, value in zip(words[1:], found, strict=True):
        assert abs(value - float(word)) <= last_digit(word) * (1 + 1e-9)


@pytest.mark.parametrize("f", (*FRACTIONS, 0.7, 0.95))
def test_k12_edge_of_chaos(f: float):
    best = d.optimal_pooling(f)
    np.testing.assert_allclose(
        best, (f - mean_square_activity(f)) / mean_activity(f) ** 2, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(d.amplification(f, best), 1.0, rtol=1e-9)
    np.testing.assert_allclose(d.weight_variance(f, best), 1 / f, rtol=1e-9)


@pytest.mark.parametrize("f", [0.4, 0.1, 0.01, 0.7])
def test_closed_form_is_the_root_of_the_numerical_slope(f: float):
    """Slope at c = 1 by Richardson's extrapolation in sqrt(1 - c), whose leading error is
    eps^(1/2)."""

    def slope(pooling: float) -> float:
        loss = [
            (1 - d.correlation_map(np.cos(angle), f, pooling)) / (1 - np.cos(angle))
            for angle in 0.1 / 2.0 ** np.arange(6)
        ]
        for order in range(1, 6):
            loss = [(2**order * fine - coarse) / (2**order - 1) for coarse, fine in pairwise(loss)]
        return loss[0]

    best = d.optimal_pooling(f)
    step = 1e-3 * abs(best)
    curve = [
        1 / slope(best + gap * step) for gap in (-1, 1)
    ]  # the inverse slope is linear in the pooling
    root = best - step + 2 * step * (1 - curve[0]) / (curve[1] - curve[0])
    assert root == pytest.approx(best, rel=1e-8)


def iterated(c: float, steps: int, *arguments: float) -> list[float]:
    found = []
    for _ in range(steps):
        c = d.correlation_map(c, *arguments)
        found.append(c)
    return found


@pytest.mark.parametrize(
    ("start", "f", "best", "published"),
    [
        (0.5, 0.1, False, ".310626 .180387 .116880 .092407"),
        (0.5, 0.1, True, ".728888 .821176 .870787 .901314 .921711"),
        (0.5, 0.01, True, ".815621 .891761 .926606 .946216"),
        (0.9, 0.1, False, ".798625 .638575 .440868 .264568 .155744"),
        (0.9, 0.1, True, ".920805 .935478 .946273 .954479 .960881"),
    ],
)
def test_k14_depth_maps(start: float, f: float, best: bool, published: str):
    expected = [float(word) for word in published.split()]
    found = iterated(start, len(expected), f, float(d.optimal_pooling(f)) if best else 0.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_k14_balanced_weights():
    np.testing.assert_allclose(
        d.correlation_map(0.5, np.array([0.5, 0.1]), -1), [0.42642234, 0.26896199], atol=1e-8
    )
    np.testing.assert_allclose(
        d.amplification(np.array([0.5, 0.1]), -1), [1.46694, 2.69644], atol=5e-6
    )


@pytest.mark.parametrize(
    ("windows", "published"),
    [
        ((1, 8), (0.310626, 0.180387)),
        ((8, 1), (0.507221, 0.511502)),
        ((8, 8), (0.380040, 0.290369)),
        ((4, 16), (0.331096, 0.209804)),
        ((28, 28), (0.382688, 0.294622)),
    ],
)
def test_k14_sheets(windows: tuple[int, int], published: tuple[float, float]):
    first = d.sheet_map(0.5, 0.1, *windows)
    np.testing.assert_allclose(
        [first, d.sheet_map(first, 0.1, *windows)], published, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("windows", [(1, 8), (8, 1), (8, 8), (4, 16), (28, 28)])
def test_sheets_follow_the_written_sum(windows: tuple[int, int]):
    window, smooth = windows
    gap, c, f = np.arange(1, window), np.linspace(-1, 1, 9), 0.1
    weight, share = 2 * (1 - gap / window), np.clip(1 - gap / smooth, 0, None)
    numerator = kappa(c, f) + (weight * kappa(share * c[:, None], f)).sum(axis=-1)
    written = numerator / (mean_square_activity(f) + (weight * kappa(share, f)).sum())
    np.testing.assert_allclose(d.sheet_map(c, f, *windows), written, rtol=0, atol=1e-14)


@pytest.mark.slow
def test_k15_algebraic_approach():
    """(1 - c_l) (B l)^2 / 4 at l = 3000 from c = .5."""
    f, c = np.array([0.5, 0.1]), np.array([0.5, 0.5])
    best = d.optimal_pooling(f)
    for _ in range(3000):
        c = d.correlation_map(c, f, best)
    np.testing.assert_allclose(
        (1 - c) * (d.approach_rate(f) * 3000) ** 2 / 4, [0.988, 0.991], rtol=0, atol=0.002
    )


@pytest.mark.parametrize(
    ("f", "published"),
    [
        (0.2, (9, 11, 16, 28, 53, 92)),
        (0.1, (29, 34, 51, 89, 169, 291)),
        (0.05, (80, 93, 136, 237, 448, 770)),
    ],
)
def test_k16_optimal_windows(f: float, published: tuple[int, ...]):
    assert tuple(d.optimal_window(f, smooth) for smooth in (1, 2, 4, 8, 16, 28)) == published


@pytest.mark.parametrize("f", [0.2, 0.05])
@pytest.mark.parametrize("smooth", [1, 4])
def test_optimal_window_is_where_the_sheet_turns(f: float, smooth: int):
    best = d.optimal_window(f, smooth)
    near = np.cos(1e-3)
    slopes = [
        (1 - d.sheet_map(near, f, window, smooth)) / (1 - near) for window in (best - 1, best + 1)
    ]
    assert slopes[0] > 1 - 1e-3 and slopes[1] < 1


def test_k17_published_runs():
    fractions = np.array([0.397, 0.268, 0.190, 0.165, 0.139, 0.0874, 0.0616, 0.0358, 0.01])
    logged = np.array([1.76, 2.45, 3.18, 3.55, 4.01, 5.53, 6.98, 9.91, 21.74])
    np.testing.assert_allclose(np.sqrt(d.weight_variance(fractions)), logged, rtol=0, atol=0.015)
    for f, published, tolerance in ((0.07, 47.41, 0.02), (0.01, 682.4, 0.2)):
        at = (joint_activation(0.99999, f) - mean_square_activity(f)) / mean_activity(f) ** 2
        assert at == pytest.approx(published, abs=tolerance)


@pytest.mark.parametrize("f", [0.45, 0.3, 0.1, 0.01])
@pytest.mark.parametrize("pooling", [-1.0, -0.5, 0.0, 0.3])
def test_fixed_point_is_fixed_and_stable(f: float, pooling: float):
    point = d.fixed_point(f, pooling)
    assert d.correlation_map(point, f, pooling) == pytest.approx(point, abs=1e-14)
    assert d.amplification(f, pooling) * joint_activation(point, f) / f < 1 or point == 1
    assert d.fixed_point(f, d.optimal_pooling(f) + 1) == 1


@given(st.floats(1e-4, 1.0), st.floats(-1, 500), st.floats(-1, 1))
def test_map_stays_inside(f: float, pooling: float, c: float):
    after = d.correlation_map(c, f, pooling)
    assert -1 - 1e-12 <= after <= 1 + 1e-12 and d.correlation_map(1.0, f, pooling) == pytest.approx(
        1, rel=1e-15
    )


def test_all_units_active_are_linear_or_saturated():
    c = np.linspace(-1, 1, 5)
    np.testing.assert_allclose(d.correlation_map(c, 1.0, -1), c, atol=1e-15)
    np.testing.assert_allclose(d.correlation_map(c, 1.0, 0), 1.0, rtol=1e-15)
    found = [
        d.optimal_pooling(1.0),
        d.optimal_window(1.0),
        d.amplification(1.0),
        d.amplification(1.0, -1),
    ]
    np.testing.assert_allclose(found, [-1, 1, 0, 1], atol=1e-15)


def sphere(points: int, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(points, 5))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x @ x.T


def by_steps(c: np.ndarray, f: float, pooling: float, layers: int) -> np.ndarray:
    for _ in range(layers - 1):
        c = d.correlation_map(c, f, pooling)
    return d.correlation_map(c, f)


@pytest.mark.parametrize(
    ("f", "pooling", "layers", "tolerance"),
    [
        *((0.5, 0, 8, 1e-13), (0.3, 3, 8, 1e-13), (0.1, 27, 5, 1e-13), (0.05, 20, 8, 1e-12)),
        *((0.7, 0, 3, 1e-13), (0.99, -0.99, 3, 1e-12), (0.01, 0, 8, 1e-9), (0.4, -0.5, 1, 1e-13)),
    ],
)
def test_tabulated_deep_kernel(f: float, pooling: float, layers: int, tolerance: float):
    """Where chi^7 is 5e4, rounding in the angle of near inputs grows as much in either path."""
    c = sphere(90)
    found = d.deep_kernel(c, f, pooling, layers)
    np.testing.assert_array_equal(np.diag(found), 1.0)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(
        found, by_steps(c - np.diag(np.diag(c) - 1), f, pooling, layers), rtol=0, atol=tolerance
    )
    np.testing.assert_allclose(
        d.deep_kernel(c[:, :60], f, pooling, layers), found[:, :60], rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(
        d.deep_kernel(c[:20, :20], f, pooling, layers), found[:20, :20], rtol=0, atol=tolerance
    )


def test_deep_kernel_obeys_the_number_of_threads():
    c, before = sphere(200), numba.get_num_threads()
    several = d.deep_kernel(c, 0.1, 5, 4)
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(d.deep_kernel(c, 0.1, 5, 4), several)
    finally:
        numba.set_num_threads(before)


def test_deep_kernel_of_absent_and_impossible_correlations():
    c = sphere(80)
    c[3, 5] = c[5, 3] = np.nan
    assert np.isnan(d.deep_kernel(c, 0.1, 2, 3)).sum() == 2
    c[7, 8] = 1.5
    with pytest.raises(RefusedInputError, match=r"got 1\.5: divide"):
        d.deep_kernel(c, 0.1, 2, 3)


def test_deep_kernel_with_one_layer_ignores_pooling():
    c = sphere(90)
    np.testing.assert_allclose(
        d.deep_kernel(c, 0.2, 30, 1), kappa(c, 0.2) / mean_square_activity(0.2), atol=1e-13
    )


@settings(max_examples=15)
@given(st.floats(1e-3, 0.9), st.floats(-0.9, 300), st.integers(1, 6), st.integers(0, 1000))
def test_deep_kernel_is_positive_semidefinite(f: float, pooling: float, layers: int, seed: int):
    assert np.linalg.eigvalsh(d.deep_kernel(sphere(70, seed), f, pooling, layers))[0] > -1e-8


def test_gradients():
    f, c, m = (
        torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.3, 0.7, 0.5)
    )
    check = torch.autograd.gradcheck
    assert check(lambda c, f, m: d.deep_kernel(c, f, m, 3), (c, f, m), eps=1e-7, atol=1e-6)
    assert check(lambda c, f: d.sheet_map(c, f, 3, 8), (c, f), eps=1e-7, atol=1e-6)
    for function in (d.weight_variance, d.amplification, d.fixed_point):
        assert check(function, (f, m), eps=1e-7, atol=1e-4)
    for function in (d.optimal_pooling, d.approach_rate):
        assert check(function, (f,), eps=1e-7, atol=1e-4)


def test_gradient_on_the_diagonal_is_the_amplification():
    c = torch.ones(2, dtype=torch.float64, requires_grad=True)
    d.deep_kernel(c, 0.1, 5.0, 3).sum().backward()
    np.testing.assert_allclose(
        c.grad, d.amplification(0.1, 5.0) ** 2 * d.amplification(0.1), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("pooling", "correlated"), [(0, "local"), (10, "local"), (50, "local"), (50, "global")]
)
def test_k27_measured_pooling(pooling: int, correlated: str, rng: np.random.Generator):
    found, error = d.measured_pooling(weight_rows(400, 5000, pooling, correlated, rng))
    assert abs(found - pooling) < 3.5 * (pooling + 1) * np.sqrt(2 / 400)
    assert error == pytest.approx((pooling + 1) * np.sqrt(2 / 400), rel=0.3)


def test_pooling_of_covariances(rng: np.random.Generator):
    balanced, _ = d.measured_pooling(weight_rows(50, 400, -1, "global", rng))
    assert balanced == pytest.approx(-1, abs=1e-12)
    assert d.covariance_pooling(np.full((50, 50), 0.1) + 0.9 * np.eye(50)) == pytest.approx(4.9)
    assert d.covariance_pooling(4 * np.eye(7)) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: d.correlation_map(0.5, 0.1, -1.5), "pooling must be at least -1, got -1.5"),
        (
            lambda: d.sheet_map(0.5, 0.1, 0, 3),
            "presynaptic_window must be a whole number from 1, got 0",
        ),
        (lambda: d.optimal_window(0.1, 0), "postsynaptic_window must be a whole number"),
        (
            lambda: d.optimal_window(np.nan),
            "active_fraction must be one finite number above 0 and at most 1, got nan",
        ),
        (lambda: d.fixed_point(0.1, np.nan), "pooling must be at least -1, got nan"),
        (
            lambda: d.deep_kernel(0.5, 0.1, 0, 1.5),
            "hidden_layers must be a whole number from 1, got 1.5",
        ),
        (
            lambda: d.deep_kernel(0.5, 0.1, 0, None),
            "hidden_layers must be a whole number from 1, got None",
        ),
        (
            lambda: d.deep_kernel(0.5, 0.1, 0, 0),
            "hidden_layers must be a whole number from 1, got 0",
        ),
        (lambda: d.measured_pooling(np.ones(4)), "at least two units, got shape"),
        (lambda: d.measured_pooling(np.zeros((3, 4))), "all zero or not finite"),
        (lambda: d.covariance_pooling(np.ones((2, 3))), "covariance must be"),
    ],
)
def test_refusals(call: object, sentence: str):
    with pytest.raises(RefusedInputError, match=sentence):
        call()
