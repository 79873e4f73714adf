"""A drifting circuit seen through the lens of a recording, for any number of candidates at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from circuits.base import Circuit
from circuits.fitting.statistics import Codes, Statistics, codes, statistics
from circuits.fitting.surroundings import FITTED, Surroundings, is_lifted, is_told
from circuits.simulation.settled_rates import Engine
from circuits.wandering.inputs import symmetric_root
from circuits.wandering.weight_drift import WeightDrift, drifting_rates
from drift.metrics.places import ring_correlation
from drift.observation.expected_maps import (
    Lens,
    like_matched,
    observed_halves,
    seen_maps,
    unit_likeness,
)
from drift.streams import stream

CONTEXT_INPUTS = 20  # that tell it, as those of ``PlaceContextInput``


@dataclass(frozen=True)
class Model:
    """Candidates in, statistics out: the simulator of a fit, with the same chance for every
    candidate.

    Parameters
    ----------
    circuit : Circuit
        With the parameters that are not fitted.
    lens : Lens
        Of the recording: sessions, places, occupancy and event rates.
    selection : Statistics
        Which statistics are compared.
    names : sequence of str
        Parameters in the order of the candidates: of the circuit, or of ``Surroundings``.
    surroundings : Surroundings
        Their values where they are not fitted.
    seed : int
        Streams "weights" of first weights, "update_noise" of their wandering, "observation" of
        counts.
    engine : {"brian2", "compiled", "fixed_point"}
        Simulated, or in closed form.
    """

    circuit: Circuit
    lens: Lens
    selection: Statistics
    names: Sequence[str]
    surroundings: Surroundings
    seed: int
    engine: Engine

    def __call__(self, candidates: np.ndarray, seeds: Sequence[int] | None = None) -> np.ndarray:
        """Return statistics (candidate, statistic) for parameters (candidate, parameter), with the
        seed of the model or one for each."""
        chance = [self.seed] * len(candidates) if seeds is None else list(seeds)
        return np.array(
            [
                self._statistics(rate, seed)
                for rate, seed in zip(self.rates(candidates, chance), chance, strict=True)
            ]
        )

    def rates(self, candidates: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
        """Return noise-free rates, (candidate, session, unit, cell)."""
        surroundings = [self._surroundings(candidate) for candidate in candidates]
        told = is_told("context_share", self.surroundings, self.names)
        roots = [inputs(self.lens, around, told) for around in surroundings]
        rates = drifting_rates(
            [self._circuit(candidate) for candidate in candidates],
            np.stack([root for root, _context in roots]),
            [around.wandering for around in surroundings],
            self.lens.elapsed,
            seeds,
            engine=self.engine,
            excitability=[around.excitable for around in surroundings],
            context=roots[0][1],
        )
        return rates.rate.transpose(0, 1, 3, 2)

    def wandering(self, candidate: np.ndarray) -> WeightDrift | None:
        """Return how the weights of a candidate (parameter,) wander; None where they stay."""
        return self._surroundings(candidate).wandering

    @property
    def lifted(self) -> bool:
        """Whether a context or excitability moves the drives of a unit at all places alike."""
        return is_lifted(self.surroundings, self.names)

    def frozen(self, candidate: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
        """Return the mean statistics (statistic,) of the same circuit, over seeds, if neither its
        weights nor its excitability had changed."""
        frozen_model = replace(
            self,
            circuit=self._circuit(candidate),
            surroundings=self._surroundings(candidate).still(),
            names=(),
        )
        nothing = np.empty((1, 0))
        return np.mean([frozen_model(nothing, [seed])[0] for seed in seeds], axis=0)

    def as_large_as_recorded(self) -> Model:
        """Return the model with as many units as were recorded, whose statistics scatter as those
        of a recording do."""
        return replace(self, circuit=self.circuit.replace(units=self.lens.seen.shape[1]))

    def _of(self, candidate: np.ndarray, names: Any) -> Mapping[str, float]:
        return {
            name: float(value)
            for name, value in zip(self.names, candidate, strict=True)
            if name in names
        }

    def _circuit(self, candidate: np.ndarray) -> Circuit:
        return self.circuit.replace(**self._of(candidate, type(self.circuit).model_fields))

    def _surroundings(self, candidate: np.ndarray) -> Surroundings:
        around = self.surroundings.replace(**self._of(candidate, FITTED))
        # Where units are not tracked no statistic may depend on a lifetime, not even through
        # gains that the first session sets.
        return around if self.lens.tracked else around.still()

    def _statistics(self, rate: np.ndarray, seed: int) -> np.ndarray:
        return statistics(self.seen_codes(rate, seed), self.selection)

    def seen_codes(self, rate: np.ndarray, seed: int) -> Codes:
        """Return what an experimenter would have seen of noise-free rates (session, unit, cell)."""
        maps, halves = self._seen(rate, seed)
        return codes(maps, self.lens, halves)

    def _seen(self, rate: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Measured maps (session, unit, cell) and, where there are, those of halves (session, half,
        unit, cell)."""
        rng = stream(seed, "observation")
        # each simulated unit is seen when a recorded one was
        like = unit_likeness(self.lens, rate.shape[1])
        present = self.lens.seen[:, like, np.newaxis]  # (session, unit, 1)
        if self.lens.halves is None:
            return np.where(present, seen_maps(rate, self.lens, rng), np.nan), None
        maps, halves = observed_halves(rate, self.lens, rng)
        return (
            np.where(present, maps, np.nan),
            np.where(present[:, np.newaxis], halves, np.nan),
        )

    def simulated_recording(self, candidate: np.ndarray, seed: int) -> tuple[np.ndarray, Model]:
        """Return the statistics of one simulated recording, and the model that sees circuits
        through the lens of that recording instead of this one.

        Parameters
        ----------
        candidate : numpy.ndarray
            (parameter,).
        seed : int
        """
        large = self.as_large_as_recorded()
        maps, halves = large._seen(large.rates(candidate[np.newaxis], [seed])[0], seed)
        own_halves = self.lens.halves
        if own_halves is not None and halves is not None:
            own_halves = own_halves._replace(rate=halves)
        own_lens = like_matched(self.lens._replace(rate=maps, halves=own_halves))
        measured = statistics(codes(maps, own_lens, halves), self.selection)
        return measured, replace(self, lens=own_lens)


