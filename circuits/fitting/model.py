"""A drifting circuit seen through the lens of a recording, for any number of candidates at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from circuits.base import Circuit
from circuits.fitting.search import Bounds
from circuits.fitting.statistics import Codes, Statistics, codes, statistics
from circuits.parameters import Positive
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
from drift.recipe import Recipe
from drift.schema.labelled_form import RefusedInputError
from drift.streams import stream

OF_DRIFT = ("weight_lifetime", "fast_weight_lifetime", "fast_share")
LASTING = 1e12  # units of elapsed: a part of the weights that stays beside one that is lost


class Surroundings(Recipe):
    """What drives a circuit and how its weights wander, where this is not fitted.

    Parameters
    ----------
    input_width : float
        w of the input correlation exp(-D^2 / (2 w^2)) over places, in units of place.
    weight_lifetime : float, optional
        T of the weight autocorrelation exp(-t / T), in units of elapsed; None for weights that
        stay.
    fast_weight_lifetime : float, optional
        T_fast of the part of the weights that is lost soon, in units of elapsed.
    fast_share : float
        s, its share: the autocorrelation is s exp(-t / T_fast) + (1 - s) exp(-t / T).
    """

    input_width: Positive
    weight_lifetime: Positive | None = None
    fast_weight_lifetime: Positive | None = None
    fast_share: float = Field(default=0.0, ge=0, le=1)


class Model:
    """Candidates in, statistics out: the simulator of a fit, with the same chance for every
    candidate.

    Parameters
    ----------
    circuit : Circuit
        With the parameters that are not fitted.
    lens : Lens
        Of the recording: sessions, places, occupancy and event rates.
    wanted : Statistics
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

    def __init__(
        self,
        circuit: Circuit,
        lens: Lens,
        wanted: Statistics,
        names: Sequence[str],
        surroundings: Surroundings,
        seed: int,
        engine: Engine,
    ) -> None:
        self.circuit, self.lens, self.wanted, self.surroundings = (
            circuit,
            lens,
            wanted,
            surroundings,
        )
        self.names, self.seed, self.engine = tuple(names), seed, engine

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
        rates = drifting_rates(
            [self._circuit(candidate) for candidate in candidates],
            np.stack([input_root(self.lens, around.input_width) for around in surroundings]),
            [self._wandering(around) for around in surroundings],
            self.lens.elapsed,
            seeds,
            engine=self.engine,
        )
        return rates.rate.transpose(0, 1, 3, 2)

    def wandering(self, candidate: np.ndarray) -> WeightDrift | None:
        """Return how the weights of a candidate (parameter,) wander; None where they stay."""
        return self._wandering(self._surroundings(candidate))

    def frozen(self, candidate: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
        """Return the mean statistics (statistic,) of the same circuit, over seeds, if its weights
        had not changed."""
        still = self.surroundings.replace(weight_lifetime=None, fast_share=0.0)
        names = [name for name in self.names if name not in OF_DRIFT]
        values = [
            value for name, value in zip(self.names, candidate, strict=True) if name not in OF_DRIFT
        ]
        frozen_model = Model(
            self.circuit, self.lens, self.wanted, names, still, self.seed, self.engine
        )
        candidate = np.array([values])
        return np.mean([frozen_model(candidate, [seed])[0] for seed in seeds], axis=0)

    def as_large_as_recorded(self) -> Model:
        """Return the model with as many units as were recorded, whose statistics scatter as those
        of a recording do."""
        circuit = self.circuit.replace(units=self.lens.seen.shape[1])
        return Model(
            circuit, self.lens, self.wanted, self.names, self.surroundings, self.seed, self.engine
        )

    def _of(self, candidate: np.ndarray, names: Any) -> Mapping[str, float]:
        return {
            name: float(value)
            for name, value in zip(self.names, candidate, strict=True)
            if name in names
        }

    def _circuit(self, candidate: np.ndarray) -> Circuit:
        return self.circuit.replace(**self._of(candidate, type(self.circuit).model_fields))

    def _surroundings(self, candidate: np.ndarray) -> Surroundings:
        return self.surroundings.replace(**self._of(candidate, Surroundings.model_fields))

    def _wandering(self, around: Surroundings) -> WeightDrift | None:
        # Where units are not tracked no statistic may depend on the lifetime, not even through
        # gains that the first session sets.
        stays = around.weight_lifetime is None and not around.fast_share
        if stays or not self.lens.tracked:
            return None
        return WeightDrift(
            weight_lifetime=around.weight_lifetime or LASTING,
            fast_weight_lifetime=around.fast_weight_lifetime,
            fast_share=around.fast_share,
        )

    def _statistics(self, rate: np.ndarray, seed: int) -> np.ndarray:
        return statistics(self.seen_codes(rate, seed), self.wanted)

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
        measured = statistics(codes(maps, own_lens, halves), self.wanted)
        return measured, Model(
            self.circuit, own_lens, self.wanted, self.names, self.surroundings, self.seed,
            self.engine,
        )  # fmt: skip


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


def _refuse_unknown(circuit: Circuit, names: Sequence[str]) -> None:
    numbers = [
        name
        for name, value in circuit
        if isinstance(value, float) and not name.endswith("time_constant")
    ]
    # time constants do not move the rates at rest
    parameters = [*numbers, *Surroundings.model_fields]
    unknown = [name for name in names if name not in parameters]
    if unknown:
        raise RefusedInputError(
            f"{type(circuit).__name__} has no parameter {', '.join(unknown)} to fit: use some "
            f"of {', '.join(parameters)}."
        )


def refuse_impossible(circuit: Circuit, around: Surroundings, bounds: Bounds) -> None:
    """Refuse bounds at which no circuit, or no surroundings, can be made.

    Parameters
    ----------
    circuit : Circuit
        Whose parameters are fitted.
    around : Surroundings
        Its surroundings.
    bounds : Bounds
        Of the search.
    """
    _refuse_unknown(circuit, bounds.names)
    for name, *ends in zip(bounds.names, bounds.low, bounds.high, strict=True):
        for value in ends:
            try:
                (around if name in Surroundings.model_fields else circuit).replace(
                    **{name: float(value)}
                )
            except RefusedInputError as refusal:
                raise RefusedInputError(
                    f"the bounds {ends[0]:g} to {ends[1]:g} of {name} are not usable: {refusal}"
                ) from None
    fast = {"fast_share", "fast_weight_lifetime"} & set(bounds.names)
    if fast and around.fast_weight_lifetime is None and "fast_weight_lifetime" not in bounds.names:
        raise RefusedInputError(
            "fast_share needs a fast_weight_lifetime, got none: give it, such as a tenth of the "
            "shortest time between sessions, or fit it too."
        )
    if fast and not around.fast_share and "fast_share" not in bounds.names:
        raise RefusedInputError(
            "fast_weight_lifetime has no effect at a fast_share of 0: fit fast_share too, or "
            "give it."
        )
