"""The statistics in which a circuit and a recording are compared: sparsity, tuning, event rates and
similarity over time.

Where a recording has halves of sessions, similarity is that of halves: of the two of one session at
lag 0, which noise alone keeps below 1, and of one half of either session at other lags. So the
same amount of data stands behind every lag, and what is lost between sessions stands out from what
noise takes.

All are computed of measured rate maps (session, unit, cell), with NaN where nothing was observed,
in the same way for data and for circuits seen through the lens of the data. Units that are silent
in every session are left out of both, since few recordings list them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from circuits.fitting.code_loops import (
    class_means,
    gaussian_weights,
    map_similarity,
    unit_numbers,
    vectors,
    weighted,
)
from drift.metrics.intervals.resampling import drawn_positions
from drift.metrics.stability.pairs import FLAT_VARIANCE
from drift.observation.expected_maps import Lens
from drift.schema.labelled_form import RefusedInputError

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
LAG_CLASSES = 5
FIELD_LEVEL = 0.5  # of the peak of the smoothed map, which bounds a field
SMOOTHING = 1.0  # cells, before fields are counted
FEWEST_SESSIONS = 5  # for sessions to be drawn anew
FEWEST_EVENTS = 5  # of a unit in a session, for its information and its fields to count

GROUPS = (
    "active_fraction",
    "spatial_information",
    "place_fields",
    "event_rate",
    "map_similarity",
    "population_similarity",
)
# tells apart what makes a unit active from what makes its tuning (Geva et al. 2023)
RATE_SIMILARITY = "rate_similarity"
OF_LAG = ("map_similarity", "population_similarity", RATE_SIMILARITY)
OFFERED = (*GROUPS, RATE_SIMILARITY)


class Codes(NamedTuple):
    """What a bootstrap draws from: numbers of each unit, and vectors whose products are
    similarities.

    Attributes
    ----------
    active : numpy.ndarray
        (session, unit) whether there was any event; NaN where not observed.
    responses, information, fields, width, event_rate : numpy.ndarray
        (session, unit) fraction of visited cells with events, bits/event, number, fraction of
        visited cells in fields, log events/s.
    map_similarity : numpy.ndarray
        (unit, session, session) correlation of rate maps; of halves where there are, then the
        diagonal is that of both halves of a session.
    vectors : numpy.ndarray
        (cell, session, unit) rates, for population vectors; 0 where not observed. Both halves of
        each session one after the other where there are.
    seen : numpy.ndarray
        (session, unit) whether the unit was observed.
    rate_rank : numpy.ndarray
        (session, unit) rank of the mean rate among the units observed in the session, 0 where not
        observed. Both halves of each session one after the other where there are.
    """

    active: np.ndarray
    responses: np.ndarray
    information: np.ndarray
    fields: np.ndarray
    width: np.ndarray
    event_rate: np.ndarray
    map_similarity: np.ndarray
    vectors: np.ndarray
    seen: np.ndarray
    rate_rank: np.ndarray


OF_UNITS = (*Codes._fields[:6], "seen")  # (session, unit)


class Statistics(NamedTuple):
    """Which statistics are compared.

    ``names`` and ``groups`` of each, its ``position`` among all statistics of the groups that
    occur, ``lags (class,)`` and the class of each pair of sessions ``lag_class (session,
    session)``.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    position: np.ndarray
    lags: np.ndarray
    lag_class: np.ndarray


