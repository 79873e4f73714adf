"""A corridor in 9,216 pixels against the bare matrix products of its step: `python
tests/benchmarks/bench_camera.py [--seconds S]`.

Processor time of a step of 500 units and 150 samples, on one thread, in both engines, over that of
the five matrix products that it consists of, measured in the same turns. What ``engine="auto"``
takes is held against a limit of 2.0, half the speed of the products.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from bench_engines import drawn, engine_time, seconds_per_call

from drift import (
    SGD,
    ArenaTask,
    Camera,
    Experiment,
    LabelNoise,
    Network,
    Rays,
    StochasticErrorDescent,
    UpdateNoise,
)
from drift.training.engines import has_large_batches
from drift.training.engines.base import Subject
from drift.training.engines.batched import BatchedEngine
from drift.training.engines.fused import FusedEngine

LIMIT = 2.0
CAMERA = Camera(rows=48, columns=64, channels=3, field_of_view=0.7, height=0.3)
FORESEEN = {"pixels": None, "17 rays": Rays()}
NOISES = {
    "none": {},
    "labels": {"noise": [LabelNoise(std=0.1)]},
    "updates": {"noise": [UpdateNoise(std=0.0004)]},
    "descent by trial": {"learner": StochasticErrorDescent(learning_rate=1e-12)},
}


def camera_recipe(foreseen: Rays | None, **changes: object) -> Experiment:
    """Learning so slow that the same units go on responding."""
    base = Experiment(
        task=ArenaTask.corridor(CAMERA, foreseen=foreseen),
        network=Network(units=500, regime="lazy"),
        learner=SGD(learning_rate=1e-12),
    )
    return base.replace(**changes)


def bare_products(subject: Subject) -> Callable[[], None]:
    """The products of a step of gradient descent, into arrays that are there."""
    samples, units = len(subject.inputs), subject.experiment.network.units
    width, outputs = subject.inputs.shape[1] + 1, subject.targets.shape[1]
    inputs, inward, outward = (
        torch.randn(*shape) for shape in ((samples, width), (units, width), (units, outputs))
    )
    hidden, slope = torch.empty(samples, units), torch.empty(samples, units)
    error = torch.empty(samples, outputs)
    of_inward, of_outward = torch.empty_like(inward), torch.empty_like(outward)

    def products() -> None:
        torch.mm(inputs, inward.T, out=hidden)
        torch.mm(hidden, outward, out=error)
        torch.mm(hidden.T, error, out=of_outward)
        torch.mm(error, outward.T, out=slope)
        torch.mm(slope.T, inputs, out=of_inward)

    return products


def camera(name: str, foreseen: Rays | None, budget: float, rounds: int = 3) -> None:
    """Every noise, both engines, and the products, in turns: machines change their speed."""
    subjects = {noise: drawn(camera_recipe(foreseen, **own))[0] for noise, own in NOISES.items()}
    share, clock, best = budget / rounds, time.process_time, {}
    for _round in range(rounds):
        for noise, subject in subjects.items():
            times = [seconds_per_call(bare_products(subject), share, clock)]
            for engine in (BatchedEngine, FusedEngine):
                running = engine([subject], "float32", threads=1)
                times.append(engine_time(running, None, 2, share, clock))
            best[noise] = np.minimum(best.get(noise, np.inf), times)
    for noise, (bare, batched, fused) in best.items():
        automatic = batched if has_large_batches(subjects[noise]) else fused
        verdict = "holds" if automatic / bare <= LIMIT else "MISS"
        print(
            f"{name:9}{noise:18}{1e3 * bare:10.1f}{batched / bare:10.2f}{fused / bare:8.2f}"
            f"{automatic / bare:8.2f}{LIMIT:7.1f} {verdict}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="time for each number (default: %(default)s)"
    )
    budget = parser.parse_args().seconds
    torch.set_num_threads(1)
    print("processor time of a step over that of its bare products (ms), one thread")
    print(
        f"{'foreseen':9}{'noise':18}{'bare':>10}{'batched':>10}{'fused':>8}{'auto':>8}{'limit':>7}"
    )
    for name, foreseen in FORESEEN.items():
        camera(name, foreseen, budget)


if __name__ == "__main__":
    main()
