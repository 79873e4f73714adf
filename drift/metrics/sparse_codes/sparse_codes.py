"""How sparse the code of a population is: how many units answer an input, how steadily, and how
they share the work.

Noise on the inputs belongs to the measurement: pass the activity as the network has it while it
learns. Activity that is not rectified (GELU, sigmoid, tanh ...) is never exactly zero: pass
``threshold=SMOOTH_THRESHOLD`` for it.

References
----------
Bricken, Schaeffer, Olshausen & Kreiman 2023, ICML, Figs 2, 3 and 7, Table 1.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import entr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.labels import described, observed_units, require_dims

SMOOTH_THRESHOLD = 1e-4
DEAD = 1e-5


def active_responses(
    hidden: xr.DataArray, threshold: float = 0.0
) -> tuple[xr.DataArray, xr.DataArray]:
    """Which responses count as active, |h| > threshold, and which units were observed.

    Parameters
    ----------
    hidden : xarray.DataArray
        (..., sample, unit) activity; a unit that is NaN throughout is not observed.
    threshold : float
        Largest size of an inactive response: 0 for rectified units, ``SMOOTH_THRESHOLD`` for
        others.

    Returns
    -------
    active, observed : xarray.DataArray
        (..., sample, unit) and (..., unit), bool.

    Raises
    ------
    RefusedInputError
        If hidden is empty, infinite, NaN in a part of the samples of a unit, or negative although
        the threshold is 0.
    """
    require_dims(hidden, "hidden", "sample", "unit")
    size = abs(hidden)
    if threshold < 0 or (threshold == 0 and bool((hidden < 0).any())):
        raise RefusedInputError(
            f"threshold must tell active from inactive responses, got {threshold:g} for "
            f"activity down to {float(hidden.min()):g}: "
            f"pass 0 for rectified units and {SMOOTH_THRESHOLD:g} for units that respond with "
            "both signs."
        )
    return size > threshold, observed_units(size)


def _counts(hidden: xr.DataArray, threshold: float) -> tuple[xr.DataArray, xr.DataArray]:
    active, observed = active_responses(hidden, threshold)
    units = observed.sum("unit")
    return (active & observed).sum("unit").where(units > 0), units


@opened
def active_fraction(hidden: xr.DataArray, threshold: float = 0.0) -> xr.DataArray:
    """Share of the units that each input switches on, a(x) = #{j: |h_j| > threshold} / m.

    Its mean over samples is ``fraction_active_responses``.

    Parameters
    ----------
    hidden : xarray.DataArray
        (..., sample, unit) activity, with the noise on.
    threshold : float
        0 for rectified units, ``SMOOTH_THRESHOLD`` for others.

    Returns
    -------
    xarray.DataArray
        (..., sample) between 0 and 1; NaN without an observed unit.

    Raises
    ------
    RefusedInputError
        As ``active_responses``.
    """
    counts, units = _counts(hidden, threshold)
    return (
        (counts / units)
        .rename("active_fraction")
        .assign_attrs(units="1", long_name="share of the units that an input switches on")
    )


@opened
def active_fraction_deviation(hidden: xr.DataArray, threshold: float = 0.0) -> xr.DataArray:
    """Standard deviation over inputs of the share of units that an input switches on.

    Parameters
    ----------
    hidden : xarray.DataArray
        (..., sample, unit) activity, with the noise on.
    threshold : float
        0 for rectified units, ``SMOOTH_THRESHOLD`` for others.

    Returns
    -------
    xarray.DataArray
        (...) with divisor samples.

    Raises
    ------
    RefusedInputError
        As ``active_responses``.
    """
    return described(active_fraction(hidden, threshold).std("sample"), "active_fraction_deviation")


@opened
def count_variation(hidden: xr.DataArray, threshold: float = 0.0) -> xr.DataArray:
    """Coefficient of variation over inputs of the number k(x) of active units; 0 for an exact
    Top-K.

    Parameters
    ----------
    hidden : xarray.DataArray
        (..., sample, unit) activity, with the noise on.
    threshold : float
        0 for rectified units, ``SMOOTH_THRESHOLD`` for others.

    Returns
    -------
    xarray.DataArray
        (...) sd k / mean k with divisor samples; NaN where nothing is active.

    Raises
    ------
    RefusedInputError
        As ``active_responses``.
    """
    counts, _ = _counts(hidden, threshold)
    mean = counts.mean("sample")
    return described(counts.std("sample") / mean.where(mean > 0), "count_variation")


def _jaccard(active: np.ndarray, drive: np.ndarray) -> float:
    """Mean Jaccard index of (sample, unit) sets with as many winners, the units of largest
    drive, as the sets have members on average, rounded."""
    sizes = active.sum(axis=1)
    winners = round(float(sizes.mean()))
    if winners == 0:
        return np.nan
    largest = np.argpartition(drive, -winners, axis=1)[:, -winners:]  # (sample, winner)
    shared = np.take_along_axis(active, largest, axis=1).sum(axis=1)
    return float((shared / (sizes + winners - shared)).mean())


@opened
def top_k_overlap(
    hidden: xr.DataArray, drive: xr.DataArray, threshold: float = 0.0
) -> xr.DataArray:
    """How nearly the active units are the k units of largest drive: mean Jaccard index |A and T| /
    |A or T| over inputs.

    A holds the active units, T the k units of largest z, with k the rounded mean number of active
    units.

    Parameters
    ----------
    hidden : xarray.DataArray
        (..., sample, unit) activity, with the noise on.
    drive : xarray.DataArray
        (..., sample, unit) drive z = w.x + b on the same inputs with the same noise.
    threshold : float
        0 for rectified units, ``SMOOTH_THRESHOLD`` for others.

    Returns
    -------
    xarray.DataArray
        (...) 1 for an exact Top-K; NaN where k is 0.

    Raises
    ------
    RefusedInputError
        As ``active_responses``, or if an observed unit has a drive that is not finite.
    """
    active, observed = active_responses(hidden, threshold)
    require_dims(drive, "drive", "sample", "unit")
    if not bool((np.isfinite(drive) | ~observed).all()):
        raise RefusedInputError(
            "drive must be finite wherever activity was observed, got NaN or infinity: pass "
            "both of the same run."
        )
    among = (active & observed, drive.where(observed, -np.inf))
    return described(
        xr.apply_ufunc(_jaccard, *among, input_core_dims=[["sample", "unit"]] * 2, vectorize=True),
        "top_k_overlap",
    )


@opened
def fraction_dead_units(hidden: xr.DataArray) -> xr.DataArray:
    """Share of the units whose activity, summed over a whole training epoch, stays below 1e-5.

    Parameters
    ----------
    hidden : xarray.DataArray
        (..., sample, unit) activity; sums over parts of the epoch may stand for samples.

    Returns
    -------
    xarray.DataArray
        (...) between 0 and 1; NaN without an observed unit.

    Raises
    ------
    RefusedInputError
        If hidden is empty, infinite, or NaN in a part of the samples of a unit.
    """
    size = abs(require_dims(hidden, "hidden", "sample", "unit"))
    dead = size.sum("sample") < DEAD
    return described(dead.where(observed_units(size)).mean("unit"), "fraction_dead_units")


@opened
def activity_entropy(hidden: xr.DataArray) -> xr.DataArray:
    """How evenly units share the activity, -sum_j p_j log2 p_j with p_j the share of unit j in the
    activity over all inputs.

    Parameters
    ----------
    hidden : xarray.DataArray
        (..., sample, unit) activity.

    Returns
    -------
    xarray.DataArray
        (...) in bits: 0 if one unit does all, log2 m if all do the same; NaN where nothing is
        active.

    Raises
    ------
    RefusedInputError
        If hidden is empty, infinite, or NaN in a part of the samples of a unit.
    """
    size = abs(require_dims(hidden, "hidden", "sample", "unit"))
    summed = size.sum("sample").where(observed_units(size), 0.0)
    total = summed.sum("unit")
    return described(
        entr(summed / total.where(total > 0)).sum("unit", skipna=False) / np.log(2),
        "activity_entropy",
    )


@opened
def sparsity_change(
    fraction: xr.DataArray, elapsed: xr.DataArray, span: float = 50.0
) -> xr.DataArray:
    """Relative change of the active fraction over a stretch of learning, |a(e) - a(e - span)| /
    a(e); converged below .01.

    Parameters
    ----------
    fraction : xarray.DataArray
        (..., session) active fraction.
    elapsed : xarray.DataArray
        (..., session) rising time of learning; the paper counts epochs.
    span : float
        Length of the stretch in the units of ``elapsed``; values between sessions are interpolated.

    Returns
    -------
    xarray.DataArray
        (..., session) NaN before ``span`` has passed and where nothing is active.

    Raises
    ------
    RefusedInputError
        If a dim is missing, elapsed does not rise, or span is not above 0.
    """
    require_dims(fraction, "fraction", "session")
    require_dims(elapsed, "elapsed", "session")
    if span <= 0 or bool((elapsed.diff("session") <= 0).any()):
        raise RefusedInputError(
            "elapsed must rise from session to session and span be above 0, got span "
            f"{span:g}: sort the sessions."
        )

    def earlier(values: np.ndarray, times: np.ndarray) -> np.ndarray:
        return np.interp(times - span, times, values, left=np.nan)

    core = ["session"]
    past = xr.apply_ufunc(
        earlier,
        fraction,
        elapsed,
        input_core_dims=[core, core],
        output_core_dims=[core],
        vectorize=True,
    )
    change = abs(fraction - past) / fraction.where(fraction > 0)
    return change.rename("sparsity_change").assign_attrs(
        units="1", long_name="relative change of the active fraction"
    )
