"""Rows of circuits: laws of weights, two input streams, excitability, readouts that follow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scipy.stats import mannwhitneyu
from scoreboards.acceptance import Check, Request, Row, near

import circuits
from circuits.wandering.readouts import place_bumps
from circuits.wandering.wandering_weights import drifting_weights
from drift import metrics
from drift.theory import code_drift

LIFETIME, DAYS = 5.0, np.array([0.0, 1.0])
OPTIONS = {"engine": "fixed_point", "progress": False}


def within(what: str, values: np.ndarray, expected: float) -> Check:
    """Distance of a mean of independent values from what is expected, in standard errors."""
    error = values.std(ddof=1) / np.sqrt(values.size)
    return Check(f"{what}, standard errors", 0.0, float((values.mean() - expected) / error), -3, 3)


def weights(law: circuits.WeightDrift, seed: int, units: int = 20_000) -> np.ndarray:
    return drifting_weights(law, units, 10, DAYS, seed)


def laws_of_weights(request: Request) -> Iterator[Check]:
    rho = float(np.exp(-1 / LIFETIME))
    stays, appears = code_drift.turnover_probabilities(rho, 0.2)
    yield near("turnover: p11 - p10 is rho", rho, float(stays - appears), 1e-12)
    turnover = circuits.WeightDrift(law="turnover", connected_share=0.2, weight_lifetime=LIFETIME)
    before, after = weights(turnover, request.seed)
    yield within("turnover: correlation of weights after a session", before * after, rho)
    noise = 0.15
    expected = code_drift.multiplicative_moments(LIFETIME, noise)
    law = circuits.WeightDrift(
        law="multiplicative", multiplicative_noise=noise, weight_lifetime=LIFETIME
    )
    after = weights(law, request.seed)[1]
    yield within("multiplicative: mean", after, 0.0)
    yield within("multiplicative: variance", after**2, 1.0)
    yield within("multiplicative: skewness", after**3, expected.skewness)
    jump = circuits.WeightDrift(law="jump", weight_lifetime=LIFETIME)
    before, after = weights(jump, request.seed)
    stayed = (before == after).all(axis=1).astype(float)
    yield within("jump: share of units that have not jumped", stayed, rho)
    squares = (after - before)[:, 0] ** 2
    kurtosis = code_drift.increment_kurtosis(1.0, LIFETIME, "jump")
    # E d^4 - kurtosis (E d^2)^2 = 0, by its linear parts
    mean = squares.mean()
    parts = squares**2 - kurtosis * (2 * mean * squares - mean**2)
    yield within("jump: kurtosis of increments", parts, 0.0)


def two_streams(request: Request) -> Iterator[Check]:
    place, context, share, fraction = 12.0, 4.0, 0.3, 0.2
    inputs = circuits.PlaceContextInput(places=16, length=160.0, width=12.0, context_share=share)
    days = np.array([0.0, 1.0, 2.0, 4.0, 6.0])
    run = circuits.run_sessions(
        [circuits.LinearInterneuron(units=4000).for_active_fraction(fraction)] * 4,
        inputs,
        circuits.WeightDrift(weight_lifetime=place, context_lifetime=context),
        elapsed=days,
        seeds=[request.seed + number for number in range(4)],
        **OPTIONS,
    )
    apart = np.abs(np.subtract.outer(inputs.positions, inputs.positions))
    first, later = np.triu_indices(len(days), 1)
    lags = days[later] - days[first]
    left = code_drift.stream_autocorrelations(
        metrics.ensemble_rate_correlation(run).mean("subject").values[first, later],
        tuning_correlation(run)[first, later],
        inputs.place_input.correlation(apart),
        fraction,
        share,
    )
    for what, name, truth in (
        ("lifetime of tuning", "autocorrelation", place),
        ("lifetime of rates", "context_autocorrelation", context),
    ):
        yield near(what, truth, lifetime(lags, left[name].values), 0.05 * truth)


def tuning_correlation(run: xr.Dataset) -> np.ndarray:
    """Correlation of maps less their own mean, over units, places and circuits (session, session)."""
    maps = run["rate"].transpose("subject", "session", "place", "unit").values.astype(float)
    own = maps - maps.mean(axis=2, keepdims=True)
    products = np.einsum("aipu,ajpu->ij", own, own)
    return products / np.sqrt(np.outer(products.diagonal(), products.diagonal()))


def lifetime(lags: np.ndarray, left: np.ndarray) -> float:
    """T of exp(-t / T), by least squares of the logarithm through 1 at no lag, weighted by r^2."""
    weight = left**2
    return -float((weight * lags**2).sum() / (weight * lags * np.log(left)).sum())


EXCITED_DAYS = np.array([0.0, 1.0, 4.0, 10.0])


def excited(request: Request, circuit_count: int, lifetime: float) -> tuple[np.ndarray, np.ndarray]:
    """Which units of circuits are active (circuit, session, unit, place), and how excitable they are
    on the first day (circuit, unit)."""
    run = circuits.run_sessions(
        [circuits.LinearInterneuron(units=3000).for_active_fraction(0.1)] * circuit_count,
        circuits.PlaceInput(places=10, length=200.0, width=20.0),
        circuits.WeightDrift(weight_lifetime=20.0),
        elapsed=EXCITED_DAYS,
        seeds=[request.seed + number for number in range(circuit_count)],
        excitability=circuits.Excitability(std=0.7, lifetime=lifetime),
        **OPTIONS,
    )
    active = run["rate"].transpose("subject", "session", "unit", "place").values > 0
    return active, run["excitability"].values[:, 0]


def excitable_units(request: Request) -> Iterator[Check]:
    active, _ = excited(request, 12, 8.0)
    kept = (active[:, 1:] & active[:, :1]).sum(axis=(2, 3)) / active[:, :1].sum(axis=(2, 3))
    correlation = code_drift.drive_correlation(
        1.0,
        np.exp(-EXCITED_DAYS[1:] / 20.0),
        excitability=0.7,
        excitability_autocorrelation=np.exp(-EXCITED_DAYS[1:] / 8.0),
    )
    expected = code_drift.active_set_overlap(1.0, active.mean(), correlation)
    for day, values, closed in zip(EXCITED_DAYS[1:], kept.T, expected, strict=True):
        yield within(f"overlap of active sets after {day:g} days", values, closed)
    # slower than the weights; excitability of a day that is soon forgotten does the opposite
    active, state = excited(request, 2, 100.0)
    known = active[:, 0].any(axis=-1)
    places = (active[:, 0] & active[:, 3]).sum(axis=-1)[known] / active[:, 0].sum(axis=-1)[known]
    low, high = np.quantile(state[known], [1 / 3, 2 / 3])
    more = mannwhitneyu(
        places[state[known] > high], places[state[known] < low], alternative="greater"
    )
    yield Check("excitable units keep more of their places, p", 0.0, float(more.pvalue), 0.0, 0.01)


def following_readouts(request: Request) -> Iterator[Check]:
    distance = np.abs(np.subtract.outer(np.arange(10), np.arange(10)))
    matrix, targets = np.exp(-(distance**2) / (2 * 1.5**2)), place_bumps(10)
    days = np.arange(5)
    lags = np.exp(-np.abs(np.subtract.outer(days, days)) / 8.0)
    problem = (matrix, targets, 0.1, lags, 0.01)
    seeds = [request.seed + number for number in range(12)]
    for what, rate in (("least mean squares", 0.5), ("fixed", 0.0)):
        closed = code_drift.following_readout_error(*problem, rate)["error_before"].values
        sampled = code_drift.sampled_following_readout_error(
            *problem, rate, units=4000, seeds=seeds
        )
        error = sampled["error_before_standard_error"].values
        miss = (sampled["error_before"].values - closed)[1:] / error[1:]
        worst = float(miss[np.abs(miss).argmax()])
        yield Check(f"{what}: error in later sessions, standard errors", 0.0, worst, -3, 3)
    fixed = code_drift.readout_error(matrix, targets, 0.1, lags[0], 0.01)
    yield near("fixed: its theory as before", 0.0, float(np.abs(closed / fixed - 1).max()), 1e-9)


ROWS = (
    Row("N04c", "excitability of a circuit", "seconds", excitable_units),
    Row("N05", "laws of weights", "seconds", laws_of_weights),
    Row("N06", "two input streams", "seconds", two_streams),
    Row("N07", "readouts that follow", "seconds", following_readouts),
)
