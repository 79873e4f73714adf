"""Speed of the engines, as ratios measured in one process and run: `python
tests/benchmarks/bench_engines.py [--seconds S]`.

(a) is the loop that everyone writes: one network, nn.Linear, optim.SGD, noise added to .grad, in
float64 and float32. (b) is the batched torch engine, (c) the fused engine, (d) the limit: the
floating-point work of a dense step at the speed of a large float32 matrix product on the same
thread plus its normal numbers at the speed of the fastest generator here. Times are the smallest of
several repetitions, microseconds per network and step.

Each mechanism (single samples, dropout, activations, decay, excitability) is held against a limit
of its own, (e): the plain fused step with as many responses, measured in the same turns, plus what
the mechanism cannot do without, at the speed of the fastest loop here: its random numbers, its
sigmoids, its passes over the weights. A single sample has no plain step: (e) is a pass that reads
all weights and one that reads and writes those of active units. c/e is held against 1.3, and 1.5
for single samples.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from drift import (
    SGD,
    Adam,
    CorridorTask,
    Dropout,
    Excitability,
    Experiment,
    LabelNoise,
    Network,
    RandomTask,
    StochasticErrorDescent,
    UpdateNoise,
)
from drift.loops.compiled import compiled
from drift.loops.normals import fill_masks, fill_normals, generator_state
from drift.training.engines.base import Subject, Weights
from drift.training.engines.batched import BatchedEngine
from drift.training.engines.fused import FusedEngine

UPDATE = UpdateNoise(std=0.0139)
CONFIGURATIONS = {
    "small": Experiment(
        task=RandomTask(samples=10, inputs=20, outputs=10),
        network=Network(units=100),
        noise=[UPDATE],
    ),
    "corridor": Experiment(
        task=CorridorTask(), network=Network(units=500, regime="lazy"), noise=[UPDATE]
    ),
    "wide": Experiment(
        task=CorridorTask(), network=Network(units=5000, regime="lazy"), noise=[UPDATE]
    ),
}
RULES = {
    "SGD, update noise": {},
    "SGD, label noise": {"noise": [LabelNoise.from_width(1.0)]},
    "Adam": {"learner": Adam(), "noise": []},
    "stochastic error descent": {"learner": StochasticErrorDescent(), "noise": []},
}


# mechanism: what changes of the network, and what of the experiment
MECHANISMS: dict[str, tuple[dict, dict]] = {
    "single samples": ({}, {"minibatch": 1}),
    "minibatch of 32": ({}, {"minibatch": 32}),
    "weight decay, bounds": (
        {},
        {"learner": SGD(learning_rate=1e-12, weight_decay=0.1, largest_weight=500.0)},
    ),
    "excitability": ({"excitability": Excitability(std=0.1, lifetime=1e4)}, {}),
    "dropout of units": ({"dropout": Dropout(probability=0.1)}, {}),
    "dropout of weights": ({"dropout": Dropout(probability=0.1, acts_on="weights")}, {}),
    "linear units": ({"activation": "linear"}, {}),
    "sigmoid units": ({"activation": "sigmoid"}, {}),
}
LARGEST_RATIO = 1.3  # of a step with a mechanism to its limit (e), ...
SINGLE_RATIO = 1.5  # ... and of a step on a single sample


@compiled
def read_pass(weights, factors):
    """Read two arrays once."""
    whole = weights.dtype.type(0)
    for index in range(weights.shape[0]):
        whole += weights[index] * factors[index]
    return whole


@compiled
def write_pass(weights, factors, rate):
    """Read two arrays and write one."""
    for index in range(weights.shape[0]):
        weights[index] += rate * factors[index]


def drawn(experiment: Experiment, subjects: int = 1) -> list[Subject]:
    recipes = [experiment.replace(seed=seed) for seed in range(subjects)]
    return [Subject(recipe, recipe.task.draw(recipe.seed)) for recipe in recipes]


def sparse(
    weights: Weights, inputs: np.ndarray, responses: float = 0.1, units: float = 0.32
) -> Weights:
    """Shift biases so that a share of the units responds, together to a share of all samples, as
    late in the published run."""
    potential = inputs @ weights["input_weights"][0].T  # (sample, unit)
    active = np.arange(potential.shape[1]) < units * potential.shape[1]
    threshold = np.where(
        active, np.quantile(potential, 1 - responses / units, axis=0), potential.max(axis=0) + 1.0
    )
    return {**weights, "bias": -threshold[np.newaxis]}


def seconds_per_call(
    call: Callable[[], object], budget: float, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Smallest time of a call, over repetitions that fill the budget of this clock."""
    call()
    best, deadline = np.inf, clock() + budget
    while clock() < deadline:
        began = clock()
        call()
        best = min(best, clock() - began)
    return best


