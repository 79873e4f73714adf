"""Noise on many weights in the batched engine, by the compiled generators of the fused engine.

A step of a network draws one number for each weight, and the generators of numpy take as long for
it as 150 samples take for the products. The compiled ones take a tenth of that, and add their
numbers while these are in the cache. The numbers are those of the fused engine, too, so that both
engines take the same steps, up to rounding.

Smaller networks keep numpy's numbers, which runs of the batched engine have always had.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from drift.loops.compiled import compiled
from drift.loops.normals import BLOCK, fill_normals, generator_state

PIECE = 64 * BLOCK  # numbers drawn at once, 64 kB


class WeightDraws:
    """Normal numbers of one stream in the shape of the weights, one generator a subject; what a
    subject draws depends on its seed alone."""

    def __init__(self, seeds: Sequence[int], name: str) -> None:
        self._generators = np.stack([generator_state(seed, name) for seed in seeds])
        self._piece = np.zeros(PIECE, np.float32)

    def add(self, blocks: Sequence[Tensor], scales: Sequence[float]) -> None:
        """Add fresh normal numbers to the two blocks of the weights, in place.

        Parameters
        ----------
        blocks : sequence of torch.Tensor
            (subject, unit, input + 1) and (subject, unit, output).
        scales : sequence of float
            Standard deviation, one a subject.
        """
        for generator, inward, outward, scale in zip(
            self._generators, *(block.numpy() for block in blocks), scales, strict=True
        ):
            add_normals(generator, inward, outward, inward.dtype.type(scale), self._piece)

    def state(self) -> np.ndarray:
        """Return the states of all generators."""
        return self._generators.copy()

    def restore(self, state: np.ndarray) -> None:
        """Go back to a state."""
        self._generators[...] = state


@compiled
def _add_row(values, unit, first, count, normals, start, scale):
    for offset in range(count):
        values[unit, first + offset] += scale * normals[start + offset]


@compiled
def add_normals(generator, inward, outward, scale, piece):
    """Add scaled normal numbers to two matrices with a row for each unit: unit by unit, first its
    row of ``inward``, then that of ``outward``, as the fused engine lays its weights out."""
    width = inward.shape[1]
    columns = width + outward.shape[1]
    numbers = inward.shape[0] * columns
    for start in range(0, numbers, PIECE):
        count = min(PIECE, numbers - start)
        fill_normals(generator, piece[: -(-count // BLOCK) * BLOCK])
        place = 0
        while place < count:
            unit = (start + place) // columns
            column = start + place - unit * columns
            if column < width:
                row = min(width - column, count - place)
                _add_row(inward, unit, column, row, piece, place, scale)
            else:
                row = min(columns - column, count - place)
                _add_row(outward, unit, column - width, row, piece, place, scale)
            place += row
