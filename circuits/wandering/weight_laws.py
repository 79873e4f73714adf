"""What weights do between sessions: small steps, turnover of connections, noise that grows with the
weight, units that jump.

All weights have mean 0 and variance 1 in the first session, and are made of the same normal
numbers: those of the first weights, and those of what is added in each interval between sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import gammaincinv, ndtr, ndtri

Fresh = Iterator[np.ndarray]
"""Standard normal numbers (unit, input), as often as they are asked for."""

FINE, MEMORY = 31, 4.0  # steps of an interval, over so many lifetimes; one step for what is before


def fresh_numbers(noise: np.random.Generator, common: float, units: int, inputs: int) -> Fresh:
    """Yield standard normal numbers (unit, input), of which the share c of the variance is the same
    for all units.

    Parameters
    ----------
    noise : numpy.random.Generator
    common : float
        c.
    units, inputs : int
    """
    while True:
        shared, private = noise.standard_normal(inputs), noise.standard_normal((units, inputs))
        yield np.sqrt(common) * shared + np.sqrt(1 - common) * private


def linear(first: np.ndarray, fresh: Fresh, steps: list[tuple[float, float]]) -> np.ndarray:
    """Return weights (session, unit, input) of which a part is kept and normal numbers are added.

    Parameters
    ----------
    first : numpy.ndarray
        (unit, input).
    fresh : iterator
    steps : list of (kept, added)
        One for each interval.
    """
    weights = np.empty((len(steps) + 1, *first.shape))
    weights[0] = first
    for session, (persistence, added) in enumerate(steps):
        weights[session + 1] = persistence * weights[session] + added * next(fresh)
    return weights


def turned_over(
    first: np.ndarray, fresh: Fresh, autocorrelation: Sequence[float], connected_share: float
) -> np.ndarray:
    """Return binary weights (session, unit, input), 1 with probability a, less their mean and over
    their standard deviation.

    A weight is drawn anew with probability 1 - r: p11 = (1 - a) r + a, p10 = a (1 - r), exactly and
    for any interval, as probabilities of two intervals in a row are those of both together.

    Parameters
    ----------
    first : numpy.ndarray
        (unit, input).
    fresh : iterator
    autocorrelation : sequence of float
        r of each interval.
    connected_share : float
        a.
    """
    share = connected_share
    connected = np.empty((len(autocorrelation) + 1, *first.shape), dtype=bool)
    connected[0] = first < ndtri(share)
    for session, persistence in enumerate(autocorrelation):
        stays, appears = (1 - share) * persistence + share, share * (1 - persistence)
        chance = np.where(connected[session], stays, appears)
        connected[session + 1] = ndtr(next(fresh)) < chance
    return (connected - share) / np.sqrt(share * (1 - share))


def jumped(
    first: np.ndarray,
    fresh: Fresh,
    survival: Sequence[float],
    chance: np.random.Generator,
) -> np.ndarray:
    """Return weights (session, unit, input) of units that draw all of them anew at random times.

    Parameters
    ----------
    first : numpy.ndarray
        (unit, input).
    fresh : iterator
    survival : sequence of float
        exp(-nu t) of each interval: the probability that a unit does not jump.
    chance : numpy.random.Generator
        Of the jumps.
    """
    weights = np.empty((len(survival) + 1, *first.shape))
    weights[0] = first
    for session, persistence in enumerate(survival):
        stays = chance.random(len(first)) < persistence
        weights[session + 1] = np.where(stays[:, np.newaxis], weights[session], next(fresh))
    return weights


def multiplied(first: np.ndarray, fresh: Fresh, intervals: np.ndarray, size: float) -> np.ndarray:
    """Return weights (session, unit, input) of dw = -(w - w0) / T dt + s w dB, less their mean and
    over their standard deviation.

    The first ones are drawn from the stationary distribution, inverse gamma of shape 1 + 1 / q and
    scale w0 / q, q = s^2 T / 2. An interval is taken in steps: half of the way back to w0, a factor
    exp(normal), the other half. The size of the factor is such that mean, variance and
    autocorrelation of stationary weights are exact for any step; skewness and kurtosis are as the
    square of the step (``stationary_skewness``).

    Parameters
    ----------
    first : numpy.ndarray
        (unit, input).
    fresh : iterator
    intervals : numpy.ndarray
        Between sessions, in lifetimes T.
    size : float
        q, below 1.
    """
    weights = np.empty((len(intervals) + 1, *first.shape))
    weights[0] = 1 / (size * gammaincinv(1 + 1 / size, ndtr(-first)))
    for session, interval in enumerate(intervals):
        weight = weights[session]
        for length in substeps(interval):
            half, log_square = multiplicative_step(length, size)
            factor = np.exp(np.sqrt(log_square) * next(fresh) - log_square / 2)
            weight = 1 + (((1 + (weight - 1) * half) * factor) - 1) * half
        weights[session + 1] = weight
    return (weights - 1) / np.sqrt(size / (1 - size))


def substeps(interval: float) -> np.ndarray:
    """Return the lengths in which an interval is taken, all in lifetimes: equal ones over the last
    four lifetimes at most, and one before them, of which little is left at the end."""
    recent = min(interval, MEMORY)
    return np.array([interval - recent, *np.full(FINE, recent / FINE)])


def multiplicative_step(length: float, size: float) -> tuple[float, float]:
    """Return what is left of a distance from w0 after half a step, and the log of the mean square
    of the factor, ln Q.

    With e = exp(-h / T) and the squared coefficient of variation c = q / (1 - q), a step leaves the
    variance c of stationary weights if Q = (c + e) / (e (1 + c e)).

    Parameters
    ----------
    length : float
        h / T.
    size : float
        q.
    """
    persistence, variation = np.exp(-length), size / (1 - size)
    log_square = np.log1p(variation / persistence) - np.log1p(variation * persistence)
    return float(np.sqrt(persistence)), float(log_square)


def stationary_skewness(length: float, size: float) -> float:
    """Return the skewness of the weights that steps of this length leave as they are, in closed
    form (its limit for short steps is that of ``drift.theory.code_drift.multiplicative_moments``).

    Parameters
    ----------
    length, size : float
        As in ``multiplicative_step``; length above 0, size below a half.
    """
    half, log_square = multiplicative_step(length, size)
    square, variance = np.exp(log_square), size / (1 - size)
    # third central moments: m before, f before the factor, g after it
    # g = Q^3 E y^3 - 3 Q E y^2 + 2 with y of mean 1, variance half^2 c, third moment half^3 m
    spread = half**2 * variance
    constant = square**3 * (1 + 3 * spread) - 3 * square * (1 + spread) + 2
    third = half**3 * constant / (1 - half**6 * square**3)
    return float(third / variance**1.5)
