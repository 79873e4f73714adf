"""Prediction beside measurement during a run: the loss that noise sustains, the curvature it may
reach, the growth of the weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from drift.door import opened
from drift.errors import RefusedInputError
from drift.experiment import Experiment
from drift.learners import SGD
from drift.schema.labelled_form import check
from drift.theory.landscape import plateaus as loss_plateaus
from drift.theory.landscape import regularisers
from drift.theory.landscape.curvature import Point, hessian_trace, network_point
from drift.theory.landscape.spectrum import (
    gauss_newton_spectrum,
    largest_eigenvalues,
    log_pseudo_determinant,
    rank,
)

WEIGHTS = ("input_weights", "bias", "output_weights")
MEANINGS = {
    "loss": ("squared output", "mean squared error on the noise-free task"),
    "predicted_loss": (
        "squared output",
        "loss that the noise sustains at this curvature; infinite beyond the edge of stability",
    ),
    "hessian_trace": ("1", "trace of the Hessian"),
    "hessian_trace_change": ("1/step", "change of the trace until the next session"),
    "predicted_hessian_trace_change": (
        "1/step",
        "change of the trace that drift and diffusion along the manifold predict",
    ),
    "largest_eigenvalue": ("1", "largest eigenvalue of the exact Hessian"),
    "edge_of_stability": (
        "1",
        "largest eigenvalue at which gradient descent can rest, 2 / learning rate",
    ),
    "gauss_newton_rank": ("1", "rank of the Gauss-Newton matrix, relative tolerance 1e-8"),
    "gauss_newton_log_determinant": ("1", "sum of ln eigenvalues over the rank"),
    "squared_norm": ("1", "sum of all squared weights"),
    "squared_norm_growth": ("1/step", "growth of the squared norm until the next session"),
    "predicted_squared_norm_growth": ("1/step", "growth by diffusion along the manifold"),
}


class _Noise(NamedTuple):
    learning_rate: float
    gradient_std: float
    label_variance: float


@opened
def noise_monitor(run: xr.Dataset, trace_change: bool = False) -> xr.Dataset:
    """Set what theory predicts beside what each session of a run shows.

    Parameters
    ----------
    run : xarray.Dataset
        Of subjects that learn by gradient descent, with the probes ``input_weights``, ``bias`` and
        ``output_weights``.
    trace_change : bool
        Predict the change of the trace of the Hessian too; this takes a singular value
        decomposition of all derivatives a session.

    Returns
    -------
    xarray.Dataset
        (subject, session), NaN where nothing was recorded or is predicted: ``loss`` and
        ``predicted_loss``, ``largest_eigenvalue`` and ``edge_of_stability``,
        ``squared_norm_growth`` and ``predicted_squared_norm_growth``, with ``trace_change``
        ``hessian_trace_change`` and its prediction, which exists below the edge of stability; and
        ``hessian_trace``, ``squared_norm``, ``gauss_newton_rank``,
        ``gauss_newton_log_determinant``. Changes are from the session to the next.

    Raises
    ------
    RefusedInputError
        If weights or recipes are missing, or a subject learns by another rule or under input noise.
    """
    check(run, *WEIGHTS, "elapsed")
    if "experiment" not in run.coords:
        raise RefusedInputError(
            "the run holds no recipes in the coordinate experiment: pass what train or load "
            "returns."
        )
    monitored = xr.concat(
        [_subject(run.isel(subject=place), trace_change) for place in range(run.sizes["subject"])],
        dim="subject",
    )
    for name in monitored.data_vars:
        units, meaning = MEANINGS[str(name)]
        monitored[name].attrs.update(units=units, long_name=meaning)
    coordinates = {
        name: run[name] for name in ("subject", "session", "elapsed") if name in run.coords
    }
    return monitored.assign_coords(coordinates)


def _subject(run: xr.Dataset, trace_change: bool) -> xr.Dataset:
    experiment = Experiment.from_json(str(run["experiment"].values))
    if not isinstance(experiment.learner, SGD) or any(
        noise.kind not in ("label", "update") for noise in experiment.noise
    ):
        raise RefusedInputError(
            f"the plateau under {experiment.learner.kind} with "
            f"{[noise.kind for noise in experiment.noise]} noise is not predicted: "
            "choose subjects that learn by SGD under update or label noise."
        )
    task = experiment.task.draw(experiment.seed)
    inputs, targets = task["inputs"].values, task["targets"].values
    rows: list[dict[str, float]] = []
    for session, step in enumerate(run["elapsed"].values):
        weights = [run[name].isel(session=session) for name in WEIGHTS]
        if not all(bool(np.isfinite(array).all()) for array in weights):
            rows.append({})
            continue
        inward = np.column_stack(
            [weights[0].transpose("unit", "input").values, weights[1].values]
        ).astype(float)
        outward = weights[2].transpose("unit", "output").values.astype(float)
        norm = float(np.square(inward).sum() + np.square(outward).sum())
        noise = _noise(experiment, int(step))
        rows.append(
            {
                **_measures(network_point(inputs, targets, inward, outward), noise, trace_change),
                "squared_norm": norm,
            }
        )
    names = [name for name in MEANINGS if any(name in row for row in rows)]
    measures = xr.Dataset(
        {
            name: ("session", np.array([row.get(name, np.nan) for row in rows], dtype=float))
            for name in names
        }
    )
    return measures.assign(_changes(measures, run["elapsed"].values, trace_change))


def _noise(experiment: Experiment, step: int) -> _Noise:
    """Sizes of the noise in the step that led to a session, on the gradient and on the labels."""
    rate, std = (
        float(dict(experiment.learner)["learning_rate"]),
        {noise.kind: noise.scale(max(step - 1, 0)) for noise in experiment.noise},
    )
    on_weights = any(getattr(noise, "acts_on", "") == "weights" for noise in experiment.noise)
    return _Noise(
        rate, std.get("update", 0.0) / (rate if on_weights else 1.0), std.get("label", 0.0) ** 2
    )


def _measures(point: Point, noise: _Noise, trace_change: bool) -> dict[str, float]:
    spectrum, rate = gauss_newton_spectrum(point), noise.learning_rate
    plateau = (
        loss_plateaus.update_noise_loss(spectrum, rate, noise.gradient_std)
        if noise.gradient_std > 0
        else 0.0
    )
    plateau += (
        loss_plateaus.label_noise_loss(spectrum, rate, noise.label_variance, point.error.size)
        if noise.label_variance > 0
        else 0.0
    )
    measured = {
        "loss": float(np.square(point.error).mean()),
        "predicted_loss": plateau,
        "hessian_trace": hessian_trace(point),
        "largest_eigenvalue": float(largest_eigenvalues(point)[-1]),
        "edge_of_stability": loss_plateaus.edge_of_stability(rate),
        "gauss_newton_rank": float(rank(spectrum)),
        "gauss_newton_log_determinant": float(log_pseudo_determinant(spectrum)),
        "predicted_squared_norm_growth": loss_plateaus.squared_norm_growth(
            point.parameters, rate, noise.gradient_std
        ),
    }
    if (
        not trace_change
        or not point.active.any()
        or not spectrum[-1] < loss_plateaus.edge_of_stability(rate)
    ):
        return measured
    change = (
        regularisers.update_noise_trace_change(point, rate, noise.gradient_std)
        if noise.gradient_std > 0
        else 0.0
    )
    change += (
        regularisers.label_noise_trace_change(point, rate, noise.label_variance)
        if noise.label_variance > 0
        else 0.0
    )
    return {**measured, "predicted_hessian_trace_change": change}


def _changes(
    monitored: xr.Dataset, elapsed: np.ndarray, trace_change: bool
) -> dict[str, tuple[str, np.ndarray]]:
    """Changes per step from each session to the next, NaN for the last."""
    measures = {
        "squared_norm_growth": "squared_norm",
        **({"hessian_trace_change": "hessian_trace"} if trace_change else {}),
    }
    present = {
        change: monitored[measure].values
        for change, measure in measures.items()
        if measure in monitored
    }
    return {
        change: ("session", np.append(np.diff(values) / np.diff(elapsed), np.nan))
        for change, values in present.items()
    }
