"""Statistics of a population, or of a bootstrap sample of it.

Where a recording has halves of sessions, similarity is that of halves: of the two of one session at
lag 0, which noise alone keeps below 1, and of one half of either session at other lags. So the
same amount of data stands behind every lag, and what is lost between sessions stands out from what
noise takes.
"""

from __future__ import annotations

import numpy as np

from circuits.fitting.statistics.chosen import QUANTILES, RATE_SIMILARITY, Statistics
from circuits.fitting.statistics.code_loops import class_means
from circuits.fitting.statistics.unit_codes import OF_UNITS, Codes
from drift.metrics.stability.pairs import FLAT_VARIANCE


def statistics(
    codes: Codes,
    wanted: Statistics,
    units: np.ndarray | None = None,
    sessions: np.ndarray | None = None,
) -> np.ndarray:
    """Return the statistics of a population, or of a bootstrap sample of it.

    Parameters
    ----------
    codes : Codes
        Of the population.
    wanted : Statistics
        Which ones.
    units, sessions : numpy.ndarray, optional
        Positions drawn with replacement; a session never forms a pair with itself drawn again.

    Returns
    -------
    numpy.ndarray
        (statistic,) NaN where there is nothing to average.
    """
    sample = codes if units is None and sessions is None else _resampled(codes, units, sessions)
    values: list[float] = []
    if "active_fraction" in wanted.groups:
        values += [_mean(sample.active), _mean(sample.responses)]
    if "spatial_information" in wanted.groups:
        values += _quantiles(sample.information)
    if "place_fields" in wanted.groups:
        values += [_mean(sample.fields), _mean(sample.width)]
    if "event_rate" in wanted.groups:
        values += [_mean(sample.event_rate), *_quantiles(sample.event_rate)]
    pair_class, classes = _drawn_classes(wanted, sessions), len(wanted.lags)
    if "map_similarity" in wanted.groups:
        values += class_means(sample.map_similarity, pair_class, classes).tolist()
    if "population_similarity" in wanted.groups:
        similar = population_similarity(sample)[np.newaxis]
        values += class_means(similar, pair_class, classes).tolist()
    if RATE_SIMILARITY in wanted.groups:
        similar = rate_similarity(sample)[np.newaxis]
        values += class_means(similar, pair_class, classes).tolist()
    return np.array(values)[wanted.position]


def _drawn_classes(wanted: Statistics, sessions: np.ndarray | None) -> np.ndarray:
    """Class of lags of each pair (session, session) of a sample, -1 for none; a session never forms
    a pair with itself drawn again."""
    if sessions is None:
        return wanted.lag_class
    apart = (sessions[:, np.newaxis] != sessions) | np.eye(sessions.size, dtype=bool)
    return np.where(apart, wanted.lag_class[np.ix_(sessions, sessions)], -1)


def _resampled(codes: Codes, units: np.ndarray | None, sessions: np.ndarray | None) -> Codes:
    """Codes of some units and sessions, in the order and as often as they are named."""
    if sessions is not None:
        repeats = codes.vectors.shape[1] // codes.active.shape[0]
        rows = (repeats * sessions[:, np.newaxis] + np.arange(repeats)).ravel()
        codes = codes._replace(
            **{name: getattr(codes, name)[sessions] for name in OF_UNITS},
            map_similarity=codes.map_similarity[:, sessions[:, np.newaxis], sessions],
            vectors=codes.vectors[:, rows],
            rate_rank=codes.rate_rank[rows],
        )
    if units is None:
        return codes
    return codes._replace(
        **{name: getattr(codes, name)[:, units] for name in OF_UNITS},
        map_similarity=codes.map_similarity[units],
        vectors=codes.vectors[..., units],
        rate_rank=codes.rate_rank[:, units],
    )


