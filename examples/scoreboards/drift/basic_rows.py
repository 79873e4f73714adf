"""Acceptance rows D01-D11 and D47-D49: gradients, Hessians, tasks, measures, engines, and the
slopes of recordings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import options
import torch
import xarray as xr
from scipy import stats
from scoreboards.acceptance import Check, Row, all_near, between, near
from scoreboards.drift.runs import Lengths, corridor_recipe, reference

import data_adapters
import drift
from drift import metrics
from drift.comparison.published import PUBLISHED_SLOPES, SPATIAL_INFORMATION
from drift.loops.normals import BLOCK, fill_normals, generator_state
from drift.tasks.base import symmetric_range, unit_range
from drift.tasks.walls import rays
from drift.theory.landscape import gauss_newton, hessian, hessian_spectrum, network_point, row_index
from drift.theory.landscape.curvature import Point
from drift.theory.landscape.spectrum import (
    fraction_positive_eigenvalues,
    gauss_newton_spectrum,
    padded,
)
from drift.training.engines import make_engine
from drift.training.engines.base import Engine, Subject

SEEDS = range(20)
CORRIDOR = drift.CorridorTask(faithful=True, data_range="symmetric")


def subject(seed: int, **changes: object) -> Subject:
    recipe = reference(10, 1, **changes).replace(seed=seed)
    return Subject(recipe, recipe.task.draw(seed))


def engine(name: str, one: Subject, precision: str = "float64") -> Engine:
    return make_engine(name, [one], precision=precision, device="cpu", threads=1)


def parameters_of(running: Engine) -> list[np.ndarray]:
    """Present weights, inward (subject, unit, input + 1) and outward (subject, unit, output)."""
    return drift.Network().parameters(running.weights())


def tensors(one: Subject) -> list[torch.Tensor]:
    return [
        torch.tensor(part, dtype=torch.float64, requires_grad=True)
        for part in one.first_parameters()
    ]


def torch_loss(one: Subject, inward: torch.Tensor, outward: torch.Tensor) -> torch.Tensor:
    extended = torch.tensor(np.column_stack([one.inputs, np.ones(len(one.inputs))]))
    return ((torch.relu(extended @ inward.T) @ outward - torch.tensor(one.targets)) ** 2).mean()


# D01-D04: derivatives of the loss


def gradients(asked: Lengths) -> Iterator[Check]:
    rules = {
        "SGD": (drift.SGD(), torch.optim.SGD, 0.1),
        "Adam": (drift.Adam(), torch.optim.Adam, 1e-3),
    }
    for rule, (learner, optimiser, rate) in rules.items():
        one = subject(asked.seed, learner=learner)
        parameters = tensors(one)
        before = np.concatenate([part.detach().numpy().ravel() for part in parameters])
        torch_loss(one, *parameters).backward()
        optimiser(parameters, lr=rate).step()
        step = np.concatenate([part.detach().numpy().ravel() for part in parameters]) - before
        for name in ("batched", "fused"):
            running = engine(name, one)
            running.advance(1)
            ours = np.concatenate([block[0].ravel() for block in parameters_of(running)]) - before
            yield near(
                f"step of {rule}, {name} against automatic differentiation",
                0,
                np.abs(ours - step).max() / np.abs(step).max(),
                1e-6,
            )


def silenced(seed: int, share: float) -> Point:
    """The reference network with a share of its units dead."""
    one = subject(seed)
    inward, outward = one.first_parameters()
    inward[: int(share * len(inward)), -1] = -100.0
    return network_point(one.inputs, one.targets, inward, outward)


def closed_form(asked: Lengths) -> Iterator[Check]:
    one = subject(asked.seed)
    inward, outward = tensors(one)
    sizes = (inward.numel(), outward.numel())

    def loss(flat: torch.Tensor) -> torch.Tensor:
        first, second = flat.split(sizes)
        return torch_loss(one, first.view_as(inward), second.view_as(outward))

    flat = torch.cat([inward.detach().ravel(), outward.detach().ravel()])
    expected = torch.autograd.functional.hessian(loss, flat, vectorize=True).numpy()
    here = network_point(one.inputs, one.targets, inward.detach().numpy(), outward.detach().numpy())
    rows = row_index(here)
    found = np.zeros_like(expected)
    found[np.ix_(rows, rows)] = hessian(here)
    yield near(
        "largest difference from automatic differentiation",
        0,
        np.abs(found - expected).max(),
        1e-10,
    )
    flat.requires_grad_()
    direction, step = (
        torch.tensor(drift.stream(asked.seed, "shuffle").standard_normal(flat.numel())),
        1e-6,
    )
    slopes = [
        torch.autograd.grad(loss(flat + sign * step * direction), flat)[0].numpy()
        for sign in (1, -1)
    ]
    yield near(
        "along a random direction, by differences",
        0,
        np.abs(found @ direction.numpy() - np.subtract(*slopes) / (2 * step)).max(),
        1e-8,
    )


def restricted(asked: Lengths) -> Iterator[Check]:
    here = silenced(asked.seed, 0.6)
    yield near("rows that are not zero, 60 of 100 units dead", 1240, here.rows, 0)
    full, dense = (
        hessian(here),
        np.sort(np.pad(np.linalg.eigvalsh(hessian(here)), (0, here.parameters - here.rows))),
    )
    yield near(
        "spectrum against a dense solver, relative",
        0,
        np.abs(padded(hessian_spectrum(here)) - dense).max() / dense.max(),
        1e-10,
    )
    yield near(
        "trace against the Gauss-Newton trace",
        1,
        np.trace(full) / np.trace(gauss_newton(here)),
        1e-10,
    )
    large = np.linalg.eigvalsh(gauss_newton(here))
    small = gauss_newton_spectrum(here)
    yield near(
        "Gram spectrum, relative",
        0,
        np.abs(large[-len(small) :] - small).max() / large.max(),
        1e-10,
    )


def published_fraction(asked: Lengths) -> Iterator[Check]:
    here = silenced(asked.seed, 0.0)
    eigenvalues = gauss_newton_spectrum(here)
    yield near("parameters", 3100, here.parameters, 0)
    yield near(
        "fraction of positive eigenvalues",
        0.515,
        fraction_positive_eigenvalues(hessian_spectrum(here)),
        0.02,
    )
    yield near("Gauss-Newton rank", 100, (eigenvalues > 1e-8 * eigenvalues.max()).sum(), 0)


# D05-D11: tasks and measures


def normalisers(asked: Lengths) -> Iterator[Check]:
    values = drift.stream(asked.seed, "world").normal(3, 2, (20, 5))
    spread = np.ptp(values)
    for name, scaled, low, span in (
        ("older", unit_range(values), 0, 1),
        ("released", symmetric_range(values), -1, 2),
    ):
        expected = [low - span * 1e-5 / spread, low + span * (1 - 1e-5 / spread)]
        yield all_near(f"extremes, {name} version", expected, [scaled.min(), scaled.max()], 1e-9)


def path(task: drift.CorridorTask, seed: int):
    """Walk of an agent before anything is scaled, drawn after the texture."""
    rng = drift.stream(seed, "world")
    rng.standard_normal(int(2 * (task.width + task.length) * task.rays))
    return task._path(rng)


def phases(task: drift.CorridorTask, seed: int):
    """Where on the wall the rays of the inputs end."""
    walk = path(task, seed)
    angles = walk.gaze[:-1, None] + np.linspace(-task.field_of_view, task.field_of_view, task.rays)
    return rays(walk.x[:-1], walk.y[:-1], angles, task.width, task.length)


def faithful_corridor(_: Lengths) -> Iterator[Check]:
    drawn = [CORRIDOR.draw(seed) for seed in SEEDS]
    shapes = [(*one["inputs"].shape, *one["targets"].shape) for one in drawn]
    yield all_near("shapes", (150, 18, 150, 17), shapes, 0.1)
    yield between(
        "largest position",
        5.6,
        max(float(np.abs(one["position"]).max()) for one in drawn),
        high=5.6 + 1e-12,
    )
    views, following = (
        drawn[0]["inputs"].values[1:, :-1].ravel(),
        drawn[0]["targets"].values[:-1].ravel(),
    )
    residual = following - np.polyval(np.polyfit(views, following, 1), views)
    yield near("next view less target, but for scale", 0, np.abs(residual).max(), 1e-9)
    beyond = np.mean([(phases(CORRIDOR, seed).published_phase > 1).mean() for seed in SEEDS])
    yield near("rays with a phase above 1", 0.21, beyond, 0.02)
    yield between(
        "spurious actions of 2 pi",
        9,
        np.mean([(np.abs(path(CORRIDOR, seed).action) > 6).sum() for seed in SEEDS]),
        6,
        12,
    )


def mended_corridor(_: Lengths) -> Iterator[Check]:
    found = np.concatenate([phases(drift.CorridorTask(), seed).phase.ravel() for seed in SEEDS])
    yield between("smallest phase", 0, found.min(), low=0)
    yield between("largest phase", 1, found.max(), high=np.nextafter(1, 0))
    actions = [np.abs(path(drift.CorridorTask(), seed).action).max() for seed in SEEDS]
    yield between("largest action", np.pi, max(actions), high=np.pi)


def predictive(_: Lengths) -> Iterator[Check]:
    mended = [drift.PredictiveTask(samples=15, inputs=6).draw(seed) for seed in SEEDS]
    yield near(
        "mended: target less next input",
        0,
        max(float(np.abs(one.targets[:-1].values - one.inputs[1:].values).max()) for one in mended),
        0,
    )
    faithful = [
        drift.PredictiveTask(samples=15, inputs=6, faithful=True).draw(seed) for seed in SEEDS
    ]
    slopes = [
        np.polyfit(one.inputs.values[1:].ravel(), one.targets.values[:-1].ravel(), 1)[0]
        for one in faithful
    ]
    yield between(
        "faithful: share of data sets scaled twice", 0.67, np.mean(np.array(slopes) < 0.9), low=0.5
    )


def normal_numbers(asked: Lengths) -> Iterator[Check]:
    """Of a million numbers each, averaged over seeds: one million alone crosses the kurtosis bound,
    3.1 standard errors, in 2 of 1,000."""
    found = []
    for seed in range(asked.seed, asked.seed + 9):
        buffer = np.empty(-(-1_000_000 // BLOCK) * BLOCK, np.float32)
        fill_normals(generator_state(seed, "update_noise"), buffer)
        drawn = buffer[:1_000_000].astype(float)
        found.append(
            (drawn.mean(), drawn.std(), stats.kurtosis(drawn), stats.kstest(drawn, "norm").pvalue)
        )
    mean, spread, kurtosis, p_values = np.transpose(found)
    yield near("mean", 0, mean.mean(), 0.004)
    yield near("standard deviation", 1, spread.mean(), 0.003)
    yield near("excess kurtosis", 0, kurtosis.mean(), 0.015)
    yield between(
        "p of Kolmogorov and Smirnov, combined",
        0.5,
        stats.combine_pvalues(p_values).pvalue,
        low=0.01,
    )


def information(_: Lengths) -> Iterator[Check]:
    places = 50
    rate = np.zeros((3, places))
    rate[0], rate[1, 7] = 2.0, 3.0  # uniform, one field, dead
    found = metrics.spatial_information(
        xr.DataArray(rate, dims=("unit", "place")), xr.DataArray(np.ones(places), dims="place")
    ).fillna(0)
    yield all_near("uniform, one field of 50 bins, dead", (0, np.log2(places), 0), found, 1e-9)


def log_rate(asked: Lengths) -> Iterator[Check]:
    steps, noise = (
        np.linspace(0, 1e6, 101),
        drift.stream(asked.seed, "observation").normal(0, 0.003, 101),
    )
    axis = xr.DataArray(steps, dims="session", attrs={"units": "step"})
    for rate in (3e-6, 1e-5, 1e-4):
        curve = xr.DataArray(np.exp(-rate * steps) + noise, dims="session")
        yield near(
            f"log10 of a rate of {rate:g}",
            np.log10(rate),
            np.log10(metrics.sparsification_time(curve, axis)["rate"]),
            0.1,
        )
    constant = xr.full_like(axis, 0.4)
    yield near(
        "failures that are NaN",
        1,
        float(np.isnan(metrics.sparsification_time(constant, axis)["time"])),
        0,
    )
    yield near("published value of a failure", 0, metrics.published_log_rate(constant, axis), 0)


# D47-D49: engines and recordings


def numpy_step(one: Subject, weights: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """One step of gradient descent with given update noise, (unit, inputs + 1 + outputs)."""
    extended, width = (
        np.column_stack([one.inputs, np.ones(len(one.inputs))]),
        one.inputs.shape[1] + 1,
    )
    hidden = np.maximum(extended @ weights[:, :width].T, 0)
    scaled = 2 * (hidden @ weights[:, width:] - one.targets) / one.targets.size
    slope = (scaled @ weights[:, width:].T) * (hidden > 0)
    return weights - 0.1 * (np.column_stack([slope.T @ extended, hidden.T @ scaled]) + noise)


def fused_against_numpy(asked: Lengths) -> Iterator[Check]:
    one = subject(asked.seed, noise=[drift.UpdateNoise(std=0.03)])
    weights = np.column_stack(one.first_parameters())
    state, buffer = (
        generator_state(asked.seed, "update_noise"),
        np.empty(-(-weights.size // BLOCK) * BLOCK, np.float32),
    )
    for _ in range(1000):
        fill_normals(state, buffer)
        weights = numpy_step(
            one, weights, 0.03 * buffer[: weights.size].reshape(weights.shape).astype(float)
        )
    for precision, tolerance in (("float64", 1e-10), ("float32", 1e-3)):
        running = engine("fused", one, precision)
        running.advance(1000)
        found = np.column_stack([block[0] for block in parameters_of(running)])
        yield near(
            f"relative difference after 1e3 steps, {precision}",
            0,
            np.abs(found - weights).max() / np.abs(weights).max(),
            tolerance,
        )


def speed(_: Lengths) -> Iterator[Check]:
    torch.set_num_threads(1)
    small, corridor = reference(10, 1), corridor_recipe()
    for name, recipe, expected, least in (("small", small, 18, 10), ("corridor", corridor, 6, 4)):
        noisy = recipe.replace(noise=[drift.UpdateNoise(std=0.0139)])
        one = Subject(noisy, noisy.task.draw(0))
        running, plain = engine("fused", one, "float32"), plain_loop(one)
        steps = 2_000 if name == "small" else 200
        rounds = [
            (
                seconds(plain, 100) / 100,
                seconds(lambda: running.advance(steps), 1)  # noqa: B023
                / steps,
            )
            for _ in range(5)
        ]
        slow, fast = np.min(rounds, axis=0)  # machines change their speed
        yield between(
            f"times as fast as a torch loop in float64, {name}", expected, slow / fast, low=least
        )


def plain_loop(one: Subject) -> Callable[[], None]:
    """One step of the usual torch loop with update noise, as in the released code."""
    units, outputs = one.experiment.network.units, one.targets.shape[1]
    network = torch.nn.Sequential(
        torch.nn.Linear(one.inputs.shape[1], units),
        torch.nn.ReLU(),
        torch.nn.Linear(units, outputs, bias=False),
    ).double()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    inputs, targets = torch.tensor(one.inputs), torch.tensor(one.targets)

    def step() -> None:
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(network(inputs), targets).backward()
        for parameter in network.parameters():
            parameter.grad += 0.0139 * torch.randn_like(parameter, dtype=torch.float32).double()
        optimiser.step()

    return step


def seconds(call: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - began


def recorded_slopes(_: Lengths) -> Iterator[Check]:
    """Slopes of the recording that is at hand, with the signs and, within a factor of 2, the sizes
    of the published ones."""
    name, where, reader = options.recording(None)
    recorded = drift.measure(data_adapters.sessions(name, where, **reader), shuffles=500)
    elapsed = recorded["elapsed"].mean("subject").assign_attrs(recorded["elapsed"].attrs)
    for measure, ours in (
        ("fraction of place cells", "fraction_place_units"),
        (SPATIAL_INFORMATION, "spatial_information"),
    ):
        published = next(
            one
            for one in PUBLISHED_SLOPES
            if (one.recording, one.measure) == ("Karlsson 2015", measure)
        )
        values = metrics.summary(recorded, ours)[ours]
        found = float(metrics.slope(values / values.isel(session=0), elapsed)["slope"])
        low, high = sorted((published.slope / 2, published.slope * 2))
        yield between(f"{measure}, per {published.per}", published.slope, found, low, high)


ROWS = (
    Row("D01", "gradients of the learning rules", "seconds", gradients),
    Row("D02", "Hessian in closed form", "seconds", closed_form),
    Row("D03", "Hessian restricted to active units", "seconds", restricted),
    Row("D04", "published fraction of eigenvalues", "seconds", published_fraction),
    Row("D05", "range of the normaliser", "seconds", normalisers),
    Row("D06", "corridor as published", "seconds", faithful_corridor),
    Row("D07", "corridor as mended", "seconds", mended_corridor),
    Row("D08", "predictive task", "seconds", predictive),
    Row("D09", "normal numbers", "seconds", normal_numbers),
    Row("D10", "spatial information", "seconds", information),
    Row("D11", "rate of sparsification", "seconds", log_rate),
    Row("D47", "fused engine against numpy", "seconds", fused_against_numpy),
    Row("D48", "speed of the fused engine", "seconds", speed),
    Row("D49", "slopes of a recording", "minutes", recorded_slopes, "recording"),
)
