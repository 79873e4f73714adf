"""How alike two halves of one session are: the noise of its maps, and their reliability."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Smoothing
from drift.errors import RefusedInputError
from drift.metrics.labels import described
from drift.metrics.maps import smoothed
from drift.metrics.stability.correlations import kept_units, mean_over, per_environment
from drift.metrics.stability.pairs import pairwise_pearson
from drift.schema.labelled_form import check
from drift.schema.map_dims import map_dims

Code = Literal["rate_map", "population_vector"]
PER_SESSION = ("subject", "session", "unit")


def has_halves(dataset: xr.Dataset) -> bool:
    """Tell whether maps of two halves of each session are known: from the recording, or because
    rates hold no noise.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    """
    if "rate_half" in dataset:
        return dataset["rate_half"].sizes.get("half") == 2
    return "occupancy" in dataset and dataset["occupancy"].attrs.get("units") == "sample"


def with_halves(dataset: xr.Dataset) -> xr.Dataset:
    """Dataset with maps of two halves of each session.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``; or of a network or a circuit whose rates hold no
        noise, which is known by an ``occupancy`` in samples: halves of those are equal.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    RefusedInputError
        If it has noisy rates and no halves.
    """
    if "rate_half" in dataset and has_halves(dataset):
        return check(dataset, "rate", "rate_half")
    if has_halves(dataset):
        exact = check(dataset, "rate", "occupancy")[["rate", "occupancy"]].expand_dims(half=2)
        return dataset.assign({f"{name}_half": values for name, values in exact.items()})
    raise RefusedInputError(
        "noise of maps is known from two halves of each session (rate_half), got a Dataset "
        'without them: measure the sessions with halves="trials" or "time", or a network as it '
        "is, with occupancy in samples."
    )


def map_vectors(
    dataset: xr.Dataset, subject: int, of: Code, smoothing: float, name: str = "rate_half"
) -> np.ndarray:
    """What is correlated of one subject: maps of units over places, or vectors at places over
    units.

    Parameters
    ----------
    dataset : xarray.Dataset
        With ``rate_half``.
    subject : int
        Position of the subject.
    of : {"rate_map", "population_vector"}
        Which of these.
    smoothing : float
        Standard deviation in bins of a Gaussian applied to each map first.
    name : {"rate_half", "rate"}
        Of halves, or of whole sessions.

    Returns
    -------
    numpy.ndarray
        (item, session[, half], feature).
    """
    rate = dataset[name].isel(subject=subject)
    rate = smoothed(rate, smoothing) if smoothing else rate
    rows, cells = [dim for dim in ("session", "half") if dim in rate.dims], map_dims(rate)
    shape = [rate.sizes[dim] for dim in rows]
    if of == "population_vector":
        ordered = rate.transpose(*cells, *rows, "unit").values.astype(float)
        return np.asarray(ordered.reshape(-1, *shape, rate.sizes["unit"]))
    ordered = rate.transpose("unit", *rows, *cells).values.astype(float)
    return np.asarray(ordered.reshape(rate.sizes["unit"], *shape, -1))


@opened
@per_environment
def within_session_correlation(
    dataset: xr.Dataset, smoothing: Smoothing = 0.0, keep: xr.DataArray | None = None
) -> xr.DataArray:
    """Pearson correlation of the maps of each unit in the two halves of a session.

    W_i = corr(a_i, b_i) over the places (and directions) that are valid in both halves. Networks
    without noise have 1.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` (``measure(..., halves="trials")``), or of a network
        without noise.
    smoothing : float
        Standard deviation in bins of a Gaussian applied to both halves first; see ``smoothed``.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to measure.

    Returns
    -------
    xarray.DataArray
        (subject, session, unit); NaN where the unit is silent, absent or flat in a half.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves.
    """
    halved = with_halves(dataset)
    within = [_within(halved, subject, smoothing) for subject in range(halved.sizes["subject"])]
    values = np.where(kept_units(halved, keep), np.stack(within), np.nan)
    coords = {dim: halved[dim].values for dim in PER_SESSION if dim in halved.coords}
    array = xr.DataArray(values, dims=PER_SESSION, coords=coords)
    return described(array, "within_session_correlation")


def _within(dataset: xr.Dataset, subject: int, smoothing: float) -> np.ndarray:
    """(session, unit) of one subject."""
    vectors = map_vectors(dataset, subject, "rate_map", smoothing)
    units, sessions, _, features = vectors.shape
    correlation = pairwise_pearson(vectors.reshape(units * sessions, 2, features))[:, 0, 1]
    return correlation.reshape(units, sessions).T


@opened
@per_environment
def reliability(
    dataset: xr.Dataset,
    smoothing: Smoothing = 0.0,
    *,
    correction: Literal["none", "spearman_brown"] = "none",
    select: Literal["place", "all"] = "place",
    keep: xr.DataArray | None = None,
) -> xr.DataArray:
    """Split-half reliability of the maps of each session: the mean of
    ``within_session_correlation`` over units.

    W_s = mean_i corr(a_i, b_i) says how alike two recordings of half a session are in a code that
    stands still; 2 W_s / (1 + W_s) (Spearman and Brown) how alike two whole sessions would be.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, or of a network without noise.
    smoothing : float
        Standard deviation in bins; see ``within_session_correlation``.
    correction : {"none", "spearman_brown"}
        Of half a session, or of a whole one.
    select : {"place", "all"}
        Average over the place units of the session (``place_unit``), or over all units. Which units
        are place units is decided on the same activity, so that chance is selected with them; take
        all units with enough events (``keep``) where reliability itself is the question.
    keep : xarray.DataArray, optional
        Bool over any of subject, session, unit: units to average over.

    Returns
    -------
    xarray.DataArray
        (subject, session); NaN where no unit is left.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves.

    References
    ----------
    Spearman 1910, Br J Psychol 3:271; Brown 1910, Br J Psychol 3:296.
    """
    within = within_session_correlation(dataset, smoothing, keep)
    counted = np.ones(within.shape, dtype=bool)
    if select == "place":
        counted = check(dataset, "place_unit")["place_unit"].transpose(*PER_SESSION).values == 1
    mean = mean_over(within.values, counted, -1)
    whole = 2 * mean / np.where(mean > -1, 1 + mean, np.nan)
    array = within.isel(unit=0, drop=True).copy(data=whole if correction != "none" else mean)
    return described(array, "reliability")
