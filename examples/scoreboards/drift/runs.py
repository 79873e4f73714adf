"""The runs that the scoreboard of the drift paper rests on: recipes as published, each run once and
kept as netCDF."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import options
import xarray as xr

import drift
from drift import similarity_matching as matching
from drift.sweeps.sweep import cross, run_sweep, sample
from drift.theory.landscape import hessian_spectrum, network_point
from drift.theory.landscape.curvature import Point
from drift.theory.landscape.spectrum import fraction_positive_eigenvalues, gauss_newton_spectrum

WEIGHTS = ("input_weights", "bias", "output_weights")
MEASURES = (
    "loss",
    "relative_loss",
    "fraction_active_responses",
    "fraction_active_units",
    "squared_norm",
    "hessian_trace",
)
RATE, STD, WIDTH, OUTPUTS = 0.1, 0.03, 1.0, 10  # of the worked reference case
PUBLISHED_STD = 0.013894954943731374
PUBLISHED_STEPS = 10_000_000  # of the families of the paper


class Lengths(NamedTuple):
    """What a row may ask for: seed, folder of kept runs, and how much of the published computation
    two cores allow."""

    seed: int = 0
    runs: Path = Path("results/drift/runs")
    workers: Any = "serial"  # executor of sweeps
    steps: int = PUBLISHED_STEPS  # of the runs of D30-D36, D38, D39
    comparison_steps: int = 1_000_000  # of the runs of D35 and D37
    family: int = 60  # runs with update noise; the other families have half as many


def swept(
    asked: Lengths,
    name: str,
    recipes: Sequence[drift.Experiment],
    probes: Sequence[str] = MEASURES,
    **how: Any,
) -> xr.Dataset:
    """Run what is missing of a named sweep and return all of it."""
    run = run_sweep(recipes, asked.runs / name, executor=asked.workers, probes=probes, **how)
    assert run is not None
    return run


# The worked reference case: random task, rich, seed 0, from the published draws


def reference(steps: int, sessions: Any, **changes: Any) -> drift.Experiment:
    task = drift.RandomTask(samples=10, inputs=20, outputs=OUTPUTS, faithful=True)
    return drift.Experiment(
        task=task,
        network=drift.Network(units=100, faithful=True),
        steps=steps,
        sessions=sessions,
        **changes,
    )


WINDOWS = {
    "early": np.arange(1_000, 4_000, 10), "settled": np.arange(30_000, 40_000, 25), "later": np.arange(90_000, 110_000, 40),
    "late": np.arange(190_000, 210_000, 40),
}  # fmt: skip
LATE = np.arange(100_000, 1_000_001, 100_000)


def update_run(asked: Lengths) -> xr.Dataset:
    """Reference case under update noise for a million steps."""
    sessions = np.unique(np.concatenate([[0], WINDOWS["early"], WINDOWS["settled"], LATE])).tolist()
    recipe = reference(1_000_000, sessions, noise=[drift.UpdateNoise(std=STD)])
    return swept(asked, "reference_update_noise", [recipe], (*MEASURES, *WEIGHTS)).isel(subject=0)


def label_run(asked: Lengths) -> xr.Dataset:
    """Reference case under label noise for a million steps."""
    sessions = np.unique(
        np.concatenate([[0], WINDOWS["settled"], WINDOWS["later"], WINDOWS["late"], LATE])
    ).tolist()
    recipe = reference(1_000_000, sessions, noise=[drift.LabelNoise.from_width(WIDTH)])
    return swept(asked, "reference_label_noise", [recipe]).isel(subject=0)


def at(run: xr.Dataset, steps: Any) -> xr.Dataset:
    """Sessions of one subject after the given steps."""
    return run.isel(session=np.searchsorted(run["elapsed"].values, steps))


def point(run: xr.Dataset, inputs: np.ndarray, targets: np.ndarray) -> Point:
    """Where one subject stands in one session on the landscape of its task."""
    inward, bias, outward = (run[name].values.astype(float) for name in WEIGHTS)
    return network_point(inputs, targets, np.column_stack([inward, bias]), outward.T)


def spectrum(run: xr.Dataset, task: xr.Dataset) -> np.ndarray:
    """Gauss-Newton eigenvalues of one subject in one session, ascending."""
    return gauss_newton_spectrum(point(run, task["inputs"].values, task["targets"].values))


# The corridor of Fig. 2


def corridor_recipe() -> drift.Experiment:
    """The published configuration, on the published data where they are at hand, else on a corridor
    drawn as the published one."""
    known = options.data_folder("corridor_reference")
    stored = drift.StoredTask(path=str(known / "predictive_track_up.npz")) if known else None
    return drift.Experiment(
        task=stored or drift.CorridorTask(faithful=True, heading_noise=0.0),
        network=drift.Network(units=500, regime="lazy", faithful=True),
        noise=[drift.UpdateNoise(std=PUBLISHED_STD)],
        steps=1_000_000,
        sessions=51,
    )


def corridor_run(asked: Lengths) -> xr.Dataset:
    """Two networks in the corridor for a million steps, the published one and one of another
    seed."""
    recipe = corridor_recipe()
    return swept(
        asked,
        "corridor",
        [recipe, recipe.replace(seed=1)],
        (*MEASURES, "rate", "occupancy", *WEIGHTS),
    )


def falling_trace_run(asked: Lengths) -> xr.Dataset:
    """Fig. 5D: a random task under label noise."""
    task = drift.RandomTask(samples=20, inputs=20, outputs=10, faithful=True)
    noise = [drift.LabelNoise.from_width(1.0)]
    recipe = drift.Experiment(
        task=task, network=drift.Network(faithful=True), noise=noise, steps=1_000_000, sessions=101
    )
    return swept(asked, "falling_trace", [recipe]).isel(subject=0)


# The families of Figs. 4 and 5


def noise_sweep(asked: Lengths) -> xr.Dataset:
    """Fig. 4B: 20 sizes of update noise for each of three tasks."""
    shape = {"samples": 5, "inputs": 20, "faithful": True}
    tasks = [
        drift.RandomTask(**shape, outputs=5),
        drift.SmoothedTask(**shape, outputs=5),
        drift.PredictiveTask(**shape),
    ]
    base = drift.Experiment(steps=asked.steps, sessions=min(1001, asked.steps // 10 + 1))
    noises = [[drift.UpdateNoise(std=std)] for std in np.logspace(-2, -1, 20)]
    recipes = [
        one.replace(seed=asked.seed + number)
        for number, one in enumerate(cross(base, task=tasks, noise=noises))
    ]
    return swept(asked, "noise_sweep", recipes, MEASURES)


def family(asked: Lengths, preset: str) -> xr.Dataset:
    """Runs drawn from a published family, observed in 101 sessions as the Hessians of the paper
    were."""
    share = 1 if preset in ("random_update_noise", "comparison") else 0.5
    steps = asked.comparison_steps if preset == "comparison" else asked.steps
    recipes = sample(
        preset,
        max(2, int(share * asked.family)),
        asked.seed,
        steps=steps,
        sessions=min(101, steps + 1),
    )
    return swept(asked, preset, recipes, (*MEASURES, *WEIGHTS))


def relative(values: xr.DataArray) -> xr.DataArray:
    """Mean of the last ten samples but one over the first, as tabulated in the paper."""
    return values.isel(session=slice(-11, -1)).mean("session") / values.isel(session=0)


def relative_trace(run: xr.Dataset) -> xr.DataArray:
    """Mean trace of the last samples over that of the first ten."""
    trace = run["hessian_trace"]
    return trace.isel(session=slice(-11, -1)).mean("session") / trace.isel(
        session=slice(0, 10)
    ).mean("session")


def alive(run: xr.Dataset) -> xr.Dataset:
    """Subjects that have come to the end with active units; the paper drops the others."""
    return run.isel(subject=np.flatnonzero(run["status"].values == "complete"))


def positive_eigenvalues(run: xr.Dataset, sessions: Sequence[int] = (-11, -6, -2)) -> np.ndarray:
    """Published fraction of "non-zero" eigenvalues at the end, mean over sessions; (subject)."""
    found = []
    for number in range(run.sizes["subject"]):
        one = run.isel(subject=number)
        recipe = drift.Experiment.from_json(str(one["experiment"].item()))
        task = recipe.task.draw(recipe.seed)
        points = [_own_point(one.isel(session=session), task) for session in sessions]
        found.append(
            np.mean([fraction_positive_eigenvalues(hessian_spectrum(each)) for each in points])
        )
    return np.array(found)


def _own_point(one: xr.Dataset, task: xr.Dataset) -> Point:
    """As ``point``, without the inputs and outputs that only other subjects of the Dataset have."""
    sizes = {"input": task.sizes["input"], "output": task.sizes["output"]}
    return point(
        one.isel({dim: slice(size) for dim, size in sizes.items()}),
        task["inputs"].values,
        task["targets"].values,
    )


# Similarity matching (Qin et al. 2023)


def matched(asked: Lengths, name: str, networks: Sequence[matching.Matching]) -> xr.Dataset:
    """Simulate similarity-matching networks once, and keep what they recorded."""
    recipes = hashlib.sha256("".join(one.to_json() for one in networks).encode()).hexdigest()[:12]
    path = asked.runs / f"{name}.{recipes}.nc"
    if not path.exists():
        asked.runs.mkdir(parents=True, exist_ok=True)
        drift.save(matching.simulate(networks, progress=False), path)
    return drift.load(path)


def ring_run(asked: Lengths) -> xr.Dataset:
    """Fig. 4C: a ring network from random first weights on."""
    recipe = matching.published_network("ring").replace(
        steps=5500, sessions=tuple(sorted({1, *range(0, 5501, 20)})), seed=asked.seed
    )
    return _with_active_fraction(matched(asked, "ring", [recipe]))


def ring_runs(asked: Lengths) -> xr.Dataset:
    """Six of them at intervals of 50 steps, whose medians tell the phases."""
    recipe = matching.published_network("ring").replace(
        steps=6000, sessions=(1, *range(50, 6001, 50))
    )
    return _with_active_fraction(
        matched(asked, "rings", [recipe.replace(seed=asked.seed + number) for number in range(6)])
    )


def _with_active_fraction(run: xr.Dataset) -> xr.Dataset:
    return run.assign(
        fraction_active_units=matching.responsive_units(run["rate"], 0.05).mean("unit")
    )
