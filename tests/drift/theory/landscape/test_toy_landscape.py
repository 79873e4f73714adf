"""The two-dimensional toy landscape against its closed forms (rows D12 and D13)."""

from __future__ import annotations

import numpy as np
import pytest

import drift
from drift.theory.landscape.toy import (
    landing_point,
    mean_square_under_update_noise,
    normal_variance,
    position_under_label_noise,
    toy_walks,
)

RATE, Z = 0.01, 3.0


def within(values: np.ndarray, expected: float) -> bool:
    """Mean within three standard errors."""
    return abs(values.mean() - expected) < Z * values.std(ddof=1) / np.sqrt(values.size)


def test_the_walk_lands_where_theory_says():
    assert landing_point() == pytest.approx(
        2.954, abs=5e-4
    ) and landing_point() ** 2 == pytest.approx(8.73, abs=5e-3)
    assert landing_point(1e-5) == pytest.approx(
        np.sqrt(3.0**2 - 0.5**2), abs=1e-4
    )  # the flow conserves x^2 - y^2
    walk = toy_walks("update", 0.0, steps=(2_000,), walkers=2)
    np.testing.assert_allclose(walk.x, landing_point(), rtol=1e-9)


def test_d12_update_noise_conserves_the_mean_square_and_flattens():
    walk, start = toy_walks("update", 0.01), landing_point()
    for session, (position, curvature, spread, sharpness) in enumerate(
        [(2.86, 0.05, 0.72, 2.73), (2.53, 0.08, 1.50, 2.10), (2.14, 0.10, 2.01, 1.59)]
    ):
        x, y = walk.x[session].values, walk.y[session].values
        assert within(
            x**2 - y**2, mean_square_under_update_noise(start, walk.elapsed[session], 0.01, RATE)
        )
        assert within(x**2, start**2)  # conserved to leading order
        assert (x**2).mean() == pytest.approx(8.7, abs=0.4)
        assert x.mean() == pytest.approx(position, abs=curvature) and x.std() == pytest.approx(
            spread, abs=0.05
        )
        assert np.log(walk.largest_eigenvalue[session]).mean() == pytest.approx(sharpness, abs=0.06)
        assert (walk.largest_eigenvalue[session] >= 2 * np.maximum(x**2, y**2)).all()
    crossed = (np.abs(walk.x) < np.abs(walk.y)).mean("walker")
    assert crossed[1] == pytest.approx(0.06, abs=0.015) and crossed[2] == pytest.approx(
        0.18, abs=0.02
    )


def test_d13_label_noise_pulls_without_diffusing():
    walk, start = toy_walks("label", 0.3), landing_point()
    for session, published in enumerate((2.679, 2.014, 1.390)):
        expected = float(position_under_label_noise(start, walk.elapsed[session], 0.3, RATE))
        x, y = walk.x[session].values, walk.y[session].values
        assert expected == pytest.approx(published, abs=1e-3) and x.mean() == pytest.approx(
            published, abs=0.005
        )
        assert within(x, expected) and x.std() < 0.01
        assert (y**2).mean() == pytest.approx(
            float(normal_variance("label", expected, 0.3, RATE)), rel=0.08
        )


def test_label_noise_decays_exponentially_where_curvature_is_small():
    step = np.array([0, 10_000, 50_000])
    leading = position_under_label_noise(1.0, step, 0.3, 1e-4, leading=True)
    np.testing.assert_allclose(position_under_label_noise(1.0, step, 0.3, 1e-4), leading, rtol=1e-6)
    np.testing.assert_allclose(leading, np.exp(-2 * 1e-8 * 0.09 * step), rtol=1e-12)


def test_update_noise_keeps_the_walker_off_the_axis():
    y = toy_walks("update", 1e-3, steps=(500,), walkers=4_000, start=(3.0, 0.0)).y.values.ravel()
    assert within(y**2, float(normal_variance("update", 3.0, 1e-3, RATE)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": "input"}, "unknown"),
        ({"std": -1.0}, "at least 0"),
        ({"steps": (3, 3)}, "increasing"),
        ({"start": (11.0, 0.0)}, "edge of stability"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict, message: str):
    with pytest.raises(drift.RefusedInputError, match=message):
        toy_walks(**{"noise": "update", "std": 0.1, "steps": (1,), "walkers": 1, **changes})
    with pytest.raises(drift.RefusedInputError, match="does not lead"):
        landing_point(start=(1.0, 2.0))
