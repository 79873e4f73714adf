"""Codes of units whose drive is a sum of parts that drift apart: places, context, excitability.

Sums of normal drives are normal, so that the closed forms of one drive hold with the correlation of
the sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.polynomial.hermite_e import hermegauss
from scipy.optimize import brentq, least_squares
from scipy.special import ndtr

from drift.door import opened
from drift.door.quantities import Alike, NotNegative, Numbers, Probability, Share
from drift.errors import RefusedInputError
from drift.theory.code_drift.closed_forms import alike
from drift.theory.kernels.checks import (
    between,
    checked_autocorrelation,
    checked_input_correlation,
    position_matrix,
)
from drift.theory.kernels.normal_pairs import joint_probability
from drift.theory.kernels.one_layer import kappa, mean_activity

MISS = 1e-4  # of correlations that no autocorrelations give
NODES = 41  # of quadratures over two excitabilities


@opened
def drive_correlation(
    input_correlation: Alike,
    autocorrelation: Alike = 1.0,
    *,
    context_share: Alike = 0.0,
    context_autocorrelation: Alike = 1.0,
    excitability: Alike = 0.0,
    excitability_autocorrelation: Alike = 1.0,
) -> Any:
    """Correlation over units of their drives at two places on two days.

    c = [(1 - g) r c0 + g r_c + s^2 r_e] / (1 + s^2), with the share g of the variance that comes
    from the context, and excitability of standard deviation s that is added to drives of variance
    1. Every closed form of one drive holds with c in the place of r c0.

    Parameters
    ----------
    input_correlation : float or array
        c0 of the inputs that tell the place; 1 for the same place.
    autocorrelation, context_autocorrelation, excitability_autocorrelation : float or array
        r, r_c and r_e: of the weights of either stream, and of the excitability, between the days.
    context_share : float or array
        g, from 0 to 1.
    excitability : float or array
        s, not negative.

    Returns
    -------
    float or array

    Raises
    ------
    RefusedInputError
        If a correlation, the share or the standard deviation is out of range.

    References
    ----------
    Derived here; sampled twin ``circuits.run_sessions``.
    """
    between("context_share", context_share, 0, 1, "give a part of the variance of drives")
    between("excitability", excitability, 0, np.inf, "give a standard deviation")
    return alike(
        lambda c, r, g, held, s, e: ((1 - g) * r * c + g * held + s**2 * e) / (1 + s**2),
        checked_input_correlation(input_correlation),
        checked_autocorrelation(autocorrelation),
        context_share,
        checked_autocorrelation(context_autocorrelation),
        excitability,
        checked_autocorrelation(excitability_autocorrelation),
    )


@opened
def gain_overlap(
    correlation: Alike,
    active_fraction: Share,
    excitability: NotNegative,
    excitability_autocorrelation: Alike = 1.0,
) -> Any:
    """Fraction of the units active at one time that are active at another, where excitability
    multiplies drives.

    E[P(u > t exp(-e), v > t exp(-e'))] / f over two drives u, v of correlation c and two
    excitabilities e, e', normal with standard deviation s and correlation r_e; the threshold t
    leaves the fraction f active, f = E[P(u > t exp(-e))]. By Gauss and Hermite with 41 nodes.

    Parameters
    ----------
    correlation : float or array
        c of the drives without excitability, r c0.
    active_fraction : float
        f, below 1/2: where more are active the threshold is negative, and gains do the opposite.
    excitability : float
        s, at most 3.
    excitability_autocorrelation : float or array
        r_e.

    Returns
    -------
    float or array

    Raises
    ------
    RefusedInputError
        If a number is out of range.

    References
    ----------
    Derived here; sampled twin ``circuits.run_sessions``.
    """
    if not (active_fraction < 0.5 and excitability <= 3):
        raise RefusedInputError(
            "gain_overlap needs an active_fraction below 0.5 and an excitability of at most 3, got "
            f"{active_fraction:g} and {excitability:g}: use numbers in this range."
        )
    nodes, weights = hermegauss(NODES)
    weights = weights / weights.sum()
    scale = np.exp(-excitability * nodes)

    def surplus(threshold: float) -> float:
        return float(weights @ ndtr(-threshold * scale)) - active_fraction

    level = brentq(surplus, 0.0, 100.0, xtol=1e-13)

    def overlap(c: float, r: float) -> float:
        first = excitability * nodes[:, np.newaxis]
        later = r * first + excitability * np.sqrt(1 - min(r * r, 1.0)) * nodes
        below, above = (torch.as_tensor(-level * np.exp(-state)) for state in (first, later))
        chance = torch.tensor(float(c), dtype=torch.float64)
        joint = joint_probability(below, above, chance).numpy()
        return float(weights @ joint @ weights) / active_fraction

    return alike(
        np.vectorize(overlap, otypes=[float]),
        checked_input_correlation(correlation),
        checked_autocorrelation(excitability_autocorrelation),
    )


@opened
def two_stream_similarity(
    position_correlation: Numbers,
    active_fraction: Share,
    context_share: Probability,
    autocorrelation: Alike,
    context_autocorrelation: Alike,
) -> xr.Dataset:
    """How alike the mean rates and the tuning of units are on two days, where places and context
    drive them.

    With K_ss' = kappa((1 - g) r c0(s, s') + g r_c): the rate correlation, over units, of activity
    averaged over places is [<K> - mu^2] / [<K_0> - mu^2], <> the mean over both places; the tuning
    correlation, over units and places, of maps less their own mean is [<K_ss> - <K>] / [<K_0,ss> -
    <K_0>]; K_0 is K of one day. Linear units have r_c and r where the inputs from the places have
    the mean 0 over places.

    Parameters
    ----------
    position_correlation : array
        (place, place_other) c0 of the inputs that tell the place.
    active_fraction : float
        f.
    context_share : float
        g.
    autocorrelation, context_autocorrelation : float or array
        r and r_c, of the weights of either stream between the days.

    Returns
    -------
    xarray.Dataset
        ``rate_correlation`` and ``tuning_correlation``, with the dims of the autocorrelations.

    Raises
    ------
    RefusedInputError
        If a correlation is out of range, the matrix is not square, or all places are alike.

    References
    ----------
    Derived here, for the observations of Geva et al. 2023; sampled twin ``circuits.run_sessions``.
    """
    similarity = _similarity_of_streams(position_correlation, active_fraction, context_share)
    lags = (
        checked_autocorrelation(autocorrelation),
        checked_autocorrelation(context_autocorrelation),
    )
    both = np.vectorize(similarity, otypes=[float, float])
    return xr.Dataset(
        {
            name: xr.DataArray(
                alike(lambda r, held, row=row: both(r, held)[row], *lags)
            ).assign_attrs(units="1")
            for row, name in enumerate(("rate_correlation", "tuning_correlation"))
        }
    )


def _similarity_of_streams(
    position_correlation: Any, fraction: float, share: float
) -> Callable[[float, float], tuple[float, float]]:
    """Function from r and r_c to the rate and the tuning correlation."""
    matrix = position_matrix(position_correlation)
    level = float(np.asarray(mean_activity(fraction))) ** 2
    # on a track or ring only few displacements differ, and each of them is integrated once
    distinct, counts = np.unique(np.append(matrix.round(12), 1.0), return_counts=True)
    weights = (counts - (distinct == 1.0)) / matrix.size

    def of_day(r: float, held: float) -> np.ndarray:
        kernel = np.asarray(
            kappa(np.clip((1 - share) * r * distinct + share * held, -1, 1), fraction)
        )
        mean = float(kernel @ weights)
        return np.array([mean - level, float(kernel[-1]) - mean])

    whole = of_day(1.0, 1.0)
    if not (whole > 1e-12).all():
        raise RefusedInputError(
            "all places have the same input, or all units the same rate, so that there is no "
            "correlation: give a corridor with cues."
        )
    return lambda r, held: tuple(of_day(r, held) / whole)


@opened
def stream_autocorrelations(
    rate_correlation: Numbers,
    tuning_correlation: Numbers,
    position_correlation: Numbers,
    active_fraction: Share,
    context_share: Share,
) -> xr.Dataset:
    """How much of the weights of either stream is left, from how alike rates and tuning are: the
    inverse of ``two_stream_similarity``.

    Thresholds mix the streams: a unit that the context has silenced has lost its tuning, too. Two
    correlations tell two autocorrelations.

    Parameters
    ----------
    rate_correlation, tuning_correlation : float or array
        Of two days, alike in shape.
    position_correlation, active_fraction, context_share
        As in ``two_stream_similarity``.

    Returns
    -------
    xarray.Dataset
        ``autocorrelation`` r and ``context_autocorrelation`` r_c, with the dims of the
        correlations; NaN where no autocorrelations from 0 to 1 give them.

    Raises
    ------
    RefusedInputError
        As ``two_stream_similarity``, or if shapes differ.
    """
    similarity = _similarity_of_streams(position_correlation, active_fraction, context_share)
    rates, tunings = xr.DataArray(rate_correlation), xr.DataArray(tuning_correlation)
    if rates.dims != tunings.dims or rates.shape != tunings.shape:
        raise RefusedInputError(
            f"rate_correlation and tuning_correlation must be alike in shape, got {rates.shape} "
            f"and {tunings.shape}: give both for each pair of days."
        )

    def solved(rate: float, tuning: float) -> np.ndarray:
        def miss(lags: np.ndarray) -> np.ndarray:
            return np.subtract(similarity(*lags), (rate, tuning))

        if not np.isfinite([rate, tuning]).all():
            return np.full(2, np.nan)
        start = np.clip([tuning, rate], 0.02, 0.98)
        solution = least_squares(miss, start, bounds=(0.0, 1.0), xtol=1e-10)
        return solution.x if np.abs(solution.fun).max() < MISS else np.full(2, np.nan)

    pairs = zip(rates.values.ravel(), tunings.values.ravel(), strict=True)
    solutions = np.array([solved(*pair) for pair in pairs])
    lags = solutions.reshape(*rates.shape, 2)
    return xr.Dataset(
        {
            name: rates.copy(data=lags[..., number]).assign_attrs(units="1")
            for number, name in enumerate(("autocorrelation", "context_autocorrelation"))
        }
    )
