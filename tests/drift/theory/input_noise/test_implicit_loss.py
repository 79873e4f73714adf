"""The three implicit terms of noise training, against sampled noise, quadrature and each other
(rows S02 to S06, S08, S09)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal

from drift.errors import RefusedInputError
from drift.theory.input_noise.sampled import quadrature_loss, sampled_loss
from drift.theory.input_noise.series import small_noise, wiener_filter, wiener_loss
from drift.theory.input_noise.terms import (
    hidden_noise_penalty,
    implicit_loss,
    jacobian_penalty,
    surrogate,
)
from drift.theory.input_noise.weights import NetworkWeights

FORMS: tuple[Any, ...] = ("moments", "bias_variance")
TABLE = {  # S, M, O, total, O first order, form B: bias, variance, covariance, sigma^2 E |J|^2
    0.05: (
        0.00147909,
        0.00635361,
        0.00019894,
        3.56474024,
        0.00019702,
        3.56309031,
        0.00145259,
        0.00019735,
        0.00171358,
    ),
    0.3: (
        0.05301369,
        0.08837358,
        0.00918664,
        3.70728250,
        0.00652521,
        3.65654974,
        0.04949110,
        0.00124166,
        0.06168895,
    ),
    1.5: (
        1.43017310,
        1.06336185,
        1.05426018,
        7.10450373,
        0.84365905,
        6.13569046,
        1.15498862,
        -0.18617535,
        1.54222374,
    ),
}


def tensor(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def deterministic() -> tuple[torch.Tensor, NetworkWeights]:
    """Inputs and network of a case worked by hand."""
    i, j, p = (torch.arange(count, dtype=torch.float64) for count in (6, 8, 5))
    keys = torch.cos(0.7 * j[:, None] + 1.3 * i + 0.2 * i * j[:, None]) / math.sqrt(6)
    values = torch.sin(0.9 * i[:, None] - 0.4 * j + 0.15 * i[:, None] * j) / math.sqrt(8)
    inputs = torch.sin(1.1 * p[:, None] + 0.5 * i + 0.3 * p[:, None] * i)
    return inputs, NetworkWeights(keys, -0.2 + 0.05 * j, values, 0.02 * i)


def random_network(
    inputs: int, units: int, outputs: int, seed: int, dtype=torch.float64
) -> NetworkWeights:
    rng = np.random.default_rng(seed)
    shapes = ((units, inputs), (units,), (outputs, units), (outputs,))
    scales = (1 / math.sqrt(inputs), 0.5, 1 / math.sqrt(units), 0.1)
    return NetworkWeights(
        *(
            torch.as_tensor(scale * rng.standard_normal(shape), dtype=dtype)
            for scale, shape in zip(scales, shapes)
        )
    )


def with_copies(network: NetworkWeights, unit: int, copies: int) -> NetworkWeights:
    """The same map, with one unit replaced by copies that share its output weights."""
    index = torch.cat([torch.arange(len(network.bias)), torch.full((copies - 1,), unit)])
    share = torch.where(index == unit, 1 / copies, 1.0).to(network.bias)
    return NetworkWeights(
        network.input_weights[index],
        network.bias[index],
        network.output_weights[:, index] * share,
        network.output_bias,
    )


def classes(samples: int, outputs: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.arange(samples) % outputs, outputs).double()


@pytest.mark.parametrize("std", TABLE)
def test_s02_deterministic_network(std: float):
    x, network = deterministic()
    a, first = (
        implicit_loss(x, x, network, std),
        implicit_loss(x, x, network, std, overlap="first_order"),
    )
    b = implicit_loss(x, x, network, std, form="bias_variance")
    found = (
        a.sparsify,
        a.margin,
        a.overlap,
        a.total,
        first.overlap,
        b.loss + b.margin,
        b.sparsify,
        b.overlap,
    )
    values = [float(value) for value in (*found, std**2 * jacobian_penalty(x, network))]
    np.testing.assert_allclose(values, TABLE[std], atol=2e-8, rtol=0)
    assert float(a.loss) == pytest.approx(3.55670860, abs=2e-8)


@pytest.mark.parametrize("std", TABLE)
@pytest.mark.parametrize("objective", ["squared_error", "cross_entropy"])
def test_s03_forms_and_copies_keep_the_total(std: float, objective: Any):
    x, network = deterministic()
    targets = x if objective == "squared_error" else classes(5, 6)
    copies = with_copies(network, 3, 4)
    for form in FORMS:
        one, many = (
            implicit_loss(x, targets, net, std, form=form, objective=objective)
            for net in (network, copies)
        )
        assert float(many.total - one.total) == pytest.approx(0, abs=1e-12)
        assert float(many.sparsify + many.overlap - one.sparsify - one.overlap) == pytest.approx(
            0, abs=1e-12
        )
        assert float(one.sparsify - many.sparsify) > 1e-6
    if objective == "squared_error":
        assert float(one.total - implicit_loss(x, x, network, std).total) == pytest.approx(
            0, abs=1e-12
        )
        assert std != 0.3 or float(implicit_loss(x, x, copies, std).sparsify) == pytest.approx(
            0.04922946, abs=1e-8
        )


@pytest.mark.parametrize("std", TABLE)
def test_s04_sampled_total(std: float):
    x, network = deterministic()
    sampled = sampled_loss(x, x, network, std, pairs=100_000, rng=np.random.default_rng(0))
    error = float(sampled.mean - implicit_loss(x, x, network, std).total) / float(
        sampled.standard_error
    )
    assert abs(error) < 2  # of 1e5 pairs; the row allows 4


def one_input() -> tuple[NetworkWeights, NetworkWeights]:
    keys, bias = tensor([[1.0], [-0.8], [0.5], [1.5]]), tensor([-0.3, 0.2, 0.4, -1.0])
    regression = NetworkWeights(keys, bias, tensor([[0.9, -0.5, 0.7, 0.4]]), tensor([0.05]))
    values = tensor([[0.6, -0.4, 0.3, 0.2], [-0.5, 0.2, 0.4, -0.3], [0.1, 0.3, -0.6, 0.5]])
    return regression, NetworkWeights(keys, bias, values, tensor([0.1, -0.2, 0.05]))


def first_class(inputs: torch.Tensor) -> torch.Tensor:
    return tensor([1.0, 0.0, 0.0]).expand(len(inputs), 3)


def test_s05_small_noise_coefficients_of_reconstruction():
    network, _ = one_input()
    found = small_noise(network)
    w, b, d = (
        x.numpy().ravel() for x in (network.input_weights, network.bias, network.output_weights)
    )
    sign = np.sign(np.outer(w, w))
    both = np.array([[multivariate_normal.cdf([p, q], cov=[[1, c], [c, 1]], allow_singular=True) for q, c in zip(b / abs(w), row)]
                     for p, row in zip(b / abs(w), sign)])  # fmt: skip
    weight = np.outer(d * w, d * w) * both
    own = (d * d * w * w * ndtr(b / abs(w))).sum()
    assert found.loss == pytest.approx(0.3636628292, abs=1e-9)
    assert found.sparsify == pytest.approx(own, abs=1e-12) and found.overlap == pytest.approx(
        weight.sum() - np.trace(weight), abs=1e-10
    )
    assert found.boundary == pytest.approx(0.10747536, abs=1e-7)
    # The printed sparsify and overlap lie 4e-6 and 5e-6 above these closed forms.
    assert found.sparsify == pytest.approx(0.59273380, abs=6e-6) and found.overlap == pytest.approx(
        0.72777753, abs=6e-6
    )


def test_s05_small_noise_coefficients_of_cross_entropy():
    _, network = one_input()
    found = small_noise(network, targets=first_class, objective="cross_entropy")
    assert found.loss == pytest.approx(0.9861162601, abs=1e-9)
    assert found.boundary == pytest.approx(-0.07911543, abs=1e-7)
    assert found.jacobian == pytest.approx(
        0.10127298, abs=1e-6
    )  # printed 6e-7 above the integral, as for reconstruction


@pytest.mark.parametrize(
    ("law", "std", "expected"),
    [
        ("normal", 0.02, 1.42806),
        ("normal", 0.05, 1.42835),
        ("normal", 0.1, 1.42944),
        ("laplace", 0.02, 1.42811),
        ("laplace", 0.05, 1.42870),
    ],
)
def test_s05_reconstruction_by_quadrature(law: Any, std: float, expected: float):
    network, _ = one_input()
    found = (quadrature_loss(network, std, law=law) - small_noise(network).loss) / std**2
    assert found == pytest.approx(expected, abs=3e-4)
    if std == 0.02:
        assert found == pytest.approx(small_noise(network).total, abs=3e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("std", "expected"), [(0.02, 0.02214), (0.05, 0.02217), (0.1, 0.02222)])
@pytest.mark.parametrize("form", ["moments", "bias_variance"])
def test_s05_cross_entropy_by_quadrature(std: float, expected: float, form: Any):
    _, network = one_input()
    options: dict[str, Any] = {"objective": "cross_entropy"}
    clean = small_noise(network, targets=first_class, **options).loss
    found = (quadrature_loss(network, std, targets=first_class, **options) - clean) / std**2
    assert found == pytest.approx(expected, abs=1e-4)
    x = tensor(ndtri((np.arange(100_000) + 0.5) / 100_000)).unsqueeze(1)
    terms = implicit_loss(x, first_class(x), network, std, form=form, **options)
    assert float(terms.total - terms.loss) / std**2 == pytest.approx(
        found, abs=0.01 * std
    )  # smoothed boundary: order sigma^3


def test_cross_entropy_terms_against_sampled_noise():
    x, network = deterministic()
    for std, third in (
        (0.02, 2e-5),
        (0.1, 2e-3),
    ):  # what the second order in the outputs leaves out
        sampled = sampled_loss(
            x,
            classes(5, 6),
            network,
            std,
            pairs=50_000,
            rng=np.random.default_rng(1),
            objective="cross_entropy",
        )
        total = float(
            implicit_loss(x, classes(5, 6), network, std, objective="cross_entropy").total
        )
        assert abs(float(sampled.mean) - total) < 4 * float(sampled.standard_error) + third * std


@pytest.mark.slow
def test_s06_small_noise_of_many_inputs():
    network, std = random_network(24, 40, 24, 2), 0.02
    x = torch.as_tensor(np.random.default_rng(3).standard_normal((200_000, 24)))
    terms = implicit_loss(x, x, network, std, overlap="first_order")
    assert float(terms.sparsify + terms.overlap) == pytest.approx(
        std**2 * float(jacobian_penalty(x, network)), rel=0.02
    )
    exact = implicit_loss(x[:500], x[:500], network, std)
    assert float(exact.sparsify + exact.overlap) == pytest.approx(
        std**2 * float(jacobian_penalty(x[:500], network)), rel=0.02
    )


def test_s08_linear_network():
    variances = np.array([4.0, 1.0, 0.25, 0.04])
    assert wiener_loss(np.diag(variances), 0.5) == pytest.approx(0.59477688, abs=1e-8)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    covariance = turn @ np.diag(variances) @ turn.T
    np.testing.assert_allclose(
        wiener_filter(covariance, 0.5) @ (covariance + 0.25 * np.eye(4)), covariance, atol=1e-12
    )
    x = torch.as_tensor(
        np.vstack([np.eye(4), -np.eye(4)]) @ np.diag(2 * np.sqrt(variances)) @ turn.T
    )  # these have that covariance
    network = NetworkWeights(*(p.requires_grad_() for p in random_network(4, 4, 4, 1)))
    network.bias.requires_grad_(False).fill_(20.0)  # all units on: a linear network
    network.output_bias.requires_grad_(False).zero_()
    free = [network.input_weights, network.output_weights]
    optimiser = torch.optim.LBFGS(
        free, lr=1, max_iter=300, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def centred() -> torch.Tensor:
        optimiser.zero_grad()
        level = NetworkWeights(
            network.input_weights,
            network.bias,
            network.output_weights,
            -network.output_weights @ network.bias,
        )
        total = implicit_loss(x, x, level, 0.5).total
        total.backward()
        return total

    optimiser.step(centred)
    assert float(centred().detach()) == pytest.approx(0.59477688, rel=0.01)
    product = (network.output_weights @ network.input_weights).detach().numpy()
    np.testing.assert_allclose(product, wiener_filter(covariance, 0.5), atol=0.01)


@pytest.mark.parametrize("overlap", ["exact", "first_order"])
@pytest.mark.parametrize("objective", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("term", ["sparsify", "margin", "overlap"])
def test_s09_gradients(overlap: Any, objective: Any, term: str):
    x, network = deterministic()
    targets = x if objective == "squared_error" else classes(5, 6)
    leaves = [p.clone().requires_grad_() for p in network]

    def value(parameters) -> torch.Tensor:
        return getattr(
            implicit_loss(
                x, targets, NetworkWeights(*parameters), 0.3, overlap=overlap, objective=objective
            ),
            term,
        )

    gradients = torch.autograd.grad(
        value(leaves), leaves, allow_unused=True, materialize_grads=True
    )
    rng = np.random.default_rng(0)
    for _ in range(3):
        way = [torch.as_tensor(rng.standard_normal(p.shape)) for p in network]
        slope = float(sum((g * v).sum() for g, v in zip(gradients, way)))
        steps = [
            float(value([p + h * v for p, v in zip(network, way)]))
            for h in (2e-4, 1e-4, -1e-4, -2e-4)
        ]
        assert slope == pytest.approx(
            (8 * (steps[1] - steps[2]) - steps[0] + steps[3]) / 12e-4, rel=1e-6
        )


def test_gradients_with_parallel_keys_silent_keys_and_no_noise():
    x, network = deterministic()
    keys = network.input_weights.clone()
    keys[1], keys[2], keys[5] = 2 * keys[0], -keys[0], 0.0
    leaves = [p.clone().requires_grad_() for p in network._replace(input_weights=keys)]
    for std in (0.0, 0.3):
        terms = implicit_loss(x, x, NetworkWeights(*leaves), std)
        assert all(bool(g.isfinite().all()) for g in torch.autograd.grad(terms.total, leaves))
        assert std or float((terms.total - terms.loss).detach()) == pytest.approx(0, abs=1e-14)
    sampled = sampled_loss(
        x, x, NetworkWeights(*leaves), 0.3, pairs=50_000, rng=np.random.default_rng(0)
    )
    assert abs(float((sampled.mean - terms.total).detach())) < 4 * float(
        sampled.standard_error.detach()
    )


def test_surrogate_is_the_mean_over_outputs():
    x, network = deterministic()
    for form in FORMS:
        terms = implicit_loss(x, x, network, 0.3, overlap="first_order", form=form)
        assert float(surrogate(x, x, network, 0.3, form=form)) == pytest.approx(
            float(terms.total) / 6, rel=1e-12
        )
        some = terms.loss + terms.sparsify + terms.overlap
        assert float(
            surrogate(x, x, network, 0.3, terms=("sparsify", "overlap"), form=form)
        ) == pytest.approx(float(some) / 6, rel=1e-12)
    assert float(surrogate(x, x, network, 0.3, terms=())) == pytest.approx(
        float(terms.loss) / 6, rel=1e-12
    )
    single = NetworkWeights(*(p.float() for p in network))
    assert float(surrogate(x.float(), x.float(), single, 0.3)) == pytest.approx(
        float(surrogate(x, x, network, 0.3)), rel=1e-5
    )
    faint = implicit_loss(x.float(), x.float(), single, 1e-3)
    assert float(faint.sparsify + faint.overlap) == pytest.approx(
        1e-6 * float(jacobian_penalty(x, network)), rel=0.01
    )


def test_many_networks_at_once():
    x, _ = deterministic()
    networks = [random_network(6, 8, 6, seed) for seed in range(3)]
    together = NetworkWeights(*(torch.stack(parts) for parts in zip(*networks)))
    cases: tuple[tuple[Any, torch.Tensor], ...] = (
        ("squared_error", x),
        ("cross_entropy", classes(5, 6)),
    )
    for objective, targets in cases:
        found = torch.vmap(
            lambda net, o=objective, t=targets: surrogate(x, t, net, 0.3, objective=o)
        )(together)
        alone = [float(surrogate(x, targets, net, 0.3, objective=objective)) for net in networks]
        np.testing.assert_allclose(found.numpy(), alone, rtol=1e-12)


def test_hidden_noise():
    _, network = deterministic()
    root = torch.as_tensor(np.random.default_rng(0).standard_normal((8, 8)))
    noise = torch.as_tensor(np.random.default_rng(1).standard_normal((200_000, 8))) @ root.T
    squares = (noise @ network.output_weights.T).square().sum(dim=1)
    error = float(squares.mean() - hidden_noise_penalty(network.output_weights, root @ root.T))
    assert abs(error) < 4 * float(squares.std()) / math.sqrt(len(squares))


def test_refusals():
    x, network = deterministic()
    wrong: Any = "none"
    for match, call in {
        "noise_std must be one finite number": lambda: implicit_loss(x, x, network, -0.1),
        "noise_std must be": lambda: surrogate(x, x, network, math.nan),
        "form 'none' is unknown": lambda: implicit_loss(x, x, network, 0.1, form=wrong),
        "overlap 'none' is unknown": lambda: implicit_loss(x, x, network, 0.1, overlap=wrong),
        "objective 'none' is unknown": lambda: implicit_loss(x, x, network, 0.1, objective=wrong),
        "term 'sparse' is unknown": lambda: surrogate(x, x, network, 0.1, terms=("sparse",)),
        "terms must be a list of names": lambda: surrogate(x, x, network, 0.1, terms="margin"),
        "inputs must be a tensor .* of width 6": lambda: implicit_loss(x[:, :5], x, network, 0.1),
        "same samples, got 4 and 5": lambda: implicit_loss(x[:4], x, network, 0.1),
        "inputs must be numbers like the weights": lambda: implicit_loss(
            x.float(), x, network, 0.1
        ),
        "targets must be finite": lambda: implicit_loss(x, x / 0, network, 0.1),
        "probabilities that sum to 1": lambda: implicit_loss(
            x, x, network, 0.1, objective="cross_entropy"
        ),
        "weights must fit": lambda: implicit_loss(
            x, x, network._replace(bias=network.bias[:3]), 0.1
        ),
        "output_bias must be a tensor": lambda: jacobian_penalty(
            x, NetworkWeights(*network[:3], wrong)
        ),
        "take one input": lambda: small_noise(network),
        "pairs must be a whole number": lambda: sampled_loss(
            x, x, network, 0.1, pairs=0, rng=np.random.default_rng(0)
        ),
        "law 'none' is unknown": lambda: quadrature_loss(one_input()[0], 0.1, law=wrong),
        "covariance must be": lambda: wiener_filter(np.ones((2, 3)), 0.1),
        "covariance \\(unit, unit\\)": lambda: hidden_noise_penalty(
            network.output_weights, torch.eye(3)
        ),
    }.items():
        with pytest.raises(RefusedInputError, match=match):
            call()
