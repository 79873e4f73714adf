"""Intervals come from one place: nothing else in the package draws units, sessions or subjects with
replacement, leaves them out in turn, or takes quantiles for limits."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
HOME = "drift/metrics/intervals/"
# Rooms that draw what they simulate, and measure nothing.
SIMULATING = (
    "drift/tasks/", "drift/sweeps/", "drift/training/", "drift/similarity_matching/",
    "drift/loops/", "drift/inference/simulation/",
)  # fmt: skip
DRAWS, QUANTILES, LAWS, ERRORS = "draws", "quantiles", "laws", "errors"
# What looks like it elsewhere and is none, by kind: "file:function" and why.
REASONS = {
    DRAWS: {
        "comparison/noise_statistics.py:_thresholds": "counts of a unit without a field, a null",
        "metrics/experience/permuted_sessions.py:session_orders": "signs of subjects, a null",
        "metrics/fields/density.py:_of_session": "fields dealt by occupancy, a null",
        "metrics/geometry/transformations.py:_moved": "maps turned by any angle, a null",
        "metrics/information/significance.py:circular_shift_p_values": "lags of shifts, a null",
        "observation/laps.py:to_and_fro": "frames of a simulated run",
        "observation/twins.py:_placed": "events of a twin that stands still, a simulation",
        "planning/studies.py:_centres": "fields of simulated animals",
        "theory/mechanisms/sampled.py:sampled_drift_rate": "samples that a network learns from",
        "circuits/fitting/posterior.py:posterior": "seeds of simulated recordings",
    },
    QUANTILES: {
        "comparison/noise_statistics.py:_thresholds": "information of units without a field",
        "metrics/clocks.py:_refuse_rate": "steps of a clock",
        "metrics/fields/density.py:_of_session": "band of a null",
        "metrics/time_course/phases.py:_independent_samples": "where a search begins",
        "observation/lens.py:gains": "rates of units",
        "inference/scaling.py:scaling_of": "the scale of what networks are given",
        "inference/held_out_runs.py:power_of": "the level of a test",
        "circuits/fitting/posterior.py:posterior": "draws of a posterior",
        "circuits/fitting/statistics/chosen.py:_lag_classes": "edges of classes",
        "circuits/kinds/count_control.py:_density": "drives near a threshold",
        "circuits/kinds/random_interneurons.py:_resting_interneurons": "a threshold",
        "data_adapters/inspection/table.py:registration_table": "certainties of matches, shown",
        "data_adapters/positions.py:_unit": "the extent of positions",
    },
    LAWS: {
        "comparison/published.py:largest_standard_error": "an error that a published p allows",
        "circuits/fitting/certainty.py:_alike": "distances of searches that are as good",
        "fit_words.py:": "a test of nested circuits",
        "metrics/geometry/vectors.py:_shared_noise": "a threshold of what is defined",
        "metrics/time_course/phases.py:_interval": "a profile of the likelihood of one series",
        "observation/designs.py:_lens": "rates of units",
        "observation/poisson_counts.py:poisson_counts": "counts of events, a simulation",
        "planning/studies.py:redrawn_maps": "rates of units",
        "theory/mechanisms/sampled.py:sampled_excitable_overlap": "a threshold of a drive",
    },
    ERRORS: {
        "circuits/fitting/predictive.py:predictive_check": "where another recording would lie",
        "comparison/noise_results.py:set_beside": "where another twin would lie",
        "metrics/geometry/coordination.py:_error": "of a sum, which must differ from 0",
        "metrics/geometry/vectors.py:error": "of a sum, which must differ from 0",
        "theory/code_drift/sampled.py:_mean_over_seeds": "Monte Carlo error of a twin",
        "theory/input_noise/sampled.py:_estimate": "Monte Carlo error of a twin",
        "theory/input_noise/sampled.py:sampled_moments": "Monte Carlo error of a twin",
        "theory/mechanisms/sampled.py:_of": "Monte Carlo error of a twin",
        "theory/kernels/pooling.py:measured_pooling": "Monte Carlo error of a twin",
    },
}  # fmt: skip
ATTRIBUTES = {
    **dict.fromkeys(("integers", "choice", "choices", "randint", "multinomial"), DRAWS),
    **dict.fromkeys(("bootstrap", "resample"), DRAWS),
    **dict.fromkeys(("quantile", "percentile", "nanquantile", "nanpercentile"), QUANTILES),
    **dict.fromkeys(("ppf", "isf"), LAWS),
}
SPREADS = (".std(", "nanstd(", ".var(", "nanvar(")
COUNTED = "elements.integers"  # a word of MATLAB files


def kind_of(node: ast.AST) -> str:
    """What a piece of code looks like; empty for nothing of this."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        text, name = ast.unparse(node), node.func.attr
        without = any(
            option.arg == "replace" and ast.unparse(option.value) == "False"
            for option in node.keywords
        )
        if name == "astype" and ".random(" in text and "*" in text:
            return DRAWS  # whole parts of uniform numbers are draws with replacement
        return "" if without or text.startswith(COUNTED) else ATTRIBUTES.get(name, "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Mult):
        text = ast.unparse(node)
        return ERRORS if "sqrt(" in text and any(word in text for word in SPREADS) else ""
    return ""


def found(source: str) -> Iterator[tuple[str, str]]:
    """Kind and innermost function of all that looks like an interval of its own."""
    nodes: list[tuple[ast.AST, str]] = [(ast.parse(source), "")]
    while nodes:
        node, where = nodes.pop()
        if kind := kind_of(node):
            yield kind, where
        inside = node.name if isinstance(node, ast.FunctionDef) else where
        nodes += [(child, inside) for child in ast.iter_child_nodes(node)]


def in_package() -> set[tuple[str, str]]:
    """Kind and "file:function" of all that is found outside of the home of intervals."""
    places = set()
    for package in ("drift", "circuits", "data_adapters"):
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            name = path.relative_to(CHECKOUT).as_posix()
            if not name.startswith(HOME):
                short = name.removeprefix("drift/")
                simulating = name.startswith(SIMULATING)
                places |= {
                    (kind, f"{short}:{where}")
                    for kind, where in found(path.read_text())
                    if not (simulating and kind == DRAWS)
                }
    return places


def test_intervals_are_made_in_one_place():
    allowed = {(kind, place) for kind, places in REASONS.items() for place in places}
    strangers = in_package() - allowed
    assert not strangers, f"draw and take limits by {HOME}, or say why it is no interval"
    assert not allowed - in_package(), "reasons for what is no longer there"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def f(rng, n):\n    return rng.integers(n, size=n)", DRAWS),
        ("def f(rng, units):\n    return rng.choice(units, units.size)", DRAWS),
        ("def f(rng, n):\n    return (rng.random((9, n)) * n).astype(int)", DRAWS),
        ("def f(rng, n):\n    return rng.multinomial(n, [1 / n] * n)", DRAWS),
        ("def f(rng, n):\n    return scipy.stats.bootstrap((n,), np.mean)", DRAWS),
        ("def f(draws):\n    return np.nanquantile(draws, (0.025, 0.975), axis=0)", QUANTILES),
        ("def f(error):\n    return student.ppf(0.975, 4) * error", LAWS),
        ("def f(values):\n    return values.std(ddof=1) / np.sqrt(values.size)", ERRORS),
    ],
)
def test_an_interval_of_its_own_would_be_found(source: str, kind: str):
    assert set(found(source)) == {(kind, "f")}


def test_shuffles_are_no_intervals():
    shuffle = "def f(rng, units):\n    return rng.choice(units, units.size, replace=False)"
    assert not set(found(shuffle))
    assert not set(found("def f(rng, units):\n    return rng.permuted(units)"))
