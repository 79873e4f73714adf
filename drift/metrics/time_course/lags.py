"""Similarity between sessions as a function of the time between them, and the rate at which it is
lost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Edges
from drift.errors import RefusedInputError
from drift.metrics.labels import described, require_dims
from drift.metrics.rooms import environment_labels
from drift.metrics.time_course.usual_intervals import SAME_LAG, distinct_lags, own_edges

CLASSES = 2  # of real times, that a slope needs at least
LONGER = 1.5  # times the shortest lag: what is nearer is the same interval between sessions


class SessionPairs(NamedTuple):
    """Every pair of different sessions once.

    ``values`` (subject, pair, ...); ``lags`` (subject, pair), NaN where two sessions are not to be
    compared; ``rooms`` (subject, pair), a number for each environment.
    """

    values: xr.DataArray
    lags: np.ndarray
    rooms: np.ndarray


def upper_pairs(
    correlation: xr.DataArray, elapsed: xr.DataArray, across: bool = False
) -> SessionPairs:
    """Pairs of different sessions, each once, with their lags and environments.

    Parameters
    ----------
    correlation : xarray.DataArray
        ([subject,] session, session_other, ...).
    elapsed : xarray.DataArray
        ([subject,] session), with the coordinate ``environment`` where one is known.
    across : bool
        Take all sessions as of one environment.

    Raises
    ------
    RefusedInputError
        If there is one session only, or the arrays do not fit together.
    """
    require_dims(correlation, "correlation", "session", "session_other")
    require_dims(elapsed, "elapsed", "session")
    first, second = np.triu_indices(correlation.sizes["session"], k=1)
    if first.size == 0:
        raise RefusedInputError(
            "lags lie between different sessions, but correlation holds a single one: pass at "
            "least two sessions."
        )
    if correlation.sizes["session_other"] != correlation.sizes["session"]:
        raise RefusedInputError(
            "correlation was expected between all sessions, got "
            f"{correlation.sizes['session']} by {correlation.sizes['session_other']}: "
            "take the same part of session and session_other."
        )
    if not {"session"} <= set(elapsed.dims) <= {"subject", "session"}:
        raise RefusedInputError(
            f"elapsed was expected as (subject, session), got the dims {elapsed.dims}: take "
            "one of each other dim."
        )
    ordered = correlation if "subject" in correlation.dims else correlation.expand_dims("subject")
    times = (
        elapsed
        if "subject" in elapsed.dims
        else elapsed.expand_dims(subject=ordered.sizes["subject"])
    ).transpose("subject", "session")
    pick = {
        "session": xr.DataArray(first, dims="pair"),
        "session_other": xr.DataArray(second, dims="pair"),
    }
    sizes = {"subjects": ordered.sizes["subject"], "sessions": ordered.sizes["session"]}
    labels = environment_labels(elapsed, correlation, **sizes)
    rooms = np.unique(labels, return_inverse=True)[1].reshape(labels.shape) * (not across)
    lags = np.abs(np.diff(times.values.astype(float)[:, [first, second]], axis=1)[:, 0])
    lags = np.where(rooms[:, first] == rooms[:, second], lags, np.nan)
    values = (
        ordered.reset_coords(drop=True)
        .isel(pick)
        .drop_vars(["session", "session_other"], errors="ignore")
    )
    return SessionPairs(values.transpose("subject", "pair", ...), lags, rooms[:, first])


def _own_lags(lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct lags, or centres of the classes of real times that hold a pair, and the class of
    each pair (-1 for none)."""
    centres, edges = distinct_lags(lags), own_edges(lags)
    if edges is None:
        index = np.abs(np.nan_to_num(lags)[..., np.newaxis] - centres).argmin(axis=-1)
        return centres, np.where(np.isfinite(lags), index, -1)
    centres, index = _lag_index(lags, edges)
    held = np.unique(index[index >= 0])
    return centres[held], np.where(index < 0, -1, np.searchsorted(held, index))


