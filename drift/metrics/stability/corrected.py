"""Similarity of two sessions with the noise of either taken out: what of the code is kept."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.metrics.labels import described
from drift.metrics.stability.compared_sessions import compared_sessions
from drift.metrics.stability.correlations import PAIRS, pair_coordinates, per_environment
from drift.metrics.stability.halves import with_halves
from drift.metrics.stability.matching import candidates, checked_matches
from drift.metrics.stability.pairs import comparable_pairs


@opened
@per_environment
def corrected_similarity(
    dataset: xr.Dataset,
    of: Literal["rate_map", "population_vector", "ensemble_rate"] = "rate_map",
    *,
    form: Literal["mean", "pooled"] = "mean",
    smoothing: Smoothing = 0.0,
    select: Literal["both", "either", "all"] = "both",
    keep: xr.DataArray | None = None,
    match_probability: xr.DataArray | None = None,
    across_environments: bool = False,
) -> xr.DataArray:
    """Similarity of every two sessions relative to what their noise allows: 1 for a code that
    stands still, however few events were recorded.

    With the halves a, b of session s and c, d of session t, r_i(a, b) the correlation of unit i,

        W_s = mean_i r_i(a, b),  B_st = mean_i [r_i(a, c) + r_i(a, d) + r_i(b, c) + r_i(b, d)] / 4,
        C_st = B_st / sqrt(W_s W_t).

    All three are taken over the same units, those that vary in all four halves, and over the places
    that are valid in all four, so that the same amount of recording enters each correlation. The
    pooled form puts sums of weighted covariances in the place of means of correlations,

        C_st = sum_i w_i cov_i(between) / sqrt(sum_i w_i cov_i(a, b) sum_i w_i cov_i(c, d)),

    w_i = 1 / (sd_i,s sd_i,t) of the maps of the whole sessions; units with few events, whose
    correlations are next to nothing, weigh less in it. These sd hold noise themselves, so that it
    reads about 5 % too high at 15 events a unit and session, 1.5 % at 40. The mean form exceeds 1
    where the two halves of sessions differ in noise (1 % where one has three of five trials), and
    where W_s is hardly known, by about the square of its relative error: with ten units of ten
    events that was 10 %, with fifty nothing. Smoothing lessens both.

    Units that are another cell in the other session take from it, too. With ``match_probability``
    that is undone, by the similarity of units to those that they may be taken for, the units that
    both sessions have, or the nearest of these where the field of view is known (``unit_x`` and
    ``unit_y``); see ``drift.metrics.stability.exchanges``.

    Population vectors are means over places of correlations across units; ensemble rates one
    correlation across units of their mean rates, over the time at each place of both sessions, so
    that another behaviour is no change.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` and, for ensemble rates, ``occupancy``
        (``measure(..., halves="trials")``), or of a network whose rates hold no noise, where C is
        the plain correlation.
    of : {"rate_map", "population_vector", "ensemble_rate"}
        What is compared.
    form : {"mean", "pooled"}
        Of correlations or of covariances.
    smoothing : float
        Standard deviation in bins of a Gaussian applied to all maps first; see ``smoothed``. None
        for ensemble rates.
    select : {"both", "either", "all"}
        Of rate maps: units that are place units in both sessions, in at least one, or all.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare; both sessions must keep the unit.
    match_probability : xarray.DataArray, optional
        (subject, session, session_other, unit) probability that a unit is the same cell in both,
        see ``metrics.match_probability``; NaN counts as the mean of the other units.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other), 1 on the diagonal; it may exceed 1 by chance. NaN where
        no unit is left, where W_s or W_t is not above 0 (nothing reliable is there to be kept),
        where so many units may be other cells that the standard error over units exceeds .5, and
        between environments. The attribute ``candidates`` says which units may be taken for which.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, no two sessions may be compared, or
        probabilities of matches do not fit.

    References
    ----------
    Spearman 1904, Am J Psychol 15:72 (correction for attenuation), with means over units; the
    correction for wrong matches is derived here.
    """
    halved = with_halves(dataset)
    pairs = comparable_pairs(halved, across_environments)
    matched = None if match_probability is None else checked_matches(halved, match_probability)
    values = np.full(pairs.shape, np.nan)
    for compared in compared_sessions(halved, pairs, of, form, smoothing, select, keep):
        similarity = compared.similarity
        if matched is not None and compared.first != compared.second and np.isfinite(similarity):
            own = matched[compared.subject, compared.first, compared.second]
            similarity = compared.exchange.undone(own[compared.units])
        values[compared.subject, compared.first, compared.second] = similarity
        values[compared.subject, compared.second, compared.first] = similarity
    array = xr.DataArray(values, dims=PAIRS, coords=pair_coordinates(halved, "subject", "session"))
    what = {"long_name": f"{of.replace('_', ' ')} similarity of two sessions, noise taken out"}
    if matched is not None:
        what["candidates"] = candidates(halved)
    return described(array, "corrected_similarity", **what)
