"""Speed of the exact Hessian: `python tests/benchmarks/bench_landscape.py [--units N] [--dead K]
[--corridor]`.

Against automatic differentiation with torch and a general eigensolver, as the published code does
it, on the reference case with 10 samples, 20 inputs and 10 outputs. With ``--corridor`` a network
of the published shape, 150 samples, 18 inputs, 500 units of which 250 are silent, 17 outputs, and
the memory that it took.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from drift.theory.landscape import hessian, hessian_spectrum, network_point
from drift.theory.landscape.curvature import Point
from drift.theory.landscape.spectrum import (
    fraction_positive_eigenvalues,
    gauss_newton_spectrum,
    largest_eigenvalues,
    padded,
)


def network(samples: int, inputs: int, outputs: int, units: int, dead: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    inward, outward = (
        rng.standard_normal((units, inputs + 1)) * (2 / inputs) ** 0.5,
        rng.standard_normal((units, outputs)) * (2 / units) ** 0.5,
    )
    inward[:dead, -1] = -1e3
    return [
        rng.uniform(-1, 1, (samples, inputs)),
        rng.uniform(-1, 1, (samples, outputs)),
        inward,
        outward,
    ]


def published(x: np.ndarray, y: np.ndarray, inward: np.ndarray, outward: np.ndarray) -> np.ndarray:
    """Full Hessian by automatic differentiation, eigenvalues by the general solver."""
    import torch

    def loss(flat: torch.Tensor) -> torch.Tensor:
        first, last = (
            flat[: inward.size].view(inward.shape),
            flat[inward.size :].view(outward.shape),
        )
        return (
            (
                torch.relu(torch.from_numpy(x) @ first[:, :-1].T + first[:, -1]) @ last
                - torch.from_numpy(y)
            )
            ** 2
        ).mean()

    flat = torch.from_numpy(np.concatenate([inward.ravel(), outward.ravel()]))
    return np.linalg.eigvals(torch.autograd.functional.hessian(loss, flat).numpy()).real


def seconds(call: Callable[[], object], repetitions: int = 3) -> float:
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def report(point: Point, reference: float | None) -> None:
    rows: dict[str, Callable[[], object]] = {
        "hessian": lambda: hessian(point),
        "gauss_newton_spectrum": lambda: gauss_newton_spectrum(point),
        "largest_eigenvalues": lambda: largest_eigenvalues(point),
        "hessian_spectrum": lambda: hessian_spectrum(point),
    }
    for name, call in rows.items():
        took = seconds(call, 1 if reference is None else 3)
        print(
            f"{name:24}{took:10.3f} s" + (f"{reference / took:10.0f}x" if reference else ""),
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--units", type=int, default=100, help="hidden units (default: %(default)s)"
    )
    parser.add_argument("--dead", type=int, default=0, help="silent units (default: %(default)s)")
    parser.add_argument(
        "--corridor",
        action="store_true",
        help="the published shape instead, without the slow reference",
    )
    options = parser.parse_args()
    if options.corridor:
        point = network_point(*network(150, 18, 17, 500, 250))
        print(f"{point.parameters} weights, {point.rows} rows")
        report(point, None)
        print(
            f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"
        )
        return
    parts = network(10, 20, 10, options.units, options.dead)
    began, point = time.perf_counter(), network_point(*parts)
    found = published(*parts)
    reference = time.perf_counter() - began
    print(
        f"{point.parameters} weights, {point.rows} rows; autograd and general solver "
        f"{reference:.1f} s"
    )
    report(point, reference)
    spectrum = hessian_spectrum(point)
    print(
        f"fraction of positive eigenvalues {fraction_positive_eigenvalues(spectrum):.4f}, "
        f"general solver {(found > 0).mean():.4f}"
    )
    print(
        "largest difference of the 500 largest "
        f"{np.abs(np.sort(found)[-500:] - padded(spectrum)[-500:]).max():.1e}"
    )


if __name__ == "__main__":
    main()
