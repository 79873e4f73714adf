"""Right arguments of what decides whether a code drifts: maps with halves, pairs of sessions, and
the results of one function that another one draws or tells of."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import drift
from data_adapters.session import session_dataset
from drift import metrics

DAYS, CELLS, FRAMES = 5, 9, 2400

HALVED = (
    "by_lag_interval", "change_components", "code_stability", "crossnobis", "drift_alignment", "drift_coordination",
    "drift_dimension", "drift_rate_interval", "drift_transformations", "half_life",
    "half_life_table", "lag_table", "noise_covariance", "reliability_interval",
    "representational_stability", "unrelated_similarity",
)  # fmt: skip


def of_stability() -> dict[str, Any]:
    """Return right values by function and argument."""
    sessions = [_session(number) for number in range(DAYS)]
    maps = drift.measure(sessions, halves="time", half_place_units=True)
    every = xr.ones_like(maps["recorded"].isel(session=0, drop=True), dtype=bool)
    halved = {f"{name}.dataset": maps for name in HALVED}
    covariance = metrics.noise_covariance(maps, keep=every)
    return {
        **halved,
        **_of_results(maps, sessions, every),
        **_of_plots(maps, every),
        "drift_alignment.noise": covariance,
        "frozen_alignment.noise": np.eye(3),
        "frozen_alignment.directions": np.diag([2.0, 1.0, 0.5]),
    }


def _of_results(
    maps: xr.Dataset, sessions: list[xr.Dataset], every: xr.DataArray
) -> dict[str, Any]:
    stability = drift.code_stability(maps, twins=0)
    return {
        "code_stability.source": maps,
        "nested_interval.values": maps["spatial_information"],
        "interval_text.interval": metrics.nested_interval(
            maps["spatial_information"].isel(session=0), repetitions=50
        ),
        "with_decoding.recorded": maps,
        "with_decoding.triple": metrics.decoder_triple(sessions),
        "decoder_triple.code": sessions,
        "decoding.code": sessions,
        "absent_measures.stability": stability,
        "stability_tables.stability": stability,
        "stability_overview.stability": stability,
        "trial_interval.measured": drift.measure(sessions, halves="trials"),
        "trial_interval.sessions": sessions,
        "trial_interval.statistic": _mean_information,
        "sampling_noise.recorded": maps,
        "sampling_noise.draws": 20,
        "explained_changes.recorded": maps,
        "explained_changes.draws": 20,
        "explained_changes.causes": ("lost cells",),
        "model_validate.obj": {},
    }


def _mean_information(maps: xr.Dataset) -> xr.DataArray:
    return maps["spatial_information"].mean("unit")


def _of_plots(maps: xr.Dataset, every: xr.DataArray) -> dict[str, Any]:
    several = maps.assign_coords(
        environment=xr.full_like(maps["elapsed"], "A", dtype="U1").where(
            np.arange(maps.sizes["session"]) != 1, "B"
        )
    )
    corrected = metrics.corrected_similarity(maps, select="all")
    return {
        "stability_overview.figure": Figure(),
        "recorded_beside_frozen.noise": drift.sampling_noise(maps, draws=20),
        "similarity_of_codes.codes": {"recorded": metrics.by_lag_interval(maps, select="all")},
        "alignment_with_null.alignment": metrics.drift_alignment(maps, keep=every, shuffles=5),
        "dimension_by_lag.dimension": metrics.drift_dimension(maps, keep=every, shuffles=2),
        "transformation_shares.transformations": metrics.drift_transformations(
            maps, keep=every, surrogates=2
        ),
        "dissimilarity_matrix.distances": metrics.crossnobis(maps, keep=every),
        "field_density.density": metrics.centroid_density(maps),
        "field_density.subject": 0,
        "field_density.session": 0,
        "hazard_by_age.hazard": metrics.hazard(maps, "active", minimum_events=20),
        "jumps_by_lag.jumps": metrics.field_shift(metrics.place_fields(maps["rate"])),
        "displacement_by_lag.walk": drift.code_stability(maps, twins=0),
        "similarity_and_ceiling.similarity": corrected,
        "similarity_and_ceiling.corrected": corrected,
        "similarity_and_ceiling.ceiling": corrected,
        "correlation_by_environment.correlation": metrics.population_vector_correlation(
            several, across_environments=True
        ).isel(subject=0),
        "correlation_by_environment.elapsed": several["elapsed"].isel(subject=0),
        **{
            f"{name}.elapsed": maps["elapsed"]
            for name in ("dimension_by_lag", "jumps_by_lag", "similarity_and_ceiling")
        },
    }


def _session(number: int) -> xr.Dataset:
    """Laps of 20 s on a track, with fields that wander a little from day to day."""
    rng = np.random.default_rng(number)
    position = 50 + 45 * np.sin(2 * np.pi * np.arange(FRAMES) / 400)
    fields = np.linspace(10, 90, CELLS) + number * np.resize([2.0, -3.0, 1.0], CELLS)
    rates = 6 * np.exp(-((position[:, None] - fields) ** 2) / 200)
    return session_dataset(
        activity=rng.poisson(rates / 20),
        position=position,
        sampling_rate=20.0,
        subject="a",
        session=number,
        elapsed=float(number),
        elapsed_units="day",
        environment="A",
        source="drawn",
        unit_identity="a",
        bin_size=10.0,
        minimum_speed=0.0,
    )
