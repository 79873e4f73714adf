"""Acceptance rows S50-S57 of sparse coding: CIFAR10, its embeddings, and networks of the published
size.

Images and embeddings are not part of this package: ``--images cifar10 PATH`` takes the archive or
its folder, ``--images embeddings FILE`` an .npz file with the same array as ``inputs`` and
``targets`` (sample, 256). Networks of the published size need a CUDA device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.linalg import eigvalsh
from scoreboards.acceptance import Check, Row, all_near, between, near
from scoreboards.sparse_coding.runs import MEASURES, Asked, last, mnist, noises, recipe, swept

import drift
from drift import metrics
from drift.streams import stream
from drift.tasks.image_files import image_set

GRID = (0.0, 0.05, 0.1, 0.3, 0.8, 1.5, 3.0, 10.0)
LATENT = (
    0.77,
    0.46,
    0.34,
    0.13,
    0.04,
    0.03,
    0.022,
    0.028,
)  # active, 10,000 units, 800 epochs (4.1)
QUERIES = ((3862, 3693, 3853), (3622, 3579, 3677), (2476, 2686, 2673), (933, 931, 942), (380, 370, 362), (165, 160, 155), (48, 60, 54),
           (123, 72, 17))  # fmt: skip
ABLATION = {  # active at convergence (4.5)
    "latent, 100 units": (0.999, 0.999, 0.995, 0.68, 0.56, 0.59, 0.47, 0.16),
    "latent, 1,000 units": (0.99, 0.94, 0.75, 0.40, 0.29, 0.21, 0.11, 0.07),
    "MNIST, 10,000 units": (0.96, 0.698, 0.58, 0.23, 0.088, 0.05, 0.03, 0.067),
}
SMALL_LATENT = {
    0.0: (0.936, 0.023),
    0.1: (0.359, -0.037),
    0.3: (0.125, -0.298),
    0.8: (0.050, -0.517),
    3.0: (0.086, -0.736),
}  # active, bias
SMALL_RAW = (0.0, 0.1, 0.3, 0.8, 1.5)
EPOCH = 49  # steps of 1,024 images in 50,000
ADAM = drift.Adam(learning_rate=1e-4, gradient_clip=1.0)


def cifar10(asked: Asked) -> drift.ImageTask:
    return drift.ImageTask(source="cifar10", path=str(asked.images["cifar10"]))


def embeddings(asked: Asked) -> drift.StoredTask:
    return drift.StoredTask(path=str(asked.images["embeddings"]))


def published(
    asked: Asked, task: Any, units: int, epochs: int, sessions: Sequence[int] = (), **parts: Any
) -> list[drift.Experiment]:
    """Networks of the paper's recipe over the grid of noises; sessions in epochs."""
    given = {"learner": ADAM, "minibatch": 1024} | parts
    at = [EPOCH * epoch for epoch in (*sessions, epochs)]
    return [
        recipe(task, units, EPOCH * epochs, asked.seed, at, noise=noises(std), **given)
        for std in GRID
    ]


def on_device(
    asked: Asked, name: str, recipes: Sequence[drift.Experiment], probes: Sequence[str] = MEASURES
) -> list[xr.Dataset]:
    """Train one network after the other on the CUDA device, each kept in a file of its own, and
    return them."""
    (folder := asked.runs / name).mkdir(parents=True, exist_ok=True)
    found = []
    for one in recipes:
        path = folder / f"{hashlib.sha256(one.to_json().encode()).hexdigest()[:24]}.nc"
        if not path.exists():
            kept = path.with_suffix(".checkpoint.npz")
            drift.save(
                drift.train([one], probes=probes, device="cuda", checkpoint=kept, progress=False),
                path,
            )
            kept.unlink(missing_ok=True)
        found.append(drift.load(path).isel(subject=0))
    return found


def fractions(runs: Sequence[xr.Dataset], session: int = -1) -> np.ndarray:
    """Active fraction of each run in a session."""
    return np.array([float(run["noisy_fraction_active_responses"][session]) for run in runs])


def archive(asked: Asked) -> Iterator[Check]:
    images, labels = image_set("cifar10", asked.images["cifar10"])  # verifies the archive
    yield all_near("images, channels, rows, columns", (50_000, 3, 32, 32), images.shape, 1e-9)
    yield all_near("images of each class", 5000, np.bincount(labels), 1e-9)
    pixels = images.reshape(50_000, 3, -1).astype(np.float32) / 255
    yield all_near(
        "channel means", (0.4914, 0.4822, 0.4465), pixels.mean(axis=(0, 2), dtype=float), 1e-4
    )
    yield all_near(
        "channel standard deviations",
        (0.2470, 0.2435, 0.2616),
        pixels.std(axis=(0, 2), dtype=float),
        1e-4,
    )


def spectra(asked: Asked) -> Iterator[Check]:
    images = cifar10(asked).draw(asked.seed)["inputs"].values
    images = images - images.mean(axis=0)
    values = eigvalsh(images.T @ images / len(images))[::-1]
    yield near("trace", 198, values.sum(), 0.05 * 198)
    for rank, target in enumerate((64.7, 19.9, 11.8)):
        yield near(f"eigenvalue {rank + 1}", target, values[rank], 0.05 * target)
    for std, target in (
        (0.05, 825),
        (0.1, 484),
        (0.3, 139),
        (0.8, 31),
        (1.5, 11),
        (3.0, 3),
        (10.0, 0),
    ):
        yield near(
            f"eigenvalues above sigma^2, sigma {std}",
            target,
            (values > std**2).sum(),
            0.05 * target,
        )