def population_similarity(codes: Codes) -> np.ndarray:
    """Return the Pearson correlation of population vectors over the units observed in both
    sessions, mean over cells, (session, session).

    Parameters
    ----------
    codes : Codes
        Of the population.
    """
    sessions = codes.active.shape[0]
    observed = np.repeat(codes.seen, codes.vectors.shape[1] // sessions, axis=0)
    similar = _shared_pearson(codes.vectors, observed)
    defined = np.isfinite(similar)  # (cell, session and half, session and half)
    mean = np.divide(
        np.where(defined, similar, 0.0).sum(axis=0),
        defined.sum(axis=0),
        out=np.full(similar.shape[1:], np.nan),
        where=defined.any(axis=0),
    )
    return _of_sessions(mean, sessions)


def rate_similarity(codes: Codes) -> np.ndarray:
    """Return the correlation over the units observed in both sessions of the ranks of their mean
    rates, (session, session).

    The ensemble rate correlation (Sheintuch et al. 2023) of ranks: event rates are so unlike that a
    few units are most of a correlation of the rates themselves, which scatters by twice as much.

    Parameters
    ----------
    codes : Codes
        Of the population.
    """
    sessions = codes.active.shape[0]
    observed = np.repeat(codes.seen, len(codes.rate_rank) // sessions, axis=0)
    return _of_sessions(_shared_pearson(codes.rate_rank[np.newaxis], observed)[0], sessions)


def _shared_pearson(vectors: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Correlation (cell, session, session) of vectors (cell, session, unit) over the units that are
    observed (session, unit) in both; what ``pairwise_pearson`` returns, where units are observed
    in all cells of a session or in none."""
    # (cell, session, session other) sum and square of the first over units of both
    if observed.all():
        present, count = vectors, np.maximum(float(vectors.shape[2]), 1.0)
        total, power = (
            np.broadcast_to(sums[..., np.newaxis], (*sums.shape, sums.shape[1]))
            for sums in (vectors.sum(axis=-1), np.einsum("csu,csu->cs", vectors, vectors))
        )
    else:
        mask = observed.astype(float)
        present, count = vectors * mask, np.maximum(mask @ mask.T, 1.0)
        flat = present.reshape(-1, mask.shape[1])
        total = (flat @ mask.T).reshape(*vectors.shape[:2], -1)
        power = (np.square(flat) @ mask.T).reshape(total.shape)
    variance = power - total**2 / count
    varies = (variance > FLAT_VARIANCE * power) & (count > 1)
    defined = varies & varies.transpose(0, 2, 1)
    covariance = present @ present.transpose(0, 2, 1) - total * total.transpose(0, 2, 1) / count
    scale = np.sqrt(np.where(defined, variance * variance.transpose(0, 2, 1), 1.0))
    return np.clip(np.where(defined, covariance / scale, np.nan), -1.0, 1.0)


def _mean(values: np.ndarray) -> float:
    finite = np.isfinite(values)
    return float(values[finite].mean()) if finite.any() else np.nan


def _quantiles(values: np.ndarray) -> list[float]:
    """What ``numpy.quantile`` returns for ``QUANTILES``, of finite numbers and without its
    questions, which take longer than a few thousand numbers."""
    ordered = np.sort(values[np.isfinite(values)])
    if not ordered.size:
        return [np.nan] * len(QUANTILES)
    place = np.multiply(QUANTILES, ordered.size - 1)
    below = np.floor(place).astype(int)
    low, high = ordered[below], ordered[np.minimum(below + 1, ordered.size - 1)]
    share, step = place - below, high - low
    between = np.where(share < 0.5, low + step * share, high - step * (1 - share))
    return np.asarray(between).tolist()


def _of_sessions(similar: np.ndarray, sessions: int) -> np.ndarray:
    """Similarity of sessions (..., session, session) from that of their halves, if it is one: the
    mean over one half of either, and on the diagonal that of the two halves."""
    if similar.shape[-1] == sessions:
        return similar
    halves = similar.reshape(*similar.shape[:-2], sessions, 2, sessions, 2)
    defined = np.isfinite(halves)
    mean = np.divide(
        np.where(defined, halves, 0.0).sum(axis=(-3, -1)),
        defined.sum(axis=(-3, -1)),
        out=np.full((*similar.shape[:-2], sessions, sessions), np.nan),
        where=defined.any(axis=(-3, -1)),
    )
    own = np.arange(sessions)
    mean[..., own, own] = halves[..., own, 0, own, 1]
    return mean
