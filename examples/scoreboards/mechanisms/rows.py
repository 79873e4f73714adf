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
from scoreboards.acceptance import Check, Row, between

import drift
from drift.inference.bank import make_bank
from drift.inference.calibration import (
    certainty,
    coverage,
    novelty_is_uniform,
    power_against_left_out,
    power_against_others,
)
from drift.inference.estimators import class_numbers, rows_of
from drift.inference.inferring import Bank
from drift.inference.prior import Prior
from drift.inference.verdict import verdict_of

PILOT = ("update noise", "label noise", "input noise")
RUNS = 3000
HOURS = 8.0


class Question(NamedTuple):
    """What rows are measured on: a bank, one of other worlds or None, a recording or None, and where
    runs of other priors go."""

    path: Path
    bank: Bank
    held_out: xr.Dataset | None
    recorded: xr.Dataset | None
    out: Path
    seed: int


def posteriors(question: Question) -> Iterator[Check]:
    told = coverage(question.bank.dataset, question.bank.estimators, seed=question.seed)
    yield between("least p of uniform ranks, after Holm", 1.0, float(told.p_values.min()), 0.05)
    yield Check("95 % regions that hold the truth", 0.95, told.covered, 0.936, 0.964)
    yield between("TARP: largest deviation", 0.0, told.tarp_deviation, high=0.03)


def chances(
    question: Question, bank: xr.Dataset, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    estimators = question.bank.estimators
    values = bank["value"].values.astype(float)[rows]
    return estimators.probabilities(values), class_numbers(bank, estimators.mechanisms)[rows]


def mechanisms(question: Question) -> Iterator[Check]:
    bank = question.bank.dataset
    own = certainty(*chances(question, bank, rows_of(bank, "test")))
    yield between("expected calibration error", 0.0, own.calibration_error, high=0.03)
    if np.isfinite(own.named_right):
        yield between("verdicts at .9 that are right", 1.0, own.named_right, low=0.88)
    if question.held_out is not None:
        every = np.ones(question.held_out.sizes["window"], dtype=bool)
        other = certainty(*chances(question, question.held_out, every))
        gain = other.log_score - other.log_score_of_prior
        yield between("another world: log score less that of the prior", 0.0, gain, low=0.0)
        yield between("another world: accuracy lost", 0.0, own.accuracy - other.accuracy, high=0.1)


def pilot(question: Question) -> Iterator[Check]:
    bank, names = question.bank.dataset, question.bank.estimators.mechanisms
    told, classes = chances(question, bank, rows_of(bank, "test"))
    for what, group, least in (
        ("update and label", PILOT[:2], 0.95),
        ("three noises", PILOT, 0.85),
    ):
        numbers = [names.index(name) for name in group]
        recalls = []
        for number in numbers:
            rows = told[classes == number][:, numbers]
            recalls.append((rows.argmax(axis=1) == numbers.index(number)).mean())
        yield between(f"{what}: balanced accuracy", 1.0, float(np.mean(recalls)), low=least)
    pair = [names.index(name) for name in PILOT[1:]]
    rows = told[np.isin(classes, pair)]
    undecided = [verdict_of(row, names, 1.0).kind == "undecided" for row in rows]
    yield between("label or input noise: undecided", 1.0, float(np.mean(undecided)), low=0.6)
    frozen = told[classes == names.index("frozen code")]
    moving = np.delete(frozen, names.index("frozen code"), axis=1)
    yield between(
        "frozen code named a mechanism", 0.0, float((moving >= 0.9).any(1).mean()), high=0.05
    )


def novelty(question: Question) -> Iterator[Check]:
    bank, estimators = question.bank.dataset, question.bank.estimators
    p_value, _share = novelty_is_uniform(bank, estimators)
    yield between("p of uniform p values", 1.0, p_value, low=0.05)
    powers = [power_against_left_out(bank, name) for name in estimators.mechanisms]
    yield between("power, least of mechanisms left out", 1.0, min(powers), low=0.8)
    prior = Prior.from_json(bank.attrs["prior"])
    changed = {
        "wrong matches .2": {"wrong_matches": (200.0, 800.0)},
        "twice the trend": {"rate_trend": 0.2},
    }
    for name, change in changed.items():
        folder = question.out / f"runs_{name.replace(' ', '_')}"
        others = make_bank(
            folder,
            prior.replace(windows=8, **change),
            runs=24,
            seed=question.seed + 1,
            executor="serial",
        )
        power = power_against_others(estimators, others["value"].values.astype(float))
        yield between(f"power, {name}", 1.0, power, low=0.8)


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
    Row("N20", "posteriors of parameters", "seconds", posteriors, "sbi"),
    Row("N21", "posteriors of mechanisms", "seconds", mechanisms),
    Row("N22", "noises of a corridor", "seconds", pilot),
    Row("N23", "unlike any simulation", "minutes", novelty),
    Row("N24", "time and memory", "seconds", cost),
    Row("N25", "a real recording", "seconds", verdict, "recording"),
)
