"""Similarity at lag 0: of the two halves of each session, which noise alone keeps below 1."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.theory.code_drift.similarity import STATISTICS, measured_similarity


def within_sessions(run: xr.Dataset, subject: int) -> np.ndarray:
    """Return the similarities (statistic,) of the halves of a session, mean over the sessions of one
    subject, in the order of ``STATISTICS``.

    Parameters
    ----------
    run : xarray.Dataset
        With ``rate_half`` (subject, session, half, unit, place[, direction]).
    subject : int
        Position along the dim.
    """
    rate = run["rate_half"].isel(subject=subject)
    directed = rate if "direction" in rate.dims else rate.expand_dims("direction")
    maps = directed.transpose("session", "half", "direction", "place", "unit").values
    flat = maps.reshape(*maps.shape[:2], -1, maps.shape[-1])  # (session, half, place, unit)
    rows = [_of_halves(*halves) for halves in flat]
    defined = np.isfinite(rows)
    total = np.where(defined, rows, 0.0).sum(axis=0)
    missing = np.full(len(STATISTICS), np.nan)
    return np.divide(total, defined.sum(axis=0), out=missing, where=defined.any(axis=0))


def _of_halves(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    both = np.isfinite(first) & np.isfinite(second)  # (place, unit)
    shared = np.ix_(both.any(axis=1), both.any(axis=0))
    return measured_similarity(np.nan_to_num(first[shared]), np.nan_to_num(second[shared]))
