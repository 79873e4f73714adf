"""The fused engine against the batched one and against a plain numpy step that is given the same
normal numbers (row D47).

float64 agrees to 1e-10 of the largest weight, also after 1,000 steps; float32 to 1e-3 (row D47)
after five steps, where rounding (6e-8) has passed through a few sums and through updates of at most
the size of the weights.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import drift
from drift import learners
from drift.loops.normals import BLOCK, fill_normals, fill_uniforms, generator_state
from drift.tasks.base import experience
from drift.training.engines import fused, make_engine
from drift.training.engines.base import Subject
from drift.training.engines.batched import BatchedEngine
from drift.training.engines.fused import FusedEngine
from drift.training.probes.choice import chosen
from drift.training.records import Records

TOLERANCE = {"float64": 1e-10, "float32": 1e-3}
STREAMS = ("input_noise", "label_noise", "update_noise", "perturbation")
TASK = drift.RandomTask(samples=6, inputs=5, outputs=4)


def subject(seed: int = 0, **changes: object) -> Subject:
    recipe = drift.Experiment(
        **{
            "task": TASK,
            "network": drift.Network(units=11),
            "steps": 1000,
            "sessions": 1,
            "seed": seed,
            **changes,
        }
    )
    return Subject(recipe, recipe.task.draw(seed))


def engine_at(
    ones: list[Subject],
    weights: list[np.ndarray] | None = None,
    precision: str = "float64",
    **state: np.ndarray,
) -> FusedEngine:
    """A fused engine, put to given weights (subject, unit, inputs + 1 + outputs) and moments."""
    engine = FusedEngine(ones, precision)
    before = engine.state()
    changes = state if weights is None else {"weights": np.stack(weights), **state}
    engine.restore(
        {
            **before,
            **{name: np.asarray(values, before[name].dtype) for name, values in changes.items()},
        }
    )
    return engine


def joined(engine: FusedEngine | BatchedEngine) -> np.ndarray:
    """Weights as (subject, unit, inputs + 1 + outputs)."""
    return np.concatenate(drift.Network().parameters(engine.weights()), axis=2)


def first_weights(one: Subject) -> np.ndarray:
    return np.column_stack(one.first_parameters())


def assert_same(found: np.ndarray, expected: np.ndarray, precision: str = "float64") -> None:
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=TOLERANCE[precision] * np.abs(expected).max()
    )


class Twin:
    """One subject step by step in numpy, float64, with the normal numbers that the fused engine
    would take."""

    def __init__(self, one: Subject, weights: np.ndarray | None = None) -> None:
        self.one, self.learner, self.step = one, one.experiment.learner, 0
        self.noise = {each.kind: each for each in one.experiment.noise}
        self.weights = first_weights(one) if weights is None else weights.astype(float)
        self.first, self.second = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self.states = {name: generator_state(one.experiment.seed, name) for name in STREAMS}
        self.silent: list[np.ndarray] = []

    def draw(self, name: str, shape: tuple[int, ...], fill: object = fill_normals) -> np.ndarray:
        size = int(np.prod(shape))
        buffer = np.empty(-(-size // BLOCK) * BLOCK, np.float32)
        fill(self.states[name], buffer)
        return buffer[:size].reshape(shape).astype(float)

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        inputs, targets = self.one.inputs, self.one.targets
        if "input" in self.noise:
            inputs = (
                inputs
                + self.noise["input"].scale(self.step) * self.draw("input_noise", inputs.T.shape).T
            )
        if "label" in self.noise:
            fill = fill_uniforms if self.noise["label"].law == "uniform" else fill_normals
            targets = (
                targets
                + self.noise["label"].scale(self.step)
                * self.draw("label_noise", targets.T.shape, fill).T
            )
        return np.column_stack([inputs, np.ones(len(inputs))]), targets

    def respond(
        self, weights: np.ndarray, inputs: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        width = inputs.shape[1]
        hidden = np.maximum(inputs @ weights[:, :width].T, 0)
        return hidden, hidden @ weights[:, width:] - targets

    def gradient(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        hidden, error = self.respond(self.weights, inputs, targets)
        self.silent.append(~(hidden > 0).any(0))
        scaled = 2 * error / targets.size
        slope = (scaled @ self.weights[:, inputs.shape[1] :].T) * (hidden > 0)
        return np.column_stack([slope.T @ inputs, hidden.T @ scaled])

    def descent(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        width, learner = inputs.shape[1], self.learner
        rows = np.where(
            np.arange(self.weights.shape[1]) < width, len(self.weights), targets.shape[1]
        )
        trial = self.draw("perturbation", self.weights.shape) * learner.perturbation / np.sqrt(rows)
        losses = [
            np.square(self.respond(weights, inputs, targets)[1]).mean()
            for weights in (self.weights, self.weights + trial)
        ]
        return (
            -learner.learning_rate
            * (losses[1] - losses[0])
            * trial
            / (1 if learner.faithful else learner.perturbation**2 / rows)
        )

    def adam(self, gradient: np.ndarray) -> np.ndarray:
        rule, now = self.learner, self.step + 1
        self.first = rule.first_decay * self.first + (1 - rule.first_decay) * gradient
        self.second = rule.second_decay * self.second + (1 - rule.second_decay) * gradient**2
        first, second = (
            self.first / (1 - rule.first_decay**now),
            self.second / (1 - rule.second_decay**now),
        )
        return -rule.learning_rate * first / (np.sqrt(second) + rule.epsilon)

    def advance(self, steps: int) -> np.ndarray:
        for _ in range(steps):
            inputs, targets = self.batch()
            update, shake = self.noise.get("update"), {"gradient": 0.0, "weights": 0.0}
            descends = self.learner.kind == "stochastic_error_descent"
            change = self.descent(inputs, targets) if descends else self.gradient(inputs, targets)
            if update is not None and not (descends and update.scale(self.step) == 0):
                shake[update.acts_on] = update.scale(self.step) * self.draw(
                    "update_noise", self.weights.shape
                )
            if not descends:
                gradient = change + shake["gradient"]
                change = (
                    self.adam(gradient)
                    if self.learner.kind == "adam"
                    else -self.learner.learning_rate * gradient
                )
            self.weights = self.weights + change + shake["weights"]
            self.step += 1
        return self.weights


RULES = {
    "sgd": drift.SGD(learning_rate=0.1),
    "adam": drift.Adam(epsilon=1e-3),
    "descent": drift.StochasticErrorDescent(learning_rate=0.01),
    "published descent": drift.StochasticErrorDescent(learning_rate=0.9, faithful=True),
}
NOISES: dict[str, list] = {
    "none": [],
    "label": [drift.LabelNoise(std=0.2)],
    "uniform label": [drift.LabelNoise.from_width(1.0)],
    "input": [drift.InputNoise(std=0.1)],
    "update": [drift.UpdateNoise(std=0.03)],
    "weights": [drift.UpdateNoise(std=0.003, acts_on="weights")],
    "all": [
        drift.UpdateNoise(std=0.003, acts_on="weights"),
        drift.LabelNoise(std=0.2),
        drift.InputNoise(std=0.1),
    ],
    "scheduled": [
        drift.UpdateNoise(std=0.01, acts_on="weights", schedule=drift.OnOff(start=2, stop=90))
    ],
    "fading": [
        drift.LabelNoise(std=0.3, schedule=drift.Linear(stop=120)),
        drift.InputNoise(std=0.2, schedule=drift.OnOff(start=3)),
    ],
}


def learners_and_noises() -> list[tuple[str, str]]:
    return [
        (rule, noise)
        for rule in RULES
        for noise in NOISES
        if not ("descent" in rule and noise == "update")
    ]


# step by step against numpy


@pytest.mark.parametrize(("rule", "noise"), learners_and_noises())
def test_d47_a_run_is_the_plain_numpy_run_with_the_same_normal_numbers(rule: str, noise: str):
    one = subject(seed=5, learner=RULES[rule], noise=NOISES[noise])
    engine, twin = FusedEngine([one], "float64"), Twin(one)
    engine.advance(120)
    engine.advance(80)
    assert_same(joined(engine)[0], twin.advance(200))
    assert engine.step == 200


@st.composite
def odd_subjects(draw: st.DrawFn) -> Subject:
    rule, noise = draw(st.sampled_from(learners_and_noises()))
    network = drift.Network(
        units=draw(st.integers(1, 70)), regime=draw(st.sampled_from(["rich", "lazy"]))
    )
    one = subject(
        draw(st.integers(0, 2**40)), network=network, learner=RULES[rule], noise=NOISES[noise]
    )
    samples, inputs, outputs = draw(st.tuples(*[st.integers(1, 40)] * 3))
    rng = np.random.default_rng(one.experiment.seed)
    return one._replace(
        experience=experience(
            rng.normal(size=(samples, inputs)), rng.normal(size=(samples, outputs))
        )
    )


@settings(
    database=None,
    deadline=None,
    max_examples=150,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(one=odd_subjects())
def test_d47_any_shape_learns_as_in_numpy(one: Subject):
    assume(
        np.abs(Twin(one).advance(5)).max() < 100
    )  # a learning rate too high for the shape; there rounding grows without limit
    for precision in ("float64", "float32"):
        engine = FusedEngine([one], precision)
        engine.advance(5)
        assert_same(
            joined(engine)[0], Twin(one, first_weights(one).astype(precision)).advance(5), precision
        )


def test_the_gradient_of_silent_units_is_exactly_zero_and_the_rest_is_numpy():
    one = subject(network=drift.Network(units=37))
    weights = first_weights(one)
    weights[:, 5], weights[::3, 5] = 1.0, -100.0
    engine = engine_at([one], [weights])
    engine.advance(1)
    gradient = engine._programs[0].work.gradient
    assert (gradient[::3] == 0).all() and (gradient[1::3] != 0).any(1).all()
    inputs = np.column_stack([one.inputs, np.ones(6)])
    assert_same(gradient, Twin(one, weights).gradient(inputs, one.targets))


# against the batched engine

TASKS = {
    "random": TASK,
    "smoothed": drift.SmoothedTask(samples=9, inputs=7, outputs=5),
    "autoencoder": drift.RandomAutoencoderTask(samples=8, inputs=6),
    "smoothed autoencoder": drift.SmoothedAutoencoderTask(samples=8, inputs=6),
    "predictive": drift.PredictiveTask(samples=11, inputs=9),
    "corridor": drift.CorridorTask(samples=23, rays=5),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("regime", ["rich", "lazy"])
@pytest.mark.parametrize(
    "learner", [drift.SGD(learning_rate=0.05), drift.Adam()], ids=lambda learner: learner.kind
)
def test_d47_without_noise_engines_agree_after_a_thousand_steps(
    task: str, regime: str, learner: object
):
    ones = [
        subject(
            seed, task=TASKS[task], network=drift.Network(units=21, regime=regime), learner=learner
        )
        for seed in (0, 1)
    ]
    engines = [FusedEngine(ones, "float64"), BatchedEngine(ones, "float64")]
    for engine in engines:
        engine.advance(1000)
    weights = [joined(engine) for engine in engines]
    assert_same(*weights)
    assert np.abs(weights[0] - [first_weights(one) for one in ones]).max() > 1e-3, (
        "nothing was learned"
    )


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("rule", ["descent", "published descent"])
def test_d47_stochastic_error_descent_is_numpy_for_a_thousand_steps(task: str, rule: str):
    one = subject(
        4,
        task=TASKS[task],
        network=drift.Network(units=21),
        learner=RULES[rule].replace(learning_rate=0.003),
    )
    engine, twin = FusedEngine([one], "float64"), Twin(one)
    engine.advance(1000)
    assert_same(joined(engine)[0], twin.advance(1000))


@pytest.mark.parametrize(
    "learner",
    [drift.SGD(learning_rate=0.05), drift.Adam(epsilon=1e-4)],
    ids=lambda learner: learner.kind,
)
def test_in_float32_engines_stay_together_for_a_hundred_steps(learner: object):
    ones = [subject(seed, learner=learner) for seed in range(5)]
    engines = [
        FusedEngine(ones, "float32"),
        BatchedEngine(ones, "float32"),
        BatchedEngine(ones, "float64"),
    ]
    for engine in engines:
        engine.advance(100)
    fused_, batched, exact = (joined(engine) for engine in engines)
    assert_same(fused_, exact, "float32")
    assert np.abs(fused_ - exact).max() < 10 * np.abs(batched - exact).max() + 1e-6, (
        "rounding is that of float32, not worse"
    )


# units that respond to no sample


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("silent", ["one in three", "all"])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_silent_units_get_their_noise_and_nothing_else(rule: str, silent: str, precision: str):
    noise = drift.UpdateNoise(std=0.05)
    one, quiet = (
        subject(learner=RULES[rule], noise=[noise]),
        slice(None, None, 3 if silent == "one in three" else 1),
    )
    weights = first_weights(one)
    weights[quiet, 5] = -100.0
    engine, twin = engine_at([one], [weights], precision), Twin(one, weights.astype(precision))
    engine.advance(50)
    twin.advance(50)
    assert_same(joined(engine)[0], twin.weights, precision)
    if rule == "sgd":
        draws = Twin(one)
        walk = sum(draws.draw("update_noise", weights.shape) for _ in range(50)) * -0.1 * noise.std
        rounding = 50 * 100 * np.finfo(precision).eps  # of 50 sums with a bias of -100
        np.testing.assert_allclose(
            (joined(engine)[0] - weights)[quiet], walk[quiet], rtol=0, atol=rounding
        )


def test_without_noise_a_silent_network_stays_as_it_is():
    ones = [subject(units) for units in range(2)]
    weights = [first_weights(one) for one in ones]
    weights[0][:, 5] = -100.0
    engine = engine_at(ones, weights, "float32")
    engine.advance(20)
    np.testing.assert_array_equal(joined(engine)[0], weights[0].astype(np.float32))
    assert (joined(engine)[1] != weights[1].astype(np.float32)).any()


def test_moments_of_a_silent_unit_decay_and_move_it():
    one = subject(learner=drift.Adam())
    weights = first_weights(one)
    weights[::2, 5] = -100.0
    shape = (1, *weights.shape)
    engine = engine_at([one], [weights], first=np.full(shape, 0.5), second=np.full(shape, 0.25))
    twin = Twin(one, weights)
    twin.first, twin.second = np.full(shape[1:], 0.5), np.full(shape[1:], 0.25)
    engine.advance(30)
    assert_same(joined(engine)[0], twin.advance(30))
    np.testing.assert_allclose(engine.state()["first"][0, ::2], 0.5 * 0.9**30, rtol=1e-12)
    np.testing.assert_allclose(engine.state()["second"][0, ::2], 0.25 * 0.999**30, rtol=1e-12)
    assert (joined(engine)[0] < weights)[::2].all(), (
        "a unit that fell silent is still carried by its momentum"
    )


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_units_that_fall_silent_and_wake_again_are_followed(precision: str):
    one = subject(
        3, network=drift.Network(units=29), noise=[drift.UpdateNoise(std=0.05, acts_on="weights")]
    )
    engine, twin = FusedEngine([one], precision), Twin(one, first_weights(one).astype(precision))
    engine.advance(300)
    assert_same(joined(engine)[0], twin.advance(300), precision)
    silent = np.array(twin.silent)  # (step, unit)
    woke = silent[:-1] & ~silent[1:]
    assert woke.any(0).sum() >= 3 and silent.any(0).sum() >= 5, (
        "the test needs units that fall silent and wake"
    )


# failure


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "place", [(3, 2), (3, 5), (3, 7)], ids=["input weight", "bias", "output weight"]
)
@pytest.mark.parametrize("rule", RULES)
def test_a_weight_that_is_no_number_is_flagged_and_neighbours_do_not_notice(
    bad: float, place: tuple[int, int], rule: str
):
    ones = [subject(seed, learner=RULES[rule]) for seed in range(3)]
    weights = [first_weights(one) for one in ones]
    healthy = engine_at(ones, weights)
    weights[1][place] = bad
    engine = engine_at(ones, weights)
    for each in (healthy, engine):
        each.advance(3)
    records = Records(ones, range(3), chosen(("loss",)))
    records.attend(engine)
    np.testing.assert_array_equal(records.diverged_at, [np.nan, 3, np.nan])
    np.testing.assert_array_equal(joined(engine)[::2], joined(healthy)[::2])


def test_nan_in_one_unit_spreads_to_all_that_respond():
    one = subject()
    weights = first_weights(one)
    weights[4, 5], weights[2, 0] = -100.0, np.nan
    engine = engine_at([one], [weights])
    engine.advance(2)
    spread = np.isnan(joined(engine)[0]).all(1)
    responds = (np.column_stack([one.inputs, np.ones(6)]) @ weights[:, :6].T > 0).any(0)
    responds[2] = True
    np.testing.assert_array_equal(spread, responds)
    assert not responds[4], "one unit was meant to be silent"


# which engine runs


class Unheard(learners.Learner):
    """A rule of a user's own."""

    kind: str = "unheard"

    def learn(self, program: learners.Program) -> None:
        """Leave the weights alone."""


