"""Acceptance rows S10-S17 of sparse coding: first weights, noise laws, inhibition, schedules and
the readers of image files."""

from __future__ import annotations

import math
import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scoreboards.acceptance import Check, Row, all_near, between, near
from scoreboards.sparse_coding.runs import Asked

import drift
from drift.networks.inhibition import Moment
from drift.streams import stream
from drift.tasks.image_files import read_cifar10, read_idx
from drift.training.engines.base import Subject
from drift.training.engines.draws import HostDraws
from drift.training.engines.input_noise import noisy
from drift.training.engines.minibatch import MinibatchEngine

UNITS, SAMPLES, INPUTS, OUTPUTS = 40, 30, 7, 5


def torched(weights: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.as_tensor(values, dtype=torch.float64) for name, values in weights.items()}


def normals(seed: int, *shape: int) -> torch.Tensor:
    return torch.as_tensor(stream(seed, "world").standard_normal(shape))


def first_weights(asked: Asked) -> Iterator[Check]:
    weights = drift.DenoisingNetwork(units=10_000).first_weights(256, 256, asked.seed)
    yield near(
        "parameters, 256 inputs, 10,000 units",
        5_130_256,
        sum(values.size for values in weights.values()),
        0,
    )
    for name, fan_in in (("input_weights", 256), ("bias", 256), ("output_weights", 10_000)):
        yield between(
            f"range of {name} over 1 / sqrt(fan-in)",
            1,
            abs(weights[name]).max() * math.sqrt(fan_in),
            0.999,
            1.0,
        )
    yield near(
        "largest deviation from a plain torch loop of 50 steps", 0, _deviation(asked.seed), 1e-12
    )


