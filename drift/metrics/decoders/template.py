"""The template decoder: the state whose mean population vector correlates best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift.metrics.decoders.bayes import rates
from drift.metrics.decoders.training import Decoded, Decoder, Readout, Track, Training


@dataclass(frozen=True)
class Template(Decoder):
    """argmax over x of corr_i(n_i, r_i(x)): correlation over units of the events in a window with
    the rates in state x. Windows without an event correlate with nothing, and are not decoded.

    Attributes
    ----------
    minimum_windows : int
        States with fewer windows in training are not decoded.
    smoothing : float
        Of rates, as for ``Bayes``.

    References
    ----------
    Geva, Deitch, Rubin & Ziv 2023, Neuron 111:2357.
    """

    minimum_windows: int
    smoothing: float = 0.0

    def trained(self, training: Training) -> Readout:
        """Population vectors of the states that were visited often enough."""
        sums = training.sums
        states = np.flatnonzero(sums.windows >= self.minimum_windows)
        vectors = _unit_vectors(rates(sums, states, training.track, self.smoothing))
        told = np.isfinite(vectors).all(axis=1)
        return TemplateReadout(training.track, states[told], vectors[told])


@dataclass(frozen=True, eq=False)
class TemplateReadout(Readout):
    """Population vectors by state.

    Attributes
    ----------
    track : Track
        Places.
    states : numpy.ndarray of int
        (state) numbers of the states that can be decoded.
    vectors : numpy.ndarray
        (state, unit) with mean 0 over units and length 1.
    """

    track: Track
    states: NDArray[np.int64]
    vectors: NDArray[np.float64]

    def decoded(self, counts: NDArray[np.float64], seconds: NDArray[np.float64]) -> Decoded:
        """Centre of the place of the state that correlates best."""
        nowhere = Decoded.nowhere(len(counts), self.track.centres.shape[1])
        if not self.states.size:
            return nowhere
        vectors = _unit_vectors(counts)
        told = np.isfinite(vectors).all(axis=1)
        best = (vectors[told] @ self.vectors.T).argmax(axis=1)
        nowhere.place[told] = self.states[best] // self.track.ways
        nowhere.position[told] = self.track.centres[nowhere.place[told]]
        return nowhere


def _unit_vectors(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(vector, unit) with mean 0 and length 1, NaN where all units are alike."""
    alike = (vectors == vectors[:, :1]).all(axis=1)
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    length[alike] = np.nan
    return np.asarray(centred / length)
