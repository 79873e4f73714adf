"""What a comparison holds of each source: values of its subjects, normalised curves, and straight
lines through them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from drift.comparison.conventions import CONVENTIONS
from drift.metrics.averages import fitted_line, is_constant, of_subject, within_rounding
from drift.metrics.stability.ceiling import correlation_ceiling
from drift.metrics.stability.corrected import corrected_similarity
from drift.metrics.stability.correlations import mean_rate_map_correlation
from drift.metrics.stability.halves import has_halves
from drift.schema.map_dims import map_dims

WITH_FIRST = {
    "rate_map_correlation": mean_rate_map_correlation,
    "corrected_similarity": corrected_similarity,
}
LINE = ("slope", "standard_error", "p_value", "intercept")
NO_CHANGE = np.array([0.0, 0.0, 1.0, 1.0])  # the line through a curve that stays at its first value
UNIT = (
    1.0  # size of a measure that is no rounding: bits, fractions and correlations are of its order
)


def of_subjects(dataset: xr.Dataset, name: str) -> np.ndarray:
    """One number per subject and session.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset.
    name : str
        A variable; ``fraction_place_units`` is formed where it is missing, ``rate_map_correlation``
        and ``corrected_similarity`` are those with the first session.

    Returns
    -------
    numpy.ndarray
        (subject, session); NaN where there is none, throughout where the Dataset cannot give the
        measure.
    """
    nothing = np.full((dataset.sizes["subject"], dataset.sizes["session"]), np.nan)
    if name in WITH_FIRST:
        return _with_first(dataset, name) if _tracked(dataset) else nothing
    if (
        name == "fraction_place_units"
        and name not in dataset
        and {"place_units", "detected_units"} <= set(dataset.data_vars)
    ):
        detected = dataset["detected_units"].where(dataset["detected_units"] > 0)
        return (dataset["place_units"] / detected).transpose("subject", "session").values
    return (
        of_subject(dataset, name).transpose("subject", "session").values.astype(float)
        if name in dataset
        else nothing
    )


def _tracked(dataset: xr.Dataset) -> bool:
    """Tell whether any later session of a subject knows the units of the first one."""
    if "unit_identity" not in dataset.coords:
        return dataset.sizes["session"] > 1
    identity = dataset["unit_identity"].transpose("subject", "session").values
    return bool(((identity[:, 1:] == identity[:, :1]) & (identity[:, :1] != "")).any())


def _with_first(dataset: xr.Dataset, name: str) -> np.ndarray:
    if name == "corrected_similarity" and not has_halves(dataset):
        return np.full((dataset.sizes["subject"], dataset.sizes["session"]), np.nan)
    similarity = WITH_FIRST[name](dataset).isel(session=0)
    values = similarity.transpose("subject", "session_other").values.copy()
    values[:, 0] = np.nan  # with itself: 1, however noisy the maps are
    return np.asarray(values)


def _elapsed(dataset: xr.Dataset) -> np.ndarray:
    """(session) time since the first session, averaged over subjects."""
    values = dataset["elapsed"].transpose("subject", "session").values.astype(float)
    since = values - values[:, :1]
    finite = np.isfinite(since)
    return np.divide(
        np.where(finite, since, 0).sum(axis=0),
        finite.sum(axis=0),
        out=np.full(since.shape[1], np.nan),
        where=finite.any(axis=0),
    )


def _line(mean: np.ndarray, elapsed: np.ndarray) -> np.ndarray:
    numbers = fitted_line(mean, elapsed, np.zeros(mean.size), normalise=False)[: len(LINE)]
    # What is left of the slope of a constant is rounding, and may be "significant".
    return np.where(np.isfinite(numbers), NO_CHANGE, np.nan) if is_constant(mean) else numbers


def _no_start(first: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Tell which first values are 0 within rounding of the largest value, or of one unit of the
    measure: a percentage of them would be a percentage of rounding."""
    largest = np.where(np.isfinite(values), np.abs(values), 0.0).max(axis=-1)
    return within_rounding(first, np.maximum(largest, UNIT))


def _divisible(values: np.ndarray, convention: str) -> np.ndarray:
    """Values (subject, session) that can be divided by their first session in a convention; NaN for
    the others.

    A ratio of means needs a mean that is not 0, a mean of ratios leaves out the subjects whose
    first value is 0.
    """
    first = values[:, int(np.isfinite(values).any(axis=0).argmax())]
    if convention == "ratio_of_means":
        start = np.nansum(first) / max(int(np.isfinite(first).sum()), 1)
        return np.full(values.shape, np.nan) if _no_start(start, values).all() else values
    return np.where(_no_start(first, values)[:, np.newaxis], np.nan, values)


def undivided(values: np.ndarray, labels: Sequence[str]) -> list[str]:
    """Return the labels of the subjects (subject) whose first value is 0, or within 1e-12 of it (of
    one unit, or of the largest value of the subject), so that nothing can be divided by it."""
    if not np.isfinite(values).any():
        return []
    first = values[:, int(np.isfinite(values).any(axis=0).argmax())]
    without = _no_start(first, values)
    return [str(label) for label, none in zip(labels, without, strict=True) if none]


