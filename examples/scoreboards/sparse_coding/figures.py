"""Figures of sparse coding: sparsity against noise, synchronisation while learning, receptive
fields; each where its runs are at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scoreboards.sparse_coding.field_rows import after
from scoreboards.sparse_coding.runs import LONG, STDS, Asked, folder, last

import drift
from drift.metrics import key_norm
from drift.plots.sparse_codes import (
    density_over_sessions,
    receptive_field_mosaic,
    sparsity_against_noise,
)
from drift.streams import stream
from drift.sweeps.sweep import open_sweep

STYLE = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 8}
FAMILIES = {"mnist_noise": "MNIST", "patches_noise": "whitened patches"}
SHOWN = ("patches_white_8", "patches_white_0")
IMAGES = 1024  # whose active fractions are shown while a network learns


def drawn(asked: Asked, out: Path) -> list[Path]:
    """Draw every figure whose runs are there, and return the files."""
    sweeps, paths = dict(_finished(asked)), []
    with plt.rc_context(STYLE):
        for name, draw in (
            ("sparsity", sparsity),
            ("synchronisation", synchronisation),
            ("receptive_fields", receptive_fields),
        ):
            for figure in draw(sweeps):
                paths.append(out / f"figure_{name}.png")
                figure.savefig(paths[-1], dpi=160)
                plt.close(figure)
    return paths


def _finished(asked: Asked) -> Iterator[tuple[str, xr.Dataset]]:
    """Sweeps by name of which at least one network has learned."""
    for path in sorted(asked.runs.glob("*/sweep.json")):
        try:
            yield path.parent.name, open_sweep(path.parent)
        except drift.RefusedInputError:  # none has
            continue


def sparsity(sweeps: dict[str, xr.Dataset]) -> Iterator[Figure]:
    """Active fraction, mean bias and spread of key norms against noise, three networks a point."""
    families = {name: last(sweeps[name]) for name in FAMILIES if name in sweeps}
    if not families:
        return
    figure, axes = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
    labels = (
        "active fraction (share of the responses)",
        "mean bias (input units)",
        "CV of key norms",
    )
    for ax, name, label in zip(
        axes, ("noisy_fraction_active_responses", "bias_mean", "key_norm_variation"), labels
    ):
        for place, (family, run) in enumerate(families.items()):
            sparsity_against_noise(
                run[name].load(), run["input_noise"], ax, FAMILIES[family], place
            )
        ax.autoscale(axis="y")
        ax.set_xticks(STDS, labels=[f"{std:g}" for std in STDS])
        ax.set(ylabel=label, xlabel="input noise (s.d., input units)")
    axes[0].set_ylim(0, 1)
    axes[1].legend(frameon=False, loc="lower left", fontsize=7)
    yield figure


def synchronisation(sweeps: dict[str, xr.Dataset]) -> Iterator[Figure]:
    """Densities of active fractions, biases and key norms while networks learn whitened patches
    with and without noise."""
    present = [name for name in SHOWN if name in sweeps]
    if not present:
        return
    figure, axes = plt.subplots(
        len(present), 3, figsize=(10, 2.6 * len(present)), layout="constrained", squeeze=False
    )
    for row, name in zip(axes, present):
        _densities(sweeps[name].isel(subject=0).load(), row)
    yield figure


def _densities(run: xr.Dataset, row: np.ndarray) -> None:
    keys, elapsed = run["input_weights"], run["elapsed"].assign_attrs(units="step")
    values = (_active_fractions(run), run["bias"], key_norm(keys))
    for ax, value, label in zip(row, values, ("active fraction of an image", "bias", "key norm")):
        density_over_sessions(value.assign_attrs(long_name=label, units="1"), elapsed, ax)
        ax.set_title(f"sigma {float(run['input_noise']):g}")


def _active_fractions(run: xr.Dataset) -> xr.DataArray:
    """Fraction of active units for each held-out patch with noise (session, sample)."""
    recipe = drift.Experiment.from_json(str(run["experiment"].item()))
    shown = recipe.task.draw(recipe.seed)["test_inputs"].values[:IMAGES]
    shown = shown + float(run["input_noise"]) * stream(recipe.seed, "observation").standard_normal(
        shown.shape
    )
    found = [
        (shown @ keys.T + bias > 0).mean(axis=1)
        for keys, bias in zip(run["input_weights"].values, run["bias"].values)
    ]
    return xr.DataArray(np.array(found), dims=("session", "sample"))


def receptive_fields(sweeps: dict[str, xr.Dataset]) -> Iterator[Figure]:
    """Keys of the units that one noisy patch activates after 20,000 steps, the most active
    first."""
    names = {
        f"patches_{folder(name)}": f"{view}, sigma {std}" for name, (view, std) in LONG.items()
    }
    present = [name for name in names if name in sweeps]
    if not present:
        return
    figure, axes = plt.subplots(
        len(present), 1, figsize=(8, 2.6 * len(present)), layout="constrained", squeeze=False
    )
    for ax, name in zip(axes[:, 0], present):
        _mosaic(after(sweeps[name].isel(subject=0), 20_000).load(), ax, names[name])
    yield figure


def _mosaic(run: xr.Dataset, ax: Axes, title: str) -> None:
    recipe = drift.Experiment.from_json(str(run["experiment"].item()))
    patch = recipe.task.draw(recipe.seed)["test_inputs"].values[0]
    patch = patch + float(run["input_noise"]) * stream(recipe.seed, "observation").standard_normal(
        patch.shape
    )
    keys = run["input_weights"].drop_vars("unit", errors="ignore")
    activity = xr.DataArray(np.maximum(keys.values @ patch + run["bias"].values, 0), dims="unit")
    receptive_field_mosaic(keys.reset_coords(drop=True), ax, activity)
    ax.set_title(f"{title}: {ax.get_title()}")
