"""Second derivatives of the loss against automatic differentiation, dense solvers and one another
(rows D02-D04, D14)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drift
from drift.theory import landscape
from drift.theory.landscape import spectrum as curvature


def random_network(
    seed: int, samples: int, inputs: int, outputs: int, units: int, dead: int = 0, tie: bool = False
) -> list[np.ndarray]:
    """Task and weights; ``dead`` units are silent, and with ``tie`` one unit rests on its threshold
    for the first sample."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1, 1, (samples, inputs)), rng.uniform(-1, 1, (samples, outputs))
    inward, outward = (
        rng.standard_normal((units, inputs + 1)),
        rng.standard_normal((units, outputs)),
    )
    if tie:
        x[0], inward[0, :-1], inward[0, -1] = 0.5, 1.0, -0.5 * inputs  # exact in binary: z = 0
    inward[units - dead :, -1] = -1e3
    return [x, y, inward, outward]


def autograd_hessian(
    x: np.ndarray, y: np.ndarray, inward: np.ndarray, outward: np.ndarray
) -> np.ndarray:
    import torch

    def loss(flat: torch.Tensor) -> torch.Tensor:
        first, last = (
            flat[: inward.size].view(inward.shape),
            flat[inward.size :].view(outward.shape),
        )
        hidden = torch.relu(torch.from_numpy(x) @ first[:, :-1].T + first[:, -1])
        return ((hidden @ last - torch.from_numpy(y)) ** 2).mean()

    flat = torch.from_numpy(np.concatenate([inward.ravel(), outward.ravel()]))
    return torch.autograd.functional.hessian(loss, flat, vectorize=True).numpy()


def full(point: landscape.Point) -> np.ndarray:
    matrix, index = np.zeros((point.parameters, point.parameters)), landscape.row_index(point)
    matrix[np.ix_(index, index)] = landscape.hessian(point)
    return matrix


def reference_point() -> landscape.Point:
    task = drift.RandomTask(samples=10, inputs=20, outputs=10, faithful=True).draw(0)
    network = drift.Network(units=100, faithful=True)
    weights = network.parameters(network.first_weights(20, 10, 0))
    return landscape.network_point(task["inputs"].values, task["targets"].values, *weights)


SHAPES = {
    "seed": st.integers(0, 2**31),
    "samples": st.integers(1, 7),
    "inputs": st.integers(1, 5),
    "outputs": st.integers(1, 4),
    "units": st.integers(1, 8),
    "dead": st.integers(0, 8),
    "tie": st.booleans(),
}


@settings(max_examples=40, deadline=None)
@given(**SHAPES)
def test_d02_hessian_and_spectra_are_those_of_automatic_differentiation(
    seed, samples, inputs, outputs, units, dead, tie
):
    network = random_network(seed, samples, inputs, outputs, units, min(dead, units), tie)
    point, exact = landscape.network_point(*network), autograd_hessian(*network)
    size = max(1.0, np.abs(exact).max())
    np.testing.assert_allclose(full(point), exact, atol=1e-10 * size)
    eigenvalues = np.linalg.eigvalsh(exact)
    np.testing.assert_allclose(
        curvature.padded(landscape.hessian_spectrum(point)), eigenvalues, atol=1e-10 * size
    )
    np.testing.assert_allclose(
        curvature.largest_eigenvalues(point), eigenvalues[-1:], atol=1e-9 * size
    )
    assert landscape.hessian_trace(point) == pytest.approx(np.trace(exact), abs=1e-10 * size)
    # Gauss-Newton by its Jacobian: the same spectrum in the space of samples and in that of
    # weights.
    factor = curvature.jacobian(point) * point.scale**0.5
    found = curvature.gauss_newton_spectrum(point)
    assert len(found) == min(samples * outputs, point.parameters)
    np.testing.assert_allclose(factor.T @ factor, landscape.gauss_newton(point), atol=1e-10 * size)
    np.testing.assert_allclose(factor @ factor.T, curvature.gram_matrix(point), atol=1e-10 * size)
    padded = np.pad(found, (point.parameters - len(found), 0))
    dense = (
        np.pad(np.linalg.eigvalsh(factor.T @ factor), (point.parameters - point.rows, 0))
        if point.rows
        else 0 * padded
    )
    np.testing.assert_allclose(padded, np.sort(dense), atol=1e-10 * size)


def test_d02_products_with_the_hessian_need_no_hessian():
    point = landscape.network_point(*random_network(3, 12, 6, 4, 30, dead=7))
    operator, matrix = curvature.hessian_operator(point), landscape.hessian(point)
    vector = np.random.default_rng(0).standard_normal(point.rows)
    np.testing.assert_allclose(operator @ vector, matrix @ vector, atol=1e-11)
    np.testing.assert_allclose(
        curvature.largest_eigenvalues(point, 5), np.linalg.eigvalsh(matrix)[-5:], rtol=1e-9
    )


