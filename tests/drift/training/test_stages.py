"""Learning in stages: crowd and resume laws, engines that agree, and what stages do to a code."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import drift
from drift import metrics
from drift.errors import RefusedInputError
from drift.training.engines.batched import BatchedEngine
from drift.training.engines.fused import FusedEngine
from drift.training.stages import joined, parted

ENGINES = ("batched", "fused")
PROBES = (
    "relative_loss",
    "rate",
    "occupancy",
    "environment_loss",
    "steps_learned",
    "input_weights",
)
TASK = drift.CorridorTask(samples=40, rays=5, environments=2)
NOISE = (drift.UpdateNoise(std=0.05), drift.LabelNoise(std=0.1))
PROTOCOL = drift.Protocol(
    stages=[
        drift.Stage(steps=30, environments=(0,)),
        drift.Stage(steps=20, environments=(1,), noise=(drift.UpdateNoise(std=0.02),)),
        drift.Stage(steps=25, noise=()),
    ],
    repeats=True,
)
BASE = drift.Experiment(
    task=TASK,
    network=drift.Network(units=12),
    noise=NOISE,
    steps=180,
    sessions=(0, 30, 50, 75, 100, 180),
    protocol=PROTOCOL,
)


def train(recipes: list[drift.Experiment], engine: str = "fused", **options: object) -> xr.Dataset:
    run = drift.train(recipes, **{"probes": PROBES, "engine": engine, "progress": False, **options})
    return run.assign_attrs(created="")


@pytest.mark.parametrize("engine", ENGINES)
def test_n08_a_crowd_in_stages_is_each_alone(engine: str, monkeypatch: pytest.MonkeyPatch):
    # programs of two stages hold different numbers of subjects, as stages have other samples
    monkeypatch.setattr("drift.training.engines.batched.WORKING_SET", 2 * 30 * 12 * 4)
    recipes = [BASE.replace(seed=seed) for seed in range(3)]
    other = BASE.replace(protocol=drift.Protocol.blocks(2, 45))
    crowd = train([*recipes, other], engine)
    for number in (2, 3):
        alone = train([[*recipes, other][number]], engine)
        for name in PROBES:
            np.testing.assert_array_equal(crowd[name][number], alone[name][0])
    assert crowd.attrs["engine"] == engine


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("calls", [1, 2, 4])
def test_n08_killed_and_resumed_equals_never_stopped(
    engine: str, calls: int, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    whole = train([BASE], engine)
    kind = {"batched": BatchedEngine, "fused": FusedEngine}[engine]
    advance, left = kind.advance, iter(range(calls))

    def interrupted(running: object, steps: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        advance(running, steps)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train([BASE], engine, checkpoint=tmp_path / "run.npz")
    resumed = train([BASE], engine, checkpoint=tmp_path / "run.npz")
    xr.testing.assert_identical(resumed, whole)


def test_n08_engines_agree_without_noise_and_stop_alike_with_it():
    quiet = BASE.replace(noise=(), protocol=drift.Protocol.blocks(2, 40), steps=160, sessions=5)
    runs = [train([quiet], engine, precision="float64") for engine in ENGINES]
    for name in PROBES:
        np.testing.assert_allclose(runs[0][name], runs[1][name], rtol=1e-6, atol=1e-7)


def test_one_stage_of_all_is_no_stage():
    plain = BASE.replace(protocol=None)
    one = BASE.replace(protocol=drift.Protocol(stages=[drift.Stage(steps=7)]))
    for name in ("relative_loss", "rate", "input_weights"):
        np.testing.assert_array_equal(train([plain])[name], train([one])[name])


def test_a_stage_learns_its_environment_alone(tmp_path):
    drawn = TASK.draw(0)
    first = drawn["environment"].values == 0
    columns = {
        name: drawn[name].values[first] for name in ("inputs", "targets", "position", "heading")
    }
    np.savez(tmp_path / "first.npz", **columns)
    stored = drift.StoredTask(path=str(tmp_path / "first.npz"))
    alone = BASE.replace(task=stored, protocol=None, steps=60, sessions=3)
    here = BASE.replace(
        protocol=drift.Protocol(stages=[drift.Stage(steps=1, environments=(0,))]),
        steps=60,
        sessions=3,
    )
    runs = [train([recipe], probes=("input_weights", "output_weights")) for recipe in (alone, here)]
    for name in ("input_weights", "output_weights"):
        np.testing.assert_array_equal(runs[0][name], runs[1][name])


@pytest.mark.parametrize("engine", ENGINES)
def test_samples_of_a_stage_are_drawn_as_often_as_among_all(engine: str):
    """A stage in one environment, in which one sample alone is ever drawn, is full batches of it."""
    environment = TASK.draw(0)["environment"].values
    first = int(np.flatnonzero(environment == 0)[0])
    shares = np.where(environment == 1, 0.5 / (environment == 1).sum(), 0.0)
    shares[first] = 0.5
    recipe = BASE.replace(
        noise=(),
        minibatch=4,
        sample_probabilities=tuple(shares.tolist()),
        steps=12,
        sessions=(0, 12),
        protocol=drift.Protocol(stages=[drift.Stage(steps=12, environments=(0,))]),
    )
    drawn = train([recipe], engine)["input_weights"][0, -1].values
    moved = drawn - train([recipe], engine)["input_weights"][0, 0].values
    # each step moves the weights of all units along the one sample that is drawn
    assert np.abs(moved).max() > 1e-4
    rank = np.linalg.matrix_rank(moved.astype(float), tol=1e-4 * np.abs(moved).max())
    assert rank == 1
    with pytest.raises(RefusedInputError, match="probability of 0"):
        none = np.where(environment == 1, 1 / (environment == 1).sum(), 0.0)
        train([recipe.replace(sample_probabilities=tuple(none.tolist()))], engine)


def test_noise_that_rests_leaves_its_stream_where_it_was():
    """Ten steps without noise between two stretches with it: the later draws are the next ones."""
    still = drift.SGD.model_construct(learning_rate=1e-300)
    shaken = BASE.replace(
        learner=still,
        noise=(drift.UpdateNoise(std=0.1, acts_on="weights"),),
        steps=40,
        sessions=(0, 40),
    )
    with_rest = shaken.replace(
        protocol=drift.Protocol(
            stages=[drift.Stage(steps=20), drift.Stage(steps=10, noise=()), drift.Stage(steps=20)]
        ),
        steps=50,
        sessions=(0, 50),
    )
    for engine in ENGINES:
        ends = [
            train([recipe], engine, probes=("input_weights",))["input_weights"].values[0, -1]
            for recipe in (shaken.replace(protocol=None), with_rest)
        ]
        np.testing.assert_array_equal(*ends)


def test_n08_what_is_not_learned_fades_and_comes_back():
    task = drift.CorridorTask(samples=100, environments=2)
    recipe = drift.Experiment(
        task=task,
        network=drift.Network(units=60, regime="lazy"),
        noise=[drift.UpdateNoise(std=0.03)],
        protocol=drift.Protocol.blocks(2, 500),
        steps=4000,
        sessions=9,
    )
    run = train([recipe.replace(seed=seed) for seed in range(4)])
    loss = run["environment_loss"].mean("subject")
    learned = loss.isel(session=[3, 5, 7], environment=0).mean()
    elsewhere = loss.isel(session=[4, 6, 8], environment=0).mean()
    assert (
        float(learned) < 0.8 * float(elsewhere) < 0.5 * float(loss.isel(session=0, environment=0))
    )
    np.testing.assert_array_equal(run["steps_learned"][0, -1], [2000, 2000])
    assert set(run["rate"].dims) >= {"environment"}
    remapped = metrics.remapping(run.isel(session=slice(2, None)), draws=0).mean("subject")
    within = np.diag(remapped["spatial_correlation"])
    assert (within > remapped["spatial_correlation"].values[0, 1] + 0.1).all()


def test_n08_a_novel_environment_is_not_known_before_it_is_met():
    recipe = BASE.replace(
        noise=(), protocol=drift.Protocol.novelty(300), steps=900, sessions=4,
        network=drift.Network(units=40, regime="lazy"),
    )  # fmt: skip
    run = train([recipe.replace(seed=seed) for seed in range(6)])
    loss = run["environment_loss"].mean("subject")
    np.testing.assert_array_equal(run["steps_learned"][0, :, 1], [0, 0, 300, 600])
    assert float(loss[1, 1]) > 2 * float(loss[1, 0]) and float(loss[3, 1]) < 0.5 * float(loss[1, 1])


@pytest.mark.slow
def test_a_blow_to_the_weights_costs_half_the_trace_of_the_hessian():
    """A blow of std s after learning raises the loss by s^2 tr H / 2 on average."""
    std, learned = 1e-3, 20_000
    blow = drift.UpdateNoise(std=std, acts_on="weights")
    recipe = BASE.replace(
        task=TASK.replace(environments=1),
        network=drift.Network(units=30),
        noise=(),
        steps=learned + 1,
        sessions=(learned, learned + 1),
        protocol=drift.Protocol(
            stages=[drift.Stage(steps=learned), drift.Stage(steps=1, noise=(blow,))]
        ),
    )
    recipes = [recipe.replace(seed=seed) for seed in range(30)]
    run = train(recipes, probes=("loss", "hessian_trace"), precision="float64")
    rise = np.diff(run["loss"].values)[:, 0]
    ratio = rise / (std**2 / 2 * run["hessian_trace"].values[:, 0])
    assert abs(ratio.mean() - 1) < 3 * ratio.std(ddof=1) / np.sqrt(30)
    assert ratio.std() < 0.6


def test_environments_that_a_file_has_not_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", inputs=rng.normal(size=(6, 3)), targets=rng.normal(size=(6, 2)))
    recipe = BASE.replace(task=drift.StoredTask(path=str(tmp_path / "x.npz")))
    with pytest.raises(RefusedInputError, match="names environment 1"):
        train([recipe])


def test_states_are_dealt_to_programs_of_any_size():
    rng = np.random.default_rng(0)
    state = {"step": np.array(3)} | {f"{number}.a": rng.normal(size=(2, 3)) for number in range(3)}
    sizes = {
        "step": np.array(0),
        "0.a": np.zeros((5, 3)),
        "1.a": np.zeros((1, 3)),
        "1.b": np.zeros(1),
    }
    dealt = parted(joined(state), sizes)
    assert set(dealt) == {"step", "0.a", "1.a"}
    whole = np.concatenate([state["0.a"], state["1.a"], state["2.a"]])
    np.testing.assert_array_equal(np.concatenate([dealt["0.a"], dealt["1.a"]]), whole)
