"""The linear decoder: ridge regression of the position on the events of all units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift.metrics.decoders.training import Decoded, Decoder, Readout, Track, Training

PENALTIES = tuple(10.0**exponent for exponent in range(-2, 5))


@dataclass(frozen=True)
class Linear(Decoder):
    """y = b + sum_i n_i m_i, with m and b minimising sum over windows of |y - position|^2 + penalty
    |m|^2. Around a ring y is the point (cos, sin) of the angle.

    Attributes
    ----------
    penalties : tuple of float
        Of which the one with the least error of windows left out one by one is taken; 0 may be one.

    References
    ----------
    Hoerl & Kennard 1970, Technometrics 12:55; leaving out in closed form: Golub, Heath & Wahba
    1979, Technometrics 21:215.
    """

    penalties: tuple[float, ...] = PENALTIES

    def trained(self, training: Training) -> Readout:
        """Weights at the best penalty."""
        target = targets(training.position, training.track)
        weights, offset, _ = ridge(training.counts, target, self.penalties)
        return LinearReadout(training.track, weights, offset)


@dataclass(frozen=True, eq=False)
class LinearReadout(Readout):
    """Weights and offset.

    Attributes
    ----------
    track : Track
        Places.
    weights : numpy.ndarray
        (unit, output)
    offset : numpy.ndarray
        (output)
    """

    track: Track
    weights: NDArray[np.float64]
    offset: NDArray[np.float64]

    def decoded(self, counts: NDArray[np.float64], seconds: NDArray[np.float64]) -> Decoded:
        """The position itself, and the place whose centre is nearest."""
        position = positions(counts @ self.weights + self.offset, self.track)
        return Decoded(position, self.track.nearest(position))

    def squared_error(
        self, counts: NDArray[np.float64], position: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(window) mean over outputs; what ``drift.theory.readout_error`` is the mean of."""
        error = counts @ self.weights + self.offset - targets(position, self.track)
        return np.asarray((error**2).mean(axis=1))


def targets(position: NDArray[np.float64], track: Track) -> NDArray[np.float64]:
    """(window, output) positions, around a ring cosine and sine of the angle."""
    if track.around is None:
        return position
    angle = 2 * np.pi * (position - track.origin) / track.around
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def positions(output: NDArray[np.float64], track: Track) -> NDArray[np.float64]:
    """(window, axis) positions that outputs stand for."""
    if track.around is None:
        return output
    angle = np.arctan2(output[:, 1:], output[:, :1]) % (2 * np.pi)
    return track.origin + angle * track.around / (2 * np.pi)


def ridge(
    counts: NDArray[np.float64], target: NDArray[np.float64], penalties: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Ridge regression with an offset that is not penalised.

    The error of a window that is left out is e / (1 - h), with e its error and h its leverage,
    1 / n + sum_k z_k^2 / (l_k + penalty), where z are the centred counts along the eigenvectors of
    their scatter matrix and l its eigenvalues. Of fewer windows than units it is solved between
    windows.

    Parameters
    ----------
    counts : numpy.ndarray
        (window, unit)
    target : numpy.ndarray
        (window, output)
    penalties : tuple of float
        To choose from.

    Returns
    -------
    weights : numpy.ndarray
        (unit, output)
    offset : numpy.ndarray
        (output)
    penalty : float
        With the least squared error of windows left out; of equals the first.
    """
    mean, middle = counts.mean(axis=0), target.mean(axis=0)
    centred, response = counts - mean, target - middle
    values, vectors, along = _components(centred)
    projected = along.T @ response
    flat = values <= values.max(initial=0.0) * 1e-13 * len(values)
    errors, solutions = [], []
    for penalty in penalties:
        inverse = np.divide(1.0, values + penalty, where=~flat, out=np.zeros_like(values))
        solutions.append(vectors @ (inverse[:, np.newaxis] * projected))
        leverage = 1 / len(counts) + along**2 @ inverse
        error = response - centred @ solutions[-1]
        left_out = error / np.maximum(1 - leverage, 1e-12)[:, np.newaxis]
        errors.append(float((left_out**2).sum()))
    best = int(np.argmin(errors))
    return solutions[best], middle - mean @ solutions[best], penalties[best]


def _components(
    centred: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(component) eigenvalues of the scatter matrix, (unit, component) its eigenvectors, and
    (window, component) the counts along these."""
    if len(centred) >= centred.shape[1]:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        return np.maximum(values, 0.0), vectors, centred @ vectors
    values, modes = np.linalg.eigh(centred @ centred.T)
    values = np.maximum(values, 0.0)
    length = np.sqrt(values)
    vectors = np.divide(centred.T @ modes, length, where=length > 0, out=np.zeros(centred.T.shape))
    return values, vectors, modes * length
