"""Tabulated kernels for millions of pairs of inputs: piecewise cubic in the angle arccos c,
compiled, on numba's number of threads.

Values and slopes at the nodes are exact (Hermite), so that a cell of width h errs by h^4 / 384
times the fourth derivative. A layer of a deep network is a table from angle to angle; a pair passes
all layers in registers, and the arc cosine is taken once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import get_num_threads

from drift.errors import RefusedInputError
from drift.loops.compiled import contracted as compiled
from drift.theory.kernels.moments import SAME, SLACK

CELLS = 4000
ANGLES = np.linspace(0.0, np.pi, CELLS + 1)
SCALE = CELLS / np.pi
TILE = 64


class KernelTable(NamedTuple):
    """A kernel of one layer, tabulated; called with correlations it answers their kernel."""

    coefficients: np.ndarray  # (cell, power)

    def __call__(self, correlation: Any) -> np.ndarray:
        """Return the kernel of an array of correlations in [-1, 1]; NaN stays NaN."""
        return evaluated(
            np.asarray(correlation, dtype=float), self.coefficients, self.coefficients, 0
        )


def hermite(values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return the cubic of each cell, in the fraction of the cell: (cell, power) from values and
    slopes by cell width at the nodes."""
    rise = np.diff(values)
    left, right = slopes[:-1], slopes[1:]
    return np.stack(
        [values[:-1], left, 3.0 * rise - 2.0 * left - right, left + right - 2.0 * rise], axis=1
    )


def evaluated(c: np.ndarray, layer: np.ndarray, readout: np.ndarray, layers: int) -> np.ndarray:
    """Pass correlations through the table of a layer so many times, and once through that of the
    readout."""
    shape, c = c.shape, np.ascontiguousarray(c)
    out = np.empty_like(c)
    if c.ndim == 2 and c.shape[0] == c.shape[1] > TILE:
        rows = range((len(c) + TILE - 1) // TILE)
        failures = _by_threads(
            lambda row: _fill_tiles(c, out, layer, readout, layers, row), rows[::-1]
        )
        if not any(failures):
            return out
    flat, filled = c.reshape(-1), out.reshape(-1)
    edges = np.linspace(0, flat.size, 8 * get_num_threads() + 1).astype(int)
    blocks = [(flat[first:last], filled[first:last]) for first, last in pairwise(edges)]
    if any(
        _by_threads(lambda index: _fill(*blocks[index], layer, readout, layers), range(len(blocks)))
    ):
        raise RefusedInputError(
            f"correlation must lie in [-1, 1], got {np.nanmax(np.abs(c)):.6g}: divide "
            "covariances by both standard deviations."
        )
    return out.reshape(shape)


def _by_threads(call: Callable[[int], bool], items: range) -> list[bool]:
    if get_num_threads() == 1 or len(items) == 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(get_num_threads()) as pool:
        return list(pool.map(call, items))


@compiled
def _look(table: np.ndarray, position: float) -> float:
    cell = min(int(position), CELLS - 1)
    x = position - cell
    return table[cell, 0] + x * (table[cell, 1] + x * (table[cell, 2] + x * table[cell, 3]))


@compiled
def _pass(
    c: np.ndarray, out: np.ndarray, layer: np.ndarray, readout: np.ndarray, layers: int
) -> bool:
    """Take a short row of pairs through all layers, layer by layer so that look-ups overlap; True
    if one is out of range."""
    wrong = False
    for index in range(c.size):
        inside = abs(c[index]) <= 1.0 + SLACK
        wrong |= not inside and not np.isnan(c[index])
        out[index] = (
            (0.0 if c[index] > 1.0 - SAME else np.arccos(max(c[index], -1.0)) * SCALE)
            if inside
            else 0.0
        )
    for _layer in range(layers):
        for index in range(c.size):
            out[index] = _look(layer, out[index])
    for index in range(c.size):
        out[index] = np.nan if np.isnan(c[index]) else _look(readout, out[index])
    return wrong


@compiled
def _fill(
    c: np.ndarray, out: np.ndarray, layer: np.ndarray, readout: np.ndarray, layers: int
) -> bool:
    """Fill one block, a row of the cache at a time; True if a correlation is out of range."""
    wrong = False
    for first in range(0, c.size, TILE):
        wrong |= _pass(c[first : first + TILE], out[first : first + TILE], layer, readout, layers)
    return wrong


@compiled
def _fill_tiles(
    c: np.ndarray, out: np.ndarray, layer: np.ndarray, readout: np.ndarray, layers: int, row: int
) -> bool:
    """Fill one row of tiles below the diagonal and its mirror image; True if it was not symmetric
    or not all correlations."""
    wrong = False
    for column in range(row + 1):
        for row_index in range(row * TILE, min((row + 1) * TILE, len(c))):
            first, last = column * TILE, min((column + 1) * TILE, row_index + 1)
            wrong |= _pass(
                c[row_index, first:last], out[row_index, first:last], layer, readout, layers
            )
            for column_index in range(first, last):
                wrong |= c[row_index, column_index] != c[column_index, row_index]
                out[column_index, row_index] = out[row_index, column_index]
        if wrong:
            break
    return wrong
