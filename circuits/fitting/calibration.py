"""Intervals from recordings simulated at the estimate: what estimates scatter by, when sessions,
places, units and counts are those of the recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from circuits.fitting.bounds import Bounds
from circuits.fitting.model import Model
from circuits.fitting.refinement import Refined, difference_covariance, newton_step, scatter
from circuits.fitting.search import distances
from drift.metrics.intervals.limits import half_width, mean_or_nan

ECHOES = 3  # simulations with other chance, whose mean a simulated recording is compared with
FIRST_SEED = 500_000_011  # added to that of the fit, far from those of its own simulations


class Calibration(NamedTuple):
    """Recordings simulated near an estimate.

    Attributes
    ----------
    statistics : numpy.ndarray
        (simulation, statistic) of each.
    unit : numpy.ndarray
        (simulation, parameter) what they are estimated at, less the truth, in coordinates of the
        search.
    distance : numpy.ndarray
        (simulation,) of their statistics from those of the circuit fitted to them.
    """

    statistics: np.ndarray
    unit: np.ndarray
    distance: np.ndarray


class Judged(NamedTuple):
    """One simulated recording, as the others judge it: what it differs by from their mean,
    ``error (statistic,)``, NaN where it is not defined, and their ``variance (statistic,)``."""

    error: np.ndarray
    variance: np.ndarray


def judged_by_others(refined: Refined) -> list[Judged]:
    """Return each simulated recording with the level and the weights that the others give.

    The recording that is fitted has no part in either. A simulated one that had would be weighted
    by its own scatter: with weights 1 / variance from n of them, the scatter of the estimates comes
    out too small by a share of about 2 / n twice over (harmonic mean; variance of the weights).

    Parameters
    ----------
    refined : Refined
        With its simulated recordings.
    """
    rows, usual = refined.recordings, np.diagonal(refined.recorded)
    judged = []
    for number, row in enumerate(rows):
        remaining = np.delete(rows, number, axis=0)
        error = np.where(np.isfinite(row), row, np.nan) - mean_or_nan(remaining, 0)
        judged.append(Judged(error, scatter(remaining, usual)))
    return judged


def estimated_errors(refined: Refined) -> np.ndarray:
    """Return what simulated recordings are estimated off by, (simulation, parameter): each where
    the law has its minimum, as the recording is, with weights of which it is no part.

    Parameters
    ----------
    refined : Refined
        The estimate.
    """
    law = refined.law._replace(statistics=np.zeros(refined.law.statistics.size))
    steps = []
    for error, variance in judged_by_others(refined):
        defined = np.isfinite(error)  # what is not tells nothing, and has no weight
        weights = np.diag(np.where(defined, 1 / variance, 0.0))
        steps.append(newton_step(law, np.where(defined, error, 0.0), weights))
    return np.array(steps)


def calibration(
    refined: Refined, steps: np.ndarray, shrunk: Callable[[np.ndarray], np.ndarray]
) -> Calibration:
    """Return recordings that were simulated with as many units, sessions, places and events as the
    recording has, with their estimates and distances.

    Parameters
    ----------
    refined : Refined
        The estimate.
    steps : numpy.ndarray
        (simulation, parameter) of ``estimated_errors``, or what is shared of them.
    shrunk : callable
        From a covariance (statistic, statistic) to that with which the distance of the recording
        is told, which can be inverted.
    """
    law, distance = refined.law, []
    for (error, variance), step in zip(judged_by_others(refined), steps, strict=True):
        count = len(steps) - 1
        covariance = shrunk(difference_covariance(refined.recorded, variance, count))
        defined = np.isfinite(error)
        left = np.where(defined, error - law.jacobian @ step, 0.0)[np.newaxis]
        whole = distances(left, np.zeros(left.shape[1]), np.linalg.inv(covariance))[0]
        distance.append(whole / max(defined.mean(), 1 / defined.size))
    apart = refined.recordings - mean_or_nan(refined.recordings, 0)
    statistics = law.statistics + np.where(np.isfinite(apart), apart, 0.0)
    return Calibration(statistics, steps, np.array(distance))


def looks(
    model: Model, bounds: Bounds, unit: np.ndarray, usable: np.ndarray, count: int
) -> np.ndarray:
    """Return statistics (recording, statistic) of recordings simulated at a point, as they would be
    through the lens of the recording that is fitted.

    Event rates are themselves measured, so that each simulated recording has a lens of its own.
    What that changes of the statistics of a circuit, with the same chance, is taken off.

    Parameters
    ----------
    model : Model
        That is fitted.
    bounds : Bounds
        Of the search.
    unit : numpy.ndarray
        (parameter,) in coordinates of the search.
    usable : numpy.ndarray
        (all statistics,) bool.
    count : int
        How many recordings.
    """
    candidate = bounds.values(unit)
    base, rows = _echoed(model, bounds, unit, usable), []
    for number in range(count):
        recorded, own_model = model.simulated_recording(candidate, model.seed + FIRST_SEED + number)
        moved = _echoed(own_model, bounds, unit, usable) - base
        rows.append(recorded[usable] - np.where(np.isfinite(moved), moved, 0.0))
    return np.array(rows)


def _echoed(model: Model, bounds: Bounds, unit: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Mean statistics (statistic,), with the same chance for every candidate."""
    seeds = [model.seed + FIRST_SEED // 2 + number for number in range(ECHOES)]
    candidate = bounds.values(unit)[np.newaxis]
    echoes = np.concatenate([model(candidate, [seed]) for seed in seeds])
    return np.asarray(echoes[:, usable].mean(axis=0))


def calibrated_half_widths(calibrated: Calibration, confidence: float) -> np.ndarray:
    """Return half of the interval of every parameter, in coordinates of the search, (parameter,).

    The root mean square s of what n simulated recordings are estimated off by gives t s, t the
    quantile of Student's law of n - 1 degrees of freedom. Each is judged by the level of the
    others, so that s holds what the chance of that level adds.

    Parameters
    ----------
    calibrated : Calibration
        At the estimate.
    confidence : float
        Of the interval.
    """
    scatter_of_estimates = np.sqrt((calibrated.unit**2).mean(axis=0))
    return half_width(scatter_of_estimates, len(calibrated.unit) - 1, confidence)


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
