"""Rate maps of simulated networks are those that the probe records."""

from __future__ import annotations

import numpy as np

import drift
from drift.inference.simulation.learning import between_places, rates_of


def test_rates_are_those_of_the_probe():
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=60, rays=9),
        network=drift.Network(units=20),
        steps=50,
        sessions=3,
    )
    probes = ["input_weights", "bias", "rate"]
    run = drift.train([recipe], probes=probes, progress=False).isel(subject=0)
    maps = rates_of(recipe.task.draw(recipe.seed), run["input_weights"].values, run["bias"].values)
    recorded = run["rate"].transpose("session", "unit", "direction", "place").sel(direction=[1, -1])
    visited = np.isfinite(recorded.values)
    assert visited.mean() > 0.4
    np.testing.assert_allclose(maps[visited], recorded.values[visited], rtol=1e-4, atol=1e-6)


def test_places_between_known_ones_lie_on_a_line():
    rates = np.array([1.0, 3.0]) @ between_places(np.array([1, 3]), 5)
    np.testing.assert_allclose(rates, [1, 1, 2, 3, 3])
