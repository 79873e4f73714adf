"""Acceptance rows K50-K61: how fast the code of a Top-K layer drifts when its weights do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import xarray as xr
from scipy.optimize import brentq
from scoreboards.acceptance import Check, Request, Row, all_near, between, near

from drift.theory.code_drift.closed_forms import (
    active_set_overlap,
    code_similarity,
    deep_drift,
    population_vector_similarity,
)
from drift.theory.code_drift.place_fields import (
    place_field_statistics,
    sampled_place_field_statistics,
)
from drift.theory.code_drift.readout import readout_error, sampled_readout_error
from drift.theory.code_drift.sampled import (
    drifting_preactivations,
    sampled_code_similarity,
    sampled_deep_drift,
)
from drift.theory.code_drift.similarity import STATISTICS
from drift.theory.kernels.depth import amplification, optimal_pooling
from drift.theory.kernels.finite_layers import top_k

CURVATURE = 1 / 0.36
ONE_LAYER = {  # (f, r): cosine, Pearson, overlap, pooled; standard error of five seeds
    (0.5, 0.9): ((0.909538, 0.867298, 0.856434, 0.863682), 0.0003),
    (0.2, 0.9): ((0.842844, 0.821915, 0.749662, 0.816000), 0.0005),
    (0.1, 0.9): ((0.798625, 0.786454, 0.688649, 0.779851), 0.0009),
    (0.1, 0.7): ((0.510014, 0.480401, 0.467790, 0.470036), 0.0017),
    (0.05, 0.9): ((0.757969, 0.751017, 0.637355, 0.744290), 0.0019),
    (0.01, 0.9): ((0.674041, 0.672263, 0.541971, 0.666233), 0.006),
    (0.01, 0.7): ((0.309539, 0.305773, 0.266840, 0.298851), 0.010),
}
THREE_LAYERS = {  # (f, m, r): layers 1 to 3, and half a unit of the last digit printed
    (0.1, 0, 0.98): ((0.9542, 0.8620, 0.7083), 5e-4),
    (0.1, 27, 0.98): ((0.9818, 0.9670, 0.9555), 5e-4),
    (0.02, 0, 0.98): ((0.9291, 0.7339, 0.3838), 5e-4),
    (0.02, 280, 0.98): ((0.983, 0.969, 0.960), 5e-4),
    (0.02, 0, 0.8): ((0.507, 0.112, 0.020), 5e-4),
    (0.02, 280, 0.8): ((0.879, 0.843, 0.835), 5e-4),
}
READOUT = {
    (0.9, 1): 0.01825,
    (0.9, 4): 0.02592,
    (1.0, 4): 0.00153,
    (0.7, 1): 0.11749,
    (0.7, 4): 0.12885,
}  # (r, every so many places)


def ring(places: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of the input between places of a ring (place, place), and the angles (place)."""
    angle = 2 * np.pi * np.arange(places) / places
    return np.exp((np.cos(angle[:, np.newaxis] - angle) - 1) / 0.36), angle


def statistics(similarity: xr.Dataset) -> list[float]:
    return [float(similarity[name]) for name in STATISTICS]


def seeds(request: Request, count: int) -> list[int]:
    return [request.seed + number for number in range(count)]


@cache
def sampled(active_fraction: float, autocorrelation: float, seed: int) -> list[float]:
    places, _ = ring(32)
    return statistics(
        sampled_code_similarity(
            places, active_fraction, autocorrelation, seeds=range(seed, seed + 5)
        )
    )


def one_layer(_: Request) -> Iterator[Check]:
    places, _ = ring(32)
    for (fraction, autocorrelation), (targets, _error) in ONE_LAYER.items():
        yield all_near(
            f"f = {fraction}, r = {autocorrelation}",
            targets,
            statistics(code_similarity(places, fraction, autocorrelation)),
            1e-6,
        )


def sampled_one_layer(request: Request) -> Iterator[Check]:
    for (fraction, autocorrelation), (targets, error) in ONE_LAYER.items():
        found = sampled(fraction, autocorrelation, request.seed)
        yield all_near(
            f"f = {fraction}, r = {autocorrelation}", targets, found, max(0.003, 4 * error)
        )


def worked_case(request: Request) -> Iterator[Check]:
    targets, places = (0.7986, 0.7865, 0.6886, 0.7799), ring(32)[0]
    yield all_near(
        "theory, f = .1, r = .9",
        targets,
        statistics(code_similarity(places, 0.1, 0.9)),
        5e-5 + 1e-9,
    )
    yield all_near("sampled, f = .1, r = .9", targets, sampled(0.1, 0.9, request.seed), 0.004)


def half_similar(_: Request) -> Iterator[Check]:
    for fraction, target in (
        (0.5, 0.574),
        (0.2, 0.662),
        (0.1, 0.715),
        (0.05, 0.757),
        (0.01, 0.823),
    ):
        found = brentq(
            lambda r, f=fraction: float(population_vector_similarity(1.0, f, r).pearson) - 0.5,
            0.01,
            0.999,
        )
        yield near(f"r at which Pearson is 1/2, f = {fraction}", target, found, 0.0006)


