"""How many learning steps make a day: the scale at which rate maps of a run and of a recording decorrelate alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar

from drift.errors import RefusedInputError
from drift.lens import untrained_sessions
from drift.metrics import by_lag, mean_rate_map_correlation, rate_map_correlation
from drift.streams import stream

GRID = 200  # scales that are tried before the best is refined
INTERVAL = (2.5, 97.5)  # percent


class TimeScale(NamedTuple):
    """Steps per recorded unit of elapsed time, its bootstrap interval, the attenuation, and why they are NaN if they are."""

    scale: float
    low: float
    high: float
    attenuation: float
    reason: str


class _Lags(NamedTuple):
    """Correlation by lag of each subject, or of each unit of a single subject."""

    lag: np.ndarray  # (lag)
    values: np.ndarray  # (row, lag)
    pairs: np.ndarray  # (row, lag)


def _by_lag(dataset: xr.Dataset) -> _Lags:
    correlation = mean_rate_map_correlation(dataset)
    if dataset.sizes["subject"] == 1:
        flags = (dataset["place_unit"] == 1).drop_vars("session", errors="ignore")
        both = flags & flags.rename(session="session_other")
        units = rate_map_correlation(dataset).drop_vars(["session", "session_other"], errors="ignore")
        correlation = units.where(both).transpose("subject", "session", "session_other", "unit")
    lags = by_lag(correlation.drop_vars(["session", "session_other"], errors="ignore"), dataset["elapsed"])
    later = lags["lag"].values > 0
    rows = [lags[name].transpose(..., "lag").values.reshape(-1, later.size)[:, later] for name in ("correlation", "pairs")]
    if dataset.sizes["subject"] == 1:
        rows = [np.moveaxis(lags[name].values, 1, -1).reshape(-1, later.size)[:, later] for name in ("correlation", "pairs")]
    return _Lags(lags["lag"].values[later], *rows)


def _mean(lags: _Lags, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lags that were seen, mean correlation, and its weight."""
    values, pairs = lags.values[rows], lags.pairs[rows] * np.isfinite(lags.values[rows])
    weight = pairs.sum(axis=0)
    seen = weight > 0
    total = np.where(pairs > 0, values * pairs, 0.0).sum(axis=0)
    return lags.lag[seen], total[seen] / weight[seen], weight[seen]


def _error(log_scale: float, run: tuple, recorded: tuple) -> tuple[float, float]:
    """Weighted squared distance of the recorded curve from the attenuated curve of the run, and the attenuation."""
    lag, values, weight = recorded
    model = np.interp(np.exp(log_scale) * lag, run[0], run[1])
    power = (weight * model**2).sum()
    attenuation = (weight * model * values).sum() / power if power > 0 else 0.0
    return float((weight * (values - attenuation * model) ** 2).sum()), float(attenuation)


def _fit(run: tuple, recorded: tuple) -> tuple[float, float]:
    """Scale and attenuation of least distance; NaN where the lags of a side are fewer than two."""
    if run[0].size < 2 or recorded[0].size < 2:
        return np.nan, np.nan
    # Beyond these scales all recorded lags would lie below the shortest, or the longest beyond the longest, of the run.
    low, high = np.log(run[0][0] / recorded[0][-1]), np.log(run[0][-1] / recorded[0][-1])
    grid = np.linspace(low, high, GRID)
    best = int(np.argmin([_error(one, run, recorded)[0] for one in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)])
    refined = minimize_scalar(lambda one: _error(one, run, recorded)[0], bounds=bounds, method="bounded", options={"xatol": 1e-6}).x
    return float(np.exp(refined)), _error(refined, run, recorded)[1]


def _unknown(reason: str) -> TimeScale:
    return TimeScale(np.nan, np.nan, np.nan, np.nan, reason)


def fitted_time_scale(run: xr.Dataset, recorded: xr.Dataset, seed: int = 0, bootstraps: int = 200) -> TimeScale:
    """Fit the learning steps per recorded unit of elapsed time at which rate maps decorrelate alike.

    min over k, a of sum_lag n(lag) (c_recorded(lag) - a c_run(k lag))^2, with c the mean rate-map correlation at a lag, n its number of
    pairs, and a the attenuation by noise of recorded maps. k is sought where k times the longest recorded lag lies among the lags of
    the run. The interval holds 95 % of the fits to subjects drawn with replacement (units, where there is one subject).

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset; session 0, before learning, is left out.
    recorded : xarray.Dataset
        Longitudinal Dataset with tracked units.
    seed : int
        Of the draws.
    bootstraps : int
        Number of draws; 0 leaves the interval NaN.

    Returns
    -------
    TimeScale
        NaN with a reason where units are not tracked or fewer than three lags were recorded; a reason without NaN warns of a fit at the
        end of the run.
    """
    try:
        ours, theirs = _by_lag(run.isel(session=slice(untrained_sessions(run), None))), _by_lag(recorded)
    except RefusedInputError as refusal:  # becomes the stated reason of the NaN
        return _unknown(str(refusal))
    curves = [_mean(lags, np.arange(len(lags.values))) for lags in (ours, theirs)]
    if curves[1][0].size < 3 or curves[0][0].size < 3:
        sizes = f"{curves[0][0].size} of the run and {curves[1][0].size} of the recording"
        return _unknown(f"two numbers are fitted to the correlation by lag, which takes at least three different lags, got {sizes}.")
    scale, attenuation = _fit(curves[0], curves[1])
    longest = curves[0][0][-1] / curves[1][0][-1]
    reason = "the fit lies where the run ends, so the true scale may be larger: train longer." if scale > 0.99 * longest else ""
    rng = stream(seed, "observation")
    drawn = []
    for _ in range(bootstraps):
        rows = [rng.integers(len(lags.values), size=len(lags.values)) for lags in (ours, theirs)]
        drawn.append(_fit(_mean(ours, rows[0]), _mean(theirs, rows[1]))[0])
    fits = np.array(drawn)[np.isfinite(drawn)] if drawn else np.array([])
    low, high = np.percentile(fits, INTERVAL) if fits.size else (np.nan, np.nan)
    return TimeScale(scale, float(low), float(high), attenuation, reason)
