"""How many learning steps make a day: the scale at which rate maps of a run and of a recording
decorrelate alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar

from drift.errors import RefusedInputError
from drift.metrics.stability.correlations import mean_rate_map_correlation, rate_map_correlation
from drift.metrics.time_course.lags import by_lag
from drift.observation.lens import untrained_sessions
from drift.streams import stream

GRID = 200  # scales that are tried before the best is refined
INTERVAL = (2.5, 97.5)  # percent
TOO_SHORT = (
    "it is not reached: rate maps of the recording decorrelate at least as far as those of the "
    "whole run; train longer."
)
TOO_SLOW = (
    "it is not reached: the recording changes no more than the run does from a session to the "
    "next; ask for more sessions."
)
LIMITS = {
    (False, False): "",
    (False, True): "the upper limit is not reached within the run: train longer.",
    (True, False): "the lower limit is not reached within the run: ask for more sessions.",
    (
        True,
        True,
    ): "neither limit is reached within the run: train longer and ask for more sessions.",
}


EDGE = 0.01  # of a scale: nearer to an end of the run the run, not the recording, sets it


class TimeScale(NamedTuple):
    """Steps per recorded unit of elapsed time, its bootstrap interval, the attenuation, and why any
    of them is NaN."""

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
        units = rate_map_correlation(dataset).drop_vars(
            ["session", "session_other"], errors="ignore"
        )
        correlation = units.where(both).transpose("subject", "session", "session_other", "unit")
    lags = by_lag(
        correlation.drop_vars(["session", "session_other"], errors="ignore"), dataset["elapsed"]
    )
    later = lags["lag"].values > 0
    rows = [
        lags[name].transpose(..., "lag").values.reshape(-1, later.size)[:, later]
        for name in ("correlation", "pairs")
    ]
    if dataset.sizes["subject"] == 1:
        rows = [
            np.moveaxis(lags[name].values, 1, -1).reshape(-1, later.size)[:, later]
            for name in ("correlation", "pairs")
        ]
    return _Lags(lags["lag"].values[later], *rows)


def _mean(lags: _Lags, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lags that were seen, mean correlation, and its weight."""
    values, pairs = lags.values[rows], lags.pairs[rows] * np.isfinite(lags.values[rows])
    weight = pairs.sum(axis=0)
    observed = weight > 0
    total = np.where(pairs > 0, values * pairs, 0.0).sum(axis=0)
    return lags.lag[observed], total[observed] / weight[observed], weight[observed]


def _error(log_scale: float, run: tuple, recorded: tuple) -> tuple[float, float]:
    """Weighted squared distance of the recorded curve from the attenuated curve of the run, and the
    attenuation."""
    lag, values, weight = recorded
    model = np.interp(np.exp(log_scale) * lag, run[0], run[1])
    power = (weight * model**2).sum()
    attenuation = (weight * model * values).sum() / power if power > 0 else 0.0
    return float((weight * (values - attenuation * model) ** 2).sum()), float(attenuation)


def _ends(run: tuple, recorded: tuple) -> tuple[float, float]:
    """Least and largest scale that the run can show.

    Beyond these all recorded lags would lie below the shortest, or the longest beyond the longest,
    of the run.
    """
    return run[0][0] / recorded[0][-1], run[0][-1] / recorded[0][-1]


def _inside(scale: float, ends: tuple[float, float]) -> bool:
    """Tell whether a scale lies between two others and is none of them."""
    return bool(ends[0] * (1 + EDGE) < scale < ends[1] * (1 - EDGE))


def _told(run: tuple, recorded: tuple) -> tuple[float, float]:
    """Scales between which the run tells them apart.

    Below the middle of its two shortest lags nothing of the run but its first step would lie in the
    recorded span; above the largest the recording would outlast it.
    """
    return float(np.sqrt(run[0][0] * run[0][1])) / recorded[0][-1], run[0][-1] / recorded[0][-1]


