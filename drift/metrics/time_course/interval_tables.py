"""Similarity by lag and half-lives, each with its interval, as long tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from drift.door import opened
from drift.door.quantities import Confidence, Count, Seed
from drift.metrics.intervals.nested import nested_interval
from drift.metrics.stability.correlations import population_vector_correlation
from drift.metrics.stability.halves import has_halves
from drift.metrics.stability.session_pairs import COMPARED
from drift.metrics.stability.unit_moments import Similarity
from drift.metrics.time_course.half_life import half_life
from drift.metrics.time_course.interval_measures import CORRELATION, by_lag_interval
from drift.metrics.time_course.lag_classes import lag_classes
from drift.metrics.time_course.lags import by_lag
from drift.schema.labelled_form import check

LIMITS = ("estimate", "lower", "upper")


@opened
def lag_table(
    dataset: xr.Dataset,
    *,
    confidence: Confidence = 0.95,
    repetitions: Count = 1000,
    seed: Seed = 0,
) -> pd.DataFrame:
    """Similarity of sessions by the time between them with its interval over subjects, one row for
    each measure and lag.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``, ``place_unit`` and ``elapsed``; units are tracked.
    confidence, repetitions, seed
        See ``nested_interval``.

    Returns
    -------
    pandas.DataFrame
        ``measure`` (rate_map_correlation and, of several subjects, population_vector_correlation;
        with halves, or without noise, corrected_similarity), ``compared``, the units that it is
        over, ``lag`` in ``lag_units``,
        ``estimate``, ``lower``, ``upper``, ``confidence``, ``independent_subjects`` and
        ``speaks_of``, whom the interval holds for.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared.
    SchemaError
        If a variable is missing.
    """
    single = dataset.isel(environment=0) if "environment" in dataset.dims else dataset
    measures: list[Similarity] = ["rate_map_correlation"]
    measures += ["corrected_similarity"] if has_halves(single) else []
    curves = {
        str(of): by_lag_interval(
            single, of, confidence=confidence, repetitions=repetitions, seed=seed
        )
        for of in measures
    }
    vectors = _vectors(single)
    if vectors.notnull().any("lag").sum() > 1:
        interval = nested_interval(vectors, ("subject",), confidence=confidence, within=CORRELATION)
        curves["population_vector_correlation"] = interval
    tables = [_lag_rows(name, curve) for name, curve in curves.items()]
    return pd.concat(tables, ignore_index=True)


def _vectors(dataset: xr.Dataset) -> xr.DataArray:
    """(subject, lag) mean correlation of population vectors."""
    elapsed = check(dataset, "elapsed")["elapsed"]
    similarity = population_vector_correlation(dataset)
    means = by_lag(similarity, elapsed, lag_classes(elapsed))["correlation"]
    return means.isel(lag=np.flatnonzero(means.notnull().any("subject").values))


def _lag_rows(name: str, curve: xr.Dataset) -> pd.DataFrame:
    columns = {
        "measure": name,
        "compared": COMPARED[name],
        "lag": curve["lag"].values,
        "lag_units": str(curve["lag"].attrs.get("units", "1")),
        **{limit: curve[limit].values for limit in LIMITS},
        "confidence": float(curve["confidence"]),
        "independent_subjects": curve["independent_subjects"].values,
        "speaks_of": str(curve.attrs["speaks_of"]),
    }
    return pd.DataFrame(columns, index=range(curve.sizes["lag"]))


@opened
def half_life_table(
    dataset: xr.Dataset,
    *,
    confidence: Confidence = 0.95,
    repetitions: Count = 1000,
    seed: Seed = 0,
) -> pd.DataFrame:
    """Half-life of the code, over subjects and of each, one row each.

    Parameters
    ----------
    dataset, confidence, repetitions, seed
        See ``half_life``.

    Returns
    -------
    pandas.DataFrame
        ``subject`` ("" for the row over subjects), ``half_life``, ``lower``, ``upper`` in
        ``units``, ``confidence``, ``independent_subjects``, ``reason`` (why there is no estimate)
        and ``speaks_of``.

    Raises
    ------
    RefusedInputError
        If rates are noisy and there are no halves, or no two sessions may be compared.
    """
    single = dataset.isel(environment=0) if "environment" in dataset.dims else dataset
    result = half_life(single, confidence=confidence, repetitions=repetitions, seed=seed)
    number = np.arange(result.sizes["subject"])
    labels = result["subject"].values if "subject" in result.coords else number
    rows = [
        ("", *(result[limit].item() for limit in LIMITS), result["reason"].item()),
        *zip(labels, *(result[f"subject_{name}"].values for name in (*LIMITS, "reason"))),
    ]
    table = pd.DataFrame(rows, columns=["subject", "half_life", "lower", "upper", "reason"])
    table["units"] = str(result["estimate"].attrs["units"])
    table["confidence"] = float(result["confidence"])
    table["independent_subjects"] = [int(result["independent_subjects"]), *([1] * len(labels))]
    each = [f"subject {label} alone, by its units" for label in labels]
    table["speaks_of"] = [str(result.attrs["speaks_of"]), *each]
    return table
