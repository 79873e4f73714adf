"""Transformations: each is recognised, and units that drift for themselves are no rotation."""

from __future__ import annotations

import numpy as np
import pytest
from planted_drift import fields, noisy, of_halves
from scipy.linalg import expm

import circuits
from drift import metrics
from drift import similarity_matching as matching


def shares(dataset, surrogates=0, **options):
    result = metrics.drift_transformations(dataset, surrogates=surrogates, **options)
    return result.sel(kind="cross_validated").isel(subject=0, session=0, session_other=1)


def turned(rng, units=60, size=0.3):
    """Fields, and the same turned about their mean."""
    first = fields(rng, units)
    generator = rng.normal(size=(units, units)) * size
    mean = first.mean(axis=0)
    return np.stack([first, mean + (first - mean) @ expm(generator - generator.T)])


def redrawn(rng, units=60, share=0.4):
    """Fields, of which some units get new ones."""
    first, fresh = fields(rng, units), fields(rng, units)
    return np.stack([first, np.where(rng.random(units) < share, fresh, first)])


def test_each_transformation_explains_itself():
    rng = np.random.default_rng(0)
    first = fields(rng, 60)
    moved = of_halves(noisy(rng, np.stack([first, first + rng.random(60)]), 0.0), "place")
    np.testing.assert_allclose(shares(moved)["share"], [1, 1, 1], atol=1e-6)
    rotated = shares(of_halves(noisy(rng, turned(rng), 0.0), "place"))["share"]
    assert abs(float(rotated[0])) < 0.2 and (rotated[1:] > 0.99).all()
    mixed = np.stack([first, first @ (np.eye(60) + 0.1 * rng.normal(size=(60, 60)))])
    mixed_shares = shares(of_halves(noisy(rng, mixed - mixed.min(), 0.0), "place"))["share"]
    assert mixed_shares[1] < 0.99 < mixed_shares[2]


def test_units_that_drift_for_themselves_do_as_their_surrogates():
    """n = 9 codes of 60 units, seen through noise, z = 3; a rotation exceeds its surrogates. Many
    such units would look like a rotation, which is why there are surrogates."""
    rng = np.random.default_rng(1)
    excess = {"redrawn": [], "turned": []}
    for _ in range(9):
        for name, maps in (("redrawn", redrawn(rng)), ("turned", turned(rng, size=0.1))):
            result = shares(of_halves(noisy(rng, maps, 0.03), "place"), surrogates=5)
            difference = result["share"] - result["surrogate_share"]
            excess[name].append(float(difference.sel(transformation="rotation")))
    means = {name: np.mean(values) for name, values in excess.items()}
    errors = {name: np.std(values, ddof=1) / 3 for name, values in excess.items()}
    assert abs(means["redrawn"]) < 3 * errors["redrawn"]
    assert means["turned"] > 3 * errors["turned"]
    many = shares(of_halves(noisy(rng, redrawn(rng, 500), 0.0), "place"))["share"]
    assert float(many.sel(transformation="rotation")) > 0.95


def test_a_linear_similarity_matching_network_rotates():
    """Over lags of at least 8,000 steps; shorter ones hold the fluctuations of its similarity."""
    recipe = matching.PrincipalSubspace(steps=20_000, sessions=6, stride=50)
    run = matching.simulate([recipe, recipe.replace(seed=1)], progress=False)
    result = metrics.drift_transformations(run, surrogates=5).sel(kind="cross_validated")
    first, second = np.triu_indices(6, k=2)
    share = result["share"].values[:, first, second]  # (subject, pair, transformation)
    assert (share[..., 1].mean(axis=1) >= 0.95).all()
    assert (result["surrogate_share"].values[:, first, second, 1] < 0.5).all()
    stability = metrics.representational_stability(run)["stability"]
    assert (abs(stability.sel(kind="cross_validated").values[:, first, second] - 1) < 0.02).all()


def independent_units(rng, runs, units=200, places=40):
    """Rates of units with a threshold of their own, whose drives are those of an input with
    neighbours alike and of weights of which .6 is kept."""
    apart = np.abs(np.arange(places)[:, np.newaxis] - np.arange(places))
    alike = np.exp(-(np.minimum(apart, places - apart) ** 2) / (2 * 4.0**2))
    values, vectors = np.linalg.eigh(alike)
    root = vectors * np.sqrt(np.maximum(values, 0))
    for _ in range(runs):
        drives = rng.normal(size=(2, units, places)) @ root.T
        drives[1] = 0.6 * drives[0] + 0.8 * drives[1]
        yield np.maximum(drives - 1.7, 0).transpose(0, 2, 1)


@pytest.mark.slow
def test_wandering_weights_are_no_rotation():
    """Ornstein-Uhlenbeck weights of units with a threshold: rotation as of surrogates, n = 12, z = 2
    + 1 for the error of the surrogates. Top-K, whose units compete for K places, moves a little more
    together than units that do not know of each other: by less than 2 standard deviations of the
    surrogates."""
    rng = np.random.default_rng(2)
    results = [
        shares(of_halves(noisy(rng, maps, 0.0), "place"), surrogates=10)
        for maps in independent_units(rng, 12)
    ]
    excess = [float((one["share"] - one["surrogate_share"])[1]) for one in results]
    assert abs(np.mean(excess)) < 3 * np.std(excess, ddof=1) / np.sqrt(12)
    run = circuits.run_sessions(
        [circuits.LinearInterneuron(units=200, gain=100.0)] * 6,
        circuits.PlaceInput(places=40, geometry="ring"),
        circuits.WeightDrift(weight_lifetime=10.0),
        elapsed=np.array([0.0, 5.0]),
        engine="fixed_point",
        progress=False,
    )
    of_circuit = metrics.drift_transformations(run, surrogates=10)
    rotation = of_circuit.sel(transformation="rotation", kind="cross_validated")
    rotation = rotation.isel(session=0, session_other=1).mean("subject")
    bound = rotation["surrogate_share"] + 2 * rotation["surrogate_deviation"]
    assert float(rotation["share"]) < float(bound)


def test_stimuli_have_surrogates_without_an_order():
    rng = np.random.default_rng(3)
    dataset = of_halves(noisy(rng, turned(rng), 0.0))
    result = shares(dataset, surrogates=3)
    assert float(result["surrogate_share"][1]) < 0.5 < float(result["share"][1])
    few = metrics.drift_transformations(dataset.isel(stimulus=slice(0, 3)))
    assert few["share"].isnull().all()


@pytest.mark.parametrize("kind", ["naive", "frozen"])
def test_naive_shares_of_a_frozen_code_are_its_frozen_ones(kind: str):
    """n = 20, z = 4: nothing is explained where nothing moved, and what is fitted to noise is worse
    than nothing."""
    rng = np.random.default_rng(4)
    rows = []
    for _ in range(20):
        maps = np.repeat(fields(rng, 40)[np.newaxis], 2, axis=0)
        result = metrics.drift_transformations(
            of_halves(noisy(rng, maps, 0.3), "place"), surrogates=0
        )
        rows.append(result["share"].values[0, 0, 1])
        assert bool(result["defined"][0, 0, 1] == 1) == np.isfinite(rows[-1][1, 2])
    numbers = np.array(rows)
    difference = numbers[..., 0] - numbers[..., 1]
    assert (abs(difference.mean(axis=0)) < 4 * difference.std(axis=0, ddof=1) / np.sqrt(20)).all()
    assert (numbers[..., ["naive", "frozen"].index(kind)].mean(axis=0) < 0).all()
