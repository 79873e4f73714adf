"""How many learning steps make a day: the scale at which rate maps of a run and of a recording
decorrelate alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar

from drift.errors import RefusedInputError
from drift.metrics.intervals.limits import of_percentiles, of_sources, variance_of_draws
from drift.metrics.intervals.resampling import drawn_times
from drift.metrics.stability.correlations import mean_rate_map_correlation, rate_map_correlation
from drift.metrics.time_course.lags import by_lag
from drift.observation.lens import untrained_sessions
from drift.streams import stream

GRID = 200  # scales that are tried before the best is refined
CONFIDENCE = 0.95
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
    """Steps per recorded unit of elapsed time, its interval of 95 %, the attenuation, why any of
    them is NaN, and how many recorded and how many simulated subjects it rests on."""

    scale: float
    low: float
    high: float
    attenuation: float
    reason: str
    recorded_subjects: int = 0
    simulated_subjects: int = 0


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


def _mean(lags: _Lags, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lags that were seen, mean correlation, and its weight; each row counts so many times."""
    pairs = lags.pairs * np.isfinite(lags.values) * times[:, np.newaxis]
    weight = pairs.sum(axis=0)
    observed = weight > 0
    total = np.where(pairs > 0, lags.values * pairs, 0.0).sum(axis=0)
    return lags.lag[observed], total[observed] / weight[observed], weight[observed]


def _errors(log_scales: np.ndarray, run: tuple, recorded: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Weighted squared distances of the recorded curve from the attenuated curve of the run, and
    the attenuations, (scale)."""
    lag, values, weight = recorded
    model = np.interp(np.exp(log_scales)[:, np.newaxis] * lag, run[0], run[1])
    power, product = (weight * model**2).sum(axis=1), (weight * model * values).sum(axis=1)
    attenuation = np.divide(product, power, out=np.zeros(power.shape), where=power > 0)
    apart = values - attenuation[:, np.newaxis] * model
    return (weight * apart**2).sum(axis=1), attenuation


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
    best = int(np.argmin(_errors(grid, run, recorded)[0]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)])
    refined = minimize_scalar(
        lambda log_scale: _errors(np.array([log_scale]), run, recorded)[0][0],
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-6},
    ).x
    return float(np.exp(refined)), float(_errors(np.array([refined]), run, recorded)[1][0])


def _unknown(reason: str) -> TimeScale:
    return TimeScale(np.nan, np.nan, np.nan, np.nan, reason)


def fitted_time_scale(
    run: xr.Dataset, recorded: xr.Dataset, seed: int = 0, bootstraps: int = 200
) -> TimeScale:
    """Fit the learning steps per recorded unit of elapsed time at which rate maps decorrelate
    alike.

    min over k, a of sum_lag n(lag) (c_recorded(lag) - a c_run(k lag))^2, with c the mean rate-map
    correlation at a lag, n its number of pairs, and a the attenuation by noise of recorded maps. k
    is sought where k times the longest recorded lag lies among the lags of the run. The interval is
    Student's of log k: the variance that the subjects of the recording bring, and that of those of
    the run, each drawn with replacement while the other stays (units, where there is one subject,
    of which alone it then speaks), with the degrees of freedom of both (see
    ``metrics.intervals.limits.of_sources``).

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
    curves = [_mean(lags, np.ones(len(lags.values))) for lags in (ours, theirs)]
    if curves[1][0].size < 3 or curves[0][0].size < 3:
        sizes = f"{curves[0][0].size} of the run and {curves[1][0].size} of the recording"
        return _unknown(
            "two numbers are fitted to the correlation by lag, which takes at least three "
            f"different lags, got {sizes}."
        )
    scale, attenuation = _fit(curves[0], curves[1])
    ends = _told(*curves)
    limits = _limits((ours, theirs), curves, seed, bootstraps)
    low, high = (limit if _inside(limit, ends) else np.nan for limit in limits)
    counts = recorded.sizes["subject"], run.sizes["subject"]
    if _inside(scale, ends):
        return TimeScale(scale, low, high, attenuation, _unreached(limits, ends), *counts)
    early = np.log(scale) < np.log(ends).mean()
    low, high = np.nan if early else low, high if early else np.nan
    return TimeScale(np.nan, low, high, np.nan, TOO_SLOW if early else TOO_SHORT, *counts)


def _limits(
    sides: tuple[_Lags, _Lags], curves: list[tuple], seed: int, bootstraps: int
) -> tuple[float, float]:
    """Limits of the scale, or the end of the run that one draw of forty of a side, or more, comes
    to."""
    if not bootstraps:
        return np.nan, np.nan
    draws = [_drawn(sides, curves, side, seed, bootstraps) for side in range(2)]
    entries = np.array([len(lags.values) for lags in sides])
    variances = [variance_of_draws(*own) for own in zip(draws, entries, strict=True)]
    centre = np.log(_fit(curves[0], curves[1])[0])
    _, low, high = of_sources(centre, np.array(variances), entries - 1, CONFIDENCE)
    _, least, most = of_percentiles(np.zeros(2), np.stack(draws, axis=1), CONFIDENCE)
    first, last = np.log(_told(*curves))
    low = min(low, first) if np.min(least) <= first else low
    high = max(high, last) if np.max(most) >= last else high
    return float(np.exp(low)), float(np.exp(high))


def _drawn(
    sides: tuple[_Lags, _Lags], curves: list[tuple], side: int, seed: int, bootstraps: int
) -> np.ndarray:
    """(draw) logarithms of scales, of subjects of one side drawn with replacement, or of units of a
    single subject."""
    both, fits = list(curves), []
    for times in drawn_times(len(sides[side].values), bootstraps, stream(seed, "bootstrap", side)):
        both[side] = _mean(sides[side], times)
        fits.append(np.log(_fit(both[0], both[1])[0]))
    return np.array(fits)


def _unreached(limits: tuple[float, float], ends: tuple[float, float]) -> str:
    """Say which limits of an interval are ends of the run, and none of the recording."""
    if not np.isfinite(limits).all():
        return ""
    outside = [not _inside(limit, ends) for limit in limits]
    return LIMITS[outside[0], outside[1]]
