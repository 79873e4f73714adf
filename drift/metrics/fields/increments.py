"""How fields move: mean squared displacement and kurtosis, without the noise of their
measurement."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import NotNegative
from drift.errors import RefusedInputError
from drift.metrics.fields.membership import membership, require_group
from drift.metrics.places import of_ring, shorter_way
from drift.metrics.stability.centroids import centroid
from drift.metrics.stability.pairs import comparable_pairs
from drift.metrics.time_course.lag_classes import lag_classes
from drift.metrics.time_course.lags import by_lag
from drift.schema.labelled_form import check

MOMENTS = ("increments", "square", "fourth", "square_of_noise", "fourth_of_noise")


@opened
def field_diffusion(dataset: xr.Dataset, minimum_events: NotNegative = 0.0) -> xr.Dataset:
    """Mean squared displacement and excess kurtosis of the centroids of rate maps by lag, with the
    noise of measurement removed, and the exponent of diffusion.

    Centroids a and b of two halves of a session give its place m = (a + b) / 2 and, by d = (a - b)
    / 2, the noise of that place, which has the law of d. With D = m_t - m_s, over all units and
    pairs of sessions of a lag, M2 = <D^2>, M4 = <D^4>, N2 = <d_s^2 + d_t^2> (twice the variance
    between halves) and N4 = <d_s^4 + 6 d_s^2 d_t^2 + d_t^4>, the movement itself has

        S2 = M2 - N2,    S4 = M4 - 6 S2 N2 - N4,    excess kurtosis S4 / S2^2 - 3,

    if it does not depend on the noise of a unit. Kurtosis 0 is a Gaussian walk; jumps make it
    large. S2 ~ lag^e has e = 1 for a random walk, less where fields are held back; noise left in
    adds a constant at all lags, and makes e too small. Moments are about 0. On a ring lags are to
    be read up to displacements of about a quarter of it, beyond which they go round.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``elapsed`` and ``rate_half`` (..., half); see
        ``thinned_halves``.
    minimum_events : float
        Events in a whole session, below which a unit has no place there.

    Returns
    -------
    xarray.Dataset
        ``mean_squared_displacement`` (sum over the axes of a plane) and ``excess_kurtosis``
        (subject, lag), and ``diffusion_exponent`` (subject), the slope of ln S2 against ln lag over
        all lags with S2 above 0, weighted by how many increments these have; each also with
        ``_with_noise``, from M2 and M4; ``increments`` (subject, lag), how many of units,
        directions and axes. Lags are those of ``lag_classes``.

    Raises
    ------
    RefusedInputError
        If there are no halves, or no two sessions may be compared.
    SchemaError
        If a variable is missing.

    References
    ----------
    The removal of noise is derived here, from independent halves.
    """
    check(dataset, "rate", "elapsed")
    if "rate_half" not in dataset or dataset["rate_half"].sizes.get("half") != 2:
        raise RefusedInputError(
            "the noise of centroids is measured by two halves of each session (rate_half), got a "
            "Dataset without them: pass metrics.thinned_halves(dataset)."
        )
    require_group(dataset, "active", minimum_events)
    moments = _by_pair(dataset, minimum_events)
    elapsed = dataset["elapsed"]
    means = by_lag(moments, elapsed, lag_classes(elapsed))
    of_lag, pairs = means["correlation"], means["pairs"].isel(moment=0, drop=True)
    total = {name: of_lag.sel(moment=name, drop=True) for name in MOMENTS}
    count = (total["increments"] * pairs).where(pairs > 0, 0.0)
    some = total["increments"].where(total["increments"] > 0)
    square, fourth, noise, noise_fourth = (total[name] / some for name in MOMENTS[1:])
    moved = square - noise
    moved_fourth = fourth - 6 * moved * noise - noise_fourth
    axes = 2 if "place_x" in dataset["rate_half"].coords else 1
    units = f"{_units(dataset)}^2"
    result = xr.Dataset({"increments": count.assign_attrs(units="1")})
    for ending, second, last in (("", moved, moved_fourth), ("_with_noise", square, fourth)):
        spread = (axes * second).assign_attrs(units=units)
        kurtosis = (last / second.where(second > 0) ** 2 - 3).assign_attrs(units="1")
        result[f"mean_squared_displacement{ending}"] = spread
        result[f"excess_kurtosis{ending}"] = kurtosis
        result[f"diffusion_exponent{ending}"] = _exponent(second, count)
    return result.isel(lag=np.flatnonzero((count > 0).any("subject").values))


def _units(dataset: xr.Dataset) -> str:
    rate = dataset["rate"]
    name = next((name for name in ("place_x", "place", "stimulus") if name in rate.coords), "")
    return str(rate[name].attrs.get("units", "1")) if name else "1"


def _centres(dataset: xr.Dataset, minimum_events: float) -> np.ndarray:
    """(half, subject, session, series) centroids; a series is a unit, in a direction, on an
    axis."""
    centre = centroid(dataset["rate_half"])
    ordered = centre.transpose("half", "subject", "session", "unit", ...)
    member = membership(dataset, "active", minimum_events).member
    spare = (np.newaxis,) * (ordered.ndim - 4)
    values = np.where(member[(..., *spare)][np.newaxis], ordered.values, np.nan)
    return values.reshape(*values.shape[:3], -1)


def _by_pair(dataset: xr.Dataset, minimum_events: float) -> xr.DataArray:
    """Sums over units, (subject, session, session_other, moment); NaN for pairs that are not
    compared."""
    halves, length = _centres(dataset, minimum_events), of_ring(dataset["rate"])
    noise = shorter_way(halves[0] - halves[1], length) / 2
    place = halves[1] + noise
    pairs = comparable_pairs(dataset)
    sums = np.full((*pairs.shape, len(MOMENTS)), np.nan)
    for session in range(pairs.shape[1]):
        moved = shorter_way(place - place[:, [session]], length)
        before, after = noise[:, [session]] ** 2, noise**2
        both = np.isfinite(moved)
        numbers = (
            both.astype(float),
            moved**2,
            moved**4,
            before + after,
            before**2 + 6 * before * after + after**2,
        )
        sums[:, session] = np.stack(
            [np.where(both, number, 0.0).sum(axis=-1) for number in numbers], axis=-1
        )
    dims = ("subject", "session", "session_other", "moment")
    coords = {"subject": dataset["subject"].values} if "subject" in dataset.coords else {}
    values = np.where(pairs[..., np.newaxis], sums, np.nan)
    return xr.DataArray(values, dims=dims, coords={**coords, "moment": list(MOMENTS)})


def _exponent(square: xr.DataArray, count: xr.DataArray) -> xr.DataArray:
    """Slope of ln square against ln lag, NaN with fewer than two lags."""
    usable = (square > 0) & (square["lag"] > 0) & (count > 0)
    weight = count.where(usable, 0.0)
    total = weight.sum("lag").where(usable.sum("lag") > 1)
    lag = np.log(square["lag"].where(square["lag"] > 0, 1.0))
    logarithm = np.log(square.where(usable, 1.0))
    apart = lag - (weight * lag).sum("lag") / total
    slope = (weight * apart * logarithm).sum("lag") / (weight * apart**2).sum("lag")
    return slope.where(total > 0).assign_attrs(units="1")