def _one_measure(values: np.ndarray, elapsed: np.ndarray) -> xr.Dataset:
    """Curves and lines of one source and measure in every convention."""
    divisible = {name: _divisible(values, name) for name in CONVENTIONS}
    curves = [
        rule(divisible[name]) if np.isfinite(divisible[name]).any() else None
        for name, rule in CONVENTIONS.items()
    ]
    nothing = np.full(elapsed.size, np.nan)
    means = np.stack([nothing if curve is None else curve.mean for curve in curves])
    errors = np.stack([nothing if curve is None else curve.error for curve in curves])
    lines = np.stack([_line(mean, elapsed) for mean in means])
    by_session = np.stack([_line(mean, np.arange(float(elapsed.size))) for mean in means])
    observed = np.isfinite(means).any(axis=0) & np.isfinite(elapsed)
    span = np.ptp(elapsed[observed]) if observed.any() else np.nan
    t_squared = (
        np.divide(lines[:, 0], lines[:, 1], out=np.full(len(lines), np.nan), where=lines[:, 1] > 0)
        ** 2
    )
    effect = (
        np.sign(lines[:, 0]) * np.sqrt(t_squared / (t_squared + observed.sum() - 2))
        if observed.sum() > 2
        else np.full(len(lines), np.nan)
    )
    numbers = {
        **{name: lines[:, column] for column, name in enumerate(LINE)},
        "slope_per_session": by_session[:, 0],
        "standard_error_per_session": by_session[:, 1],
        "change": lines[:, 0] * span,
        "change_standard_error": lines[:, 1] * span,
        "effect_size": effect,
    }
    by_curve = {
        "curve": (("convention", "session"), means),
        "curve_standard_error": (("convention", "session"), errors),
    }
    subjects = ("session", np.isfinite(values).sum(axis=0).astype(float))
    return xr.Dataset(
        {
            **{name: ("convention", value) for name, value in numbers.items()},
            **by_curve,
            "subjects": subjects,
        }
    )


def described_source(dataset: xr.Dataset, measures: Sequence[str]) -> xr.Dataset:
    """Curves normalised to the first session in every convention, and straight lines with intercept
    through them.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset of one source.
    measures : sequence of str
        See ``of_subjects``.

    Returns
    -------
    xarray.Dataset
        ``curve`` and ``curve_standard_error`` (measure, convention, session), ``subjects``
        (measure, session); by (measure, convention): ``slope``, ``standard_error``, ``p_value`` and
        ``intercept`` per unit of elapsed, ``slope_per_session``, ``standard_error_per_session``,
        ``change`` = slope times the span, and ``effect_size`` = correlation of the curve with time.
        ``first_value`` (measure) is the mean over subjects that curves start from, and
        ``noise_ceiling`` the correlation of rate maps without drift. ``undivided`` (measure) names
        the subjects whose first value is 0, or within 1e-12 of it (of one unit of the measure, or
        of the largest value of the subject): they are left out where each is divided by its own,
        and all is NaN where nothing is left. A curve whose values differ by less than 1e-12 of them
        is constant: its slope and its error are 0, p is 1.
    """
    elapsed = _elapsed(dataset)
    labels = [str(label) for label in dataset["subject"].values]
    series = [of_subjects(dataset, name) for name in measures]
    joined = xr.concat([_one_measure(values, elapsed) for values in series], dim="measure")
    joined = joined.assign_coords(session=np.arange(elapsed.size)).assign(
        since_first=("session", elapsed)
    )
    joined["first_value"] = "measure", [_first_value(values) for values in series]
    joined["noise_ceiling"] = (), _ceiling(dataset)
    joined["undivided"] = "measure", [", ".join(undivided(values, labels)) for values in series]
    rule = str(dataset.attrs.get("place_unit_rule", "spatial_information > 0.01 bits/event"))
    return joined.assign(
        elapsed_units=str(dataset["elapsed"].attrs.get("units", "1")), place_unit_rule=rule
    )


def _first_value(values: np.ndarray) -> float:
    """Mean over subjects of the first session that holds any value, by which curves are divided."""
    finite = np.isfinite(values)
    first = values[:, int(finite.any(axis=0).argmax())]
    return float(np.nanmean(first)) if finite.any() else np.nan


def _ceiling(dataset: xr.Dataset) -> float:
    """Correlation of rate maps of two sessions if nothing drifted, mean over pairs; NaN where it is
    not known."""
    if "rate_half" not in dataset or not _tracked(dataset):
        return np.nan
    values = correlation_ceiling(dataset).transpose("subject", ...).values
    pairs = values[:, ~np.eye(values.shape[-1], dtype=bool)]
    return float(np.nanmean(pairs)) if np.isfinite(pairs).any() else np.nan


def event_rate_ratio(dataset: xr.Dataset) -> float:
    """Mean event rate of the last session over that of the first, of all observed units of all
    subjects.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` and ``occupancy``.

    Returns
    -------
    float
        NaN if there were no events in the first session.
    """
    cells = map_dims(dataset["rate"])
    time = dataset["occupancy"].where(dataset["rate"].notnull())
    total_time = time.sum(cells)
    # sizes of events have no scale that animals share
    sizes = dataset.attrs.get("activity_kind", "counts") != "counts" and "event_count" in dataset
    events = dataset["event_count"] if sizes else dataset["rate"] * time
    rates = (events.sum(cells) / total_time.where(total_time > 0)).mean(["subject", "unit"])
    return float(rates[-1] / rates[0]) if float(rates[0]) > 0 else float("nan")
