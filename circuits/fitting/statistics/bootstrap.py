"""What statistics scatter by: bootstrap samples of units and of sessions."""

from __future__ import annotations

import numpy as np

from circuits.fitting.statistics.chosen import OF_LAG, Statistics
from circuits.fitting.statistics.population import statistics
from circuits.fitting.statistics.unit_codes import Codes
from drift.metrics.intervals.resampling import drawn_positions
from drift.schema.labelled_form import RefusedInputError

FEWEST_SESSIONS = 5  # for sessions to be drawn anew


def bootstrap_covariance(
    codes: Codes, wanted: Statistics, rng: np.random.Generator, repetitions: int
) -> np.ndarray:
    """Return the covariance of the statistics over bootstrap samples of units plus that over
    samples of sessions.

    Drawing both at once would count three times what is particular to a unit in a session (Owen
    2007, Annals of Applied Statistics 1:386). Sessions are drawn anew where there are at least
    five: fewer leave most lags without a pair, and each is left out in turn (the jackknife).

    Parameters
    ----------
    codes : Codes
        Of the recorded population.
    wanted : Statistics
        Which statistics.
    rng : numpy.random.Generator
        Source of chance.
    repetitions : int
        Samples of each kind.

    Returns
    -------
    numpy.ndarray
        (statistic, statistic).

    Raises
    ------
    RefusedInputError
        If fewer than two units have events.
    """
    sessions, units = codes.active.shape
    if units < 2:
        raise RefusedInputError(
            f"at least 2 units with events are needed for intervals, got {units}: take a "
            "longer recording."
        )
    covariance = _covariance(
        [statistics(codes, wanted, units=_drawn(rng, units)) for _repetition in range(repetitions)]
    )
    if sessions < FEWEST_SESSIONS:
        return covariance + _jackknife(codes, wanted)
    return covariance + _covariance(
        [
            statistics(codes, wanted, sessions=_drawn(rng, sessions))
            for _repetition in range(repetitions)
        ]
    )


def _jackknife(codes: Codes, wanted: Statistics) -> np.ndarray:
    """Covariance over sessions, each left out in turn; (n - 1) / n sum of squares.

    A lag with few pairs, which hardly vary when one is left out, varies as much as the lag of its
    kind that varies most, for each of its pairs.
    """
    sessions = codes.active.shape[0]
    rows = [
        statistics(codes, wanted, sessions=np.delete(np.arange(sessions), left_out))
        for left_out in range(sessions)
    ]
    covariance = _covariance(rows) * (sessions - 1) ** 2 / sessions
    variance, pairs = np.diagonal(covariance), _pairs_of(wanted)
    for group in OF_LAG:
        own = (np.array(wanted.groups) == group) & (pairs > 0)
        if own.any():
            least = (variance[own] * pairs[own]).max() / pairs[own]
            covariance[own, own] = np.maximum(variance[own], least)
    return covariance


def _pairs_of(wanted: Statistics) -> np.ndarray:
    """Pairs of sessions behind each statistic, 0 for those that are not of similarity,
    (statistic,)."""
    pairs = [(wanted.lag_class == number).sum() for number in range(len(wanted.lags))]
    lags = {f"lag {lag:g}": count for lag, count in zip(wanted.lags, pairs, strict=True)}
    return np.array([lags.get(name.rpartition(", ")[2], 0) for name in wanted.names])


def _drawn(rng: np.random.Generator, size: int) -> np.ndarray:
    return drawn_positions(size, 1, rng)[0]


def _covariance(draws: list[np.ndarray]) -> np.ndarray:
    return np.atleast_2d(
        np.ma.filled(np.ma.cov(np.ma.masked_invalid(np.array(draws)), rowvar=False), 0.0)
    )
