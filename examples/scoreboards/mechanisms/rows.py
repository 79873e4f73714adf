"""Rows of the answer to "which mechanism": is it as certain as it says, on runs that nothing was
learned from?"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import kstest
from scoreboards.acceptance import Check, Row, between
from scoreboards.mechanisms import figures

import drift
from drift.inference.bank import make_bank
from drift.inference.calibration import (
    certainty,
    coverage,
    novelty_p_values,
    power_against_left_out,
)
from drift.inference.estimators import class_numbers
from drift.inference.held_out_runs import (
    attainable_power,
    attainable_power_left_out,
    cross_validated,
)
from drift.inference.inferring import Bank
from drift.inference.prior import Prior
from drift.inference.verdict import UNLIKE, verdict_of

NOISES = ("update noise", "label noise", "input noise")
# Corridors of one size, seen through 50 cells and 8 sessions, of unknown age and pace; without
# wrong matches and trends.
PILOT = Prior(
    mechanisms=NOISES, units=(150,), steps=20_000, first_step=500, age=(500, 5000),
    steps_per_day=(150, 1500), span=(10, 10), cells=(50, 50), session_counts=(8, 8),
    events=(20, 80), missing=0, wrong_matches=(1, 10_000), rate_trend=0, windows=24,
)  # fmt: skip
PILOT_RUNS, FRESH_RUNS, OTHER_RUNS = 240, 1000, 240
WINDOWS = 8  # of fresh runs
RUNS = 3000
HOURS = 8.0
CHANGED = {
    "wrong matches .2": {"wrong_matches": (200.0, 800.0)},
    "twice the trend": {"rate_trend": 0.2},
}


class Question(NamedTuple):
    """What rows are measured on: a bank, a recording or None, and where further runs go."""

    path: Path
    bank: Bank
    recorded: xr.Dataset | None
    out: Path
    seed: int

    @property
    def prior(self) -> Prior:
        """Of the bank."""
        return Prior.from_json(self.bank.dataset.attrs["prior"])

    def runs(self, name: str, prior: Prior, runs: int, seed: int) -> xr.Dataset:
        """Simulate further runs, or those that an earlier call has left over."""
        folder = self.out / f"runs_{name}"
        return make_bank(folder, prior, runs=runs, seed=self.seed + seed, executor="serial")

    def fresh(self) -> xr.Dataset:
        """Runs of the prior of the bank that nothing was learned from, all of role "test"."""
        new = self.runs("fresh", self.prior.replace(windows=WINDOWS), FRESH_RUNS, 1)
        return new.assign_coords(role=("window", np.full(new.sizes["window"], "test")))


def posteriors(question: Question) -> Iterator[Check]:
    told = coverage(question.fresh(), question.bank.estimators, seed=question.seed)
    figures.of_parameters(told, question.out / "figure_N20.png")
    yield between("least p of uniform ranks, after Holm", 1.0, float(told.p_values.min()), 0.05)
    yield Check("95 % intervals that hold the truth", 0.95, told.covered, 0.936, 0.964)
    yield between("TARP: largest deviation", 0.0, told.tarp_deviation, high=0.03)


def chances(question: Question, bank: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    estimators = question.bank.estimators
    values = bank["value"].values.astype(float)
    return estimators.probabilities(values), class_numbers(bank, estimators.mechanisms)


def mechanisms(question: Question) -> Iterator[Check]:
    own = certainty(*chances(question, question.fresh()))
    figures.of_mechanisms(own, WINDOWS, question.out / "figure_N21.png")
    yield between("expected calibration error", 0.0, own.calibration_error, high=0.03)
    if np.isfinite(own.named_right):
        yield between("verdicts at .9 that are right", 1.0, own.named_right, low=0.88)
    yield between("windows with such a verdict", 0.5, own.named)
    other_world = question.prior.replace(worlds=("long corridor",), units=(80,))
    other = certainty(*chances(question, question.runs("other", other_world, OTHER_RUNS, 2)))
    gain = other.log_score - other.log_score_of_prior
    yield between("another world: log score less that of the prior", 0.0, gain, low=0.0)
    yield between("another world: accuracy lost", 0.0, own.accuracy - other.accuracy, high=0.1)


def noises(question: Question) -> Iterator[Check]:
    bank = question.runs("pilot", PILOT, PILOT_RUNS, 0)
    told, classes = cross_validated(bank, NOISES, question.seed), class_numbers(bank, NOISES)
    for what, columns, least in (
        ("update and label", [0, 1], 0.95),
        ("three noises", [0, 1, 2], 0.85),
    ):
        right = [told[classes == number][:, columns].argmax(axis=1) == columns.index(number)
                 for number in columns]  # fmt: skip
        accuracy = float(np.mean([row.mean() for row in right]))
        yield between(f"{what}: balanced accuracy", 1.0, accuracy, low=least)
    pair = told[classes > 0]
    undecided = [verdict_of(row, NOISES, 1.0).kind == "undecided" for row in pair]
    yield between("label or input noise: undecided", 1.0, float(np.mean(undecided)), low=0.6)
    right = (pair.argmax(axis=1) == classes[classes > 0])[~np.array(undecided)]
    if right.size:
        yield between("label or input noise: decided rightly", 1.0, float(right.mean()), low=0.88)
    probabilities, truth = chances(question, question.fresh())
    still = question.bank.estimators.mechanisms.index("frozen code")
    moving = np.delete(probabilities[truth == still], still, axis=1)
    named = float((moving >= 0.9).any(axis=1).mean())
    yield between("frozen code named a mechanism", 0.0, named, high=0.05)


def novelty(question: Question) -> Iterator[Check]:
    bank, estimators = question.bank.dataset, question.bank.estimators
    fresh = question.fresh()
    p_values, first = novelty_p_values(fresh, estimators)
    uniform = float(kstest(p_values[first], "uniform").pvalue)
    yield between("p of uniform p values", 1.0, uniform, low=0.05)
    probabilities, truth = chances(question, fresh)
    for number, name in enumerate(estimators.mechanisms):
        best = attainable_power_left_out(probabilities, truth, number)
        told = f"power, {name} left out (told what to look for: {best:.2f})"
        yield between(told, 1.0, power_against_left_out(bank, fresh, name), low=0.8)
    values, runs = fresh["value"].values.astype(float), fresh["run"].values
    changed = {}
    for name, change in CHANGED.items():
        prior = question.prior.replace(windows=WINDOWS, **change)
        others = question.runs(name.replace(" ", "_"), prior, OTHER_RUNS, 3)
        new = others["value"].values.astype(float)
        best = attainable_power(values, runs, new, others["run"].values, question.seed)
        changed[name] = estimators.novelty.p_values(estimators.scaling.numbers(new))
        power = float((changed[name] < UNLIKE).mean())
        yield between(f"power, {name} (told what to look for: {best:.2f})", 1.0, power, low=0.8)
    figures.of_novelty(p_values[first], changed, question.out / "figure_N23.png")


def cost(question: Question) -> Iterator[Check]:
    attrs = question.bank.dataset.attrs
    hours = attrs["core_seconds"] / attrs["runs"] * RUNS / 3600
    yield between(f"core-hours of {RUNS} runs", 0.0, float(hours), high=HOURS)
    if question.recorded is not None:
        began = time.process_time()
        drift.infer(
            question.recorded, question.path, parameters=bool(question.bank.estimators.flows)
        )
        yield between("one recording, s of CPU", 0.0, time.process_time() - began, high=30.0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        yield between("one recording, GB", 0.0, peak, high=1.0)


def verdict(question: Question) -> Iterator[Check]:
    assert question.recorded is not None
    flows = bool(question.bank.estimators.flows)
    answer = drift.infer(question.recorded, question.path, parameters=flows)
    for text in answer["sentences"].values:
        print(text)
    kinds = ("unlike", "undecided", "named")
    given = [kinds.index(str(kind)) for kind in answer["verdict"].values]
    yield between("verdicts (0 unlike, 1 undecided, 2 named)", 1.0, float(given[0]), 0.0, 2.0)


ROWS = (
    Row("N20", "posteriors of parameters", "minutes", posteriors, "sbi"),
    Row("N21", "posteriors of mechanisms", "minutes", mechanisms),
    Row("N22", "noises of a corridor", "minutes", noises),
    Row("N23", "unlike any simulation", "minutes", novelty),
    Row("N24", "time and memory", "seconds", cost),
    Row("N25", "a real recording", "seconds", verdict, "recording"),
)
