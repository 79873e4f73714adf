"""Intervals from recordings simulated at the estimate: what estimates scatter by, when sessions,
places, units and counts are those of the recording."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from circuits.fitting.model import Model
from circuits.fitting.refinement import newton_step
from circuits.fitting.search import Bounds, Law, distances
from drift.metrics.intervals.limits import half_width

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


def calibration(
    error: np.ndarray, law: Law, steps: np.ndarray, whole_precision: np.ndarray
) -> Calibration:
    """Estimate recordings that were simulated with as many units, sessions, places and events as
    the recording has.

    Parameters
    ----------
    error : numpy.ndarray
        (simulation, statistic) what each differs by from what is expected of it.
    law : Law
        At the estimate.
    steps : numpy.ndarray
        (simulation, parameter) of ``estimated_errors``, or what is shared of them.
    whole_precision : numpy.ndarray
        (statistic, statistic) by which the distance of the recording is told.
    """
    finite = np.where(np.isfinite(error), error, 0.0)
    left = finite - steps @ law.jacobian.T
    distance = distances(left, np.zeros(left.shape[1]), whole_precision)
    return Calibration(law.statistics + finite, steps, distance)


def estimated_errors(error: np.ndarray, law: Law, precision: np.ndarray) -> np.ndarray:
    """Return what simulated recordings are estimated off by, (simulation, parameter): each where
    the law has its minimum, as the recording is.

    Parameters
    ----------
    error : numpy.ndarray
        (simulation, statistic) what each differs by from what is expected of it; what is not
        defined tells nothing.
    law : Law
        At the estimate.
    precision : numpy.ndarray
        (statistic, statistic) with which the recording was fitted.
    """
    finite = np.where(np.isfinite(error), error, 0.0)
    return newton_step(law._replace(statistics=np.zeros(finite.shape[1])), finite, precision)


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

    The standard deviation s of n estimates of simulated recordings gives t s sqrt(1 + 1 / n), t the
    quantile of Student's law of n - 1 degrees of freedom: an estimate scatters by s, and the level
    that the simulated recordings set for the statistics moves it by s / sqrt(n).

    Parameters
    ----------
    calibrated : Calibration
        At the estimate.
    confidence : float
        Of the interval.
    """
    count = len(calibrated.unit)
    scatter = calibrated.unit.std(axis=0, ddof=1) * np.sqrt(1 + 1 / count)
    return half_width(scatter, count - 1, confidence)


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
