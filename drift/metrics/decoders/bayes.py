"""The Bayesian decoder: the most probable state under independent Poisson events of all units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift.metrics.decoders.sums import StateSums
from drift.metrics.decoders.training import Decoded, Decoder, Readout, Track, Training


@dataclass(frozen=True)
class Bayes(Decoder):
    """log p(x | n) = sum_i n_i log r_i(x) - dt sum_i r_i(x) + log p(x), with n_i the events of unit
    i in a window of dt s, and r_i(x) its rate in state x (place and running direction).

    Attributes
    ----------
    floor : float
        The least rate, events/s: a unit that was silent at x rules x out by no single event.
    minimum_windows : int
        States with fewer windows in training are not decoded.
    prior : {"occupancy", "flat"}
        p(x): time spent in training, or equal.
    smoothing : float
        Standard deviation of a Gaussian over places for events and time, in units of position; 0
        for none.

    References
    ----------
    Zhang, Ginzburg, McNaughton & Sejnowski 1998, J Neurophysiol 79:1017, eq. 36.
    """

    floor: float
    minimum_windows: int
    prior: str
    smoothing: float = 0.0

    def trained(self, training: Training) -> Readout:
        """Rates and prior of the states that were visited often enough."""
        sums = training.sums
        states = np.flatnonzero(sums.windows >= self.minimum_windows)
        rate = np.maximum(rates(sums, states, training.track, self.smoothing), self.floor)
        seconds = sums.seconds[states]
        prior = seconds if self.prior == "occupancy" else np.ones(states.size)
        return BayesReadout(training.track, states, rate, prior / prior.sum())


def rates(
    sums: StateSums, states: NDArray[np.int64], track: Track, smoothing: float
) -> NDArray[np.float64]:
    """Rates in some states.

    Parameters
    ----------
    sums : StateSums
        Of training.
    states : numpy.ndarray of int
        Numbers of states that were visited.
    track : Track
        Places.
    smoothing : float
        Standard deviation of a Gaussian over places, in units of position; 0 for none.

    Returns
    -------
    numpy.ndarray
        (state, unit) events/s.
    """
    if smoothing:
        sums = sums.smoothed(track.neighbours(smoothing))
    return np.asarray(sums.events[states] / sums.seconds[states, np.newaxis])


@dataclass(frozen=True, eq=False)
class BayesReadout(Readout):
    """Rates and prior by state.

    Attributes
    ----------
    track : Track
        Places.
    states : numpy.ndarray of int
        (state) numbers of the states that can be decoded.
    rate : numpy.ndarray
        (state, unit) events/s, not below the floor.
    prior : numpy.ndarray
        (state) p(x).
    """

    track: Track
    states: NDArray[np.int64]
    rate: NDArray[np.float64]
    prior: NDArray[np.float64]

    def decoded(self, counts: NDArray[np.float64], seconds: NDArray[np.float64]) -> Decoded:
        """Centre of the place of the most probable state."""
        if not self.states.size:
            return Decoded.nowhere(len(counts), self.track.centres.shape[1])
        best = self.log_posterior(counts, seconds).argmax(axis=1)
        place = self.states[best] // self.track.ways
        return Decoded(self.track.centres[place], place)

    def log_posterior(
        self, counts: NDArray[np.float64], seconds: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(window, state) log p(x | n), less what does not depend on x."""
        evidence = counts @ np.log(self.rate).T
        evidence -= seconds[:, np.newaxis] * self.rate.sum(axis=1)
        evidence += np.log(self.prior)
        return evidence
