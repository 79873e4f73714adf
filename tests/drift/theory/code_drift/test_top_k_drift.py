"""Drift of a Top-K layer: closed forms against printed values, their limits, and exact Top-K layers
whose weights wander."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq

from drift.errors import RefusedInputError
from drift.theory.code_drift.closed_forms import (
    active_set_overlap,
    code_similarity,
    deep_drift,
    effective_correlation,
    pooled_rate_map_correlation,
    population_vector_similarity,
    weight_autocorrelation,
)
from drift.theory.code_drift.place_fields import (
    curvature,
    place_field_statistics,
    sampled_place_field_statistics,
)
from drift.theory.code_drift.readout import readout_error, sampled_readout_error
from drift.theory.code_drift.sampled import pooled, sampled_code_similarity, sampled_deep_drift
from drift.theory.kernels import kappa, threshold
from drift.theory.kernels.depth import amplification, optimal_pooling
from drift.theory.kernels.finite_layers import top_k

WIDTH_SQUARED = 0.36


def ring(places: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles and c0 = exp((cos D - 1) / .36) of a case worked by hand."""
    angle = 2 * np.pi * np.arange(places) / places
    return angle, np.exp((np.cos(angle[:, np.newaxis] - angle) - 1) / WIDTH_SQUARED)


ANGLE, C0 = ring(32)
POSITION = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)])
# f, r: cosine, Pearson, overlap, pooled; standard error of the mean of 5 seeds
TABLE = {
    (0.5, 0.9): ((0.909538, 0.867298, 0.856434, 0.863682), 0.0003),
    (0.2, 0.9): ((0.842844, 0.821915, 0.749662, 0.816000), 0.0005),
    (0.1, 0.9): ((0.798625, 0.786454, 0.688649, 0.779851), 0.0009),
    (0.1, 0.7): ((0.510014, 0.480401, 0.467790, 0.470036), 0.0017),
    (0.05, 0.9): ((0.757969, 0.751017, 0.637355, 0.744290), 0.0019),
    (0.01, 0.9): ((0.674041, 0.672263, 0.541971, 0.666233), 0.006),
    (0.01, 0.7): ((0.309539, 0.305773, 0.266840, 0.298851), 0.010),
}
# f, m, r: after layers 1 to 3. The first row is that of mpmath at 30 digits; the printed .9542
# .8620 .7083 is not kappa(.98)/k1.
DEEP = {
    (0.1, 0, 0.98): (0.953889, 0.862117, 0.707564),
    (0.1, 27, 0.98): (0.9818, 0.9670, 0.9555),
    (0.02, 0, 0.98): (0.9291, 0.7339, 0.3838),
    (0.02, 280, 0.98): (0.983, 0.969, 0.960),
    (0.02, 0, 0.8): (0.507, 0.112, 0.020),
    (0.02, 280, 0.8): (0.879, 0.843, 0.835),
}


