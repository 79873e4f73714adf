"""A subject in a crowd is that subject alone, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import drift
from drift.training.engines.base import Subject
from drift.training.engines.batched import BatchedEngine

ENGINES = ("batched", "fused")
PROBES = (
    "loss",
    "relative_loss",
    "participation_ratio",
    "hessian_trace",
    "input_weights",
    "bias",
    "output_weights",
    "sample_activity",
)
numbers = st.floats(0.001, 0.3)
KINDS = {
    "input": lambda std: drift.InputNoise(std=std),
    "label": lambda std: drift.LabelNoise(std=std),
    "uniform label": lambda std: drift.LabelNoise(
        std=std, law="uniform", schedule=drift.Linear(stop=5, initial=0.2)
    ),
    "update": lambda std: drift.UpdateNoise(std=std, schedule=drift.OnOff(start=1, stop=6)),
    "shaken weights": lambda std: drift.UpdateNoise(std=std / 10, acts_on="weights"),
}
LEARNERS = {
    "sgd": lambda rate: drift.SGD(learning_rate=rate),
    "adam": lambda rate: drift.Adam(learning_rate=rate / 10),
    "descent": lambda rate: drift.StochasticErrorDescent(learning_rate=rate / 10),
    "published descent": lambda rate: drift.StochasticErrorDescent(
        learning_rate=rate, faithful=True
    ),
}


def train(experiments: list[drift.Experiment], engine: str, **options: object) -> xr.Dataset:
    run = drift.train(experiments, engine=engine, progress=False, **{"probes": PROBES, **options})
    return run.drop_attrs(deep=False)


def only(run: xr.Dataset, number: int) -> xr.Dataset:
    return run.isel(subject=[number]).assign_coords(subject=["0"])


@st.composite
def crowds(draw: st.DrawFn) -> list[drift.Experiment]:
    """Subjects of one shape and kind, each with numbers and a seed of its own."""
    task = drift.RandomTask(
        samples=draw(st.integers(2, 40)),
        inputs=draw(st.integers(1, 21)),
        outputs=draw(st.integers(1, 13)),
    )
    network, steps = drift.Network(units=draw(st.integers(1, 70))), draw(st.integers(1, 9))
    learner = draw(st.sampled_from(sorted(LEARNERS)))
    kinds = draw(
        st.lists(
            st.sampled_from(sorted(KINDS)), max_size=3, unique_by=lambda kind: kind.split()[-1][:5]
        )
    )
    if "descent" in learner:
        kinds = [kind for kind in kinds if kind != "update"]
    if {"update", "shaken weights"} <= set(kinds):
        kinds.remove("update")
    return [
        drift.Experiment(
            task=task,
            network=network,
            learner=LEARNERS[learner](draw(numbers)),
            noise=[KINDS[kind](draw(numbers)) for kind in kinds],
            steps=steps,
            sessions=(0, steps),
            seed=draw(st.integers(0, 2**40)),
        )
        for _ in range(draw(st.integers(2, 5)))
    ]


@pytest.mark.parametrize("engine", ENGINES)
@settings(database=None, deadline=None, max_examples=25, phases=(Phase.explicit, Phase.generate))
@given(crowd=crowds(), precision=st.sampled_from(["float32", "float64"]), data=st.data())
def test_crowd_is_alone_in_any_order(
    engine: str, crowd: list[drift.Experiment], precision: str, data: st.DataObject
):
    order = data.draw(st.permutations(range(len(crowd))))
    together = train([crowd[number] for number in order], engine, precision=precision)
    for place, number in list(enumerate(order))[:2]:
        xr.testing.assert_identical(
            only(together, place), train([crowd[number]], engine, precision=precision)
        )


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_sides_of_length_one_change_nothing(learner: str, precision: str):
    """Products with a vector take other instructions than products of matrices, and some libraries
    choose between them by how many there are."""
    rng = np.random.default_rng(8)
    for trial in range(16):
        sides = rng.integers(2, 41, size=4)
        sides[trial % 4] = 1
        samples, inputs, outputs, units = map(int, sides)
        task = drift.RandomTask(samples=samples, inputs=inputs, outputs=outputs)
        crowd = [
            drift.Experiment(
                task=task,
                network=drift.Network(units=units),
                learner=LEARNERS[learner](0.1),
                steps=3,
                sessions=1,
                seed=seed,
            )
            for seed in range(3)
        ]
        subjects = [Subject(recipe, recipe.task.draw(recipe.seed)) for recipe in crowd]
        together, alone = (
            BatchedEngine(subjects, precision),
            BatchedEngine(subjects[1:2], precision),
        )
        for engine in (together, alone):
            engine.advance(3)
        for name, weights in alone.weights().items():
            np.testing.assert_array_equal(together.weights()[name][1:2], weights, err_msg=str(task))


def corridor(seed: int = 0, rate: float = 0.1, **changes: object) -> drift.Experiment:
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=20, rays=5),
        network=drift.Network(units=40),
        learner=drift.SGD(learning_rate=rate),
        noise=[drift.UpdateNoise(std=0.03), drift.InputNoise(std=0.1), drift.LabelNoise(std=0.1)],
        steps=60,
        sessions=4,
        seed=seed,
    )
    return recipe.replace(**changes)


@pytest.mark.parametrize("engine", ENGINES)
def test_company_of_other_shapes_changes_nothing(engine: str):
    abstract = drift.RandomTask(samples=3, inputs=4, outputs=2)
    others = [
        corridor(network=drift.Network(units=7)),
        corridor(task=abstract),
        corridor(learner=drift.Adam(), sessions=2),
    ]
    others.append(corridor(task=drift.CorridorTask(samples=20, rays=5, environments=2), noise=[]))
    alone = drift.train([corridor(3)], engine=engine, progress=False).drop_attrs(deep=False)
    together = drift.train([*others, corridor(3), corridor(4)], engine=engine, progress=False)
    kept = only(together, len(others)).isel(environment=0, drop=True).drop_attrs(deep=False)
    for name in alone.data_vars:
        np.testing.assert_array_equal(
            kept[name].reindex_like(alone[name]).transpose(*alone[name].dims),
            alone[name],
            err_msg=name,
        )
    assert together.rate.isel(subject=1).isnull().all(), "a task without places has no rate map"
    assert together.spatial_information.isel(subject=0, unit=slice(7, None)).isnull().all(), (
        "absent units are not silent"
    )
    assert (together.recorded.isel(subject=0, unit=slice(7, None)) == 0).all()
    assert together.detected_units[:, 0].values.tolist() == [7, 40, 40, 40, 40, 40]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_number_of_threads_changes_nothing(engine: str, precision: str):
    # Large enough for more than one cache-sized program.
    big = [
        corridor(
            seed, network=drift.Network(units=300), task=drift.CorridorTask(samples=150), steps=4
        )
        for seed in range(5)
    ]
    runs = [train(big, engine, threads=threads, precision=precision) for threads in (1, 2, 3)]
    for run in runs[1:]:
        xr.testing.assert_identical(runs[0], run)
    xr.testing.assert_identical(
        only(runs[0], 4), train(big[4:], engine, threads=1, precision=precision)
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_diverging_subject_is_flagged_and_kept_and_its_neighbours_do_not_notice(
    engine: str, place: int
):
    calm = [corridor(5), corridor(6)]
    crowd = [*calm[:place], corridor(7, rate=100.0), *calm[place:]]
    run, alone = (
        drift.train(experiments, engine=engine, progress=False) for experiments in (crowd, calm)
    )
    assert run.status.values.tolist() == [
        "diverged" if number == place else "complete" for number in range(3)
    ]
    assert run.diverged_at[place] == 20
    wreck = run.isel(subject=place)
    assert np.isfinite(wreck.relative_loss[0]) and wreck.detected_units[0] == 40
    assert (
        wreck.relative_loss[1:].isnull().all()
        and wreck.rate[1:].isnull().all()
        and wreck.spatial_information[1:].isnull().all()
    )
    assert (wreck.detected_units[1:] == 0).all() and (wreck.recorded[1:] == 0).all()
    rest = run.drop_isel(subject=place).assign_coords(subject=alone.subject).drop_attrs(deep=False)
    xr.testing.assert_identical(rest, alone.drop_attrs(deep=False))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_without_active_units_is_silent_not_diverged(engine: str):
    push = drift.UpdateNoise(std=0.0)
    recipe = corridor(
        noise=[push],
        learner=drift.SGD(learning_rate=1e-3),
        network=drift.Network(units=1),
        steps=2,
        sessions=2,
    )
    seeds = [recipe.replace(seed=seed) for seed in range(12)]
    run = drift.train(seeds, engine=engine, progress=False)
    quiet = run.fraction_active_units[:, -1] == 0
    assert quiet.any() and not quiet.all()
    assert run.status.values.tolist() == [
        "diverged" if wild else "silent" if still else "complete"
        for still, wild in zip(quiet, run.diverged_at.notnull(), strict=True)
    ]
    assert run.spatial_information[:, -1].where(quiet, drop=True).isnull().all()
    assert (run.spatial_information_rate[:, -1].where(quiet, drop=True) == 0).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_targets_that_do_not_vary_are_no_divergence(engine: str, tmp_path):
    path = tmp_path / "constant.npz"
    np.savez(path, inputs=np.eye(3), targets=np.ones((3, 2)))
    run = drift.train(
        [corridor(task=drift.StoredTask(path=str(path)))], engine=engine, progress=False
    )
    assert run.status.item() == "complete"
    assert np.isfinite(run.loss).all() and run.relative_loss.isnull().all()