def chosen_statistics(lens: Lens, choice: Sequence[str] = GROUPS) -> Statistics:
    """Return the statistics that a recording offers.

    Parameters
    ----------
    lens : Lens
        Of the recording.
    choice : sequence of str
        Of ``OFFERED``, or single statistics such as "active_fraction, of units"; similarity over
        time needs tracked units and is left out where there are none.

    Raises
    ------
    RefusedInputError
        If a choice is unknown or nothing is left.
    """
    lags, lag_class = _lag_classes(lens.elapsed, lens.comparable)
    if lens.halves is not None:
        lags, lag_class = _with_lag_zero(lags, lag_class)
    of_lag = [f"lag {lag:g}" for lag in lags] if lens.tracked else []
    entries = {
        "active_fraction": ("of units", "of responses"),
        "spatial_information": tuple(f"quantile {level:g}" for level in QUANTILES),
        "place_fields": ("number", "fraction of track"),
        "event_rate": ("mean", *(f"quantile {level:g}" for level in QUANTILES)),
        **{group: tuple(of_lag) for group in OF_LAG},
    }
    if isinstance(choice, str) or not all(isinstance(label, str) for label in choice) or not choice:
        raise RefusedInputError(
            f"statistics must be a list of names, got {choice!r}: choose of {', '.join(OFFERED)}."
        )
    offered = {f"{group}, {entry}": group for group in OFFERED for entry in entries[group]}
    unknown = [label for label in choice if label not in OFFERED and label not in offered]
    if unknown:
        raise RefusedInputError(
            f"statistics {', '.join(unknown)} are unknown: choose of {', '.join(OFFERED)}, or "
            f"of {'; '.join(offered)}."
        )
    groups = {group for name, group in offered.items() if group in choice or name in choice}
    computed = [name for name, group in offered.items() if group in groups]
    names = [name for name in computed if name in choice or offered[name] in choice]
    if not names:
        raise RefusedInputError(
            "no statistic is left: the units of this recording are not tracked, so choose "
            "others than similarities."
        )
    positions = np.array([computed.index(name) for name in names])
    return Statistics(
        tuple(names), tuple(offered[name] for name in names), positions, lags, lag_class
    )


