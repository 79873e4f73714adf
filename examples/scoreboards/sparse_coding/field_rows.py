"""Acceptance rows S30-S35 of sparse coding: natural patches, and the receptive fields that noise
makes of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scipy.stats import kurtosis
from scoreboards.acceptance import Check, Row, all_near, between, near
from scoreboards.sparse_coding.image_rows import falling, with_errors
from scoreboards.sparse_coding.runs import STDS, Asked, by_noise, patches_long, patches_noise

import drift
from drift import metrics
from drift.streams import stream
from drift.tasks.photographs import photographs

SQUARE, WIDE = (512, 512), (427, 640)
SHAPES = (
    SQUARE,
    (400, 600),
    (300, 451),
    SQUARE,
    WIDE,
    SQUARE,
    SQUARE,
    SQUARE,
    (500, 741),
    WIDE,
    WIDE,
)
SIDE, FIELDS = 16, 50
CLASSES = ("gabor", "centre-surround", "structured")
UNKNOWN = (np.nan,) * (len(STDS) - 1)  # the order is the claim, no numbers are published


def images(asked: Asked) -> Iterator[Check]:
    found = photographs("raw")
    yield near("photographs", 11, len(found), 0)
    yield all_near("their sides (pixels)", SHAPES, [image.shape for image in found], 0.5)
    white, raw = (
        drift.ImageTask(view=view).draw(asked.seed)["inputs"].values for view in ("whitened", "raw")
    )  # type: ignore[arg-type]
    yield between(
        "kurtosis of whitened patches",
        11.35,
        kurtosis(white.ravel(), fisher=False),
        11.1 - 0.8,
        11.6 + 0.8,
    )
    yield near("mean of raw patches", 0.43, raw.mean(dtype=float), 0.01)
    yield near("their standard deviation", 0.23, raw.std(dtype=float), 0.01)


def gabors(rng: np.random.Generator) -> np.ndarray:
    """Noise-free Gabor functions (field, row, column) of the ranges of the acceptance table."""
    x, y = _around(rng)
    angle, phase = rng.uniform(0, np.pi, (2, FIELDS, 1, 1))
    width, length, frequency = (
        rng.uniform(*ends, (FIELDS, 1, 1)) for ends in ((1.5, 3), (1.5, 4), (0.08, 0.2))
    )
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    envelope = np.exp(-(along**2) / (2 * width**2) - across**2 / (2 * length**2))
    return envelope * np.cos(2 * np.pi * frequency * along + 2 * phase)


def centre_surrounds(rng: np.random.Generator) -> np.ndarray:
    """Noise-free differences of Gaussians (field, row, column)."""
    x, y = _around(rng)
    width, ratio, share = (
        rng.uniform(*ends, (FIELDS, 1, 1)) for ends in ((0.8, 2), (1.5, 3), (0.1, 0.5))
    )
    squared = x**2 + y**2
    return np.exp(-squared / (2 * width**2)) - share * np.exp(-squared / (2 * (ratio * width) ** 2))


def _around(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical distance of each pixel from random centres, (field, row, column)."""
    rows, columns = np.indices((SIDE, SIDE))
    centre = rng.uniform(4, 11, (2, FIELDS, 1, 1))
    return columns - centre[0], rows - centre[1]


def classifier(asked: Asked) -> Iterator[Check]:
    rng = stream(asked.seed, "world")
    drawn = {
        "gabor": gabors(rng),
        "centre-surround": centre_surrounds(rng),
        "noise": rng.standard_normal((FIELDS, SIDE, SIDE)),
    }
    classes = {
        name: metrics.receptive_fields(_weights(fields))["field_class"].values
        for name, fields in drawn.items()
    }
    yield near("Gabor functions told, of 50", 50, (classes["gabor"] == "gabor").sum(), 2)
    yield near(
        "differences of Gaussians told, of 50",
        50,
        (classes["centre-surround"] == "centre-surround").sum(),
        2,
    )
    yield near(
        "white noise called structured, of 50", 0, (classes["noise"] != "unstructured").sum(), 0
    )


