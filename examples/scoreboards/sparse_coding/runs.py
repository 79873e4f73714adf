"""The runs that the scoreboard of sparse coding rests on: networks that learn to remove noise, each
run once and kept as netCDF."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

import drift
from drift.sweeps.sweep import run_sweep

STDS = (
    0.0,
    0.1,
    0.3,
    0.8,
)  # of the noise on each input, in the families that show how sparsity depends on it
SUBJECTS = 3  # networks of each family and noise, for error bars
ADAM = drift.Adam(learning_rate=1e-3, gradient_clip=1.0)
MINIBATCH = 256
MEASURES = (
    "fraction_active_responses", "noisy_fraction_active_responses", "count_variation", "top_k_overlap", "fraction_dead_units",
    "noisy_loss", "reconstruction_accuracy", "bias_mean", "bias_deviation", "fraction_negative_biases", "key_norm_mean",
    "key_norm_variation",
)  # fmt: skip
FIELDS = (*MEASURES, "input_weights", "bias")
LONG_SESSIONS = (0, 100, 300, 600, *range(1000, 20_001, 1000))


class Asked(NamedTuple):
    """What a row may ask for: seed of the first network, folder of kept runs, who runs them, and
    where image sets are."""

    seed: int = 0
    runs: Path = Path("results/sparse_coding/runs")
    workers: Any = "serial"  # executor of sweeps
    images: dict[str, Path] = {}  # noqa: RUF012


def swept(
    asked: Asked, name: str, recipes: Sequence[drift.Experiment], probes: Sequence[str] = MEASURES
) -> xr.Dataset:
    """Run what is missing of a named sweep and return all of it."""
    run = run_sweep(
        recipes, asked.runs / name, executor=asked.workers, probes=probes, progress=False
    )
    assert run is not None
    return run


def folder(name: str) -> str:
    """Name of a run as part of the name of a folder."""
    return "_".join(re.findall(r"\w+", name))


Data = drift.ImageTask | drift.StoredTask


def recipe(
    task: Data, units: int, steps: int, seed: int, sessions: Sequence[int] = (), **parts: Any
) -> drift.Experiment:
    """A plain network of the given size at a scale that a laptop runs, observed at its end;
    ``parts`` replaces entries."""
    given = {
        "network": drift.DenoisingNetwork(units=units),
        "learner": ADAM,
        "minibatch": MINIBATCH,
    } | parts
    return drift.Experiment(
        task=task, steps=steps, sessions=tuple(sessions) or (steps,), seed=seed, **given
    )


def noises(std: float, **how: Any) -> list[drift.InputNoise]:
    """Gaussian noise on every input."""
    return [drift.InputNoise(std=std, **how)]


def families(task: drift.ImageTask, units: int, steps: int, seed: int) -> list[drift.Experiment]:
    """Every noise of STDS for each of SUBJECTS seeds, the noise varying fastest."""
    return [
        recipe(task, units, steps, seed + number, noise=noises(std))
        for number in range(SUBJECTS)
        for std in STDS
    ]


def last(run: xr.Dataset) -> xr.Dataset:
    """Measures after the last step."""
    return run.isel(session=-1)


def by_noise(values: xr.DataArray) -> np.ndarray:
    """Final values of a family as (subject of each noise, noise)."""
    return values.isel(session=-1).values.reshape(-1, len(STDS))


# MNIST: the first 20,000 images, 500 units


def mnist(asked: Asked, **how: Any) -> drift.ImageTask:
    return drift.ImageTask(source="mnist", path=str(asked.images["mnist"]), samples=20_000, **how)


def mnist_noise(asked: Asked) -> xr.Dataset:
    """Noise of four sizes, three networks each."""
    return swept(asked, "mnist_noise", families(mnist(asked), 500, 3000, asked.seed))


VARIANTS: dict[str, dict[str, Any]] = {
    "shared bias, .3": {"network": {"bias": "shared"}, "noise": noises(0.3)},
    "shared bias, .8": {"network": {"bias": "shared"}, "noise": noises(0.8)},
    "Laplace, variance .64": {"noise": noises(0.8, law="laplace")},
    "Laplace, scale .8": {"noise": [drift.InputNoise.published("laplace", 0.8)]},
    "explaining away": {"network": {"inhibition": drift.ExplainingAway()}, "noise": noises(0.3)},
    "interneuron, biases on": {
        "network": {"inhibition": drift.Interneuron()},
        "noise": noises(0.3),
    },
    "interneuron, biases off": {
        "network": {"inhibition": drift.Interneuron(), "bias": "none"},
        "noise": noises(0.3),
    },
    "L1 1e-4": {"network": {"activity_penalty": 1e-4}, "noise": noises(0.0)},
    "L1 1e-3": {"network": {"activity_penalty": 1e-3}, "noise": noises(0.0)},
}


def mnist_variants(asked: Asked, *names: str) -> dict[str, xr.Dataset]:
    """Relatives of the plain network by name, after learning; all of VARIANTS or some."""
    found = {}
    for name in names or VARIANTS:
        parts = VARIANTS[name]
        network = drift.DenoisingNetwork(units=500, **parts.get("network", {}))
        one = recipe(mnist(asked), 500, 3000, asked.seed, network=network, noise=parts["noise"])
        found[name] = last(swept(asked, f"mnist_{folder(name)}", [one])).isel(subject=0)
    return found


def mnist_annealing(asked: Asked) -> xr.Dataset:
    """Noise of .8 and of .3 that is taken away linearly in the second half of learning; the noise
    varies over subjects."""
    fading = drift.Linear(start=3000, stop=6000, initial=1.0, final=0.0)
    recipes = [
        recipe(
            mnist(asked),
            500,
            6000,
            asked.seed,
            (3000, 4500, 6000),
            noise=noises(std, schedule=fading),
        )
        for std in (0.8, 0.3)
    ]
    return swept(asked, "mnist_annealing", recipes)


# Natural patches: 40,000 patches of 16 x 16, 512 units


def patches_noise(asked: Asked) -> xr.Dataset:
    """Whitened patches, noise of four sizes, three networks each, 5,000 steps."""
    return swept(asked, "patches_noise", families(drift.ImageTask(), 512, 5000, asked.seed), FIELDS)


LONG = {
    "white .8": ("whitened", 0.8),
    "white 0": ("whitened", 0.0),
    "raw .3": ("raw", 0.3),
    "raw 0": ("raw", 0.0),
}


def patches_long(asked: Asked, name: str) -> xr.Dataset:
    """One network that learns patches for 20,000 steps, observed on the way; names in LONG."""
    view, std = LONG[name]
    one = recipe(
        drift.ImageTask(view=view), 512, 20_000, asked.seed, LONG_SESSIONS, noise=noises(std)
    )
    return swept(asked, f"patches_{folder(name)}", [one], FIELDS).isel(subject=0)


# Learning from the implicit loss instead of noise: 48 principal components of MNIST, 256 units

STD, COMPONENTS = 0.5, 48
TERMS: dict[str, Any] = {
    "L0+S+M+O": (("sparsify", "margin", "overlap"), "moments"),
    "L0+S+O": (("sparsify", "overlap"), "moments"),
    "L0+S": (("sparsify",), "moments"),
    "L0+S (B)": (("sparsify",), "bias_variance"),
    "L0+S+mean shift (B)": (("sparsify", "margin"), "bias_variance"),
    "L0+M": (("margin",), "moments"),
    "L0+O": (("overlap",), "moments"),
    "L0+S+M": (("sparsify", "margin"), "moments"),
}
NOISY, CLEAN = "noisy training", "L0"


def surrogate(asked: Asked, name: str) -> xr.Dataset:
    """One network that learns a sum of implicit terms, under noise, or neither, after 4,000 steps;
    names in TERMS, NOISY and CLEAN."""
    task = mnist(asked, components=COMPONENTS)
    implicit = (
        [drift.ImplicitNoise(std=STD, terms=TERMS[name][0], form=TERMS[name][1])]
        if name in TERMS
        else []
    )
    noise = noises(STD) if name == NOISY else implicit
    one = recipe(task, 256, 4000, asked.seed, noise=noise)
    return last(
        swept(asked, f"surrogate_{folder(name)}", [one], (*MEASURES, "margin_fraction"))
    ).isel(subject=0)
