"""What noise does to one and two rectified units: exact values, identities, limits and sampled
twins (rows S01, S06, S07)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from drift.theory.input_noise.rectified_normal import (
    normal_loss,
    rectified_covariance,
    rectified_noise,
    rectified_product,
)
from drift.theory.input_noise.sampled import sampled_moments
from drift.theory.kernels.normal_pairs import bivariate_normal, upper_tail


def tensor(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def close(found: torch.Tensor, expected, tolerance: float) -> None:
    np.testing.assert_allclose(found.numpy(), expected, atol=tolerance, rtol=0)


def test_s01_single_unit():
    units = rectified_noise(tensor([0.3, -0.3, 0.0, 2.0]), tensor([0.5, 0.5, 1.0, 0.5]))
    close(units.shift, [0.08433637, 0.08433637, 0.39894228, 3.57e-6], 1e-8)
    close(units.square, [0.15613581, 0.04326237, 0.5, 0.24998494], 1e-8)
    close(
        normal_loss(tensor([0.0, 0.5, 1.0, 2.0, 3.0])),
        [0.39894228, 0.19779656, 0.08331547, 0.00849070, 0.00038215],
        1e-8,
    )


def test_s01_two_units():
    joint = bivariate_normal(
        tensor([0.3, -1.0, 0.0, 2.0]),
        tensor([-0.2, -0.5, 0.4, 1.0]),
        tensor([0.6, -0.7, 0.3, 0.95]),
    )
    close(joint, [0.3527678331, 0.0031903922, 0.3723610378, 0.8413361470], 1e-10)
    product = rectified_product(
        (tensor(0.2), tensor(-0.4)), (tensor(0.5), tensor(0.8)), tensor(0.6)
    )
    close(product, 0.10749783, 1e-8)


def test_s01_joint_probability_against_another_quadrature():
    rng = np.random.default_rng(0)
    h, k = 2 * rng.standard_normal((2, 600))
    rho = np.concatenate(
        [rng.uniform(-1, 1, 300), rng.choice([-1, 1], 300) * (1 - 10 ** rng.uniform(-14, -1, 300))]
    )
    expected = [
        multivariate_normal.cdf([a, b], cov=[[1, c], [c, 1]], allow_singular=True)
        for a, b, c in zip(h, k, rho)
    ]
    close(bivariate_normal(tensor(h), tensor(k), tensor(rho)), expected, 1e-13)


def test_s01_parallel_keys():
    h, k = (
        tensor([0.0, 1.0, -1.0, 2.0, 0.0, 0.0, 0.5, 1.0]),
        tensor([0.0, 1.0, 1.0, -2.0, 1.0, -1.0, -0.5, math.inf]),
    )
    close(bivariate_normal(h, k, tensor(1.0)), ndtr(torch.minimum(h, k).numpy()), 1e-15)
    close(
        bivariate_normal(h, k, tensor(-1.0)),
        np.maximum(ndtr(h.numpy()) + ndtr(k.numpy()) - 1, 0),
        1e-15,
    )
    z = tensor([-3.0, -0.4, 0.0, 0.4, 3.0])
    units = rectified_noise(z, tensor(0.7))
    close(
        rectified_covariance((z, z), (tensor(0.7),) * 2, tensor(1.0)),
        units.square - units.shift.square(),
        1e-15,
    )
    near = rectified_covariance((z, z + 1e-9), (tensor(0.7),) * 2, tensor(1.0 - 1e-12))
    close(near, units.square - units.shift.square(), 1e-8)


def test_s07_an_on_unit_costs_more_than_an_off_unit():
    z, std = torch.linspace(0.001, 4, 200, dtype=torch.float64), tensor(0.7)
    on, off = rectified_noise(z, std), rectified_noise(-z, std)
    close(on.square - off.square, (0.49 * (1 - 2 * upper_tail(z / std))).numpy(), 1e-12)
    close(on.shift, off.shift.numpy(), 1e-12)


def test_s06_mean_shift_measures_the_density_at_threshold():
    rng, std = np.random.default_rng(0), 0.02
    keys, bias = rng.standard_normal((40, 24)) / math.sqrt(24), 0.5 * rng.standard_normal(40)
    norm = np.linalg.norm(keys, axis=1)
    drive = rng.standard_normal((200_000, 24)) @ keys.T + bias
    shift = (
        rectified_noise(torch.as_tensor(drive), torch.as_tensor(std * norm))
        .shift.mean(dim=0)
        .numpy()
    )
    density = np.exp(-0.5 * (bias / norm) ** 2) / (norm * math.sqrt(2 * math.pi))
    assert shift.sum() / ((std * norm) ** 2 * density / 2).sum() == pytest.approx(1, abs=0.02)


def test_small_and_large_margins_in_single_precision():
    z = torch.linspace(-12, 12, 4001, dtype=torch.float32)
    single, double = rectified_noise(z, torch.tensor(1.0)), rectified_noise(z.double(), tensor(1.0))
    for one, other in zip(single, double):
        assert bool((one >= 0).all())
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-3, atol=1e-12)


def test_derivatives_of_any_order():
    points = [
        tensor(values).requires_grad_()
        for values in ([0.3, -1.2, 0.7, -0.2], [-0.2, 0.4, 1.1, -0.9], [0.6, -0.7, 0.3, 0.95])
    ]
    assert torch.autograd.gradcheck(bivariate_normal, points) and torch.autograd.gradgradcheck(
        bivariate_normal, points
    )

    def product(z1: torch.Tensor, z2: torch.Tensor, rho: torch.Tensor) -> torch.Tensor:
        return rectified_product((z1, z2), (tensor(0.5), tensor(0.8)), rho)

    assert torch.autograd.gradcheck(product, points) and torch.autograd.gradgradcheck(
        product, points
    )


@pytest.mark.parametrize("pairs", [100_000, pytest.param(2_000_000, marks=pytest.mark.slow)])
def test_moments_against_sampled_noise(pairs: int):
    z, std = tensor([0.3, -0.3, 0.0, 2.0, -1.0]), tensor([0.5, 0.5, 1.0, 0.5, 0.8])
    root = torch.as_tensor(np.random.default_rng(1).standard_normal((5, 5)))
    rho = torch.nn.functional.normalize(root) @ torch.nn.functional.normalize(root).T
    shift, product = sampled_moments(
        z, rho * torch.outer(std, std), pairs=pairs, rng=np.random.default_rng(0)
    )
    units = rectified_noise(z, std)
    expected = rectified_covariance((z[:, None], z), (std[:, None], std), rho) + torch.outer(
        units.shift, units.shift
    )
    assert bool(((shift.mean - units.shift).abs() < 4 * shift.standard_error).all())
    assert bool(((product.mean - expected).abs() < 4 * product.standard_error).all())
    assert bool(
        (
            (product.mean.diagonal() - units.square).abs() < 4 * product.standard_error.diagonal()
        ).all()
    )
