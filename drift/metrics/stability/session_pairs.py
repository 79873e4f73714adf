"""How alike every two sessions are, as a long table with the time between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr

from drift.door import opened
from drift.metrics.rooms import environment_labels
from drift.metrics.stability.corrected import corrected_similarity
from drift.metrics.stability.correlations import (
    mean_rate_map_correlation,
    population_vector_correlation,
)
from drift.metrics.stability.matching import match_probability
from drift.metrics.stability.pairs import comparable_pairs
from drift.metrics.stability.unit_drift import drift_index

SIMILARITIES = {
    "rate_map_correlation": mean_rate_map_correlation,
    "population_vector_correlation": population_vector_correlation,
}


def _index_of_place_units(dataset: xr.Dataset) -> xr.DataArray:
    """(subject, session, session_other) mean index of drift over place units in both sessions."""
    return drift_index(dataset, keep=dataset["place_unit"]).mean("unit")


def _mean_match(dataset: xr.Dataset) -> xr.DataArray:
    """Mean probability over the units that both sessions have."""
    return match_probability(dataset).mean("unit").where(comparable_pairs(dataset))


def _matched(dataset: xr.Dataset) -> xr.DataArray:
    return corrected_similarity(dataset, match_probability=match_probability(dataset))


OF_HALVES = {
    "corrected_similarity": corrected_similarity,
    "mean_drift_index": _index_of_place_units,
}
READOUTS = ("decoding_error", "refitted_decoding_error", "shuffled_decoding_error")
COLUMNS = (
    "measure",
    "subject",
    "environment",
    "session",
    "session_other",
    "lag",
    "lag_units",
    "value",
    "compared",
)
PLACE_UNITS = "units that are place units in both sessions"
COMPARED = {
    "rate_map_correlation": PLACE_UNITS,
    "population_vector_correlation": "units observed in both sessions",
    "corrected_similarity": PLACE_UNITS,
    "mean_drift_index": PLACE_UNITS,
    "match_probability": "units observed in both sessions",
    "matched_similarity": PLACE_UNITS,
    **dict.fromkeys(READOUTS, "units active in either session"),
}


@opened
def session_pairs(dataset: xr.Dataset) -> pd.DataFrame:
    """Correlations between every two sessions of a subject, one row each.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate``, ``place_unit`` and ``elapsed``; units are tracked.

    Returns
    -------
    pandas.DataFrame
        ``measure`` (rate_map_correlation, mean over units that are place units in both sessions;
        population_vector_correlation, all units observed in both; with ``rate_half``,
        corrected_similarity of rate maps and mean_drift_index, over place units in both; with
        ``registration_confidence``, match_probability, mean over units, and matched_similarity,
        corrected for wrong matches, too; with readouts, decoding_error, refitted_decoding_error and
        shuffled_decoding_error, of a readout of ``session`` in ``session_other``), ``subject``,
        ``environment`` ("" where none is labelled), ``session`` and ``session_other`` by their
        labels, the earlier first, ``lag`` between them in ``lag_units``, ``value``, and
        ``compared``, the units that it is over. Each pair
        stands once; pairs that cannot be compared (other room, other units, no unit left) are left
        out.

    Raises
    ------
    RefusedInputError
        If no two sessions may be compared.
    SchemaError
        If a variable is missing.
    """
    single = dataset.isel(environment=0) if "environment" in dataset.dims else dataset
    measures = _measures(single)
    similarities = {name: measure(single) for name, measure in measures.items()}
    similarities |= {name: single[name] for name in READOUTS if name in single}
    tables = [_table(single, name, values) for name, values in similarities.items()]
    return pd.concat(tables, ignore_index=True)


def _measures(dataset: xr.Dataset) -> dict[str, Callable[[xr.Dataset], xr.DataArray]]:
    """Those that a Dataset has what they need for."""
    measures: dict[str, Callable[[xr.Dataset], xr.DataArray]] = {**SIMILARITIES}
    halves, confident = "rate_half" in dataset, "registration_confidence" in dataset.coords
    measures |= OF_HALVES if halves else {}
    measures |= {"match_probability": _mean_match} if confident else {}
    return measures | ({"matched_similarity": _matched} if halves and confident else {})


def _table(dataset: xr.Dataset, name: str, similarity: xr.DataArray) -> pd.DataFrame:
    """Rows of one measure, by subject and then by the two sessions."""
    values = similarity.transpose("subject", "session", "session_other").values
    first, second = np.triu_indices(dataset.sizes["session"], k=1)
    subject, pair = np.nonzero(np.isfinite(values[:, first, second]))
    earlier, later = first[pair], second[pair]
    elapsed = dataset["elapsed"].transpose("subject", "session").values.astype(float)
    rooms = environment_labels(
        dataset, subjects=dataset.sizes["subject"], sessions=dataset.sizes["session"]
    )
    sessions, subjects = _labels(dataset, "session"), _labels(dataset, "subject")
    columns = (
        name,
        subjects[subject],
        rooms[subject, earlier],
        sessions[earlier],
        sessions[later],
        elapsed[subject, later] - elapsed[subject, earlier],
        str(dataset["elapsed"].attrs.get("units", "1")),
        values[subject, earlier, later],
        COMPARED[name],
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=range(subject.size))


def _labels(dataset: xr.Dataset, dim: str) -> np.ndarray:
    return np.asarray(
        dataset[dim].values if dim in dataset.coords else np.arange(dataset.sizes[dim])
    )
