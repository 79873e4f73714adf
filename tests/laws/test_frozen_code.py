"""A code that stands still has similarity 1 once noise is taken out, through any lens, and a network
without noise needs none taken out."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from drift import metrics
from drift.similarity_matching import RingInputs, SimilarityMatching, simulate

SUBJECTS, BIAS = 20, 0.003
CODES = ("rate_map", "population_vector", "ensemble_rate")


def lens(name: str) -> xr.Dataset:
    """A published design, whose cells are tracked."""
    design = drift.published_design(name)
    tracked = np.full(design["unit_identity"].shape, "the same cells")
    return design.assign_coords(unit_identity=(("subject", "session"), tracked))


LENSES = {
    "planned": (lambda: drift.recording_design(np.arange(6.0), 40, minutes=20.0), "trials"),
    "ring": (
        lambda: drift.recording_design(np.arange(4.0), 40, minutes=20.0, geometry="ring"),
        "trials",
    ),
    "linear": (lambda: lens("Sheintuch 2023"), "time"),
    "square": (lambda: lens("Jercog 2019").isel(session=slice(0, 5)), "time"),
    "W": (lambda: lens("Karlsson 2015").isel(session=slice(0, 5)), "trials"),
}


QUICK = ("ring", "W")  # the others take longer


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in LENSES],
)
def test_a_frozen_code_stands_still(name: str):
    """Mean over 20 subjects within 2 standard errors of 1 at every lag, n = 20, z = 2, and a bias of
    .003.

    Of units with 30 events. The bias: halves of a simulated recording share out a fixed time at
    each place, so that one is noisier where the other is less so.
    """
    make, halves = LENSES[name]
    run = drift.wandering_fields(seeds=range(SUBJECTS), sessions=4, units=60, places=50)
    frozen = drift.frozen_code(run)
    seen = drift.measure(drift.observe(frozen, like=make(), sampling_rate=5.0), halves=halves)
    over = [dim for dim in ("place", "direction") if dim in seen["rate"].dims]
    keep = (seen["rate"] * seen["occupancy"]).sum(over) >= 30
    for of in CODES:
        similarity = metrics.corrected_similarity(seen, of, keep=keep)
        lags = metrics.by_lag(similarity, seen["elapsed"])["correlation"]
        error = lags.std("subject", ddof=1) / np.sqrt(SUBJECTS)
        deviation = lags.mean("subject") - 1
        assert (abs(deviation) < 2 * error + BIAS).all(), f"{of}: {deviation.values.round(4)}"


@pytest.mark.slow
def test_a_frozen_code_stands_still_through_a_real_recording(data_folder):
    """Behaviour, cells and event rates of a real mouse; 6 subjects, z = 2. Laps, not its five trials,
    of which one half would have three."""
    import data_adapters

    path = data_folder("zivlab_multiday") / "C6_M4" / "Environment A"
    sessions = drift.counted_events(data_adapters.sessions("sheintuch2023", str(path)))
    like = [session.drop_vars("trial") for session in sessions]
    run = drift.wandering_fields(seeds=range(6), sessions=4, units=400, places=40)
    seen = drift.measure(drift.observe(drift.frozen_code(run), like=like), halves="trials")
    keep = (seen["rate"] * seen["occupancy"]).sum(["place", "direction"]) >= 10
    similarity = metrics.corrected_similarity(seen, smoothing=1.0, select="all", keep=keep)
    for lag in range(1, 8):
        values = np.diagonal(similarity.values, lag, axis1=1, axis2=2).mean(axis=-1)
        error = values.std(ddof=1) / np.sqrt(6)
        assert abs(values.mean() - 1) < 2 * error + BIAS, f"lag {lag}: {values.mean():.4f}"


RECIPE = drift.Experiment(
    task=drift.CorridorTask(samples=60, rays=5), network=drift.Network(units=12), steps=40, sessions=4
)  # fmt: skip


def network() -> xr.Dataset:
    return drift.train([RECIPE, RECIPE.replace(seed=1)], progress=False)


def circuit() -> xr.Dataset:
    return circuits.run_sessions(
        [circuits.LinearInterneuron(units=12, gain=20.0)],
        circuits.PlaceInput(places=8),
        circuits.WeightDrift(weight_lifetime=5.0),
        elapsed=np.arange(3.0),
        engine="fixed_point",
        progress=False,
    )


def matching() -> xr.Dataset:
    recipe = SimilarityMatching(inputs=RingInputs(angles=24), units=6, steps=60, sessions=3)
    return simulate([recipe], progress=False)


def fields() -> xr.Dataset:
    return drift.wandering_fields(sessions=4, units=12)


@pytest.mark.parametrize("make", [network, circuit, matching, fields])
def test_without_noise_it_is_the_plain_correlation(make):
    run = make()
    within = metrics.within_session_correlation(run).values
    assert np.isfinite(within).any()
    np.testing.assert_allclose(within[np.isfinite(within)], 1, atol=1e-12)
    plain = {
        "rate_map": metrics.mean_rate_map_correlation(run),
        "population_vector": metrics.population_vector_correlation(run),
        "ensemble_rate": metrics.ensemble_rate_correlation(run),
    }
    for of in CODES:
        similarity = metrics.corrected_similarity(run, of)
        np.testing.assert_allclose(similarity, plain[of], atol=1e-12, err_msg=of)
