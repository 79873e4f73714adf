"""How fast a population becomes sparse: exponential fits, crossing times, and the published
recipe."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.optimize import least_squares

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.labels import require_dims

MINIMUM_SESSIONS = 5
# A fit fails if it leaves more than this share of the soft L1 loss about the median, or if its time
# constant was not observed.
LARGEST_RESIDUAL = 0.5
LONGEST_TIME = 10.0  # in spans of the observation
# The fall must bend: squared residuals of a straight line, in units of the noise, exceed those of
# the
# exponential by this much. Without it noise makes long times short: .2 times the truth at 9 spans.
LEAST_BEND = 25.0
FARTHEST = 9.0  # squared residual at which an outlier counts no more
CANDIDATES = 60


def _coarse(fraction: np.ndarray, time: np.ndarray, span: float) -> tuple[float, float, float]:
    """Best plateau, amplitude and time constant on a grid of time constants; the first two are
    linear."""
    best = (np.inf, (np.nan, np.nan, np.nan))
    for constant in np.geomspace(np.diff(time).min() / 10, LONGEST_TIME * span, CANDIDATES):
        design = np.stack([np.ones_like(time), np.exp(-time / constant)], axis=1)
        solution = np.linalg.lstsq(design, fraction, rcond=None)[0]
        residual = float(((design @ solution - fraction) ** 2).sum())
        if residual < best[0]:
            best = (residual, (float(solution[0]), float(solution[1]), float(constant)))
    return best[1]


def _soft_loss(residuals: np.ndarray) -> float:
    return float((np.sqrt(1 + residuals**2) - 1).sum())


def _bend(residuals: np.ndarray, fraction: np.ndarray, time: np.ndarray) -> float:
    """How much better than a straight line an exponential fits, as a chi-squared of one degree of
    freedom; outliers are cut."""
    straight = fraction - np.polyval(np.polyfit(time, fraction, 1), time)
    freedom = max(residuals.size - 3, 1)
    noise = 1.4826 * float(np.median(np.abs(residuals))) * np.sqrt(residuals.size / freedom)
    noise = max(noise, 1e-9 * float(np.ptp(fraction)))
    return float(
        sum(
            sign * np.minimum((deviation / noise) ** 2, FARTHEST).sum()
            for sign, deviation in ((1, straight), (-1, residuals))
        )
    )


def _exponential(fraction: np.ndarray, time: np.ndarray) -> tuple[float, float, float]:
    """Plateau, amplitude and time constant of a falling exponential from the first session on; NaN
    where there is none."""
    failure = (np.nan, np.nan, np.nan)
    if fraction.size < MINIMUM_SESSIONS or np.ptp(fraction) == 0:
        return failure
    time, span = time - time[0], float(np.ptp(time))
    plateau, amplitude, constant = _coarse(fraction, time, span)

    def residuals(parameters: np.ndarray) -> np.ndarray:
        return parameters[0] + parameters[1] * np.exp(-time / np.exp(parameters[2])) - fraction

    start = np.array([plateau, amplitude, np.log(constant)])
    spread = max(float(np.median(np.abs(residuals(start)))), 1e-9 * float(np.ptp(fraction)))
    # Far outside of the observation exp overflows; within these bounds it cannot.
    margin = np.array([np.inf, np.inf, np.log(10.0)])
    fit = least_squares(
        residuals,
        start,
        bounds=(start - margin, start + margin),
        loss="soft_l1",
        f_scale=2 * spread,
        x_scale="jac",
    )
    plateau, amplitude, constant = float(fit.x[0]), float(fit.x[1]), float(np.exp(fit.x[2]))
    unexplained = _soft_loss(residuals(fit.x) / spread) / _soft_loss(
        (fraction - np.median(fraction)) / spread
    )
    identified = amplitude > 0 and constant < LONGEST_TIME * span and unexplained < LARGEST_RESIDUAL
    identified = identified and _bend(residuals(fit.x), fraction, time) > LEAST_BEND
    return (plateau, amplitude, constant) if identified else failure


def _crossing(fraction: np.ndarray, time: np.ndarray, left: float) -> float:
    """Time from the first session until only the share ``left`` of the whole fall remains; linear
    between sessions."""
    if fraction.size == 0 or not fraction[0] > fraction.min():
        return np.nan
    target = fraction.min() + left * (fraction[0] - fraction.min())
    after = int(np.argmax(fraction <= target))
    step = (fraction[after - 1] - target) / (fraction[after - 1] - fraction[after])
    return float(time[after - 1] + step * (time[after] - time[after - 1]) - time[0])


def _times(fraction: np.ndarray, time: np.ndarray) -> np.ndarray:
    observed = np.isfinite(fraction) & np.isfinite(time)
    fraction, time = fraction[observed], time[observed]
    if not (np.diff(time) > 0).all():
        raise RefusedInputError(
            "elapsed must increase from session to session where fraction is known: sort the "
            "sessions by time."
        )
    plateau, amplitude, constant = _exponential(fraction, time)
    half, folding = _crossing(fraction, time, 0.5), _crossing(fraction, time, float(np.exp(-1)))
    return np.array([constant, 1 / constant, plateau, amplitude, half, folding])


@opened
def sparsification_time(fraction: xr.DataArray, elapsed: xr.DataArray) -> xr.Dataset:
    """Time constant of the fall of an active fraction: robust fit of y = c + A exp(-t / tau), t
    from the first session on.

    Parameters
    ----------
    fraction : xarray.DataArray
        (..., session) for example ``fraction_active_units``; NaN sessions are left out.
    elapsed : xarray.DataArray
        ([subject,] session) real elapsed time or learning steps, with the attribute ``units``.

    Returns
    -------
    xarray.Dataset
        ``time`` tau and ``rate`` 1 / tau, ``plateau`` c, ``amplitude`` A; NaN where there is no
        fall, where it is not exponential (more than half of the soft L1 loss about the median
        remains), where noise hides its bend, so that it might as well be a straight line (by a
        chi-squared of 25), or where tau exceeds ten times the observed span. ``half_time`` and
        ``e_folding_time``: when 1/2 and 1/e of the fall from the first to the lowest value are
        left, without any fit.

    Raises
    ------
    RefusedInputError
        If elapsed does not increase.

    Notes
    -----
    In 40 sessions of a fall by .7 with noise of .001 in each, times of 5 spans are found within
    17 % (two thirds of 40 simulations); with noise of .01 those of 1.5 spans within 20 %, and
    longer ones are mostly NaN.

    References
    ----------
    Soft L1 loss with a scale of twice the median absolute residual; compare ``published_log_rate``.
    """
    require_dims(fraction, "fraction", "session")
    require_dims(elapsed, "elapsed", "session")
    numbers = xr.apply_ufunc(
        _times,
        fraction.astype(float),
        elapsed.astype(float),
        input_core_dims=[["session"], ["session"]],
        output_core_dims=[["quantity"]],
        vectorize=True,
    )
    units = str(elapsed.attrs.get("units", "1"))
    names = {
        "time": units,
        "rate": f"1/{units}",
        "plateau": "1",
        "amplitude": "1",
        "half_time": units,
        "e_folding_time": units,
    }
    return xr.Dataset(
        {
            name: numbers.isel(quantity=index).assign_attrs(units=names[name])
            for index, name in enumerate(names)
        }
    )


def _published_log_rate(fraction: np.ndarray, step: np.ndarray) -> float:
    target = fraction.max() - 0.9 * np.ptp(fraction)
    cut = int(np.abs(fraction - target).argmin())
    fraction, step = fraction[:cut], step[:cut]
    if cut < 2 or step[-1] == 0:
        return 0.0
    weight = np.sqrt((step / step[-1])[::-1])
    logarithm = np.log(fraction - fraction.min() + 1e-10)
    slope = _weighted_slope(logarithm, step, weight**2)
    return float(np.log10(abs(slope))) if np.isfinite(slope) and slope != 0 else 0.0


def _weighted_slope(values: np.ndarray, time: np.ndarray, weight: np.ndarray) -> float:
    total = weight.sum()
    deviation = time - (weight * time).sum() / total
    variance = (weight * deviation**2).sum()
    return float((weight * deviation * values).sum() / variance) if variance > 0 else np.nan


@opened
def published_log_rate(fraction: xr.DataArray, step: xr.DataArray) -> xr.DataArray:
    """The drift paper's "log tau": log10 of the rate per step at which the active units fall; 0
    where the fit fails.

    The curve is cut before the sample nearest to y_max - 0.9 (y_max - y_min); ln(y - min + 1e-10)
    of the cut curve is fitted by a straight line with squared weights t / t_max in reversed order,
    and the result is log10 |slope|. The lowest sample of the cut curve becomes ln 1e-10. Kept for
    comparison with published numbers; use ``sparsification_time`` for anything else.

    Parameters
    ----------
    fraction : xarray.DataArray
        (..., session) fraction of active units.
    step : xarray.DataArray
        ([subject,] session) learning steps from about 0 on.

    Returns
    -------
    xarray.DataArray
        (...) log10 of a rate per step; 0 stands for a failed fit and is no measurement.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, authors' code of Fig. 4.
    """
    require_dims(fraction, "fraction", "session")
    require_dims(step, "step", "session")
    result = xr.apply_ufunc(
        _published_log_rate,
        fraction.astype(float),
        step.astype(float),
        input_core_dims=[["session"], ["session"]],
        vectorize=True,
    )
    return result.rename("published_log_rate").assign_attrs(units="log10(1/step)")
