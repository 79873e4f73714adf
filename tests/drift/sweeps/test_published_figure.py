"""The 616 runs of the published figure: how many of which family, and in which order."""

from __future__ import annotations

from collections import Counter

import pytest

import drift
from drift.learners import Adam, StochasticErrorDescent
from drift.sweeps.presets import FIGURE, WHOLE_FIGURE, usual_runs


def family(recipe: drift.Experiment) -> str:
    """What the recipe itself tells of its family."""
    noise = recipe.noise[0].kind if recipe.noise else "none"
    if isinstance(recipe.learner, Adam):
        return f"Adam, {noise}"
    if isinstance(recipe.learner, StochasticErrorDescent):
        return "descent"
    return f"SGD, {noise}, {recipe.steps:.0e}"


def test_the_whole_figure_has_the_published_families():
    """49 of stochastic error descent, 522 of SGD with update noise, of which 180 are short, and of
    45 of Adam 27 without noise, 12 with label noise, 6 with update noise."""
    recipes = drift.sample(WHOLE_FIGURE, usual_runs(WHOLE_FIGURE))
    counts = Counter(map(family, recipes))
    assert sum(counts.values()) == sum(FIGURE.values()) == 616
    assert counts.pop("descent") == 49
    assert sorted(counts[name] for name in counts if name.startswith("Adam")) == [6, 12, 27]
    assert sorted(counts[name] for name in counts if name.startswith("SGD")) == [180, 342]
    assert len({recipe.seed for recipe in recipes}) == 616


@pytest.mark.parametrize("runs", [62, 100, 308])
def test_the_first_runs_are_those_of_all_in_proportion(runs):
    first, whole = drift.sample(WHOLE_FIGURE, runs), drift.sample(WHOLE_FIGURE, 616)
    assert first == whole[:runs]
    shares = Counter(map(family, first))
    for name, count in Counter(map(family, whole)).items():
        assert abs(shares[name] - count * runs / 616) < 1.5


def test_presets_of_before_draw_what_they_drew():
    """Families that were added move no other one."""
    assert usual_runs("random_adam") == 10
    adam = drift.sample("random_adam", 3)
    assert all(not recipe.noise for recipe in adam)
    noisy = drift.sample("random_adam_label_noise", 3)
    assert [recipe.noise[0].kind for recipe in noisy] == ["label"] * 3


def test_unknown_presets_are_refused():
    with pytest.raises(drift.RefusedInputError, match="published_figure"):
        drift.sample("figure", 2)