def _weights(fields: np.ndarray) -> xr.DataArray:
    return xr.DataArray(fields.reshape(len(fields), -1), dims=("unit", "input"))


def shares(run: xr.Dataset, seed: int) -> dict[str, float]:
    """Classes among 120 random units of one network in one session."""
    chosen = metrics.sampled_units(run["input_weights"], stream(seed, "observation"))
    found = metrics.receptive_field_fractions(metrics.receptive_fields(chosen))
    return {name: float(found.sel({"class": name})) for name in CLASSES}


def after(run: xr.Dataset, steps: int) -> xr.Dataset:
    """Session of one network after so many steps."""
    return run.isel(session=int(np.flatnonzero(run["elapsed"].values == steps)[0]))


def early_fields(asked: Asked) -> Iterator[Check]:
    run = patches_noise(asked)
    values, dead = (
        by_noise(run["noisy_fraction_active_responses"]),
        by_noise(run["fraction_dead_units"])[:, -1],
    )
    for number, one in enumerate(values[:, -1]):
        yield near(f"active, network {number}", 0.22, one, 0.015)
    gabor = np.array([shares(run.isel(subject=number * len(STDS) + len(STDS) - 1, session=-1), asked.seed + number)["gabor"]
                      for number in range(len(values))])  # fmt: skip
    yield between("Gabor fields, first network", 0.17, gabor[0], 0.08, 0.30)
    yield between(with_errors("Gabor fields", gabor), 0.17, gabor.mean(), 0.08, 0.30)
    yield between("dead units, most in a network", 0, dead.max(), high=0.01)
    yield from falling("active fraction", UNKNOWN, values)
    yield from falling("mean bias", UNKNOWN, by_noise(run["bias_mean"]))
    variation = by_noise(run["key_norm_variation"])
    yield between(
        "CV of key norms, sigma .8 less sigma 0, largest of three networks",
        np.nan,
        (variation[:, -1] - variation[:, 0]).max(),
        high=0,
    )


def late_fields(asked: Asked) -> Iterator[Check]:
    end = after(patches_long(asked, "white .8"), 20_000)
    found = shares(end, asked.seed)
    yield near("active", 0.168, float(end["noisy_fraction_active_responses"]), 0.01)
    yield between("Gabor fields", 0.58, found["gabor"], low=0.4)
    yield between("structured fields", 0.58, found["structured"], low=0.4)


def fields_without_noise(asked: Asked) -> Iterator[Check]:
    run = patches_long(asked, "white 0")
    for steps in (5_000, 20_000):
        yield between(
            f"Gabor fields, {steps} steps",
            0,
            shares(after(run, steps), asked.seed)["gabor"],
            high=0.02 - 1e-9,
        )


def raw_fields(asked: Asked) -> Iterator[Check]:
    noisy, quiet = (
        shares(after(patches_long(asked, name), 20_000), asked.seed) for name in ("raw .3", "raw 0")
    )
    yield between("Gabor fields, sigma .3", 0.24, noisy["gabor"], low=0.12)
    yield between("centre-surround fields, sigma .3", 0.04, noisy["centre-surround"], low=1e-9)
    yield between("Gabor fields, sigma 0", 0, quiet["gabor"], high=0.02 - 1e-9)


ROWS = (
    Row("S30", "eleven photographs and their patches", "seconds", images, "photographs"),
    Row("S31", "classifier of receptive fields", "seconds", classifier),
    Row("S32", "whitened patches, sigma .8, 5,000 steps", "minutes", early_fields, "photographs"),
    Row("S33", "whitened patches, sigma .8, 20,000 steps", "minutes", late_fields, "photographs"),
    Row("S34", "whitened patches without noise", "minutes", fields_without_noise, "photographs"),
    Row("S35", "raw patches, 20,000 steps", "minutes", raw_fields, "photographs"),
)
