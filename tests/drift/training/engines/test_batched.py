"""The batched program against automatic and central differences, torch's Adam, and a plain numpy
step (rows D01, D20, D47)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import drift
from drift.training.engines.base import Subject
from drift.training.engines.batched import BatchedEngine, BatchedProgram

SAMPLES, INPUTS, OUTPUTS, UNITS = 6, 5, 4, 11
TASK = drift.RandomTask(samples=SAMPLES, inputs=INPUTS, outputs=OUTPUTS)


def recipe(**changes: object) -> drift.Experiment:
    return drift.Experiment(
        task=TASK, network=drift.Network(units=UNITS), steps=200, sessions=1, **changes
    )


def subject(seed: int = 0, **changes: object) -> Subject:
    one = recipe(seed=seed, **changes)
    return Subject(one, one.task.draw(seed))


def program(*subjects: Subject) -> BatchedProgram:
    return BatchedProgram(subjects, "cpu", torch.float64)


def loss(inward: torch.Tensor, outward: torch.Tensor, one: Subject) -> torch.Tensor:
    inputs, targets = torch.from_numpy(one.inputs), torch.from_numpy(one.targets)
    hidden = torch.relu(inputs @ inward[:, :-1].T + inward[:, -1])
    return ((hidden @ outward - targets) ** 2).mean()


def plain_gradient(
    inward: np.ndarray, outward: np.ndarray, inputs: np.ndarray, targets: np.ndarray
) -> list[np.ndarray]:
    """Closed form: G = 2 E / (T D), dV = h' G, dW = ((G V') [z > 0])' x."""
    extended = np.column_stack([inputs, np.ones(len(inputs))])
    field = extended @ inward.T
    hidden = np.maximum(field, 0)
    error = 2 * (hidden @ outward - targets) / targets.size
    return [((error @ outward.T) * (field > 0)).T @ extended, hidden.T @ error]


def plain_loss(
    inward: np.ndarray, outward: np.ndarray, inputs: np.ndarray, targets: np.ndarray
) -> float:
    hidden = np.maximum(inputs @ inward[:, :-1].T + inward[:, -1], 0)
    return float(np.square(hidden @ outward - targets).mean())


def test_d01_gradient_is_that_of_autograd_and_of_central_differences():
    ones = [subject(seed) for seed in range(3)]
    for one, *gradient in zip(ones, *program(*ones).gradient(), strict=True):
        weights = [torch.from_numpy(values).requires_grad_() for values in one.first_parameters()]
        automatic = torch.autograd.grad(loss(*weights, one), weights)
        for found, expected in zip(gradient, automatic, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)
        for number, index in ((0, (2, 3)), (0, (4, INPUTS)), (1, (5, 1))):
            moved = [[values.copy() for values in one.first_parameters()] for _ in range(2)]
            for values, sign in zip(moved, (1, -1), strict=True):
                values[number][index] += sign * 1e-6
            high, low = (plain_loss(*values, one.inputs, one.targets) for values in moved)
            assert gradient[number][index] == pytest.approx((high - low) / 2e-6, rel=1e-6, abs=1e-9)


