"""Acceptance rows K70-K74: the published image experiments, on image sets that are given by their
folders."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from scoreboards.acceptance import Check, Request, Row, between, near

from drift.tasks import image_files
from drift.theory.generalisation.measurement import SparseNetwork, network_errors, random_subsets
from drift.theory.kernels.depth import optimal_pooling

# The published grid, where .4999 stands for a half of the units.
FRACTIONS = (0.5, 0.3604, 0.2599, 0.1874, 0.1351, 0.0974, 0.0702, 0.0506, 0.0365, 0.0263, 0.0190, 0.0137, 0.00987, 0.00712,
             0.00513, 0.00370, 0.00267, 0.00192, 0.00139, 0.001)  # fmt: skip
POOLINGS = (0.0, 4.0, 8.0, 12.0, 16.0, 20.0)
TRAINING, POINTS, SUBSETS = 1024, 2048, 5
SETS = {"fashion": "fashion_mnist"}  # names of options that differ from those of sets


@cache
def image_set(name: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Training images (sample, pixel) and their classes (sample, class) as ones and zeros."""
    images, labels = image_files.image_set(SETS.get(name, name), folder)
    return images.reshape(len(images), -1), np.eye(10)[labels]


@cache
def grid_errors(
    name: str,
    folder: Path,
    fractions: tuple[float, ...],
    poolings: tuple[float, ...],
    hidden_layers: int,
    subsets: int,
    seed: int,
) -> np.ndarray:
    """Error (active fraction, pooling), averaged over subsets of 2048 images, 1024 of them for
    training."""
    images, classes = image_set(name, folder)
    networks = [
        SparseNetwork(hidden_layers, fraction, pooling)
        for fraction in fractions
        for pooling in poolings
    ]
    total = 0.0
    for chosen in random_subsets(len(images), POINTS, subsets, seed):
        here = np.arange(POINTS)[np.newaxis]
        total = (
            total
            + network_errors(images[chosen], classes[chosen], networks, here, TRAINING)[
                "error"
            ].values[:, 0]
        )
    return (total / subsets).reshape(len(fractions), len(poolings))


def step_from(target: float, found: float) -> int:
    """Steps of the published grid between two active fractions."""
    return abs(
        int(np.argmin(np.abs(np.log(np.array(FRACTIONS) / target)))) - FRACTIONS.index(found)
    )


def best(name: str, poolings: tuple[float, ...], request: Request) -> tuple[float, float, float]:
    """Active fraction, pooling and error of the best network of the grid."""
    error = grid_errors(name, request.folders[name], FRACTIONS, poolings, 2, SUBSETS, request.seed)
    row, column = np.unravel_index(int(np.argmin(error)), error.shape)
    return FRACTIONS[row], poolings[column], float(error[row, column])


def mnist(request: Request) -> Iterator[Check]:
    fraction, _, error = best("mnist", (0.0,), request)
    yield near("grid steps between best f and .1874", 0, step_from(0.1874, fraction), 1)
    yield near("error", 0.0097, error, 0.05 * 0.0097)


def fashion(request: Request) -> Iterator[Check]:
    fraction, pooling, error = best("fashion", POOLINGS, request)
    yield near("grid steps between best f and .0365", 0, step_from(0.0365, fraction), 2)
    yield between("best m", 16, pooling, low=16, high=20)
    yield near("error", 0.0140, error, 0.05 * 0.0140)


def cifar(request: Request) -> Iterator[Check]:
    fraction, pooling, error = best("cifar10", POOLINGS, request)
    yield near("grid steps between best f and .0019", 0, step_from(0.00192, fraction), 2)
    yield between("best m", 20, pooling, low=20)
    yield near("error", 0.0391, error, 0.03 * 0.0391)


def excess(request: Request) -> Iterator[Check]:
    fractions, poolings = (0.0190, 0.3604), (0.0, 20.0)
    error = grid_errors(
        "mnist", request.folders["mnist"], fractions, poolings, 2, SUBSETS, request.seed
    )
    sparse, dense = error[:, 0] / error[:, 1] - 1
    yield between("error(0) / error(20) - 1, f = .019", 0.12, sparse, 0.07, 0.16)
    yield between("error(0) / error(20) - 1, f = .36", -0.01, dense, high=0.0)


def deep_valley(request: Request) -> Iterator[Check]:
    for fraction in (0.05, 0.1):
        edge = float(optimal_pooling(fraction))
        multiples = tuple(2.0**power for power in range(-4, 6))
        poolings = tuple(edge * multiple for multiple in multiples)
        error = grid_errors(
            "mnist", request.folders["mnist"], (fraction,), poolings, 7, 1, request.seed
        )
        yield between(
            f"best m / m*, f = {fraction}", 2.0, multiples[int(np.argmin(error))], 0.5, 8.0
        )


ROWS = (
    Row("K70", "MNIST, independent weights", "hours", mnist, "mnist"),
    Row("K71", "Fashion-MNIST, best f and m", "hours", fashion, "fashion"),
    Row("K72", "CIFAR10, best f and m", "hours", cifar, "cifar10"),
    Row("K73", "MNIST, what pooling gains", "hours", excess, "mnist"),
    Row("K74", "MNIST, seven hidden layers", "hours", deep_valley, "mnist"),
)