def _deviation(seed: int) -> float:
    """How far weights are from those of torch's own layers, loss, clip and Adam on the same draws:
    clean targets, fresh noise."""
    task = drift.RandomTask(samples=60, inputs=12, outputs=9)
    learner = drift.Adam(learning_rate=1e-3, gradient_clip=1.0)
    network, noise = drift.DenoisingNetwork(units=30), [drift.InputNoise(std=0.5)]
    recipe = drift.Experiment(
        task=task, network=network, learner=learner, noise=noise, minibatch=16, steps=50, seed=seed
    )
    world = task.draw(seed)
    running = MinibatchEngine([Subject(recipe, world)], "float64", threads=1)
    running.advance(50)
    weights = {
        name: values.requires_grad_()
        for name, values in torched(network.first_weights(12, 9, seed)).items()
    }
    optimiser, order, chance = (
        torch.optim.Adam(weights.values(), lr=1e-3),
        stream(seed, "order"),
        stream(seed, "input_noise"),
    )
    inputs, targets = (torch.as_tensor(world[name].values) for name in ("inputs", "targets"))
    for _ in range(50):
        chosen = order.integers(60, size=16)
        seen = inputs[chosen] + 0.5 * torch.as_tensor(chance.standard_normal((16, 12)))
        hidden = torch.relu(seen @ weights["input_weights"].T + weights["bias"])
        loss = torch.nn.functional.mse_loss(
            hidden @ weights["output_weights"].T + weights["output_bias"], targets[chosen]
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimiser.step()
    learnt: Any = running.weights()
    return max(
        float(np.abs(learnt[name][0] - values.detach().numpy()).max())
        for name, values in weights.items()
    )


def noise_laws(asked: Asked) -> Iterator[Check]:
    source, parameter = HostDraws([asked.seed], "input_noise"), 0.8
    laws = {"gaussian": (parameter, 0, 0.64), "laplace": (parameter, 0, 1.28), "exponential": (1 / parameter, 0.8, 0.64),
            "poisson": (parameter, 0.8, 0.8)}  # fmt: skip
    for law, (given, mean, variance) in laws.items():
        published = drift.InputNoise.published(law, given)  # type: ignore[arg-type]
        equal = drift.InputNoise(std=parameter, law=law)  # type: ignore[arg-type]
        for noise, centre, spread, name in (
            (published, mean, variance, "published"),
            (equal, 0, 0.64, "centred, equal variance"),
        ):
            drawn = noisy(torch.zeros(1000, 1000, dtype=torch.float64), noise, 0, source).numpy()
            yield near(f"mean, {law}, {name}", centre, drawn.mean(), 0.01 * math.sqrt(spread))
            yield near(f"variance, {law}, {name}", spread, drawn.var(), 0.01 * spread)


def top_k(asked: Asked) -> Iterator[Check]:
    drive = (1 + normals(asked.seed, SAMPLES, UNITS)).requires_grad_()
    for method, most in (("mask", 6), ("subtract", 5)):
        hidden = (
            drift.TopK(active_units=6, method=method)
            .selected(drive, {}, Moment(0, torch.relu))
            .hidden
        )  # type: ignore[arg-type]
        yield near(f"most active units of 6, {method}", most, float((hidden > 0).sum(1).max()), 0)
        (slope,) = torch.autograd.grad(hidden.sum(), drive)
        yield near(
            f"gradient beyond the active units, {method}",
            0,
            float((slope - (hidden > 0).double()).abs().max()),
            0,
        )
    for kind, half in (("linear", 505), ("exponential", 100)):
        schedule = drift.TopK(active_units=10, schedule=kind, duration=100)  # type: ignore[arg-type]
        yield all_near(
            f"k after 0, 50, 100 steps, {kind}",
            [1000, half, 10],
            [schedule.active_units_at(t, 1000) for t in (0, 50, 100)],
            1e-9,
        )
    network = drift.DenoisingNetwork(
        units=UNITS,
        normalised=True,
        bias="none",
        readout_bias=False,
        inhibition=drift.TopK(active_units=5),
    )
    weights = torched(network.first_weights(INPUTS, OUTPUTS, asked.seed))
    images = normals(asked.seed, SAMPLES, INPUTS)
    change = network.respond(weights, 7 * images).output - network.respond(weights, images).output
    yield near("response to inputs of another length", 0, float(change.abs().max()), 1e-12)
    weights["input_weights"] *= 3
    network.normalise(weights)
    yield all_near("length of keys", 1, weights["input_weights"].norm(dim=1), 1e-12)


def sigmoid_window(asked: Asked) -> Iterator[Check]:
    window, k = drift.SigmoidWindow(), torch.tensor(100.3, dtype=torch.float64, requires_grad=True)
    gate = window.gate(k, 400)
    yield near("least gate up to rank 80", 1, float(gate[:80].detach().min()), 0)
    yield near("largest gate beyond rank 120", 0, float(gate[120:].detach().max()), 0)
    nearest = min(gate[98:101].tolist(), key=lambda value: abs(value - 0.5))
    yield near("gate nearest to .5 among ranks 99 to 101, k = 100.3", 0.5, nearest, 0.05)
    yield between(
        "gradient of the summed gate for k", 1, float(torch.autograd.grad(gate.sum(), k)[0]), 0.5
    )
    yield near("k after learning, planted at 30", 30, _learnt_k(window, asked.seed), 2.5)


def _learnt_k(window: drift.SigmoidWindow, seed: int) -> float:
    """k that has learned from 20 on to give the code of 30 winners."""
    drive = torch.as_tensor(
        np.sort(stream(seed, "world").exponential(1.0, (SAMPLES, 100)))[:, ::-1].copy()
    )
    best = drift.TopK(active_units=30).selected(drive, {}, Moment(0, torch.relu)).hidden
    k = torch.tensor([20.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([k], lr=0.5)
    for _ in range(150):
        optimiser.zero_grad()
        missed = window.selected(drive, {"active_units": k}, Moment(0, torch.relu)).hidden - best
        missed.square().mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return float(k.detach())


def sampled_k(asked: Asked) -> Iterator[Check]:
    """On the loss (log k - 1.5)^2, whose exact gradient for mean 2 and deviation .7 of log k is (1,
    1.4)."""
    corrected, published = (
        _credit_gradients(faithful, asked.seed, draws)
        for faithful, draws in ((False, 3000), (True, 3))
    )
    error = corrected.std(axis=0, ddof=1) / math.sqrt(len(corrected))
    yield near("gradient for the mean of log k", 1.0, corrected.mean(axis=0)[0], 4 * error[0])
    yield near("gradient for its deviation", 1.4, corrected.mean(axis=0)[1], 4 * error[1])
    yield all_near("gradient for the mean, published code", 0, published[:, 0], 1e-12)


def _credit_gradients(faithful: bool, seed: int, draws: int) -> np.ndarray:
    """Gradients (batch, parameter) of the score-function objective in batches of 64 samples."""
    rule, rng = drift.SampledTopK(faithful=faithful), stream(seed, "perturbation")
    found = []
    for _ in range(draws):
        law, chance = (
            torch.tensor([2.0, 0.7], dtype=torch.float64, requires_grad=True),
            torch.as_tensor(rng.standard_normal(64)),
        )
        moment = Moment(0, torch.relu, lambda buffer, chance=chance: chance)
        selection = rule.selected(
            torch.zeros(64, 4, dtype=torch.float64), {"log_active_units": law}, moment
        )
        credit = rule.credit(selection, (law.detach()[0] + law.detach()[1] * chance - 1.5) ** 2)
        assert credit is not None
        found.append(torch.autograd.grad(credit, law)[0].numpy())
    return np.array(found)


def silent_inhibition(asked: Asked) -> Iterator[Check]:
    plain, images = drift.DenoisingNetwork(units=UNITS), normals(asked.seed, SAMPLES, INPUTS)
    reference = plain.respond(
        torched(plain.first_weights(INPUTS, OUTPUTS, asked.seed)), images
    ).output
    cases = {"t* = 0": ("", drift.ExplainingAway(iterations=0)), "G = 0": ("lateral_weights", drift.ExplainingAway()),
             "G_d = 0": ("inhibitory_weights", drift.Interneuron())}  # fmt: skip
    for name, (silent, inhibition) in cases.items():
        network = plain.replace(inhibition=inhibition)
        weights = torched(network.first_weights(INPUTS, OUTPUTS, asked.seed))
        if silent:
            weights[silent] *= 0
        yield near(
            f"outputs less those without, {name}",
            0,
            float((network.respond(weights, images).output - reference).abs().max()),
            1e-6,
        )


def schedules(asked: Asked) -> Iterator[Check]:
    noise = drift.InputNoise(
        std=0.8, schedule=drift.Linear(start=800, stop=1600, initial=1.0, final=0.0)
    )
    yield all_near(
        "sigma after 0, 800, 1000, 1600, 2000",
        [0.8, 0.8, 0.6, 0, 0],
        [noise.scale(t) for t in (0, 800, 1000, 1600, 2000)],
        1e-12,
    )
    bias = drift.DenoisingNetwork(units=UNITS, bias="shared").first_weights(
        INPUTS, OUTPUTS, asked.seed
    )["bias"]
    yield near("shared biases", 1, bias.size, 0)
    yield near("shared bias at the start", 0, float(bias[0]), 0)


def readers(asked: Asked) -> Iterator[Check]:
    rng = stream(asked.seed, "world")
    images, pixels = (
        rng.integers(0, 256, (3, 4, 5), np.uint8),
        rng.integers(0, 256, (4, 3072), np.uint8),
    )
    with tempfile.TemporaryDirectory() as folder:
        idx, batch = Path(folder) / "images-idx3-ubyte", Path(folder) / "test_batch"
        head = b"".join(number.to_bytes(4) for number in (2051, 3, 4, 5))
        idx.write_bytes(head + images.tobytes())
        yield near("pixels of an idx file that differ", 0, int((read_idx(idx) != images).sum()), 0)
        yield near("another checksum is refused", 1, _refused(lambda: read_idx(idx, "0" * 64)), 0)
        idx.write_bytes(b"\0\0\x08\2" + head[4:] + images.tobytes())
        yield near("another magic number is refused", 1, _refused(lambda: read_idx(idx)), 0)
        batch.write_bytes(pickle.dumps({b"data": pixels, b"labels": [0, 1, 2, 9]}, protocol=3))
        found, labels = read_cifar10(folder, "test")
        yield near(
            "pixels and labels of CIFAR10 that differ",
            0,
            int((found != pixels).sum() + (labels != [0, 1, 2, 9]).sum()),
            0,
        )
        (Path(folder) / "cifar-10-python.tar.gz").write_bytes(b"another archive")
        yield near(
            "another archive is refused", 1, _refused(lambda: read_cifar10(folder, "test")), 0
        )


def _refused(read: Callable[[], object]) -> int:
    try:
        read()
    except drift.RefusedInputError:
        return 1
    return 0


ROWS = (
    Row("S10", "first weights and one loop of learning", "seconds", first_weights),
    Row("S11", "noise laws", "seconds", noise_laws),
    Row("S12", "explicit Top-K", "seconds", top_k),
    Row("S13", "learned k, sigmoid window", "seconds", sigmoid_window),
    Row("S14", "learned k, sampled", "seconds", sampled_k),
    Row("S15", "silent inhibition", "seconds", silent_inhibition),
    Row("S16", "annealing, shared bias", "seconds", schedules),
    Row("S17", "readers of image files", "seconds", readers),
)
