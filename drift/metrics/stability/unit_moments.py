"""Similarity of rate maps from what each unit adds to it, so that units can weigh more or less."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.errors import RefusedInputError
from drift.metrics.stability.correlations import (
    PAIRS,
    kept_units,
    pair_coordinates,
    rate_map_correlation,
)
from drift.metrics.stability.half_pairs import half_pairs
from drift.metrics.stability.halves import map_vectors, with_halves
from drift.metrics.stability.pairs import comparable_pairs
from drift.metrics.stability.unit_drift import half_correlations
from drift.schema.labelled_form import check

Similarity = Literal["corrected_similarity", "rate_map_correlation"]
TIMES = ("elapsed", "environment")
Select = Literal["both", "either", "all"]


def unit_moments(
    dataset: xr.Dataset,
    of: Similarity,
    smoothing: float = 0.0,
    select: Select = "both",
    keep: xr.DataArray | None = None,
) -> xr.Dataset:
    """What each unit adds to the similarity of every two sessions.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset of one environment at a time (no dim ``environment``).
    of : {"corrected_similarity", "rate_map_correlation"}
        Of halves, noise taken out, or of whole maps.
    smoothing, select, keep
        See ``corrected_similarity``.

    Returns
    -------
    xarray.Dataset
        (subject, session, session_other, unit), NaN for units that do not enter: of halves
        ``between`` and ``within`` (of ``session``), or ``plain`` of whole maps; with the
        coordinates ``elapsed`` and, where known, ``environment`` (subject, session).
    """
    refuse_environments(dataset, "an interval")
    entering = _entering(dataset, select)
    if of == "rate_map_correlation":
        plain = rate_map_correlation(dataset, smoothing, keep)
        moments = xr.Dataset({"plain": plain.drop_attrs()})
    else:
        moments = half_correlations(dataset, smoothing, keep)
    moments = moments.where(xr.DataArray(entering, dims=(*PAIRS, "unit")))
    return moments.assign_coords(
        {name: dataset[name].variable for name in TIMES if name in dataset.coords}
    )


def _entering(dataset: xr.Dataset, select: Select) -> np.ndarray:
    """(subject, session, session_other, unit) bool by the place units of both sessions."""
    if select == "all":
        sizes = dataset.sizes
        return np.ones([sizes[dim] for dim in ("subject", "session", "session", "unit")], bool)
    check(dataset, "place_unit")
    place = dataset["place_unit"].transpose("subject", "session", "unit").values == 1
    first, second = place[:, :, np.newaxis], place[:, np.newaxis]
    return first & second if select == "both" else first | second


def weighed_similarity(moments: xr.Dataset, shares: xr.DataArray) -> xr.DataArray:
    """Similarity of every two sessions of units that weigh as their shares say.

    Parameters
    ----------
    moments : xarray.Dataset
        Of ``unit_moments``.
    shares : xarray.DataArray
        ([draw,] subject[, unit]); of even ones, or without units, the similarity as it is
        reported.

    Returns
    -------
    xarray.DataArray
        ([draw,] subject, session, session_other).
    """
    if "unit" not in shares.dims:
        shares = shares.expand_dims(unit=moments.sizes["unit"])
    total = {name: _total(moments[name], shares) for name in moments.data_vars}
    if "plain" in total:
        weight = _total(moments["plain"].notnull().where(moments["plain"].notnull()), shares)
        values = np.divide(
            total["plain"], weight, out=np.full(weight.shape, np.nan), where=weight > 0
        )
    else:
        within = total["within"]
        product = within * np.swapaxes(within, -1, -2)
        reliable = (within > 0) & (np.swapaxes(within, -1, -2) > 0)
        scale = np.sqrt(np.where(reliable, product, np.nan))
        values = total["between"] / scale
    dims = (*(dim for dim in shares.dims if dim == "draw"), *PAIRS)
    return xr.DataArray(values, dims=dims, coords=pair_coordinates(moments, "subject", "session"))


def _total(values: xr.DataArray, shares: xr.DataArray) -> np.ndarray:
    """([draw,] subject, session, session_other) sums over units by their shares."""
    numbers = np.nan_to_num(values.transpose(*PAIRS, "unit").values.astype(float))
    weights = shares.transpose(..., "subject", "unit").values
    sums = [
        weights[..., subject, :] @ own.reshape(-1, own.shape[-1]).T
        for subject, own in enumerate(numbers)
    ]
    return np.stack(sums, axis=-2).reshape(*weights.shape[:-2], *numbers.shape[:-1])


@opened
def unrelated_similarity(
    dataset: xr.Dataset,
    smoothing: Smoothing = 0.0,
    select: Select = "both",
    keep: xr.DataArray | None = None,
) -> xr.DataArray:
    """Similarity of a unit to the *other* units, noise taken out: what is left of a code all of
    whose fields were drawn anew.

    mean_(i != j) corr(a_i, c_j) over halves, places and units as in ``corrected_similarity``,
    divided by sqrt(W_s W_t) as there. Units whose maps have no place in common with the rest are
    left out.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` or of a network without noise, and ``place_unit``.
    smoothing, select, keep
        See ``corrected_similarity``.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other), NaN where fewer than two units enter.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    References
    ----------
    Derived here.
    """
    refuse_environments(dataset, "similarity of unrelated units")
    halved = with_halves(dataset)
    pairs, compared = comparable_pairs(halved), kept_units(halved, keep)
    entering, values = _entering(halved, select), np.full(pairs.shape, np.nan)
    for subject in range(len(values)):
        halves = map_vectors(halved, subject, "rate_map", smoothing)
        for pair in half_pairs(halves, pairs[subject]):
            sessions = [pair.first, pair.second]
            members = entering[subject, pair.first, pair.second]
            members = members & compared[subject, sessions].all(axis=0)
            members = members & np.isfinite(pair.correlations).all(axis=(1, 2))
            ratio = _between_units(halves[members][:, sessions])
            values[(subject, *sessions)] = values[(subject, *sessions[::-1])] = ratio
    return xr.DataArray(values, dims=PAIRS, coords=pair_coordinates(halved, "subject", "session"))


def refuse_environments(dataset: xr.Dataset, what: str) -> None:
    """Refuse maps of a network in several environments, which lie along a dim."""
    if "environment" in dataset.dims:
        raise RefusedInputError(
            f"{what} takes maps of one environment, got a dim environment: take one of them, "
            "dataset.isel(environment=0)."
        )


def _between_units(maps: np.ndarray) -> float:
    """Mean correlation between halves of different units over that between halves of the same;
    ``maps`` (unit, session, half, place)."""
    shared = np.isfinite(maps).all(axis=(0, 1, 2))
    if len(maps) < 2 or shared.sum() < 2:
        return np.nan
    centred = maps[..., shared] - maps[..., shared].mean(axis=-1, keepdims=True)
    norm = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    if not (norm > 0).all():
        return np.nan
    unit = centred / norm
    own = np.einsum("ushx,utgx->shtg", unit, unit)  # each unit with itself
    total = np.einsum("shx,tgx->shtg", unit.sum(axis=0), unit.sum(axis=0))
    between = (total - own)[0, :, 1].mean() / (len(maps) - 1)
    within = own[0, 0, 0, 1], own[1, 0, 1, 1]
    return float(between / np.sqrt(within[0] * within[1])) if min(within) > 0 else np.nan
