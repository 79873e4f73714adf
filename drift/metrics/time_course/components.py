"""What two sessions do not share, in three parts: noise within a session, what is lost at once, and
what is lost slowly."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from drift.door import opened
from drift.door.quantities import Confidence, Count, Seed, Smoothing
from drift.metrics.intervals.limits import mean_or_nan
from drift.metrics.intervals.nested import nested_interval
from drift.metrics.stability.unit_moments import (
    Select,
    unit_moments,
    unrelated_similarity,
    weighed_similarity,
)
from drift.metrics.time_course.decays import fitted_decay
from drift.metrics.time_course.lags import upper_pairs
from drift.metrics.time_course.usual_intervals import distinct_lags
from drift.schema.labelled_form import check

COMPONENTS = ("noise", "fast", "slow")
MEANINGS = (
    "what two halves of one session do not share",
    "what is lost from a session to any other, of what noise leaves",
    "what is lost by time over the longest lag, of what noise leaves",
)
FEWEST_LAGS = 3  # two numbers are fitted


@opened
def change_components(
    dataset: xr.Dataset,
    *,
    smoothing: Smoothing = 0.0,
    select: Select = "both",
    keep: xr.DataArray | None = None,
    confidence: Confidence = 0.95,
    repetitions: Count = 1000,
    seed: Seed = 0,
) -> xr.Dataset:
    """Part what keeps two sessions apart into noise within a session, a fast loss and a slow drift,
    each with an interval.

    "noise" is 1 - W, with W the mean correlation of the two halves of one session. To C_st, the
    similarity of two sessions with that noise taken out (``corrected_similarity``), less its floor
    F, that of different units, the decay A exp(-k |t_s - t_t|) is fitted, as for ``half_life``:

        (C_st - F) / (1 - F) = A exp(-k |t_s - t_t|).

    "fast" is 1 - C at no lag, (1 - F) (1 - A): what halves of one session share and two sessions
    do not, however near they are. It is lost within less than the shortest lag: by drift within
    hours, by a state or a focus that differs from session to session, or by wrong matches of cells.
    "slow" is what the decay loses from there to the longest lag T, (1 - F) A (1 - exp(-k T)).

    The interval over subjects is Student's; of a single one it is made from draws of its units, and
    speaks of that animal alone (``nested_interval``). In simulated recordings of fields of which a
    share is another in each session, of fields redrawn with p = .1 a night, of both and of neither
    (60 units of 40 events, 8 sessions, 100 mice each) intervals of 95 % by units covered the truth
    in 92 to 98 of 100 (``tests/drift/metrics/time_course/test_components.py``).

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``elapsed`` and ``rate_half`` (``measure(..., halves="trials")``),
        or of a network without noise.
    smoothing, select, keep
        See ``corrected_similarity``.
    confidence : float
        How often intervals cover.
    repetitions : int
        Draws of units.
    seed : int
        Of the stream "bootstrap"; each subject has a child by its label.

    Returns
    -------
    xarray.Dataset
        (component) "noise", "fast", "slow": ``estimate``, ``lower``, ``upper`` and
        ``independent_subjects``; ``subject_estimate``, ``subject_lower`` and ``subject_upper``
        (subject, component), of each subject by its units; ``longest_lag`` (subject). Estimates may
        lie below 0 by chance. "fast" and "slow" are NaN where sessions lie fewer than three
        different times apart. The attribute ``speaks_of`` says what the interval holds for.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.

    References
    ----------
    Derived here; Spearman 1904, Am J Psychol 15:72 for the noise.
    """
    elapsed = check(dataset, "elapsed")["elapsed"]
    moments = unit_moments(dataset, "corrected_similarity", smoothing, select, keep)
    unrelated = upper_pairs(unrelated_similarity(dataset, smoothing, select, keep), elapsed)
    floor = mean_or_nan(np.where(np.isfinite(unrelated.lags), unrelated.values.values, np.nan), 1)
    moments = moments.assign_coords(floor=("subject", floor))
    interval = partial(
        nested_interval,
        moments,
        statistic=_components,
        confidence=confidence,
        repetitions=repetitions,
        seed=seed,
    )
    own = interval(("unit",))
    several = own["estimate"].notnull().all("component").sum() > 1
    over = interval(("subject", "unit")) if several else own.isel(subject=0, drop=True)
    each = {f"subject_{name}": own[name] for name in ("estimate", "lower", "upper")}
    lags = np.abs(upper_pairs(weighed_similarity(moments, _even(moments)), elapsed).lags)
    longest = np.nanmax(np.where(np.isfinite(lags), lags, 0.0), axis=1)
    result = over.assign({**each, "longest_lag": ("subject", longest)}).drop_attrs()
    for name in ("estimate", "lower", "upper", *each):
        result[name].attrs["units"] = "1"
    result["longest_lag"].attrs["units"] = str(elapsed.attrs.get("units", "1"))
    result = result.assign_coords(meaning=("component", list(MEANINGS)))
    return result.assign_attrs(speaks_of=over.attrs["speaks_of"])


def _even(moments: xr.Dataset) -> xr.DataArray:
    return xr.DataArray(np.ones(moments.sizes["subject"]), dims="subject")


def _components(moments: xr.Dataset, shares: xr.DataArray) -> xr.DataArray:
    """([draw,] subject, component) of units that weigh as their shares say."""
    drawn = "draw" in shares.dims
    weights = shares if drawn else shares.expand_dims("draw")
    pairs = upper_pairs(weighed_similarity(moments, weights), moments["elapsed"])
    similarity = pairs.values.transpose("draw", "subject", "pair").values
    values = np.full((*similarity.shape[:2], len(COMPONENTS)), np.nan)
    values[..., 0] = 1 - _within(moments, weights)
    for subject, lags in enumerate(pairs.lags):
        values[:, subject, 1:] = fast_and_slow(
            similarity[:, subject], lags, pairs.rooms[subject], float(moments["floor"][subject])
        )
    labels = {"subject": moments["subject"].values} if "subject" in moments.coords else {}
    coords = {**labels, "component": list(COMPONENTS)}
    array = xr.DataArray(values, dims=("draw", "subject", "component"), coords=coords)
    return array if drawn else array.isel(draw=0)


def _within(moments: xr.Dataset, shares: xr.DataArray) -> np.ndarray:
    """(draw, subject) mean over sessions of the correlation of their halves."""
    within = moments["within"].transpose("subject", "session", "session_other", "unit").values
    own = np.diagonal(within, axis1=1, axis2=2)  # (subject, unit, session)
    weights = shares.transpose("draw", "subject", "unit").values
    total = np.einsum("dsu,sut->dst", weights, np.nan_to_num(own))
    known = np.einsum("dsu,sut->dst", weights, np.isfinite(own).astype(float))
    means = np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)
    return mean_or_nan(means, -1)


def fast_and_slow(
    similarity: np.ndarray, lags: np.ndarray, rooms: np.ndarray, floor: float
) -> np.ndarray:
    """What is lost at no lag, and from there to the longest lag.

    Parameters
    ----------
    similarity : numpy.ndarray
        (draw, pair) of two sessions, noise taken out.
    lags, rooms : numpy.ndarray
        (pair) time between them, NaN where not compared, and number of the environment.
    floor : float
        Similarity of a code all of which was drawn anew.

    Returns
    -------
    numpy.ndarray
        (draw, 2), NaN where lags are too few.
    """
    usable = np.isfinite(similarity).any(axis=0) & (lags > 0)
    nothing = np.full((len(similarity), 2), np.nan)
    if not usable.any() or distinct_lags(lags[usable]).size < FEWEST_LAGS or not floor < 1:
        return nothing
    excess = (similarity[:, usable] - floor) / (1 - floor)
    decay = fitted_decay(excess, lags[usable], rooms[usable])
    left = np.exp(-decay.rate * lags[usable].max())
    whole = 1 - floor
    parts = [whole * (1 - decay.amplitude), whole * decay.amplitude * (1 - left)]
    return np.stack(parts, axis=-1)
