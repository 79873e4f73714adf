"""The minibatch engine: equal to a plain torch loop, to itself in company and after a stop; noise
laws (row S11)."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

import drift
from drift.networks.inhibition import ExplainingAway, Interneuron, SampledTopK, SigmoidWindow, TopK
from drift.noise import Linear
from drift.training.engines.base import Subject
from drift.training.engines.draws import HostDraws
from drift.training.engines.input_noise import noisy
from drift.training.engines.minibatch import MinibatchEngine

TASK = drift.RandomTask(samples=60, inputs=12, outputs=9)
BASE = drift.Experiment(
    task=TASK, network=drift.DenoisingNetwork(units=30), learner=drift.Adam(learning_rate=1e-3, gradient_clip=1.0), minibatch=16, steps=50,
    sessions=3,
)  # fmt: skip
NOISES = [drift.InputNoise(std=0.3), drift.LabelNoise(std=0.1), drift.UpdateNoise(std=1e-2)]
INHIBITIONS = [
    None,
    TopK(active_units=5),
    SigmoidWindow(),
    SampledTopK(log_mean=2.0),
    ExplainingAway(),
    Interneuron(),
]


def engine(recipe: drift.Experiment, precision: str = "float64") -> MinibatchEngine:
    return MinibatchEngine([Subject(recipe, recipe.task.draw(recipe.seed))], precision, threads=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "network",
    [{}, {"bias": "shared"}, {"tied": False, "activation": "gelu"}, {"activity_penalty": 1e-3}],
)
def test_steps_equal_those_of_a_plain_torch_loop(network: dict[str, object]) -> None:
    """Row S10: mean-reduced loss, clip, clean target, fresh noise."""
    recipe = BASE.replace(
        network=drift.DenoisingNetwork(units=30, **network), noise=[drift.InputNoise(std=0.5)]
    )
    running, world = engine(recipe), TASK.draw(0)
    first = recipe.network.first_weights(12, 9, 0)
    weights = {
        name: torch.tensor(values, dtype=torch.float64, requires_grad=True)
        for name, values in first.items()
    }  # type: ignore[union-attr]
    optimiser = torch.optim.Adam(weights.values(), lr=1e-3)
    order, noise = drift.stream(0, "order"), drift.stream(0, "input_noise")
    inputs, targets = (torch.as_tensor(world[name].values) for name in ("inputs", "targets"))
    for _ in range(50):
        chosen = order.integers(60, size=16)
        seen = inputs[chosen] + 0.5 * torch.as_tensor(noise.standard_normal((16, 12)))
        hidden = getattr(functional, network.get("activation", "relu"))(
            seen @ weights["input_weights"].T + weights["bias"]
        )  # type: ignore[call-overload]
        output = hidden @ weights["output_weights"].T + weights["output_bias"]
        loss = (output - targets[chosen]).square().mean() + network.get(
            "activity_penalty", 0.0
        ) * hidden.abs().sum(1).mean()  # type: ignore[operator]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimiser.step()
    running.advance(50)
    for name, values in running.weights().items():  # type: ignore[union-attr]
        assert np.allclose(values[0], weights[name].detach().numpy(), atol=1e-12), name


def test_the_gradient_is_clipped() -> None:
    far = BASE.replace(
        learner=drift.SGD(learning_rate=1.0, gradient_clip=1e-3), steps=1, sessions=1
    )
    running = engine(far)
    before = {name: values.copy() for name, values in running.weights().items()}  # type: ignore[union-attr]
    running.advance(1)
    moved = sum(
        np.square(values - before[name]).sum() for name, values in running.weights().items()
    )  # type: ignore[union-attr]
    assert np.sqrt(moved) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("inhibition", INHIBITIONS, ids=lambda one: one.kind if one else "plain")
def test_a_network_in_company_equals_itself_alone(inhibition: object) -> None:
    recipe = BASE.replace(network=BASE.network.replace(inhibition=inhibition), noise=NOISES)
    other = BASE.replace(network=drift.DenoisingNetwork(units=11), noise=NOISES[:1], seed=9)
    together = drift.train([other, recipe.replace(seed=1), recipe], progress=False, threads=1)
    alone = drift.train([recipe], progress=False, threads=1)
    for name in alone.data_vars:
        mine = together[name].isel(
            subject=2, **({"unit": slice(30)} if "unit" in alone[name].dims else {})
        )
        assert np.array_equal(mine, alone[name].isel(subject=0), equal_nan=True), name


def test_stopped_and_resumed_equals_never_stopped() -> None:
    recipe = BASE.replace(
        noise=NOISES, network=BASE.network.replace(inhibition=SampledTopK(log_mean=2.0))
    )
    whole, half, rest = (
        engine(recipe, "float32"),
        engine(recipe, "float32"),
        engine(recipe, "float32"),
    )
    whole.advance(40)
    half.advance(17)
    rest.restore(half.state())
    rest.advance(23)
    assert rest.step == 40
    for name, values in whole.weights().items():  # type: ignore[union-attr]
        assert np.array_equal(values, rest.weights()[name]), name  # type: ignore[call-overload]


@pytest.mark.parametrize("law", ["gaussian", "laplace", "exponential", "poisson"])
def test_noise_has_its_standard_deviation_whatever_its_law(law: str) -> None:  # S11
    source = HostDraws([3], "input_noise")
    for centred, std in ((True, 0.8), (False, 0.8)):
        noise = drift.InputNoise(std=std, law=law, centred=centred)
        drawn = noisy(torch.zeros(1000, 1000, dtype=torch.float64), noise, 0, source).numpy()
        assert drawn.mean() == pytest.approx(noise.mean(), abs=4 * std / 1000)
        assert drawn.var() == pytest.approx(std**2, rel=0.01)
        expected = (
            0.0
            if centred or law in ("gaussian", "laplace")
            else std
            if law == "exponential"
            else std**2
        )
        assert noise.mean() == pytest.approx(expected, rel=1e-15)


def test_published_parameters_convert() -> None:
    stds = [
        drift.InputNoise.published(law, 0.5).std
        for law in ("gaussian", "laplace", "exponential", "poisson")
    ]
    assert stds == pytest.approx([0.5, 0.5 * np.sqrt(2), 2.0, np.sqrt(0.5)])
    assert drift.InputNoise.published("exponential", 1 / 0.3).mean() == pytest.approx(0.3)
    assert drift.InputNoise.published("poisson", 0.3).mean() == pytest.approx(0.3)
    with pytest.raises(drift.RefusedInputError, match="a number above 0"):
        drift.InputNoise.published("laplace", 0.0)


def test_noise_is_annealed_away() -> None:  # S16
    noise = drift.InputNoise(
        std=0.8, schedule=Linear(start=800, stop=1_600, initial=1.0, final=0.0)
    )
    assert [noise.scale(step) for step in (0, 800, 1_000, 1_600, 2_000)] == pytest.approx(
        [0.8, 0.8, 0.6, 0.0, 0.0]
    )


@pytest.mark.parametrize("placement", ["preactivation", "hidden"])
def test_noise_may_enter_further_on(placement: str) -> None:
    quiet, loud = (
        BASE.replace(noise=[drift.InputNoise(std=std, placement=placement)]) for std in (0.0, 0.5)
    )
    first, second = drift.train([quiet, loud], progress=False, threads=1).loss.values
    assert first[0] == second[0] and first[-1] != second[-1]


def test_what_an_engine_cannot_run_is_refused() -> None:
    with pytest.raises(
        drift.RefusedInputError, match="fused engine does not run a DenoisingNetwork"
    ):
        drift.train([BASE], engine="fused", progress=False, threads=1)
    with pytest.raises(drift.RefusedInputError, match="minibatch engine does not run a Network"):
        drift.train([drift.Experiment(task=TASK)], engine="minibatch", progress=False, threads=1)
    with pytest.raises(drift.RefusedInputError, match="tf32"):
        drift.train([BASE], precision="tf32", progress=False, threads=1)
    with pytest.raises(drift.RefusedInputError, match="bfloat16"):
        drift.train([drift.Experiment(task=TASK)], precision="bfloat16", progress=False, threads=1)


def test_half_precision_stays_near() -> None:
    exact, coarse = (
        drift.train([BASE], precision=precision, progress=False, threads=1).loss.values[0]
        for precision in ("float32", "bfloat16")
    )
    assert coarse == pytest.approx(exact, rel=0.05)


def test_batched_and_fused_engines_clip_too() -> None:
    recipe = drift.Experiment(
        task=TASK, learner=drift.SGD(gradient_clip=1e-3), steps=20, sessions=3
    )
    run = drift.train([recipe, recipe.replace(seed=1)], progress=False, threads=1)
    assert run.attrs["engine"] == "batched"
    free = drift.train([recipe.replace(learner=drift.SGD())], progress=False, threads=1)
    assert run.loss.values[0, -1] > 1.5 * free.loss.values[0, -1]
    assert np.array_equal(
        run.loss[1], drift.train([recipe.replace(seed=1)], progress=False, threads=1).loss[0]
    )


LARGE = """
import resource
import subprocess
import sys

import numpy as np
import drift
from drift.tasks.base import experience

def draw(task, seed):
    images = np.random.Generator(np.random.PCG64(seed)).random((50_000, 3_072), dtype=np.float32)
    drawn = experience(images, images)
    drawn["test_inputs"] = drawn["test_targets"] = (("test_sample", "input"), images[:2_048])
    return drawn

drift.ImageTask.draw = draw
recipe = drift.Experiment(
    task=drift.ImageTask(), network=drift.DenoisingNetwork(units=10_000), learner=drift.Adam(learning_rate=1e-4, gradient_clip=1.0),
    noise=[drift.InputNoise(std=0.3)], minibatch=1_024, steps=2, sessions=2,
)
run = drift.train([recipe], probes=["loss", "noisy_loss", "noisy_fraction_active_responses"], progress=False, threads=1)
assert run.status == "complete"
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
def test_ten_thousand_units_on_colour_images_stay_below_three_gigabytes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LARGE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    print(f"largest memory {float(done.stdout):.2f} GiB")
    assert float(done.stdout) * 2**30 < 3e9
