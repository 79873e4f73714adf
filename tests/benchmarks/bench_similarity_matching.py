"""Speed of similarity matching on one thread: `OMP_NUM_THREADS=1 python
tests/benchmarks/bench_similarity_matching.py [--quick]`.

Resting outputs of networks that have learned for a while, against an explicit Euler loop in numpy
from rest: as far as the published stopping rule goes (1e-4), and to the accuracy that is compared
(1e-8 of the largest output). Ours starts cold, from no output at all, and warm, from the outputs
before 20 further steps of learning, as it does in a run. The solvers take turns over the same
inputs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from drift.similarity_matching import published_network
from drift.similarity_matching.fixed_points import settle, workspace
from drift.similarity_matching.programs import RectifiedProgram, program

EULER_STEP = 0.05


def euler(
    others: np.ndarray, scale: np.ndarray, drive: np.ndarray, tolerance: float, longest: int
) -> np.ndarray:
    """Explicit Euler steps until the relative change per time unit falls below the tolerance."""
    outputs, inner = np.zeros(len(drive)), np.zeros(len(drive))
    for _ in range(longest):
        inner += EULER_STEP * (drive - inner - others @ outputs)
        new = np.maximum(0.0, inner / scale)
        error = np.linalg.norm(new - outputs) / (np.linalg.norm(outputs) + 1e-10) / EULER_STEP
        outputs = new
        if error <= tolerance:
            break
    return outputs


def timings(one: RectifiedProgram, samples: int) -> dict[str, tuple[float, float]]:
    """Median seconds for one input, and the largest distance from our resting outputs in units of
    the largest output."""
    warm = one.responses()
    one.advance(20)
    lateral, shift, drives, work = (
        one.lateral,
        one.shift,
        one.drives(),
        workspace(one.network.units),
    )
    others, scale = lateral - np.diag(lateral.diagonal()), shift + lateral.diagonal()
    found: dict[str, list[tuple[float, float]]] = {
        name: [] for name in ("ours, warm", "ours, cold", "euler 1e-4", "euler 1e-11")
    }
    for sample in np.linspace(0, len(drives) - 1, samples).astype(int):
        drive, exact = drives[sample], warm[sample].copy()
        settle(lateral, shift, drive, exact, work)
        for name in found:
            outputs = warm[sample].copy() if name == "ours, warm" else np.zeros(len(drive))
            began = time.perf_counter()
            if name.startswith("ours"):
                settle(lateral, shift, drive, outputs, work)
            elif name.endswith("4"):
                outputs = euler(others, scale, drive, 1e-4, 10_000)
            else:
                outputs = euler(others, scale, drive, 1e-11, 1_000_000)
            taken = time.perf_counter() - began
            found[name].append((taken, abs(outputs - exact).max() / exact.max()))
    return {
        name: (float(np.median([a for a, _ in rows])), max(b for _, b in rows))
        for name, rows in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a fifth of the inputs and of the learning"
    )
    scale = 5 if parser.parse_args().quick else 1
    print(
        "model".ljust(10),
        "solver".ljust(12),
        "us/input".rjust(10),
        "distance".rjust(10),
        "ratio to ours, warm".rjust(20),
    )
    for name in ("ring", "place_1d", "place_2d", "t_maze"):
        one = program(published_network(name))
        assert isinstance(one, RectifiedProgram)
        one.advance(1)
        began = time.perf_counter()
        one.advance(2000 // scale)
        step = (time.perf_counter() - began) / (2000 // scale)
        rows = timings(one, 50 // scale)
        for solver, (taken, distance) in rows.items():
            print(
                name.ljust(10),
                solver.ljust(12),
                f"{1e6 * taken:10.1f} {distance:10.1e} {taken / rows['ours, warm'][0]:20.1f}",
            )
        print(name.ljust(10), "step of learning".ljust(12), f"{1e6 * step:6.0f} us")


if __name__ == "__main__":
    main()
