"""Speed of circuits in Brian2, on one thread: CPU time of settling, of many circuits in one group,
and of inhibition from all to all.

Run ``OMP_NUM_THREADS=1 python tests/benchmarks/bench_circuits.py [--repetitions 5] [--only
NAME]``. Each number is the smallest CPU time over repetitions. The all-to-all version, in which
every unit inhibits every other, is what the interneuron replaces; the compiled plain loop is the
limit that no simulator can beat.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

import circuits
from circuits.drives import normal_quantiles
from circuits.simulation.brian import brian2

DURATION, DT = 0.3, 1e-4
STEPS = round(DURATION / DT)


def smallest(call: Callable[[], object], repetitions: int) -> float:
    """Return the smallest CPU time of a call in s, after a first one that does not count."""
    call()
    times = []
    for _ in range(repetitions):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


def settling(units: int, repetitions: int, copies: int = 1) -> float:
    """CPU time of one settle of 300 ms, building and measuring included."""
    few = [circuits.LinearInterneuron(units=units, gain=78.7277)] * copies
    drive = normal_quantiles(units)
    return smallest(lambda: circuits.settle(few, drive, duration=DURATION), repetitions)


def stepping(network: Callable[[], Any], repetitions: int, steps: int) -> float:
    """CPU time of a step of a Brian2 network, without building it."""
    b2 = brian2()
    b2.prefs.codegen.target = "numpy"
    built = network()
    return smallest(lambda: built.run(steps * DT * b2.second, namespace={}), repetitions) / steps


def interneuron(units: int) -> object:
    """The linear interneuron without any measurement."""
    from circuits.simulation.batch import Batch

    circuit = circuits.LinearInterneuron(units=units, gain=78.7277)
    batch = Batch((circuit,), normal_quantiles(units)[np.newaxis], DT, "staggered")
    return brian2().Network(*batch.pooled_network().values())


def all_to_all(units: int) -> object:
    """The same inhibition from every unit to every unit, each with a rate of inhibition of its
    own."""
    b2 = brian2()
    group = b2.NeuronGroup(
        units,
        """dE/dt = (-E + clip(drive - R, 0, inf)) / tau_E : 1
           dR/dt = (-R + gain * total / units) / tau_I : 1
           total : 1
           drive : 1 (constant)""",
        method="euler", name="everyone", dt=DT * b2.second,
        namespace={"tau_E": 20 * b2.ms, "tau_I": 2 * b2.ms, "units": float(units), "gain": 78.7277},
    )  # fmt: skip
    group.drive = normal_quantiles(units)
    sums = b2.Synapses(
        group, group, "total_post = E_pre : 1 (summed)", name="everywhere", dt=DT * b2.second
    )
    sums.connect()
    return b2.Network(group, sums)


@njit
def plain_loop(drive: np.ndarray, gain: float, steps: int) -> float:
    """The linear interneuron as a compiled loop, nothing kept."""
    rate, inhibition = np.zeros(drive.size), 0.0
    for _ in range(steps):
        total = 0.0
        for unit in range(drive.size):
            rate[unit] += DT / 0.020 * (max(drive[unit] - inhibition, 0.0) - rate[unit])
            total += rate[unit]
        inhibition += DT / 0.002 * (gain * total / drive.size - inhibition)
    return inhibition


def report_settling(repetitions: int) -> None:
    for units, target in ((10, None), (1000, 0.3), (10_000, 0.6)):
        taken = settling(units, repetitions)
        bound = smallest(
            functools.partial(plain_loop, normal_quantiles(units), 78.7277, STEPS), repetitions
        )
        aim = "" if target is None else f"  target {target} s"
        print(
            f"settle {units:6} units, 300 ms: {taken:7.3f} s{aim}; compiled loop {bound:7.4f} "
            f"s, ratio {taken / bound:6.1f}",
            flush=True,
        )


def report_batch(repetitions: int) -> None:
    taken = settling(1000, repetitions, copies=64)
    print(
        f"64 circuits of 1,000 in one group: {1e3 * taken / STEPS / 64:.4f} ms per circuit "
        "and step  target 0.05",
        flush=True,
    )


def report_all_to_all(repetitions: int) -> None:
    one = stepping(lambda: interneuron(1000), repetitions, 1000)
    everyone = stepping(lambda: all_to_all(1000), repetitions, 30)
    print(
        f"1,000 units, us per step: interneuron {1e6 * one:.0f}, all to all "
        f"{1e6 * everyone:.0f}, ratio {everyone / one:.1f}",
        flush=True,
    )


REPORTS = {"settling": report_settling, "batch": report_batch, "all_to_all": report_all_to_all}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions",
        type=int,
        default=5,
        help="times that each call is repeated (default: %(default)s)",
    )
    parser.add_argument("--only", choices=REPORTS, help="one of the reports")
    asked = parser.parse_args()
    for name, report in REPORTS.items():
        if asked.only in (None, name):
            report(asked.repetitions)


if __name__ == "__main__":
    main()
