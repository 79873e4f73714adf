"""Levels of a code and their trends over sessions."""

from __future__ import annotations

import numpy as np

from drift.inference.statistics.maps import Maps, mean, slope
from drift.inference.statistics.similarity import within


def levels(maps: Maps) -> dict[str, float]:
    """Return mean and change from the first to the last session, by a straight line over time, of
    six measures of the code.

    Log event rate; share of recorded units with enough events; information per event (bits, less
    its bias (cells - 1) / (2 N ln 2) for N events; Panzeri & Treves 1996); correlation of the two
    halves; width of maps (the share of cells that a map fills, (sum r)^2 / (cells sum r^2)); and
    sparseness of the population (the same over units, at each place; Treves & Rolls 1991).

    Parameters
    ----------
    maps : Maps

    Returns
    -------
    dict of str to float
    """
    sessions = range(maps.elapsed.size)
    rows = {
        "log_rate": [np.log(_rate(maps, session)) for session in sessions],
        "active_units": [mean(maps.active[at] * 1.0, maps.present[at]) for at in sessions],
        "information": [mean(row, use) for row, use in zip(information(maps), maps.active)],
        "reliability": [mean(row, use) for row, use in zip(within(maps), maps.active)],
        "field_width": [mean(row, use) for row, use in zip(filled(maps.whole), maps.active)],
        "population_sparseness": [_sparseness(maps, session) for session in sessions],
    }
    time = maps.elapsed / max(maps.elapsed[-1], 1e-9)
    series = {name: np.array(values, dtype=float) for name, values in rows.items()}
    return {
        name: number
        for measure, values in series.items()
        for name, number in (
            (measure, _mean(values)),
            (f"{measure}_trend", slope(values, time)),
        )
    }


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else np.nan


def _rate(maps: Maps, session: int) -> float:
    rate = mean(maps.rates[session].mean(axis=0), maps.present[session])
    return max(rate, 1e-6)


def information(maps: Maps) -> np.ndarray:
    """Return information per event (session, unit) in bits, less its bias; all places count
    alike."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = maps.whole / maps.whole.mean(axis=-1, keepdims=True)
        bits = np.where(share > 0, share * np.log2(share), 0.0).mean(axis=-1)
        bias = (maps.whole.shape[-1] - 1) / (2 * np.log(2) * maps.events)
    return np.where(maps.active, bits - bias, np.nan)


def filled(values: np.ndarray) -> np.ndarray:
    """Return (sum r)^2 / (n sum r^2) over the last axis, NaN where all is 0."""
    square = (values**2).sum(axis=-1)
    return np.divide(
        values.sum(axis=-1) ** 2,
        values.shape[-1] * square,
        out=np.full(square.shape, np.nan),
        where=square > 0,
    )


def _sparseness(maps: Maps, session: int) -> float:
    own = maps.whole[session][maps.present[session]]
    return float(np.nanmean(filled(own.T))) if own.size and own.any() else np.nan
