"""How much of the code for place is kept between sessions of one subject."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.errors import RefusedInputError
from drift.metrics.directions import Directions
from drift.metrics.labels import described, require_dims
from drift.metrics.maps import smoothed
from drift.metrics.stability.pairs import comparable_pairs, pairwise_pearson
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dims

Labelled = TypeVar("Labelled", xr.DataArray, xr.Dataset)
PAIRS = ("subject", "session", "session_other")


def per_environment(measure: Callable[..., Labelled]) -> Callable[..., Labelled]:
    """Apply a measure to each environment of a Dataset that has several; they lie along the last
    dim of the result."""

    @functools.wraps(measure)
    def measured(dataset: xr.Dataset, *args: Any, **options: Any) -> Labelled:
        if "environment" not in getattr(dataset, "dims", ()):
            return measure(dataset, *args, **options)
        correlations = [
            measure(dataset.isel(environment=environment), *args, **options)
            for environment in range(dataset.sizes["environment"])
        ]
        return (
            xr.concat(correlations, dim=dataset["environment"])
            .transpose(..., "environment")
            .assign_attrs(correlations[0].attrs)
        )

    return measured


def pair_coordinates(dataset: xr.Dataset, *dims: str) -> dict:
    """Coordinates of values over pairs of sessions: those of these dims, and ``session_other``."""
    coords = {dim: dataset[dim].values for dim in dims if dim in dataset.coords}
    return (
        {**coords, "session_other": dataset["session"].values}
        if "session" in dataset.coords
        else coords
    )


def kept_units(dataset: xr.Dataset, keep: xr.DataArray | None) -> np.ndarray:
    """(subject, session, unit) bool, the units that a caller wants to compare."""
    shape = tuple(dataset.sizes[dim] for dim in ("subject", "session", "unit"))
    if keep is None:
        return np.ones(shape, dtype=bool)
    if not set(keep.dims) <= {"subject", "session", "unit"}:
        raise RefusedInputError(
            f"keep was expected over subject, session and unit, got the dims {keep.dims}: "
            "take one of each other dim."
        )
    frame = xr.DataArray(np.ones(shape, dtype=bool), dims=("subject", "session", "unit"))
    return (
        (frame & (keep.reset_coords(drop=True).drop_vars(keep.dims, errors="ignore") == 1))
        .transpose(*frame.dims)
        .values
    )


def _maps(
    dataset: xr.Dataset, subject: int, first: str, second: str, smoothing: float = 0.0
) -> np.ndarray:
    """Maps of one subject as (first, session, second), where "place" stands for all places (or
    stimuli) and directions."""
    rate = dataset["rate"].isel(subject=subject)
    rate = smoothed(rate, smoothing) if smoothing else rate
    cells = map_dims(rate)
    order = [
        dim for name in (first, "session", second) for dim in (cells if name == "place" else [name])
    ]
    values = rate.transpose(*order).values.astype(float)
    units, sessions = rate.sizes["unit"], rate.sizes["session"]
    return values.reshape((units, sessions, -1) if first == "unit" else (-1, sessions, units))


def _by_subject(
    dataset: xr.Dataset, measure: Callable[[int], np.ndarray], across: bool
) -> np.ndarray:
    """Stack what is measured on each subject, NaN for pairs of sessions that may not be
    compared."""
    pairs = comparable_pairs(dataset, across)
    results = [measure(subject) for subject in range(dataset.sizes["subject"])]
    return np.stack(
        [
            np.where(
                pairs[subject].reshape(*pairs[subject].shape, *[1] * (result.ndim - 2)),
                result,
                np.nan,
            )
            for subject, result in enumerate(results)
        ]
    )


def _unit_maps(
    dataset: xr.Dataset, subject: int, smoothing: float, directions: Directions
) -> np.ndarray:
    """(unit, session, place and direction), or (direction x unit, session, place): units in each
    direction as units of their own."""
    if directions == "joint":
        return _maps(dataset, subject, "unit", "place", smoothing)
    rate = require_dims(dataset["rate"], "rate", "direction")
    apart = [
        _maps(dataset.assign(rate=rate.isel(direction=way)), subject, "unit", "place", smoothing)
        for way in range(rate.sizes["direction"])
    ]
    return np.concatenate(apart)


def _map_correlation(
    dataset: xr.Dataset,
    subject: int,
    smoothing: float,
    mask: np.ndarray,
    directions: Directions,
) -> np.ndarray:
    """(session, session, unit) of one subject, or with directions apart (..., direction x unit)."""
    maps = _unit_maps(dataset, subject, smoothing, directions)
    correlation = np.moveaxis(pairwise_pearson(maps), 0, -1)
    keep = np.tile(mask[subject], len(maps) // mask.shape[-1])
    return np.where(keep[:, np.newaxis] & keep[np.newaxis], correlation, np.nan)


def mean_over(values: np.ndarray, mask: np.ndarray, axis: int) -> np.ndarray:
    """Mean of the finite values where the mask holds; NaN where there is none."""
    mask = mask & np.isfinite(values)
    count = mask.sum(axis=axis)
    total = np.where(mask, values, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


@opened
@per_environment
def rate_map_correlation(
    dataset: xr.Dataset,
    smoothing: Smoothing = 0.0,
    keep: xr.DataArray | None = None,
    *,
    across_environments: bool = False,
    directions: Directions = "joint",
) -> xr.DataArray:
    """Pearson correlation of the rate map of each unit between every two sessions.

    The sum runs over the places (and directions) that are valid in both sessions.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` (subject, session, unit, place[, direction]) and, if
        units are not tracked throughout, the coordinate ``unit_identity`` (subject, session);
        sessions in different rooms are labelled by ``environment`` (subject, session).
    smoothing : float
        Standard deviation in bins of a Gaussian applied first; see ``smoothed``.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare; both sessions must keep the unit.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.
    directions : {"joint", "apart"}
        Correlate maps over place and direction, or the map of each running direction by itself.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other, unit), with directions apart (..., unit, direction); NaN
        where the unit is silent or absent in one of the two, has a flat map, or where the sessions
        do not share the identity of their units or their environment.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Fig. 2E; Sheintuch et al. 2023 (tuning curve correlation,
    unsmoothed).
    """
    check(dataset, "rate")
    mask = kept_units(dataset, keep)

    values = _by_subject(
        dataset,
        lambda subject: _map_correlation(dataset, subject, smoothing, mask, directions),
        across_environments,
    )
    ways = ["direction"] if directions == "apart" else []
    units = dataset.sizes["unit"]
    if ways:
        values = np.swapaxes(values.reshape(*values.shape[:-1], -1, units), -1, -2)
    result = xr.DataArray(
        values,
        dims=(*PAIRS, "unit", *ways),
        coords=pair_coordinates(dataset, "subject", "session", "unit", *ways),
    )
    return described(result, "rate_map_correlation")


@opened
@per_environment
def mean_rate_map_correlation(
    dataset: xr.Dataset,
    smoothing: Smoothing = 0.0,
    select: Literal["both", "either"] = "both",
    keep: xr.DataArray | None = None,
    *,
    across_environments: bool = False,
    directions: Directions = "joint",
) -> xr.DataArray:
    """Rate-map correlation between every two sessions, averaged over place units.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and ``place_unit``.
    smoothing : float
        Standard deviation in bins; the drift paper takes 6 of 100 bins.
    select : {"both", "either"}
        Average over units that are place units in both sessions (drift paper) or in at least one
        (Sheintuch et al.).
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to compare; both sessions must keep the unit.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.
    directions : {"joint", "apart"}
        Correlate maps over place and direction; or take the map of a unit in each running direction
        by itself, with ``place_unit_by_direction`` for ``select``, and average over all of these
        unit-directions together: with "either" and no smoothing the convention of Sheintuch et al.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other); NaN where no unit is left and between environments.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared, or ``select`` is unknown.

    References
    ----------
    Ratzon, Derdikman & Barak 2024, Fig. 2E; Sheintuch et al. 2023.
    """
    name = "place_unit_by_direction" if directions == "apart" else "place_unit"
    check(dataset, "rate", name)
    if select not in ("both", "either"):
        raise RefusedInputError(
            f'select must be "both" or "either" sessions, got {select!r}: say in which a unit '
            "must be a place unit."
        )
    mask = kept_units(dataset, keep)
    ways = ["direction"] if directions == "apart" else []
    flags = dataset[name].transpose("subject", "session", *ways, "unit").values == 1
    flags = flags.reshape(*flags.shape[:2], -1)  # as _unit_maps has them

    def of_subject(subject: int) -> np.ndarray:
        first, second = flags[subject][:, np.newaxis], flags[subject][np.newaxis]
        return mean_over(
            _map_correlation(dataset, subject, smoothing, mask, directions),
            first & second if select == "both" else first | second,
            -1,
        )

    result = xr.DataArray(
        _by_subject(dataset, of_subject, across_environments),
        dims=PAIRS,
        coords=pair_coordinates(dataset, "subject", "session"),
    )
    return described(result, "rate_map_correlation")


@opened
@per_environment
def population_vector_correlation(
    dataset: xr.Dataset, keep: xr.DataArray | None = None, *, across_environments: bool = False
) -> xr.DataArray:
    """Pearson correlation across units at each place (and direction) between every two sessions,
    averaged over places.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units that enter the vectors.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other), over units observed in both sessions; silent units count
        with rate 0.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared.

    References
    ----------
    Sheintuch et al. 2023 (population vector correlation).
    """
    check(dataset, "rate")
    mask = kept_units(dataset, keep)

    def of_subject(subject: int) -> np.ndarray:
        vectors = np.where(mask[subject], _maps(dataset, subject, "place", "unit"), np.nan)
        correlation = pairwise_pearson(vectors)
        return mean_over(correlation, np.ones(correlation.shape, dtype=bool), 0)

    result = xr.DataArray(
        _by_subject(dataset, of_subject, across_environments),
        dims=PAIRS,
        coords=pair_coordinates(dataset, "subject", "session"),
    )
    return described(result, "population_vector_correlation")


@opened
@per_environment
def ensemble_rate_correlation(
    dataset: xr.Dataset, absent: float = np.nan, *, across_environments: bool = False
) -> xr.DataArray:
    """Pearson correlation across units of their mean rates between every two sessions.

    rbar = sum_x p(x) r(x), with p = occupancy normalised over the valid places. By default only
    units observed in both sessions count.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and ``occupancy``.
    absent : float
        Mean rate of a unit that was not observed in a session; NaN leaves it out, 0 is the
        published choice.
    across_environments : bool
        Compare sessions of different environments, too; they are NaN otherwise.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other).

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared.

    References
    ----------
    Sheintuch et al. 2023 (ensemble rate correlation; there absent units count as 0).
    """
    check(dataset, "rate", "occupancy")
    cells = map_dims(dataset["rate"])
    time = dataset["occupancy"].where(dataset["rate"].notnull())
    mean = (dataset["rate"] * time).sum(cells, min_count=1) / time.sum(cells, min_count=1)
    vectors = mean.fillna(absent).transpose("subject", "session", "unit").values
    values = _by_subject(
        dataset,
        lambda subject: pairwise_pearson(vectors[subject][np.newaxis])[0],
        across_environments,
    )
    result = xr.DataArray(
        values, dims=PAIRS, coords=pair_coordinates(dataset, "subject", "session")
    )
    return described(result, "ensemble_rate_correlation")


@opened
def shuffled_identity(dataset: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Copy in which the units of each session have changed places: the control for every measure
    that compares units.

    The units recorded in a session move along a random ring, each with all its variables, so that
    everything but identity is kept. As long as sessions record the same units and are fewer than
    these, no unit is compared with itself.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``.
    rng : numpy.random.Generator
        Source of the rings, one for each subject.

    Returns
    -------
    xarray.Dataset
        The correlation of a session with itself is still 1; between different sessions it is near
        0.
    """
    check(dataset, "rate")
    cells = map_dims(dataset["rate"])
    recorded = dataset["rate"].notnull().any(cells).transpose("subject", "session", "unit").values
    order = np.broadcast_to(np.arange(recorded.shape[-1]), recorded.shape).copy()
    for subject_index in range(recorded.shape[0]):
        ring = rng.permutation(recorded.shape[-1])
        for session_index, present in enumerate(recorded[subject_index]):
            members = ring[present[ring]]
            # Each session turns the ring one unit further than the one before, so that no unit
            # meets itself again.
            order[subject_index, session_index, members] = np.roll(members, session_index)
    indexer = xr.DataArray(order, dims=("subject", "session", "unit"))
    subject, session = (
        xr.DataArray(np.arange(dataset.sizes[dim]), dims=dim) for dim in ("subject", "session")
    )
    by_unit = [
        name
        for name, variable in dataset.data_vars.items()
        if {"subject", "session", "unit"} <= set(variable.dims)
    ]
    pick = {"subject": subject, "session": session, "unit": indexer}
    moved = {
        name: dataset[name]
        .reset_coords(drop=True)
        .isel(pick)
        .transpose(*dataset[name].dims)
        .variable
        for name in by_unit
    }
    return dataset.assign(moved)