def _lag_index(lags: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the lag classes, and the class of each pair (-1 for none)."""
    edges = np.asarray(edges, dtype=float)
    if edges.size < 2 or not (np.diff(edges) > 0).all():
        raise RefusedInputError(
            f"edges of lags must be at least two increasing numbers, got {edges}: give them "
            "in units of elapsed."
        )
    index = np.searchsorted(edges, lags, side="right") - 1  # NaN is sorted behind the last edge
    index[lags == edges[-1]] = edges.size - 2
    return (edges[:-1] + edges[1:]) / 2, np.where(
        (lags >= edges[0]) & (lags <= edges[-1]), index, -1
    )


@opened
def by_lag(
    correlation: xr.DataArray,
    elapsed: xr.DataArray,
    edges: Edges | None = None,
    *,
    across_environments: bool = False,
) -> xr.Dataset:
    """Mean similarity of two sessions by the time between them.

    Parameters
    ----------
    correlation : xarray.DataArray
        ([subject,] session, session_other, ...), symmetric; NaN where two sessions cannot be
        compared.
    elapsed : xarray.DataArray
        ([subject,] session) real elapsed time or learning steps, with the attribute ``units``. Its
        coordinate ``environment``, as ``dataset["elapsed"]`` has it, tells which sessions lie in
        one room.
    edges : numpy.ndarray, optional
        Edges of lag classes [a, b), the last one closed. Without them every distinct lag is a
        class, unless sessions were recorded at real times, so that nearly every pair has a lag of
        its own: where lags are no whole numbers and more of them differ than there are sessions,
        classes are one usual interval wide, as those of ``lag_classes``, and those without a pair
        are left out.
    across_environments : bool
        Let pairs of sessions in different environments enter, where the correlation has them; see
        ``rate_map_correlation``.

    Returns
    -------
    xarray.Dataset
        ``correlation`` (subject, lag, ...) means, NaN where there is no pair; ``pairs`` (subject,
        lag, ...) how many entered; coordinate ``lag`` in units of elapsed. Each pair of different
        sessions counts once.

    Raises
    ------
    RefusedInputError
        If there is one session only, no elapsed time is known, or edges do not increase.
    """
    values, lags, _ = upper_pairs(correlation, elapsed, across_environments)
    centres, index = _own_lags(lags) if edges is None else _lag_index(lags, edges)
    # (subject, lag, pair)
    members = (index[:, np.newaxis] == np.arange(centres.size)[:, np.newaxis]).astype(float)
    pairs = _summed(members, values.notnull().astype(float), centres)
    total = _summed(members, values.fillna(0.0), centres)
    means = (total / pairs.where(pairs > 0)).assign_attrs(correlation.attrs)
    result = xr.Dataset({"correlation": means, "pairs": described(pairs.astype(int), "pairs")})
    result["lag"].attrs["units"] = str(elapsed.attrs.get("units", "1"))
    return result


def _summed(members: np.ndarray, values: xr.DataArray, lags: np.ndarray) -> xr.DataArray:
    """(subject, lag, ...) sums of (subject, pair, ...) over the members (subject, lag, pair) of a
    lag, one subject at a time, so that its company does not change how sums are rounded."""
    ordered = np.ascontiguousarray(values.transpose("subject", "pair", ...).values)
    flat = ordered.reshape(*ordered.shape[:2], -1)
    sums = np.stack([own @ rows for own, rows in zip(members, flat, strict=True)])
    frame = values.rename(pair="lag").drop_vars("lag", errors="ignore")
    dims = ("subject", "lag", *[dim for dim in frame.dims if dim not in ("subject", "lag")])
    coords = {**frame.coords, "lag": lags}
    shape = (*members.shape[:2], *ordered.shape[2:])
    return xr.DataArray(sums.reshape(shape), dims=dims, coords=coords, name=values.name)


def _limits(lags: np.ndarray) -> np.ndarray:
    """(subject) a quarter of the longest lag of each subject, but at least its second shortest, of
    those that differ by more than sessions scatter, or of real times all of the first two classes;
    NaN where there is no lag above 0."""
    limits = np.full(len(lags), np.nan)
    for subject, row in enumerate(lags):
        if (row > 0).any():
            distinct = distinct_lags(row[row > 0])
            longer = distinct[distinct > LONGER * distinct[0]]
            second = longer[0] if longer.size else distinct[-1]
            edges = own_edges(row[np.newaxis])
            second = second if edges is None else edges[: 1 + CLASSES + 1][-1]
            limits[subject] = max(distinct[-1] / 4, second)
    return limits


def _deviations(values: np.ndarray, used: np.ndarray, rooms: np.ndarray) -> np.ndarray:
    """(subject, pair) values less their mean over the used pairs of the same subject and
    environment, 0 where not used."""
    deviations = np.zeros(values.shape)
    for room in np.unique(rooms):
        members = used & (rooms == room)
        total = np.where(members, values, 0.0).sum(axis=-1, keepdims=True)
        mean = total / np.maximum(members.sum(axis=-1, keepdims=True), 1)
        deviations = np.where(members, values - mean, deviations)
    return deviations


@opened
def drift_rate(
    correlation: xr.DataArray,
    elapsed: xr.DataArray,
    longest_lag: float | None = None,
    *,
    across_environments: bool = False,
) -> xr.Dataset:
    """Similarity lost per elapsed unit: the slope of 1 - correlation against lag at small lags.

    Least squares over all pairs of sessions with 0 < lag <= ``longest_lag``, which is the fit to
    the means of ``by_lag`` weighted by their numbers of pairs. The intercept is what is lost at no
    lag at all: noise of the maps, not drift. Pairs in one environment share an intercept, as maps
    of one room may be noisier than those of another; the slope is common.

    Parameters
    ----------
    correlation : xarray.DataArray
        ([subject,] session, session_other), symmetric.
    elapsed : xarray.DataArray
        ([subject,] session) real elapsed time or learning steps. Its coordinate ``environment``, as
        ``dataset["elapsed"]`` has it, tells which sessions lie in one room; other pairs do not
        enter.
    longest_lag : float, optional
        In units of elapsed; by default, for each subject, a quarter of its longest lag, but at
        least its second shortest, half as long again as the shortest or more; where sessions were
        recorded at real times, all lags up to two and a half usual intervals, the first two classes
        of ``by_lag``.
    across_environments : bool
        Let pairs of sessions in different environments enter, as if there were one room.

    Returns
    -------
    xarray.Dataset
        ``drift_rate`` (subject) per elapsed unit, ``intercept`` (subject) mean over the pairs,
        ``pairs`` (subject) used, ``longest_lag`` (subject); NaN for a subject that has no
        environment with pairs of two different lags.

    Raises
    ------
    RefusedInputError
        If there is one session only or no elapsed time is known.
    """
    values, lags, rooms = upper_pairs(correlation, elapsed, across_environments)
    distinct_lags(lags)  # refuses where nothing is known
    limit = _limits(lags) if longest_lag is None else np.full(len(lags), float(longest_lag))
    used = np.isfinite(values.values) & (lags > 0) & (lags <= limit[:, np.newaxis] * (1 + SAME_LAG))
    count = used.sum(axis=-1)
    lost = np.where(used, 1 - values.values, 0.0)
    mean_lag, mean_lost = (
        np.where(used, quantity, 0.0).sum(axis=-1) / np.maximum(count, 1)
        for quantity in (lags, lost)
    )
    deviation = _deviations(lags, used, rooms)
    variance = (deviation**2).sum(axis=-1)
    defined = variance > (SAME_LAG * np.nan_to_num(limit)) ** 2
    slope = np.divide(
        (deviation * lost).sum(-1), variance, out=np.full(count.shape, np.nan), where=defined
    )
    units = str(elapsed.attrs.get("units", "1"))
    coords = {"subject": values["subject"].values} if "subject" in values.coords else {}
    numbers = {
        "drift_rate": (slope, f"1/{units}"),
        "intercept": (mean_lost - slope * mean_lag, "1"),
        "pairs": (count, "1"),
        "longest_lag": (limit, units),
    }
    return xr.Dataset(
        {name: ("subject", value, {"units": unit}) for name, (value, unit) in numbers.items()},
        coords=coords,
    )
