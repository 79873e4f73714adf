"""A step of a denoising network against the bare matrix products that it consists of, on the same
machine, in one run.

Named baseline: the five products of a step (forward two, backward three) by torch on the same
threads, into buffers that exist. Named limit: the step cannot be faster than that. On a CUDA device
the ratio is printed for every precision.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import xarray as xr

import drift
from drift.tasks.base import experience
from drift.training.engines.base import Subject
from drift.training.engines.minibatch import MinibatchEngine

SIZES = {"m = 1,000, 256 inputs, batch 1,024": (1_000, 256, 1_024), "m = 1,000, 256 inputs, batch 256": (1_000, 256, 256),
         "m = 1,000, 3,072 inputs, batch 256": (1_000, 3_072, 256), "m = 10,000, 256 inputs, batch 256": (10_000, 256, 256),
         "m = 10,000, 3,072 inputs, batch 1,024": (10_000, 3_072, 1_024)}  # fmt: skip


def products(
    units: int, inputs: int, batch: int, device: str, dtype: torch.dtype
) -> Callable[[], None]:
    """Return a function that multiplies what a step multiplies."""
    x, h, e = (
        torch.randn(batch, size, device=device, dtype=dtype) for size in (inputs, units, inputs)
    )
    w, d = (
        torch.randn(units, inputs, device=device, dtype=dtype),
        torch.randn(inputs, units, device=device, dtype=dtype),
    )
    hidden, back, output, slope_w, slope_d = (torch.empty_like(like) for like in (h, h, e, w, d))

    def multiply() -> None:
        torch.mm(x, w.T, out=hidden)
        torch.mm(h, d.T, out=output)
        torch.mm(e.T, h, out=slope_d)
        torch.mm(e, d, out=back)
        torch.mm(h.T, x, out=slope_w)

    return multiply


def engine(
    units: int, inputs: int, batch: int, device: str, precision: str, threads: int
) -> MinibatchEngine:
    """Return a network in the middle of its learning."""
    recipe = drift.Experiment(
        task=drift.RandomTask(samples=2, inputs=2, outputs=2), network=drift.DenoisingNetwork(units=units), minibatch=batch,
        learner=drift.Adam(learning_rate=1e-4, gradient_clip=1.0), noise=[drift.InputNoise(std=0.3)], steps=10**9, sessions=(0,),
    )  # fmt: skip
    images = np.random.Generator(np.random.PCG64(0)).random((2_048, inputs), dtype=np.float32)
    seen: xr.Dataset = experience(images, images)
    return MinibatchEngine([Subject(recipe, seen)], precision, device, threads)  # type: ignore[arg-type]


def seconds(action: Callable[[], object], device: str) -> float:
    """Return how long an action takes."""
    began = time.perf_counter()
    action()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def report(
    name: str, size: tuple[int, int, int], device: str, precision: str, threads: int, rounds: int
) -> None:
    """Print the share of a step that matrix products take, timed alternately; best and median of
    the rounds."""
    dtype = {"float64": torch.float64, "bfloat16": torch.bfloat16}.get(precision, torch.float32)
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    multiply, running = products(*size, device, dtype), engine(*size, device, precision, threads)
    repeats = max(1, int(2e10 / (10 * size[0] * size[1] * size[2])))
    times = {"products": [], "step": []}  # type: dict[str, list[float]]
    for number in range(rounds + 1):
        bare = seconds(lambda: [multiply() for _ in range(repeats)], device) / repeats
        step = seconds(lambda: running.advance(repeats), device) / repeats
        if number:  # the first warms up
            times["products"].append(bare)
            times["step"].append(step)
    best, median = (
        choice(times["products"]) / choice(times["step"]) for choice in (min, statistics.median)
    )
    shown = (
        f"products {1e3 * min(times['products']):9.2f} ms, step {1e3 * min(times['step']):9.2f} ms"
    )
    ratios = f"products / step: best {best:.2f}, median {median:.2f} (wanted 0.70, limit 1)"
    print(f"{name:40s} {device} {precision:8s} {shown}, {ratios}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--small", action="store_true", help="only networks of 1,000 units")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    devices = [("cpu", "float32")]
    if torch.cuda.is_available():
        devices += [("cuda", "float32"), ("cuda", "tf32"), ("cuda", "bfloat16")]
    for device, precision in devices:
        for name, size in SIZES.items():
            if size[0] == 1_000 or not asked.small:
                report(name, size, device, precision, asked.threads, asked.rounds)


if __name__ == "__main__":
    main()
