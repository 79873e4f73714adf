"""Similarity of two sessions with the noise of either taken out: what of the code is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

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
from drift.metrics.stability.half_pairs import (
    HalfPair,
    half_deviations,
    half_pairs,
    half_rate_pairs,
)
from drift.metrics.stability.halves import map_vectors, with_halves
from drift.metrics.stability.pairs import comparable_pairs
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dims

Code = Literal["rate_map", "population_vector", "ensemble_rate"]


class _Selection(NamedTuple):
    """Which units of one subject enter: those kept in both sessions and, of rate maps, place units
    in both or in either."""

    of: Code
    compared: np.ndarray  # (session, unit) bool
    place: np.ndarray | None  # (session, unit) bool
    select: str

    @property
    def by_unit(self) -> np.ndarray:
        """(unit, session, 1, 1) bool."""
        return self.compared.T[:, :, np.newaxis, np.newaxis]

    def of_maps(self, first: int, second: int) -> np.ndarray:
        """(unit) bool for a pair of sessions."""
        both = self.compared[first] & self.compared[second]
        if self.place is None or self.select == "all":
            return both
        flags = self.place[first], self.place[second]
        return both & (flags[0] & flags[1] if self.select == "both" else flags[0] | flags[1])


@opened
@per_environment
def corrected_similarity(
    dataset: xr.Dataset,
    of: Code = "rate_map",
    *,
    form: Literal["mean", "pooled"] = "mean",
    smoothing: Smoothing = 0.0,
    select: Literal["both", "either", "all"] = "both",
    keep: xr.DataArray | None = None,
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
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other), 1 on the diagonal; it may exceed 1 by chance. NaN where
        no unit is left, where W_s or W_t is not above 0 (nothing reliable is there to be kept), and
        between environments.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    References
    ----------
    Spearman 1904, Am J Psychol 15:72 (correction for attenuation), with means over units.
    """
    halved = with_halves(dataset)
    pairs = comparable_pairs(halved, across_environments)
    selections = _selections(halved, of, select, keep)
    values = np.full(pairs.shape, np.nan)
    for subject, selection in enumerate(selections):
        for pair, weight in _weighted(halved, subject, pairs[subject], selection, form, smoothing):
            counted = selection.of_maps(pair.first, pair.second) if of == "rate_map" else True
            similarity = _ratio(pair, weight, counted)
            values[subject, pair.first, pair.second] = similarity
            values[subject, pair.second, pair.first] = similarity
    array = xr.DataArray(values, dims=PAIRS, coords=pair_coordinates(halved, "subject", "session"))
    what = {"long_name": f"{of.replace('_', ' ')} similarity of two sessions, noise taken out"}
    return described(array, "corrected_similarity", **what)


def _weighted(
    dataset: xr.Dataset,
    subject: int,
    pairs: np.ndarray,
    selection: _Selection,
    form: str,
    smoothing: float,
) -> Iterator[tuple[HalfPair, np.ndarray | None]]:
    """Pairs of sessions of one subject, with the weights of its items in the pooled form."""
    of = selection.of
    if of == "ensemble_rate":
        halves = np.where(selection.by_unit, map_vectors(dataset, subject, "rate_map", 0.0), np.nan)
        time = dataset["occupancy"].isel(subject=subject).fillna(0.0)
        ordered = time.transpose("session", *map_dims(time)).values
        for pair in half_rate_pairs(halves, ordered.reshape(len(pairs), -1), pairs):
            yield pair, np.ones(1) if form == "pooled" else None
        return
    halves = map_vectors(dataset, subject, of, smoothing)
    if of == "population_vector":
        halves = np.where(selection.compared[:, np.newaxis], halves, np.nan)
    whole = map_vectors(dataset, subject, of, smoothing, "rate") if form == "pooled" else None
    for pair in half_pairs(halves, pairs):
        yield pair, None if whole is None else half_deviations(whole, halves, pair).prod(axis=1)


def _selections(
    dataset: xr.Dataset, of: Code, select: str, keep: xr.DataArray | None
) -> list[_Selection]:
    """One for each subject."""
    compared = kept_units(dataset, keep)
    if of != "rate_map" or select == "all":
        return [_Selection(of, row, None, select) for row in compared]
    check(dataset, "place_unit")
    place = dataset["place_unit"].transpose("subject", "session", "unit").values == 1
    return [_Selection(of, row, flags, select) for row, flags in zip(compared, place, strict=True)]


def _ratio(
    pair: HalfPair, scale: np.ndarray | None, counted: np.ndarray | bool
) -> float | np.floating:
    """Between over the geometric mean of both within, over the items that vary in all halves."""
    correlations = pair.correlations
    used = np.isfinite(correlations).all(axis=(1, 2)) & counted
    if not used.any():
        return np.nan
    moments = correlations[used]
    if scale is not None:
        moments = pair.products[used] / scale[used][:, np.newaxis, np.newaxis]
    within, within_other, between = (moment.mean() for moment in pair.within_between(moments))
    if not (within > 0 and within_other > 0):
        return np.nan
    return between / np.sqrt(within * within_other)
