"""Which units keep their fields? Stability of units by rate, information and age of the field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from drift.door import opened
from drift.door.quantities import Confidence, Count, Seed, Smoothing
from drift.errors import RefusedInputError
from drift.metrics.intervals.nested import nested_interval
from drift.metrics.rooms import environment_labels
from drift.metrics.stability.unit_drift import half_correlations
from drift.schema.labelled_form import check

Array = NDArray[np.float64]
UNIT = ("subject", "session", "unit")
PREDICTORS = ("rate", "information", "age")


@opened
def stability_predictors(
    dataset: xr.Dataset,
    predictors: Sequence[str] = PREDICTORS,
    *,
    smoothing: Smoothing = 0.0,
    confidence: Confidence = 0.95,
    repetitions: Count = 1000,
    seed: Seed = 0,
) -> xr.Dataset:
    """Do units with high rates, much information or old fields keep their maps longer?

    From a session s to the next one t in the same environment, B_i is the correlation of the map of
    unit i between the halves of both sessions, W_i that of the halves of t, x_i its predictors in
    the session r before s (each less its mean over the units compared, over its standard
    deviation). The similarity without noise is linear in them, B_i = f W_i (c_0 + c x_i) on
    average, f^2 the ratio of the mean correlations within s and within t, which is solved with the
    predictors as instruments:

        c = (sum_i x_i f W_i x_i')^-1 sum_i x_i B_i,    x_i with a leading 1.

    c_0 is the mean similarity, c_j what it gains for one standard deviation of predictor j, the
    other predictors being equal. Regressions of plain correlations on rate find that active units
    are stable also of a code that stands still, as few events make noisy maps; here W_i has the
    same noise, and c is 0. Predictors are those of a third session, as by chance sharp maps look
    informative, and are alike to no other: those of s read .013 for information in a code that
    stands still, those of r -.001 +- .004. Their own noise draws c towards 0.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate_half``, ``rate``, ``occupancy``, ``spatial_information``,
        ``place_unit`` and ``elapsed``, as ``measure(..., halves="trials")`` gives, as far as
        predictors need them.
    predictors : sequence of str
        "rate", logarithm of the mean rate in r; "information", spatial information in r; "age",
        time since the first of the sessions that end with r in which the unit was a place unit
        throughout (fields that were there in the first session are older than known); or any
        variable (subject, session, unit).
    smoothing : float
        Standard deviation in bins, see ``half_correlations``.
    confidence, repetitions, seed
        See ``nested_interval``; levels are subjects and units.

    Returns
    -------
    xarray.Dataset
        ``estimate``, ``lower``, ``upper``, ``independent_subjects`` (term) and ``subject_estimate``
        (subject, term); ``term`` is "similarity" and the predictors. NaN of subjects in which
        predictors do not vary apart.

    Raises
    ------
    RefusedInputError
        If there are no halves, no two sessions may be compared, or a predictor is not there.

    References
    ----------
    Climer et al. 2025, Nature (rate and stability); Geva, Deitch, Rubin & Ziv 2023, Neuron 111:2357
    (age). The correction for noise is derived here.
    """
    columns = [_predictor(dataset, name) for name in predictors]
    products = _products(dataset, np.stack(columns, axis=-1), smoothing)
    terms = ["similarity", *predictors]
    values = xr.Dataset(
        {
            "left": (("subject", "unit", "term", "term_other"), products[0]),
            "right": (("subject", "unit", "term"), products[1]),
        },
        coords={"subject": dataset["subject"].values, "term": terms},
    )
    result = nested_interval(
        values,
        ("subject", "unit"),
        _solved,
        confidence=confidence,
        repetitions=repetitions,
        seed=seed,
    )
    for name in ("estimate", "lower", "upper", "subject_estimate"):
        result[name].attrs["units"] = "1"
    return result.assign_attrs(of="similarity without noise, per standard deviation")


def _solved(values: xr.Dataset, shares: xr.DataArray) -> xr.DataArray:
    """([draw,] subject, term) c of sums over units."""
    left = xr.dot(values["left"], shares, dim="unit").transpose(..., "term", "term_other")
    right = xr.dot(values["right"], shares, dim="unit").transpose(..., "term")
    matrix = left.transpose(*right.dims[:-1], "term", "term_other").values
    good = np.linalg.cond(matrix) < 1e10
    safe = np.where(good[..., np.newaxis, np.newaxis], matrix, np.eye(matrix.shape[-1]))
    solved = np.linalg.solve(safe, right.values[..., np.newaxis])[..., 0]
    return right.copy(data=np.where(good[..., np.newaxis], solved, np.nan))


def _products(dataset: xr.Dataset, columns: Array, smoothing: float) -> tuple[Array, Array]:
    """(subject, unit, term, term) and (subject, unit, term) sums over pairs of sessions."""
    correlations = half_correlations(dataset, smoothing)
    dims = ("subject", "session", "session_other", "unit")
    within, between = (correlations[name].transpose(*dims).values for name in ("within", "between"))
    subjects, _, units, terms = *columns.shape[:3], columns.shape[3] + 1
    left, right = np.zeros((subjects, units, terms, terms)), np.zeros((subjects, units, terms))
    for subject, before, first, second in _steps(dataset):
        row = subject, first, second
        scores = within[row], within[subject, second, first], between[row]
        enter = np.isfinite(np.stack(scores)).all(axis=0)
        enter &= np.isfinite(columns[subject, before]).all(axis=-1)
        if enter.sum() < 2 or not min(score[enter].mean() for score in scores[:2]) > 0:
            continue
        factor = np.sqrt(scores[0][enter].mean() / scores[1][enter].mean())
        compared = np.flatnonzero(enter)
        standard = _standard(columns[subject, before, compared])
        weighed = (factor * scores[1][enter])[:, np.newaxis, np.newaxis]
        left[subject, compared] += weighed * standard[:, :, np.newaxis] * standard[:, np.newaxis]
        right[subject, compared] += scores[2][enter][:, np.newaxis] * standard
    return left, right


def _standard(columns: Array) -> Array:
    """(unit, term) with a leading 1, the others with mean 0 and deviation 1; 0 where all agree."""
    apart = columns - columns.mean(axis=0)
    size = apart.std(axis=0)
    scaled = np.divide(apart, size, out=np.zeros_like(apart), where=size > 0)
    return np.column_stack([np.ones(len(scaled)), scaled])


def _steps(dataset: xr.Dataset) -> list[tuple[int, int, int, int]]:
    """(subject, session before, session, next session) in one environment."""
    elapsed = check(dataset, "elapsed")["elapsed"].transpose("subject", "session").values
    rooms = environment_labels(dataset, subjects=elapsed.shape[0], sessions=elapsed.shape[1])
    steps = []
    for subject, row in enumerate(np.isfinite(elapsed)):
        for room in np.unique(rooms[subject]):
            sessions = np.flatnonzero(row & (rooms[subject] == room)).tolist()
            steps += [(subject, *three) for three in zip(sessions, sessions[1:], sessions[2:])]
    if not steps:
        raise RefusedInputError(
            "predictors need three sessions of a subject in one environment, got none: record "
            "more, or keep the sessions of one environment."
        )
    return steps


def _predictor(dataset: xr.Dataset, name: str) -> Array:
    """(subject, session, unit)."""
    if name == "rate":
        return _log_rate(check(dataset, "rate", "occupancy"))
    if name == "information":
        return _of_units(dataset, "spatial_information")
    if name == "age":
        return _age(check(dataset, "place_unit", "elapsed"))
    return _of_units(dataset, name)


def _of_units(dataset: xr.Dataset, name: str) -> Array:
    if name not in dataset or set(dataset[name].dims) != set(UNIT):
        raise RefusedInputError(
            f"predictor {name} was expected over subject, session and unit, and the Dataset has no "
            f"such variable: use some of {', '.join(PREDICTORS)}, or add it with assign."
        )
    return np.asarray(dataset[name].transpose(*UNIT).values, dtype=float)


def _log_rate(dataset: xr.Dataset) -> Array:
    """Logarithm of the mean over time; NaN of silent units, whose maps do not vary."""
    weight = dataset["occupancy"].fillna(0.0).where(dataset["rate"].notnull(), 0.0)
    dims = [dim for dim in dataset["rate"].dims if dim not in UNIT]
    total = (dataset["rate"].fillna(0.0) * weight).sum(dims) / weight.sum(dims)
    return np.log(total.where(total > 0).transpose(*UNIT).values)


def _age(dataset: xr.Dataset) -> Array:
    """Elapsed time since the unit became a place unit that it has been ever since."""
    place = dataset["place_unit"].transpose(*UNIT).values == 1
    elapsed = dataset["elapsed"].transpose("subject", "session").values.astype(float)
    begun = np.full((place.shape[0], place.shape[2]), np.nan)
    age = np.full(place.shape, np.nan)
    rooms = environment_labels(dataset, subjects=place.shape[0], sessions=place.shape[1])
    for subject in range(place.shape[0]):
        for room in np.unique(rooms[subject]):
            begun[subject] = np.nan
            for session in np.flatnonzero(rooms[subject] == room):
                flags, day = place[subject, session], elapsed[subject, session]
                begun[subject] = np.where(flags, np.fmin(begun[subject], day), np.nan)
                age[subject, session] = np.where(flags, day - begun[subject], 0.0)
    return age
