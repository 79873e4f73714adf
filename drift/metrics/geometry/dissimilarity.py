"""How far apart conditions are for the population, and whether that stays: representational
dissimilarity of sessions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Square
from drift.errors import RefusedInputError
from drift.metrics.geometry.tables import Table
from drift.metrics.geometry.vectors import (
    KINDS,
    Array,
    DriftVectors,
    condition_maps,
    conditions_of,
    drift_vectors,
    recorded_units,
)
from drift.metrics.stability.correlations import per_environment


@opened
@per_environment
def crossnobis(
    dataset: xr.Dataset, *, precision: Square | None = None, keep: xr.DataArray | None = None
) -> xr.DataArray:
    """Cross-validated squared distance between the population vectors of every two conditions.

    With the halves a, b of a session and D units recorded, d_cd = (a_c - a_d)' P (b_c - b_d) / D.
    It is 0 in the mean for conditions that do not differ, and may be negative by chance.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network whose rates hold no noise.
    precision : numpy.ndarray, optional
        (unit, unit) P, the inverse of a noise covariance, over all units of the Dataset; by default
        the identity.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to take.

    Returns
    -------
    xarray.DataArray
        (subject, session, condition, condition_other), conditions along the way there and back; NaN
        where a condition was not visited in both halves, or no unit was recorded.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or the precision is of other units.

    References
    ----------
    Walther et al. 2016, NeuroImage 137:188; Diedrichsen et al. 2021, NBDT 5(3).
    """
    halved = conditions_of(dataset)
    maps = condition_maps(halved).transpose("subject", "session", "half", "condition", "unit")
    units = maps.sizes["unit"]
    if precision is not None and np.shape(precision) != (units, units):
        raise RefusedInputError(
            f"precision was expected over the {units} units of the Dataset, got "
            f"{np.shape(precision)[0]}: invert a noise covariance of the same units."
        )
    weight = np.eye(units) if precision is None else np.asarray(precision, dtype=float)
    member = recorded_units(halved, keep)
    rates = maps.values.astype(float)
    values = [
        [_distances(*rows, weight) for rows in zip(*own, strict=True)]
        for own in zip(rates, member, strict=True)
    ]
    of_units = str(halved["rate_half"].attrs.get("units", "1"))
    squared = of_units if of_units == "1" else f"({of_units})^2"
    long_name = "cross-validated squared distance of the population at two conditions, per unit"
    attrs = {"units": squared if precision is None else "1", "long_name": long_name}
    labels = {
        name: values.variable for name, values in maps.coords.items() if "condition" in str(name)
    }
    coords = {dim: dataset[dim].values for dim in ("subject", "session") if dim in dataset.coords}
    dims = ("subject", "session", "condition", "condition_other")
    return xr.DataArray(np.array(values), dims=dims, coords={**coords, **labels}, attrs=attrs)


def _distances(halves: Array, member: np.ndarray, precision: Array) -> Array:
    """(condition, condition) of (half, condition, unit)."""
    finite = np.isfinite(halves).all(axis=0) & member
    conditions = np.flatnonzero(finite.any(axis=1))
    units = np.flatnonzero(finite[conditions].all(axis=0) & member)
    distances = np.full((halves.shape[1],) * 2, np.nan)
    if conditions.size and units.size:
        first, second = halves[:, conditions[:, np.newaxis], units]
        product = first @ precision[np.ix_(units, units)] @ second.T
        square = np.diagonal(product)
        total = square[:, np.newaxis] + square - product - product.T
        distances[np.ix_(conditions, conditions)] = total / units.size
    return distances


@opened
@per_environment
def representational_stability(
    dataset: xr.Dataset, *, keep: xr.DataArray | None = None
) -> xr.Dataset:
    """How alike the representational geometry of two sessions is, whichever units carry it: 1 for a
    code whose conditions keep their distances, also while every unit drifts.

    Distances and inner products of conditions about their mean tell the same; of the
    cross-validated distances of ``crossnobis`` these are the double-centred matrix G_cd = (a_c -
    a)' (b_d - b), whose entries off the diagonal come twice, G_cd and G_dc, with independent noise.
    With r the correlation over pairs of conditions c < d,

        reliability W_s = r(G_cd, G_dc),   B_st = mean of the four r between G of s and G of t,
        stability = B_st / sqrt(W_s W_t).

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network whose rates hold no noise.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare.

    Returns
    -------
    xarray.Dataset
        ``stability`` (subject, session, session_other, kind): naive is the correlation of the plain
        inner products of whole maps, frozen the same of a code that stands still, with the noise of
        these sessions, cross_validated is divided by the reliability; ``distance_correlation``
        (..., kind) of squared Euclidean distances of whole maps, the same of a code that stands
        still, and of crossnobis distances, which noise lowers; ``reliability`` sqrt(W_s W_t) of
        half a session. NaN where a reliability is not above 0, or with fewer than three conditions.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    References
    ----------
    Representational similarity: Kriegeskorte et al. 2008, Front Syst Neurosci 2:4; correction for
    attenuation: Spearman 1904, Am J Psychol 15:72.
    """
    variables = dict.fromkeys(("stability", "distance_correlation"), ("kind",))
    halved = conditions_of(dataset)
    table = Table(halved, {**variables, "reliability": ()}, kind=KINDS)
    for vectors in drift_vectors(halved, keep):
        if vectors.conditions.size > 2:
            stability, reliability = _stability(vectors)
            distant = _distant(vectors)
            table.fill(
                vectors.at,
                stability=stability,
                distance_correlation=distant,
                reliability=reliability,
            )
    table.mirror()
    text = "correlation of representational similarity between two sessions"
    return table.dataset({"stability": text})


def _centred(maps: Array) -> Array:
    return np.asarray(maps - maps.mean(axis=-2, keepdims=True))


def _triangles(product: Array) -> tuple[Array, Array]:
    """Entries above the diagonal, and those below it in the same order."""
    upper = np.triu_indices(len(product), k=1)
    return product[upper], product.T[upper]


def _correlation(first: Array, second: Array) -> float:
    """Pearson; NaN where either does not vary."""
    first, second = first - first.mean(), second - second.mean()
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float(first @ second / scale) if scale > 0 else np.nan


def _stability(vectors: DriftVectors) -> tuple[list[float], float]:
    """Naive, frozen and cross-validated, and the reliability."""
    pairs = ((vectors.before.mean(axis=0), vectors.after.mean(axis=0)), *vectors.frozen)
    naive, *frozen = (
        _correlation(*(_triangles(_centred(maps) @ _centred(maps).T)[0] for maps in pair))
        for pair in pairs
    )
    sides = [
        _triangles(_centred(halves[0]) @ _centred(halves[1]).T)
        for halves in (vectors.before, vectors.after)
    ]
    within = [_correlation(*side) for side in sides]
    between = np.mean([_correlation(row, column) for row in sides[0] for column in sides[1]])
    reliable = min(within) > 0
    reliability = float(np.sqrt(within[0] * within[1])) if reliable else np.nan
    still = np.nan if not vectors.noise.any() else float(np.mean(frozen))
    return [naive, still, float(between) / reliability], reliability


def _distant(vectors: DriftVectors) -> list[float]:
    """Correlation of distances: Euclidean, Euclidean of a code that stands still, crossnobis."""

    def apart(first: Array, second: Array) -> Array:
        product = first @ second.T
        square = np.diagonal(product)
        distances = square[:, np.newaxis] + square - product - product.T
        return np.asarray(distances[np.triu_indices(len(distances), k=1)])

    pairs = ((vectors.before.mean(axis=0), vectors.after.mean(axis=0)), *vectors.frozen)
    naive, *frozen = (_correlation(*(apart(maps, maps) for maps in pair)) for pair in pairs)
    crossed = _correlation(apart(*vectors.before), apart(*vectors.after))
    still = np.nan if not vectors.noise.any() else float(np.mean(frozen))
    return [naive, still, crossed]