def test_d01_adam_is_that_of_torch():
    one = subject(learner=drift.Adam(learning_rate=0.01))
    ours = program(one)
    weights = [torch.from_numpy(values).requires_grad_() for values in one.first_parameters()]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    for _ in range(50):
        ours.advance(1)
        optimizer.zero_grad()
        loss(*weights, one).backward()
        optimizer.step()
    for found, expected in zip(ours.parameters, weights, strict=True):
        torch.testing.assert_close(found[0], expected.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("faithful", [False, True])
def test_d20_average_step_of_stochastic_error_descent_is_a_gradient_step(faithful: bool):
    subjects, steps, rate, size = (
        10,
        4_000,
        1e-9,
        1e-3,
    )  # so slow that the weights stay where they are
    learner = drift.StochasticErrorDescent(learning_rate=rate, perturbation=size, faithful=faithful)
    first = subject(learner=learner)
    crowd = [
        Subject(first.experiment.replace(seed=seed), first.experience) for seed in range(subjects)
    ]
    ours = program(*crowd)
    for tensor, values in zip(ours.parameters, first.first_parameters(), strict=True):
        tensor.copy_(torch.from_numpy(values).expand_as(tensor))
    before = [tensor.clone() for tensor in ours.parameters]
    ours.advance(steps)
    gradient = plain_gradient(*first.first_parameters(), first.inputs, first.targets)
    for found, start, slope, rows in zip(
        ours.parameters, before, gradient, (UNITS, OUTPUTS), strict=True
    ):
        moved = (found - start).numpy() / (
            steps * rate * (size**2 / rows if faithful else 1.0)
        )  # (subject, unit, weight)
        along = -(moved * slope).sum((1, 2)) / np.square(slope).sum()
        error = along.std(ddof=1) / np.sqrt(subjects)
        assert error < 0.04, "the test must be able to see 5 % or so"
        assert along.mean() == pytest.approx(1, abs=4 * error)


LEARNERS = [
    drift.SGD(learning_rate=0.1),
    drift.Adam(),
    drift.StochasticErrorDescent(),
    drift.StochasticErrorDescent(faithful=True),
]
NOISES: list[list] = [
    [],
    [drift.LabelNoise(std=0.2)],
    [drift.LabelNoise.from_width(1.0)],
    [drift.InputNoise(std=0.1)],
    [drift.UpdateNoise(std=0.03)],
    [drift.UpdateNoise(std=0.003, acts_on="weights")],
    [
        drift.UpdateNoise(std=0.05, schedule=drift.OnOff(start=20, stop=90)),
        drift.LabelNoise(std=0.3, schedule=drift.Linear(stop=150)),
    ],
]


def plain_run(one: Subject, steps: int) -> list[np.ndarray]:
    """The same experiment step by step in numpy, with the same draws."""
    experiment, weights = one.experiment, list(one.first_parameters())
    noise = {each.kind: each for each in experiment.noise}
    streams = {
        name: drift.stream(experiment.seed, name)
        for name in ("input_noise", "label_noise", "update_noise", "perturbation")
    }
    moments = [[np.zeros_like(values) for values in weights] for _ in range(2)]

    def normals(name: str) -> list[np.ndarray]:
        return [streams[name].standard_normal(values.shape) for values in weights]

    for step in range(steps):
        inputs, targets, update = one.inputs, one.targets, noise.get("update")
        if "input" in noise:
            inputs = inputs + noise["input"].scale(step) * streams["input_noise"].standard_normal(
                inputs.shape
            )
        if "label" in noise:
            uniform = noise["label"].law == "uniform"
            rng = streams["label_noise"]
            drawn = (
                (rng.random(targets.shape) - 0.5) * np.sqrt(12)
                if uniform
                else rng.standard_normal(targets.shape)
            )
            targets = targets + noise["label"].scale(step) * drawn
        learner = experiment.learner
        if learner.kind == "stochastic_error_descent":
            trial = [
                learner.perturbation / np.sqrt(rows) * xi
                for rows, xi in zip((UNITS, OUTPUTS), normals("perturbation"), strict=True)
            ]
            tried = [values + xi for values, xi in zip(weights, trial, strict=True)]
            worse = plain_loss(*tried, inputs, targets) - plain_loss(*weights, inputs, targets)
            scales = [
                1.0 if learner.faithful else learner.perturbation**2 / rows
                for rows in (UNITS, OUTPUTS)
            ]
            changes = [
                -learner.learning_rate * worse * xi / scale
                for xi, scale in zip(trial, scales, strict=True)
            ]
        else:
            gradient = plain_gradient(*weights, inputs, targets)
            if update is not None and update.acts_on == "gradient":
                gradient = [
                    slope + update.scale(step) * xi
                    for slope, xi in zip(gradient, normals("update_noise"), strict=True)
                ]
            changes = [-learner.learning_rate * slope for slope in gradient]
            if learner.kind == "adam":
                moments[0] = [
                    0.9 * mean + 0.1 * slope
                    for mean, slope in zip(moments[0], gradient, strict=True)
                ]
                moments[1] = [
                    0.999 * square + 0.001 * slope**2
                    for square, slope in zip(moments[1], gradient, strict=True)
                ]
                corrected = [
                    (m / (1 - 0.9 ** (step + 1)), v / (1 - 0.999 ** (step + 1)))
                    for m, v in zip(*moments, strict=True)
                ]
                changes = [-learner.learning_rate * m / (np.sqrt(v) + 1e-8) for m, v in corrected]
        weights = [values + change for values, change in zip(weights, changes, strict=True)]
        if update is not None and update.acts_on == "weights":
            weights = [
                values + update.scale(step) * xi
                for values, xi in zip(weights, normals("update_noise"), strict=True)
            ]
    return weights


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.kind)
@pytest.mark.parametrize(
    "noise", NOISES, ids=lambda noise: "+".join(each.kind for each in noise) or "none"
)
def test_d47_program_is_a_plain_numpy_step_with_the_same_draws(learner: drift.SGD, noise: list):
    if learner.kind == "stochastic_error_descent" and any(
        getattr(each, "acts_on", "") == "gradient" for each in noise
    ):
        with pytest.raises(drift.RefusedInputError, match=r"no gradient for UpdateNoise"):
            recipe(learner=learner, noise=noise)
        return
    ones = [subject(seed, learner=learner, noise=noise) for seed in (3, 4)]
    engine = BatchedEngine(ones, "float64")
    engine.advance(120)
    engine.advance(80)
    blocks = ones[0].experiment.network.parameters(engine.weights())
    for one, *found in zip(ones, *blocks, strict=True):
        for values, expected in zip(found, plain_run(one, 200), strict=True):
            np.testing.assert_allclose(
                values, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max()
            )
