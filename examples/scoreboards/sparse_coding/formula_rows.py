"""Acceptance rows S01-S09 of sparse coding: the three implicit loss terms in closed form, by
sampling and by quadrature."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scoreboards.acceptance import Check, Row, all_near, near
from scoreboards.sparse_coding.runs import Asked

from drift.streams import stream
from drift.theory.input_noise.rectified_normal import (
    normal_loss,
    rectified_noise,
    rectified_product,
)
from drift.theory.input_noise.sampled import quadrature_loss, sampled_loss
from drift.theory.input_noise.series import small_noise, wiener_filter, wiener_loss
from drift.theory.input_noise.terms import implicit_loss, jacobian_penalty
from drift.theory.input_noise.weights import NetworkWeights
from drift.theory.kernels.normal_pairs import bivariate_normal, upper_tail

# S, M, O, total, O first order, form B: bias, variance, covariance, sigma^2 E |J|^2 (4.10.2)
TABLE = {
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
QUADRATURE = ((0.02, "normal", 1.42806), (0.05, "normal", 1.42835), (0.1, "normal", 1.42944), (0.02, "laplace", 1.42811),
              (0.05, "laplace", 1.42870))  # fmt: skip


def tensor(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def deterministic_network() -> tuple[torch.Tensor, NetworkWeights]:
    """Inputs and network of 4.10.2."""
    i, j, p = (torch.arange(count, dtype=torch.float64) for count in (6, 8, 5))
    keys = torch.cos(0.7 * j[:, None] + 1.3 * i + 0.2 * i * j[:, None]) / math.sqrt(6)
    values = torch.sin(0.9 * i[:, None] - 0.4 * j + 0.15 * i[:, None] * j) / math.sqrt(8)
    inputs = torch.sin(1.1 * p[:, None] + 0.5 * i + 0.3 * p[:, None] * i)
    return inputs, NetworkWeights(keys, -0.2 + 0.05 * j, values, 0.02 * i)


def random_network(inputs: int, units: int, rng: np.random.Generator) -> NetworkWeights:
    shapes, scales = (
        ((units, inputs), (units,), (inputs, units), (inputs,)),
        (inputs**-0.5, 0.5, units**-0.5, 0.1),
    )
    return NetworkWeights(
        *(
            torch.as_tensor(scale * rng.standard_normal(shape))
            for scale, shape in zip(scales, shapes)
        )
    )


def units(_: Asked) -> Iterator[Check]:
    found = rectified_noise(tensor([0.3, -0.3, 0.0, 2.0]), tensor([0.5, 0.5, 1.0, 0.5]))
    yield all_near(
        "mean shift Delta", [0.08433637, 0.08433637, 0.39894228, 3.57e-6], found.shift, 1e-8
    )
    yield all_near("mean square V", [0.15613581, 0.04326237, 0.5, 0.24998494], found.square, 1e-8)
    margins = tensor([0.0, 0.5, 1.0, 2.0, 3.0])
    yield all_near(
        "unit loss L",
        [0.39894228, 0.19779656, 0.08331547, 0.00849070, 0.00038215],
        normal_loss(margins),
        1e-8,
    )
    joint = bivariate_normal(
        tensor([0.3, -1.0, 0.0, 2.0]),
        tensor([-0.2, -0.5, 0.4, 1.0]),
        tensor([0.6, -0.7, 0.3, 0.95]),
    )
    yield all_near("Phi2", [0.3527678331, 0.0031903922, 0.3723610378, 0.8413361470], joint, 1e-8)
    product = rectified_product(
        (tensor(0.2), tensor(-0.4)), (tensor(0.5), tensor(0.8)), tensor(0.6)
    )
    yield near("E[X+ Y+]", 0.10749783, float(product), 1e-8)


def terms(_: Asked) -> Iterator[Check]:
    x, network = deterministic_network()
    for std, targets in TABLE.items():
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
        yield all_near(
            f"nine terms, sigma {std}",
            targets,
            [*map(float, found), std**2 * float(jacobian_penalty(x, network))],
            2e-8,
        )
    yield near("loss without noise", 3.55670860, float(a.loss), 2e-8)


def totals(_: Asked) -> Iterator[Check]:
    x, network = deterministic_network()
    index = torch.tensor([*range(8), 3, 3, 3])
    share = torch.where(index == 3, 0.25, 1.0).double()
    split = NetworkWeights(
        network.input_weights[index],
        network.bias[index],
        network.output_weights[:, index] * share,
        network.output_bias,
    )
    for std in TABLE:
        one, other, copied = (implicit_loss(x, x, network, std), implicit_loss(x, x, network, std, form="bias_variance"),
                              implicit_loss(x, x, split, std))  # fmt: skip
        yield near(f"total of form A less B, sigma {std}", 0, float(one.total - other.total), 1e-12)
        yield near(
            f"total after a unit is split, sigma {std}", 0, float(copied.total - one.total), 1e-12
        )
    yield near(
        "S after the split, sigma .3",
        0.04922946,
        float(implicit_loss(x, x, split, 0.3).sparsify),
        1e-8,
    )


def sampled_totals(asked: Asked) -> Iterator[Check]:
    x, network = deterministic_network()
    for std, targets in TABLE.items():
        found = sampled_loss(
            x, x, network, std, pairs=100_000, rng=stream(asked.seed, "observation")
        )
        yield near(
            f"1e5 antithetic pairs, sigma {std}",
            targets[3],
            float(found.mean),
            4 * float(found.standard_error),
        )


def one_input() -> tuple[NetworkWeights, NetworkWeights]:
    """Networks of 4.10.3 for reconstruction and for three classes."""
    keys, bias = tensor([[1.0], [-0.8], [0.5], [1.5]]), tensor([-0.3, 0.2, 0.4, -1.0])
    values = tensor([[0.6, -0.4, 0.3, 0.2], [-0.5, 0.2, 0.4, -0.3], [0.1, 0.3, -0.6, 0.5]])
    regression = NetworkWeights(keys, bias, tensor([[0.9, -0.5, 0.7, 0.4]]), tensor([0.05]))
    return regression, NetworkWeights(keys, bias, values, tensor([0.1, -0.2, 0.05]))


def first_class(inputs: torch.Tensor) -> torch.Tensor:
    return tensor([1.0, 0.0, 0.0]).expand(len(inputs), 3)


def small_sigma(_: Asked) -> Iterator[Check]:
    """The printed S, O and Jacobian lie 4e-6, 5e-6 and 6e-7 above the integrals they stand for,
    which are the targets here."""
    regression, classes = one_input()
    entropy: Any = {"targets": first_class, "objective": "cross_entropy"}
    found, other = small_noise(regression), small_noise(classes, **entropy)
    yield near("loss without noise", 0.3636628292, found.loss, 1e-9)
    yield near("S, corrected (printed .59273380)", 0.59272979, found.sparsify, 1e-7)
    yield near("O, corrected (printed .72777753)", 0.72777287, found.overlap, 1e-7)
    yield near("boundary", 0.10747536, found.boundary, 1e-7)
    yield near("sum, corrected (printed 1.427987)", 1.4279780, found.total, 1e-7)
    yield near("loss of classes without noise", 0.9861162601, other.loss, 1e-9)
    yield near(
        "Jacobian of classes, corrected (printed .10127298)", 0.10127234, other.jacobian, 1e-7
    )
    yield near("boundary of classes", -0.07911543, other.boundary, 1e-7)
    for std, law, target in QUADRATURE:
        ours = (quadrature_loss(regression, std, law=law) - found.loss) / std**2  # type: ignore[arg-type]
        yield near(f"growth by quadrature, {law} noise {std}", target, ours, 3e-4)
    for std, target in ((0.02, 0.02214), (0.05, 0.02217), (0.1, 0.02222)):
        yield near(
            f"growth for classes, noise {std}",
            target,
            (quadrature_loss(classes, std, **entropy) - other.loss) / std**2,
            1e-4,
        )


def many_inputs(asked: Asked) -> Iterator[Check]:
    rng, std = stream(asked.seed, "world"), 0.02
    network = random_network(24, 40, rng)
    x = torch.as_tensor(rng.standard_normal((200_000, 24)))
    drive, norm = x @ network.input_weights.T + network.bias, network.input_weights.norm(dim=1)
    shift = rectified_noise(drive, std * norm).shift.mean(dim=0).sum()
    density = torch.exp(-0.5 * (network.bias / norm) ** 2) / (norm * math.sqrt(2 * math.pi))
    yield near(
        "mean shift / (s^2 p(0) / 2)",
        1,
        float(shift / ((std * norm) ** 2 * density / 2).sum()),
        0.02,
    )
    found = implicit_loss(x, x, network, std, overlap="first_order")
    yield near(
        "(S + O) / (sigma^2 E norm(J)^2)",
        1,
        float((found.sparsify + found.overlap) / jacobian_penalty(x, network)) / std**2,
        0.02,
    )


def on_and_off(_: Asked) -> Iterator[Check]:
    z, std = torch.linspace(0.001, 4, 200, dtype=torch.float64), tensor(0.7)
    on, off = rectified_noise(z, std), rectified_noise(-z, std)
    yield all_near(
        "V on less V off", 0.49 * (1 - 2 * upper_tail(z / std)), on.square - off.square, 1e-12
    )
    yield all_near("Delta on less Delta off", 0, on.shift - off.shift, 1e-12)


def linear_network(asked: Asked) -> Iterator[Check]:
    variances, rng = np.array([4.0, 1.0, 0.25, 0.04]), stream(asked.seed, "weights")
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    covariance = turn @ np.diag(variances) @ turn.T
    best = wiener_filter(covariance, 0.5)
    yield near("least loss", 0.59477688, wiener_loss(covariance, 0.5), 1e-8)
    yield all_near("A (C + sigma^2 I)", covariance, best @ (covariance + 0.25 * np.eye(4)), 1e-8)
    ours, trained = trained_linear(covariance, rng)
    yield near("loss of a trained linear network", 0.59477688, ours, 0.01 * 0.59477688)
    yield all_near("its map, D W", best, trained, 0.01)


def trained_linear(covariance: np.ndarray, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """Loss and map of a network without rectification that has been trained on the expected loss
    under noise of .5."""
    inward, outward = (
        torch.as_tensor(0.5 * rng.standard_normal((4, 4))).requires_grad_() for _ in range(2)
    )
    target, eye = torch.as_tensor(covariance), torch.eye(4, dtype=torch.float64)
    optimiser = torch.optim.LBFGS(
        [inward, outward], max_iter=300, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        missed = eye - outward @ inward
        return torch.trace(missed @ target @ missed.T) + 0.25 * (outward @ inward).square().sum()

    def step() -> float:
        optimiser.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    optimiser.step(step)
    return float(loss().detach()), (outward @ inward).detach().numpy()


def gradients(asked: Asked) -> Iterator[Check]:
    x, network = deterministic_network()
    rng = stream(asked.seed, "world")
    for term in ("sparsify", "margin", "overlap"):
        leaves = [part.clone().requires_grad_() for part in network]

        def value(parts: Any, term: str = term) -> torch.Tensor:
            return getattr(implicit_loss(x, x, NetworkWeights(*parts), 0.3), term)

        slopes = torch.autograd.grad(
            value(leaves), leaves, allow_unused=True, materialize_grads=True
        )
        for _ in range(3):
            way = [torch.as_tensor(rng.standard_normal(part.shape)) for part in network]
            slope = float(sum((g * v).sum() for g, v in zip(slopes, way)))
            steps = [
                float(value([p + h * v for p, v in zip(network, way)]))
                for h in (2e-4, 1e-4, -1e-4, -2e-4)
            ]
            yield near(
                f"autograd / central difference, {term}",
                1,
                slope / ((8 * (steps[1] - steps[2]) - steps[0] + steps[3]) / 12e-4),
                1e-6,
            )


ROWS = (
    Row("S01", "noise on one and two units", "seconds", units),
    Row("S02", "implicit terms of a network", "seconds", terms),
    Row("S03", "forms and copies keep the total", "seconds", totals),
    Row("S04", "sampled total", "seconds", sampled_totals),
    Row("S05", "small sigma, one input", "seconds", small_sigma),
    Row("S06", "small sigma, 24 inputs", "seconds", many_inputs),
    Row("S07", "on units cost more than off units", "seconds", on_and_off),
    Row("S08", "linear network, Wiener filter", "seconds", linear_network),
    Row("S09", "gradients of the terms", "seconds", gradients),
)