def steps_of(subject: Subject, seconds: float = 0.03) -> int:
    """Steps that take about the given time, so that starting threads does not count."""
    samples, outputs = subject.targets.shape
    work = (
        2 * samples * subject.experiment.network.units * (2 * subject.inputs.shape[1] + 3 * outputs)
    )
    return max(2, int(seconds / (work / 5e10 + 8e-6)))


def plain_loop(subject: Subject, weights: Weights, precision: torch.dtype) -> Callable[[], None]:
    """One step of the usual torch loop with update noise."""
    inputs, targets = (
        torch.tensor(subject.inputs, dtype=precision),
        torch.tensor(subject.targets, dtype=precision),
    )
    units = subject.experiment.network.units
    hidden = torch.nn.Linear(inputs.shape[1], units).to(precision)
    readout = torch.nn.Linear(units, targets.shape[1], bias=False).to(precision)
    with torch.no_grad():
        hidden.weight.copy_(torch.from_numpy(weights["input_weights"][0]))
        hidden.bias.copy_(torch.from_numpy(weights["bias"][0]))
        readout.weight.copy_(torch.from_numpy(weights["output_weights"][0]))
    network = torch.nn.Sequential(hidden, torch.nn.ReLU(), readout)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)

    def step() -> None:
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(network(inputs), targets).backward()
        for parameter in network.parameters():
            parameter.grad += UPDATE.std * torch.randn_like(parameter, dtype=torch.float32).to(
                precision
            )
        optimiser.step()

    return step


