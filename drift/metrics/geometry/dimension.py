"""In how many dimensions does a code drift?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Draws, Seed
from drift.metrics.geometry.draws import own_stream
from drift.metrics.geometry.tables import Table
from drift.metrics.geometry.vectors import (
    KINDS,
    Array,
    DriftVectors,
    conditions_of,
    drift_vectors,
)
from drift.metrics.intervals.resampling import jackknife_variance
from drift.metrics.stability.correlations import per_environment

BY_PAIR = ("standard_error", "shuffled", "shuffled_deviation", "defined", "conditions_compared")


@opened
@per_environment
def drift_dimension(
    dataset: xr.Dataset,
    *,
    keep: xr.DataArray | None = None,
    p_values: xr.DataArray | None = None,
    shuffles: Draws = 20,
    seed: Seed = 0,
) -> xr.Dataset:
    """Dimension of the drift between two sessions: in how many directions of the population places
    move.

    With K = mean over C conditions of d d', the dimension is (tr K)^2 / tr K^2: 1 if all move along
    one line, at most C. Noise has many dimensions, and the naive K holds it. With drift vectors
    d_a, d_b of independent halves

        (tr K)^2 = mean_cd (d_a,c . d_b,c)(d_a,d . d_b,d),
        tr K^2   = mean_cd (d_a,c . d_b,d)(d_a,d . d_b,c),

    whose terms with c = d would hold the noise of a product squared; they are (d_a,c . d_b,c)^2 -
    (|d_a,c|^2 - |d_b,c|^2)^2 / 4, without bias for Gaussian noise of equal halves.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network whose rates hold no noise.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare.
    p_values : xarray.DataArray, optional
        Of ``exchanged_trial_p_values``, by which pairs are ``defined`` where p is below .023; by
        default told by halves, which take up to 18 % of the pairs of codes at rest for drifting
        ones, where laps differ in how much all units fire and sessions are few.
    shuffles : int
        Draws in which the units are exchanged at each condition by itself, so that conditions move
        in unrelated directions by the same amounts.
    seed : int
        Of these.

    Returns
    -------
    xarray.Dataset
        ``dimension`` (subject, session, session_other, kind), kind naive, frozen (naive, of a code
        that stands still, with the noise of these sessions) and cross_validated; ``standard_error``
        (subject, session, session_other) of the last, jackknife over conditions; ``shuffled`` and
        ``shuffled_deviation`` of the last; ``defined`` 1 where there is a drift, without which
        the cross-validated dimension is NaN; ``conditions_compared``.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    References
    ----------
    Participation ratio: Gao & Ganguli 2015, Curr Opin Neurobiol 32:148. Without the bias of noise:
    derived here.
    """
    halved = conditions_of(dataset)
    table = Table(halved, {"dimension": ("kind",), **dict.fromkeys(BY_PAIR, ())}, kind=KINDS)
    for vectors in drift_vectors(halved, keep, p_values):
        generator = own_stream(halved, vectors.at, seed)
        trace, power = _crossed(vectors)
        null = [_ratio(*_crossed(_shuffled(vectors, generator))) for _ in range(shuffles)]
        dimension = _ratio(trace, power) if vectors.defined else np.nan
        naive = _naive(vectors.drift)
        frozen = np.mean([_naive(after - before) for before, after in vectors.frozen])
        spread = np.std(null, ddof=1) if len(null) > 1 else np.nan
        table.fill(
            vectors.at,
            dimension=[naive, frozen, dimension],
            standard_error=_error(trace, power) if vectors.defined else np.nan,
            shuffled=np.mean(null) if null and vectors.defined else np.nan,
            shuffled_deviation=spread if vectors.defined else np.nan,
            defined=float(vectors.defined),
            conditions_compared=vectors.conditions.size,
        )
    table.mirror()
    return table.dataset({"dimension": "dimension of drift, (tr K)^2 / tr K^2"})


def _naive(drift: Array) -> float:
    """Participation ratio of the second moment of (condition, unit) vectors."""
    gram = drift @ drift.T
    power = (gram**2).sum()
    return float(np.trace(gram) ** 2 / power) if power > 0 else np.nan


def _crossed(vectors: DriftVectors) -> tuple[Array, Array]:
    """(condition, condition) terms of (tr K)^2 and of tr K^2, mean over both pairings of halves."""
    crossed, straight = (_terms(first, second) for first, second in vectors.independent)
    return (crossed[0] + straight[0]) / 2, (crossed[1] + straight[1]) / 2


def _terms(first: Array, second: Array) -> tuple[Array, Array]:
    product = first @ second.T
    along = np.diagonal(product)
    trace: Array = np.multiply.outer(along, along).astype(float)
    power: Array = (product * product.T).astype(float)
    unequal = ((first**2).sum(axis=1) - (second**2).sum(axis=1)) / 2
    for matrix in (trace, power):
        np.fill_diagonal(matrix, along**2 - unequal**2)
    return trace, power


def _ratio(trace: Array, power: Array) -> float:
    total = power.sum()
    return float(trace.sum() / total) if total > 0 and trace.sum() > 0 else np.nan


def _error(trace: Array, power: Array) -> float:
    """Jackknife over conditions."""
    count = len(trace)
    without = [
        matrix.sum() - 2 * matrix.sum(axis=1) + np.diagonal(matrix) for matrix in (trace, power)
    ]
    if count < 3 or not (without[1] > 0).all():
        return np.nan
    return float(np.sqrt(jackknife_variance(without[0] / without[1])))


def _shuffled(vectors: DriftVectors, generator: np.random.Generator) -> DriftVectors:
    """The same with the units in another order at each condition."""
    shape = vectors.before.shape[1:]
    order = generator.permuted(np.broadcast_to(np.arange(shape[1]), shape), axis=1)
    before, after = (
        np.stack([np.take_along_axis(half, order, axis=1) for half in maps])
        for maps in (vectors.before, vectors.after)
    )
    return vectors._replace(before=before, after=after)
