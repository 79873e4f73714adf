"""Every kernel has a sampled twin with the same arguments that agrees with it, and a limit in which
it is known."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest

from drift.theory import kernels
from drift.theory.kernels import depth
from drift.theory.kernels import sampled as sampled_kernels

C = np.array([-0.4, 0.0, 0.5, 0.9])
MATRIX = np.array([[1, 0.9, 0.5], [0.9, 1, 0.3], [0.5, 0.3, 1.0]])
PAIRS: dict[str, tuple[Callable, Callable, list[tuple]]] = {
    "kappa": (
        kernels.kappa,
        sampled_kernels.sampled_kappa,
        [(C, f, v) for f in (0.5, 0.1) for v in ("subtract", "keep", "binary")],
    ),
    "joint_activation": (
        kernels.joint_activation,
        sampled_kernels.sampled_joint_activation,
        [(C, 0.7), (C, 0.05)],
    ),
    "correlation_map": (
        depth.correlation_map,
        sampled_kernels.sampled_correlation_map,
        [(C, 0.2, 0.0), (C, 0.1, 27.07), (C, 0.1, -1.0)],
    ),
    "sheet_map": (
        depth.sheet_map,
        sampled_kernels.sampled_sheet_map,
        [(C, 0.1, 8, 8), (C, 0.3, 1, 4), (C, 0.2, 5, 1)],
    ),
    "deep_kernel": (
        depth.deep_kernel,
        sampled_kernels.sampled_deep_kernel,
        [(MATRIX, 0.5, 0, 3), (MATRIX, 0.1, 0, 2), (MATRIX, 0.2, 8, 3)],
    ),
}
LIMITS: dict[str, Callable[[], tuple]] = {
    "kappa": lambda: (
        kernels.kappa(C, 0.5),
        (np.sqrt(1 - C * C) + (np.pi - np.arccos(C)) * C) / (2 * np.pi),
    ),
    "joint_activation": lambda: (
        kernels.joint_activation(C, 0.5),
        0.25 + np.arcsin(C) / (2 * np.pi),
    ),
    "correlation_map": lambda: (depth.correlation_map(C, 1.0, -1), C),
    "sheet_map": lambda: (depth.sheet_map(C, 0.1, 6, 1), depth.correlation_map(C, 0.1, 5)),
    "deep_kernel": lambda: (depth.deep_kernel(C, 0.5, 0, 1), 2 * kernels.kappa(C, 0.5)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_twins_take_the_same_arguments(name: str):
    formula, twin, _ = PAIRS[name]
    shared = list(inspect.signature(formula).parameters)
    assert list(inspect.signature(twin).parameters)[: len(shared)] == shared
    assert {"units", "seeds"} <= set(inspect.signature(twin).parameters)


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, (*_, cases) in PAIRS.items() for case in range(len(cases))],
)
def test_twins_agree(name: str, case: int):
    """16 networks of 20000 units, 5 standard errors (t of 15 degrees of freedom: 2e-4 each)."""
    formula, twin, cases = PAIRS[name]
    expected = formula(*cases[case])
    mean, error = twin(*cases[case], units=20_000, seeds=range(16))
    assert mean.shape == expected.shape
    assert (abs(mean - expected) < 5 * error + 1e-12).all(), (abs(mean - expected) / error).max()
    assert (error < 0.02 * abs(expected).max()).all()


@pytest.mark.parametrize("name", PAIRS)
def test_limits(name: str):
    found, known = LIMITS[name]()
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-15)
