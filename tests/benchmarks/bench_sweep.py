"""Throughput of a sweep on two workers against one process: `python tests/benchmarks/bench_sweep.py
[--tasks N] [--steps N] [--only NAME]`.

Each way runs the same tasks after a warm-up that loads and compiles; rounds take turns, since a
machine changes its speed, and the ratio is the median over rounds. Per task the serial time beyond
the steps of learning is printed too: drawing, sessions, and the file.

``overhead``: time of a sweep that is not spent in ``train``, as a share of it, for tasks of 5 s;
limit 2 %; checkpoints, some 7 ms a task, are not in it. ``families``: core-hours per million steps of each
family of the published figure, and what its 616 runs would take. ``opening``: 1,000 results as one
Dataset; limit 3 s.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import drift
from drift.sweeps import tasks
from drift.sweeps.executors import local_cluster, processes
from drift.sweeps.presets import FIGURE
from drift.sweeps.simulators import NetworkSimulator
from drift.sweeps.sweep import cross, open_sweep, run_sweep, sample

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


def report_throughput(asked: argparse.Namespace) -> None:
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


@dataclass(frozen=True)
class Clocked(NetworkSimulator):
    """Notes beside each result how long ``train`` took."""

    def simulate(self, recipe: drift.Experiment, checkpoint: Path) -> xr.Dataset:
        began = time.perf_counter()
        run = drift.train([recipe], **self.options, threads=1, progress=False)
        checkpoint.with_suffix(".seconds").write_text(str(time.perf_counter() - began))
        return run


def overhead(steps: int, executor: Any) -> tuple[float, float]:
    """Seconds of a task in training, and what the sweep adds to them."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run_sweep(
            recipes(2, steps, 0),
            Path(folder),
            executor=executor,
            simulator=Clocked(),
            progress=False,
        )
        whole = time.perf_counter() - began
        learning = [float(path.read_text()) for path in Path(folder).glob("*.seconds")]
    assert len(learning) == 2
    return sum(learning) / 2, (whole - sum(learning)) / 2


def report_overhead(asked: argparse.Namespace) -> None:
    """Time of a sweep on one worker that is not spent in ``train``, which is clocked where it runs:
    two runs of the same steps differ here by a tenth. Steps are chosen so that a task takes about
    5 s."""
    drift.train(recipes(1, 1_000_000, 0), progress=False)  # the first compiles
    began = time.perf_counter()
    drift.train(recipes(1, 1_000_000, 1), progress=False)
    steps = round(1_000_000 * 5.0 / (time.perf_counter() - began))
    with processes(1) as pool, local_cluster(1) as client:
        for name, executor in (("processes", pool), ("Dask", client)):
            warm(executor, 1_000)
            learning, added = np.median(
                [overhead(steps, executor) for _ in range(asked.rounds)], axis=0
            )
            print(
                f"overhead of a task of {learning:.1f} s on {name:9}: {added:.3f} s, "
                f"{100 * added / learning:.2f} % of training (limit 2 %)"
            )


def report_families(asked: argparse.Namespace) -> None:
    """CPU time of a few runs of each family, from 20,000 steps, less what 2,000 take."""
    whole = 0.0
    for name, runs in FIGURE.items():
        costs = []
        for recipe in sample(name, 3, seed=1):
            taken = []
            for steps in (2_000, 2_000, 22_000):  # the first compiles
                began = time.process_time()
                drift.train([recipe.replace(steps=steps, sessions=2)], progress=False)
                taken.append(time.process_time() - began)
            costs.append((taken[2] - taken[1]) / 20_000)
        hours = 1e6 * float(np.mean(costs)) / 3600
        steps = sample(name, 1)[0].steps
        whole += runs * hours * steps / 1e6
        print(
            f"{name:25} {runs:4} runs of {steps:.0e} steps: {hours:.5f} core-hours per million "
            f"steps, {runs * hours * steps / 1e6:7.1f} in all",
            flush=True,
        )
    print(f"published_figure: {whole:.0f} core-hours, from {3 * len(FIGURE)} short runs")


def report_opening(asked: argparse.Namespace) -> None:
    """A thousand results of a sweep, and as many files read one by one with xarray alone."""
    with tempfile.TemporaryDirectory() as folder:
        tiny = [recipe.replace(sessions=2) for recipe in recipes(1_000, 10, 0)]
        run_sweep(tiny, Path(folder), executor="serial", progress=False)
        tasks._fault.cache_clear()  # what a fresh process does not know of the files
        began = time.process_time()
        opened = open_sweep(folder).load()
        taken = time.process_time() - began
        began = time.process_time()
        for file in sorted(Path(folder).rglob("*.nc")):
            xr.load_dataset(file)
        alone = time.process_time() - began
    print(
        f"opening {opened.sizes['subject']} results: {taken:.2f} s of CPU (limit 3 s), "
        f"{taken / alone:.2f} x xarray reading each file"
    )


REPORTS = {
    "throughput": report_throughput,
    "overhead": report_overhead,
    "families": report_families,
    "opening": report_opening,
}


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
    parser.add_argument("--only", choices=REPORTS, help="one of the reports")
    asked = parser.parse_args()
    for name, report in REPORTS.items():
        if asked.only in (None, name):
            report(asked)


if __name__ == "__main__":
    main()
