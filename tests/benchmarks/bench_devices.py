"""Crowds of networks on a device: `python tests/benchmarks/bench_devices.py [--device cuda]`.

Microseconds of a step of all networks together, batched engine, update noise, float32, against what
it takes at least: the bytes of weights, gradients and noise, which are each written and read once,
at the speed at which the device copies memory; and the step of one network of two units, whose
kernels do next to nothing, so that launching them is all that is left. Beside it the compiled
engine on all processors. Limit: twice the larger of the two. Without a CUDA device nothing is
measured, and it says so; ``--device cpu:0`` runs the same on the processor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from bench_engines import CONFIGURATIONS, drawn, seconds_per_call

import drift
from drift.training.engines import make_engine
from drift.training.engines.base import Engine

CROWDS = {
    "616 small networks": (616, CONFIGURATIONS["small"]),
    "64 corridors": (64, CONFIGURATIONS["corridor"]),
}
LIMIT = 2.0
PASSES = 6  # weights, gradient and noise, each written and read


def crowd(name: str, device: str, recipe: drift.Experiment, count: int) -> Engine:
    return make_engine(name, drawn(recipe, count), precision="float32", device=device, threads=None)


def seconds(call: Callable[[], object], device: str, budget: float) -> float:
    """Least time of a call until the device is done, over repetitions that fill the budget."""

    def clock() -> float:
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter()

    return seconds_per_call(call, budget, clock)


def step(engine: Engine, device: str, budget: float, steps: int = 20) -> float:
    engine.advance(steps)
    return seconds(lambda: engine.advance(steps), device, budget) / steps


def copying(device: str, budget: float) -> float:
    """Bytes a second that are read, and as many written."""
    source = torch.zeros(2**26, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / seconds(lambda: target.copy_(source), device, budget)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="that torch knows (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each number")
    asked = parser.parse_args()
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        print("crowds on a device: not measured, torch finds no CUDA device")
        return
    speed = copying(asked.device, asked.seconds)
    print(f"{asked.device}: {speed / 1e9:.0f} GB/s copied; microseconds of a step of all networks")
    for name, (count, recipe) in CROWDS.items():
        engine = crowd("batched", asked.device, recipe, count)
        taken = step(engine, asked.device, asked.seconds)
        weights = sum(4 * values.size for values in engine.weights().values())
        memory = PASSES * weights / speed
        tiny = recipe.replace(network=recipe.network.replace(units=2))
        launches = step(crowd("batched", asked.device, tiny, 1), asked.device, asked.seconds)
        compiled = step(crowd("fused", "cpu", recipe, count), "cpu", asked.seconds)
        ratio = taken / max(memory, launches)
        print(
            f"{name:20}{1e6 * taken:10.1f}, memory {1e6 * memory:.1f}, launches "
            f"{1e6 * launches:.1f}: {ratio:.2f} x the larger (limit {LIMIT:g}) "
            f"{'holds' if ratio <= LIMIT else 'MISS'}; compiled engine {1e6 * compiled:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
