"""Arrays as the compiled loops take them: read and written in whole vectors."""

from __future__ import annotations

import numpy as np

from drift.loops.vectors import WIDTH


def padded(array: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Return a copy whose last axis is filled with zeros to whole vectors."""
    wide = np.zeros((array.shape[0], -(-array.shape[1] // WIDTH) * WIDTH), kind)
    wide[:, : array.shape[1]] = array
    return wide


def with_tail(array: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Return a copy behind which a vector may be read or written too far."""
    whole = np.zeros(array.size + WIDTH, kind)
    whole[: array.size] = array.ravel()
    return whole[: array.size].reshape(array.shape)
