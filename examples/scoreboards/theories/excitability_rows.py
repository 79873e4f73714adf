"""Rows of excitability: which units are active again, and which are stable."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scipy.stats import ttest_1samp
from scoreboards.acceptance import Check, Request, Row, between, near

import drift
from drift.theory.mechanisms import excitable_overlap

STD, LIFETIME, UNITS, SEEDS = 0.8, 1000.0, 2000, 8
LAGS = (100, 300, 1000, 3000)


def still(request: Request) -> xr.Dataset:
    """Networks whose weights stand still while their excitability moves."""
    base = drift.Experiment(
        task=drift.RandomTask(samples=40, inputs=30, outputs=2),
        network=drift.Network(
            units=UNITS, excitability=drift.Excitability(std=STD, lifetime=LIFETIME)
        ),
        learner=drift.SGD(learning_rate=1e-12),
        minibatch=1,
        steps=LAGS[-1],
        sessions=(0, *LAGS),
    )
    recipes = [base.replace(seed=request.seed + number) for number in range(SEEDS)]
    return drift.train(recipes, probes=["sample_activity"], precision="float64", progress=False)


def overlaps(run: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Share of active units that are active again after each lag, (subject, lag), and theory for
    the inputs of each subject."""
    active = run["sample_activity"].transpose("subject", "session", "sample", "unit").values > 0
    first = active[:, :1]
    measured = (first & active[:, 1:]).sum((2, 3)) / first.sum((2, 3))
    recipe = drift.Experiment.from_json(str(run["experiment"].values[0]))
    kept = np.exp(-np.array(LAGS) / LIFETIME)
    predicted = []
    for seed in run["seed"].values:
        inputs = recipe.task.draw(int(seed))["inputs"].values
        # weights and bias of a unit are independent normal numbers
        spread = np.sqrt(2 / inputs.shape[1] * (np.square(inputs).sum(1) + 1))[:, np.newaxis]
        predicted.append(excitable_overlap(spread, STD, kept, 0.5).mean(0))
    return measured, np.array(predicted)


def active_sets(request: Request) -> Iterator[Check]:
    """Overlap of active sets against lag: joint activation of correlated normal drives."""
    measured, predicted = overlaps(still(request))
    difference = measured - predicted
    errors = difference.std(0, ddof=1) / np.sqrt(SEEDS)
    for lag, each, error in zip(LAGS, difference.mean(0), errors, strict=True):
        yield near(f"overlap - theory, standard errors, lag {lag}", 0.0, each / error, 3.0)
        yield between(f"standard error, lag {lag}", 0.0, error, high=0.01)


def learning(request: Request, lifetime: float = 40_000.0) -> xr.Dataset:
    """The corridor under noise on the updates, with excitability that lasts ten times as long as
    the time between two sessions."""
    base = drift.Experiment(
        task=drift.CorridorTask(samples=60, rays=9),
        network=drift.Network(
            units=60,
            regime="lazy",
            excitability=drift.Excitability(std=0.5, lifetime=lifetime),
        ),
        noise=[drift.UpdateNoise(std=0.03)],
        steps=12_000,
        sessions=(4_000, 8_000, 12_000),
    )
    recipes = [base.replace(seed=request.seed + number) for number in range(32)]
    return drift.train(recipes, probes=["excitability", "rate", "occupancy"], progress=False)


def stability_gap(run: xr.Dataset) -> np.ndarray:
    """Correlation of the rate maps of two sessions, units of high less those of low excitability in
    the first of them, averaged over pairs; (subject,)."""
    maps = (
        run["rate"].stack(at=("place", "direction")).transpose("subject", "session", "unit", "at")
    )
    slow = run["excitability"].transpose("subject", "session", "unit").values
    gaps = []
    for rates, values in zip(maps.values.astype(float), slow, strict=True):
        pairs = [
            _gap(rates[session], rates[session + 1], values[session])
            for session in range(len(rates) - 1)
        ]
        gaps.append(np.nanmean(pairs))
    return np.array(gaps)


def _gap(before: np.ndarray, after: np.ndarray, excitability: np.ndarray) -> float:
    """High less low half of the units that are active in the first session; a unit that falls
    silent has kept nothing of its map."""
    seen = np.isfinite(before).all(0) & np.isfinite(after).all(0)
    before, after = before[:, seen], after[:, seen]
    active = before.std(1) > 0
    centred = [each - each.mean(1, keepdims=True) for each in (before[active], after[active])]
    norms = [np.linalg.norm(each, axis=1) for each in centred]
    similarity = (centred[0] * centred[1]).sum(1) / np.maximum(norms[0] * norms[1], 1e-300)
    high = excitability[active] > np.median(excitability[active])
    return float(similarity[high].mean() - similarity[~high].mean())


def stable_units(request: Request) -> Iterator[Check]:
    """Units of high excitability keep their rate maps better; paired t test over networks."""
    gaps = stability_gap(learning(request))
    test = ttest_1samp(gaps, 0.0, alternative="greater")
    yield between(
        "p of the higher stability of excitable units", 0.0, float(test.pvalue), high=0.01
    )
    yield between("high less low correlation of rate maps", 0.1, float(gaps.mean()), low=0.0)


ROWS = (
    Row("N04", "excitability: overlap of active sets", "seconds", active_sets),
    Row("N04b", "excitable units are more stable", "seconds", stable_units),
)
