"""What holds of every engine: blocks of steps do not matter, interrupts are answered, memory does
not grow, and engines share one law."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from prepared_engines import prepared
from scipy import stats

import drift
from drift.training.engines import fused
from drift.training.engines.base import Engine

ENGINES = ("batched", "fused")
LEARNERS = {
    "sgd": drift.SGD(learning_rate=0.05),
    "adam": drift.Adam(),
    "descent": drift.StochasticErrorDescent(),
}
TASK = drift.RandomTask(samples=7, inputs=5, outputs=3)


def recipe(**changes: object) -> drift.Experiment:
    noise = [
        drift.UpdateNoise(
            std=0.05, acts_on="weights", schedule=drift.Linear(stop=11, initial=1.0, final=0.1)
        ),
        drift.LabelNoise(std=0.1, law="uniform", schedule=drift.OnOff(start=3, stop=9)),
        drift.InputNoise(std=0.1),
    ]
    base = drift.Experiment(
        task=TASK, network=drift.Network(units=19), noise=noise, steps=40, sessions=1
    )
    return base.replace(**changes)


def assert_same_state(one: Engine, other: Engine) -> None:
    first, second = one.state(), other.state()
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


# blocks, threads, company


@pytest.mark.parametrize("engine", ENGINES)
@settings(database=None, deadline=None, max_examples=25, phases=(Phase.explicit, Phase.generate))
@given(
    blocks=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    learner=st.sampled_from(sorted(LEARNERS)),
    precision=st.sampled_from(["float32", "float64"]),
    table=st.integers(1, 15),
)
def test_steps_may_be_taken_in_any_blocks(
    engine: str, blocks: list[int], learner: str, precision: str, table: int
):
    experiments = [recipe(learner=LEARNERS[learner], seed=seed) for seed in range(2)]
    apart, whole = (prepared(engine, experiments, precision) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "TABLE", table)  # schedules are tabulated in pieces
        for steps in blocks:
            apart.advance(steps)
    whole.advance(sum(blocks))
    assert apart.step == whole.step == sum(blocks)
    assert_same_state(apart, whole)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_restored_engine_goes_on_bit_for_bit(engine: str, learner: str, precision: str):
    experiments = [recipe(learner=LEARNERS[learner], seed=seed) for seed in range(3)]
    first, second = (prepared(engine, experiments, precision) for _ in range(2))
    first.advance(9)
    kept = {name: values.copy() for name, values in first.state().items()}
    first.advance(14)
    second.restore(kept)
    second.advance(14)
    assert_same_state(first, second)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("learner", LEARNERS)
def test_threads_and_order_do_not_matter(engine: str, learner: str):
    experiments = [
        recipe(learner=LEARNERS[learner], seed=seed, network=drift.Network(units=150))
        for seed in range(7)
    ]
    runs = [prepared(engine, experiments, "float32", threads) for threads in (1, 2, 3)]
    turned = prepared(engine, experiments[::-1], "float32", 2)
    for each in (*runs, turned):
        each.advance(40)
    for each in runs[1:]:
        assert_same_state(runs[0], each)
    for name, backward in turned.weights().items():
        np.testing.assert_array_equal(runs[0].weights()[name], backward[::-1])


# interrupts


PROBES = ("loss", "output_weights")


def assert_goes_on(experiments: list[drift.Experiment], engine: str, path: Path) -> None:
    """Resumed from a checkpoint and never stopped are one run."""
    resumed, whole = (
        drift.train(
            experiments, engine=engine, checkpoint=kept, probes=PROBES, progress=False
        ).drop_attrs()
        for kept in (path, None)
    )
    xr.testing.assert_identical(resumed, whole)
    assert (whole.status == "complete").all() and (
        whole.output_weights[:, 0] != whole.output_weights[:, -1]
    ).any()


RUN_UNTIL_INTERRUPTED = """
import sys, time
from drift import Experiment, train
from drift.training.engines.batched import BatchedEngine
from drift.training.engines.fused import FusedEngine
kind = {"batched": BatchedEngine, "fused": FusedEngine}[sys.argv[1]]
advance = kind.advance
def watched(engine, steps):
    if engine.step:
        kind.advance = advance
        print("begun", flush=True)
    advance(engine, steps)
