"""Similarity over classes of lags that fit how often sessions were recorded."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.metrics.labels import require_dims
from drift.metrics.time_course.lags import by_lag
from drift.metrics.time_course.usual_intervals import class_edges


@opened
def lag_classes(elapsed: xr.DataArray) -> np.ndarray | None:
    """Edges of classes of lags one usual interval wide, where nearly every pair of sessions has a
    lag of its own.

    With m the median interval between two sessions of a subject, classes are centred on m, 2 m, 3 m
    and so on; what lies below m / 2 is a class of its own. None where the sessions are so regular
    that no more lags differ than there are sessions: then every lag is a class.

    Parameters
    ----------
    elapsed : xarray.DataArray
        ([subject,] session) in any order; NaN where a session was not recorded.

    Returns
    -------
    numpy.ndarray or None
        For ``by_lag``.
    """
    require_dims(elapsed, "elapsed", "session")
    rows = np.atleast_2d(elapsed.transpose(..., "session").values.astype(float))
    recorded = [np.sort(row[np.isfinite(row)]) for row in rows]
    lags = np.concatenate([np.abs(row[:, np.newaxis] - row).ravel() for row in recorded])
    steps = np.concatenate([np.diff(row) for row in recorded])
    steps = steps[steps > 0]
    return class_edges(steps, lags, elapsed.sizes["session"])


@opened
def curve_by_lag(similarity: xr.DataArray, elapsed: xr.DataArray) -> xr.DataArray:
    """Mean similarity of two sessions in each class of lags, at the mean lag of its pairs.

    Parameters
    ----------
    similarity : xarray.DataArray
        (subject, session, session_other); NaN where sessions are not compared.
    elapsed : xarray.DataArray
        (subject, session) with the attribute ``units``; its coordinate ``environment`` tells which
        sessions lie in one room, as in ``by_lag``.

    Returns
    -------
    xarray.DataArray
        (subject, lag), with the coordinate ``mean_lag`` (lag), the mean over subjects of the mean
        lag of the pairs that enter; classes without a pair are left out.

    Raises
    ------
    RefusedInputError
        If there is one session only, or no elapsed time is known.
    """
    edges = lag_classes(elapsed)
    curve = by_lag(similarity, elapsed, edges)["correlation"]
    times = elapsed.reset_coords(drop=True).drop_vars(elapsed.dims, errors="ignore")
    apart = abs(times - times.rename(session="session_other")).where(
        similarity.drop_vars(similarity.dims, errors="ignore").notnull()
    )
    lags = by_lag(apart, elapsed, edges)["correlation"].mean("subject").values
    curve = curve.assign_coords(mean_lag=("lag", lags, {"units": elapsed.attrs.get("units", "1")}))
    return curve.isel(lag=np.flatnonzero(curve.notnull().any("subject").values))