def engine_time(
    engine: FusedEngine | BatchedEngine,
    weights: Weights | None,
    steps: int,
    budget: float,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds per network and step, always from the same weights."""
    state = engine.state()
    if weights is not None:
        state = _with_weights(engine, state, weights)
    subjects = len(engine.weights()["bias"])

    def run() -> None:
        engine.advance(steps)

    best = np.inf
    for _ in range(3):
        engine.restore(state)
        best = min(best, seconds_per_call(run, budget / 3, clock))
    return best / steps / subjects


def _with_weights(
    engine: FusedEngine | BatchedEngine, state: dict[str, np.ndarray], weights: Weights
) -> dict[str, np.ndarray]:
    blocks = Network().parameters(weights)
    if isinstance(engine, FusedEngine):
        joined = np.concatenate(blocks, axis=2)
        return {**state, "weights": joined.astype(state["weights"].dtype)}
    parts = {f"0.parameters.{number}": block for number, block in enumerate(blocks)}
    return {**state, **{name: part.astype(state[name].dtype) for name, part in parts.items()}}


def limit(subject: Subject, flops_per_second: float, normals_per_second: float) -> float:
    """Seconds of a dense step at the speed of a large matrix product, plus its normal numbers."""
    samples, outputs = subject.targets.shape
    inputs, units = subject.inputs.shape[1] + 1, subject.experiment.network.units
    work = 2 * samples * units * (2 * inputs + 3 * outputs)
    return work / flops_per_second + units * (inputs + outputs) / normals_per_second


def ceilings(budget: float) -> tuple[float, float]:
    matrix = torch.randn(1024, 1024)
    flops = 2 * 1024**3 / seconds_per_call(lambda: matrix @ matrix, budget)
    state, out = generator_state(0, "update_noise"), np.empty(256 * 71, np.float32)
    return flops, out.size / seconds_per_call(lambda: fill_normals(state, out), budget)


def compare(name: str, experiment: Experiment, budget: float, rounds: int = 5) -> None:
    """Update noise, at the start and after sparsification, against (a) and (d), on one thread, in
    turns: machines change their speed."""
    (subject,) = drawn(experiment)
    steps, share = steps_of(subject), budget / rounds
    fused, batched = (
        FusedEngine([subject], "float32", threads=1),
        BatchedEngine([subject], "float32", threads=1),
    )
    first, best = fused.weights(), {}
    for _ in range(rounds):
        flops, normals = ceilings(share / 2)
        for stage, weights in {"start": first, "sparse": sparse(first, subject.inputs)}.items():
            times = (
                seconds_per_call(plain_loop(subject, weights, torch.float64), share),
                seconds_per_call(plain_loop(subject, weights, torch.float32), share),
                engine_time(batched, weights, max(2, steps // 4), share),
                engine_time(fused, weights, steps, share),
                limit(subject, flops, normals),
            )
            best[stage] = np.minimum(best.get(stage, np.inf), times)
    for stage, (plain, single, torched, ours, bound) in best.items():
        ratios = (
            f"{plain / ours:7.1f}x{single / ours:7.1f}x{torched / ours:7.1f}x{ours / bound:7.2f}"
        )
        print(
            f"{name:9} {stage:7}"
            + "".join(f"{1e6 * value:10.1f}" for value in best[stage])
            + ratios,
            flush=True,
        )


def rules(name: str, experiment: Experiment, budget: float) -> None:
    """Every rule against SGD with update noise, on one thread, at the start and sparse."""
    (subject,) = drawn(experiment)
    steps = steps_of(subject)
    base: dict[str, float] = {}
    for rule, changes in RULES.items():
        (changed,) = drawn(experiment.replace(**changes))
        fused = FusedEngine([changed], "float32", threads=1)
        first = fused.weights()
        for stage, weights in {"start": first, "sparse": sparse(first, subject.inputs)}.items():
            taken = engine_time(fused, weights, steps, budget)
            base.setdefault(stage, taken)
            print(
                f"{name:9} {stage:7} {rule:26}{1e6 * taken:10.1f}{taken / base[stage]:8.2f}",
                flush=True,
            )


def speeds(weights: int, budget: float) -> dict[str, float]:
    """Seconds for each normal number, word, sigmoid, and for each weight read, or read and
    written."""
    state, out = generator_state(0, "dropout"), np.empty(128 * 128, np.float32)
    drive, present = torch.randn(out.size), np.zeros(weights, np.float32)
    factors = np.zeros_like(present)
    each = {
        "normal": (lambda: fill_normals(state, out), out.size),
        "word": (lambda: fill_masks(state, out, np.uint32(10), np.float32(1)), out.size),
        "sigmoid": (lambda: torch.sigmoid(drive, out=drive), out.size),
        "read": (lambda: [read_pass(present, factors) for _ in range(20)], 20 * weights),
        "written": (
            lambda: [write_pass(present, factors, np.float32(0.5)) for _ in range(20)],
            20 * weights,
        ),
    }
    return {
        name: seconds_per_call(call, budget, time.process_time) / count
        for name, (call, count) in each.items()
    }


def least_extra(name: str, subject: Subject, speed: dict[str, float]) -> float:
    """Seconds of what a mechanism adds to the plain step at least."""
    samples, outputs = subject.targets.shape
    units = subject.experiment.network.units
    weights, responses = units * (subject.inputs.shape[1] + 1 + outputs), samples * units
    extra = {
        "excitability": units * speed["normal"],
        "dropout of units": responses * speed["word"],
        "dropout of weights": weights * (speed["word"] + 2 * speed["written"]),
        "sigmoid units": responses * speed["sigmoid"],
    }
    return extra.get(name, 0.0)


def mechanisms(name: str, experiment: Experiment, budget: float, rounds: int = 5) -> None:
    """Each mechanism against its limit (e) and beside the batched engine, in turns."""
    # a rate so small that the same units go on responding
    base = experiment.replace(noise=[], learner=SGD(learning_rate=1e-12))
    network, best = base.network, {}
    for _round in range(rounds):
        for mechanism, (of_network, of_experiment) in MECHANISMS.items():
            recipe = base.replace(network=network.replace(**of_network), **of_experiment)
            times = mechanism_times(mechanism, base, recipe, budget / rounds)
            best[mechanism] = np.minimum(best.get(mechanism, np.inf), times)
    for mechanism, (torched, ours, bound) in best.items():
        numbers = "".join(f"{1e6 * value:10.1f}" for value in best[mechanism])
        largest = SINGLE_RATIO if mechanism == "single samples" else LARGEST_RATIO
        verdict = "holds" if ours / bound <= largest else "MISS"
        print(
            f"{name:9} {mechanism:26}{numbers}{torched / ours:7.1f}x{ours / bound:7.2f}"
            f"{largest:7.1f} {verdict}",
            flush=True,
        )


def mechanism_times(
    name: str, base: Experiment, recipe: Experiment, share: float
) -> tuple[float, float, float]:
    """Seconds of processor time of a step: batched, fused, and the limit (e)."""
    (subject,), clock = drawn(recipe), time.process_time
    steps = steps_of(subject, 0.003) * (100 if recipe.minibatch == 1 else 1)
    batched = BatchedEngine([subject], "float32", threads=1)
    torched = engine_time(batched, None, max(2, steps // 20), share / 2, clock)
    fused = FusedEngine([subject], "float32", threads=1)
    ours, first = engine_time(fused, None, steps, share, clock), fused.weights()
    weights = recipe.network.units * (subject.inputs.shape[1] + 1 + subject.targets.shape[1])
    speed = speeds(weights, share / 20)
    if recipe.minibatch == 1:
        drive = subject.inputs @ first["input_weights"][0].T + first["bias"][0]
        active = float((drive > 0).mean())
        return torched, ours, weights * (speed["read"] + active * speed["written"])
    (plain,) = drawn(base)
    if recipe.minibatch is not None:
        # as many samples as a step takes, again and again where the task has fewer
        taken = np.arange(recipe.minibatch) % plain.experience.sizes["sample"]
        plain = Subject(base, plain.experience.isel(sample=taken))
    # all units respond to all samples where they are not rectified
    lift = 0.0 if recipe.network.activation == "relu" else 100.0
    shifted = {**first, "bias": first["bias"] + lift}
    least = engine_time(FusedEngine([plain], "float32", threads=1), shifted, steps, share, clock)
    return torched, ours, least + least_extra(name, subject, speed)


def scaling(budget: float) -> None:
    """Threads and subjects of the corridor and of the small network; batched engine with 1, 16 and
    64 subjects."""
    for name in ("small", "corridor"):
        for subjects in (1, 8, 16, 64):
            several = drawn(CONFIGURATIONS[name], subjects)
            steps = steps_of(several[0], 0.2 / subjects)
            one = engine_time(FusedEngine(several, "float32", threads=1), None, steps, budget)
            two = engine_time(FusedEngine(several, "float32", threads=2), None, steps, budget)
            batched = engine_time(
                BatchedEngine(several, "float32", threads=2), None, max(2, steps // 8), budget
            )
            print(
                f"{name:9}{subjects:6}{1e6 * one:12.1f}{1e6 * two:12.1f}{one / two:9.2f}x{1e6 * batched:12.1f}{batched / two:9.1f}x",
                flush=True,
            )


def sizes(budget: float) -> None:
    """Time of a step against units and samples of the corridor."""
    for units, samples in (
        (125, 150),
        (250, 150),
        (500, 150),
        (1000, 150),
        (500, 38),
        (500, 75),
        (500, 300),
    ):
        recipe = CONFIGURATIONS["corridor"].replace(
            task=CorridorTask(samples=samples), network=Network(units=units, regime="lazy")
        )
        taken = engine_time(FusedEngine(drawn(recipe), "float32", threads=1), None, 100, budget)
        print(
            f"{units:6}{samples:9}{1e6 * taken:10.1f}{1e9 * taken / units / samples:14.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="time for each number (default: %(default)s)"
    )
    parser.add_argument("--mechanisms", action="store_true", help="the section on mechanisms alone")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if not asked.mechanisms:
        plain_sections(asked.seconds)
    print(
        f"\n{'mechanism':>21}{'':15}{'(b)':>10}{'(c)':>10}{'(e)':>10}{'b/c':>8}{'c/e':>7}{'limit':>7}"
    )
    for name in ("small", "corridor"):
        mechanisms(name, CONFIGURATIONS[name], asked.seconds)


def plain_sections(budget: float) -> None:
    """What there is without mechanisms."""
    print(
        "microseconds per network and step, one thread; ratios to the fused engine; fused "
        "over limit"
    )
    print(
        f"{'':17}{'(a) f64':>10}{'(a) f32':>10}{'(b)':>10}{'(c)':>10}{'(d)':>10}{'a64/c':>8}{'a32/c':>8}{'b/c':>8}{'c/d':>7}"
    )
    for name, experiment in CONFIGURATIONS.items():
        compare(name, experiment, budget)
    print(f"\n{'rule':>21}{'':23}{'(c)':>10}{'to SGD':>8}")
    for name, experiment in CONFIGURATIONS.items():
        rules(name, experiment, budget / 2)
    print(
        f"\n{'':9}{'nets':>6}{'(c) 1 thr.':>12}{'(c) 2 thr.':>12}{'gain':>10}{'(b) 2 thr.':>12}{'b/c':>10}"
    )
    scaling(budget)
    print(f"\n{'units':>6}{'samples':>9}{'(c)':>10}{'ns/response':>14}")
    sizes(budget / 2)


if __name__ == "__main__":
    main()
