"""Acceptance rows K30-K47 and K70-K74: how well sparse networks with correlated weights
generalise."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from scoreboards.acceptance import Check, Request, Row, all_near, between, near

import drift
from drift.streams import stream
from drift.theory.generalisation import effective_dimensionality, predicted_error, spectrum
from drift.theory.generalisation.measurement import (
    SparseNetwork,
    input_correlation,
    network_errors,
    random_subsets,
    regression_errors,
)
from drift.theory.kernels.depth import deep_kernel, optimal_pooling
from drift.theory.kernels.sampled import sampled_network

EDGE = None  # pooling m*, at the edge of chaos


def network(hidden_layers: int, active_fraction: float, pooling: float | None) -> SparseNetwork:
    return SparseNetwork(
        hidden_layers,
        active_fraction,
        float(optimal_pooling(active_fraction)) if pooling is EDGE else pooling,
    )


def kernel_of(correlation: np.ndarray, one: SparseNetwork) -> np.ndarray:
    return deep_kernel(correlation, one.active_fraction, one.pooling, one.hidden_layers)


# K30-K33: the identity kernel, and points on a circle


def identity(_: Request) -> Iterator[Check]:
    points, share = 400, 0.25
    coefficients = np.ones(points)
    found = predicted_error(np.full(points, 1 / points), coefficients, int(share * points))
    yield near("effective ridge of the identity", 1 - share, found["effective_ridge"], 1e-10)
    yield near("gamma of the identity", share, found["gamma"], 1e-10)
    yield all_near("error of a mode of the identity", 1 - share, found["mode_error"], 1e-10)
    relative = np.linspace(0.01, -0.01, points)
    found = predicted_error((1 + relative) / points, coefficients, int(share * points))
    yield all_near(
        "error of a mode, 1 % from flat",
        (1 - share) * (1 - 2 * share * relative),
        found["mode_error"],
        1e-3,
    )


CIRCLE = (  # active fraction, pooling, hidden layers; error at P = 64 and 256, r(eta)
    (0.5, 0.0, 2, 0.087786, 0.056365, 2.602),
    (0.1, 0.0, 2, 0.048766, 0.027226, 7.077),
    (0.1, EDGE, 2, 0.059670, 0.035475, 2.957),
    (0.02, 0.0, 2, 0.040254, 0.020165, 11.570),
    (0.02, 280.0, 2, 0.052083, 0.029746, 3.094),
    (0.05, 0.0, 4, 0.035482, 0.011733, 24.704),
    (0.05, EDGE, 4, 0.052243, 0.028689, 1.685),
)


def circle(points: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of points on a circle (point, point), and a step between its halves (point)."""
    angle = 2 * np.pi * (np.arange(points) + 0.5) / points
    return input_correlation(np.column_stack([np.cos(angle), np.sin(angle)])), np.sign(
        np.sin(angle)
    )


def circle_theory(_: Request) -> Iterator[Check]:
    correlation, step = circle()
    for fraction, pooling, layers, *targets, dimensionality in CIRCLE:
        modes = spectrum(kernel_of(correlation, network(layers, fraction, pooling)), step)
        found = [
            predicted_error(modes["eigenvalues"], modes["coefficients"], p, ridge=0.05)["error"]
            for p in (64, 256)
        ]
        yield all_near(f"error, f = {fraction}, {layers} layers", targets, found, 2e-6)
        yield near(
            f"r(eta), f = {fraction}, {layers} layers",
            dimensionality,
            effective_dimensionality(modes["eigenvalues"]),
            0.002,
        )


def circle_experiment(request: Request) -> Iterator[Check]:
    correlation, step = circle()
    subsets = random_subsets(len(step), len(step), 40, request.seed)
    for fraction, pooling, layers, _, theory, _ in CIRCLE:
        if layers == 2:
            kernel = kernel_of(correlation, network(layers, fraction, pooling))
            found = regression_errors(kernel, step, subsets, 256, ridge=0.05)["error"].mean()
            yield near(f"error, f = {fraction}, m = {pooling}", theory, found, 0.06 * theory)


# K34-K35: Gaussian features beside a constant one

GAUSSIAN = {  # eta_0: (plain, authors) without ridge, (plain, authors) with a ridge of .05
    0.005: ((0.093281, 0.054400), (0.149169, 0.082204)),
    0.05: ((0.024585, 0.023927), (0.030020, 0.028546)),
    0.5: ((0.023572, 0.023565), (0.027833, 0.027817)),
    2.0: ((0.023563, 0.023563), (0.027814, 0.027813)),
}
RIDGES = (0.0, 0.05)
TRAINING, MODES = 100, 600
POWER = np.arange(1.0, MODES + 1)
COEFFICIENTS = np.append(1.0, 1 / POWER)  # (mode)


