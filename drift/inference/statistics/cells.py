"""Which cells come, go and come back, and how differently they fare."""

from __future__ import annotations

import numpy as np

from drift.inference.statistics.levels import information
from drift.inference.statistics.maps import Maps, correlation, mean, ratio
from drift.inference.statistics.similarity import (
    between,
    compared,
    lag_groups,
    standardised,
    within,
)


def recurrence(maps: Maps) -> dict[str, float]:
    """Return, at the shortest and the longest lags, how many active units are active again, how
    many silent ones have become active, and Cohen's kappa of both.

    Parameters
    ----------
    maps : Maps
    """
    groups = lag_groups(maps)
    return {
        f"{name}_{lag}": number
        for lag, group in (("short", groups[0]), ("long", groups[-1]))
        for name, number in _turnover(maps, group).items()
    }


def _turnover(maps: Maps, group: np.ndarray) -> dict[str, float]:
    first, later = (sessions[group] for sessions in maps.pairs)
    both = maps.present[first] & maps.present[later]
    before, after = maps.active[first][both], maps.active[later][both]
    agree = ratio(float((before == after).sum()), both.sum())
    share = np.array([before.mean(), after.mean()]) if both.any() else np.full(2, np.nan)
    chance = share.prod() + (1 - share).prod()
    return {
        "recurrence": mean(after * 1.0, before),
        "gains": mean(after * 1.0, ~before),
        "kappa": ratio(agree - chance, 1 - chance),
    }


def spread(maps: Maps) -> dict[str, float]:
    """Return how stability differs over cells.

    Variance of the similarity of a cell over the square of its mean at the shortest and the longest
    lags, without noise: the covariance over cells of the correlations of halves a with a and b with
    b. Whether cells keep their stability from one pair of sessions to the next, and whether it goes
    with rate and with information. Share of cells that keep less than a fifth of their reliability.

    Parameters
    ----------
    maps : Maps
    """
    groups = lag_groups(maps)
    first, later = np.arange(maps.elapsed.size - 1), np.arange(1, maps.elapsed.size)
    steps = np.where(compared(maps)[first, later], between(maps)[first, later], np.nan)
    stability = _mean_over(steps)
    return {
        "spread_short": _variation(maps, groups[0]),
        "spread_long": _variation(maps, groups[-1]),
        "stability_kept": correlation(_mean_over(steps[::2]), _mean_over(steps[1::2])),
        "stability_with_rate": correlation(stability, np.log(maps.events.mean(axis=0) + 0.5)),
        "stability_with_information": correlation(stability, _mean_over(information(maps))),
        "lost_cells": _lost(maps, groups[-1]),
    }


def _mean_over(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is finite, NaN of nothing."""
    finite = np.isfinite(values)
    total, count = np.where(finite, values, 0.0).sum(axis=0), finite.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _variation(maps: Maps, group: np.ndarray) -> float:
    unit_maps = standardised(maps.halves)
    first, later = (sessions[group] for sessions in maps.pairs)
    use = maps.active[first] & maps.active[later]
    left, right = (
        np.einsum("puc,puc->pu", unit_maps[first, half], unit_maps[later, half])[use]
        for half in (0, 1)
    )
    if use.sum() < 5 or left.mean() * right.mean() <= 1e-3:
        return np.nan
    covariance = ((left - left.mean()) * (right - right.mean())).mean()
    return float(np.clip(covariance / (left.mean() * right.mean()), -5, 20))


def _lost(maps: Maps, group: np.ndarray) -> float:
    first, later = (sessions[group] for sessions in maps.pairs)
    same = within(maps)
    ceiling = (same[first] + same[later]) / 2
    use = maps.active[first] & maps.active[later] & (ceiling > 0.1)
    return mean((between(maps)[first, later] < 0.2 * ceiling) * 1.0, use)
