"""Noise covariance of a code within a condition, from the two halves of each session."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.geometry.vectors import (
    Array,
    DriftVectors,
    condition_maps,
    conditions_of,
    recorded_units,
)
from drift.metrics.stability.correlations import per_environment
from drift.metrics.stability.pairs import comparable_pairs

DIMS = ("subject", "session", "unit", "unit_other")
FROM_HALVES, FROM_TRIALS = "halves", "trials"


@opened
@per_environment
def noise_covariance(dataset: xr.Dataset, keep: xr.DataArray | None = None) -> xr.DataArray:
    """Covariance between units of the noise of the map of a session, mean over its places.

    With the halves a, b of a session, S = mean over conditions of (a - b)(a - b)' / 4 is the noise
    covariance of their mean. Its rank is at most the number of conditions. It is made of the same
    halves as drift vectors of the session, so that ``drift_alignment`` takes it from sessions other
    than the two that it compares; ``trial_noise_covariance`` needs no other sessions.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` (``measure(..., halves="trials")``).
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to measure.

    Returns
    -------
    xarray.DataArray
        (subject, session, unit, unit_other), squared units of the rate; NaN for units that were not
        recorded.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves.
    """
    halved = conditions_of(dataset)
    maps = condition_maps(halved).transpose("subject", "session", "half", "condition", "unit")
    rates, member = maps.values.astype(float), recorded_units(halved, keep)
    values = [
        [_of_halves(*rows) for rows in zip(*own, strict=True)]
        for own in zip(rates, member, strict=True)
    ]
    return labelled(np.array(values), halved, FROM_HALVES)


def _of_halves(halves: Array, member: NDArray[np.bool_]) -> Array:
    """(unit, unit) of (half, condition, unit)."""
    noise = (halves[0] - halves[1]) / 2
    conditions = np.isfinite(noise[:, member]).any(axis=1)
    noise = np.where(member, noise, np.nan)[conditions]
    return np.asarray(noise.T @ noise / max(len(noise), 1)) if len(noise) else _nothing(member)


def _nothing(member: NDArray[np.bool_]) -> Array:
    return np.full((member.size, member.size), np.nan)


def labelled(values: Array, dataset: xr.Dataset, source: str) -> xr.DataArray:
    """Covariances with the labels of a Dataset.

    Parameters
    ----------
    values : numpy.ndarray
        (subject, session, unit, unit_other).
    dataset : xarray.Dataset
        With the coordinates of subjects and sessions, and ``rate``.
    source : {"halves", "trials"}
        What they were computed from.
    """
    units = str(dataset["rate"].attrs.get("units", "1")) if "rate" in dataset else "1"
    attrs = {
        "units": units if units == "1" else f"({units})^2",
        "long_name": "noise covariance of the map of a session, mean over conditions",
        "source": source,
    }
    coords = {dim: dataset[dim].values for dim in DIMS[:2] if dim in dataset.coords}
    return xr.DataArray(values, dims=DIMS, coords=coords, attrs=attrs)


class PairNoise:
    """Noise covariances of a recording, for each pair of sessions one that shares no noise with
    their drift vectors."""

    def __init__(self, dataset: xr.Dataset, noise: xr.DataArray | None) -> None:
        covariance = noise_covariance(dataset) if noise is None else noise
        self.apart = covariance.attrs.get("source", FROM_TRIALS) == FROM_HALVES
        self.values = _fitting(covariance, dataset)
        self.comparable = comparable_pairs(dataset)

    def of(self, vectors: DriftVectors) -> tuple[DriftVectors, Array] | None:
        """Vectors over the units whose noise is known, and their (unit, unit) noise covariance;
        None where there is none.

        Of trials that of the two sessions, of halves that of all others of the environment.
        """
        subject, *both = vectors.at
        sessions = np.isin(np.arange(len(self.comparable[0])), both)
        if self.apart:
            sessions = self.comparable[subject, both].all(axis=0) & ~sessions
        rows = np.ix_(np.flatnonzero(sessions), vectors.units, vectors.units)
        covariance, present = _mean(self.values[subject][rows])
        if present.sum() < 2 or not covariance.any():
            return None
        fewer = vectors._replace(
            units=vectors.units[present],
            before=vectors.before[..., present],
            after=vectors.after[..., present],
        )
        return fewer, covariance[np.ix_(present, present)]


def _mean(covariances: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Mean over sessions, and (unit) which were in any; two units that were never recorded together
    count as independent."""
    present = np.isfinite(covariances)
    count = present.sum(axis=0)
    total = np.where(present, covariances, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.zeros(total.shape), where=count > 0)
    return mean, np.diagonal(count) > 0


def _fitting(covariance: xr.DataArray, dataset: xr.Dataset) -> Array:
    """(subject, session, unit, unit) of the subjects, sessions and units of a Dataset."""
    if not set(covariance.dims) == set(DIMS):
        raise RefusedInputError(
            f"noise was expected over {', '.join(DIMS)}, got the dims {covariance.dims}: pass the "
            "result of metrics.noise_covariance or metrics.trial_noise_covariance."
        )
    ordered = covariance.transpose(*DIMS)
    for dim in DIMS[:2]:
        if dim in ordered.coords and dim in dataset.coords:
            ordered = ordered.reindex({dim: dataset[dim].values})
    sizes = tuple(dataset.sizes[dim] for dim in ("subject", "session", "unit", "unit"))
    values = ordered.values[..., : sizes[2], : sizes[2]]
    if values.shape != sizes:
        raise RefusedInputError(
            f"noise was expected of the {sizes[2]} units of the Dataset in {sizes[1]} sessions, "
            f"got {ordered.sizes['unit']} in {ordered.sizes['session']}: compute it from the "
            "sessions that were measured."
        )
    return np.asarray(values, dtype=float)
