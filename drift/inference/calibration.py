"""Does the answer mean what it says? Checks on runs that no estimator has seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import kstest

from drift.inference.estimators import Estimators, class_numbers, rows_of
from drift.inference.identifiability import NAMED
from drift.inference.novelty import novelty_of
from drift.inference.posterior import Posterior, bounded, unbounded
from drift.inference.prior import MECHANISMS, PARAMETERS
from drift.inference.scaling import scaling_of
from drift.inference.verdict import UNLIKE
from drift.streams import stream

BINS = 10
LEVELS = np.linspace(0.05, 0.95, 19)


class Certainty(NamedTuple):
    """How true probabilities of mechanisms are.

    Attributes
    ----------
    calibration_error : float
        Expected calibration error of the largest probability.
    accuracy, named_right, named : float
        Share of windows whose most probable mechanism is true; share of verdicts given at .9 that
        are right, NaN of none; share of windows with such a verdict.
    log_score, log_score_of_prior : float
        Mean log probability of the truth, and of a guess by the prior.
    curve : numpy.ndarray
        (bin, 3) mean probability, share right, windows.
    """

    calibration_error: float
    accuracy: float
    named_right: float
    named: float
    log_score: float
    log_score_of_prior: float
    curve: np.ndarray


def certainty(probabilities: np.ndarray, classes: np.ndarray) -> Certainty:
    """Return how true probabilities are.

    The expected calibration error is sum_b n_b / n |share right - mean probability| over ten bins
    of the largest probability (Guo et al. 2017).

    Parameters
    ----------
    probabilities : numpy.ndarray
        (window, mechanism).
    classes : numpy.ndarray
        (window,) the truth.
    """
    largest, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    bins = np.clip((largest * BINS).astype(int), 0, BINS - 1)
    rows = []
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            rows.append((largest[inside].mean(), right[inside].mean(), inside.sum()))
    curve = np.array(rows)
    named = largest >= NAMED
    truth = probabilities[np.arange(len(classes)), classes]
    return Certainty(
        float((curve[:, 2] * np.abs(curve[:, 1] - curve[:, 0])).sum() / len(classes)),
        float(right.mean()),
        float(right[named].mean()) if named.any() else np.nan,
        float(named.mean()),
        float(np.log(np.maximum(truth, 1e-12)).mean()),
        -float(np.log(probabilities.shape[1])),
        curve,
    )


class Coverage(NamedTuple):
    """How true posteriors of parameters are.

    Attributes
    ----------
    names : list of str
        "mechanism: parameter".
    p_values : numpy.ndarray
        (name,) of uniform ranks, Kolmogorov and Smirnov, times what Holm asks for.
    covered : float
        Share of 95 % intervals of single parameters that hold the truth, over all.
    tarp_deviation : float
        Largest |coverage - credibility| of regions around random points (Lemos et al. 2023).
    tarp : numpy.ndarray
        (level,) coverage at ``LEVELS``.
    windows : int
    ranks : list of numpy.ndarray
        (run,) of the truth among draws, one window of each run, by name.
    """

    names: list[str]
    p_values: np.ndarray
    covered: float
    tarp_deviation: float
    tarp: np.ndarray
    windows: int
    ranks: list[np.ndarray]


def coverage(bank: xr.Dataset, estimators: Estimators, draws: int = 300, seed: int = 0) -> Coverage:
    """Return how true the posteriors of parameters are on the windows for tests.

    The rank of the truth among draws of its posterior is uniform if the posterior is right (Talts
    et al. 2018). TARP: the share of draws that are nearer to a random point than the truth is
    uniform, too. Windows of one run share its noise, so that they are no independent tests of it:
    one window of each run enters the p values, all enter shares.

    Parameters
    ----------
    bank : xarray.Dataset
    estimators : Estimators
        With posteriors.
    draws : int
    seed : int
    """
    rng = stream(seed, "bootstrap")
    test, classes = rows_of(bank, "test"), class_numbers(bank, estimators.mechanisms)
    inputs = estimators.scaling.inputs(bank["value"].values.astype(float))
    names, ranks_of_runs, inside, shares = [], [], [], []
    for number, mechanism in enumerate(estimators.mechanisms):
        rows = np.flatnonzero(test & (classes == number))
        if not rows.size:
            continue
        posterior = estimators.flows[mechanism]
        columns = [PARAMETERS.index(name) for name in posterior.parameters]
        truth = unbounded(bank["truth"].values[rows][:, columns], posterior.parameters)
        truth = bounded(truth, posterior.parameters)
        sample = posterior.draws(inputs[rows], draws, rng)
        ranks = (sample < truth[:, np.newaxis]).mean(axis=1)
        inside.append(((ranks >= 0.025) & (ranks <= 0.975)).ravel())
        _, first = np.unique(bank["run"].values[rows], return_index=True)
        for at, name in enumerate(posterior.parameters):
            names.append(f"{mechanism}: {name}")
            ranks_of_runs.append(ranks[first, at])
        shares.append(_nearer(sample, truth, posterior, rng))
    credibility = np.concatenate(shares)
    curve = np.array([(credibility <= level).mean() for level in LEVELS])
    p_values = np.array([kstest(own, "uniform").pvalue for own in ranks_of_runs])
    return Coverage(
        names, _holm(p_values), float(np.concatenate(inside).mean()),
        float(np.abs(curve - LEVELS).max()), curve, credibility.size, ranks_of_runs,
    )  # fmt: skip


def _nearer(
    sample: np.ndarray, truth: np.ndarray, posterior: Posterior, rng: np.random.Generator
) -> np.ndarray:
    """Share (window,) of draws that are nearer to a random point of the prior than the truth, in
    unbounded parameters over their spread in the bank."""
    scale = posterior.flows[0]
    values, true = (
        (unbounded(numbers, posterior.parameters) - scale.centre) / scale.spread
        for numbers in (sample, truth)
    )
    point = rng.standard_normal(true.shape)
    near = ((values - point[:, np.newaxis]) ** 2).sum(axis=-1)
    own = ((true - point) ** 2).sum(axis=-1)
    return np.asarray((near < own[:, np.newaxis]).mean(axis=1))


def _holm(p_values: np.ndarray) -> np.ndarray:
    """p values adjusted for their number (Holm 1979)."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.maximum.accumulate(np.minimum(p_values[order] * factors, 1.0))
    result = np.empty(len(p_values))
    result[order] = adjusted
    return result


