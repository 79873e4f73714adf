"""Recipes: refused at the door in one sentence, the same in Python, JSON and TOML."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drift

E = drift.Experiment
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "misspelt key": (
        lambda: E(stepps=3),
        "stepps is not an entry of Experiment (did you mean 'steps'?)",
    ),
    "nested key": (
        lambda: E.from_toml("[network]\nunit = 3\n"),
        "unit is not an entry of Network (did you mean 'units'?)",
    ),
    "unknown kind": (
        lambda: E.from_json('{"task": {"kind": "randm"}}'),
        "'randm' is unknown (did you mean 'random'?)",
    ),
    "negative noise": (
        lambda: drift.UpdateNoise(std=-0.1),
        "std should be greater than or equal to 0, got -0.1",
    ),
    "nested negative noise": (
        lambda: E(noise=[{"kind": "label", "std": -1.0}]),
        "noise.0: LabelNoise refused: std",
    ),
    "noise not a number": (
        lambda: drift.InputNoise(std=float("nan")),
        "std should be a finite number",
    ),
    "negative width": (
        lambda: drift.LabelNoise.from_width(-1.0),
        "width of label noise must not be negative, got -1.0",
    ),
    "zero units": (
        lambda: drift.Network(units=0),
        "units should be greater than or equal to 1, got 0",
    ),
    "text for a number": (
        lambda: drift.SGD(learning_rate="0.1"),
        "learning_rate should be a valid number, got '0.1'",
    ),
    "no sessions": (lambda: E(sessions=[]), "sessions must be increasing steps"),
    "too many sessions": (
        lambda: E(steps=3, sessions=9),
        "sessions must lie between 1 and steps + 1, got 9 for 3 steps",
    ),
    "sessions backwards": (
        lambda: E(steps=9, sessions=[5, 3]),
        "sessions must be increasing steps between 0 and 9, got (5, 3)",
    ),
    "sessions too late": (
        lambda: E(steps=9, sessions=[5, 10]),
        "sessions must be increasing steps between 0 and 9",
    ),
    "same noise twice": (
        lambda: E(noise=[drift.LabelNoise(std=0.1), drift.LabelNoise(std=0.2)]),
        "noise holds the same kind twice",
    ),
    "gradient noise without gradient": (
        lambda: E(learner=drift.StochasticErrorDescent(), noise=[drift.UpdateNoise(std=0.1)]),
        "use UpdateNoise(acts_on='weights')",
    ),
    "schedule backwards": (
        lambda: drift.Linear(start=5, stop=3),
        "stop must lie after start, got start 5 and stop 3",
    ),
    "negative seed": (lambda: E(seed=-1), "seed should be greater than or equal to 0"),
    "not JSON": (lambda: E.from_json("{"), "the recipe is not JSON"),
    "not TOML": (lambda: E.from_toml("a = "), "the recipe is not TOML"),
    "no table": (lambda: E.from_json("[1]"), "JSON list, not a table"),
    "unknown stream": (lambda: drift.stream(0, "wolrd"), "stream 'wolrd' is unknown"),
    "negative stream seed": (
        lambda: drift.stream(-1, "world"),
        "seed must be a whole number from 0, got -1",
    ),
    "large published seed": (
        lambda: drift.Network(faithful=True).first_weights(2, 2, 2**32),
        "seeds below 2**32",
    ),
    "single experiment": (
        lambda: drift.train(E()),
        "experiments must be a list of Experiments, got an Experiment in train",
    ),
    "empty list": (lambda: drift.train([]), "train needs a list of at least one Experiment"),
    "unknown probe": (lambda: drift.train([E()], probes=["los"]), "['los']: choose from loss"),
    "no probe": (lambda: drift.train([E()], probes=[]), "probes must be a list of names"),
    "unknown engine": (lambda: drift.train([E()], engine="fast", progress=False), "engine 'fast'"),
    "unknown precision": (
        lambda: drift.train([E()], precision="float16", progress=False),
        "'float16' is unknown",
    ),
    "no threads": (
        lambda: drift.train([E()], threads=0, engine="batched", progress=False),
        "threads must be a whole number from 1, got 0",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_sentence_that_names_the_thing(case: str):
    call, named = REFUSED[case]
    with pytest.raises(drift.RefusedInputError, match=re.escape(named)) as refusal:
        call()
    sentence = str(refusal.value)
    assert "\n" not in sentence and sentence.endswith(".")


schedules = (
    st.none()
    | st.builds(drift.OnOff, start=st.integers(0, 9))
    | st.builds(drift.Linear, stop=st.integers(1, 9))
)
sizes = st.floats(1e-12, 1e12)
noises = st.tuples(
    st.builds(drift.InputNoise, std=st.floats(1e-12, 1e6), schedule=schedules),
    st.builds(
        drift.LabelNoise, std=st.floats(1e-12, 1e6), law=st.sampled_from(["gaussian", "uniform"])
    ),
    st.builds(
        drift.UpdateNoise, std=st.floats(1e-12, 1e6), acts_on=st.just("weights"), schedule=schedules
    ),
)
paths = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=9)
tasks = st.one_of(
    st.builds(
        drift.CorridorTask,
        samples=st.just(12),
        environments=st.sampled_from([1, 3]),
        faithful=st.booleans(),
        length=st.floats(0.5, 1e3),
    ),
    st.builds(drift.SmoothedAutoencoderTask, feature_smoothing=st.none() | st.integers(1, 9)),
    st.builds(drift.StoredTask, path=paths),
)
experiments = st.builds(
    drift.Experiment,
    task=tasks,
    network=st.builds(
        drift.Network, units=st.integers(1, 99), regime=st.sampled_from(["rich", "lazy"])
    ),
    learner=st.one_of(
        st.builds(drift.SGD, learning_rate=sizes),
        st.builds(drift.Adam),
        st.builds(drift.StochasticErrorDescent, faithful=st.booleans()),
    ),
    noise=noises.flatmap(lambda all_: st.sampled_from([all_[:count] for count in range(4)])),
    sessions=st.sampled_from([1, 11, (0, 5), (10_000,)]),
    seed=st.integers(0, 2**63 - 1),
)


@settings(database=None, deadline=None, max_examples=60)
@given(experiments)
def test_recipes_survive_json_and_toml(experiment: drift.Experiment):
    assert drift.Experiment.from_json(experiment.to_json()) == experiment
    assert drift.Experiment.from_toml(experiment.to_toml()) == experiment
    assert experiment.replace() == experiment


@settings(database=None, deadline=None, max_examples=80)
@given(
    steps=st.integers(1, 5_000), share=st.floats(0, 1), spacing=st.sampled_from(["linear", "log"])
)
def test_sessions_are_distinct_steps_from_first_to_last(steps: int, share: float, spacing: str):
    sessions = 2 + int(share * (steps - 1))
    found = drift.Experiment(steps=steps, sessions=sessions, spacing=spacing).session_steps()
    assert len(found) == sessions and found[0] == 0 and found[-1] == steps
    assert (np.diff(found) > 0).all()


def test_recipes_are_frozen_and_take_numpy_numbers():
    recipe = drift.Experiment(
        steps=np.int64(7),
        sessions=np.arange(3),
        seed=np.int32(2),
        learner=drift.SGD(learning_rate=np.float64(0.5)),
    )
    assert recipe.sessions == (0, 1, 2) and type(recipe.steps) is int
    with pytest.raises(ValueError, match="frozen"):
        recipe.steps = 8
    with pytest.raises(drift.RefusedInputError, match="steps"):
        recipe.replace(steps=0)


def _npz(path: Path, **changes: object) -> drift.StoredTask:
    arrays = {"inputs": np.eye(4), "targets": np.eye(4)[:, :2], **changes}
    np.savez(path, **{name: values for name, values in arrays.items() if values is not None})
    return drift.StoredTask(path=str(path))


BAD_ARRAYS = {
    "targets missing": {"targets": None},
    "NaN": {"inputs": np.full((4, 4), np.nan)},
    "complex": {"inputs": np.eye(4) * 1j},
    "text": {"inputs": np.array([["a"]] * 4)},
    "one dimension": {"targets": np.ones(4)},
    "empty": {"inputs": np.empty((0, 4))},
    "other length": {"targets": np.ones((3, 2))},
    "ragged": {"inputs": np.array([[1, 2], [3]], dtype=object)},
    "position of another length": {"position": np.arange(3.0)},
    "position in two dimensions": {"position": np.ones((4, 2))},
    "lost position": {"position": np.array([0, 1, np.nan, 2])},
    "lost heading": {"position": np.arange(4.0), "heading": np.full(4, np.nan)},
    "lost environment": {"environment": np.full(4, np.nan)},
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_stored_task_refuses_bad_arrays(case: str, tmp_path: Path):
    task = _npz(tmp_path / "data.npz", **BAD_ARRAYS[case])
    with pytest.raises(drift.RefusedInputError, match=r"data\.npz[^\n]*\.$"):
        task.draw(0)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut"])
def test_stored_task_refuses_other_files(content: bytes, tmp_path: Path):
    path = tmp_path / "data.npz"
    task = drift.StoredTask(path=str(path))
    with pytest.raises(
        drift.RefusedInputError, match=r"there is no file .*data\.npz: give the path .*\.$"
    ):
        task.draw(0)
    path.write_bytes(content)
    with pytest.raises(
        drift.RefusedInputError, match=r"data\.npz is not a complete \.npz file: .*\.$"
    ):
        task.draw(0)


def test_stored_task_refuses_a_changed_file(tmp_path: Path):
    task = _npz(tmp_path / "data.npz").replace(sha256="0" * 64)
    with pytest.raises(
        drift.RefusedInputError, match=r"has sha256 [0-9a-f]{64} instead of 0{64}: .*\.$"
    ):
        task.draw(0)


def test_stored_task_reads_position_direction_and_environment(tmp_path: Path):
    task = _npz(tmp_path / "data.npz", position=np.array([0.0, 1, 2, 1]))
    assert task.draw(0).direction.values.tolist() == [1, 1, -1, 0]
    task = _npz(
        tmp_path / "data.npz", position=np.arange(4.0), heading=np.array([0, np.pi, np.pi, 0])
    )
    assert task.draw(7).direction.values.tolist() == [1, -1, -1, 1]


def test_a_recipe_saved_with_a_byte_order_mark_is_the_recipe():
    recipe = E(task=drift.CorridorTask())
    assert E.from_toml("\ufeff" + recipe.to_toml()) == recipe
    assert E.from_json("\ufeff" + recipe.to_json()) == recipe
