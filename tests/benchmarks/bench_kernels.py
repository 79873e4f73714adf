"""Speed of the kernels of deep networks: `python tests/benchmarks/bench_kernels.py [--points N]
[--layers H] [--seconds S]`.

(a) evaluates every layer with 64 Gauss-Legendre nodes for each pair of inputs, in plain numpy, on
one block of rows; its time is scaled to the matrix. (b) takes the same layers through
`correlation_map`, also on one block, (c) is `deep_kernel` on one thread, (d) on two. Times are the
smallest of several repetitions; the last column is the largest difference from (b).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numba
import numpy as np

from drift.theory.kernels import mean_activity, mean_square_activity, threshold
from drift.theory.kernels.depth import correlation_map, deep_kernel

SETTINGS = ((0.5, 0.0), (0.1, 27.0), (0.05, 20.0), (0.01, 0.0))
ROWS = 16


def correlations(points: int, dims: int = 64) -> np.ndarray:
    inputs = np.random.default_rng(0).normal(size=(points, dims)) + 0.3
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    return inputs @ inputs.T  # (input, input_other)


def plain(c: np.ndarray, f: float, pooling: float, layers: int) -> np.ndarray:
    """Every layer by (1/(2 pi)) int_theta^pi (cos theta - cos a) exp(-tau^2 / (1 + cos a)) da."""
    node, weight = np.polynomial.legendre.leggauss(64)
    tau, mean, square = threshold(f), mean_activity(f), mean_square_activity(f)
    for layer in range(layers):
        theta = np.arccos(np.clip(c, -1.0, 1.0))
        half = 0.5 * (np.pi - theta)
        kappa = np.zeros_like(c)
        for place, share in zip(node, weight):
            cosine = np.cos(theta + half * (1.0 + place))
            kappa += share * (c - cosine) * np.exp(-tau * tau / (1.0 + cosine))
        m = pooling if layer < layers - 1 else 0.0
        c = (kappa * half / (2 * np.pi) + m * mean**2) / (square + m * mean**2)
    return c


def by_steps(c: np.ndarray, f: float, pooling: float, layers: int) -> np.ndarray:
    for _ in range(layers - 1):
        c = correlation_map(c, f, pooling)
    return correlation_map(c, f)


def seconds_per_call(call: Callable[[], object], budget: float) -> float:
    """Smallest time of a call, over repetitions that fill the budget."""
    call()
    best, deadline = np.inf, time.perf_counter() + budget
    while time.perf_counter() < deadline:
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
    return best


def compare(c: np.ndarray, f: float, pooling: float, layers: int, budget: float) -> None:
    block, share, times = c[:ROWS], len(c) / ROWS, []
    times.append(share * seconds_per_call(lambda: plain(block, f, pooling, layers), budget))
    times.append(share * seconds_per_call(lambda: by_steps(block, f, pooling, layers), budget))
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        times.append(seconds_per_call(lambda: deep_kernel(c, f, pooling, layers), budget))
    error = abs(
        deep_kernel(c, f, pooling, layers)[:ROWS] - by_steps(block, f, pooling, layers)
    ).max()
    row = "".join(f"{value:10.3f}" for value in times)
    print(
        f"{f:5}{pooling:7}{row}{times[0] / times[3]:9.0f}x{times[2] / times[3]:7.2f}x{error:10.1e}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=4096, help="inputs (default: %(default)s)")
    parser.add_argument(
        "--layers", type=int, default=8, help="hidden layers (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="time for each number (default: %(default)s)"
    )
    options = parser.parse_args()
    c = correlations(options.points)
    print(
        f"seconds for the kernel of {options.points} inputs after {options.layers} hidden "
        "layers, float64"
    )
    print(
        f"{'f':>5}{'m':>7}{'(a)':>10}{'(b)':>10}{'(c)':>10}{'(d)':>10}{'a/d':>10}{'c/d':>8}{'error':>10}"
    )
    for f, pooling in SETTINGS:
        compare(c, f, pooling, options.layers, options.seconds)


if __name__ == "__main__":
    main()
