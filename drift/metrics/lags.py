"""Similarity between sessions as a function of the time between them, and the rate at which it is lost."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.errors import RefusedInputError
from drift.metrics.labels import require_dims

# Lags that differ by less than this share of the longest one are the same lag.
SAME_LAG = 1e-9


def _upper(correlation: xr.DataArray, elapsed: xr.DataArray) -> tuple[xr.DataArray, np.ndarray]:
    """Every pair of different sessions once: values (subject, pair, ...) and lags (subject, pair)."""
    require_dims(correlation, "correlation", "session", "session_other")
    require_dims(elapsed, "elapsed", "session")
    first, second = np.triu_indices(correlation.sizes["session"], k=1)
    if first.size == 0:
        raise RefusedInputError("lags lie between different sessions, but correlation holds a single one: pass at least two sessions.")
    ordered = correlation if "subject" in correlation.dims else correlation.expand_dims("subject")
    times = (elapsed if "subject" in elapsed.dims else elapsed.expand_dims(subject=ordered.sizes["subject"])).transpose(
        "subject", "session"
    )
    pick = {"session": xr.DataArray(first, dims="pair"), "session_other": xr.DataArray(second, dims="pair")}
    lags = np.abs(times.values[:, second] - times.values[:, first])
    values = ordered.reset_coords(drop=True).isel(pick).drop_vars(["session", "session_other"], errors="ignore")
    return values.transpose("subject", "pair", ...), lags


def _distinct(lags: np.ndarray) -> np.ndarray:
    finite = np.sort(lags[np.isfinite(lags)])
    if finite.size == 0:
        raise RefusedInputError("no pair of sessions has a known elapsed time: give elapsed (subject, session) in real time or steps.")
    new = np.concatenate([[True], np.diff(finite) > SAME_LAG * max(finite[-1], np.finfo(float).tiny)])
    return finite[new]


def _lag_index(lags: np.ndarray, edges: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the lag classes, and the class of each pair (-1 for none)."""
    if edges is None:
        centres = _distinct(lags)
        index = np.abs(np.nan_to_num(lags)[..., np.newaxis] - centres).argmin(axis=-1)
        return centres, np.where(np.isfinite(lags), index, -1)
    edges = np.asarray(edges, dtype=float)
    if edges.size < 2 or not (np.diff(edges) > 0).all():
        raise RefusedInputError(f"edges of lags must be at least two increasing numbers, got {edges}: give them in units of elapsed.")
    index = np.searchsorted(edges, lags, side="right") - 1
    index[lags == edges[-1]] = edges.size - 2
    return (edges[:-1] + edges[1:]) / 2, np.where((lags >= edges[0]) & (lags <= edges[-1]), index, -1)


def by_lag(correlation: xr.DataArray, elapsed: xr.DataArray, edges: np.ndarray | None = None) -> xr.Dataset:
    """Mean similarity of two sessions by the time between them.

    Parameters
    ----------
    correlation : xarray.DataArray
        ([subject,] session, session_other, ...), symmetric; NaN where two sessions cannot be compared.
    elapsed : xarray.DataArray
        ([subject,] session) real elapsed time or learning steps, with the attribute ``units``.
    edges : numpy.ndarray, optional
        Edges of lag classes [a, b), the last one closed; without them every distinct lag is a class.

    Returns
    -------
    xarray.Dataset
        ``correlation`` (subject, lag, ...) means, NaN where there is no pair; ``pairs`` (subject, lag, ...) how many entered;
        coordinate ``lag`` in units of elapsed. Each pair of different sessions counts once.

    Raises
    ------
    RefusedInputError
        If there is one session only, no elapsed time is known, or edges do not increase.
    """
    values, lags = _upper(correlation, elapsed)
    centres, index = _lag_index(lags, edges)
    members = (index[:, np.newaxis] == np.arange(centres.size)[:, np.newaxis]).astype(float)  # (subject, lag, pair)
    member = xr.DataArray(members, dims=("subject", "lag", "pair"), coords={"lag": centres})
    pairs = xr.dot(member, values.notnull().astype(float), dim="pair")
    total = xr.dot(member, values.fillna(0.0), dim="pair")
    means = (total / pairs.where(pairs > 0)).assign_attrs(correlation.attrs)
    result = xr.Dataset({"correlation": means, "pairs": pairs.astype(int).assign_attrs(units="1")})
    result["lag"].attrs["units"] = str(elapsed.attrs.get("units", "1"))
    return result


def drift_rate(correlation: xr.DataArray, elapsed: xr.DataArray, longest_lag: float | None = None) -> xr.Dataset:
    """Similarity lost per elapsed unit: the slope of 1 - correlation against lag at small lags.

    Least squares over all pairs of sessions with 0 < lag <= ``longest_lag``, which is the fit to the means of ``by_lag`` weighted by
    their numbers of pairs. The intercept is what is lost at no lag at all: noise of the maps, not drift.

    Parameters
    ----------
    correlation : xarray.DataArray
        ([subject,] session, session_other), symmetric.
    elapsed : xarray.DataArray
        ([subject,] session) real elapsed time or learning steps.
    longest_lag : float, optional
        In units of elapsed; by default a quarter of the longest lag, but at least the second shortest.

    Returns
    -------
    xarray.Dataset
        ``drift_rate`` (subject) per elapsed unit, ``intercept`` (subject), ``pairs`` (subject) used, ``longest_lag``; NaN for a subject
        whose pairs have fewer than two different lags.

    Raises
    ------
    RefusedInputError
        If there is one session only or no elapsed time is known.
    """
    values, lags = _upper(correlation, elapsed)
    distinct = _distinct(lags[lags > 0]) if (lags > 0).any() else _distinct(lags)
    limit = max(distinct[-1] / 4, distinct[min(1, distinct.size - 1)]) if longest_lag is None else longest_lag
    used = np.isfinite(values.values) & (lags > 0) & (lags <= limit * (1 + SAME_LAG))
    count = used.sum(axis=-1)
    weight = used / np.maximum(count, 1)[:, np.newaxis]
    lost = np.where(used, 1 - values.values, 0.0)
    mean_lag, mean_lost = (weight * np.where(used, lags, 0.0)).sum(-1), (weight * lost).sum(-1)
    deviation = np.where(used, lags - mean_lag[:, np.newaxis], 0.0)
    variance = (deviation**2).sum(axis=-1)
    slope = np.divide((deviation * lost).sum(-1), variance, out=np.full(count.shape, np.nan), where=variance > (SAME_LAG * limit) ** 2)
    units = str(elapsed.attrs.get("units", "1"))
    coords = {"subject": values["subject"].values} if "subject" in values.coords else {}
    result = xr.Dataset(
        {
            "drift_rate": ("subject", slope, {"units": f"1/{units}"}),
            "intercept": ("subject", mean_lost - slope * mean_lag, {"units": "1"}),
            "pairs": ("subject", count, {"units": "1"}),
            "longest_lag": ((), float(limit), {"units": units}),
        },
        coords=coords,
    )
    return result