def gaussian_eigenvalues(constant: float) -> np.ndarray:
    return np.append(constant, 0.5 * POWER**-1.5)  # (mode)


def gaussian_theory(_: Request) -> Iterator[Check]:
    for constant, both in GAUSSIAN.items():
        for ridge, targets in zip(RIDGES, both):
            eigenvalues = gaussian_eigenvalues(constant)
            for leading, target in zip(("plain", "authors"), targets):
                found = predicted_error(
                    eigenvalues, COEFFICIENTS, TRAINING, ridge, leading, points=math.inf
                )["error"]
                yield near(f"{leading}, eta_0 = {constant}, ridge {ridge}", target, found, 2e-6)


def gaussian_errors(constant: float, ridge: float, seed: int, draws: int = 400) -> float:
    """Error of the coefficients that ridge regression finds, averaged over draws of the
    features."""
    rng, eigenvalues, total = stream(seed, "world"), gaussian_eigenvalues(constant), 0.0
    for _ in range(draws):
        features = np.column_stack(
            [np.ones(TRAINING), rng.standard_normal((TRAINING, MODES))]
        )  # (training point, mode)
        kernel = (features * eigenvalues) @ features.T + ridge * np.eye(TRAINING)
        found = eigenvalues * (features.T @ np.linalg.solve(kernel, features @ COEFFICIENTS))
        total += float(np.sum((found - COEFFICIENTS) ** 2))
    return total / draws


def gaussian_experiment(request: Request) -> Iterator[Check]:
    for constant, both in GAUSSIAN.items():
        for ridge, (plain, authors) in zip(RIDGES, both):
            found = gaussian_errors(constant, ridge, request.seed)
            yield near(
                f"experiment / plain theory, eta_0 = {constant}, ridge {ridge}",
                1,
                found / plain,
                0.03,
            )
            if constant == 0.005:
                yield between(
                    f"authors' form / experiment, ridge {ridge}",
                    authors / plain,
                    authors / found,
                    high=0.7,
                )


# K36-K45: handwritten digits

