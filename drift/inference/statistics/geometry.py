"""Along what, in how many dimensions and how together a population moves, by independent halves."""

from __future__ import annotations

import numpy as np

from drift.inference.statistics.maps import Maps, ratio
from drift.inference.statistics.similarity import lag_groups

LEAST_UNITS = 5
PAIRS = 3  # of sessions at one lag whose similarities of places are compared


def geometry(maps: Maps) -> dict[str, float]:
    """Return dimension of the code and of its drift, stability of the similarities of places, share
    of the drift along each unit's own map, and along the leading direction of the code.

    Displacements are those from the first to the last session, of the roots of rates; products are
    of different halves, so that noise is in none of them (``drift.metrics.geometry``).

    Parameters
    ----------
    maps : Maps
    """
    groups = lag_groups(maps)
    units = maps.present[0] & maps.present[-1]
    names = ("code_dimension", "drift_dimension", "drift_along_own_maps", "drift_along_code")
    numbers = dict.fromkeys(names, np.nan)
    if units.sum() >= LEAST_UNITS:
        numbers = dict(zip(names, _drift(np.sqrt(maps.halves[[0, -1]][:, :, units])), strict=True))
    return {
        **numbers,
        "places_similar_short": _of_places(maps, groups[0]),
        "places_similar_long": _of_places(maps, groups[-1]),
    }


def _drift(vectors: np.ndarray) -> tuple[float, float, float, float]:
    """From the roots of rates (session, half, unit, cell) of the first and the last session."""
    code = vectors - vectors.mean(axis=-1, keepdims=True)
    moved = vectors[1] - vectors[0]  # (half, unit, cell)
    square = float((moved[0] * moved[1]).sum())
    first = code[0]
    power = (first[0] * first[1]).sum(axis=-1)
    along = (moved[0] * first[1]).sum(axis=-1) * (moved[1] * first[0]).sum(axis=-1)
    own = np.divide(along, power, out=np.zeros(power.shape), where=power > 0.1 * power.mean())
    leading = _leading(first.mean(axis=0))
    ahead = float(((leading @ moved[0]) * (leading @ moved[1])).sum())
    return (
        _dimension(*first),
        _dimension(*moved) if square > 0 else np.nan,
        float(np.clip(ratio(float(own.sum()), square), -3, 3)),
        float(np.clip(ratio(ahead, square), -3, 3)),
    )


def _dimension(left: np.ndarray, right: np.ndarray) -> float:
    """(tr K)^2 / tr K^2 over the number of cells, of vectors (unit, cell) of independent noise."""
    products = left.T @ right  # (cell, cell_other)
    own, cells = products.diagonal(), len(products)
    mixed = products * products.T
    off = (mixed.sum() - mixed.diagonal().sum()) / (cells * (cells - 1))
    square = (own.sum() ** 2 - (own**2).sum()) / (cells * (cells - 1))
    total = off + max(square, 0.0) / cells
    return float(np.clip(ratio(square, cells * total), 0, 2)) if total > 0 else np.nan


def _leading(code: np.ndarray) -> np.ndarray:
    """Direction (unit,) in which the code varies most over places."""
    return np.asarray(np.linalg.eigh(code @ code.T)[1][:, -1])


def _of_places(maps: Maps, group: np.ndarray) -> float:
    """Correlation of the similarities of places in two sessions, over the root of those of halves;
    of a few pairs, evenly spread over those of the lag."""
    few = group[np.linspace(0, group.size - 1, min(PAIRS, group.size)).round().astype(int)]
    first, later = (sessions[few] for sessions in maps.pairs)
    values = [_pair(maps, *pair) for pair in zip(first, later)]
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else np.nan


def _pair(maps: Maps, first: int, later: int) -> float:
    units = maps.present[first] & maps.present[later]
    if units.sum() < LEAST_UNITS:
        return np.nan
    vectors = np.sqrt(maps.halves[[first, later]][:, :, units])
    vectors = vectors - vectors.mean(axis=-1, keepdims=True)
    upper = np.triu_indices(vectors.shape[-1], 1)
    rows = np.einsum("shuc,shud->shcd", vectors, vectors, optimize=True)[:, :, *upper]
    rows = rows - rows.mean(axis=-1, keepdims=True)
    rows = rows / np.sqrt((rows**2).sum(axis=-1, keepdims=True)).clip(1e-12)
    same = (rows[:, 0] * rows[:, 1]).sum(axis=-1)
    if (same <= 0.05).any():
        return np.nan
    total = rows.sum(axis=1) / 2
    return float(np.clip((total[0] * total[1]).sum() / np.sqrt(same.prod()), -1.5, 1.5))
