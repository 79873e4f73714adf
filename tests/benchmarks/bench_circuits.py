"""Speed of circuits in Brian2, on one thread: CPU time of settling, of many circuits in one group,
and of inhibition from all to all; of compiled loops against a loop written by hand; of a fit.

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
import drift
from circuits.drives import normal_quantiles
from circuits.fitting.model import Model
from circuits.fitting.statistics import chosen_statistics
from circuits.fitting.surroundings import Surroundings
from circuits.simulation.batch import Batch
from circuits.simulation.brian import brian2
from circuits.simulation.targets import simulate
from drift.observation.expected_maps import lens, well_counted

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


def report_compiled(repetitions: int) -> None:
    """Whole calls of ``settle``, and the steps alone from arrays to arrays, against the bare loop;
    each ratio is the median over pairs, taken one after the other."""
    for units, copies in ((10, 1), (1000, 1), (10_000, 1), (1000, 64)):
        drive = normal_quantiles(units)
        circuit = circuits.LinearInterneuron(units=units, gain=78.7277)
        batch = Batch((circuit,) * copies, np.stack([drive] * copies), DT, "staggered")
        calls = {
            "bare loop": functools.partial(bare_loops, drive, copies),
            "steps": functools.partial(simulate, batch, DURATION, engine="compiled"),
            "settle": functools.partial(
                circuits.settle, [circuit] * copies, drive, duration=DURATION, engine="compiled"
            ),
        }
        seconds = paired(calls, 4 * repetitions)
        for name in ("steps", "settle"):
            ratio = np.median(seconds[name] / seconds["bare loop"])
            print(
                f"compiled {name:6} {copies:2} x {units:6} units, 300 ms: "
                f"{1e3 * seconds[name].min():7.2f} ms, bare loop "
                f"{1e3 * seconds['bare loop'].min():7.2f} ms, ratio {ratio:5.2f}  limit 2",
                flush=True,
            )


def bare_loops(drive: np.ndarray, copies: int) -> None:
    for _copy in range(copies):
        plain_loop(drive, 78.7277, STEPS)


def paired(calls: dict[str, Callable[[], object]], repetitions: int) -> dict[str, np.ndarray]:
    """CPU times in s of calls that take turns, after a first turn that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repetitions + 1):
        for name, call in calls.items():
            began = time.process_time()
            call()
            if turn:
                seconds[name].append(time.process_time() - began)
    return {name: np.array(values) for name, values in seconds.items()}


def report_fit(_repetitions: int) -> None:
    """Three parameters of a simulated recording of ten sessions with 300 cells, against the time
    that Brian2 would take for the same candidates, from one generation of eight."""
    design = drift.recording_design(np.arange(10.0), 300, places=24, bin_size=4.0, minutes=5.0)
    circuit = circuits.LinearInterneuron(units=300, gain=78.7277)
    inputs = circuits.PlaceInput(places=24, length=96.0, width=8.0)
    wandering = circuits.WeightDrift(weight_lifetime=10.0)
    recorded = circuits.recorded_circuit(circuit, inputs, wandering, design, seed=1)
    bounds = {"gain": (1.0, 1000.0), "input_width": (2.0, 40.0), "weight_lifetime": (1.0, 100.0)}
    eight = np.geomspace([20.0, 4.0, 3.0], [200.0, 16.0, 30.0], 8)
    own_lens = well_counted(lens(recorded))
    around = Surroundings(input_width=8.0)
    model = Model(circuit, own_lens, chosen_statistics(own_lens), bounds, around, 0, "brian2")
    model(eight[:1])
    began = time.process_time()
    model(eight)
    generation = time.process_time() - began
    for engine in ("fixed_point", "compiled"):
        circuits.fit(circuit, recorded, bounds, engine=engine, progress=False, generations=1)
        began = time.process_time()
        found = circuits.fit(circuit, recorded, bounds, engine=engine, progress=False)
        taken = time.process_time() - began
        simulated = int(found.dataset["simulated_candidates"].sum())
        print(
            f"fit of 3 parameters, 10 sessions of 300 cells, engine {engine}: {taken:.1f} s  limit "
            f"10 s; the {simulated} candidates of its search by Brian2 "
            f"{generation * simulated / 8:.0f} s, ratio {taken * 8 / (generation * simulated):.3f}",
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


REPORTS = {
    "settling": report_settling,
    "batch": report_batch,
    "compiled": report_compiled,
    "all_to_all": report_all_to_all,
    "fit": report_fit,
}


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
