"""Laws of every ingredient of a drifting circuit, alone and combined: laws of weights, two input
streams, excitability, homeostasis, and the readouts that follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import circuits

PLACE, LIFETIME = circuits.PlaceInput(places=6), {"weight_lifetime": 5.0}
CONTEXT = circuits.PlaceContextInput(places=6)
EXCITED = circuits.Excitability(std=0.6, lifetime=3.0)
INGREDIENTS: dict[str, dict[str, Any]] = {
    "weights that stay": {},
    "ornstein_uhlenbeck": {"drift": circuits.WeightDrift(**LIFETIME)},
    "turnover": {
        "drift": circuits.WeightDrift(law="turnover", connected_share=0.3, **LIFETIME)
    },
    "multiplicative": {
        "drift": circuits.WeightDrift(law="multiplicative", multiplicative_noise=0.1, **LIFETIME)
    },
    "jump": {"drift": circuits.WeightDrift(law="jump", **LIFETIME)},
    "two time scales": {
        "drift": circuits.WeightDrift(fast_weight_lifetime=1.0, fast_share=0.4, **LIFETIME)
    },
    "two streams": {
        "inputs": CONTEXT, "drift": circuits.WeightDrift(context_lifetime=2.0, **LIFETIME)
    },
    "excitable threshold": {
        "drift": circuits.WeightDrift(**LIFETIME), "excitability": EXCITED
    },
    "excitable drive": {
        "drift": circuits.WeightDrift(**LIFETIME),
        "excitability": EXCITED.replace(acts_on="drive"),
    },
    "streams that jump, excited": {
        "inputs": CONTEXT,
        "drift": circuits.WeightDrift(law="jump", context_lifetime=2.0, **LIFETIME),
        "excitability": EXCITED,
    },
}  # fmt: skip
CIRCUIT = circuits.LinearInterneuron(units=30, gain=40.0)
DAYS = (0.0, 1.0, 3.0)
READOUTS = (
    circuits.FixedReadout(),
    circuits.LeastMeanSquares(),
    circuits.HebbianHomeostasis(steps=3),
)


def recipe(ingredient: str, seed: int, **changes: Any) -> circuits.DriftingCircuit:
    own = {"circuit": CIRCUIT, "inputs": PLACE, "elapsed": DAYS, **INGREDIENTS[ingredient]}
    return circuits.DriftingCircuit(seed=seed, **{**own, **changes})


def run(recipes: list[circuits.DriftingCircuit], engine: Any = "fixed_point") -> xr.Dataset:
    return circuits.run_circuits(recipes, engine=engine, progress=False)


@pytest.fixture(scope="module")
def crowd() -> xr.Dataset:
    """A circuit with each ingredient, side by side."""
    return run([recipe(name, seed) for seed, name in enumerate(INGREDIENTS)])


def assert_same_subject(one: xr.Dataset, first: int, other: xr.Dataset, second: int) -> None:
    for name in ("rate", "weight_autocorrelation", "excitability", "residual"):
        if name in other:
            np.testing.assert_array_equal(one[name][first], other[name][second], err_msg=name)


@pytest.mark.parametrize("ingredient", INGREDIENTS)
def test_a_circuit_in_any_crowd_is_that_circuit_alone(crowd: xr.Dataset, ingredient: str):
    seed = list(INGREDIENTS).index(ingredient)
    one = recipe(ingredient, seed)
    assert_same_subject(crowd, seed, run([one]), 0)
    assert_same_subject(crowd, seed, run([recipe(ingredient, 77), one]), 1)


@pytest.mark.parametrize("ingredient", INGREDIENTS)
def test_more_sessions_change_none_of_the_first(crowd: xr.Dataset, ingredient: str):
    """What a run has seen stays, however long it goes on."""
    seed = list(INGREDIENTS).index(ingredient)
    longer = run([recipe(ingredient, seed, elapsed=(*DAYS, 8.0))])
    np.testing.assert_array_equal(longer["rate"][0, : len(DAYS)], crowd["rate"][seed])


@pytest.mark.parametrize("ingredient", INGREDIENTS)
def test_excitability_without_size_moves_no_other_draw(ingredient: str):
    still = EXCITED.replace(std=0.0)
    plain, with_it = (run([recipe(ingredient, 5, excitability=state)]) for state in (None, still))
    np.testing.assert_array_equal(plain["rate"], with_it["rate"])
    excited = run([recipe(ingredient, 5, excitability=EXCITED)])
    np.testing.assert_array_equal(
        plain["weight_autocorrelation"], excited["weight_autocorrelation"]
    )
    assert not np.array_equal(plain["rate"], excited["rate"])


def test_inputs_and_first_weights_are_the_same_under_laws_of_one_family(crowd: xr.Dataset):
    """Laws of normal weights differ from day to day, not on the first."""
    names = list(INGREDIENTS)
    family = ["weights that stay", "ornstein_uhlenbeck", "jump"]
    first = run([recipe(name, 3) for name in family])["rate"][:, 0]
    for number in range(1, len(family)):
        np.testing.assert_array_equal(first[0], first[number], err_msg=family[number])
    assert not np.array_equal(crowd["rate"][names.index("jump"), 0], first[0]), "another seed"


@pytest.mark.parametrize("readout", READOUTS, ids=lambda readout: readout.kind)
def test_readouts_of_every_ingredient_in_a_crowd_are_those_alone(crowd: xr.Dataset, readout: Any):
    """Settled places as they are: readouts draw what they draw from the seed of the subject."""
    together = circuits.read_out(crowd, readout)["readout_error"]
    for number in (1, 4, 9):
        alone = circuits.read_out(crowd.isel(subject=[number]), readout)["readout_error"]
        np.testing.assert_array_equal(together[number], alone[0])


@pytest.mark.slow
def test_engines_agree_on_every_ingredient(crowd: xr.Dataset):
    """Brian2 settles to 1e-3 of the largest rate of the closed form."""
    settled = run([recipe(name, seed) for seed, name in enumerate(INGREDIENTS)], "brian2")
    assert (settled["status"] == "complete").all()
    largest = float(crowd["rate"].max())
    np.testing.assert_allclose(settled["rate"], crowd["rate"], rtol=0, atol=1e-3 * largest)
