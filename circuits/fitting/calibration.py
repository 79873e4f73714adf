"""Intervals from recordings simulated at the estimate: what estimates scatter by, when sessions,
places, units and counts are those of the recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from circuits.fitting.model import Model
from circuits.fitting.search import Bounds, Law, distances

ECHOES = 3  # simulations with other chance, whose mean a simulated recording is compared with
STEPS = 2  # by which a simulated recording is fitted, from the truth, along the law at the truth
FIRST_SEED = 500_000_011  # added to that of the fit, far from those of its own simulations
LARGEST_STEP = 0.3  # of the search range


class Calibration(NamedTuple):
    """Recordings simulated at an estimate.

    Attributes
    ----------
    statistics : numpy.ndarray
        (simulation, statistic) of each.
    unit : numpy.ndarray
        (simulation, parameter) their estimates, in coordinates of the search; beyond 0 and 1 where
        bounds hold them.
    distance : numpy.ndarray
        (simulation,) of their statistics from those of the circuit fitted to them.
    """

    statistics: np.ndarray
    unit: np.ndarray
    distance: np.ndarray


def calibration(
    model: Model,
    bounds: Bounds,
    unit: np.ndarray,
    law: Law,
    precision: np.ndarray,
    whole_precision: np.ndarray,
    usable: np.ndarray,
    simulations: int,
) -> Calibration:
    """Simulate recordings at an estimate, with as many units, sessions, places and events as the
    recording has, and estimate each of them.

    Each is seen through its own lens, since event rates are themselves measured, and fitted by
    Gauss-Newton steps from the truth, with the derivatives at the truth.

    Parameters
    ----------
    model : Model
        That was fitted.
    bounds : Bounds
        Of the search.
    unit : numpy.ndarray
        (parameter,) the estimate, in coordinates of the search.
    law : Law
        At the estimate.
    precision, whole_precision : numpy.ndarray
        (statistic, statistic) with which it was fitted, and by which the distance is told.
    usable : numpy.ndarray
        (all statistics,) bool.
    simulations : int
        How many recordings.
    """
    candidate = bounds.values(unit)
    seeds = [model.seed + FIRST_SEED + number for number in range(simulations)]
    made = [model.simulated_recording(candidate, seed) for seed in seeds]
    recorded = np.array([measured[usable] for measured, _model in made])
    # what is undefined in one of them tells nothing there
    recorded = np.where(np.isfinite(recorded), recorded, law.statistics)
    base = _echoed(model, bounds, unit, usable)

    def expectation(estimate: np.ndarray) -> np.ndarray:
        rows = np.clip(estimate, 0.0, 1.0)
        moved = [
            _echoed(own_model, bounds, row, usable) - base
            for (_measured, own_model), row in zip(made, rows, strict=True)
        ]
        return law.statistics + np.where(np.isfinite(moved), moved, 0.0)

    estimate, expected = _stepped(recorded, unit, _gain(law, precision), precision, expectation)
    return Calibration(recorded, estimate, _apart(expected, recorded, whole_precision))


def _stepped(
    recorded: np.ndarray,
    unit: np.ndarray,
    gain: np.ndarray,
    precision: np.ndarray,
    expectation: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates (simulation, parameter) and expected statistics of simulated recordings; a step
    that leads away is taken back, and the next one is a third as long."""
    estimate = np.tile(unit, (len(recorded), 1))
    expected = expectation(estimate)
    length = np.ones((len(recorded), 1))
    for _step in range(STEPS):
        step = np.clip((recorded - expected) @ gain.T, -LARGEST_STEP, LARGEST_STEP)
        moved = estimate + length * step
        moved_expected = expectation(moved)
        nearer = (
            _apart(moved_expected, recorded, precision) < _apart(expected, recorded, precision)
        )[:, np.newaxis]
        estimate, expected = (
            np.where(nearer, moved, estimate),
            np.where(nearer, moved_expected, expected),
        )
        length = np.where(nearer, length, length / 3)
    return estimate, expected


def _apart(expected: np.ndarray, recorded: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Distance of each simulated recording (simulation, statistic) from what is expected of it."""
    return distances(recorded - expected, np.zeros(recorded.shape[1]), precision)


def _gain(law: Law, precision: np.ndarray) -> np.ndarray:
    """How far an estimate moves with each statistic, (parameter, statistic)."""
    weighted = law.jacobian.T @ precision
    return np.linalg.solve(weighted @ law.jacobian + np.eye(len(weighted)), weighted)


def _echoed(model: Model, bounds: Bounds, unit: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Mean statistics (statistic,), with the same chance for every candidate."""
    seeds = [model.seed + FIRST_SEED // 2 + number for number in range(ECHOES)]
    candidate = bounds.values(unit)[np.newaxis]
    echoes = np.concatenate([model(candidate, [seed]) for seed in seeds])
    return np.asarray(echoes[:, usable].mean(axis=0))


def bias(calibrated: Calibration, unit: np.ndarray) -> np.ndarray:
    """Return what simulated recordings are estimated too high by, in coordinates of the search,
    (parameter,).

    It holds what a circuit of fewer units than were recorded, and the chance of the simulations
    that a recording is compared with, do to an estimate.

    Parameters
    ----------
    calibrated : Calibration
        At the estimate.
    unit : numpy.ndarray
        (parameter,) the estimate.
    """
    return np.asarray(calibrated.unit.mean(axis=0) - unit)


def calibrated_half_widths(calibrated: Calibration, confidence: float) -> np.ndarray:
    """Return half of the interval of every parameter, in coordinates of the search, (parameter,).

    The standard deviation s of n estimates of simulated recordings gives t s sqrt(1 + 1 / n), t the
    quantile of Student's law of n - 1 degrees of freedom: an estimate less its bias scatters by s,
    and the bias by s / sqrt(n).

    Parameters
    ----------
    calibrated : Calibration
        At the estimate.
    confidence : float
        Of the interval.
    """
    count = len(calibrated.unit)
    scatter = calibrated.unit.std(axis=0, ddof=1) * np.sqrt(1 + 1 / count)
    return np.asarray(student.ppf(0.5 + confidence / 2, count - 1) * scatter)


def calibrated_p_value(calibrated: Calibration, distance: float) -> float:
    """Return the chance of a larger distance if the circuit were true, by the simulated recordings:
    (1 + number as far or farther) / (1 + number)."""
    farther = int((calibrated.distance >= distance).sum())
    return (1 + farther) / (1 + len(calibrated.distance))


def inflation(distance: float, usual: float, rejected: bool) -> float:
    """Return by what intervals are made wider where the circuit does not describe the recording.

    sqrt(distance / usual distance), as a covariance that is too small by that factor would ask for;
    1 where nothing speaks against the circuit.

    Parameters
    ----------
    distance, usual : float
        Squared distance of the fit, and what it is where the circuit is true: degrees of freedom,
        or the mean over simulated recordings.
    rejected : bool
        Whether the circuit is rejected.
    """
    return float(np.sqrt(max(1.0, distance / usual))) if rejected else 1.0
