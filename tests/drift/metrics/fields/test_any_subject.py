"""Life tables of networks, circuits, and runs seen through the lens of a recording; a code at rest
turns over by test noise alone, and so it does with cells that were confused."""

from __future__ import annotations

import numpy as np
import pytest

import circuits
import drift
from drift import metrics

MEASURES = (metrics.recurrence, metrics.survival, metrics.hazard, metrics.markov_order)


def network():
    recipe = drift.Experiment(
        task=drift.CorridorTask(samples=60, rays=5),
        network=drift.Network(units=20),
        noise=[drift.UpdateNoise(std=0.1)],
        steps=200,
        sessions=5,
    )
    return drift.train([recipe, recipe.replace(seed=1)], progress=False)


def circuit():
    kind = circuits.LinearInterneuron(units=20, gain=20.0)
    return circuits.run_sessions(
        [kind],
        circuits.PlaceInput(places=8),
        circuits.WeightDrift(weight_lifetime=3.0),
        elapsed=np.arange(4.0),
        engine="fixed_point",
        progress=False,
    )


def observed(world, seed=0):
    lens = drift.published_design("Sheintuch 2023")
    sessions = drift.observe(world, like=lens, sampling_rate=5.0, seed=seed)
    return drift.measure(drift.counted_events(sessions))


def frozen(subjects):
    run = drift.wandering_fields(tuple(range(subjects)), sessions=5, units=150)
    return observed(drift.frozen_code(run))


@pytest.mark.parametrize("world", [network, circuit, lambda: frozen(1)])
def test_every_measure_takes_every_subject(world):
    dataset = world()
    for of in ("active", "place", "field"):
        shares = metrics.recurrence(dataset, of)
        assert ((shares["recurrence"] >= 0) & (shares["recurrence"] <= 1)).any()
        assert (metrics.survival(dataset, of)["survival"].isel(age=0) == 1).any()
        assert all(dict(measure(dataset, of).sizes)["subject"] for measure in MEASURES)
    fields = metrics.place_fields(dataset["rate"])
    assert (fields["fields"].isnull() == dataset["rate"].isnull().all("place")).all()
    assert metrics.field_shift(fields)["shift"].notnull().any()
    assert metrics.centroid_density(dataset, draws=50)["density"].notnull().any()


def lag_means(dataset, longest=None, **options):
    """(subject) recurrence between halves, and by noise, in the mean over lags."""
    shares = metrics.recurrence(metrics.thinned_halves(dataset), "active", 60, **options)
    return [
        metrics.curve_by_lag(shares[name], dataset["elapsed"])
        .isel(lag=slice(longest))
        .mean("lag")
        .values
        for name in ("recurrence_of_halves", "recurrence_by_noise")
    ]


def test_a_frozen_code_turns_over_by_test_noise_alone_through_a_lens():
    halves, noise = lag_means(frozen(8))
    apart = halves - noise
    assert noise.mean() < 0.95
    assert abs(apart.mean()) < 2 * apart.std(ddof=1) / np.sqrt(apart.size)


def test_confused_cells_look_like_turnover_and_are_undone():
    right = frozen(8)
    wrong = drift.observation.wrong_registration(right, 0.2)
    known, seen, undone = (
        lag_means(dataset, 1, wrong_matches=rate)[0]
        for dataset, rate in ((right, 0.0), (wrong, 0.0), (wrong, 0.2))
    )
    error = (undone - known).std(ddof=1) / np.sqrt(known.size)
    assert (known - seen).mean() > 8 * error
    assert abs((undone - known).mean()) < 3 * error


def test_a_frozen_code_does_not_wander_through_a_lens():
    halved = metrics.thinned_halves(frozen(8))
    moved = metrics.field_diffusion(halved, 20)["mean_squared_displacement"].isel(lag=0).values
    assert abs(moved.mean()) < 2 * moved.std(ddof=1) / np.sqrt(moved.size)