def three_layers(_: Request) -> Iterator[Check]:
    for (fraction, pooling, autocorrelation), (targets, tolerance) in THREE_LAYERS.items():
        found = deep_drift(autocorrelation, fraction, pooling, 3).values
        yield all_near(
            f"f = {fraction}, m = {pooling}, r = {autocorrelation}",
            targets,
            found,
            tolerance + 1e-6,
        )


def sampled_three_layers(request: Request) -> Iterator[Check]:
    places, _ = ring(32)
    for (fraction, pooling, autocorrelation), (targets, _tolerance) in THREE_LAYERS.items():
        if autocorrelation == 0.98 and (fraction, pooling) != (0.02, 0):
            found = sampled_deep_drift(
                places, autocorrelation, fraction, pooling, 3, seeds=seeds(request, 6)
            )
            yield all_near(
                f"f = {fraction}, m = {pooling}", targets, found["activity_similarity"], 0.012
            )


def amplified(_: Request) -> Iterator[Check]:
    for fraction, target in ((0.5, 1), (0.2, 1.89), (0.1, 2.54), (0.05, 3.20), (0.01, 4.72)):
        yield near(f"chi, m = 0, f = {fraction}", target, amplification(fraction), 0.005 * target)
        for pooling in (0.0, float(optimal_pooling(fraction))):
            loss = 1 - float(population_vector_similarity(1.0, fraction, 1 - 1e-8, pooling).cosine)
            chi = float(amplification(fraction, pooling))
            yield near(
                f"loss / (1 - r) over chi, f = {fraction}, m = {pooling:.0f}",
                1,
                loss / 1e-8 / chi,
                0.005,
            )


def square_root_law(_: Request) -> Iterator[Check]:
    for fraction, target in ((0.5, 0.0045016), (0.1, 0.0099014)):
        yield near(
            f"1 - overlap, f = {fraction}",
            target,
            1 - float(active_set_overlap(1.0, fraction, 0.9999)),
            1e-6,
        )


def place_fields(request: Request) -> Iterator[Check]:
    places, _ = ring(256)
    for fraction, active in (
        (0.5, 0.986),
        (0.2, 0.805),
        (0.1, 0.580),
        (0.05, 0.377),
        (0.02, 0.190),
        (0.01, 0.107),
    ):
        theory = place_field_statistics(fraction, CURVATURE, 2 * np.pi)
        found = sampled_place_field_statistics(
            fraction, places, 2 * np.pi, ring=True, seeds=seeds(request, 3)
        )
        tolerance = 0.02 if fraction >= 0.05 else 0.04
        for name in ("fields_per_unit", "field_width"):
            yield near(
                f"{name.replace('_', ' ')}, f = {fraction}",
                theory[name],
                found[name],
                tolerance * float(theory[name]),
            )
        yield near(f"active units, f = {fraction}", active, found["fraction_active_units"], 0.005)


def selection_bias(request: Request) -> Iterator[Check]:
    places, _ = ring(32)
    one, other = (
        top_k(h, 0.01) for h in drifting_preactivations(places, 0.7, 20_000, request.seed)
    )  # (place, unit)
    kept = (one > 0).any(axis=0) & (other > 0).any(axis=0)
    maps, others = (activity[:, kept] - activity[:, kept].mean(axis=0) for activity in (one, other))
    by_unit = (maps * others).sum(axis=0) / np.sqrt((maps**2).sum(axis=0) * (others**2).sum(axis=0))
    excess = (
        float(by_unit.mean())
        - sampled(0.01, 0.7, request.seed)[STATISTICS.index("pooled_rate_map_correlation")]
    )
    yield between("per-unit mean less pooled correlation, f = .01, r = .7", 0.28, excess, low=0.2)


def drifting_readout(request: Request) -> Iterator[Check]:
    places, angle = ring(32)
    targets = np.column_stack([np.cos(angle), np.sin(angle)])
    for (autocorrelation, stride), target in READOUT.items():
        trained, name = np.arange(0, 32, stride), f"{32 // stride} places, r = {autocorrelation}"
        theory = float(readout_error(places, targets, 0.1, autocorrelation, 0.01, trained))
        yield near(f"theory, {name}", target, theory, 1e-5)
        if autocorrelation < 1:
            found = sampled_readout_error(
                places, targets, 0.1, autocorrelation, 0.01, trained, seeds=seeds(request, 5)
            )["readout_error"]
            yield near(f"sampled / theory, {name}", 1, float(found) / theory, 0.1)


ROWS = (
    Row("K50", "drift of one layer, theory", "seconds", one_layer),
    Row("K51", "drift of one layer, sampled", "seconds", sampled_one_layer),
    Row("K52", "drift at f = .1, r = .9", "seconds", worked_case),
    Row("K53", "half of the similarity", "seconds", half_similar),
    Row("K54", "three drifting layers, theory", "seconds", three_layers),
    Row("K55", "three drifting layers, sampled", "minutes", sampled_three_layers),
    Row("K56", "amplification of drift", "seconds", amplified),
    Row("K57", "square-root law of overlap", "seconds", square_root_law),
    Row("K58", "place fields", "seconds", place_fields),
    Row("K60", "selection bias of unit means", "seconds", selection_bias),
    Row("K61", "drifting readout", "seconds", drifting_readout),
)