def test_d03_sixty_dead_units_leave_1240_rows():
    network = random_network(1, 10, 20, 10, 100, dead=60)
    point = landscape.network_point(*network)
    assert (point.rows, point.parameters) == (1240, 3100)
    assert np.delete(full(point), landscape.row_index(point), axis=0).any() == np.False_
    found, dense = landscape.hessian_spectrum(point), np.linalg.eigvalsh(landscape.hessian(point))
    np.testing.assert_allclose(curvature.padded(found)[[0, -1]], dense[[0, -1]], rtol=1e-10)
    np.testing.assert_allclose(
        np.sort(np.abs(dense))[-found.values.size :],
        np.sort(np.abs(found.values)),
        atol=1e-10 * dense[-1],
    )
    gauss_newton = curvature.gauss_newton_spectrum(point)
    assert landscape.hessian_trace(point) == pytest.approx(gauss_newton.sum(), rel=1e-10)
    assert found.values.sum() == pytest.approx(gauss_newton.sum(), rel=1e-10)
    assert curvature.fraction_positive_eigenvalues(found) == pytest.approx(
        (dense > 0).sum() / 3100, abs=0.02
    )
    assert curvature.fraction_positive_eigenvalues(found) == pytest.approx(
        0.5 * point.active.mean(), abs=0.03
    )


def test_d04_d14_reference_start():
    point = reference_point()
    spectrum, gauss_newton = (
        landscape.hessian_spectrum(point),
        curvature.gauss_newton_spectrum(point),
    )
    assert curvature.fraction_positive_eigenvalues(spectrum) == pytest.approx(0.515, abs=0.02)
    assert curvature.rank(gauss_newton) == 100 and curvature.rank(
        gauss_newton
    ) / point.parameters == pytest.approx(0.032, abs=5e-4)
    assert gauss_newton[-1] == pytest.approx(3.419, abs=1e-3)
    assert landscape.hessian_trace(point) == pytest.approx(81.664, abs=1e-3)
    assert curvature.log_pseudo_determinant(gauss_newton) == pytest.approx(
        np.linalg.slogdet(curvature.gram_matrix(point))[1], rel=1e-10
    )
    assert curvature.largest_eigenvalues(point)[0] == pytest.approx(spectrum.values[-1], rel=1e-9)


@pytest.mark.slow
def test_d04_general_solver_of_the_whole_hessian():
    point = reference_point()
    literal = np.linalg.eigvals(full(point)).real
    assert (literal > 0).mean() == pytest.approx(0.515, abs=0.02)
    spectrum = landscape.hessian_spectrum(point)
    assert curvature.fraction_positive_eigenvalues(spectrum) == pytest.approx(
        (literal > 0).mean(), abs=0.02
    )
    np.testing.assert_allclose(
        np.sort(literal)[-500:], curvature.padded(spectrum)[-500:], atol=1e-10
    )


def test_dropped_couplings_move_no_eigenvalue_further_than_stated():
    point = landscape.network_point(*random_network(5, 30, 8, 6, 20))
    exact = curvature.padded(landscape.hessian_spectrum(point))
    for tolerance in (1e-3, 1e-2, 1e-1):
        coarse = landscape.hessian_spectrum(point, tolerance)
        assert np.abs(curvature.padded(coarse) - exact).max() <= tolerance * exact[-1]
    assert len(coarse.values) < len(landscape.hessian_spectrum(point).values)


def test_a_solved_task_leaves_the_gauss_newton_part():
    x, _, inward, outward = random_network(2, 6, 4, 3, 40)
    answers = np.maximum(x @ inward[:, :-1].T + inward[:, -1], 0) @ outward
    point = landscape.network_point(x, answers, inward, outward)
    spectrum = landscape.hessian_spectrum(point)
    assert len(spectrum.values) == 18
    np.testing.assert_allclose(spectrum.values, curvature.gauss_newton_spectrum(point), atol=1e-11)


def test_subjects_are_solved_side_by_side():
    points = [
        landscape.network_point(*random_network(seed, 5, 4, 3, 9, dead=seed)) for seed in range(4)
    ]
    together = landscape.hessian_spectra(points, threads=2)
    assert together.shape == (4, points[0].parameters)
    for point, found in zip(points, together, strict=True):
        np.testing.assert_array_equal(found, landscape.hessian_spectra([point])[0])
    silent = landscape.network_point(*random_network(0, 5, 4, 3, 9, dead=9))
    assert not landscape.hessian_spectra([silent]).any()
    assert (
        curvature.largest_eigenvalues(silent)[0] == 0
        and not curvature.gauss_newton_spectrum(silent).any()
    )
    assert curvature.rank(np.zeros(3)) == 0


def test_what_does_not_fit_is_refused():
    network = random_network(0, 5, 4, 3, 9)
    with pytest.raises(drift.RefusedInputError, match="do not fit, got shapes"):
        landscape.network_point(network[0][:-1], *network[1:])
    with pytest.raises(drift.RefusedInputError, match="finite"):
        landscape.network_point(network[0] * np.nan, *network[1:])
    point = landscape.network_point(*network)
    with pytest.raises(drift.RefusedInputError, match="count must lie"):
        curvature.largest_eigenvalues(point, 10_000)
    with pytest.raises(drift.RefusedInputError, match="one number of weights"):
        landscape.hessian_spectra([point, reference_point()])
