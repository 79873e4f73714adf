"""How fast a code should drift, from the drift of its weights alone, beside how fast it does.

Nothing is fitted: the active fraction, the autocorrelation of the weights and the similarity of
the inputs are measured, and a Top-K layer with random weights of these numbers is held against the
code. What differs is structure beyond such a layer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline

from drift.door import opened
from drift.errors import RefusedInputError
from drift.files.store import provenance
from drift.metrics.labels import require_dims
from drift.metrics.time_course.lags import by_lag
from drift.schema.labelled_form import check
from drift.theory.code_drift.closed_forms import (
    code_similarity,
    effective_correlation,
    population_vector_similarity,
)
from drift.theory.code_drift.similarity import STATISTICS, active_units, measured_similarity
from drift.theory.code_drift.within_sessions import within_sessions
from drift.theory.kernels.depth import measured_pooling

READOUT = "readout_cosine"
MEANINGS = {
    "within_sessions": "similarity of the two halves of a session, 1 but for noise",
    "prediction": "similarity of codes predicted from the drift of the weights",
    "measurement": "similarity of codes",
    "structure": "structure beyond a random Top-K layer",
    "rms_structure": "root mean square over lags of structure",
    "weight_autocorrelation": "correlation of input weights less their means over units",
    "pairs": "pairs of sessions at this lag",
    "active_fraction": "fraction of responses above zero",
    "pooling": "summed correlation of the output weights of a unit with its others",
}
# autocorrelations at which predictions are computed; between them they are smooth in the angle
# arccos r
NODES = 97


class _Layer(NamedTuple):
    """What is measured of one subject."""

    activity: np.ndarray  # (session, place and direction, unit), NaN where not observed
    autocorrelation: np.ndarray  # (session, session) of the weights
    input_correlation: np.ndarray  # (place and direction, place and direction)
    amplitude: np.ndarray  # (place and direction)
    active_fraction: float
    pooling: float  # NaN without a readout
    output_weights: np.ndarray | None  # (session, output, unit)


@opened
def activity_maps(dataset: xr.Dataset, subject: int) -> np.ndarray:
    """Rate maps of one subject, ways out and back one after the other.

    Parameters
    ----------
    dataset : xarray.Dataset
        Longitudinal Dataset with ``rate`` (subject, session, unit, place[, direction]).
    subject : int
        Position along the dim.

    Returns
    -------
    numpy.ndarray
        (session, place and direction, unit), NaN where not observed.

    Raises
    ------
    RefusedInputError
        If the Dataset has several environments or no rate that is finite.
    """
    recorded = [name for name in RECORDED_WEIGHTS if name in dataset]
    label = subject_label(check(dataset, "rate", *recorded), subject)
    rate = require_dims(dataset["rate"], "rate", "subject", "session", "unit", "place").isel(
        subject=subject
    )
    if rate.sizes.get("environment", 1) > 1:
        raise RefusedInputError(
            f"rate lies in {rate.sizes['environment']} environments, but one is needed: "
            "select one with isel(environment=0)."
        )
    rate = rate.isel(environment=0) if "environment" in rate.dims else rate
    cells = [dim for dim in ("direction", "place") if dim in rate.dims]
    maps = rate.transpose("session", *cells, "unit").values.astype(float)
    maps = maps.reshape(len(maps), -1, maps.shape[-1])
    if not np.isfinite(maps).any():
        raise RefusedInputError(
            f"rate of subject {label} holds no finite number: leave the subject out."
        )
    return maps


@opened
def subject_label(dataset: xr.Dataset, subject: int) -> str:
    """Name of a subject, its number where it has none.

    Parameters
    ----------
    dataset : xarray.Dataset
    subject : int
        Position along the dim.

    Returns
    -------
    str
    """
    subjects = dataset.sizes.get("subject", 0)
    if not -subjects <= subject < subjects:
        raise RefusedInputError(
            f"subject must be the position of one of {subjects} subjects, got {subject}: they "
            "count from 0."
        )
    return str(dataset["subject"].values[subject]) if "subject" in dataset.coords else str(subject)


RECORDED_WEIGHTS = ("input_weights", "bias", "output_weights")


def _of_weights(run: xr.Dataset, subject: int) -> np.ndarray:
    """(session, session) cosine of input weights and biases less their means over units, which
    change no order among units."""
    if several := sorted({"excitability", "context_weight_autocorrelation"} & set(run)):
        raise RefusedInputError(
            f"the code of this run moves with more than its weights, as {several[0]} says, which "
            "predict does not know of: combine drive_correlation with the closed forms."
        )
    if "weight_autocorrelation" in run:
        return (
            run["weight_autocorrelation"]
            .isel(subject=subject)
            .transpose("session", "session_other")
            .values.astype(float)
        )
    if "input_weights" not in run:
        raise RefusedInputError(
            "the drift of the weights is not known, as there is neither "
            "weight_autocorrelation nor input_weights: record them with "
            'probes=[..., "input_weights"], or fit the drift with estimate.'
        )
    weights = (
        run["input_weights"]
        .isel(subject=subject)
        .transpose("session", "unit", "input")
        .values.astype(float)
    )
    if "bias" in run:
        bias = run["bias"].isel(subject=subject).transpose("session", "unit").values
        weights = np.concatenate([weights, bias[..., np.newaxis]], axis=-1)
    finite = np.isfinite(weights)
    # (unit, input) without the padding of other subjects
    shared = finite[finite.any(axis=(1, 2))].all(axis=0)
    shared_weights = weights[:, shared.any(axis=1)][:, :, shared.any(axis=0)]
    flat = (shared_weights - shared_weights.mean(axis=1, keepdims=True)).reshape(
        len(shared_weights), -1
    )
    norm = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = np.divide(flat, norm, out=np.full(flat.shape, np.nan), where=norm > 0)
    return np.clip(flat @ flat.T, -1, 1)


def _given_correlation(run: xr.Dataset, subject: int) -> np.ndarray | None:
    """(place, place) correlation of the inputs, NaN where a subject has no such place or did not
    visit it."""
    if "input_correlation" not in run or run["rate"].sizes.get("direction", 1) > 1:
        return None
    correlation = run["input_correlation"]
    correlation = (
        correlation.isel(subject=subject) if "subject" in correlation.dims else correlation
    )
    return correlation.transpose("place", "place_other").values.astype(float)


def _mean_cosine(maps: np.ndarray) -> np.ndarray:
    """(place, place) cosine over units between places of one session, averaged over the
    sessions."""
    filled = np.nan_to_num(maps)
    product = np.einsum("apu,aqu->apq", filled, filled, optimize=True)  # (session, place, place)
    norm = np.sqrt(np.diagonal(product, axis1=1, axis2=2))
    scale = norm[:, :, np.newaxis] * norm[:, np.newaxis]
    cosine = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    mean = cosine.sum(axis=0) / np.maximum((scale > 0).sum(axis=0), 1)
    np.fill_diagonal(mean, 1.0)
    return mean


def _layer(run: xr.Dataset, subject: int) -> _Layer:
    maps, correlation = activity_maps(run, subject), _given_correlation(run, subject)
    present = np.isfinite(maps).any(axis=(0, 2)) & (
        True if correlation is None else np.isfinite(correlation.diagonal())
    )  # (place and direction)
    if not present.any():
        raise RefusedInputError(
            f"subject {subject_label(run, subject)}: no place has both a rate and an "
            "input_correlation that are finite: match their places."
        )
    maps = maps[:, present]
    observed = np.isfinite(maps)
    fraction = float(active_units(maps)[observed].mean())
    if not 0 < fraction < 1:
        raise RefusedInputError(
            f"subject {subject_label(run, subject)}: a fraction {fraction:g} of the responses "
            "is above 0, but a sparse code is needed."
        )
    outward = None
    if "output_weights" in run and run.sizes["output"] > 1:
        outward = (
            run["output_weights"]
            .isel(subject=subject)
            .transpose("session", "output", "unit")
            .values.astype(float)
        )
    pooling = (
        np.nan
        if outward is None
        else float(
            np.mean(
                [measured_pooling(weights)[0] for weights in outward if np.isfinite(weights).all()]
            )
        )
    )
    amplitude = np.sqrt(np.nansum(maps**2, axis=(0, 2)) / np.maximum(observed.sum(axis=(0, 2)), 1))
    inputs = (
        effective_correlation(_mean_cosine(maps), fraction)
        if correlation is None
        else correlation[np.ix_(present, present)]
    )
    return _Layer(maps, _of_weights(run, subject), inputs, amplitude, fraction, pooling, outward)


def _measured(layer: _Layer, session: int, session_other: int) -> np.ndarray:
    """(statistic) between two sessions."""
    both = np.isfinite(layer.activity[session]) & np.isfinite(layer.activity[session_other])
    shared = np.ix_(both.any(axis=1), both.any(axis=0))
    first, later = layer.activity[session][shared], layer.activity[session_other][shared]
    similarities = measured_similarity(first, later)
    return (
        similarities
        if layer.output_weights is None
        else np.append(
            similarities,
            _readout_cosine(layer, (session, session_other), first, later, shared[1][0]),
        )
    )


def _readout_cosine(
    layer: _Layer,
    sessions: tuple[int, int],
    first: np.ndarray,
    later: np.ndarray,
    units: np.ndarray,
) -> float:
    """Cosine over outputs of what the readout of either day makes of both days, averaged over
    places."""
    assert layer.output_weights is not None
    readouts = [layer.output_weights[session][:, units].T for session in sessions]
    pairs = [(first @ readout, later @ readout) for readout in readouts]  # (place, output)
    cosines = [
        (first_outputs * later_outputs).sum(1)
        / np.maximum(
            np.linalg.norm(first_outputs, axis=1) * np.linalg.norm(later_outputs, axis=1),
            np.finfo(float).tiny,
        )
        for first_outputs, later_outputs in pairs
    ]
    return float(np.mean(cosines))


def _predicted(layer: _Layer) -> np.ndarray:
    """(session, session, statistic) of a random Top-K layer."""
    angle = np.linspace(0, np.pi, NODES)
    nodes = xr.DataArray(np.cos(angle), dims="angle")
    theory = code_similarity(
        layer.input_correlation, layer.active_fraction, nodes, amplitude=layer.amplitude
    )
    curves = [theory[name].values for name in STATISTICS]
    if layer.output_weights is not None:
        curves.append(
            population_vector_similarity(
                1.0, layer.active_fraction, nodes, layer.pooling
            ).cosine.values
        )
    return np.moveaxis(
        CubicSpline(angle, np.stack(curves), axis=1)(
            np.arccos(np.clip(layer.autocorrelation, -1, 1))
        ),
        0,
        -1,
    )


def _by_pairs(layer: _Layer) -> tuple[np.ndarray, np.ndarray]:
    """Measured and predicted similarities, (session, session, statistic), NaN where a pair was not
    observed."""
    predicted = np.where(
        np.isfinite(layer.autocorrelation)[..., np.newaxis], _predicted(layer), np.nan
    )
    measured = np.full(predicted.shape, np.nan)
    for session, session_other in zip(*np.triu_indices(len(predicted), k=1)):
        measured[session, session_other] = measured[session_other, session] = _measured(
            layer, session, session_other
        )
    return measured, np.where(np.isfinite(measured), predicted, np.nan)


@opened
def predict(run: xr.Dataset) -> xr.Dataset:
    """Predict the drift of a code from the drift of its weights, with no fitted parameter, and hold
    the measured drift against it.

    The active fraction f is that of all responses; r between two sessions is the cosine of their
    input weights, each less its mean over units, which lifts all units alike; the correlation c0 of
    the inputs at two places is given, or that which the code itself has within a session; the
    pooling m is that of the output weights. Prediction and measurement are formed for every pair of
    sessions and averaged by lag.

    Parameters
    ----------
    run : xarray.Dataset
        Longitudinal Dataset of a network or circuit with ``rate`` (subject, session, unit, place[,
        direction]) and ``elapsed``; with ``weight_autocorrelation`` (subject, session,
        session_other), or ``input_weights`` (subject, session, unit, input) and, where units have
        one, ``bias``; where known with ``input_correlation`` ([subject,] place, place_other) and
        ``output_weights`` (subject, session, output, unit).

    Returns
    -------
    xarray.Dataset
        ``prediction``, ``measurement`` and ``structure`` = measurement - prediction (subject,
        statistic, lag), the last what a random Top-K layer does not explain; ``rms_structure``
        (subject, statistic) its root mean square over lags; ``weight_autocorrelation`` (subject,
        lag), ``active_fraction`` and ``pooling`` (subject), ``pairs`` (subject, lag) of sessions.
        Of runs with ``rate_half`` also ``within_sessions`` (subject, statistic), the similarity at
        lag 0: of the halves of a session, which is 1 but for noise, as weights stay meanwhile.

    Raises
    ------
    RefusedInputError
        If the drift of the weights is not known, there is one session only, or no activity.
    SchemaError
        If a variable is missing.

    References
    ----------
    Derived here; ``drift.theory.code_drift.closed_forms`` holds the formulas.
    """
    check(run, "rate", "elapsed")
    subjects = range(run.sizes["subject"])
    layers = [_layer(run, subject) for subject in subjects]
    pairs = [_by_pairs(layer) for layer in layers]
    names = [*STATISTICS, READOUT][: pairs[0][0].shape[-1]]
    dims = ("subject", "session", "session_other", "statistic")
    measured, predicted = (
        by_lag(xr.DataArray(np.stack(similarities), dims=dims), run["elapsed"])
        for similarities in zip(*pairs)
    )
    weights = by_lag(
        xr.DataArray(np.stack([layer.autocorrelation for layer in layers]), dims=dims[:3]),
        run["elapsed"],
    )
    result = xr.Dataset(
        {"prediction": predicted["correlation"], "measurement": measured["correlation"]}
    )
    result = result.assign_coords(
        statistic=names, subject=[subject_label(run, subject) for subject in subjects]
    )
    result = result.transpose("subject", "statistic", "lag")
    result["structure"] = result["measurement"] - result["prediction"]
    result["rms_structure"] = np.sqrt((result["structure"] ** 2).mean("lag"))
    result["weight_autocorrelation"] = weights["correlation"].drop_vars("subject", errors="ignore")
    result["pairs"] = weights["pairs"].drop_vars("subject", errors="ignore")
    if "rate_half" in run:
        rows = [within_sessions(run, subject) for subject in subjects]
        filled = np.full((len(rows), len(names)), np.nan)
        filled[:, : len(rows[0])] = rows
        result["within_sessions"] = (("subject", "statistic"), filled)
    for name in ("active_fraction", "pooling"):
        result[name] = ("subject", np.array([getattr(layer, name) for layer in layers]))
    for name, meaning in MEANINGS.items():
        if name in result:
            result[name].attrs = {"units": "1", "long_name": meaning}
    result["lag"].attrs = {
        "units": str(run["elapsed"].attrs.get("units", "1")),
        "long_name": "elapsed time between two sessions",
    }
    return result.assign_attrs(
        **provenance(), title="drift of codes predicted from the drift of their weights"
    )
