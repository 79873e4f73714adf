"""Intervals from recordings simulated at the estimate: what estimates scatter by, when sessions,
places, units and counts are those of the recording."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from circuits.fitting.model import Model
from circuits.fitting.refinement import newton_step
from circuits.fitting.search import Bounds, Law, distances

ECHOES = 3  # simulations with other chance, whose mean a simulated recording is compared with
FIRST_SEED = 500_000_011  # added to that of the fit, far from those of its own simulations
LEAST_VARIANCE = 0.01  # of the bootstrap


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
    precision : numpy.ndarray or None
        (statistic, statistic) with which they were fitted.
    """

    statistics: np.ndarray
    unit: np.ndarray
    distance: np.ndarray
    precision: np.ndarray | None = None


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

    Each is seen through its own lens, since event rates are themselves measured. Its estimate is
    where the law at the truth has its minimum, as that of the recording is. Statistics weigh by
    what they scatter by.

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
        (statistic, statistic) one over the variances by the bootstrap, and by which the distance is
        told.
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

    moved = np.array([_echoed(own_model, bounds, unit, usable) for _, own_model in made]) - base
    expected = law.statistics + np.where(np.isfinite(moved), moved, 0.0)
    precision = _precision(recorded - expected, precision)
    own_law = Law(expected, law.jacobian)
    steps = newton_step(own_law, recorded, precision)
    distance = _apart(expected + steps @ law.jacobian.T, recorded, whole_precision)
    return Calibration(recorded, unit + steps, distance, precision)


def _precision(error: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """One over the mean square of what recordings (simulation, statistic) differ by from what is
    expected of them.

    A bootstrap of the recorded units and sessions knows neither that a circuit is seen through the
    event rates of the same recording, nor, of few sessions, their variance. Statistics that hardly
    vary in so few simulations weigh as if they varied by a tenth of what the bootstrap says.
    """
    square = np.square(error).mean(axis=0)
    return np.diag(1 / np.maximum(square, LEAST_VARIANCE / np.diagonal(usual)))


def _apart(expected: np.ndarray, recorded: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Distance of each simulated recording (simulation, statistic) from what is expected of it."""
    return distances(recorded - expected, np.zeros(recorded.shape[1]), precision)


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
