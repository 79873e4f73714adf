"""From how many cells and sessions a mechanism can be told: expected posteriors of runs that no
estimator has seen."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.inference.estimators import Estimators, class_numbers, rows_of

CELLS = (15, 25, 40, 70, 121)
SESSIONS = (3, 5, 8, 13)
DAYS = (3.0, 9.5, 30.1)
LEAST_WINDOWS = 10
NAMED = 0.9  # posterior from which on a mechanism is named


def identifiability(bank: xr.Dataset, estimators: Estimators) -> xr.Dataset:
    """Return the expected posterior of the true mechanism, by cells, sessions and days.

    Parameters
    ----------
    bank : xarray.Dataset
        Of ``make_bank``; its windows for calibration and tests are used.
    estimators : Estimators
        Trained on the others.

    Returns
    -------
    xarray.Dataset
        ``expected_posterior`` and ``windows`` (mechanism, cells, sessions, days), and
        ``expected_at_any_time`` and ``windows_at_any_time`` without days; coordinates are the lower
        ends of the classes. NaN where fewer than ten windows lie.
    """
    rows = rows_of(bank, "calibrate") | rows_of(bank, "test")
    values = bank["value"].values.astype(float)[rows]
    classes = class_numbers(bank, estimators.mechanisms)[rows]
    truth = estimators.probabilities(values)[np.arange(len(classes)), classes]
    columns = [
        np.exp(values[:, list(bank["statistic"].values).index(name)])
        for name in ("design_log_cells", "design_log_sessions", "design_log_span")
    ]
    at = [np.clip(np.digitize(column + 1e-6, edges) - 1, 0, len(edges) - 2)
          for column, edges in zip(columns, (CELLS, SESSIONS, DAYS))]  # fmt: skip
    shape = (len(estimators.mechanisms), len(CELLS) - 1, len(SESSIONS) - 1, len(DAYS) - 1)
    total, windows = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (classes, *at), truth)
    np.add.at(windows, (classes, *at), 1.0)
    dims = ("mechanism", "cells", "sessions", "days")
    return xr.Dataset(
        {
            "expected_posterior": (dims, _mean(total, windows)),
            "windows": (dims, windows),
            "expected_at_any_time": (dims[:3], _mean(total.sum(axis=3), windows.sum(axis=3))),
            "windows_at_any_time": (dims[:3], windows.sum(axis=3)),
        },
        coords={
            "mechanism": list(estimators.mechanisms), "cells": list(CELLS[:-1]),
            "sessions": list(SESSIONS[:-1]), "days": list(DAYS[:-1]),
        },
    )  # fmt: skip


def _mean(total: np.ndarray, windows: np.ndarray) -> np.ndarray:
    enough = windows >= LEAST_WINDOWS
    return np.divide(total, windows, out=np.full(total.shape, np.nan), where=enough)


def enough_to_tell(told: xr.Dataset, mechanism: str) -> str:
    """Return in words which design tells a mechanism: the fewest cells and sessions from which on
    its expected posterior, over all such designs, passes .9, or that none of the bank does, and
    what it is in the best of them.

    Parameters
    ----------
    told : xarray.Dataset
        Of ``identifiability``.
    mechanism : str
    """
    own = told[["expected_at_any_time", "windows_at_any_time"]].sel(mechanism=mechanism)
    values = _from_here_on(own)
    if not np.isfinite(values).any():
        return f"{mechanism}: too few simulated windows to say which design would tell it"
    cells, sessions = np.meshgrid(own["cells"], own["sessions"], indexing="ij")
    passes = np.where(values >= NAMED, cells * sessions, np.inf)
    least, best = passes.argmin(), np.nanargmax(values)
    if np.isfinite(passes.ravel()[least]):
        return (
            f"{mechanism}: from {cells.ravel()[least]} cells over {sessions.ravel()[least]} "
            f"sessions on its expected posterior passes {NAMED:g}"
        )
    return (
        f"{mechanism}: no design of the bank is expected to pass {NAMED:g}; from "
        f"{cells.ravel()[best]} cells over {sessions.ravel()[best]} sessions on it reaches "
        f"{values.ravel()[best]:.2f}, which is the most"
    )


def _from_here_on(own: xr.Dataset) -> np.ndarray:
    """Expected posterior (cells, sessions) over all windows with at least so many of both."""
    dims = ("cells", "sessions")
    expected = own["expected_at_any_time"].transpose(*dims).values
    windows = own["windows_at_any_time"].transpose(*dims).values * np.isfinite(expected)
    total = np.nan_to_num(expected) * windows
    above, count = (
        values[::-1, ::-1].cumsum(0).cumsum(1)[::-1, ::-1] for values in (total, windows)
    )
    return np.divide(above, count, out=np.full(expected.shape, np.nan), where=count > 0)
