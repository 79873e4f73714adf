"""All statistics of a window, and its design: what estimators are given."""

from __future__ import annotations

import numpy as np

from drift.inference.observed import Observed
from drift.inference.statistics.cells import recurrence, spread
from drift.inference.statistics.geometry import geometry
from drift.inference.statistics.increments import increments
from drift.inference.statistics.levels import levels
from drift.inference.statistics.maps import Maps, maps_of
from drift.inference.statistics.similarity import similarities

THEMES = (levels, similarities, recurrence, spread, increments, geometry)
LARGEST = 1e3


def statistics(observed: Observed) -> dict[str, float]:
    """Return the statistics of one animal or of one simulated window, then its design.

    Parameters
    ----------
    observed : Observed

    Returns
    -------
    dict of str to float
        NaN where there is too little to measure; names of the design begin with "design_".
    """
    maps = maps_of(observed)
    with np.errstate(invalid="ignore", divide="ignore"):
        numbers = {name: value for theme in THEMES for name, value in theme(maps).items()}
    bounded = {name: float(np.clip(value, -LARGEST, LARGEST)) for name, value in numbers.items()}
    return {**bounded, **design(maps)}


def design(maps: Maps) -> dict[str, float]:
    """Return what the recording was like, whatever its code: all that statistics depend on
    besides.

    Parameters
    ----------
    maps : Maps
    """
    intervals = np.diff(maps.elapsed)
    events = maps.events[maps.present]
    return {
        "design_log_cells": np.log(maps.present.any(axis=0).sum()),
        "design_log_sessions": np.log(maps.elapsed.size),
        "design_log_span": np.log(max(maps.elapsed[-1], 1e-3)),
        "design_log_interval": np.log(max(float(np.median(intervals)), 1e-3)),
        "design_log_events": float(np.log(np.median(events) + 0.5)) if events.size else np.nan,
        "design_log_places": np.log(maps.places),
        "design_ways": float(maps.ways),
        "design_missing": 1.0 - float(maps.present.mean()),
    }