DIGITS = (  # active fraction, hidden layers, pooling; r(eta); error at P = 64 and 256
    (0.1, 2, 0.0, 8.22, 0.02650, 0.01008),
    (0.1, 2, EDGE, 2.32, 0.02719, 0.01040),
    (0.1, 4, 0.0, 51.74, 0.04153, 0.01580),
    (0.1, 4, EDGE, 1.58, 0.02737, 0.01039),
    (0.01, 4, 0.0, 1679.63, 0.09008, 0.07249),
    (0.01, 4, EDGE, 1.66, 0.02962, 0.01108),
    (0.01, 7, EDGE, 1.28, 0.03396, 0.01281),
    (0.5, 7, 0.0, 1.26, 0.02768, 0.01049),
)


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 8 x 8 digits of scikit-learn (sample, pixel), and their classes (sample, class) as ones
    and zeros."""
    try:
        images, labels = importlib.import_module("sklearn.datasets").load_digits(return_X_y=True)
    except ImportError:
        raise drift.RefusedInputError(
            "the digits are those of scikit-learn, which is not installed: pip install "
            "scikit-learn."
        ) from None
    return images, np.eye(10)[labels]


def digits_theory(_: Request) -> Iterator[Check]:
    images, classes = digits()
    correlation = input_correlation(images)
    for fraction, layers, pooling, dimensionality, *targets in DIGITS:
        modes = spectrum(kernel_of(correlation, network(layers, fraction, pooling)), classes)
        found = [
            predicted_error(modes["eigenvalues"], modes["coefficients"], p)["error"]
            for p in (64, 256)
        ]
        yield all_near(f"error, f = {fraction}, {layers} layers", targets, found, 2e-5)
        found_modes = effective_dimensionality(modes["eigenvalues"])
        yield near(
            f"r(eta), f = {fraction}, {layers} layers",
            dimensionality,
            found_modes,
            0.01 * dimensionality,
        )


def digits_experiment(request: Request) -> Iterator[Check]:
    images, classes = digits()
    correlation = input_correlation(images)
    subsets = random_subsets(len(images), len(images), 12, request.seed)
    for fraction, layers, pooling, _, *theory in DIGITS:
        kernel = kernel_of(correlation, network(layers, fraction, pooling))
        found = float(regression_errors(kernel, classes, subsets, 64)["error"].mean())
        yield between(
            f"theory / experiment, P = 64, f = {fraction}, {layers} layers",
            0.98,
            theory[0] / found,
            0.92,
            1.035,
        )
        if (fraction, layers, pooling) == (0.01, 4, 0.0):
            found = float(regression_errors(kernel, classes, subsets, 256)["error"].mean())
            yield near(
                "theory / experiment, P = 256, f = .01, 4 layers", 1.0, theory[1] / found, 0.005
            )


MULTIPLES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)  # of m*
RESCUE = {  # (hidden layers, active fraction): error at these poolings
    (2, 0.1): (0.00645, 0.00649, 0.00653, 0.00659, 0.00667, 0.00675),
    (2, 0.01): (0.00786, 0.00670, 0.00654, 0.00647, 0.00646, 0.00647),
    (4, 0.3): (0.00656, 0.00656, 0.00657, 0.00661, 0.00668, 0.00680),
    (4, 0.1): (0.00960, 0.00732, 0.00683, 0.00660, 0.00656, 0.00663),
    (4, 0.05): (0.01756, 0.00842, 0.00720, 0.00668, 0.00654, 0.00656),
    (4, 0.01): (0.04252, 0.01214, 0.00828, 0.00698, 0.00658, 0.00648),
    (7, 0.1): (0.03540, 0.01333, 0.00873, 0.00701, 0.00659, 0.00661),
    (7, 0.05): (0.04454, 0.02042, 0.01030, 0.00726, 0.00660, 0.00655),
    (7, 0.01): (0.04591, 0.03446, 0.01419, 0.00790, 0.00671, 0.00649),
    (7, 0.5): (
        0.00664,
        0.00688,
        0.00703,
        0.00718,
        0.00730,
        0.00739,
    ),  # at m = 0, 2.5, 5, 10, 20, 40
}


def pooling_grid(active_fraction: float) -> np.ndarray:
    return (
        10 * np.array(MULTIPLES)
        if active_fraction == 0.5
        else float(optimal_pooling(active_fraction)) * np.array(MULTIPLES)
    )


@cache
def rescued(hidden_layers: int, active_fraction: float, seed: int) -> np.ndarray:
    """Error (pooling) of networks that share four subsets of 512 digits, 256 of them for
    training."""
    images, classes = digits()
    networks = [
        SparseNetwork(hidden_layers, active_fraction, pooling)
        for pooling in pooling_grid(active_fraction)
    ]
    return (
        network_errors(images, classes, networks, random_subsets(len(images), 512, 4, seed), 256)[
            "error"
        ]
        .mean("subset")
        .values
    )


def rescue(request: Request) -> Iterator[Check]:
    for (layers, fraction), targets in RESCUE.items():
        tolerance = np.maximum(0.15 * np.array(targets), 0.0012)
        yield all_near(
            f"error, f = {fraction}, {layers} layers",
            targets,
            rescued(layers, fraction, request.seed),
            tolerance,
        )


def rescue_ratios(request: Request) -> Iterator[Check]:
    for layers, fraction, target in ((4, 0.05, 2.6), (4, 0.01, 6.1), (7, 0.01, 5.8)):
        error = rescued(layers, fraction, request.seed)
        yield near(
            f"error(0) / error(m*), f = {fraction}, {layers} layers",
            target,
            error[0] / error[3],
            0.2 * target,
        )


def dense_networks(request: Request) -> Iterator[Check]:
    for layers, fraction in ((2, 0.1), (7, 0.5)):
        error = rescued(layers, fraction, request.seed)
        gain = 1 - float(np.min(error / np.maximum.accumulate(error)))
        yield between(f"gain by pooling, f = {fraction}, {layers} layers", 0.0, gain, high=0.01)


def saturation(request: Request) -> Iterator[Check]:
    yield near(
        "error where the kernel has collapsed", 0.0459, rescued(7, 0.01, request.seed)[0], 0.0005
    )


def crossover(request: Request) -> Iterator[Check]:
    images, classes = digits()
    fractions = np.array([0.2, 0.14, 0.1, 0.07, 0.05, 0.035, 0.025, 0.015])
    networks = [
        SparseNetwork(2, fraction, pooling) for fraction in fractions for pooling in (0.0, 20.0)
    ]
    error = network_errors(
        images, classes, networks, random_subsets(len(images), 512, 4, request.seed), 256
    )["error"].mean("subset")
    excess = (
        np.divide(*error.values.reshape(-1, 2).T) - 1
    )  # of m = 0 over m = 20, (active fraction)
    found = float(np.exp(np.interp(0.0, excess, np.log(fractions))))
    yield between("active fraction below which pooling helps", 0.06, found, 0.035, 0.1)


def single_precision(request: Request) -> Iterator[Check]:
    images, classes = digits()
    subsets = random_subsets(len(images), 1024, 1, request.seed)
    for fraction, pooling in (
        (0.1, 8 * float(optimal_pooling(0.1))),
        (0.02, 8 * float(optimal_pooling(0.02))),
        (0.5, 10.0),
    ):
        one = [SparseNetwork(7, fraction, pooling)]
        double = float(network_errors(images, classes, one, subsets, 512)["error"].item())
        yield between(f"float64 error, f = {fraction}", 0.0044, double, 0.8 * 0.0042, 1.2 * 0.0046)
        try:
            single = float(
                network_errors(images, classes, one, subsets, 512, precision="float32")[
                    "error"
                ].item()
            )
        except drift.RefusedInputError:
            single = math.inf
        yield between(f"float32 / float64 error, f = {fraction}", math.inf, single / double, 2.0)


# K46-K47: networks of finite width


@cache
def finite_error(
    units: int, pooling: float, reach: str, ridge: float, seed: int, held_out: bool = False
) -> float:
    """Error of networks of four hidden layers with f = .05, averaged over three subsets of 512
    digits, 256 of them for training."""
    images, classes = digits()
    errors = []
    for number, chosen in enumerate(random_subsets(len(images), 512, 3, seed)):
        correlation = input_correlation(images[chosen])
        layers = sampled_network(
            correlation, 0.05, pooling, 4, units, [seed + number], correlated=reach
        )
        kernel = layers["readout_kernel"].values[0, -1]
        found = regression_errors(kernel, classes[chosen], np.arange(512)[np.newaxis], 256, ridge)
        errors.append(found["held_out_error" if held_out else "error"].item())
    return float(np.mean(errors))


def wide_networks(request: Request) -> Iterator[Check]:
    dense = finite_error(10_000, 0.0, "local", 0.0, request.seed)
    yield near("error, m = 0", 0.019, dense, 0.15 * 0.019)
    for reach, pooling, target in (
        ("local", 20.0, 0.0135),
        ("global", 20.0, 0.0125),
        ("global", 79.0, 0.0125),
    ):
        found = finite_error(10_000, pooling, reach, 0.0, request.seed)
        yield near(f"error, {reach} m = {pooling:.0f}", target, found, 0.15 * target)
        yield between(
            f"error / error(m = 0), {reach} m = {pooling:.0f}",
            target / 0.019,
            found / dense,
            high=1.0,
        )


def narrow_networks(request: Request) -> Iterator[Check]:
    harmed, plain = (
        finite_error(2500, pooling, "global", 0.0, request.seed) for pooling in (79.0, 0.0)
    )
    yield between("error(m = 79) / error(0), width 2500", 0.058 / 0.0235, harmed / plain, low=1.5)
    for units, target in ((1000, 0.050 / 0.069), (2500, 0.037 / 0.048)):
        helped, plain = (
            finite_error(units, pooling, "global", 0.1, request.seed, held_out=True)
            for pooling in (79.0, 0.0)
        )
        yield between(
            f"held-out error(m = 79) / error(0), ridge .1, width {units}",
            target,
            helped / plain,
            high=0.9,
        )


ROWS = (
    Row("K30", "identity kernel", "seconds", identity),
    Row("K32", "circle, theory", "seconds", circle_theory),
    Row("K33", "circle, experiment", "seconds", circle_experiment),
    Row("K34", "Gaussian features, theory", "seconds", gaussian_theory),
    Row("K35", "Gaussian features, experiment", "minutes", gaussian_experiment),
    Row("K36", "digits, theory", "seconds", digits_theory, "digits"),
    Row("K37", "digits, theory / experiment", "minutes", digits_experiment, "digits"),
    Row("K40", "digits, 60 sparse networks", "minutes", rescue, "digits"),
    Row("K41", "digits, rescue by pooling", "minutes", rescue_ratios, "digits"),
    Row("K42", "digits, dense networks", "minutes", dense_networks, "digits"),
    Row("K43", "digits, collapsed kernel", "seconds", saturation, "digits"),
    Row("K44", "digits, crossover", "minutes", crossover, "digits"),
    Row("K45", "digits, single precision", "minutes", single_precision, "digits"),
    Row("K46", "digits, width 10,000", "minutes", wide_networks, "digits"),
    Row("K47", "digits, narrow networks", "minutes", narrow_networks, "digits"),
)