def small_raw(asked: Asked) -> Iterator[Check]:
    recipes = [
        recipe(cifar10(asked), 1000, 5000, asked.seed, noise=noises(std)) for std in SMALL_RAW
    ]
    active = last(swept(asked, "cifar10_small", recipes))["noisy_fraction_active_responses"].values
    for number, std in enumerate(SMALL_RAW[1:]):
        yield between(
            f"active, change from sigma {SMALL_RAW[number]} to {std}",
            np.nan,
            active[number + 1] - active[number],
            high=-1e-9,
        )


def small_latent(asked: Asked) -> Iterator[Check]:
    recipes = [
        recipe(embeddings(asked), 1000, 6000, asked.seed, noise=noises(std)) for std in SMALL_LATENT
    ]
    run = last(swept(asked, "latent_small", recipes))
    active, bias = run["noisy_fraction_active_responses"].values, run["bias_mean"].values
    for number, (std, (target, shift)) in enumerate(SMALL_LATENT.items()):
        yield near(f"active, sigma {std}", target, active[number], 0.2 * target)
        yield between(
            f"mean bias with the published sign, sigma {std}",
            abs(shift),
            np.sign(shift) * bias[number],
            low=0,
        )
    yield between(
        "active, largest change from sigma to sigma up to .8",
        -0.075,
        np.diff(active[:4]).max(),
        high=-1e-9,
    )


def large_latent(asked: Asked) -> Iterator[Check]:
    runs = on_device(asked, "latent", published(asked, embeddings(asked), 10_000, 800, (10, 100)))
    for std, target, found in zip(GRID, LATENT, fractions(runs)):
        yield near(f"active, sigma {std}", target, found, 0.03 if std <= 0.3 else 0.02)
    yield between(
        "largest change from sigma to sigma up to 3",
        -0.008,
        np.diff(fractions(runs)[:7]).max(),
        high=0,
    )
    yield between("active without noise, epoch 10", 0.71, fractions(runs, 0)[0], low=0.5)
    yield between(
        "least active from sigma .8 on, epoch 100", 0.418, fractions(runs, 1)[4:].min(), low=0.38
    )


def large_raw(asked: Asked) -> Iterator[Check]:
    runs = on_device(
        asked,
        "cifar10",
        published(asked, cifar10(asked), 10_000, 2999),
        (*MEASURES, "input_weights"),
    )
    for std, counts, found in zip(GRID, QUERIES, 10_000 * fractions(runs)):
        yield near(
            f"active units, sigma {std}",
            float(np.mean(counts)),
            found,
            0.15 * float(np.mean(counts)),
        )
    without = _structured(runs[0], asked.seed)
    for number in (3, 4, 5):
        share = _structured(runs[number], asked.seed)
        yield between(
            f"structured fields, sigma {GRID[number]} less none", np.nan, share - without, low=1e-9
        )


def _structured(run: xr.Dataset, seed: int) -> float:
    """Share of structured fields among 120 random units, colours averaged."""
    chosen = metrics.sampled_units(
        run["input_weights"].isel(session=-1), stream(seed, "observation")
    )
    grey = xr.DataArray(
        chosen.values.reshape(len(chosen), 3, -1).mean(axis=1), dims=("unit", "input")
    )
    return float(
        metrics.receptive_field_fractions(metrics.receptive_fields(grey)).sel(
            {"class": "structured"}
        )
    )


def ablation(asked: Asked) -> Iterator[Check]:
    latent, digits = embeddings(asked), mnist(asked).replace(samples=None)
    cases = ((latent, 100, 800), (latent, 1000, 800), (digits, 10_000, 1000))
    for (name, targets), (task, units, epochs) in zip(ABLATION.items(), cases):
        runs = on_device(asked, f"ablation_{units}", published(asked, task, units, epochs))
        yield all_near(f"active over the grid of noises, {name}", targets, fractions(runs), 0.05)


def annealed(asked: Asked) -> Iterator[Check]:
    fading = drift.Linear(start=800 * EPOCH, stop=1600 * EPOCH, initial=1.0, final=0.0)
    for std in (0.1, 0.3):
        one = recipe(embeddings(asked), 10_000, 1600 * EPOCH, asked.seed, (800 * EPOCH, 1600 * EPOCH),
                     learner=ADAM, minibatch=1024, noise=noises(std, schedule=fading))  # fmt: skip
        (run,) = on_device(asked, "latent_annealing", [one])
        before, after = (fractions([run], session)[0] for session in (0, 1))
        yield near(f"active, change when noise of {std} is taken away", 0, after - before, 0.04)


ROWS = (
    Row("S50", "CIFAR10 archive", "seconds", archive, "cifar10"),
    Row("S51", "spectrum of CIFAR10", "minutes", spectra, "cifar10"),
    Row("S52", "order over noise, CIFAR10, 1,000 units", "hours", small_raw, "cifar10"),
    Row("S53", "embeddings of CIFAR10, 1,000 units", "minutes", small_latent, "embeddings"),
    Row("S54", "embeddings, 10,000 units, 800 epochs", "hours", large_latent, "embeddings cuda"),
    Row("S55", "CIFAR10, 10,000 units, 3,000 epochs", "hours", large_raw, "cifar10 cuda"),
    Row("S56", "fewer units; MNIST, 10,000 units", "hours", ablation, "embeddings mnist cuda"),
    Row("S57", "annealing, reconstruction of embeddings", "hours", annealed, "embeddings cuda"),
)