kind.advance = watched
try:
    recipes = [Experiment.from_json(text) for text in sys.argv[3:]]
    train(recipes, engine=sys.argv[1], checkpoint=sys.argv[2], probes=("loss", "output_weights"),
          progress=False)
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupt_is_answered_within_a_second_and_the_run_goes_on(engine: str, tmp_path: Path):
    steps, path = {"batched": 1000, "fused": 4000}[engine], tmp_path / "run.npz"
    network, noise = drift.Network(units=500, regime="lazy"), [drift.UpdateNoise(std=0.0139)]
    base = drift.Experiment(network=network, noise=noise, steps=steps, sessions=3)
    experiments = [base.replace(seed=seed) for seed in range(3)]
    command = [
        sys.executable,
        "-c",
        RUN_UNTIL_INTERRUPTED,
        engine,
        str(path),
        *(one.to_json() for one in experiments),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(float(np.random.default_rng().uniform(0, 0.25)))
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        answered = float(process.stdout.readline())
    assert process.returncode == 0
    assert answered - asked < 1.5, "a second, and half of one for a busy machine"
    with np.load(path) as kept:
        assert 0 < int(kept["0/engine/step"]) < steps
    assert_goes_on(experiments, engine, path)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupt_while_work_is_handed_out_leaves_all_subjects_at_one_step(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    big = recipe(
        network=drift.Network(units=9_000),
        noise=[drift.UpdateNoise(std=0.01)],
        learner=drift.SGD(learning_rate=1e-4),
        sessions=2,
    )  # several batched programs
    experiments, path = [big.replace(seed=seed) for seed in range(4)], tmp_path / "run.npz"
    submit, calls = ThreadPoolExecutor.submit, []

    def interrupted(pool: ThreadPoolExecutor, *task: object) -> object:
        calls.append(task)
        if len(calls) == 6:  # in the middle of the second block
            signal.raise_signal(signal.SIGINT)
        return submit(pool, *task)

    with monkeypatch.context() as patch:
        patch.setattr(ThreadPoolExecutor, "submit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            drift.train(experiments, engine=engine, checkpoint=path, probes=PROBES, progress=False)
    assert_goes_on(experiments, engine, path)


# one law


SUBJECTS, MEASURES = (
    64,
    ("relative_loss", "fraction_active_units", "fraction_active_responses", "spatial_information"),
)
NOISES = {
    "update": drift.UpdateNoise(std=0.05),
    "label": drift.LabelNoise(std=0.4),
    "input": drift.InputNoise(std=0.3),
}
SESSIONS = (300, 700, 1_500, 3_000, 6_000)
COMPARISONS = len(MEASURES) * len(SESSIONS)
LEVEL = 0.001 / (
    2 * COMPARISONS
)  # of one test of two, so that a sound pair of engines fails once in a thousand seeds
DETECTABLE = float(
    (stats.norm.isf(LEVEL / 2) + stats.norm.isf(0.2)) / np.sqrt(SUBJECTS)
)  # standard deviations, with 80 % power


def ensemble(engine: str, noise: str, first_seed: int) -> dict[str, np.ndarray]:
    """Measures as (subject, session): the loss as a mean over looks around each session, which is
    its plateau."""
    looks = [(session, *range(session - 100, session, 50)) for session in SESSIONS]
    base = drift.Experiment(
        task=drift.CorridorTask(samples=30, rays=5),
        network=drift.Network(units=40, regime="lazy"),
        noise=[NOISES[noise]],
        steps=SESSIONS[-1],
        sessions=sorted(step for steps in looks for step in steps),
    )
    experiments = [base.replace(seed=first_seed + number) for number in range(SUBJECTS)]
    run = drift.train(
        experiments, engine=engine, probes=(*MEASURES[:3], "rate", "occupancy"), progress=False
    )
    assert (run.status == "complete").all()
    at = np.searchsorted(run.elapsed.values[0], SESSIONS)
    plateau = np.stack(
        [np.log10(run.relative_loss.values[:, place - 2 : place + 1].mean(1)) for place in at],
        axis=1,
    )
    information = run.spatial_information.mean("unit")
    return {
        "relative_loss": plateau,
        "spatial_information": information.values[:, at],
        **{name: run[name].values[:, at] for name in MEASURES[1:3]},
    }


def surprising(values: np.ndarray) -> bool:
    return bool(np.nanmin(values) < LEVEL)


def paired_p_values(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    difference = one - other
    z = difference.mean(0) / np.maximum(difference.std(0, ddof=1) / np.sqrt(SUBJECTS), 1e-12)
    return 2 * stats.t.sf(np.abs(z), SUBJECTS - 1)


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_with_noise_engines_share_one_law(noise: str):
    """64 subjects an engine, five sessions, four measures.

    The same worlds and first weights, other noise: a paired t test finds a shift of ``DETECTABLE``
    = 0.63 standard deviations of the difference in 80 of 100 cases. Other worlds: the two-sample
    Kolmogorov-Smirnov test of the whole distribution. The level of each is 0.001 over the number of
    tests.
    """
    assert pytest.approx(0.63, abs=0.01) == DETECTABLE
    batched, paired, other = (
        ensemble("batched", noise, 0),
        ensemble("fused", noise, 0),
        ensemble("fused", noise, SUBJECTS),
    )
    for name in MEASURES:
        assert not surprising(paired_p_values(batched[name], paired[name])), name
        distributions = [
            stats.ks_2samp(batched[name][:, session], other[name][:, session]).pvalue
            for session in range(len(SESSIONS))
        ]
        assert not surprising(np.array(distributions)), name


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["update", "label"])
def test_the_comparison_of_laws_finds_a_noise_that_is_a_tenth_too_large(
    noise: str, monkeypatch: pytest.MonkeyPatch
):
    sound = ensemble("fused", noise, 0)
    monkeypatch.setitem(NOISES, noise, NOISES[noise].replace(std=1.1 * NOISES[noise].std))
    assert surprising(
        paired_p_values(sound["relative_loss"], ensemble("fused", noise, 0)["relative_loss"])
    )


# memory


MEMORY_SCRIPT = """
import sys
from pathlib import Path
from drift import Experiment, Network, RandomTask, UpdateNoise, train
from drift.training.engines.fused import FusedEngine

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

steps, seen, weights = int(sys.argv[1]), [], FusedEngine.weights
def watched(engine, *members):
    seen.append((engine.step, resident()))
    return weights(engine, *members)

base = Experiment(task=RandomTask(), network=Network(units=100), noise=[UpdateNoise(std=0.03)], steps=steps, sessions=51)
train([base.replace(steps=2, sessions=1)], progress=False, engine="fused")
start, FusedEngine.weights = resident(), watched
train([base.replace(seed=seed) for seed in range(100)], progress=False, engine="fused")
early = max(memory for step, memory in seen if step <= steps // 5)
print(max(memory for _, memory in seen) - start, max(memory for _, memory in seen) - early)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc"
)
def test_memory_of_a_hundred_subjects_does_not_grow_with_steps():
    """1e5 steps stand for 1e6: what the first fifth has not taken, the rest does not take
    either."""
    answer = subprocess.run(
        [sys.executable, "-c", MEMORY_SCRIPT, "100000"], capture_output=True, text=True, check=True
    )
    above_start, growth = map(float, answer.stdout.split())
    assert above_start < 200, f"{above_start:.0f} MB above start-up"
    assert growth < 5, f"{growth:.1f} MB more after the first fifth"
