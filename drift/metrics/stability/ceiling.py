"""How alike the maps of two sessions could be if nothing drifted: the noise ceiling."""

from __future__ import annotations

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.metrics.stability.halves import within_session_correlation
from drift.metrics.stability.pairs import comparable_pairs
from drift.schema.labelled_form import check


@opened
def correlation_ceiling(dataset: xr.Dataset) -> xr.DataArray:
    """Rate-map correlation between every two sessions that a code without drift would have, from
    the two halves of each session.

    W_s = mean over units of the correlation of the maps of the two halves of session s; R_s = 2 W_s
    / (1 + W_s) is that of two whole sessions (Spearman and Brown); the ceiling of sessions s and t
    is sqrt(R_s R_t). Means are over the units that are place units in both sessions, as those of
    ``mean_rate_map_correlation``.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half`` (subject, session, unit, place[, direction], half),
        unsmoothed maps of two halves, and ``place_unit``.

    Returns
    -------
    xarray.DataArray
        (subject, session, session_other); NaN where sessions are not compared, or halves have
        nothing in common.

    Raises
    ------
    RefusedInputError
        If the halves of sessions are not in the Dataset, or no two sessions may be compared.

    References
    ----------
    Spearman 1910, Br J Psychol 3:271; Brown 1910, Br J Psychol 3:296.
    """
    if "rate_half" not in dataset or dataset["rate_half"].sizes.get("half") != 2:
        raise RefusedInputError(
            "the ceiling of a correlation needs maps of two halves of each session (rate_half), "
            "got a Dataset without them: measure the raw sessions by halves."
        )
    check(dataset, "place_unit")
    within = within_session_correlation(dataset).values  # (subject, session, unit)
    member = dataset["place_unit"].transpose("subject", "session", "unit").values == 1
    both = member[:, :, np.newaxis] & member[:, np.newaxis]
    whole = _whole(within, both)
    reliable = np.isfinite(whole) & np.isfinite(np.swapaxes(whole, 1, 2))
    product = np.where(reliable, whole * np.swapaxes(whole, 1, 2), np.nan)
    values = np.where(comparable_pairs(dataset), np.sqrt(product), np.nan)
    dims = ("subject", "session", "session_other")
    coords = {dim: dataset[dim].values for dim in dims[:2] if dim in dataset.coords}
    attrs = {"units": "1", "long_name": "rate-map correlation of a code without drift"}
    return xr.DataArray(values, dims=dims, coords=coords, attrs=attrs)


def _whole(within: np.ndarray, both: np.ndarray) -> np.ndarray:
    """(subject, session, session) reliability of the whole first session over the units of both;
    NaN where it is not above 0."""
    used = both & np.isfinite(within)[:, :, np.newaxis]
    total = np.where(used, np.nan_to_num(within)[:, :, np.newaxis], 0.0).sum(axis=-1)
    count = used.sum(axis=-1)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return np.where(mean > 0, 2 * mean / (1 + mean), np.nan)
