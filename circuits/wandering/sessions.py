"""Sessions of drifting circuits in the labelled form of networks and animals, so that every measure
of these applies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from circuits.base import Circuit
from circuits.simulation.settle import RESTING
from circuits.simulation.settled_rates import Engine
from circuits.wandering.context import of_context
from circuits.wandering.excitability import Excitability, excitabilities
from circuits.wandering.inputs import drawn, input_correlation, place_edges
from circuits.wandering.weight_drift import (
    WeightDrift,
    checked_drifts,
    checked_excitabilities,
    checked_seeds,
    drifting_rates,
    drifting_weights,
    each,
    sessions_elapsed,
    weight_scale,
)
from drift import metrics
from drift.door import opened
from drift.files.store import provenance
from drift.metrics.place_code import activity_code, place_code
from drift.metrics.places import place_coordinate
from drift.progress import progress_bar
from drift.schema.labelled_form import RefusedInputError, combine, labelled
from drift.schema.longitudinal import longitudinal_dataset

PAIR = ("subject", "session")


class _Subject(NamedTuple):
    label: str
    circuit: Circuit
    inputs: Any
    experience: xr.Dataset
    drift: WeightDrift | None
    elapsed: np.ndarray  # (session,)
    seed: int
    excitability: Excitability | None

    @property
    def context(self) -> np.ndarray:
        return of_context(self.experience)  # (input,)

    @property
    def patterns(self) -> np.ndarray:
        return self.experience["inputs"].values.astype(float)  # (sample, input)

    @property
    def weights(self) -> np.ndarray:
        """Input weights (session, unit, input); they follow from the seed and need not be kept."""
        weights = drifting_weights(
            self.drift, self.circuit.units, self.patterns.shape[1], self.elapsed, self.seed,
            self.context,
        )  # fmt: skip
        return weight_scale(self.patterns) * weights


@opened
def run_sessions(
    circuits: Sequence[Circuit],
    inputs: Any,
    drift: WeightDrift
    | Mapping[str, Any]
    | Sequence[WeightDrift | Mapping[str, Any] | None]
    | None = None,
    *,
    elapsed: Any,
    seeds: Sequence[int] | None = None,
    elapsed_units: str = "day",
    engine: Engine = "brian2",
    input_weights: bool = False,
    progress: bool = True,
    excitability: Excitability
    | Mapping[str, Any]
    | Sequence[Excitability | Mapping[str, Any] | None]
    | None = None,
) -> xr.Dataset:
    """Let the input weights of circuits wander and observe the circuits in sessions.

    In every session each circuit settles at all places of its input. A subject's result does not
    depend on its company. A circuit knows its places from session 0 on; ``drift.compare`` leaves
    that session out of the source "simulated", as it does with networks.

    Parameters
    ----------
    circuits : sequence of Circuit
        One for each subject; kinds and sizes may differ.
    inputs : PlaceInput, drift task, xarray.Dataset, or list of these
        What all subjects or each of them see: a recipe draws it with the seed of the subject; a
        Dataset is an experience with ``inputs (sample, input)``, ``position (sample)`` and, where
        there is one, ``direction (sample)``.
    drift : WeightDrift, None, or list of these
        How weights wander; None for weights that stay.
    elapsed : array_like
        Time of the sessions, (session,) or (subject, session), rising.
    seeds : sequence of int, optional
        0, 1, 2, ... by default.
    elapsed_units : str
        Of ``elapsed`` and of ``weight_lifetime``.
    engine : {"brian2", "compiled", "fixed_point"}
        Settle in Brian2, in loops compiled from its code, or take the closed form.
    input_weights : bool
        Keep the weights, (subject, session, unit, input).
    progress : bool
        Show a progress bar.
    excitability : Excitability, None, or list of these
        How excitable units are, which changes slowly; None for units alike.

    Returns
    -------
    xarray.Dataset
        Longitudinal Dataset as that of ``drift.train``, with ``weight_autocorrelation`` (subject,
        session, session_other) as it happened to be, ``input_correlation`` (subject, place,
        place_other), ``residual`` (subject, session) and, with homeostasis, ``drive_gain``
        (subject, session, unit); with excitability, ``excitability`` (subject, session, unit).
        Where inputs tell the context, ``weight_autocorrelation`` is that of the weights of the
        other inputs, and ``context_weight_autocorrelation`` that of theirs. ``status`` tells
        whether all sessions of a subject came to rest.

    Raises
    ------
    RefusedInputError
        If lists differ in length, elapsed does not rise, inputs have no places, or a circuit has no
        closed form where it is needed.
    """
    subjects = _subjects(circuits, inputs, drift, elapsed, seeds, excitability)
    total = sum(len(subject.elapsed) * len(subject.patterns) for subject in subjects)
    datasets: dict[str, xr.Dataset] = {}
    with progress_bar(
        total=total, unit="stimulus", unit_scale=True, disable=not progress, desc="settling"
    ) as bar:
        for group in _alike(subjects):
            group_arrays = drifting_rates(
                [subject.circuit for subject in group],
                np.stack([subject.patterns for subject in group]),
                [subject.drift for subject in group],
                np.stack([subject.elapsed for subject in group]),
                [subject.seed for subject in group],
                engine=engine,
                excitability=[subject.excitability for subject in group],
                context=group[0].context,
                report=bar.update,
            )
            for subject, *arrays in zip(group, *group_arrays, strict=True):
                datasets[subject.label] = _longitudinal(
                    subject, *arrays, elapsed_units=elapsed_units, input_weights=input_weights
                )
    joined = combine(
        _with_parameters(
            [datasets[subject.label] for subject in subjects],
            [subject.circuit for subject in subjects],
        )
    )
    return joined.assign_attrs(engine=engine, **provenance(), title="simulated drift of circuits")


def _subjects(
    circuits: Any, inputs: Any, drift: Any, elapsed: Any, seeds: Any, excitability: Any
) -> list[_Subject]:
    listed = list(circuits) if isinstance(circuits, Sequence) else []
    if not listed or not all(isinstance(circuit, Circuit) for circuit in listed):
        raise RefusedInputError(
            "run_sessions needs a list of at least one circuit: write run_sessions([circuit], ...)."
        )
    count = len(listed)
    worlds, drifts = each("inputs", inputs, count), checked_drifts(drift, count)
    numbers = checked_seeds(range(count) if seeds is None else seeds, count)
    times = sessions_elapsed(elapsed, count)
    states = checked_excitabilities(excitability, count)
    rows = zip(listed, worlds, drifts, times, numbers, states, strict=True)
    return [
        _Subject(str(index), circuit, world, drawn(world, seed), weight_drift, time, seed, state)
        for index, (circuit, world, weight_drift, time, seed, state) in enumerate(rows)
    ]


def _alike(subjects: Sequence[_Subject]) -> list[list[_Subject]]:
    """Return the subjects whose rates fit into one array together."""
    groups: dict[tuple[Any, ...], list[_Subject]] = {}
    for subject in subjects:
        alike = (subject.circuit.units, *subject.patterns.shape, subject.context.tobytes())
        groups.setdefault(alike, []).append(subject)
    return list(groups.values())


def _longitudinal(
    subject: _Subject,
    rate: np.ndarray,
    residual: np.ndarray,
    gain: np.ndarray,
    *,
    elapsed_units: str,
    input_weights: bool,
) -> xr.Dataset:
    """Return the Dataset of one subject from its rates (session, sample, unit)."""
    weights, context = subject.weights, subject.context
    tuned = weights[..., ~context] if context.any() else weights
    arrays = {
        "weight_autocorrelation": (
            (*PAIR, "session_other"),
            weight_autocorrelation(tuned)[np.newaxis],
        ),
        "input_correlation": (
            ("subject", "place", "place_other"),
            input_correlation(subject.experience)[np.newaxis],
        ),
        "residual": (PAIR, residual[np.newaxis]),
    }
    if subject.drift and subject.drift.homeostasis != "none":
        arrays["drive_gain"] = ((*PAIR, "unit"), gain[np.newaxis])
    if context.any():
        arrays["context_weight_autocorrelation"] = (
            (*PAIR, "session_other"),
            weight_autocorrelation(weights[..., context])[np.newaxis],
        )
    if subject.excitability:
        state = excitabilities(
            subject.excitability, subject.circuit.units, subject.elapsed, subject.seed
        )
        arrays["excitability"] = ((*PAIR, "unit"), state[np.newaxis])
    if input_weights:
        arrays["input_weights"] = (
            (*PAIR, "unit", "input"),
            weights[np.newaxis].astype("float32"),
        )
    code = measured_code(rate[np.newaxis], subject.experience)
    labels = _coordinates(subject, residual, elapsed_units, code.sizes)
    if input_weights:
        labels["input"] = np.arange(weights.shape[-1])
    own = {name: labelled(name, dims, values) for name, (dims, values) in arrays.items()}
    return longitudinal_dataset(
        {**{str(name): values for name, values in code.data_vars.items()}, **own},
        {**{str(name): values for name, values in code.coords.items()}, **labels},
        elapsed=subject.elapsed[np.newaxis],
        elapsed_units=elapsed_units,
    )


def weight_autocorrelation(weights: np.ndarray) -> np.ndarray:
    """Return how alike the weights of any two sessions are.

    r = sum_ij v_ij v'_ij / (|v| |v'|), v_ij = w_ij less the mean of w_ij over units i: what all
    units have in common lifts all drives alike and changes no order among them.

    Parameters
    ----------
    weights : numpy.ndarray
        (session, unit, input).

    Returns
    -------
    numpy.ndarray
        (session, session), 1 on the diagonal; NaN for a single unit.
    """
    own = (weights - weights.mean(axis=1, keepdims=True)).reshape(len(weights), -1)
    products = own @ own.T
    length = np.sqrt(products.diagonal())
    scale = np.outer(length, length)
    return np.divide(products, scale, out=np.full(products.shape, np.nan), where=scale > 0)


def measured_code(rate: np.ndarray, experience: xr.Dataset) -> xr.Dataset:
    """Return rate maps of settled circuits and the measures that follow from them, as sessions of a
    network have them.

    Parameters
    ----------
    rate : numpy.ndarray
        (subject, session, sample, unit).
    experience : xarray.Dataset
        See ``circuits.wandering.inputs.drawn``.

    Returns
    -------
    xarray.Dataset
        ``rate``, ``occupancy``, ``recorded``, ``detected_units``, ``active_units``,
        ``fraction_active_units``, ``fraction_active_responses``, ``participation_ratio``,
        ``spatial_information``, ``spatial_information_rate``, ``place_unit`` and ``place_units``,
        with the coordinate ``place`` and, where the experience has one, ``direction``.
    """
    activity = xr.DataArray(rate, dims=(*PAIR, "sample", "unit"))
    edges = place_edges(experience)
    place = metrics.assign_places(experience["position"], edges)
    maps = metrics.rate_maps(activity, place, len(edges) - 1, experience.get("direction"))
    sizes = {dim: activity.sizes[dim] for dim in PAIR}
    maps = maps.assign(
        rate=maps["rate"].astype("float32"), occupancy=maps["occupancy"].expand_dims(sizes)
    )
    recorded = xr.DataArray(
        np.ones((*sizes.values(), activity.sizes["unit"]), dtype="int8"), dims=(*PAIR, "unit")
    )
    occupancy = maps["occupancy"].assign_attrs(units="sample")
    measures = {
        **activity_code(activity),
        **place_code(maps["rate"], occupancy, recorded),
        "occupancy": occupancy,
    }
    measures["active_units"] = measures["active_units"].astype(float)
    return maps.assign(measures).assign_coords(_places(experience, edges))


def _places(experience: xr.Dataset, edges: np.ndarray) -> dict[str, xr.DataArray]:
    return {
        dim: place_coordinate(experience["position"].attrs, edges, dim)
        for dim in ("place", "place_other")
    }


def _coordinates(
    one: _Subject, residual: np.ndarray, elapsed_units: str, sizes: Any
) -> dict[str, Any]:
    sessions = np.arange(len(one.elapsed))
    status = "complete" if (residual <= RESTING).all() else "unsettled"
    return {
        "subject": xr.DataArray(np.array([one.label], dtype=object), dims="subject"),
        "session": sessions,
        "session_other": sessions,
        "unit": np.arange(sizes["unit"]),
        "seed": xr.DataArray([one.seed], dims="subject"),
        "status": xr.DataArray(np.array([status], dtype=object), dims="subject"),
        "weight_lifetime": xr.DataArray(
            [one.drift.weight_lifetime if one.drift else np.inf],
            dims="subject",
            attrs={"units": elapsed_units},
        ),
        "experiment": xr.DataArray(np.array([_recipe(one)], dtype=object), dims="subject"),
    }


def _recipe(subject: _Subject) -> str:
    """Return all that a subject is made of as JSON text; an experience that was given as numbers by
    its checksum."""
    digest = hashlib.sha256(np.ascontiguousarray(subject.patterns).tobytes()).hexdigest()
    fields = {
        "circuit": json.loads(subject.circuit.to_json()),
        "inputs": json.loads(subject.inputs.to_json())
        if hasattr(subject.inputs, "to_json")
        else {"kind": "experience", "sha256": digest},
        "drift": json.loads(subject.drift.to_json()) if subject.drift else None,
        "elapsed": subject.elapsed.tolist(),
        "seed": int(subject.seed),
    }
    if subject.excitability:
        fields["excitability"] = json.loads(subject.excitability.to_json())
    return json.dumps(fields)


def _with_parameters(
    datasets: Sequence[xr.Dataset], circuits: Sequence[Circuit]
) -> list[xr.Dataset]:
    """Return the Datasets with the parameters of all circuits as coordinates, NaN where a circuit
    has none of the name."""
    numbers = [dict(circuit.equation_parameters()) for circuit in circuits]
    names = sorted({name for own in numbers for name in own})
    return [
        dataset.assign_coords({name: ("subject", [own.get(name, np.nan)]) for name in names})
        for dataset, own in zip(datasets, numbers, strict=True)
    ]
