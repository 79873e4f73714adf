"""One subject in motion: its inputs, its weights, its sources of chance, and what it answers to
every recorded input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from drift.loops.normals import BLOCK, LANES
from drift.similarity_matching import learning
from drift.similarity_matching.fixed_points import settle_each, workspace
from drift.similarity_matching.networks import (
    ExcitatoryInhibitory,
    Matching,
    PrincipalSubspace,
    Rectified,
)
from drift.streams import stream


class Program(ABC):
    """A subject between two steps of learning; ``restless`` counts the inputs to which it found no
    resting answer."""

    def __init__(self, network: Matching) -> None:
        self.network, self.step, self.restless = network, 0, 0
        self.experience = network.inputs.draw(network.seed)
        self.patterns = np.ascontiguousarray(self.experience["inputs"].values)  # (sample, input)
        self.shown = self.patterns[:: network.stride]  # (recorded sample, input)
        self.feedforward = network.first_feedforward(self.patterns.shape[1])  # (unit, input)
        root = np.sqrt(network.learning_rate)
        self._gains = np.array([root * network.feedforward_noise, root * network.lateral_noise])
        self._order, self._generators = stream(network.seed, "order"), _generators(network.seed)

    def advance(self, steps: int) -> None:
        """Take steps; other threads run meanwhile."""
        self.restless += self._learn(self._order.integers(len(self.patterns), size=steps))
        self.step += steps

    def _noises(self, lateral: int) -> tuple[np.ndarray, np.ndarray]:
        sizes = (self.feedforward.size, lateral)
        return tuple(np.zeros(-(-size // BLOCK) * BLOCK, np.float32) for size in sizes)  # type: ignore[return-value]

    @abstractmethod
    def _learn(self, order: np.ndarray) -> int:
        """Take a step for each input in the order; return how many outputs did not come to rest."""

    @abstractmethod
    def responses(self) -> np.ndarray:
        """Return the resting outputs (recorded sample, unit)."""

    @property
    def similarity_offset(self) -> float:
        """What the network takes off the similarity of two inputs before it matches it."""
        return 0.0


class LinearProgram(Program):
    """Runs ``PrincipalSubspace``."""

    def __init__(self, network: PrincipalSubspace) -> None:
        super().__init__(network)
        self.lateral = np.eye(network.units)
        self.covariance = self.patterns.T @ self.patterns / len(self.patterns)  # (input, input)
        for _step in range(network.settling_steps):
            filters = self.filters()
            self.feedforward += 0.1 * (filters @ self.covariance - self.feedforward)
            self.lateral += 0.1 * (filters @ self.covariance @ filters.T - self.lateral)
        self._buffers = self._noises(self.lateral.size), np.zeros_like(self.lateral)

    def filters(self) -> np.ndarray:
        """Return F = M^-1 W (unit, input), so that y = F x."""
        return np.linalg.solve(self.lateral, self.feedforward)

    def _learn(self, order: np.ndarray) -> int:
        noises, system = self._buffers
        rate = self.network.learning_rate
        return learning.learn_linear(
            self.patterns,
            order,
            self.feedforward,
            self.lateral,
            rate,
            self._gains,
            self._generators,
            noises,
            system,
        )

    def responses(self) -> np.ndarray:
        """Return the outputs (recorded sample, unit)."""
        return self.shown @ self.filters().T


class RectifiedProgram(Program):
    """Runs ``SimilarityMatching`` and ``ExcitatoryInhibitory``: outputs first, then interneurons if
    there are any."""

    def __init__(self, network: Rectified) -> None:
        super().__init__(network)
        self._recipe, units = network, network.units
        interneurons = network.interneurons if isinstance(network, ExcitatoryInhibitory) else 0
        self.lateral = (
            _first_blocks(network) if isinstance(network, ExcitatoryInhibitory) else np.eye(units)
        )
        self.threshold = np.zeros(units)
        penalty = network.interneuron_penalty if isinstance(network, ExcitatoryInhibitory) else 0.0
        self.shift = np.repeat([network.l2_penalty, penalty], [units, interneurons])
        self._steps = learning.learn_with_interneurons if interneurons else learning.learn_rectified
        self._numbers = (
            network.learning_rate,
            float(np.sqrt(network.similarity_offset)),
            network.l1_penalty,
        )
        self._memory = np.zeros((len(self.patterns), units + interneurons))
        self._answers = np.zeros((len(self.shown), units + interneurons))
        largest = max(units * interneurons, interneurons**2) if interneurons else units**2
        self._buffers = self._noises(largest), workspace(units, interneurons)

    @property
    def similarity_offset(self) -> float:
        """What the network takes off the similarity of two inputs before it matches it."""
        return self._recipe.similarity_offset

    def _learn(self, order: np.ndarray) -> int:
        weights: Any = (self.feedforward, self.lateral, self.threshold)
        noises, work = self._buffers
        return self._steps(
            self.patterns,
            order,
            weights,
            self.shift,
            self._numbers,
            self._gains,
            self._generators,
            noises,
            self._memory,
            work,
        )

    def drives(self) -> np.ndarray:
        """Return what outputs and interneurons receive from outside for each recorded input,
        (recorded sample, unit)."""
        drives = np.zeros(self._answers.shape)
        for pattern, drive in zip(self.shown, drives, strict=True):
            learning.drive_of(self.feedforward, self.threshold, *self._numbers[1:], pattern, drive)
        return drives

    def responses(self) -> np.ndarray:
        """Return the resting outputs (recorded sample, unit)."""
        self.restless += settle_each(
            self.lateral, self.shift, self.drives(), self._answers, self._buffers[1]
        )
        return self._answers[:, : self.network.units].copy()


def program(network: Matching) -> Program:
    """Return the subject of a recipe, before its first step."""
    if isinstance(network, PrincipalSubspace):
        return LinearProgram(network)
    return RectifiedProgram(network)  # type: ignore[arg-type]


def _first_blocks(network: ExcitatoryInhibitory) -> np.ndarray:
    """Return the matrix with the blocks 0, Wei, -Wie and M before learning; the draw follows that
    of W."""
    rng, units, all_units = (
        stream(network.seed, "weights"),
        network.units,
        network.units + network.interneurons,
    )
    rng.standard_normal((units, network.inputs.draw(network.seed).sizes["input"]))
    blocks = np.zeros((all_units, all_units))
    blocks[:units, units:] = 0.05 * rng.random((units, network.interneurons))
    blocks[units:, :units] = -blocks[:units, units:].T
    blocks[units:, units:] = np.eye(network.interneurons)
    return blocks


def _generators(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return generators for the noise on W and on the lateral weights, so that switching one off
    does not move the other."""
    words = stream(seed, "update_noise").integers(0, 2**32, size=(2, 4, LANES), dtype=np.uint32)
    words[:, 0] |= 1  # a state of zeros would stay there
    return words[0], words[1]