class Gentle(drift.SGD):
    """A rule that looks like one that the engine knows."""

    kind: Literal["gentle"] = "gentle"

    def learn(self, program: learners.Program) -> None:
        """Take half a step."""
        for weights, slope in zip(program.parameters, program.gradient(), strict=True):
            weights.sub_(slope * program.numbers["learning_rate"] / 2)


class Wide(drift.Network):
    """A network that looks like one that the engine knows."""

    kind: Literal["wide"] = "wide"


@pytest.mark.parametrize("rule", RULES)
def test_auto_is_the_fused_engine_on_a_cpu(rule: str):
    experiment = subject(learner=RULES[rule], steps=3).experiment
    assert drift.train([experiment], progress=False).attrs["engine"] == "fused"
    assert drift.train([experiment], progress=False, engine="batched").attrs["engine"] == "batched"


@pytest.mark.parametrize(
    "unknown", [{"learner": Unheard()}, {"learner": Gentle()}, {"network": Wide(units=11)}], ids=str
)
def test_recipes_of_a_users_own_run_batched(unknown: dict):
    experiment = subject(steps=3, **unknown).experiment
    assert not fused.knows(experiment)
    assert drift.train([experiment], progress=False).attrs["engine"] == "batched"
    with pytest.raises(drift.RefusedInputError, match=r"use engine='auto' or 'batched'\.$"):
        drift.train([experiment], progress=False, engine="fused")


def test_the_fused_engine_is_refused_where_it_cannot_run():
    options = {"precision": "float32", "threads": None}
    with pytest.raises(
        drift.RefusedInputError,
        match=r"on device 'cpu', got device 'cuda' with SGD: use engine='auto' or 'batched'\.$",
    ):
        make_engine("fused", [subject()], device="cuda", **options)
    with pytest.raises(
        drift.RefusedInputError, match=r"engine 'fast' with precision 'float32' is unknown"
    ):
        make_engine("fast", [subject()], device="cpu", **options)
    with pytest.raises(drift.RefusedInputError, match=r"threads must be at least 1, got 0"):
        make_engine("fused", [subject()], device="cpu", precision="float32", threads=0)


def test_first_use_says_that_it_compiles_and_later_uses_are_quiet(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    class Kernel:
        signatures: tuple = ()
        __name__ = "advance"

        class stats:
            cache_path = "nowhere"

    FusedEngine([subject()], "float32").advance(1)
    capsys.readouterr()
    FusedEngine([subject()], "float32")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(fused.kernels, "advance", Kernel())
    FusedEngine([subject()], "float32")
    assert "compiling the fused engine, once on this machine" in capsys.readouterr().err