def _lag_classes(
    elapsed: np.ndarray, comparable: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean lag of each class and the class of each pair of sessions; classes hold about equally
    many lags.

    The class is -1 on the diagonal and for pairs in different environments, which are not compared.
    """
    lag = np.round(np.abs(elapsed[:, np.newaxis] - elapsed), 9)
    paired = ~np.eye(elapsed.size, dtype=bool) & (True if comparable is None else comparable)
    distinct = np.unique(lag[paired])
    edges = (
        np.quantile(distinct, np.linspace(0, 1, min(LAG_CLASSES, distinct.size) + 1)[1:-1])
        if distinct.size > 1
        else []
    )
    number = np.where(paired, np.searchsorted(edges, lag, side="left"), -1)
    # classes without a pair do not count
    number = np.unique(number, return_inverse=True)[1].reshape(lag.shape) - 1
    return np.array(
        [
            np.abs(elapsed[:, np.newaxis] - elapsed)[number == class_index].mean()
            for class_index in range(number.max() + 1)
        ]
    ), number


def _with_lag_zero(lags: np.ndarray, lag_class: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put a class in front that holds each session beside itself: its two halves."""
    later = np.where(lag_class >= 0, lag_class + 1, -1)
    return np.append(0.0, lags), np.where(np.eye(len(later), dtype=bool), 0, later)


def codes(maps: np.ndarray, lens: Lens, halves: np.ndarray | None = None) -> Codes:
    """Return what the statistics are made of.

    Parameters
    ----------
    maps : numpy.ndarray
        (session, unit, cell) measured rates in events/s, NaN where not observed.
    lens : Lens
        Of the recording.
    halves : numpy.ndarray, optional
        (session, half, unit, cell) likewise, where the lens has halves.
    """
    by_cell, observed = weighted(maps, lens.occupancy)
    events = np.where(observed, by_cell.sum(axis=-1), np.nan)  # (session, unit)
    units = np.flatnonzero(np.nansum(events, axis=0) > 0)  # with an event in any session
    observed, events = observed[:, units], events[:, units]
    enough = np.nan_to_num(events) >= FEWEST_EVENTS
    rate = vectors(maps, lens.occupancy, units)
    probability = lens.occupancy / lens.occupancy.sum(axis=-1, keepdims=True)
    is_ring, visits = lens.around is not None, (lens.occupancy > 0).sum(axis=-1, keepdims=True)
    responding, mean, information, fields, width = unit_numbers(
        rate, probability, enough, gaussian_weights(SMOOTHING), _way_starts(lens), is_ring,
        FIELD_LEVEL,
    )  # fmt: skip
    compared, time = rate, lens.occupancy
    if lens.halves is not None and halves is not None:
        time = lens.halves.occupancy.reshape(-1, lens.occupancy.shape[-1])
        compared = vectors(halves.reshape(-1, *halves.shape[2:]), time, units)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Codes(
            np.where(observed, events > 0, np.nan),
            np.where(observed, responding / visits, np.nan),
            information,
            fields,
            width,
            np.where(events > 0, np.log(mean), np.nan),
            map_similarity(compared, time, enough),
            compared,
            observed,
            _rate_rank(compared, time, np.repeat(observed, len(time) // len(observed), axis=0)),
        )


def _way_starts(lens: Lens) -> np.ndarray:
    """Where the cells of each running direction begin, and where the last ones end, (way + 1,)."""
    turns = np.flatnonzero(np.diff(lens.way)) + 1
    return np.concatenate([[0], turns, [lens.way.size]])


def _rate_rank(rate: np.ndarray, time: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Rank of the events in a session (session, unit), 0 where not observed; of rates (cell,
    session, unit), the time in each cell (session, cell) and who was observed (session, unit)."""
    events = np.where(observed, np.einsum("csu,sc->su", rate, time), np.inf)
    return np.where(observed, rankdata(events, axis=1), 0.0)


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


def bootstrap_covariance(
    codes: Codes, wanted: Statistics, rng: np.random.Generator, repetitions: int
) -> np.ndarray:
    """Return the covariance of the statistics over bootstrap samples of units plus that over
    samples of sessions.

    Drawing both at once would count three times what is particular to a unit in a session (Owen
    2007, Annals of Applied Statistics 1:386). Sessions are drawn anew where there are at least
    five: fewer leave most lags without a pair, and each is left out in turn (the jackknife).

    Parameters
    ----------
    codes : Codes
        Of the recorded population.
    wanted : Statistics
        Which statistics.
    rng : numpy.random.Generator
        Source of chance.
    repetitions : int
        Samples of each kind.

    Returns
    -------
    numpy.ndarray
        (statistic, statistic).

    Raises
    ------
    RefusedInputError
        If fewer than two units have events.
    """
    sessions, units = codes.active.shape
    if units < 2:
        raise RefusedInputError(
            f"at least 2 units with events are needed for intervals, got {units}: take a "
            "longer recording."
        )
    covariance = _covariance(
        [statistics(codes, wanted, units=_drawn(rng, units)) for _repetition in range(repetitions)]
    )
    if sessions < FEWEST_SESSIONS:
        return covariance + _jackknife(codes, wanted)
    return covariance + _covariance(
        [
            statistics(codes, wanted, sessions=_drawn(rng, sessions))
            for _repetition in range(repetitions)
        ]
    )


def _jackknife(codes: Codes, wanted: Statistics) -> np.ndarray:
    """Covariance over sessions, each left out in turn; (n - 1) / n sum of squares.

    A lag with few pairs, which hardly vary when one is left out, varies as much as the lag of its
    kind that varies most, for each of its pairs.
    """
    sessions = codes.active.shape[0]
    rows = [
        statistics(codes, wanted, sessions=np.delete(np.arange(sessions), left_out))
        for left_out in range(sessions)
    ]
    covariance = _covariance(rows) * (sessions - 1) ** 2 / sessions
    variance, pairs = np.diagonal(covariance), _pairs_of(wanted)
    for group in OF_LAG:
        own = (np.array(wanted.groups) == group) & (pairs > 0)
        if own.any():
            least = (variance[own] * pairs[own]).max() / pairs[own]
            covariance[own, own] = np.maximum(variance[own], least)
    return covariance


def _pairs_of(wanted: Statistics) -> np.ndarray:
    """Pairs of sessions behind each statistic, 0 for those that are not of similarity,
    (statistic,)."""
    pairs = [(wanted.lag_class == number).sum() for number in range(len(wanted.lags))]
    lags = {f"lag {lag:g}": count for lag, count in zip(wanted.lags, pairs, strict=True)}
    return np.array([lags.get(name.rpartition(", ")[2], 0) for name in wanted.names])


def _drawn(rng: np.random.Generator, size: int) -> np.ndarray:
    return drawn_positions(size, 1, rng)[0]


def _covariance(draws: list[np.ndarray]) -> np.ndarray:
    return np.atleast_2d(
        np.ma.filled(np.ma.cov(np.ma.masked_invalid(np.array(draws)), rowvar=False), 0.0)
    )
