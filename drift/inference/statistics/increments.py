"""How places, rates and population vectors move from session to session, without noise.

Halves a, b of a session give a value m = (a + b) / 2 and its noise d = (a - b) / 2 (see
``drift.metrics.field_diffusion``).
"""

from __future__ import annotations

import numpy as np

from drift.inference.statistics.maps import Maps, mean, ratio, slope
from drift.inference.statistics.similarity import lag_groups

FAR = 0.2  # of the track: a jump


def increments(maps: Maps) -> dict[str, float]:
    """Return variance, kurtosis, exponent and directed share of the increments of places and of
    rates, jumps of places, and the directed share of population vectors.

    Parameters
    ----------
    maps : Maps
    """
    places, active = _centroids(maps), np.repeat(maps.active, maps.ways, axis=1)
    rates = np.log(maps.rates + 0.5 / _seconds(maps))
    return {
        **{f"place_{name}": value for name, value in _moves(places, active, maps).items()},
        "place_jumps": _jumps(places, active, maps),
        **{f"rate_{name}": value for name, value in _moves(rates, maps.present, maps).items()},
        **directions(maps),
    }


def _seconds(maps: Maps) -> float:
    """Time of half a session, from events and rates."""
    total = maps.rates.sum()
    return float(2 * maps.events.sum() / total / maps.rates.shape[1]) if total > 0 else 1.0


def _centroids(maps: Maps) -> np.ndarray:
    """(session, half, unit x way) places of maps, as parts of the track."""
    shape = (*maps.halves.shape[:-1], maps.places, maps.ways)
    grid = maps.halves.reshape(shape)
    total = grid.sum(axis=-2)
    where = (np.arange(maps.places) + 0.5) / maps.places
    centres = np.einsum("shupw,p->shuw", grid, where)
    centres = np.divide(centres, total, out=np.full(total.shape, np.nan), where=total > 0)
    return centres.reshape(*centres.shape[:2], -1)


def _moves(values: np.ndarray, use: np.ndarray, maps: Maps) -> dict[str, float]:
    """Of values (session, half, series), where ``use`` (session, series)."""
    middle, noise = values.mean(axis=1), (values[:, 0] - values[:, 1]) / 2
    use = use & np.isfinite(middle)
    groups = lag_groups(maps)
    first, later = maps.pairs
    moved, kurtosis = zip(*[_moments(middle, noise, use, first[g], later[g]) for g in groups])
    lags = np.array([(maps.elapsed[later] - maps.elapsed[first])[g].mean() if g.size else np.nan
                     for g in groups])  # fmt: skip
    square = np.array(moved)
    positive = np.where(square > 0, square, np.nan)
    return {
        "variance_short": moved[0],
        "variance_long": moved[-1],
        "exponent": slope(np.log(positive), np.log(np.maximum(lags, 1e-3))),
        "kurtosis_short": kurtosis[0],
        "kurtosis_long": kurtosis[-1],
        "directed": _directed(values, use, moved[0]),
    }


def _moments(
    middle: np.ndarray, noise: np.ndarray, use: np.ndarray, first: np.ndarray, later: np.ndarray
) -> tuple[float, float]:
    """Mean square and excess kurtosis of increments, noise taken out."""
    both = use[first] & use[later]
    if both.sum() < 10:
        return np.nan, np.nan
    step = (middle[later] - middle[first])[both]
    before, after = (noise[first] ** 2)[both], (noise[later] ** 2)[both]
    of_noise = (before + after).mean()
    square = (step**2).mean() - of_noise
    fourth = (step**4).mean() - 6 * square * of_noise
    fourth -= (before**2 + 6 * before * after + after**2).mean()
    certain = square > 0.2 * of_noise
    excess = float(np.clip(fourth / square**2 - 3, -6, 50)) if certain else np.nan
    return float(square), excess


def _directed(values: np.ndarray, use: np.ndarray, square: float) -> float:
    """Product of an increment with the next one, from different halves, over the mean square."""
    first, second = values[1:-1, 0] - values[:-2, 0], values[2:, 1] - values[1:-1, 1]
    both = use[:-2] & use[1:-1] & use[2:]
    product = mean(np.nan_to_num(first * second), both & np.isfinite(first * second))
    return float(np.clip(ratio(product, square), -5, 5)) if square > 0 else np.nan


def _jumps(places: np.ndarray, active: np.ndarray, maps: Maps) -> float:
    """Share of fields that are far from where they were, less that of halves of one session."""
    first, later = (sessions[lag_groups(maps)[-1]] for sessions in maps.pairs)
    apart = np.abs(places[later, 0] - places[first, 1])
    alike = np.abs(places[:, 0] - places[:, 1])
    moved = mean((apart > FAR) * 1.0, active[first] & active[later] & np.isfinite(apart))
    return moved - mean((alike > FAR) * 1.0, active & np.isfinite(alike))


def directions(maps: Maps) -> dict[str, float]:
    """Return how much the population goes on in the direction in which it went: the product of two
    displacements that follow each other, from different halves, over their mean square; between
    sessions, and between thirds of the recording.

    Parameters
    ----------
    maps : Maps
    """
    last = maps.elapsed.size - 1
    triples = [(at, at + 1, at + 2) for at in range(last - 1)]
    return {
        "directed_steps": _goes_on(maps, triples),
        "directed_course": _goes_on(maps, [(0, (last + 1) // 2, last)]),
    }


def _goes_on(maps: Maps, triples: list[tuple[int, int, int]]) -> float:
    products, squares = 0.0, 0.0
    vectors = np.sqrt(maps.halves)
    for start, middle, end in triples:
        units = maps.present[[start, middle, end]].all(axis=0)
        first = (vectors[middle] - vectors[start])[:, units]
        second = (vectors[end] - vectors[middle])[:, units]
        products += float((first[0] * second[1] + first[1] * second[0]).sum()) / 2
        squares += float((first[0] * first[1]).sum() + (second[0] * second[1]).sum()) / 2
    return float(np.clip(ratio(products, squares), -5, 5))
