"""Transformations of a code that are fitted on some conditions: translation, rotation, linear map.

Each is an affine map of the population, x -> target + (x - centre) + change(x - centre), and is
told as the drift that it predicts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from drift.metrics.geometry.vectors import Array

TINY = 1e-9  # of the mean squared length of the maps: what settles directions without any data


class Fitted(NamedTuple):
    """An affine map: ``target`` and ``centre`` (unit), and the rows ``left`` and ``right`` (rank,
    unit) of its linear change, (x - centre) left' right."""

    target: Array
    centre: Array
    left: Array
    right: Array

    def linear(self, vectors: Array) -> Array:
        """Images of differences (..., unit)."""
        return np.asarray(vectors + (vectors @ self.left.T) @ self.right)

    def image(self, maps: Array) -> Array:
        """Images of maps (..., unit)."""
        return np.asarray(self.target + self.linear(maps - self.centre))


def translation(before: Array, after: Array, ridge: float) -> Fitted:
    """x + v: all conditions move alike.

    Parameters
    ----------
    before, after : numpy.ndarray
        (condition, unit) whole maps of the conditions that are fitted.
    ridge : float
        Not used.
    """
    nothing = np.zeros((0, before.shape[1]))
    return Fitted(after.mean(axis=0), before.mean(axis=0), nothing, nothing)


def rotation(before: Array, after: Array, ridge: float) -> Fitted:
    """Translation, and the rotation about the mean that brings the conditions closest (orthogonal
    Procrustes), which turns nothing that no condition lies in.

    Parameters
    ----------
    before, after : numpy.ndarray
        (condition, unit)
    ridge : float
        Weight of no rotation at all, in squared rates.
    """
    centre, target = before.mean(axis=0), after.mean(axis=0)
    first, second = before - centre, after - target
    basis = _basis(np.concatenate([first, second]))  # (rank, unit)
    product = (first @ basis.T).T @ (second @ basis.T)
    left, _, right = np.linalg.svd(product + ridge * np.eye(len(basis)))
    return Fitted(target, centre, basis, (left @ right - np.eye(len(basis))) @ basis)


def linear_map(before: Array, after: Array, ridge: float) -> Fitted:
    """Translation and any linear map about the mean: the smallest change that fits.

    Parameters
    ----------
    before, after : numpy.ndarray
        (condition, unit)
    ridge : float
        Of the regression of the drift on the maps, in squared rates.
    """
    centre, target = before.mean(axis=0), after.mean(axis=0)
    first, change = before - centre, (after - target) - (before - centre)
    gram = first @ first.T + ridge * np.eye(len(first))
    return Fitted(target, centre, first, np.linalg.solve(gram, change))


def _basis(rows: Array) -> Array:
    """(rank, unit) orthonormal rows that span these."""
    _, sizes, right = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(right[sizes > 1e-10 * max(float(sizes[0]), 1e-300)])


TRANSFORMATIONS: dict[str, Callable[[Array, Array, float], Fitted]] = {
    "translation": translation,
    "rotation": rotation,
    "linear": linear_map,
}
