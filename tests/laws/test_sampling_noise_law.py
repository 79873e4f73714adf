"""A code that stands still is said to change no more than sampling noise, whatever is lost and
however behaviour changes; fields drawn anew are told from it."""

from __future__ import annotations

import counted_mice
import numpy as np
import pytest

import drift
from drift.comparison.noise_verdicts import MORE

FROZEN = {
    "registration loss": {},
    "changed behaviour": {"changed": True},
    "few events, few place cells": {"events": 14.0, "tuned": 0.5, "lost": 0.4},
}


def verdicts(seeds: range, draws: int = 40, **world: object) -> np.ndarray:
    """(mouse, measure) whether it changes more than sampling noise."""
    mice = [counted_mice.mouse(seed, **world) for seed in seeds]  # type: ignore[arg-type]
    return np.stack(
        [drift.sampling_noise(mouse, draws=draws)["verdict"].values[0] == MORE for mouse in mice]
    )


@pytest.mark.slow
@pytest.mark.parametrize("world", FROZEN)
def test_frozen_codes_do_not_drift(world: str):
    """Of 100 mice at most 5 with any measure that is said to change."""
    assert verdicts(range(100, 200), **FROZEN[world]).any(axis=1).sum() <= 5


def test_few_frozen_codes_do_not_drift():
    """Of 8 mice none, in either of 8 chances of .05 that is .66 likely; seeds are fixed."""
    assert verdicts(range(8), 20, changed=True, units=40, sessions=5).any(axis=1).sum() <= 1


@pytest.mark.slow
def test_fields_drawn_anew_are_told_from_noise():
    """With p = .15 a night: map correlation, similarity without noise and drift rate of at least 95
    of 100 mice."""
    assert (verdicts(range(100, 200), anew=0.15)[:, :3].sum(axis=0) >= 95).all()


def test_a_few_fields_drawn_anew_are_told_from_noise():
    found = verdicts(range(4), 20, anew=0.15, units=60, sessions=6)
    assert found[:, :2].all()
