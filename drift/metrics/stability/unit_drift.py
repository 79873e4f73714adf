"""Correlations of each unit within and between sessions, from halves, and its index of drift."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.metrics.labels import described
from drift.metrics.stability.correlations import (
    PAIRS,
    kept_units,
    pair_coordinates,
    per_environment,
)
from drift.metrics.stability.half_pairs import half_pairs
from drift.metrics.stability.halves import map_vectors, with_halves
from drift.metrics.stability.pairs import comparable_pairs

LEAST = 0.001  # correlations below count as this much in the index of drift, as published


@opened
@per_environment
def half_correlations(
    dataset: xr.Dataset,
    smoothing: Smoothing = 0.0,
    keep: xr.DataArray | None = None,
    *,
    across_environments: bool = False,
) -> xr.Dataset:
    """Correlations of the maps of each unit within and between sessions, from halves of these.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network without noise.
    smoothing : float
        Standard deviation in bins of a Gaussian applied to all halves first; see ``smoothed``.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare; both sessions must keep the unit.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.Dataset
        ``within`` (subject, session, session_other, unit): r_i(a, b) of the halves of ``session``;
        ``between``: mean of r_i over the four pairs of a half of either session, on the diagonal
        r_i(a, b) again. Both over the places that are valid in all four halves; NaN where a half
        does not vary, and between environments.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.
    """
    halved = with_halves(dataset)
    pairs, compared_units = comparable_pairs(halved, across_environments), kept_units(halved, keep)
    shape = (*pairs.shape, halved.sizes["unit"])
    within, between = np.full(shape, np.nan), np.full(shape, np.nan)
    for subject in range(shape[0]):
        halves = map_vectors(halved, subject, "rate_map", smoothing)
        for pair in half_pairs(halves, pairs[subject]):
            ahead = subject, pair.first, pair.second
            back = subject, pair.second, pair.first
            correlations = pair.correlations
            compared = compared_units[subject, pair.first] & compared_units[subject, pair.second]
            compared = compared & np.isfinite(correlations).all(axis=(1, 2))
            correlations[~compared] = np.nan
            within[ahead], within[back], both_ways = pair.within_between(correlations)
            between[ahead] = between[back] = both_ways
    coords = pair_coordinates(halved, "subject", "session", "unit")
    meanings = {
        "within": (within, "correlation of rate maps between halves of the session"),
        "between": (between, "mean correlation of rate maps between halves of two sessions"),
    }
    return xr.Dataset(
        {
            name: ((*PAIRS, "unit"), values, {"units": "1", "long_name": meaning})
            for name, (values, meaning) in meanings.items()
        },
        coords=coords,
    )


@opened
@per_environment
def drift_index(
    dataset: xr.Dataset,
    smoothing: Smoothing = 0.0,
    keep: xr.DataArray | None = None,
    *,
    across_environments: bool = False,
) -> xr.DataArray:
    """Representational drift index of each unit between every two sessions.

    RDI_i = (W_i - B_i) / (W_i + B_i), W_i the mean of the correlations within either session and
    B_i that between them (``half_correlations``), each at least .001: 0 where the maps of two
    sessions are as alike as two halves of one, towards 1 where nothing is kept.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network without noise.
    smoothing : float
        Standard deviation in bins of a Gaussian applied to all halves first; see ``smoothed``.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare; both sessions must keep the unit.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other, unit); negative where sessions are more alike than their
        halves, NaN where a half does not vary, and between environments.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    References
    ----------
    Marks & Goard 2021, Nat Commun 12:5169.
    """
    halves = half_correlations(dataset, smoothing, keep, across_environments=across_environments)
    swapped = {"session": "session_other", "session_other": "session"}
    back = halves["within"].drop_vars(["session", "session_other"], errors="ignore").rename(swapped)
    within = (halves["within"].values + back.transpose(*halves["within"].dims).values) / 2
    within, between = np.maximum(within, LEAST), np.maximum(halves["between"].values, LEAST)
    index = halves["between"].copy(data=(within - between) / (within + between))
    return described(index, "drift_index")
