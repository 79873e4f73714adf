"""Which statistics of a recording a fitted circuit makes, and which it does not: the posterior
predictive check."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import t as student

from circuits.fitting.calibration import Calibration
from drift.metrics.intervals.limits import half_width

CONFIDENCE = 0.95


def predictive_check(
    target: np.ndarray,
    predicted: np.ndarray,
    error: np.ndarray,
    usable: np.ndarray,
    simulated: Calibration | None,
) -> dict[str, Any]:
    """Return within what the statistics of recordings of the fitted circuit lie, and how far out
    the recorded ones do.

    By the spread of the simulated recordings and Student's t where there are some, else by the
    standard error of measured minus predicted statistics.

    Parameters
    ----------
    target, predicted, error : numpy.ndarray
        (statistic,) measured, predicted, and the standard error of their difference; NaN where not
        used.
    usable : numpy.ndarray
        (statistic,) bool.
    simulated : Calibration, optional
        Recordings of the fitted circuit.

    Returns
    -------
    dict
        ``predictive_interval`` (statistic, bound) and ``predictive_p`` (statistic).
    """
    centre, spread, freedom = predicted.copy(), error.copy(), np.inf
    if simulated is not None:
        centre[usable] = simulated.statistics.mean(axis=0)
        count = len(simulated.statistics)
        freedom = count - 1
        spread[usable] = simulated.statistics.std(axis=0, ddof=1) * np.sqrt(1 + 1 / count)
    reach = half_width(spread, freedom, CONFIDENCE)
    deviation = np.divide(
        np.abs(target - centre), spread, out=np.full(target.size, np.nan), where=spread > 0
    )
    return {
        "predictive_interval": (
            ("statistic", "bound"),
            np.stack([centre - reach, centre + reach], axis=-1),
        ),
        "predictive_p": (("statistic",), 2 * student.sf(deviation, freedom)),
    }
