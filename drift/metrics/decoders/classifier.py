"""The linear classifier: which place a window belongs to, by ridge regression of membership."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift.metrics.decoders.linear import PENALTIES, ridge
from drift.metrics.decoders.training import Decoded, Decoder, Readout, Track, Training


@dataclass(frozen=True)
class Classifier(Decoder):
    """argmax over x of b_x + sum_i n_i m_ix, with m and b minimising sum over windows and states of
    |y_x - b_x - sum_i n_i m_ix|^2 + penalty |m|^2, where y_x is 1 in state x (place and running
    direction) and -1 in all others. It takes places for mere names: that they lie side by side
    tells it nothing.

    Attributes
    ----------
    minimum_windows : int
        States with fewer windows in training are not decoded, and their windows are left out.
    penalties : tuple of float
        As for ``Linear``, one for all states.

    References
    ----------
    Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 4.2; equals
    scikit-learn's ``RidgeClassifierCV``.
    """

    minimum_windows: int
    penalties: tuple[float, ...] = PENALTIES

    def trained(self, training: Training) -> Readout:
        """Weights at the best penalty."""
        state = training.state
        told = np.flatnonzero(training.sums.windows >= self.minimum_windows)
        rows = np.isin(state, told)
        if not told.size:
            return ClassifierReadout(training.track, told, np.zeros((0, 0)), np.zeros(0))
        member = np.where(state[rows, np.newaxis] == told, 1.0, -1.0)
        weights, offset, _ = ridge(training.counts[rows], member, self.penalties)
        return ClassifierReadout(training.track, told, weights, offset)


@dataclass(frozen=True, eq=False)
class ClassifierReadout(Readout):
    """Weights and offset of each state.

    Attributes
    ----------
    track : Track
        Places.
    states : numpy.ndarray of int
        (state) numbers of the states that can be decoded.
    weights : numpy.ndarray
        (unit, state)
    offset : numpy.ndarray
        (state)
    """

    track: Track
    states: NDArray[np.int64]
    weights: NDArray[np.float64]
    offset: NDArray[np.float64]

    def decoded(self, counts: NDArray[np.float64], seconds: NDArray[np.float64]) -> Decoded:
        """Centre of the place of the state with the largest output."""
        if not self.states.size:
            return Decoded.nowhere(len(counts), self.track.centres.shape[1])
        best = (counts @ self.weights + self.offset).argmax(axis=1)
        place = self.states[best] // self.track.ways
        return Decoded(self.track.centres[place], place)