def novelty_p_values(bank: xr.Dataset, estimators: Estimators) -> tuple[np.ndarray, np.ndarray]:
    """Return novelty p values (window,) of the windows for tests, and positions (run,) of the first
    window of each run among them."""
    test = rows_of(bank, "test")
    numbers = estimators.scaling.numbers(bank["value"].values.astype(float)[test])
    _, first = np.unique(bank["run"].values[test], return_index=True)
    return estimators.novelty.p_values(numbers), first


def power_against_left_out(bank: xr.Dataset, fresh: xr.Dataset, mechanism: str) -> float:
    """Return the share of windows of a mechanism that are found new by distances from a bank
    without it.

    Parameters
    ----------
    bank : xarray.Dataset
    fresh : xarray.Dataset
        Of further runs, whose windows of this mechanism are judged.
    mechanism : str
        Of ``MECHANISMS``.
    """
    assert mechanism in MECHANISMS
    values = bank["value"].values.astype(float)
    apart = bank["window_mechanism"].values != mechanism
    learn, calibrate = (rows_of(bank, role) & apart for role in ("train", "calibrate"))
    scaling = scaling_of(values[learn])
    distances = novelty_of(scaling.numbers(values[learn]), scaling.numbers(values[calibrate]))
    new = fresh["value"].values.astype(float)[fresh["window_mechanism"].values == mechanism]
    return float((distances.p_values(scaling.numbers(new)) < UNLIKE).mean())