def _fit(run: tuple, recorded: tuple) -> tuple[float, float]:
    """Scale and attenuation of least distance; NaN where the lags of a side are fewer than two."""
    if run[0].size < 2 or recorded[0].size < 2:
        return np.nan, np.nan
    low, high = np.log(_ends(run, recorded))
    grid = np.linspace(low, high, GRID)
    best = int(np.argmin([_error(log_scale, run, recorded)[0] for log_scale in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)])
    refined = minimize_scalar(
        lambda log_scale: _error(log_scale, run, recorded)[0],
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-6},
    ).x
    return float(np.exp(refined)), _error(refined, run, recorded)[1]


def _unknown(reason: str) -> TimeScale:
    return TimeScale(np.nan, np.nan, np.nan, np.nan, reason)


def fitted_time_scale(
    run: xr.Dataset, recorded: xr.Dataset, seed: int = 0, bootstraps: int = 200
) -> TimeScale:
    """Fit the learning steps per recorded unit of elapsed time at which rate maps decorrelate
    alike.

    min over k, a of sum_lag n(lag) (c_recorded(lag) - a c_run(k lag))^2, with c the mean rate-map
    correlation at a lag, n its number of pairs, and a the attenuation by noise of recorded maps. k
    is sought where k times the longest recorded lag lies among the lags of the run. The interval
    holds 95 % of the fits to subjects drawn with replacement (units, where there is one subject).

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
        NaN with a reason where units are not tracked, fewer than three lags were recorded, or the
        best scale is an end of the run, which is no estimate; a limit that is an end of the run is
        NaN, too, and the reason says so.
    """
    try:
        ours, theirs = (
            _by_lag(run.isel(session=slice(untrained_sessions(run), None))),
            _by_lag(recorded),
        )
    except RefusedInputError as refusal:  # becomes the stated reason of the NaN
        return _unknown(str(refusal))
    curves = [_mean(lags, np.arange(len(lags.values))) for lags in (ours, theirs)]
    if curves[1][0].size < 3 or curves[0][0].size < 3:
        sizes = f"{curves[0][0].size} of the run and {curves[1][0].size} of the recording"
        return _unknown(
            "two numbers are fitted to the correlation by lag, which takes at least three "
            f"different lags, got {sizes}."
        )
    scale, attenuation = _fit(curves[0], curves[1])
    ends = _told(*curves)
    fits = _bootstrapped(ours, theirs, seed, bootstraps)
    limits = np.percentile(fits, INTERVAL) if fits.size else np.full(2, np.nan)
    low, high = (
        float(limit) if np.isfinite(limit) and _inside(limit, ends) else np.nan for limit in limits
    )
    if _inside(scale, ends):
        return TimeScale(scale, low, high, attenuation, _unreached(limits, ends))
    early = np.log(scale) < np.log(ends).mean()
    return TimeScale(
        np.nan,
        np.nan if early else low,
        high if early else np.nan,
        np.nan,
        TOO_SLOW if early else TOO_SHORT,
    )


def _bootstrapped(ours: _Lags, theirs: _Lags, seed: int, bootstraps: int) -> np.ndarray:
    """(draw) scales of subjects, or units of a single subject, drawn with replacement."""
    rng, drawn = stream(seed, "observation"), []
    for _draw in range(bootstraps):
        rows = [rng.integers(len(lags.values), size=len(lags.values)) for lags in (ours, theirs)]
        drawn.append(_fit(_mean(ours, rows[0]), _mean(theirs, rows[1]))[0])
    return np.array(drawn)[np.isfinite(drawn)] if drawn else np.array([])


def _unreached(limits: np.ndarray, ends: tuple[float, float]) -> str:
    """Say which limits of an interval are ends of the run, and none of the recording."""
    if not np.isfinite(limits).all():
        return ""
    outside = [not _inside(limit, ends) for limit in limits]
    return LIMITS[outside[0], outside[1]]