@pytest.mark.parametrize("setting", TABLE)
def test_k50_closed_forms(setting: tuple[float, float]):
    found = code_similarity(C0, *setting)
    assert np.allclose([found[name].item() for name in found], TABLE[setting][0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("setting", TABLE)
def test_k51_k52_exact_top_k_layers_follow(setting: tuple[float, float]):
    theory, sampled = code_similarity(C0, *setting), sampled_code_similarity(C0, *setting)
    tolerance = max(0.003, 4 * TABLE[setting][1])
    for name in theory:
        assert abs(sampled[name] - theory[name]) < tolerance, name


def test_k52_the_row_of_reference():
    assert np.allclose(population_vector_similarity(1.0, 0.1, 0.9), (0.7986, 0.7865), atol=5e-5)
    assert np.isclose(active_set_overlap(1.0, 0.1, 0.9), 0.6886, atol=5e-5)
    assert np.isclose(
        pooled_rate_map_correlation(C0, 0.1, 0.9), 0.7799, atol=5.1e-5
    )  # printed to four digits
    sampled = sampled_code_similarity(C0, 0.1, 0.9)
    found = [sampled[name].item() for name in list(sampled)[:4]]
    assert np.allclose(found, (0.7986, 0.7865, 0.6886, 0.7799), atol=0.004)


def test_k53_weights_at_which_half_of_the_similarity_is_left():
    halves = [
        brentq(lambda r, f=f: population_vector_similarity(1.0, f, r).pearson - 0.5, 0.1, 0.99)
        for f in (0.5, 0.2, 0.1, 0.05, 0.01)
    ]
    assert np.allclose(halves, [0.574, 0.662, 0.715, 0.757, 0.823], atol=6e-4)


@pytest.mark.parametrize("setting", DEEP)
def test_k54_every_layer_drifts(setting: tuple[float, int, float]):
    fraction, pooling, autocorrelation = setting
    assert np.allclose(deep_drift(autocorrelation, fraction, pooling, 3), DEEP[setting], atol=5e-4)


@pytest.mark.parametrize(
    "setting",
    [(0.1, 27), *(pytest.param(one, marks=pytest.mark.slow) for one in ((0.1, 0), (0.02, 280)))],
)
def test_k55_three_sampled_layers_follow(setting: tuple[float, int]):
    fraction, pooling = setting
    sampled = sampled_deep_drift(C0, 0.98, fraction, pooling, 3, seeds=range(6))
    assert np.allclose(
        sampled["activity_similarity"], deep_drift(0.98, fraction, pooling, 3), atol=0.012
    )


def test_k56_a_small_loss_is_amplified_by_chi():
    fractions, chi = np.array([0.5, 0.2, 0.1, 0.05, 0.01]), np.array([1, 1.89, 2.54, 3.20, 4.72])
    assert np.allclose(amplification(fractions), chi, rtol=0.005)
    for pooling, slope in (
        (0.0, amplification(fractions)),
        (optimal_pooling(fractions), np.ones(5)),
    ):
        lost = 1 - population_vector_similarity(1.0, fractions, 1 - 1e-8, pooling).cosine
        assert np.allclose(lost / 1e-8, slope, rtol=0.005)


def test_k57_membership_turns_over_like_a_square_root():
    fraction = np.array([0.5, 0.1])
    lost = 1 - active_set_overlap(1.0, fraction, 0.9999)
    assert np.allclose(lost, [0.0045016, 0.0099014], atol=1e-6)
    density = np.exp(-(threshold(fraction) ** 2) / 2) / np.sqrt(2 * np.pi)
    assert np.allclose(lost, density * np.sqrt(2e-4) / (fraction * np.sqrt(2 * np.pi)), rtol=1e-3)


# f: fields per unit and their width in theory, units active on the ring in simulation
FIELDS = {0.5: (1.667, 1.885, 0.986), 0.2: (1.170, 1.074, 0.805), 0.1: (0.733, 0.857, 0.580), 0.05: (0.431, 0.729, 0.377),
          0.02: (0.202, 0.621, 0.190), 0.01: (0.111, 0.564, 0.107)}  # fmt: skip


@pytest.mark.parametrize(
    "fraction", [f if f == 0.1 else pytest.param(f, marks=pytest.mark.slow) for f in FIELDS]
)
def test_k58_place_fields(fraction: float):
    angle, c0 = ring(256)
    assert np.isclose(curvature(c0, angle[1]), 1 / WIDTH_SQUARED, rtol=1e-4)
    theory = place_field_statistics(fraction, 1 / WIDTH_SQUARED, 2 * np.pi)
    sampled = sampled_place_field_statistics(fraction, c0, 2 * np.pi, ring=True, seeds=range(3))
    assert np.allclose(
        [theory["fields_per_unit"], theory["field_width"]], FIELDS[fraction][:2], atol=6e-4
    )
    for name in ("fields_per_unit", "field_width"):
        assert abs(sampled[name] / theory[name] - 1) < (0.02 if fraction > 0.02 else 0.04), name
    assert abs(sampled["fraction_active_units"] - FIELDS[fraction][2]) < 0.005


def test_k60_the_mean_over_units_selects_units_that_stayed():
    root = np.linalg.cholesky(C0 + 1e-12 * np.eye(32))
    first, fresh = np.random.default_rng(3).standard_normal((2, 32, 20_000))
    one, other = (top_k(root @ h, 0.01) for h in (first, 0.7 * first + np.sqrt(1 - 0.7**2) * fresh))
    both = one.any(0) & other.any(0)
    a, b = (maps[:, both] - maps[:, both].mean(0) for maps in (one, other))
    by_unit = ((a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0))).mean()
    assert by_unit - pooled_rate_map_correlation(C0, 0.01, 0.7) > 0.2


def test_k61_a_readout_that_is_not_taught_again():
    few, lags = np.arange(0, 32, 4), xr.DataArray([0.9, 0.7, 1.0], dims="lag")
    theory = [readout_error(C0, POSITION, 0.1, lags, 0.01, places) for places in (None, few)]
    assert theory[0].dims == ("lag",)
    assert np.allclose(
        [theory[0][0], theory[1][0], theory[0][1], theory[1][1]],
        [0.01825, 0.02592, 0.11749, 0.12885],
        atol=1e-5,
    )
    assert np.isclose(theory[1][2], 0.00153, atol=1e-5)
    for autocorrelation, number in ((0.9, 0), (0.7, 1)):
        for places, expected in zip((None, few), theory, strict=True):
            sampled = sampled_readout_error(C0, POSITION, 0.1, autocorrelation, 0.01, places)
            assert abs(sampled["readout_error"] / expected[number] - 1) < 0.1


def test_pooling_leaves_pearson_and_maps_alone_and_slows_the_cosine():
    plain, read = code_similarity(C0, 0.1, 0.9), code_similarity(C0, 0.1, 0.9, 27)
    assert read["population_vector_cosine"] > plain["population_vector_cosine"] + 0.1
    others = [one.drop_vars("population_vector_cosine") for one in (read, plain)]
    xr.testing.assert_allclose(*others, rtol=1e-14)  # the same formula, perhaps along another path
    sampled = sampled_code_similarity(C0, 0.1, 0.9, 27)
    for name in read:
        assert abs(sampled[name] - read[name]) < max(
            0.003, 4 * sampled[f"{name}_standard_error"].item()
        ), name


def test_weights_are_forgotten_by_either_law():
    assert np.allclose(weight_autocorrelation(np.array([0, 3.0, 6.0]), 3.0), np.exp([0, -1, -2]))
    rng = np.random.default_rng(0)
    weights, added = rng.standard_normal((2, 200_000))  # variance 1 at first, 1 / 3 added a day
    later = weights + np.sqrt(6 / 3) * added
    found = (weights @ later) / np.sqrt((weights @ weights) * (later @ later))
    assert abs(found - weight_autocorrelation(6.0, 3.0, law="free_diffusion")) < 4 / np.sqrt(
        200_000
    )


def test_whole_floats_count():
    xr.testing.assert_allclose(
        deep_drift(0.9, 0.1, 0.0, 2.0), deep_drift(0.9, 0.1, 0.0, 2), rtol=1e-14
    )


def test_layers_may_differ_by_name():
    fractions = xr.DataArray([0.1, 0.5], dims="layer")
    found = deep_drift(0.9, fractions, 0.0, 2)
    second = population_vector_similarity(
        population_vector_similarity(1.0, 0.1, 0.9).cosine, 0.5, 0.9
    ).cosine
    assert found.dims == ("layer",) and float(found.sel(layer=2)) == pytest.approx(
        float(second), rel=1e-13
    )


def test_limits():
    rounding = 8 * np.finfo(float).eps  # of the probability of a pair and its quotient by f
    assert np.allclose(population_vector_similarity(1.0, 0.1, 1.0), 1)
    assert active_set_overlap(1.0, 0.1, 1.0) == pytest.approx(1, rel=rounding)
    assert np.isclose(population_vector_similarity(1.0, 0.1, 0.0).pearson, 0) and np.isclose(
        active_set_overlap(1.0, 0.1, 0.0), 0.1
    )
    assert np.isclose(pooled_rate_map_correlation(C0, 0.1, 1.0), 1) and np.isclose(
        pooled_rate_map_correlation(C0, 0.1, 0.0), 0
    )
    c = np.array([0.05, 0.3, 0.9, 1.0])
    assert np.allclose(
        effective_correlation(population_vector_similarity(c, 0.07).cosine, 0.07), c, atol=1e-5
    )


def test_amplitudes_weight_places():
    loud = np.where(np.arange(32) < 16, 1.0, 1e-6)
    half = C0[:16, :16]
    quiet = half.shape[0] / 32  # the mean over all places still counts the silent ones
    expected = [kappa(r, 0.1) - quiet * kappa(r * half, 0.1).mean() for r in (0.8, 1.0)]
    assert np.isclose(
        pooled_rate_map_correlation(C0, 0.1, 0.8, loud), expected[0] / expected[1], rtol=1e-5
    )


def test_exact_top_k_and_pooling():
    h = np.random.default_rng(1).standard_normal((3, 50))
    active = top_k(h, 0.1)
    assert ((active > 0).sum(1) == 5).all()
    assert np.allclose(active, np.maximum(h - np.sort(h, axis=1)[:, -6, np.newaxis], 0))
    expected = sum(np.roll(h, -shift, axis=1) for shift in range(-3, 4)) / np.sqrt(7)
    assert np.allclose(pooled(h, 6), expected) and np.array_equal(pooled(h, 0), h)


REFUSALS = {
    "autocorrelation must lie between -1 and 1": lambda: active_set_overlap(1.0, 0.1, 1.2),
    "input_correlation must lie between -1 and 1": lambda: population_vector_similarity(
        np.nan, 0.1
    ),
    "active_fraction must lie in": lambda: population_vector_similarity(1.0, 0.0),
    "square matrix": lambda: pooled_rate_map_correlation(C0[:3], 0.1, 0.9),
    "rate maps are flat": lambda: pooled_rate_map_correlation(np.ones((4, 4)), 0.1, 0.9),
    "one number for each of 32 places": lambda: pooled_rate_map_correlation(
        C0, 0.1, 0.9, np.ones(3)
    ),
    "lifetime must be above 0": lambda: weight_autocorrelation(1.0, 0.0),
    "elapsed must lie between 0": lambda: weight_autocorrelation(-1.0, 1.0),
    "law 'levy' is unknown: use one of": lambda: weight_autocorrelation(1.0, 1.0, law="levy"),  # type: ignore[arg-type]
    "hidden_layers must be a whole number": lambda: deep_drift(0.9, 0.1, 0.0, 0),
    "curvature and length must be above 0": lambda: place_field_statistics(0.1, 0.0, 1.0),
    "at least three places": lambda: curvature(np.eye(2), 1.0),
    "one row a place": lambda: readout_error(C0, POSITION[:3], 0.1, 0.9, 0.01),
    "lifetime must be one finite number": lambda: weight_autocorrelation(1.0, np.nan),
    "elapsed must be numbers, got 'a'": lambda: weight_autocorrelation("a", 1.0),
    "got NaN in 1 of 2 and 0.5 to 0.5": lambda: active_set_overlap([np.nan, 0.5], 0.1),
    "hidden_layers must be a whole number from 1, got 2.5": lambda: deep_drift(0.9, 0.1, 0.0, 2.5),
    "active_fraction 1 has no place fields": lambda: place_field_statistics(1.0, 1.0, 1.0),
    "spacing must be one finite number from 1e-100 to .*, got 0 ": lambda: curvature(C0, 0),
    "spacing must be one finite number from 1e-100 to .*, got -1.0 ": lambda: curvature(C0, -1.0),
    "is singular at ridge 0: add a ridge": lambda: readout_error(
        np.ones((6, 6)), POSITION[:6], 0.1, 0.9, 0.0
    ),
    "places from 0 to 31, got .99.": lambda: readout_error(C0, POSITION, 0.1, 0.9, 0.01, [99]),
    "places from 0 to 31, got ..:": lambda: readout_error(C0, POSITION, 0.1, 0.9, 0.01, []),
    "targets must be finite": lambda: readout_error(C0, np.nan * POSITION, 0.1, 0.9, 0.01),
    "not below 0, got inf": lambda: readout_error(C0, POSITION, 0.1, 0.9, np.inf),
    "ridge must be one finite number not below 0, got -1.0": lambda: readout_error(
        C0, POSITION, 0.1, 0.9, -1.0
    ),
    "leaves 0 of 20 units active": lambda: top_k(np.ones((1, 20)), 0.01),
    "pooling must be below the 5 units": lambda: pooled(np.ones((1, 5)), 5),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_refusals_are_one_sentence(sentence: str):
    with pytest.raises(RefusedInputError, match=sentence) as refusal:
        REFUSALS[sentence]()
    assert "\n" not in str(refusal.value)
