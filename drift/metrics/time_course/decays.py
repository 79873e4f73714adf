"""Exponential decay of similarity with the time between sessions, fitted to many draws at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.metrics.intervals.limits import mean_or_nan

GRID = 241  # rates that are tried before the best is refined
FASTEST = 8.0  # over the shortest lag: exp(-8) of the similarity is left there
FASTEST_RISE = 3.0  # over the longest lag
BLOCK = 4_000_000  # numbers that are held at a time
ROUNDS = 4  # of refinement, each ten times finer
FINER = np.linspace(-1, 1, 21)


class Decay(NamedTuple):
    """Rates and amplitudes (draw) of A exp(-rate lag); NaN where there is nothing above 0 to
    decay."""

    rate: np.ndarray
    amplitude: np.ndarray


def fitted_decay(values: np.ndarray, lags: np.ndarray, rooms: np.ndarray) -> Decay:
    """Least squares of A_room exp(-rate lag) over all pairs of sessions, with one rate.

    For each rate the amplitudes A follow from linear least squares; the rate is sought on a grid,
    then refined around the best. Rates below 0, similarity that rises with time, are allowed, so
    that the rates of codes that stand still scatter about 0.

    Parameters
    ----------
    values : numpy.ndarray
        (draw, pair) similarity less its floor; NaN pairs do not enter.
    lags : numpy.ndarray
        (pair) above 0.
    rooms : numpy.ndarray
        (pair) number of the environment.

    Returns
    -------
    Decay
    """
    size = max(1, BLOCK // (FINER.size * max(1, lags.size)))
    blocks = [
        _fitted(values[start : start + size], lags, rooms) for start in range(0, len(values), size)
    ]
    rates, amplitudes = (np.concatenate(numbers) for numbers in zip(*blocks, strict=True))
    return Decay(rates, amplitudes)


def _fitted(values: np.ndarray, lags: np.ndarray, rooms: np.ndarray) -> Decay:
    """The same for as many draws as memory holds."""
    finite = np.isfinite(values)
    filled = np.where(finite, values, 0.0)
    sums = _Sums(filled, finite.astype(float), lags, rooms == np.unique(rooms)[:, np.newaxis])
    fastest = np.arcsinh(FASTEST * lags.max() / lags.min())
    grid = np.linspace(-np.arcsinh(FASTEST_RISE), fastest, GRID)
    scores = sums.explained(np.sinh(grid) / lags.max())
    best, step = grid[scores.argmax(axis=1)], grid[1] - grid[0]
    for _round in range(ROUNDS):
        near = best[:, np.newaxis] + step * FINER  # (draw, trial)
        scores = sums.explained(np.sinh(near) / lags.max())
        best = np.take_along_axis(near, scores.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
        step = step / 10
    rate = np.sinh(best) / lags.max()
    amplitude = sums.amplitude(rate)
    decays = sums.explained(rate[:, np.newaxis])[:, 0] > 0
    return Decay(np.where(decays, rate, np.nan), np.where(decays, amplitude, np.nan))


class _Sums(NamedTuple):
    """Sums over pairs from which amplitudes follow."""

    values: np.ndarray  # (draw, pair), 0 where not known
    weight: np.ndarray  # (draw, pair) 1, or 0 where not known
    lags: np.ndarray  # (pair)
    members: np.ndarray  # (room, pair) bool

    def explained(self, rates: np.ndarray) -> np.ndarray:
        """(draw, trial) sum of squares that the decay explains, with amplitudes above 0."""
        score = np.zeros((len(self.values), rates.shape[-1]))
        for room in self.members:
            product, power = self._of_room(rates, room)
            score += np.divide(
                np.maximum(product, 0.0) ** 2, power, out=np.zeros(power.shape), where=power > 0
            )
        return score

    def amplitude(self, rates: np.ndarray) -> np.ndarray:
        """(draw) mean amplitude over rooms."""
        both = [self._of_room(rates[:, np.newaxis], room) for room in self.members]
        each = [
            np.divide(product, power, out=np.full(power.shape, np.nan), where=power > 0)
            for product, power in both
        ]
        return mean_or_nan(np.concatenate(each, axis=1), 1)

    def _of_room(self, rates: np.ndarray, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(draw, trial) sums of values times decay, and of squares of the decay."""
        lags, values, weight = self.lags[room], self.values[:, room], self.weight[:, room]
        left = np.exp(-rates[..., np.newaxis] * lags)  # ([draw,] trial, pair)
        if rates.ndim == 1:
            return values @ left.T, weight @ (left**2).T
        return (
            np.einsum("dtp,dp->dt", left, values),
            np.einsum("dtp,dp->dt", left**2, weight),
        )
