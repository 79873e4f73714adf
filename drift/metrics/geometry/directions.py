"""Directions that a code may drift along: those of its noise, of its leading noise components, or
those in which neighbouring conditions differ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.metrics.geometry.vectors import KINDS, Array, DriftVectors, by_kind
from drift.metrics.places import closes, grid_index
from drift.schema.map_dims import STIMULUS, map_dim

ROUNDING = 1e-6  # by which a participation ratio may exceed a whole number


class Sides(NamedTuple):
    """What an alignment is made of, of one kind.

    Attributes
    ----------
    along : numpy.ndarray
        (condition) d' M d.
    squared : numpy.ndarray
        (condition) d' d.
    matrix : numpy.ndarray
        (unit, unit) M.
    moment : numpy.ndarray
        (unit, unit) K, sum over conditions of d d'.
    """

    along: Array
    squared: Array
    matrix: Array
    moment: Array


def leading_components(covariance: Array, components: int | None) -> Array:
    """(unit, unit) projector on the leading eigenvectors of a covariance.

    Parameters
    ----------
    covariance : numpy.ndarray
        (unit, unit)
    components : int or None
        How many; None takes the participation ratio (tr S)^2 / tr S^2, rounded up.
    """
    ratio = np.trace(covariance) ** 2 / (covariance**2).sum()
    count = int(np.ceil(ratio - ROUNDING)) if components is None else components
    vectors = np.linalg.eigh(covariance)[1][:, -min(count, len(covariance)) :]
    return np.asarray(vectors @ vectors.T)


def along_matrix(vectors: DriftVectors, matrix: Array) -> dict[str, Sides]:
    """Drift along a matrix that shares no noise with it, by kind.

    Parameters
    ----------
    vectors : DriftVectors
    matrix : numpy.ndarray
        (unit, unit)
    """
    drift, noise = vectors.drift, vectors.noise
    along = by_kind(_quadratic(drift, matrix), _quadratic(noise, matrix).sum(axis=0))
    squared, moment = vectors.squared, vectors.second_moment
    return {kind: Sides(along[kind], squared[kind], matrix, moment[kind]) for kind in KINDS}


def _quadratic(vectors: Array, matrix: Array) -> Array:
    return np.asarray(((vectors @ matrix) * vectors).sum(axis=-1))


def contrasts(dataset: xr.Dataset) -> Array:
    """(row, condition) differences of conditions that span the directions of the code.

    Of places those of neighbours in one running direction (on a track, a ring or in a plane), of
    stimuli each against the mean of all.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``; conditions in the order of ``condition_maps``.
    """
    rate = dataset["rate_half"]
    count = rate.sizes[map_dim(rate)]
    ways = rate.sizes.get("direction", 1)
    if map_dim(rate) == STIMULUS:
        conditions = count * ways
        return np.eye(conditions) - 1 / conditions
    pairs = _neighbours(rate, count)
    rows = np.zeros((len(pairs), count))
    rows[np.arange(len(pairs)), pairs[:, 0]] = -1
    rows[np.arange(len(pairs)), pairs[:, 1]] = 1
    turned = [rows[:, ::-1] if way % 2 else rows for way in range(ways)]
    joined = np.zeros((ways * len(pairs), ways * count))
    for way, block in enumerate(turned):
        joined[way * len(pairs) : (way + 1) * len(pairs), way * count : (way + 1) * count] = block
    return joined


def _neighbours(rate: xr.DataArray, count: int) -> NDArray[np.int64]:
    """(pair, 2) positions of places next to each other."""
    axes = ("place_x", "place_y") if "place_x" in rate.coords else ("place",)
    cells = [grid_index(rate[axis]) if axis in rate.coords else np.arange(count) for axis in axes]
    apart = np.sum([np.abs(cell[:, np.newaxis] - cell) for cell in cells], axis=0)
    pairs = np.argwhere(np.triu(apart == 1))
    return np.append(pairs, [[count - 1, 0]], axis=0) if closes(rate) and count > 2 else pairs


def along_code(vectors: DriftVectors, rows: Array) -> dict[str, Sides] | None:
    """Drift along the second moment of the coding directions of the earlier session, by kind.

    With g_r = sum_c w_rc x_c, the naive M = mean_r g_r g_r' of whole maps holds the noise that is
    in d, too. The cross-validated one is the mean of (d_a' g_b)(g_a' d_b), d_a of the half a of the
    earlier session, less mean_r w_rc^2 tr(V V'): what is left of the noise V of a half, by which
    d_c and g_r meet. tr(V V') is told by the noise of both sessions, taken to be alike.

    Parameters
    ----------
    vectors : DriftVectors
    rows : numpy.ndarray
        (row, condition) of ``contrasts``.

    Returns
    -------
    dict of str to Sides, or None
        None where no direction is left.
    """
    weights = _restricted(rows, vectors.conditions)
    if not len(weights):
        return None
    moment, squared = vectors.second_moment, vectors.squared
    frozen = [_naive(before, after, weights) for before, after in vectors.frozen]
    halves = weights @ vectors.before  # (half, row, unit)
    product = halves[0].T @ halves[1] / len(weights)
    sides = {
        "naive": _naive(vectors.before.mean(axis=0), vectors.after.mean(axis=0), weights),
        "frozen": tuple(np.mean(values, axis=0) for values in zip(*frozen, strict=True)),
        "cross_validated": (_crossed(vectors, halves, weights), (product + product.T) / 2),
    }
    return {
        kind: Sides(along, squared[kind], matrix, moment[kind])
        for kind, (along, matrix) in sides.items()
    }


def _restricted(rows: Array, conditions: NDArray[np.int64]) -> Array:
    """Rows over valid conditions: a difference that lacks one is left out, a mean is taken over the
    others."""
    inside = rows[:, conditions]
    if (rows != 0).all() and rows.size > 1:
        return np.eye(conditions.size) - 1 / conditions.size
    return inside[(inside != 0).sum(axis=1) == (rows != 0).sum(axis=1)]


def _naive(before: Array, after: Array, weights: Array) -> tuple[Array, Array]:
    """(condition) d' M d and M of whole maps."""
    directions = weights @ before
    matrix = directions.T @ directions / len(weights)
    return _quadratic(after - before, matrix), matrix


def _crossed(vectors: DriftVectors, halves: Array, weights: Array) -> Array:
    """(condition) mean of (d_a' g_b)(g_a' d_b) over directions, less its bias."""
    products = [
        ((first @ halves[1].T) * (second @ halves[0].T)).mean(axis=1)
        for first, second in vectors.independent
    ]
    common = (vectors.noise[0] * vectors.noise[1]).sum(axis=-1) ** 2
    return np.asarray(np.mean(products, axis=0) - 4 * (weights**2).mean(axis=0) * common)