def input_root(lens: Lens, width: float) -> np.ndarray:
    """Return inputs x (cell, input) with x x^T = c0(D) between places of one direction and 0
    between directions.

    c0 = exp(-D^2 / (2 w^2)) on a track, and that of ``ring_correlation`` on a ring.

    Parameters
    ----------
    lens : Lens
        With the coordinates of the cells.
    width : float
        w in units of place.
    """
    apart = lens.coordinates[:, np.newaxis] - lens.coordinates  # (cell, cell, axis)
    if lens.around is None:
        alike = np.exp(-(apart**2).sum(axis=-1) / (2 * width**2))
    else:
        alike = ring_correlation(apart[..., 0], width, lens.around)
    correlation = np.where(lens.way[:, np.newaxis] == lens.way, alike, 0.0)
    return symmetric_root(correlation)  # which changes smoothly with the width


def inputs(lens: Lens, around: Surroundings, context: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Return inputs x (cell, input), and which of them tell the context (input,), if there is one.

    Those of places have the share 1 - g of the power, those that are alike at all of them g.

    Parameters
    ----------
    lens : Lens
        With the coordinates of the cells.
    around : Surroundings
        With the input width and the share g.
    context : bool
        Whether there are inputs that tell the context, at a share of 0, too.
    """
    root = input_root(lens, around.input_width)
    if not context:
        return root, None
    share = around.context_share
    flat = np.full((len(root), CONTEXT_INPUTS), np.sqrt(share / CONTEXT_INPUTS))
    both = np.concatenate([np.sqrt(1 - share) * root, flat], axis=1)
    return both, np.arange(both.shape[1]) >= root.shape[1]
