"""Throughput of a sweep on two workers against one process: `python tests/benchmarks/bench_sweep.py
[--tasks N] [--steps N]`.

Each way runs the same tasks after a warm-up that loads and compiles; rounds take turns, since a
machine changes its speed, and the ratio is the median over rounds. Per task the serial time beyond
the steps of learning is printed too: drawing, sessions, and the file.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import drift
from drift.sweeps.executors import local_cluster, processes
from drift.sweeps.sweep import cross, run_sweep

TASK = drift.RandomTask(samples=10, inputs=20, outputs=10)


def recipes(tasks: int, steps: int, first_seed: int) -> list[drift.Experiment]:
    base = drift.Experiment(
        task=TASK, noise=[drift.UpdateNoise(std=0.03)], steps=steps, sessions=11
    )
    return cross(base, seed=range(first_seed, first_seed + tasks))


def seconds(tasks: int, steps: int, executor: Any) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run_sweep(recipes(tasks, steps, 0), Path(folder), executor=executor, progress=False)
        return time.perf_counter() - began


def warm(executor: Any, steps: int) -> None:
    seconds(6, steps, executor)  # enough that no worker takes them all


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tasks", type=int, default=16, help="tasks a round (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, default=200_000, help="steps a task (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: %(default)s)")
    asked = parser.parse_args()
    times: dict[str, list[float]] = {"serial": [], "two processes": [], "two Dask workers": []}
    with processes(2) as pool, local_cluster(2) as client:
        executors = {"serial": "serial", "two processes": pool, "two Dask workers": client}
        for executor in executors.values():
            warm(executor, asked.steps)
        for _ in range(asked.rounds):
            for name, executor in executors.items():
                times[name].append(seconds(asked.tasks, asked.steps, executor))
    print(
        f"{asked.tasks} tasks of {asked.steps} steps, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}"
    )
    for name, taken in times.items():
        ratio = float(np.median(np.divide(times["serial"], taken)))
        print(
            f"{name:18} {np.median(taken):8.2f} s   {np.median(taken) / asked.tasks:7.3f} "
            f"s/task   {ratio:5.2f} x serial"
        )


if __name__ == "__main__":
    main()
